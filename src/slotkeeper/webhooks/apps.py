"""Django's registration of this folder."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.webhooks"
