"""The facts that a wording may name: a fixed list for each kind of message, what each means, and examples."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.amounts import amount_in_words
from slotkeeper.moments import zone_in_words
from slotkeeper.outbox.kinds import ABOUT_MONEY, BY_SMS, Kind
from slotkeeper.outbox.moments import when_in_words
from slotkeeper.outbox.words import kind_in_words
from slotkeeper.rules.intervals import Interval

_APPOINTMENT = ("business_name", "service_name", "provider_name", "day", "time", "time_zone", "location")
_CUSTOMERS = ("customer_name", *_APPOINTMENT, "manage_link")
_MEMBERS = ("customer_name", "customer_email", "customer_phone", *_APPOINTMENT, "notes", "appointment_link")
_BEFORE = ("old_day", "old_time")
_MONEY = ("customer_name", "business_name", "number", "amount")

PLACEHOLDERS: dict[Kind, tuple[str, ...]] = {
    **dict.fromkeys(BY_SMS, _CUSTOMERS),
    **dict.fromkeys(ABOUT_MONEY, (*_MONEY, "invoice_link")),
    Kind.RESCHEDULED: (*_CUSTOMERS, *_BEFORE),
    Kind.CANCELED: (*_CUSTOMERS, "reason"),
    Kind.NEW_BOOKING: _MEMBERS,
    Kind.CUSTOMER_RESCHEDULED: (*_MEMBERS, *_BEFORE),
    Kind.CUSTOMER_CANCELED: (*_MEMBERS, "reason"),
    Kind.ASSIGNED: _MEMBERS,
    Kind.UNASSIGNED: ("customer_name", *_APPOINTMENT, "link"),  # whoever had it may see no more of it now
    Kind.CALENDAR_ATTENTION: ("calendar_name", "link"),
    Kind.UNDELIVERABLE: ("address", "message_name", "problem", "link"),
    Kind.INVITATION: ("business_name", "inviter_name", "role_name", "expires_on", "link"),
    Kind.QUOTE: (*_MONEY, "valid_until", "quote_link"),
    Kind.INVOICE: (*_MONEY, "due_day", "invoice_link"),
    Kind.CREDIT_NOTE: (*_MONEY, "corrected_number", "invoice_link"),
    Kind.PAYMENT_REMINDER: (*_MONEY, "due_day", "invoice_link"),
    Kind.PAID_TOO_LATE: ("customer_name", "business_name", "service_name", "day", "time", "amount", "link"),
    Kind.PORTAL_LINK: ("customer_name", "business_name", "portal_link"),
}
MEANINGS: dict[str, Promise] = {
    "customer_name": _("The customer’s name"),
    "customer_email": _("The customer’s email address"),
    "customer_phone": _("The customer’s phone number"),
    "business_name": _("The name of your business"),
    "service_name": _("The service, or else the appointment’s title"),
    "provider_name": _("Who gives it"),
    "day": _("The day, such as “Thursday 3 December”"),
    "time": _("From when to when, such as “14:00–14:30”"),
    "time_zone": _("In which time zone; empty where it is the business’s own"),
    "location": _("The place"),
    "notes": _("The notes"),
    "old_day": _("The day on which it was before"),
    "old_time": _("The time at which it was before"),
    "reason": _("Why it was canceled"),
    "manage_link": _("The customer’s own link to see, move and cancel it"),
    "appointment_link": _("The link to the appointment in the dashboard"),
    "calendar_name": _("The name of the calendar"),
    "message_name": _("Which message it was"),
    "address": _("Where it was to go"),
    "problem": _("What went wrong"),
    "inviter_name": _("Who invites"),
    "role_name": _("The role that is offered"),
    "expires_on": _("Until when the invitation is valid"),
    "link": _("The link to the page where you can do something about it"),
    "number": _("The number of the quote, invoice or credit note"),
    "amount": _("The amount that it is about, with its currency"),
    "due_day": _("Until when it is to be paid"),
    "valid_until": _("Until when the quote is valid"),
    "corrected_number": _("The number of the invoice that is corrected"),
    "quote_link": _("The customer’s own link to see, accept or decline the quote"),
    "invoice_link": _("The customer’s own link to see and pay the invoice"),
    "portal_link": _("The customer’s own link to all their appointments and invoices"),
}
# The others may be empty: a line with nothing else in it is then left out.
NEVER_EMPTY = frozenset(
    {
        "business_name",
        "service_name",
        "day",
        "time",
        "appointment_link",
        "calendar_name",
        "message_name",
        "address",
        "problem",
        "inviter_name",
        "role_name",
        "expires_on",
        "link",
        "number",
        "amount",
        "corrected_number",
        "quote_link",
        "invoice_link",
        "portal_link",
    }
)
_HALF_HOUR, _A_DAY_LATER = 30 * 60, 24 * 60 * 60


def samples(kind: Kind, business_name: str, zone: str, now: int) -> dict[str, str]:
    """Give an example of each fact of a kind, in the language that is spoken now, for previews."""
    tomorrow = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)) + timedelta(days=1)
    start = int(tomorrow.replace(hour=14, minute=0, second=0).timestamp())
    when, before = (
        when_in_words(Interval(one, one + _HALF_HOUR), zone, zone, now) for one in (start, start + _A_DAY_LATER)
    )
    examples = {
        "customer_name": pgettext("an example in a preview", "Maria Summer"),
        "customer_email": "maria@example.com",
        "customer_phone": "+49 30 1234567",
        "business_name": business_name,
        "service_name": pgettext("an example in a preview", "First conversation"),
        "provider_name": pgettext("an example in a preview", "Alex Winter"),
        "day": when.day,
        "time": when.time,
        "time_zone": zone_in_words("Europe/Lisbon"),
        "location": pgettext("an example in a preview", "12 Mill Lane, second floor"),
        "notes": pgettext("an example in a preview", "Is coming for the first time."),
        "old_day": before.day,
        "old_time": before.time,
        "reason": pgettext("an example in a preview", "We are ill."),
        "manage_link": "https://example.com/booking/AbCdEf",
        "appointment_link": "https://example.com/appointments/1",
        "calendar_name": pgettext("an example in a preview", "Private"),
        "message_name": kind_in_words(Kind.BOOKED),
        "address": "maria@example.com",
        "problem": gettext("This address does not exist."),
        "inviter_name": pgettext("an example in a preview", "Alex Winter"),
        "role_name": pgettext("role", "scheduler"),
        "expires_on": when.day,
        "link": "https://example.com/calendars",
        "number": "2027-0042",
        "amount": amount_in_words(9_520, "EUR"),
        "due_day": when.day,
        "valid_until": when.day,
        "corrected_number": "2027-0041",
        "quote_link": "https://example.com/portal/quote/AbCdEf",
        "invoice_link": "https://example.com/portal/invoice/AbCdEf",
        "portal_link": "https://example.com/portal/home/AbCdEf",
    }
    return {name: examples[name] for name in PLACEHOLDERS[kind]}
