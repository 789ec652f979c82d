"""Django's registration of this folder."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.changes"
