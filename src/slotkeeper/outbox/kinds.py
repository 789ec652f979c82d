"""The words of the outbox: what a message is about, how it travels and how it stands."""

from enum import StrEnum


class Kind(StrEnum):
    """The occasion of a message."""

    BOOKED = "booked"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    RESCHEDULED = "rescheduled"
    CANCELED = "canceled"
    REMINDER_24H = "reminder_24h"
    REMINDER_2H = "reminder_2h"
    REMINDER = "reminder"  # at any other time that a service asks for
    NEW_BOOKING = "new_booking"
    CUSTOMER_RESCHEDULED = "customer_rescheduled"
    CUSTOMER_CANCELED = "customer_canceled"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    CALENDAR_ATTENTION = "calendar_attention"
    UNDELIVERABLE = "undeliverable"
    INVITATION = "invitation"
    QUOTE = "quote"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    RECEIPT = "receipt"
    PAYMENT_REMINDER = "payment_reminder"
    REFUND = "refund"
    PAID_TOO_LATE = "paid_too_late"
    PORTAL_LINK = "portal_link"


REMINDERS = frozenset({Kind.REMINDER_24H, Kind.REMINDER_2H, Kind.REMINDER})
NEWS = frozenset({Kind.BOOKED, Kind.AWAITING_CONFIRMATION, Kind.CONFIRMED, Kind.RESCHEDULED, Kind.CANCELED})
HANDOVERS = frozenset({Kind.ASSIGNED, Kind.UNASSIGNED})
ABOUT_MONEY = frozenset(
    {
        Kind.QUOTE, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.RECEIPT, Kind.PAYMENT_REMINDER, Kind.REFUND,
        Kind.PAID_TOO_LATE,
    }
)  # fmt: skip
BY_SMS = NEWS | REMINDERS  # too
TO_CUSTOMERS = BY_SMS | ABOUT_MONEY | {Kind.PORTAL_LINK}


class ChannelName(StrEnum):
    """A way that messages travel."""

    EMAIL = "email"
    SMS = "sms"


class State(StrEnum):
    """How a message stands. Only `waiting` and `sending` are not final."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNDELIVERABLE = "undeliverable"  # refused for good
    SKIPPED = "skipped"  # not to be sent, for a reason that was known at once
    SUPERSEDED = "superseded"  # a newer one says more
    EXPIRED = "expired"  # it could not leave while it still helped


class Reason(StrEnum):
    """Why a message was not sent, where it was we who decided; a server's own words stand in for one elsewhere."""

    NO_ADDRESS = "no_address"
    SWITCHED_OFF = "switched_off"
    MADE_LATE = "made_late"
    MISSED = "missed"
    TOLD_WITH_ANOTHER = "told_with_another"
    NO_LONGER_TRUE = "no_longer_true"
    OVER = "over"
    ERASED = "erased"
    LEFT = "left"  # its reader, who is a member no more or may not act
    PAPER_IS_WRITTEN = "paper_is_written"  # while it waits: what is to be attached


OPEN = frozenset({State.WAITING, State.SENDING})
CUSTOMER = "customer"  # as the recipient of a message
INVITED = "invited"  # likewise: somebody who belongs to the business only once they accept


def member(user_id: int) -> str:
    """Name a person of the business as the recipient of a message."""
    return f"user {user_id}"


def user_id_of(recipient: str) -> int:
    """Read whom `member` named."""
    return int(recipient.removeprefix("user "))
