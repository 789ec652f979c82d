"""Django's registration of this folder."""

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.contacts"
