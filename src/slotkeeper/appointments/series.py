"""Appointments that repeat: booked together or not at all, moved and canceled from one of them on.

A series keeps its wall clock: weekly at 9:00 stays at 9:00 when the clocks change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from msgspec import structs

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target, UnknownAppointment
from slotkeeper.appointments.free_busy import BusyEntry
from slotkeeper.appointments.guard import lock_claimants
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import Appointment, SeriesPlace
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.resources import lock_for_moves
from slotkeeper.appointments.rows import AppointmentRow, find, find_several
from slotkeeper.changes.record import Actor
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS, earliest_instant, offset_at

MOST_TIMES = 52
MOST_WEEKS = 12


@dataclass(frozen=True, slots=True)
class Repetition:
    """Every how many weeks, how many times in all, and by which zone's clock."""

    every_weeks: int
    times: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class RefusedDate:
    """A date of a series that is not free for a person; `number` counts from 1."""

    number: int
    asked: Interval
    user_id: int
    conflicts: list[BusyEntry]
    alternatives: list[Interval]


class SeriesRefused(Exception):
    """Some dates of the series are not free. Nothing was booked."""

    def __init__(self, refused: list[RefusedDate]) -> None:
        super().__init__(refused)
        self.refused = refused


def dates_of(first: Interval, repetition: Repetition) -> list[Interval]:
    """Give the times of a series; where a clock skips or repeats the reading, the first instant that follows it."""
    weeks = (number * repetition.every_weeks for number in range(repetition.times))
    return [_shifted(first, week * 7 * DAY_SECONDS, repetition.time_zone) for week in weeks]


def book_series(
    booking: Booking, dates: Sequence[Interval], actor: Actor, now: int, *, allow_conflicts: bool = False
) -> list[AppointmentRow]:
    """Book an appointment on every one of several dates, or on none.

    Raises SeriesRefused, which names every date that is not free, and all that `actions.book` raises
    but SlotTaken.
    """

    def book(number: int) -> AppointmentRow:
        start, end = dates[number]
        dated = structs.replace(booking, start_time=start, end_time=end)
        return actions.book(dated, actor, now, allow_conflicts=allow_conflicts)

    with transaction.atomic():
        lock_claimants([booking.user_id])
        rows = _each(book, dates)
        SeriesPlace.objects.bulk_create(
            SeriesPlace(appointment_id=row.id, series_id=rows[0].id, number=number)
            for number, row in enumerate(rows, 1)
        )
    return rows


def read_series(reach: Reach, appointment_id: int) -> list[AppointmentRow]:
    """Read the whole series of an appointment, by start; [] where it belongs to none."""
    places = SeriesPlace.objects.filter(series__series_places__appointment_id=appointment_id)
    return find_several(reach, list(places.values_list("appointment_id", flat=True)))


def cancel_from_here(target: Target, actor: Actor, now: int, reason: str | None = None) -> list[AppointmentRow]:
    """Cancel an appointment and the later ones of its series. Raises UnknownAppointment and VersionConflict."""
    with transaction.atomic():
        rows = _from_here(target)
        return [actions.cancel(_target(target, row), actor, now, reason) for row in rows]


def move_from_here(target: Target, to: Interval, time_zone: str, actor: Actor, now: int) -> list[AppointmentRow]:
    """Move an appointment, and the later ones of its series by as much on the wall clock; all or none.

    Raises UnknownAppointment, VersionConflict, SeriesRefused and all that `actions.update` raises but SlotTaken.
    """
    with transaction.atomic():
        rows = _from_here(target)
        lock_for_moves(target.reach.business_id, [row.id for row in rows])
        shift = _reading(to.start, time_zone) - _reading(rows[0].start_time, time_zone)
        length = to.end - to.start
        starts = [_shifted(Interval(row.start_time, row.end_time), shift, time_zone).start for row in rows]
        dates = [Interval(start, start + length) for start in starts]

        def move(number: int) -> AppointmentRow:
            fields = {"start_time": dates[number].start, "end_time": dates[number].end}
            return actions.update(_target(target, rows[number]), fields, actor, now)

        # Moved later, the last one goes first, or each would run into the one after it.
        order = range(len(rows)) if shift <= 0 else range(len(rows) - 1, -1, -1)
        return _each(move, dates, order)


def _each(
    act: Callable[[int], AppointmentRow], dates: Sequence[Interval], order: Sequence[int] | None = None
) -> list[AppointmentRow]:
    """Act on every date and give the rows by date. Raises SeriesRefused with all that are not free."""
    rows: dict[int, AppointmentRow] = {}
    refused = []
    for number in order or range(len(dates)):
        try:
            rows[number] = act(number)
        except actions.SlotTaken as error:
            refused.append(RefusedDate(number + 1, dates[number], error.user_id, error.conflicts, error.alternatives))
    if refused:
        raise SeriesRefused(sorted(refused, key=lambda date: date.number))
    return [rows[number] for number in range(len(dates))]


def _from_here(target: Target) -> list[AppointmentRow]:
    """Lock a series, and read an appointment and the later ones of it that can still change."""
    members = SeriesPlace.objects.filter(series__series_places__appointment_id=target.appointment_id)
    ids = {target.appointment_id, *members.values_list("appointment_id", flat=True)}
    # Whoever changes appointments locks their rows first, in the order of their ids, and then who is in them.
    list(Appointment.objects.within(target.reach).filter(pk__in=ids).select_for_update().order_by("pk"))
    row = find(target.reach, target.appointment_id)
    if row is None:
        raise UnknownAppointment
    series = read_series(target.reach, row.id) or [row]
    later = series[next(number for number, one in enumerate(series) if one.id == row.id) :]
    return [one for one in later if one.id == row.id or Status(one.status) not in TERMINAL]


def _target(target: Target, row: AppointmentRow) -> Target:
    """Aim at one of a series; the versions that the caller accepts are those of the one they named."""
    versions = target.versions if row.id == target.appointment_id else None
    return replace(target, appointment_id=row.id, versions=versions)


def _shifted(time: Interval, seconds: int, zone: str) -> Interval:
    """Move a time by as much on the wall clock; it stays as long as it is."""
    start = earliest_instant(zone, _reading(time.start, zone) + seconds)
    return Interval(start, start + time.end - time.start)


def _reading(instant: int, zone: str) -> int:
    return instant + offset_at(zone, instant)
