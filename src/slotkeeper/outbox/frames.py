"""What stands around the words of each kind of mail."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from slotkeeper.outbox.kinds import ABOUT_MONEY, TO_CUSTOMERS, Kind
from slotkeeper.outbox.letters import Frame

_LINKS = ("manage_link", "appointment_link", "quote_link", "invoice_link", "portal_link", "link")
_BUTTONS: dict[Kind, Promise] = {
    Kind.CANCELED: gettext_lazy("See the appointment"),
    Kind.UNASSIGNED: gettext_lazy("Open the calendar"),
    Kind.CALENDAR_ATTENTION: gettext_lazy("Connect it again"),
    Kind.INVITATION: gettext_lazy("See the invitation"),
    Kind.QUOTE: gettext_lazy("See the quote"),
    Kind.INVOICE: gettext_lazy("See and pay the invoice"),
    Kind.CREDIT_NOTE: gettext_lazy("See the credit note"),
    Kind.RECEIPT: gettext_lazy("See the receipt"),
    Kind.PAYMENT_REMINDER: gettext_lazy("See and pay the invoice"),
    Kind.REFUND: gettext_lazy("See the invoice"),
    Kind.PAID_TOO_LATE: gettext_lazy("Choose another time"),
    Kind.PORTAL_LINK: gettext_lazy("See all that is mine"),
}
# A time that is no longer taken would mislead at the top of a mail.
_WITHOUT_HEADLINE = frozenset({Kind.CANCELED, Kind.CUSTOMER_CANCELED, Kind.UNASSIGNED, Kind.PAID_TOO_LATE})


def frame_of(kind: Kind, values: Mapping[str, str], business_name: str, accent_color: str) -> Frame:
    """Frame a kind of mail, in the language that is spoken now: its time, and its link as a button."""
    link = next((values[name] for name in _LINKS if values.get(name)), "")
    return Frame(
        business_name,
        accent_color,
        headline_of(kind, values),
        (_label(kind), link) if link else None,
        _footer(kind, business_name),
    )


def headline_of(kind: Kind, values: Mapping[str, str]) -> str:
    """Say when it is: `Thursday 3 December, 14:00–14:30`, with the zone where it is another than the business's.

    Nothing where a mail is about no time to come.
    """
    if kind in _WITHOUT_HEADLINE or not values.get("day"):
        return ""
    zone = values.get("time_zone")
    return f"{values['day']}, {values['time']}" + (f" ({zone})" if zone else "")


def _label(kind: Kind) -> str:
    if kind in _BUTTONS:
        return str(_BUTTONS[kind])
    return gettext("See, move or cancel it") if kind in TO_CUSTOMERS else gettext("Open the appointment")


def _footer(kind: Kind, business_name: str) -> str:
    if kind is Kind.PORTAL_LINK:
        about = gettext("You are written to because somebody asked for this link on the page of %(business)s.")
    elif kind in ABOUT_MONEY:
        about = gettext("You are written to because you are a customer of %(business)s.")
    elif kind in TO_CUSTOMERS:
        about = gettext("You are written to because of an appointment at %(business)s.")
    elif kind is Kind.INVITATION:
        about = gettext("Your address was entered so that you can work at %(business)s.")
    else:
        about = gettext("You are written to because you work at %(business)s.")
    return about % {"business": business_name}
