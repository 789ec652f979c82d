"""The messages about appointments: what is true when they leave, and what follows when they have left or cannot."""

from dataclasses import replace
from datetime import UTC, datetime

from slotkeeper.appointments.letters import handed_over, to_customer, to_member
from slotkeeper.appointments.messages import (
    ENTITY,
    NEWS_HELP_FOR,
    is_still_owed,
    lock_appointments,
    pass_on,
    plan_news_of,
    still_holds_of,
)
from slotkeeper.appointments.models import Appointment
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.kinds import (
    CUSTOMER,
    HANDOVERS,
    NEWS,
    REMINDERS,
    ChannelName,
    Kind,
    Reason,
    State,
    member,
    user_id_of,
)
from slotkeeper.outbox.ledger import Draft, enter
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.sending import NotToBeSent, Written
from slotkeeper.people.reading import readers_of
from slotkeeper.rules.appointment_status import TERMINAL, Status

FLAGS = {Kind.REMINDER_24H: "reminder_24h_sent", Kind.REMINDER_2H: "reminder_2h_sent"}


class AppointmentCorrespondent:
    """Writes what is owed about appointments, to their customers and to the people whose time they take."""

    def write(self, message: Message, now: datetime) -> Written:
        """Write a message with what is true now. Raises NotToBeSent."""
        found = Appointment.objects.filter(pk=message.subject_id, business_id=message.business_id)
        appointment = found.select_related("business", "user", "service", "contact").first()
        if appointment is None:
            raise NotToBeSent(State.SKIPPED, Reason.ERASED)
        if message.kind in REMINDERS:
            _require_ahead(message, appointment, now)
        elif message.kind in NEWS and not _may_be_told(message, appointment):
            raise NotToBeSent(State.SUPERSEDED, Reason.NO_LONGER_TRUE)
        elif message.kind in HANDOVERS and not message.resends:
            appointment = next(handed_over(message, now), None)
            if appointment is None:
                raise NotToBeSent(State.SUPERSEDED, Reason.NO_LONGER_TRUE)
        write = to_customer if message.recipient == CUSTOMER else to_member
        return write(message, appointment, int(now.timestamp()))

    def lock(self, message: Message) -> None:
        """Lock the appointment: what happens to it meanwhile is planned before, or after."""
        lock_appointments([message.subject_id])

    def settled(self, message: Message, now: datetime) -> None:
        """Set an appointment's flags, tell its person of what cannot be delivered, and ask what is owed next."""
        if message.state == State.SENT and message.kind in FLAGS and message.channel == ChannelName.EMAIL:
            reminded = Appointment.objects.filter(pk=message.subject_id, start_time=_start_of(message))
            reminded.update(**{FLAGS[Kind(message.kind)]: True})
        if message.state == State.UNDELIVERABLE and message.recipient == CUSTOMER:
            _tell_of_undeliverable(message, now)
        if message.reason == Reason.LEFT and message.kind not in HANDOVERS:
            _tell_who_is_left(message, now)
        if message.kind in NEWS:
            if message.state == State.SUPERSEDED:
                pass_on(message, now)
            plan_news_of([message.subject_id], now)


def _require_ahead(message: Message, appointment: Appointment, now: datetime) -> None:
    """Refuse to remind of what was moved, was canceled, or has begun. Raises NotToBeSent."""
    if Status(appointment.status) in TERMINAL or appointment.start_time != _start_of(message):
        raise NotToBeSent(State.SUPERSEDED, Reason.NO_LONGER_TRUE)
    if appointment.start_time <= now:
        raise NotToBeSent(State.EXPIRED, Reason.OVER)


def _may_be_told(message: Message, appointment: Appointment) -> bool:
    """Say whether news are what their reader is owed or, where they are sent again, at least still true."""
    return still_holds_of(message, appointment) if message.resends else is_still_owed(message, appointment)


def _start_of(message: Message) -> datetime:
    """Read which start a reminder is of."""
    return datetime.fromtimestamp(int(message.occasion.partition("-")[0]), UTC)


def _tell_of_undeliverable(message: Message, now: datetime) -> None:
    if ChannelName.EMAIL not in channels_of(message.business_id, Kind.UNDELIVERABLE):
        return
    user_id = Appointment.objects.values_list("user_id", flat=True).get(pk=message.subject_id)
    draft = Draft(
        business_id=message.business_id,
        subject_kind=ENTITY,
        subject_id=message.subject_id,
        kind=Kind.UNDELIVERABLE,
        occasion=f"{message.pk}.{message.resends}",
        recipient=member(user_id),
        address="",
        useful_until=now + NEWS_HELP_FOR,
    )
    enter(_to_readers(draft, user_id), now)


def _tell_who_is_left(message: Message, now: datetime) -> None:
    """Tell what somebody could not be told who left meanwhile to whoever is told instead."""
    draft = Draft(
        business_id=message.business_id,
        subject_kind=ENTITY,
        subject_id=message.subject_id,
        kind=Kind(message.kind),
        occasion=message.occasion,
        recipient=message.recipient,
        address="",
        useful_until=message.useful_until,
        told=message.told,
    )
    enter(_to_readers(draft, user_id_of(message.recipient)), now)


def _to_readers(draft: Draft, user_id: int) -> list[Draft]:
    return [replace(draft, recipient=member(one)) for one in readers_of(draft.business_id, {user_id})]
