"""DAViCal as Debian packages it, by PHP's own web server, on a PostgreSQL of its own: no Apache, no systemd.

Debian's /etc/davical/config.php names a database and a user but no host, so the environment says where it is.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from servers.calendar_servers import start, temporary_folder, until_exit
from servers.postgresql import free_port, running_postgresql

_HOME = Path("/usr/share/davical")
_CONFIGURATION = Path("/etc/davical/config.php")
PASSWORD = "secret words"


def missing():
    """Say what is missing to run it; "" if nothing is."""
    commands = [name for name in ("php", "psql", "createdb", "perl") if shutil.which(name) is None]
    if commands or not _HOME.is_dir() or not _CONFIGURATION.is_file():
        return "DAViCal is missing. Install it: apt-get install --no-install-recommends davical php-cli php-pgsql"
    if "user=davical_app" not in _CONFIGURATION.read_text(encoding="utf-8"):
        return f"{_CONFIGURATION} is in use for something else."
    return ""


@cache
def davical():
    """Give DAViCal's URL and its database; the user is admin."""
    database = until_exit.enter_context(running_postgresql())
    port = database.rpartition(":")[2]
    where = {"PGHOST": "127.0.0.1", "PGPORT": port}
    there = {"PATH": os.environ["PATH"], **where}
    command = ["sh", str(_HOME / "dba/create-database.sh"), "davical", PASSWORD]
    options = {"PGUSER": "postgres", "DBAOPTS": f"--dbhost 127.0.0.1 --dbport {port}"}
    made = subprocess.run(command, env=there | options, capture_output=True, text=True, check=False, timeout=60)
    assert "password for the 'admin' user" in made.stdout, made.stdout + made.stderr
    folder, web = temporary_folder("davical"), free_port()
    url = f"http://127.0.0.1:{web}/"
    start(["php", "-S", f"127.0.0.1:{web}", "-t", str(_HOME / "htdocs")], url, folder, env=there)
    return url, f"{database}/davical"
