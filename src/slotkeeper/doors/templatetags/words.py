"""Words that stand in the database, as people of the page's language say them."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from slotkeeper.doors.zones import zone_in_words
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.permissions import Role

register = template.Library()
register.filter(zone_in_words)

STATUSES: dict[str, Promise] = {
    Status.SCHEDULED: pgettext_lazy("status", "Scheduled"),
    Status.CONFIRMED: pgettext_lazy("status", "Confirmed"),
    Status.COMPLETED: pgettext_lazy("status", "Completed"),
    Status.CANCELED: pgettext_lazy("status", "Canceled"),
    Status.NO_SHOW: pgettext_lazy("status", "No-show"),
    "active": pgettext_lazy("status of a token", "Active"),
    "expired": pgettext_lazy("status of a token", "Expired"),
    "revoked": pgettext_lazy("status of a token", "Revoked"),
}
ROLES: dict[str, Promise] = {
    Role.OWNER: pgettext_lazy("role", "owner"),
    Role.ADMIN: pgettext_lazy("role", "admin"),
    Role.SCHEDULER: pgettext_lazy("role", "scheduler"),
    Role.PROVIDER: pgettext_lazy("role", "provider"),
    Role.BOOKKEEPER: pgettext_lazy("role", "bookkeeper"),
    Role.VIEWER: pgettext_lazy("role", "viewer"),
}


@register.filter
def status_in_words(status: str) -> str:
    """Say an appointment's or a token's status."""
    return str(STATUSES.get(status, status))


@register.filter
def role_in_words(role: str) -> str:
    """Say what somebody is in a business."""
    return str(ROLES.get(role, role))
