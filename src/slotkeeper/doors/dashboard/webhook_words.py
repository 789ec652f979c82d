"""How webhooks stand, in words; also what was stored in English when something went wrong."""

import re
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.dashboard.calendar_words import Standing
from slotkeeper.doors.dashboard.calendar_words import in_words as in_words_of_the_client
from slotkeeper.webhooks.events import TEST, EventType
from slotkeeper.webhooks.models import DeliveryState, OffReason, WebhookDelivery, WebhookEndpoint

EVENTS: dict[str, str | Promise] = {
    EventType.APPOINTMENT_CREATED: _("Appointment booked"),
    EventType.APPOINTMENT_UPDATED: _("Appointment changed"),
    EventType.APPOINTMENT_RESCHEDULED: _("Appointment moved"),
    EventType.APPOINTMENT_REASSIGNED: _("Appointment given to somebody else"),
    EventType.APPOINTMENT_CONFIRMED: _("Appointment confirmed"),
    EventType.APPOINTMENT_COMPLETED: _("Appointment completed"),
    EventType.APPOINTMENT_CANCELED: _("Appointment canceled"),
    EventType.APPOINTMENT_NO_SHOW: _("Customer did not come"),
    EventType.CONTACT_CREATED: _("Customer stored"),
    EventType.CONTACT_UPDATED: _("Customer changed"),
    EventType.CONTACT_ERASED: _("Customer erased"),
    EventType.SERVICE_CREATED: _("Service made"),
    EventType.SERVICE_UPDATED: _("Service changed"),
    EventType.SERVICE_DELETED: _("Service deleted"),
    TEST: pgettext_lazy("an event", "Test"),
}
# What the verbs and the sender say, marked for translation here: they know no language.
_SENTENCES = (
    gettext_noop("Nobody says in time where %(host)s is."),
    gettext_noop("The address may not contain a #: what follows it would never be sent."),
    gettext_noop("The address must begin with https://: what is sent holds customers' names."),
    gettext_noop("The answer does not end within %(seconds)s seconds."),
    gettext_noop("The endpoint was switched off before it could be sent."),
    gettext_noop("The receiver answers %(status)s."),
    gettext_noop("The receiver leads elsewhere (%(status)s), and webhooks do not follow."),
    gettext_noop("The receiver says that this address is gone for good (410)."),
    gettext_noop("The secret was sealed with another key. Please make a new secret."),
    gettext_noop("There is no host %(host)s."),
    gettext_noop("This is no address that begins with https://."),
    gettext_noop("Too many names are looked up at once to ask for %(host)s."),
)
# The errors that a page shows as they are.
OFF = gettext_noop("The webhook endpoint is switched off. Switch it on first.")
FULL = gettext_noop("A business can have 20 webhook endpoints. Delete one that is not needed any more.")
_PLACE = re.compile(r"%\\\((\w+)\\\)s")

_ON = Standing("active", pgettext_lazy("state of a webhook endpoint", "Switched on"))
_FAILING = Standing("expired", pgettext_lazy("state of a webhook endpoint", "Takes nothing, tried again"))
_OFF = Standing("canceled", pgettext_lazy("state of a webhook endpoint", "Switched off"))
_DELIVERIES = {
    DeliveryState.WAITING: Standing("scheduled", pgettext_lazy("state of a webhook", "Waits to be sent")),
    DeliveryState.SENDING: Standing("scheduled", pgettext_lazy("state of a webhook", "On its way")),
    DeliveryState.DELIVERED: Standing("active", pgettext_lazy("state of a webhook", "Delivered")),
    DeliveryState.FAILED: Standing("expired", pgettext_lazy("state of a webhook", "Failed")),
}
_TRIED_AGAIN = Standing("scheduled", pgettext_lazy("state of a webhook", "Failed so far, tried again"))
_REASONS: dict[str, str | Promise] = {
    OffReason.GONE: _("It was switched off because its program answered that this address is gone for good (410)."),
    OffReason.FAILING: _("It was switched off because it took nothing for three days."),
}


def endpoint_in_words(endpoint: WebhookEndpoint) -> Standing:
    """Say how an endpoint is doing."""
    if not endpoint.is_active:
        return _OFF
    return _FAILING if endpoint.failures else _ON


def delivery_in_words(delivery: WebhookDelivery) -> Standing:
    """Say how a delivery stands."""
    if delivery.state == DeliveryState.WAITING and delivery.attempts:
        return _TRIED_AGAIN
    return _DELIVERIES[DeliveryState(delivery.state)]


def off_reason(endpoint: WebhookEndpoint) -> str:
    """Say why an endpoint was switched off, where nobody did it by hand."""
    return str(_REASONS.get(endpoint.off_reason, ""))


def in_words(message: str) -> str:
    """Say in the page's language what went wrong; what nobody has translated stays as it is."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found:
            return gettext(sentence) % found.groupdict()
    return in_words_of_the_client(message)


def known_sentence(message: str) -> bool:
    """Say whether a message is one of ours that can be said in other languages."""
    return any(pattern.fullmatch(message) for _sentence, pattern in _patterns())


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(sentence)))) for sentence in _SENTENCES]
