"""The WSGI application that web workers serve."""

import os

from django.core.wsgi import get_wsgi_application

from slotkeeper.doors.access import require_declared_routes
from slotkeeper.doors.cli.processes import SUPERVISOR, die_with_parent

if SUPERVISOR in os.environ:
    die_with_parent(int(os.environ[SUPERVISOR]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
application = get_wsgi_application()
require_declared_routes()  # deny by default starts here; it also imports every handler before the first request
