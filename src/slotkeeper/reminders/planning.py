"""Which reminders are due: found in the appointments that are near, and entered in the ledger.

What has been entered is not looked at again, so a run costs what the next day holds, whatever there was before.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from slotkeeper import hot_sql
from slotkeeper.appointments.addresses import Addresses, addresses_of
from slotkeeper.appointments.correspondence import FLAGS
from slotkeeper.appointments.messages import ENTITY
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.kinds import CUSTOMER, ChannelName, Kind, Reason, State
from slotkeeper.outbox.ledger import Draft, enter, skip
from slotkeeper.outbox.models import Message
from slotkeeper.rules.reminder_plan import DEFAULT_MINUTES, Reminder, Verdict, horizon_seconds, reminders_of

BATCH = 200
_KINDS = dict(zip(DEFAULT_MINUTES, FLAGS, strict=True))
_REASONS = {Verdict.MADE_LATE: Reason.MADE_LATE, Verdict.MISSED: Reason.MISSED}


class Due(NamedTuple):
    """A reminder of an appointment, and what to do about it."""

    appointment: Appointment
    reminder: Reminder
    verdict: Verdict

    @property
    def kind(self) -> Kind:
        """Its kind in the ledger."""
        return _KINDS.get(self.reminder.minutes, Kind.REMINDER)

    @property
    def occasion(self) -> str:
        """Its occasion in the ledger: the start that it reminds of, and how long before where that is not its kind."""
        start = int(self.appointment.start_time.timestamp())
        return f"{start}{_suffix(self.kind, self.reminder.minutes)}"


def plan_reminders(now: datetime) -> int:
    """Enter the reminders that are due, and those that will not be sent with the reason; return how many."""
    return sum(_plan(minutes, now) for minutes in _all_minutes())


def minutes_of(service: Service | None) -> Sequence[int]:
    """Say how long before the start a service's customers are reminded."""
    own: list[int] | None = None if service is None else service.reminder_minutes
    return DEFAULT_MINUTES if own is None else own


def settled_times(appointments: Sequence[Appointment]) -> dict[int, int]:
    """Say since when appointments have had their start, in seconds since 1970."""
    settled = {one.pk: int((one.created_at or datetime.fromtimestamp(0, UTC)).timestamp()) for one in appointments}
    moves = Change.objects.filter(
        business_id__in={one.business_id for one in appointments},
        subject_kind=ENTITY,
        subject_id__in=list(settled),
        verb="rescheduled",
    )
    for change in moves.order_by("pk"):
        if "start_time" in (change.after or {}):
            settled[change.subject_id] = int(change.at.timestamp())
    return settled


def drafts_of(due: Due, addresses: Addresses, chosen: frozenset[ChannelName]) -> list[Draft]:
    """Write a reminder as the ledger's rows, one for each way that it goes."""
    channels = [channel for channel in addresses if channel in chosen]
    return [_draft(due, channel, addresses[channel]) for channel in channels]


def reason_against(due: Due, addresses: Addresses, chosen: frozenset[ChannelName]) -> Reason | None:
    """Say why a reminder will not be sent; None where it will."""
    if due.verdict in _REASONS:
        return _REASONS[due.verdict]
    if not chosen:
        return Reason.SWITCHED_OFF
    return None if chosen & addresses.keys() else Reason.NO_ADDRESS


def _all_minutes() -> list[int]:
    own = Service.objects.exclude(reminder_minutes=None)
    return sorted({*DEFAULT_MINUTES, *(minutes for service in own for minutes in minutes_of(service))}, reverse=True)


def _plan(minutes: int, now: datetime) -> int:
    planned = 0
    while True:
        with transaction.atomic():
            found = list(_find(minutes, now))
            _enter(found, now)
        planned += len(found)
        if len(found) < BATCH:
            return planned


def _find(minutes: int, now: datetime) -> Iterator[Due]:
    """Find the reminders of so many minutes whose window has opened and of which the ledger knows nothing."""
    instant = int(now.timestamp())
    ids = find_ids(minutes, instant)
    appointments = list(Appointment.objects.filter(pk__in=ids).select_related("service", "business"))
    settled = settled_times(appointments)
    for appointment in appointments:
        start = int(appointment.start_time.timestamp())
        for reminder in reminders_of(start, minutes_of(appointment.service)):
            if reminder.minutes == minutes:
                yield Due(appointment, reminder, reminder.judge(settled[appointment.pk], instant))


def find_ids(minutes: int, instant: int) -> list[int]:
    """Find appointments whose reminder of so many minutes is open and not in the ledger; at most `BATCH`, the next."""
    kind = _KINDS.get(minutes, Kind.REMINDER)
    flag = f"NOT COALESCE(a.{FLAGS[kind]}, FALSE) AND" if kind in FLAGS else ""
    services, service_ids = _service_condition(minutes)
    occasion = f"CAST({hot_sql.epoch('a.start_time')} AS TEXT) || %s"
    # SQLite would rather go through all that was ever scheduled than through what is near: its index on the status
    # finds no expression.
    found = hot_sql.rows(
        "SELECT a.id FROM appointments a WHERE a.start_time > %s AND a.start_time <= %s "
        f"AND a.status || '' IN ('scheduled', 'confirmed') AND {flag} {services} AND NOT EXISTS (SELECT 1 "
        f"FROM messages m WHERE m.subject_kind = '{ENTITY}' AND m.subject_id = a.id AND m.kind = %s "
        f"AND m.occasion = {occasion} AND NOT ({_REOPENED})) ORDER BY a.start_time LIMIT {BATCH}",
        [
            hot_sql.timestamp(instant),
            hot_sql.timestamp(instant + horizon_seconds(minutes)),
            *service_ids,
            kind.value,
            _suffix(kind, minutes),
        ],
    )
    return [appointment_id for (appointment_id,) in found]


# What was given up because the appointment went elsewhere, or before there was an address, is looked at again.
_REOPENED = (
    f"m.state = '{State.SUPERSEDED}' OR m.reason = '{Reason.NO_ADDRESS}' AND m.address = '' "
    "AND COALESCE(a.contact_email, '') <> ''"
)


def _service_condition(minutes: int) -> tuple[str, list[int]]:
    """Say in SQL which services' appointments have this reminder."""
    own = list(Service.objects.exclude(reminder_minutes=None))
    with_it = [service.pk for service in own if minutes in minutes_of(service)]
    without = [service.pk for service in own if minutes not in minutes_of(service)]
    if minutes in DEFAULT_MINUTES:
        if not without:
            return "TRUE", []
        return f"(a.service_id IS NULL OR a.service_id NOT IN ({_marks(without)}))", without
    return f"a.service_id IN ({_marks(with_it)})", with_it


def _marks(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _suffix(kind: Kind, minutes: int) -> str:
    return "" if kind in FLAGS else f"-{minutes}"


def _enter(found: list[Due], now: datetime) -> None:
    by_kind: dict[tuple[int, Kind], list[Due]] = defaultdict(list)
    for due in found:
        by_kind[due.appointment.business_id, due.kind].append(due)
    for (business_id, kind), several in by_kind.items():
        _give_up_old_rows(several)
        chosen = channels_of(business_id, kind)
        entered, skipped = [], []
        for due in several:
            addresses = addresses_of(due.appointment)
            reason = reason_against(due, addresses, chosen)
            if reason is None:
                entered += drafts_of(due, addresses, chosen)
            else:
                skipped.append((_draft(due, ChannelName.EMAIL, addresses.get(ChannelName.EMAIL, "")), reason))
        enter(entered, now)
        skip(skipped, now)


def _give_up_old_rows(several: list[Due]) -> None:
    for due in several:
        old = Message.objects.about(ENTITY, due.appointment.pk).filter(kind=due.kind, occasion=due.occasion)
        old.filter(Q(state=State.SUPERSEDED) | Q(reason=Reason.NO_ADDRESS)).delete()


def _draft(due: Due, channel: ChannelName, address: str) -> Draft:
    return Draft(
        business_id=due.appointment.business_id,
        subject_kind=ENTITY,
        subject_id=due.appointment.pk,
        kind=due.kind,
        occasion=due.occasion,
        recipient=CUSTOMER,
        address=address,
        useful_until=datetime.fromtimestamp(due.reminder.useful_until, UTC),
        channel=channel,
    )
