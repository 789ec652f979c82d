"""The WSGI application that web workers serve."""

import gc
import os

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries

from slotkeeper.doors.access import require_declared_routes
from slotkeeper.doors.cli.processes import die_with_supervisor
from slotkeeper.doors.loopback import Request
from slotkeeper.doors.uploads import refusing_stalled_uploads

_UPLOAD_PATIENCE_SECONDS = 5

die_with_supervisor()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
django_application = get_wsgi_application()
django_application.request_class = Request
require_declared_routes()  # deny by default starts here; it also imports every handler before the first request
application = refusing_stalled_uploads(
    django_application, settings.DATA_UPLOAD_MAX_MEMORY_SIZE, _UPLOAD_PATIENCE_SECONDS
)
# What Django does around every request in vain: forgets the statements of DEBUG, closes caches, none of which holds a
# connection, and a second time looks for connections to close, as the next request's start does.
request_started.disconnect(reset_queries)
request_finished.disconnect(close_caches)
request_finished.disconnect(close_old_connections)
gc.freeze()  # what was loaded stays: the garbage collector need not walk it again and again
