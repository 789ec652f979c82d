"""Django's registration of this folder."""

from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.calendars"
