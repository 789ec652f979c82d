"""The forms of messages and of reminders to come over HTTP."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from slotkeeper.appointments.messages import ENTITY
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit
from slotkeeper.doors.ids import known_id
from slotkeeper.doors.message_disclosure import shown_addresses, shown_message
from slotkeeper.doors.message_words import REASONS, reason_in_words
from slotkeeper.outbox.kinds import CUSTOMER, INVITED, ChannelName, Kind, State, user_id_of
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.reading import Narrowing
from slotkeeper.people.callers import Caller
from slotkeeper.reminders.preview import Upcoming


class MessageKind(StrEnum):
    """The occasion of a message."""

    BOOKED = "booked"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    RESCHEDULED = "rescheduled"
    CANCELED = "canceled"
    REMINDER_24H = "reminder_24h"
    REMINDER_2H = "reminder_2h"
    REMINDER = "reminder"
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


class Recipient(StrEnum):
    """To whom a message goes."""

    CUSTOMER = "customer"
    MEMBER = "member"
    INVITED = "invited"


_RECIPIENTS = {CUSTOMER: Recipient.CUSTOMER, INVITED: Recipient.INVITED}


class MessageOut(msgspec.Struct):
    """A message. `reason` is a stable code where Slotkeeper decided, else a server's words; `detail` is a sentence.

    `address` and a server's words are left out for callers without `contacts.read.details`.
    """

    id: int
    subject_kind: str
    subject_id: int
    appointment_id: int | None
    also_appointment_ids: list[int]
    kind: MessageKind
    channel: ChannelName
    recipient: Recipient
    user_id: int | None
    address: str
    state: State
    reason: str | None
    detail: str | None
    subject_line: str
    message_id: str
    attempts: int
    created_at: str
    next_try_at: str | None
    useful_until: str
    finished_at: str | None


class MessageList(msgspec.Struct):
    """A page of messages, newest first."""

    messages: list[MessageOut]
    next_cursor: str | None


class MessagePath(msgspec.Struct):
    """Which message."""

    message_id: int


class MessageQuery(msgspec.Struct):
    """Which page of the ledger, and what it is narrowed to; `state` may be repeated, `address` is a part of one."""

    state: list[State] = []
    kind: MessageKind | None = None
    channel: ChannelName | None = None
    appointment_id: int | None = None
    address: Annotated[str, Meta(max_length=255)] | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None


class UpcomingQuery(msgspec.Struct):
    """How far ahead."""

    hours: Annotated[int, Meta(ge=1, le=48)] = 48


class ReminderWay(msgspec.Struct):
    """A way by which a reminder goes, and to where."""

    channel: ChannelName
    address: str


class ReminderOut(msgspec.Struct):
    """A reminder to come, or, where `will_be_sent` is false, why it will not."""

    at: str
    appointment_id: int
    start_time: str
    kind: MessageKind
    minutes_before: int
    channels: list[ReminderWay]
    will_be_sent: bool
    reason: str | None
    detail: str | None


class ReminderList(msgspec.Struct):
    """The reminders to come, the next one first, at most 500; and whether anything can leave at all."""

    reminders: list[ReminderOut]
    is_sending_held: bool
    has_mail_server: bool


def narrowing_of(query: MessageQuery) -> Narrowing:
    """Read what the ledger shall be narrowed to."""
    subject = None if query.appointment_id is None else (ENTITY, known_id(query.appointment_id))
    kind = None if query.kind is None else Kind(query.kind)
    return Narrowing(query.state, kind, query.channel, subject, query.address or "")


def write_message(message: Message, caller: Caller) -> dict[str, Any]:
    """Write a message as MessageOut describes it, as far as the caller may know of it."""
    message = shown_message(message, caller)
    recipient, is_waiting = _RECIPIENTS.get(message.recipient, Recipient.MEMBER), message.state == State.WAITING
    return {
        "id": message.pk,
        "subject_kind": message.subject_kind,
        "subject_id": message.subject_id,
        "appointment_id": message.subject_id if message.subject_kind == ENTITY else None,
        "also_appointment_ids": message.companions or [],
        "kind": message.kind,
        "channel": message.channel,
        "recipient": recipient,
        "user_id": user_id_of(message.recipient) if recipient is Recipient.MEMBER else None,
        "address": message.address,
        "state": message.state,
        "reason": message.reason or None,
        "detail": reason_in_words(message) or None,
        "subject_line": message.subject_line,
        "message_id": message.message_id,
        "attempts": message.attempts,
        "created_at": written_moment(message.created_at, caller),
        "next_try_at": written_moment(message.next_try_at, caller) if is_waiting else None,
        "useful_until": written_moment(message.useful_until, caller),
        "finished_at": written_moment(message.finished_at, caller),
    }


def write_reminder(one: Upcoming, caller: Caller) -> dict[str, Any]:
    """Write a reminder to come as ReminderOut describes it."""
    addresses = shown_addresses(one.addresses, caller)
    return {
        "at": written_moment(one.at, caller),
        "appointment_id": one.appointment.pk,
        "start_time": written_moment(one.appointment.start_time, caller),
        "kind": one.kind,
        "minutes_before": one.minutes,
        "channels": [{"channel": channel, "address": address} for channel, address in addresses.items()],
        "will_be_sent": one.reason is None,
        "reason": one.reason,
        "detail": None if one.reason is None else str(REASONS[one.reason]),
    }
