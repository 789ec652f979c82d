"""Django's registration of this folder."""

from django.apps import AppConfig


class OfferingsConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.offerings"
