"""Django's registration of this folder."""

from importlib import import_module

from django.apps import AppConfig


class DoorsConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.doors"
    label = "doors"

    def ready(self) -> None:
        """Listen to what allauth tells; its models are there only now."""
        import_module("slotkeeper.doors.dashboard.account_trail")
