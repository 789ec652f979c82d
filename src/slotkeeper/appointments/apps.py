"""Django's registration of this folder."""

from django.apps import AppConfig


class AppointmentsConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.appointments"
