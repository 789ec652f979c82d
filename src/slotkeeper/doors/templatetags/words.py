"""Words that stand in the database, as people of the page's language say them."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from slotkeeper.doors.zones import zone_in_words
from slotkeeper.people.role_words import role_in_words
from slotkeeper.rules.appointment_status import Status

register = template.Library()
register.filter(zone_in_words)
register.filter(role_in_words)

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


@register.filter
def status_in_words(status: str) -> str:
    """Say an appointment's or a token's status."""
    return str(STATUSES.get(status, status))
