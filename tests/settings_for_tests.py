"""The product's settings in a folder of their own, with every API answer checked against its description.

`TEST_ENGINE=sqlite` (the default) or `TEST_ENGINE=postgresql` chooses the database; `make test` runs
both. A PostgreSQL server is started for the run, unless TEST_POSTGRESQL_URL names one.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack

from servers.postgresql import running_postgresql

_until_exit = ExitStack()
atexit.register(_until_exit.close)

for _name in [name for name in os.environ if name.startswith("SLOTKEEPER_") or name == "DATABASE_URL"]:
    del os.environ[_name]
os.environ["SLOTKEEPER_DATA_DIR"] = tempfile.mkdtemp(prefix="slotkeeper-tests-")
_until_exit.callback(shutil.rmtree, os.environ["SLOTKEEPER_DATA_DIR"], ignore_errors=True)
# The parallel workers inherit both variables, and with them one folder of templates and one server.
if "TEST_TEMPLATES" not in os.environ:
    os.environ["TEST_TEMPLATES"] = tempfile.mkdtemp(prefix="slotkeeper-templates-")
    _until_exit.callback(shutil.rmtree, os.environ["TEST_TEMPLATES"], ignore_errors=True)
if os.environ.get("TEST_ENGINE") == "postgresql":
    if "TEST_POSTGRESQL_URL" not in os.environ:
        os.environ["TEST_POSTGRESQL_URL"] = _until_exit.enter_context(running_postgresql())
    os.environ["DATABASE_URL"] = os.environ["TEST_POSTGRESQL_URL"] + "/postgres"

from slotkeeper.settings import *  # noqa: E402, F403
from slotkeeper.settings import CONFIGURATION, DATABASES  # noqa: E402

DMR_SETTINGS = {"validate_responses": True}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nothing here is secret
if CONFIGURATION.database.is_sqlite:
    # A file, not memory: the gate and several connections are part of what is tested.
    DATABASES["default"]["TEST"] = {"NAME": str(CONFIGURATION.data_dir / "test.sqlite3")}
# A test's client builds its middleware anew; to look up every static file each time would cost half of a request.
WHITENOISE_AUTOREFRESH = True
