"""Django's registration of this folder."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.billing"
