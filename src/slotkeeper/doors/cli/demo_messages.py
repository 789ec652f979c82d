"""The ledger of the practice that `slotkeeper demo` invents: what its customers would have been told until now.

What was owed, and when, follows from the rules that a real practice's messages follow. Nothing leaves: every message
is entered as what became of it. One customer's address is gone lately, so that one sees what that looks like.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import override

from slotkeeper.appointments.correspondence import FLAGS
from slotkeeper.appointments.letter_facts import customer_of, facts_of, when_of
from slotkeeper.appointments.messages import ENTITY, NEWS_HELP_FOR, as_told
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.outbox.kinds import CUSTOMER, ChannelName, Kind, State, member
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.wording import fill_line
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.outbox.words import kind_in_words
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.news import Standing, news
from slotkeeper.rules.reminder_plan import DEFAULT_MINUTES, Verdict, reminders_of

_REFUSAL = "The mail server refuses the address: 550 5.1.1 <{}>: no such user here"
_UNDER_WAY = timedelta(seconds=2)
_LATEST = 60  # messages, among whose readers is one whose address is gone


@dataclass(frozen=True, slots=True)
class _Told:
    """What a customer was told and when, of how their appointment stood then."""

    at: int
    appointment: Appointment
    kind: Kind
    occasion: str
    standing: Standing


def write_ledger(business_id: int, now: int) -> None:
    """Enter what customers were told until now, and set the flags of the reminders among it. In a transaction."""
    found = Appointment.objects.in_business(business_id).select_related("business", "service", "user", "contact")
    appointments = list(found.exclude(contact_email=None))
    changes = _changes_of(business_id)
    told = [one for appointment in appointments for one in _told(appointment, changes[appointment.pk], now)]
    told.sort(key=lambda one: (one.at, one.appointment.pk))
    refused = _refused(told)
    for one in told:
        is_refused = one in refused
        message = _message(one, State.UNDELIVERABLE if is_refused else State.SENT)
        message.save(force_insert=True)
        if is_refused:
            _notice(one, message).save(force_insert=True)
    for kind, flag in FLAGS.items():
        reminded = Message.objects.in_business(business_id).filter(kind=kind, state=State.SENT)
        found.filter(pk__in=reminded.values("subject_id")).update(**{flag: True})


def _changes_of(business_id: int) -> dict[int, list[Change]]:
    changes: dict[int, list[Change]] = defaultdict(list)
    for change in Change.objects.filter(business_id=business_id, subject_kind=ENTITY).order_by("subject_version"):
        changes[change.subject_id].append(change)
    return changes


def _told(appointment: Appointment, changes: Sequence[Change], now: int) -> Iterator[_Told]:
    """Go through what happened to an appointment; nobody moved it, so only its status changed."""
    if changes[0].verb != "booked":
        return  # written down afterwards: nobody was waiting to hear of it
    start, end = int(appointment.start_time.timestamp()), int(appointment.end_time.timestamp())
    known: Standing | None = None
    history: list[tuple[int, Standing]] = []
    for change in changes:
        at, status = int(change.at.timestamp()), Status((change.after or {})["status"])
        standing = Standing(start, end, status)
        history.append((at, standing))
        owed = news(known, standing, needs_confirmation=False)
        if owed is not None and at < start:
            yield _Told(at, appointment, Kind(owed), str(change.subject_version), standing)
            known = standing
    for kind, reminder in zip(FLAGS, reminders_of(start, DEFAULT_MINUTES), strict=True):
        at = max(reminder.opens_at, history[0][0])
        then = [standing for moment, standing in history if moment <= at][-1]
        is_due = reminder.judge(history[0][0], at) is Verdict.DUE
        if at < now and is_due and then.status not in TERMINAL:
            yield _Told(at, appointment, kind, str(start), then)


def _refused(told: Sequence[_Told]) -> list[_Told]:
    """Choose the latest two messages to somebody who was seldom told anything: their address is gone since."""
    counts = Counter(one.appointment.contact_email for one in told)
    seldom = min((one.appointment.contact_email for one in told[-_LATEST:]), key=lambda one: (counts[one], str(one)))
    return [one for one in told if one.appointment.contact_email == seldom][-2:]


def _message(told: _Told, state: State) -> Message:
    appointment, at = told.appointment, datetime.fromtimestamp(told.at, UTC)
    address = appointment.contact_email or ""
    is_sent, is_reminder = state is State.SENT, told.kind in FLAGS
    return Message(
        business_id=appointment.business_id,
        subject_kind=ENTITY,
        subject_id=appointment.pk,
        kind=told.kind,
        occasion=told.occasion,
        channel=ChannelName.EMAIL,
        recipient=CUSTOMER,
        address=address,
        state=state,
        reason="" if is_sent else _REFUSAL.format(address),
        subject_line=_subject_line(told) if is_sent else "",
        told=None if is_reminder else as_told(told.standing),
        attempts=1,
        next_try_at=at,
        useful_until=appointment.start_time if is_reminder else min(appointment.start_time, at + NEWS_HELP_FOR),
        created_at=at,
        finished_at=at + _UNDER_WAY,
    )


def _notice(told: _Told, failed: Message) -> Message:
    """Tell whose time it is that a message could not be delivered."""
    user, at = told.appointment.user, (failed.finished_at or failed.created_at) + _UNDER_WAY
    wording = wording_of(failed.business_id, Kind.UNDELIVERABLE, ChannelName.EMAIL, user.locale)
    with override(user.locale):
        subject_line = fill_line(wording.subject, {"message_name": kind_in_words(told.kind)})
    return Message(
        business_id=failed.business_id,
        subject_kind=ENTITY,
        subject_id=failed.subject_id,
        kind=Kind.UNDELIVERABLE,
        occasion=f"{failed.pk}.0",
        channel=ChannelName.EMAIL,
        recipient=member(user.pk),
        address=user.email,
        state=State.SENT,
        subject_line=subject_line,
        attempts=1,
        next_try_at=at,
        useful_until=at + NEWS_HELP_FOR,
        created_at=at,
        finished_at=at + _UNDER_WAY,
    )


def _subject_line(told: _Told) -> str:
    appointment = told.appointment
    reader = customer_of(appointment)
    wording = wording_of(appointment.business_id, told.kind, ChannelName.EMAIL, reader.language)
    with override(reader.language):
        when = when_of(told.standing, appointment, reader, told.at)
        return fill_line(wording.subject, facts_of(appointment, when, None))
