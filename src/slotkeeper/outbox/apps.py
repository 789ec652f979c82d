"""Django's registration of this folder."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.outbox"
