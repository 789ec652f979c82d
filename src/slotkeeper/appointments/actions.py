"""The verbs that change appointments; every door, command and job calls these.

Each verb is one transaction that also appends one row to the record of changes. The time
itself is claimed by the database (guard.py): a verb learns of an overlap by being refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from msgspec import structs

from slotkeeper import hot_sql
from slotkeeper.appointments.free_busy import BusyEntry, Person, UnknownMember, read_alternatives
from slotkeeper.appointments.givers import GIVEN_BY_OTHERS, NotGiven, require_giver
from slotkeeper.appointments.guard import is_overlap
from slotkeeper.appointments.insert import Booking, Entry, insert_booking, json_time
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.needed import HAS_NEEDS
from slotkeeper.appointments.reach import OutOfReach, Reach
from slotkeeper.appointments.resources import NoResource, insert_with_resources, keeping_resources
from slotkeeper.appointments.rows import MAX_DURATION_SECONDS, AppointmentRow, find
from slotkeeper.appointments.wishes import Wish, are_in_the_way, in_the_way, is_absent, wish_of
from slotkeeper.calendars.busy import known_calendars, readings_of, window_edges
from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.rules.appointment_status import TERMINAL, Status, move
from slotkeeper.rules.availability import AlternativesRequest
from slotkeeper.rules.intervals import Interval


class UnknownAppointment(Exception):
    """There is no such appointment."""


class UnknownReference(Exception):
    """A contact or service that the request names does not exist."""


class EndBeforeStart(Exception):
    """The end must come after the start."""


class TooLong(Exception):
    """An appointment lasts at most 31 days."""


class InThePast(Exception):
    """An appointment cannot start in the past."""

    def __init__(self, alternatives: list[Interval]) -> None:
        super().__init__(alternatives)
        self.alternatives = alternatives


class FixedInFinalStatus(Exception):
    """Times, person and service of an appointment in a final status are fixed."""


class VersionConflict(Exception):
    """The appointment was changed in the meantime."""

    def __init__(self, current: AppointmentRow) -> None:
        super().__init__(current)
        self.current = current


class SlotTaken(Exception):
    """The time is not free."""

    def __init__(self, user_id: int, conflicts: list[BusyEntry], alternatives: list[Interval]) -> None:
        super().__init__(user_id, conflicts, alternatives)
        self.user_id, self.conflicts, self.alternatives = user_id, conflicts, alternatives


@dataclass(frozen=True, slots=True)
class Target:
    """The appointment to change, the versions its changer will accept (None: any), and what else they may do."""

    reach: Reach
    appointment_id: int
    versions: frozenset[int] | None = None
    may_overlap_time_off: bool = False
    may_assign: bool = True  # to somebody else


class Entered(NamedTuple):
    """An appointment that was just stored, and whether its person keeps opening hours, which it may lie outside of."""

    row: AppointmentRow
    keeps_hours: bool


class _Place(NamedTuple):
    """What a booking is checked against: its service's buffers and its contact."""

    buffer_before_seconds: int
    buffer_after_seconds: int
    has_needs: bool
    contact: tuple[str | None, str | None, str | None]
    is_away: bool
    keeps_hours: bool


_TIMES = ("start_time", "end_time")
_CLAIMED = {"start_time", "end_time", "user_id"}
_FIXED_AT_THE_END = {"start_time", "end_time", "user_id", "service_id"}
_CONTACT_FIELDS = ("contact_name", "contact_email", "contact_phone")
_RECORDED = (
    "user_id", "title", "description", "start_time", "end_time", "status", "contact_id", "contact_name",
    "contact_email", "contact_phone", "location", "notes", "sync_to_calendar", "service_id",
)  # fmt: skip


def book(booking: Booking, actor: Actor, now: int, *, allow_conflicts: bool = False) -> AppointmentRow:
    """Book an appointment, scheduled; over time off only where `allow_conflicts` says so.

    Raises EndBeforeStart, TooLong, InThePast, UnknownMember, UnknownReference, NotGiven and SlotTaken;
    after any of them nothing is stored.
    """
    return book_as_member(booking, actor, now, allow_conflicts=allow_conflicts).row


def book_as_member(booking: Booking, actor: Actor, now: int, *, allow_conflicts: bool = False) -> Entered:
    """Book as `book` does, and say also whether warnings may have to be read."""
    person = Person(booking.business_id, booking.user_id)
    check_times(person, Interval(booking.start_time, booking.end_time), now)
    entry = Entry(Status.SCHEDULED, "booked", may_overlap_time_off=allow_conflicts)
    return enter(booking, entry, actor, now)


def record_begun(booking: Booking, actor: Actor, now: int) -> AppointmentRow:
    """Store an appointment that has begun, as completed where it is over; it claims its time like any other.

    Raises EndBeforeStart, TooLong, UnknownMember, UnknownReference, NotGiven and SlotTaken.
    """
    _check_length(Interval(booking.start_time, booking.end_time))
    status = Status.COMPLETED if booking.end_time <= now else Status.SCHEDULED
    return enter(booking, Entry(status, "recorded"), actor, now).row


def update(
    target: Target, fields: Mapping[str, Any], actor: Actor, now: int, reason: str | None = None
) -> AppointmentRow:
    """Change the fields given (times as seconds since 1970); the status moves along its table only.

    Fields that already have the wanted value change nothing. Raises UnknownAppointment,
    VersionConflict, InvalidTransition, FixedInFinalStatus, OutOfReach and all that `book` raises.
    """
    wish = Wish(Person(target.reach.business_id, 0), Interval(0, 0))
    try:
        with transaction.atomic():
            current = locked(target)
            before = _state(current)
            wanted = {name: value for name, value in fields.items() if before[name] != value}
            if wanted:
                _change(current, wanted, now)
                if "user_id" in wanted:
                    _require_assignable(target, current)
                else:
                    target.reach.require(current.user_id, current.service_id)
                wish = wish_of(current)
                if _CLAIMED & wanted.keys() and not target.may_overlap_time_off and is_absent(wish, now):
                    raise _taken(wish, now)
                with keeping_resources(current, wanted, now) as exchange:
                    current.save(force_update=True)
                state = before | exchange.before, _state(current) | exchange.after
                _record_update(current, *state, actor, reason)
    except IntegrityError as error:
        if not is_overlap(error):
            raise
        raise _taken(wish, now) from None
    except NoResource as error:
        raise _taken(wish, now, error.conflicts) from None
    return _found(Reach(target.reach.business_id), target.appointment_id)


def cancel(target: Target, actor: Actor, now: int, reason: str | None = None) -> AppointmentRow:
    """Cancel an appointment and release its time; a second cancel changes nothing."""
    return update(target, {"status": Status.CANCELED}, actor, now, reason)


def confirm(target: Target, actor: Actor, now: int) -> AppointmentRow:
    """Confirm a scheduled appointment."""
    return update(target, {"status": Status.CONFIRMED}, actor, now)


def complete(target: Target, actor: Actor, now: int) -> AppointmentRow:
    """Mark a confirmed appointment as completed."""
    return update(target, {"status": Status.COMPLETED}, actor, now)


def mark_no_show(target: Target, actor: Actor, now: int) -> AppointmentRow:
    """Mark that the customer did not come, and release the time."""
    return update(target, {"status": Status.NO_SHOW}, actor, now)


def check_times(person: Person, asked: Interval, now: int, slot_seconds: int = 1800) -> None:
    """Refuse an impossible or past time. Raises EndBeforeStart, TooLong and InThePast."""
    _check_length(asked)
    if asked.start < now:
        request = AlternativesRequest(asked.start, now, slot_seconds)
        raise InThePast(read_alternatives(person, request))


def _check_length(asked: Interval) -> None:
    if asked.end <= asked.start:
        raise EndBeforeStart
    if asked.end - asked.start > MAX_DURATION_SECONDS:
        raise TooLong


def enter(booking: Booking, entry: Entry, actor: Actor, now: int) -> Entered:
    """Store a booking whose times were checked, with what its service and contact add.

    Raises UnknownMember, UnknownReference, NotGiven and SlotTaken.
    """
    person = Person(booking.business_id, booking.user_id)
    asked = Interval(booking.start_time, booking.end_time)
    place = _place(person, booking.service_id, booking.contact_id, asked, now)
    given = (booking.contact_name, booking.contact_email, booking.contact_phone)
    name, email, phone = (ours or theirs for ours, theirs in zip(given, place.contact, strict=True))
    booking = structs.replace(booking, contact_name=name, contact_email=email, contact_phone=phone)
    before, after = place.buffer_before_seconds, place.buffer_after_seconds
    entry = structs.replace(entry, buffer_before_seconds=before, buffer_after_seconds=after)
    wish = Wish(person, asked, (before, after), booking.service_id)
    if place.is_away and not entry.may_overlap_time_off:
        raise _taken(wish, now)
    insert = insert_with_resources if place.has_needs else insert_booking
    try:
        return Entered(insert(booking, entry, actor, now), place.keeps_hours)
    except IntegrityError as error:
        if not is_overlap(error):
            raise
        raise _taken(wish, now) from None
    except NoResource as error:
        raise _taken(wish, now, error.conflicts) from None


def _taken(wish: Wish, now: int, missing: Sequence[BusyEntry] = ()) -> SlotTaken:
    return SlotTaken(wish.person.user_id, *in_the_way(wish, now, missing))


def _place(person: Person, service_id: int | None, contact_id: int | None, asked: Interval, now: int) -> _Place:
    found = hot_sql.row(
        _place_statement(),
        [
            hot_sql.timestamp(asked.start),
            hot_sql.timestamp(asked.end),
            *window_edges(asked),
            service_id,
            contact_id,
            person.business_id,
            person.user_id,
        ],
    )
    if found is None:
        raise UnknownMember
    service, before, after, has_needs, customer, *contact, is_time_off, keeps_hours, known, is_others = found
    if service != service_id or customer != contact_id:
        raise UnknownReference
    if is_others:
        raise NotGiven
    is_away = bool(is_time_off) or are_in_the_way(readings_of(known, asked, now))
    return _Place((before or 0) * 60, (after or 0) * 60, bool(has_needs), tuple(contact), is_away, bool(keeps_hours))


@cache
def _place_statement() -> str:
    return (
        f"SELECT s.id, s.buffer_before_minutes, s.buffer_after_minutes, {HAS_NEEDS} AS needs, "
        "c.id, c.name, c.email, c.phone, "
        "EXISTS (SELECT 1 FROM time_off t WHERE t.user_id = u.id AND t.end_time > %s AND t.start_time < %s) AS away, "
        "EXISTS (SELECT 1 FROM opening_hours o WHERE o.membership_id = m.id) AS hours, "
        f"{known_calendars('u.id')} AS known, {GIVEN_BY_OTHERS} AS others "  # an unnamed column is called like its text
        "FROM memberships m JOIN users u ON u.id = m.user_id "
        "LEFT JOIN services s ON s.id = %s AND s.business_id = m.business_id AND s.is_active "
        "LEFT JOIN leads c ON c.id = %s AND c.business_id = m.business_id "
        "WHERE m.business_id = %s AND m.user_id = %s AND NOT m.is_suspended AND u.is_active"
    )


def _require_assignable(target: Target, current: Appointment) -> None:
    if not target.may_assign:
        raise OutOfReach
    (target.reach.gives_to or target.reach).require(current.user_id, current.service_id)
    require_giver(current.user_id, current.service_id)


def locked(target: Target) -> Appointment:
    """Lock the appointment to change, in a transaction. Raises UnknownAppointment and VersionConflict."""
    appointments = Appointment.objects.within(target.reach)
    current = appointments.select_for_update().filter(pk=target.appointment_id).first()
    if current is None:
        raise UnknownAppointment
    if target.versions is not None and current.version not in target.versions:
        raise VersionConflict(_found(target.reach, target.appointment_id))
    return current


def _found(reach: Reach, appointment_id: int) -> AppointmentRow:
    found = find(reach, appointment_id)
    if found is None:
        raise UnknownAppointment
    return found


def _change(current: Appointment, wanted: Mapping[str, Any], now: int) -> None:
    """Apply what is wanted to the row in memory, checked. The database checks the claim when it is saved."""
    status = Status(current.status)
    if status in TERMINAL and _FIXED_AT_THE_END & wanted.keys():
        raise FixedInFinalStatus
    current.status = move(status, Status(wanted.get("status", status)))
    before = current.start_time - current.blocked_from
    after = current.blocked_until - current.end_time
    for name, value in wanted.items():
        if name != "status":
            setattr(current, name, datetime.fromtimestamp(value, UTC) if name in _TIMES else value)
    if {"user_id", "service_id", "contact_id"} & wanted.keys():
        # Only what is new is looked up: a service that is no longer offered stays with its appointments.
        person = Person(current.business_id, current.user_id)
        asked = Interval(_instant(current.start_time), _instant(current.end_time))
        place = _place(person, wanted.get("service_id"), wanted.get("contact_id"), asked, now)
        if wanted.get("contact_id") is not None:
            for name, value in zip(_CONTACT_FIELDS, place.contact, strict=True):
                setattr(current, name, wanted.get(name, value))
        if "service_id" in wanted:
            before = timedelta(seconds=place.buffer_before_seconds)
            after = timedelta(seconds=place.buffer_after_seconds)
    if "start_time" in wanted or "end_time" in wanted:
        asked = Interval(_instant(current.start_time), _instant(current.end_time))
        if "start_time" in wanted:
            check_times(Person(current.business_id, current.user_id), asked, now)
            current.reminder_24h_sent = current.reminder_2h_sent = False
        else:
            _check_length(asked)
    current.blocked_from, current.blocked_until = current.start_time - before, current.end_time + after
    current.version += 1
    current.updated_at = datetime.fromtimestamp(now, UTC)


def _state(appointment: Appointment) -> dict[str, Any]:
    state = {name: getattr(appointment, name) for name in _RECORDED}
    return state | {name: _instant(state[name]) for name in _TIMES}


def _record_update(
    current: Appointment, before: Mapping[str, Any], after: Mapping[str, Any], actor: Actor, reason: str | None
) -> None:
    old, new = changed_fields(before, after)
    subject = Subject(current.business_id, "appointment", current.pk, current.version, current.updated_at)
    note = {} if reason is None else {"reason": reason}
    record(subject, _verb(new), actor, _readable(old), _readable(new) | note)


def _verb(changed: Mapping[str, Any]) -> str:
    if "status" in changed:
        return str(changed["status"])
    if changed.keys() & set(_TIMES):
        return "rescheduled"
    return "reassigned" if "user_id" in changed else "updated"


def _readable(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json_time(value) if name in _TIMES else value for name, value in fields.items()}


def _instant(moment: datetime) -> int:
    return int(moment.timestamp())
