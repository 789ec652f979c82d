"""The WSGI application that web workers serve."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
application = get_wsgi_application()
