"""Messages and reminders as the pages show them: about what, to whom, how they stand and why."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy

from slotkeeper.appointments.messages import ENTITY, still_holds_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.doors.dashboard.appointment_list import narrowed as appointments_seen
from slotkeeper.doors.dashboard.asking import people_of
from slotkeeper.doors.dashboard.calendar_words import Standing
from slotkeeper.doors.message_disclosure import shown_addresses, shown_message
from slotkeeper.doors.message_words import REASONS, reason_in_words
from slotkeeper.doors.templatetags.moments import notice
from slotkeeper.outbox.kinds import CUSTOMER, INVITED, NEWS, REMINDERS, ChannelName, Kind, Reason, State, user_id_of
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.reading import Narrowing, narrowed, written_to_customer
from slotkeeper.outbox.words import channel_in_words, kind_in_words
from slotkeeper.people.callers import Caller
from slotkeeper.reminders.preview import Upcoming, upcoming_of
from slotkeeper.rules.permissions import Permission

MOST_OF_APPOINTMENT, MOST_OF_CUSTOMER = 50, 10
STATES: dict[State, Standing] = {
    State.WAITING: Standing("scheduled", pgettext_lazy("state of a message", "Waits")),
    State.SENDING: Standing("scheduled", pgettext_lazy("state of a message", "Is being sent")),
    State.SENT: Standing("active", pgettext_lazy("state of a message", "Sent")),
    State.UNDELIVERABLE: Standing("expired", pgettext_lazy("state of a message", "Undeliverable")),
    State.SKIPPED: Standing("canceled", pgettext_lazy("state of a message", "Not sent")),
    State.SUPERSEDED: Standing("canceled", pgettext_lazy("state of a message", "Replaced by a newer one")),
    State.EXPIRED: Standing("expired", pgettext_lazy("state of a message", "Too late")),
}
_WILL_BE_SENT = Standing("scheduled", pgettext_lazy("state of a message", "Will be sent"))
_WILL_NOT_BE_SENT = Standing("canceled", pgettext_lazy("state of a message", "Will not be sent"))
# Nothing would come of it: there is nobody to tell, or nothing.
_POINTLESS = frozenset({Reason.ERASED, Reason.NO_LONGER_TRUE, Reason.OVER, Reason.TOLD_WITH_ANOTHER})


class Line(NamedTuple):
    """One message in a list; `again` is what its button says, "" where it has none."""

    message: Message
    kind: str
    recipient: str
    channel: str
    standing: Standing
    reason: str
    at: datetime
    next_try_at: datetime | None
    appointment: Appointment | None
    again: str


class ComingLine(NamedTuple):
    """One reminder to come."""

    upcoming: Upcoming
    kind: str
    addresses: str
    standing: Standing
    reason: str | Promise


def lines_of(messages: Sequence[Message], caller: Caller) -> list[Line]:
    """Prepare messages of the business for a list, as far as the caller may know of them."""
    ids = {one.subject_id for one in messages if one.subject_kind == ENTITY}
    appointments = Appointment.objects.in_business(caller.business_id).in_bulk(ids)
    people = people_of(caller.business_id) if any(one.recipient != CUSTOMER for one in messages) else {}
    may_write = caller.may(Permission.MESSAGES_WRITE)
    lines = []
    for one in (shown_message(message, caller) for message in messages):
        appointment = appointments.get(one.subject_id) if one.subject_kind == ENTITY else None
        lines.append(
            Line(
                message=one,
                kind=_kind_in_words(one),
                recipient=_recipient(one, appointment, people),
                channel=channel_in_words(ChannelName(one.channel)),
                standing=STATES[State(one.state)],
                reason=reason_in_words(one),
                at=one.finished_at or one.created_at,
                next_try_at=one.next_try_at if _is_put_off(one) else None,
                appointment=appointment,
                again=_again(one, appointment) if may_write else "",
            )
        )
    return lines


def coming_lines(reminders: Iterable[Upcoming], caller: Caller) -> list[ComingLine]:
    """Prepare reminders to come for a list."""
    return [
        ComingLine(
            one,
            _reminder_in_words(one.kind, one.minutes),
            ", ".join(filter(None, shown_addresses(one.addresses, caller).values())),
            _WILL_BE_SENT if one.reason is None else _WILL_NOT_BE_SENT,
            "" if one.reason is None else REASONS[one.reason],
        )
        for one in reminders
    ]


def of_appointment(row: AppointmentRow, caller: Caller) -> dict[str, list[Line] | list[ComingLine]]:
    """Say for an appointment's page what was written about it, the newest first, and what is still to come."""
    if not caller.may(Permission.CONTACTS_READ_DETAILS):
        return {}
    found = narrowed(caller.business_id, Narrowing(subject=(ENTITY, row.id)))
    appointment = Appointment.objects.select_related("service", "business").get(pk=row.id)
    return {
        "messages": lines_of(list(found[:MOST_OF_APPOINTMENT]), caller),
        "upcoming": coming_lines(upcoming_of(appointment, datetime.now(UTC)), caller),
    }


def of_customer(contact_id: int, caller: Caller) -> list[Line]:
    """List the latest messages to a customer, about the appointments that the caller sees."""
    if not caller.may(Permission.CONTACTS_READ_DETAILS):
        return []
    theirs = appointments_seen(caller, {}).filter(contact_id=contact_id).order_by()
    found = written_to_customer(caller.business_id, ENTITY, theirs.values("pk"))
    return lines_of(list(found[:MOST_OF_CUSTOMER]), caller)


def _kind_in_words(message: Message) -> str:
    minutes = message.occasion.partition("-")[2]  # of a reminder at a time of the service's own
    if message.kind == Kind.REMINDER and minutes.isdigit():
        return _reminder_in_words(Kind.REMINDER, int(minutes))
    return kind_in_words(Kind(message.kind))


def _reminder_in_words(kind: Kind, minutes: int) -> str:
    if kind != Kind.REMINDER:
        return kind_in_words(kind)
    return gettext("Reminder, %(length)s before") % {"length": notice(minutes)}


def _recipient(message: Message, appointment: Appointment | None, people: dict[int, str]) -> str:
    if message.recipient == INVITED:
        return gettext("Somebody who is invited")
    if message.recipient != CUSTOMER:
        return people.get(user_id_of(message.recipient), gettext("Somebody who has left"))
    return (appointment.contact_name if appointment else None) or gettext("Customer")


def _is_put_off(message: Message) -> bool:
    return message.state == State.WAITING and message.next_try_at > datetime.now(UTC)


def _again(message: Message, appointment: Appointment | None) -> str:
    """Say what the button that sends it is called; "" where nothing would come of it."""
    if message.state == State.SENDING or message.reason in _POINTLESS:
        return ""
    if message.kind in NEWS and (appointment is None or not still_holds_of(message, appointment)):
        return ""
    if message.kind in REMINDERS and (appointment is None or appointment.start_time <= datetime.now(UTC)):
        return ""
    return gettext("Try now") if message.state == State.WAITING else gettext("Send again")
