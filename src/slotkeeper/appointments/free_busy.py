"""What a person's time is claimed by: conflicts, busy entries, and free alternatives."""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from slotkeeper import hot_sql
from slotkeeper.calendars.busy import CalendarReading, known_calendars, readings_of, window_edges
from slotkeeper.offerings.reading import hours_within
from slotkeeper.rules.availability import AlternativesRequest, next_free_slots
from slotkeeper.rules.intervals import Interval, overlaps


class UnknownMember(Exception):
    """There is no such member in this business."""


class BusyKind(StrEnum):
    """Why a stretch of time is not free."""

    APPOINTMENT = "appointment"
    BUFFER = "buffer"
    CALENDAR = "calendar"
    HOLD = "hold"
    TIME_OFF = "time_off"
    ELSEWHERE = "elsewhere"
    RESOURCE = "resource"


class BusyEntry(msgspec.Struct, frozen=True, gc=False):
    """Something that claims time: its own time, and the time it blocks (buffers included).

    `title` is an appointment's, or the name of the calendar that it stands in, or of the resource that is taken.
    """

    kind: BusyKind
    start: int
    end: int
    blocked: Interval
    appointment_id: int | None = None
    title: str | None = None
    resource_id: int | None = None


class Person(NamedTuple):
    """Whose time, as seen from which business."""

    business_id: int
    user_id: int


class Busyness(NamedTuple):
    """What occupies a person's time, by start; whether they keep opening hours; and their calendars, if any block."""

    entries: list[BusyEntry]
    has_hours: bool
    calendars: list[CalendarReading]


def read_busy(person: Person, window: Interval, now: int) -> Busyness:
    """Read what occupies a person's time in a window, in one statement: claims, time off, and calendars.

    A suspended member's time is still theirs. Raises UnknownMember.
    """
    start, end = hot_sql.timestamp(window.start), hot_sql.timestamp(window.end)
    found = hot_sql.rows(
        _busy_statement(),
        [
            *window_edges(window),
            *(person.business_id, person.user_id),
            *(person.user_id, end, start, person.user_id, start, start, hot_sql.timestamp(now)),
            *(person.user_id, end, start),
        ],
    )
    of_member = next((row for row in found if row[0] is not None), None)
    if of_member is None:
        raise UnknownMember
    entries = [_entry(row, person.business_id) for row in found if row is not of_member]
    readings = readings_of(of_member[1], window, now)
    if readings:
        for reading in readings:
            entries += _calendar_entries(reading)
        entries.sort(key=attrgetter("blocked"))
    return Busyness(entries, bool(of_member[0]), readings)


@cache
def _busy_statement() -> str:
    """Write the statement of `read_busy`.

    Claims never overlap, so the last one that starts at or before the window is the only earlier one that can reach
    into it: one index seek bounds the search.
    """
    epoch = hot_sql.epoch
    return (
        "SELECT EXISTS (SELECT 1 FROM opening_hours o WHERE o.membership_id = m.id) AS has_hours, "
        f"{known_calendars('m.user_id')} AS known, NULL AS busy_from, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
        "FROM memberships m WHERE m.business_id = %s AND m.user_id = %s "
        f"UNION ALL SELECT NULL, NULL, {epoch('c.claimed_from')}, {epoch('c.claimed_until')}, "
        f"a.id, a.title, a.business_id, {epoch('a.start_time')}, {epoch('a.end_time')}, h.business_id "
        "FROM time_claims c "
        "LEFT JOIN appointments a ON a.id = c.appointment_id LEFT JOIN holds h ON h.id = c.hold_id "
        "WHERE c.user_id = %s AND c.claimed_from < %s AND c.claimed_until > %s "
        "AND c.claimed_from >= coalesce((SELECT max(b.claimed_from) FROM time_claims b "
        "WHERE b.user_id = %s AND b.claimed_from <= %s), %s) "
        "AND (c.held_until IS NULL OR c.held_until > %s) "
        f"UNION ALL SELECT NULL, NULL, {epoch('t.start_time')}, {epoch('t.end_time')}, "
        "NULL, NULL, NULL, NULL, NULL, NULL "
        "FROM time_off t WHERE t.user_id = %s AND t.start_time < %s AND t.end_time > %s ORDER BY busy_from"
    )


def _calendar_entries(reading: CalendarReading) -> list[BusyEntry]:
    kind, name = BusyKind.CALENDAR, reading.name
    return [BusyEntry(kind, busy.start, busy.end, busy, None, name) for busy in reading.busy]


def _entry(row: Any, business_id: int) -> BusyEntry:
    _, _, busy_from, busy_until, appointment_id, title, owner_id, start, end, holder_id = row
    blocked = Interval(busy_from, busy_until)
    if owner_id is None and holder_id is None:
        return BusyEntry(BusyKind.TIME_OFF, busy_from, busy_until, blocked)
    if owner_id == business_id:
        return BusyEntry(BusyKind.APPOINTMENT, start, end, blocked, appointment_id, title)
    kind = BusyKind.HOLD if holder_id == business_id else BusyKind.ELSEWHERE
    return BusyEntry(kind, busy_from, busy_until, blocked)


def read_open_windows(person: Person, window: Interval) -> list[Interval]:
    """Read when a person's opening hours let them work, as windows that overlap the one given."""
    hours = hours_within([person.user_id], person.business_id, window)[person.user_id]
    return list(hours.windows(window))


def conflicts_with(entries: Iterable[BusyEntry], asked: Interval, exclude_id: int | None = None) -> list[BusyEntry]:
    """Keep the entries that stand in the way of `asked`.

    Where only an appointment's buffer does, the entry's kind says so.
    """
    conflicts = []
    for entry in entries:
        if not overlaps(entry.blocked, asked) or (exclude_id is not None and entry.appointment_id == exclude_id):
            continue
        is_buffer = entry.kind is BusyKind.APPOINTMENT and not overlaps(Interval(entry.start, entry.end), asked)
        conflicts.append(
            BusyEntry(BusyKind.BUFFER, entry.start, entry.end, entry.blocked, entry.appointment_id, entry.title)
            if is_buffer
            else entry
        )
    return conflicts


def read_alternatives(
    person: Person,
    request: AlternativesRequest,
    exclude_id: int | None = None,
    buffers: tuple[int, int] = (0, 0),
) -> list[Interval]:
    """Find the next three free slots after a refused start, each with room for buffers (seconds before, after).

    They lie inside opening hours where the person has any. Raises UnknownMember.
    """
    before, after = buffers
    window = request.window
    busyness = read_busy(person, Interval(window.start - before, window.end + after), request.now)
    others = (entry.blocked for entry in busyness.entries if exclude_id is None or entry.appointment_id != exclude_id)
    open_hours = read_open_windows(person, window) if busyness.has_hours else None
    busy = (Interval(blocked.start - after, blocked.end + before) for blocked in others)
    return next_free_slots(request, busy, open_hours)
