"""What the roles are called on pages and in messages."""

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from slotkeeper.rules.permissions import Role

ROLES: dict[str, Promise] = {
    Role.OWNER: pgettext_lazy("role", "owner"),
    Role.ADMIN: pgettext_lazy("role", "admin"),
    Role.SCHEDULER: pgettext_lazy("role", "scheduler"),
    Role.PROVIDER: pgettext_lazy("role", "provider"),
    Role.BOOKKEEPER: pgettext_lazy("role", "bookkeeper"),
    Role.VIEWER: pgettext_lazy("role", "viewer"),
}


def role_in_words(role: str) -> str:
    """Say what somebody is in a business, in the language that is spoken now."""
    return str(ROLES.get(role, role))
