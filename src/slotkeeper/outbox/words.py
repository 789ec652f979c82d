"""What the kinds of messages and the ways they travel are called on pages and in messages."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from slotkeeper.outbox.kinds import ChannelName, Kind

_NAMES: dict[Kind, Promise] = {
    Kind.BOOKED: pgettext_lazy("a message", "Booked"),
    Kind.AWAITING_CONFIRMATION: pgettext_lazy("a message", "Awaiting confirmation"),
    Kind.CONFIRMED: pgettext_lazy("a message", "Confirmed"),
    Kind.RESCHEDULED: pgettext_lazy("a message", "Moved"),
    Kind.CANCELED: pgettext_lazy("a message", "Canceled"),
    Kind.REMINDER_24H: pgettext_lazy("a message", "Reminder, a day before"),
    Kind.REMINDER_2H: pgettext_lazy("a message", "Reminder, two hours before"),
    Kind.REMINDER: pgettext_lazy("a message", "Reminder at another time"),
    Kind.NEW_BOOKING: pgettext_lazy("a message", "New booking"),
    Kind.CUSTOMER_RESCHEDULED: pgettext_lazy("a message", "Moved by the customer"),
    Kind.CUSTOMER_CANCELED: pgettext_lazy("a message", "Canceled by the customer"),
    Kind.ASSIGNED: pgettext_lazy("a message", "Given to you"),
    Kind.UNASSIGNED: pgettext_lazy("a message", "Given to somebody else"),
    Kind.CALENDAR_ATTENTION: pgettext_lazy("a message", "A calendar needs attention"),
    Kind.UNDELIVERABLE: pgettext_lazy("a message", "A message could not be delivered"),
    Kind.INVITATION: pgettext_lazy("a message", "Invitation"),
    Kind.QUOTE: pgettext_lazy("a message", "Quote"),
    Kind.INVOICE: pgettext_lazy("a message", "Invoice"),
    Kind.CREDIT_NOTE: pgettext_lazy("a message", "Credit note"),
    Kind.RECEIPT: pgettext_lazy("a message", "Receipt"),
    Kind.PAYMENT_REMINDER: pgettext_lazy("a message", "Payment reminder"),
    Kind.REFUND: pgettext_lazy("a message", "Refund"),
    Kind.PAID_TOO_LATE: pgettext_lazy("a message", "Paid too late"),
    Kind.PORTAL_LINK: pgettext_lazy("a message", "Link to all that is theirs"),
}
_OCCASIONS: dict[Kind, Promise] = {
    Kind.BOOKED: _("When an appointment is booked."),
    Kind.AWAITING_CONFIRMATION: _("When a customer asks for a time that you still have to confirm."),
    Kind.CONFIRMED: _("When you confirm it."),
    Kind.RESCHEDULED: _("When it is moved."),
    Kind.CANCELED: _("When it is canceled."),
    Kind.REMINDER_24H: _("24 hours before it begins."),
    Kind.REMINDER_2H: _("Two hours before it begins."),
    Kind.REMINDER: _("When a service asks for a reminder at another time."),
    Kind.NEW_BOOKING: _("To whose time it is, when a customer books."),
    Kind.CUSTOMER_RESCHEDULED: _("To whose time it is, when a customer moves it."),
    Kind.CUSTOMER_CANCELED: _("To whose time it is, when a customer cancels it."),
    Kind.ASSIGNED: _("To whoever is given an appointment, when somebody else does so."),
    Kind.UNASSIGNED: _("To whoever had it, when somebody else gives an appointment away."),
    Kind.CALENDAR_ATTENTION: _("To whose calendar it is, when it has to be connected again."),
    Kind.UNDELIVERABLE: _("To the owner, when a message to a customer cannot be delivered."),
    Kind.INVITATION: _("To somebody who is invited to the team."),
    Kind.QUOTE: _("When you send a quote."),
    Kind.INVOICE: _("When you issue an invoice."),
    Kind.CREDIT_NOTE: _("When you issue a credit note."),
    Kind.RECEIPT: _("When an invoice is paid."),
    Kind.PAYMENT_REMINDER: _("7 and 21 days after an invoice was due, until it is paid."),
    Kind.REFUND: _("When money goes back."),
    Kind.PAID_TOO_LATE: _("When a time that is paid in advance was gone before the payment came."),
    Kind.PORTAL_LINK: _("When a customer asks for a link to their appointments and invoices."),
}
_CHANNELS: dict[ChannelName, Promise] = {
    ChannelName.EMAIL: pgettext_lazy("a way messages travel", "Email"),
    ChannelName.SMS: pgettext_lazy("a way messages travel", "SMS"),
}


def kind_in_words(kind: Kind) -> str:
    """Name a kind of message in the language that is spoken now."""
    return str(_NAMES[kind])


def occasion_in_words(kind: Kind) -> str:
    """Say when messages of a kind are sent."""
    return str(_OCCASIONS[kind])


def channel_in_words(channel: ChannelName) -> str:
    """Name a way messages travel."""
    return str(_CHANNELS[channel])
