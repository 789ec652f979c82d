"""Django's registration of this folder."""

from django.apps import AppConfig


class DoorsConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.doors"
    label = "doors"
