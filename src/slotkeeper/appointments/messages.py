"""Which messages are owed about appointments: news to customers, notices to members.

News follow from what a customer knows, as the ledger has it, and how the appointment stands now: rules/news.py. So a
lost wake-up loses nothing, and two changes before the first mail left are one mail. A notice follows from one change.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from slotkeeper.appointments.addresses import Addresses, addresses_of
from slotkeeper.appointments.models import Appointment, TimeClaim
from slotkeeper.changes.models import Change
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.kinds import (
    CUSTOMER,
    HANDOVERS,
    NEWS,
    OPEN,
    ChannelName,
    Kind,
    Reason,
    State,
    member,
    user_id_of,
)
from slotkeeper.outbox.ledger import Draft, enter, skip, supersede
from slotkeeper.outbox.models import Message
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.people.reading import readers_of
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.news import News, Standing, news, still_holds

ENTITY = "appointment"
NEWS_HELP_FOR = timedelta(days=3)
_SILENT = {"recorded"}  # about the past: nobody is waiting to hear of it
_NOTICES = {
    "booked": Kind.NEW_BOOKING,
    "rescheduled": Kind.CUSTOMER_RESCHEDULED,
    "canceled": Kind.CUSTOMER_CANCELED,
}


class _Owed(NamedTuple):
    """A message that a customer is owed, by the ways that there are to reach them."""

    appointment: Appointment
    kind: Kind
    known: Standing | None
    addresses: Addresses
    series_id: int | None


def plan_messages(changes: Sequence[Change], now: datetime) -> None:
    """Enter the messages that follow from changes, in the transaction that marks these as handled."""
    by_appointment: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        if change.subject_kind == ENTITY:
            by_appointment[change.subject_id].append(change)
    lock_appointments(by_appointment)
    appointments = list(_with_all(by_appointment))
    _plan_news(appointments, by_appointment, now)
    for appointment in appointments:
        enter(_notices(appointment, by_appointment[appointment.pk], now), now)
    enter(_handovers(appointments, by_appointment, now), now)


def plan_news_of(appointment_ids: Iterable[int], now: datetime) -> None:
    """Enter the news that customers are still owed after a message to them came to an end. In a transaction."""
    _plan_news(list(_with_all(appointment_ids)), {}, now)


def lock_appointments(appointment_ids: Iterable[int]) -> None:
    """Let nobody else plan for these appointments until the transaction ends."""
    rows = Appointment.objects.filter(pk__in=list(appointment_ids)).select_for_update(no_key=True)
    list(rows.order_by("pk").values_list("pk"))


def standing_of(appointment: Appointment) -> Standing:
    """Say how an appointment stands, as far as its customer cares."""
    start, end = int(appointment.start_time.timestamp()), int(appointment.end_time.timestamp())
    return Standing(start, end, Status(appointment.status))


def as_told(standing: Standing, before: Standing | None = None) -> dict[str, Any]:
    """Write a standing as the ledger keeps what somebody knows, and what they knew before they were told."""
    told = {"start": standing.start, "end": standing.end, "status": standing.status.value}
    return told | {"before": as_told(before)} if before else told


def known_from(told: dict[str, Any] | None) -> Standing | None:
    """Read what `as_told` wrote."""
    return None if told is None else Standing(told["start"], told["end"], Status(told["status"]))


def known_before(message: Message, current: Standing) -> Standing | None:
    """Say what the reader of a message knew before it; where it is sent again, before it was sent first."""
    known = known_from(message.told)
    if known and (known.start, known.end) == (current.start, current.end):
        return known_from((message.told or {}).get("before"))
    return known


def pass_on(message: Message, now: datetime) -> None:
    """Let the next date of a series tell what the first one no longer does."""
    if not message.companions:
        return
    first, *others = message.companions
    silent = Message.objects.about(ENTITY, first).filter(kind=message.kind, reason=Reason.TOLD_WITH_ANOTHER)
    silent.filter(recipient=CUSTOMER).update(
        state=State.WAITING, reason="", finished_at=None, next_try_at=now, told=message.told, companions=others or None
    )


def is_still_owed(message: Message, appointment: Appointment) -> bool:
    """Say whether news that wait are what their reader should hear now."""
    return owed_kind(known_from(message.told), appointment) == message.kind


def still_holds_of(message: Message, appointment: Appointment) -> bool:
    """Say whether news that were told may be told again."""
    return still_holds(News(message.kind), Status(appointment.status))


def owed_kind(known: Standing | None, appointment: Appointment) -> Kind | None:
    """Say which news somebody who knows this is owed."""
    needs_confirmation = appointment.service is not None and appointment.service.requires_confirmation
    found = news(known, standing_of(appointment), needs_confirmation=needs_confirmation)
    return None if found is None else Kind(found)


def _with_all(appointment_ids: Iterable[int]) -> Iterator[Appointment]:
    related = "business", "service", "series_place"
    found = Appointment.objects.filter(pk__in=list(appointment_ids)).select_related(*related)
    return found.order_by("start_time", "pk").iterator()


def _plan_news(appointments: list[Appointment], changes: dict[int, list[Change]], now: datetime) -> None:
    sent: dict[int, list[Message]] = defaultdict(list)
    about = Message.objects.filter(subject_kind=ENTITY, subject_id__in=[one.pk for one in appointments])
    for message in about.filter(recipient=CUSTOMER, kind__in=NEWS).order_by("pk").select_for_update():
        sent[message.subject_id].append(message)
    together: dict[Any, list[_Owed]] = defaultdict(list)
    for appointment in appointments:
        owed = _owed(appointment, sent[appointment.pk], changes.get(appointment.pk, []), now)
        if owed is not None:
            series = owed.series_id or f"alone {appointment.pk}"
            together[series, owed.kind, *owed.addresses.values()].append(owed)
    for several in together.values():
        _enter_together(several, now)


def _owed(appointment: Appointment, sent: list[Message], changes: list[Change], now: datetime) -> _Owed | None:
    """Give up what waits and is no longer true, and say what the customer is owed instead."""
    addresses = addresses_of(appointment)
    stale = [
        message
        for message in sent
        if message.state == State.WAITING
        and not message.resends
        and not (message.address == addresses.get(ChannelName(message.channel)) and is_still_owed(message, appointment))
    ]
    supersede(stale, now)
    for message in stale:
        pass_on(message, now)
    if not addresses or appointment.start_time <= now:
        return None
    channel, address = next(iter(addresses.items()))
    before = [message for message in sent if message.channel == channel and message.address == address]
    if before and before[-1].state in OPEN:
        return None  # it tells the newest truth when it leaves, and then this is asked again
    known = known_from(before[-1].told) if before else _known_before(appointment, changes)
    kind = owed_kind(known, appointment)
    if kind is None:
        return None
    place = getattr(appointment, "series_place", None)
    return _Owed(appointment, kind, known, addresses, None if place is None else place.series_id)


def _known_before(appointment: Appointment, changes: list[Change]) -> Standing | None:
    """Say what a customer whom the ledger does not know was told by other means: how it stood before the changes."""
    if any(change.verb == "booked" or "contact_email" in (change.before or {}) for change in changes):
        return None
    current = standing_of(appointment)
    if not changes or changes[0].verb in _SILENT:
        return current
    before: dict[str, Any] = {}
    for change in reversed(changes):
        before |= change.before or {}
    return Standing(
        _instant(before.get("start_time"), current.start),
        _instant(before.get("end_time"), current.end),
        Status(before.get("status", current.status)),
    )


def _instant(text: str | None, otherwise: int) -> int:
    return otherwise if text is None else int(datetime.fromisoformat(text).timestamp())


def _enter_together(several: list[_Owed], now: datetime) -> None:
    """Enter one message about all dates of a series that are owed the same news; the others know by it."""
    first, others = several[0], several[1:]
    chosen = channels_of(first.appointment.business_id, first.kind)
    channels = [channel for channel in first.addresses if channel in chosen]
    companions = [one.appointment.pk for one in others] or None
    drafts = (_draft(first, channel, first.known, now) for channel in channels)
    enter([replace(draft, companions=companions) for draft in drafts], now)
    primary = next(iter(first.addresses))
    silent = others if channels else several
    reason = Reason.TOLD_WITH_ANOTHER if channels else Reason.SWITCHED_OFF
    if channels or primary is ChannelName.EMAIL:  # somebody with no more than a phone is not expected to be told
        skip([(_draft(one, primary, standing_of(one.appointment), now), reason) for one in silent], now)


def _draft(owed: _Owed, channel: ChannelName, told: Standing | None, now: datetime) -> Draft:
    appointment = owed.appointment
    return Draft(
        business_id=appointment.business_id,
        subject_kind=ENTITY,
        subject_id=appointment.pk,
        kind=owed.kind,
        occasion=str(appointment.version),
        recipient=CUSTOMER,
        address=owed.addresses[channel],
        useful_until=min(appointment.start_time, now + NEWS_HELP_FOR),
        channel=channel,
        told=None if told is None else as_told(told),
    )


def _notices(appointment: Appointment, changes: list[Change], now: datetime) -> Iterator[Draft]:
    """Tell the people whose time it is what their customer did; where none of them works here any more, the owners."""
    for change in changes:
        kind = _NOTICES.get(change.verb)
        if change.actor_kind != "customer" or kind is None:
            continue
        if ChannelName.EMAIL not in channels_of(appointment.business_id, kind):
            continue
        known = _known_before(appointment, [change])
        for user_id in readers_of(appointment.business_id, _people_of(appointment)):
            yield Draft(
                business_id=appointment.business_id,
                subject_kind=ENTITY,
                subject_id=appointment.pk,
                kind=kind,
                occasion=str(change.subject_version),
                recipient=member(user_id),
                address="",
                useful_until=now + NEWS_HELP_FOR,
                told=None if known is None else as_told(known),
            )


def _handovers(appointments: list[Appointment], changes: dict[int, list[Change]], now: datetime) -> Iterator[Draft]:
    """Tell who was given appointments, and who had them, unless they did it themselves; several in one message."""
    together: dict[tuple[Kind, int, int], list[tuple[Appointment, Change]]] = defaultdict(list)
    for appointment in appointments:
        given = [change for change in changes[appointment.pk] if "user_id" in (change.before or {})]
        if not given or Status(appointment.status) in TERMINAL or appointment.end_time <= now:
            continue
        before, after = (given[0].before or {})["user_id"], appointment.user_id
        for kind, user_id in ((Kind.ASSIGNED, after), (Kind.UNASSIGNED, before)):
            if before != after and user_id != _doer_of(given[-1]) and not _is_told_soon(appointment, user_id):
                together[kind, appointment.business_id, user_id].append((appointment, given[-1]))
    for (kind, business_id, user_id), several in together.items():
        works_here = Membership.objects.active().in_business(business_id).filter(user_id=user_id).exists()
        if not works_here or ChannelName.EMAIL not in channels_of(business_id, kind):
            continue
        (first, change), *others = several
        yield Draft(
            business_id=business_id,
            subject_kind=ENTITY,
            subject_id=first.pk,
            kind=kind,
            occasion=str(change.subject_version),
            recipient=member(user_id),
            address="",
            useful_until=now + NEWS_HELP_FOR,
            companions=[one.pk for one, _ in others] or None,
        )


def _is_told_soon(appointment: Appointment, user_id: int) -> bool:
    """Say whether a message about whose it is waits already: when it leaves, it tells what is true then, or nothing."""
    waiting = Message.objects.filter(finished_at=None, state=State.WAITING, business_id=appointment.business_id)
    waiting = waiting.filter(subject_kind=ENTITY, kind__in=HANDOVERS, recipient=member(user_id))
    about = waiting.values_list("subject_id", "companions")
    return any(appointment.pk in (subject_id, *(companions or [])) for subject_id, companions in about)


def _doer_of(change: Change) -> int | None:
    """Say which person was behind a change, by token or by hand."""
    members = Membership.objects.in_business(change.business_id).values_list("user_id", flat=True)
    actor_id = change.actor_id or 0
    if change.actor_kind == "token":
        return members.filter(pk__in=ApiToken.objects.filter(pk=actor_id).values("membership_id")).first()
    return members.filter(pk=actor_id).first() if change.actor_kind == "member" else None


def _people_of(appointment: Appointment) -> set[int]:
    """List whose time an appointment takes; after it was canceled, those who were told of it."""
    claims = TimeClaim.objects.filter(appointment=appointment, user__isnull=False)
    taken = {user_id for user_id in claims.values_list("user_id", flat=True) if user_id is not None}
    if not taken:
        told = Message.objects.about(ENTITY, appointment.pk).filter(kind=Kind.NEW_BOOKING)
        taken = {user_id_of(recipient) for recipient in told.values_list("recipient", flat=True)}
    return {appointment.user_id, *taken}
