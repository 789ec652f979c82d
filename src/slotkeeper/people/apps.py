"""Django's registration of this folder."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """See the package's docstring."""

    name = "slotkeeper.people"
