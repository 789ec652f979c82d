"""A day, person by person: when each is there, what is booked with them, and when else they are busy."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.urls import reverse

from slotkeeper.appointments.free_busy import BusyEntry, Person, UnknownMember, read_busy
from slotkeeper.appointments.rows import AppointmentRow, Listing, read_listing
from slotkeeper.doors.dashboard.asking import people_for, readable, writable
from slotkeeper.doors.dashboard.calendar import SHOWN_STATUSES
from slotkeeper.doors.dashboard.refusals import busy_in_words
from slotkeeper.doors.disclosure import disclosed
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.reading import hours_within
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import User
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import HOUR_SECONDS, TimeForm, day_bounds
from slotkeeper.rules.permissions import Permission

MOST_PEOPLE = 50
MOST_SHOWN = 1000
PALETTE = 8
_USUAL_HOURS = (8, 18)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of somebody's day: an appointment, or what else keeps them busy. `shown` is cut to the day."""

    shown: Interval
    times: str
    words: Any = ""
    row: AppointmentRow | None = None
    is_movable: bool = False
    color: str | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A person's day."""

    user_id: int
    name: str
    place: int  # in the palette
    open: list[Interval]
    hours: str
    takes: bool  # whether the caller may give them appointments
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DayBoard:
    """The columns, the stretch of the day that they show, and its hours: each with what the clocks show."""

    columns: list[Column]
    shown: Interval
    hours: list[tuple[int, str]]
    has_more: bool

    @property
    def count(self) -> int:
        """How many appointments there are."""
        return sum(1 for column in self.columns for block in column.blocks if block.row)


def read_board(caller: Caller, day: date, now: int, only: int | None = None) -> DayBoard:
    """Read a day of everybody whose appointments the caller may see, or of one of them."""
    window = day_bounds(caller.time_zone, day.year, day.month, day.day)
    rows = read_listing(
        Listing(readable(caller), MOST_SHOWN + 1, window.start, window.end, SHOWN_STATUSES, user_id=only)
    )
    people = _people(caller, rows)
    has_more = len(rows) > MOST_SHOWN or len(people) > MOST_PEOPLE
    shown = {user_id: name for user_id, name in list(people.items())[:MOST_PEOPLE] if only in {None, user_id}}
    columns = _Reader(caller, window, now, rows[:MOST_SHOWN]).columns(shown, list(people))
    part = _shown_part(window, columns)
    clocks = TimeForm.with_offset(caller.time_zone)
    hours = [(at, clocks.write(at)[11:16]) for at in range(part.start, part.end, HOUR_SECONDS)]
    return DayBoard(columns, part, hours, has_more)


def _people(caller: Caller, rows: Iterable[AppointmentRow]) -> dict[int, str]:
    """List those whose day is shown: who works here, and who has left and still has appointments."""
    people = people_for(caller, Permission.APPOINTMENTS_READ_ALL)
    gone = {row.user_id for row in rows} - people.keys()
    return people | {user.pk: str(user) for user in User.objects.filter(pk__in=gone).order_by("pk")}


class _Reader:
    """Reads one day for one caller."""

    def __init__(self, caller: Caller, window: Interval, now: int, rows: list[AppointmentRow]) -> None:
        self.caller, self.window, self.now = caller, window, now
        self.rows = {row.id: row for row in rows}
        self.clocks = TimeForm.with_offset(caller.time_zone)
        self.reach = writable(caller)
        self.colors = dict(Service.objects.in_business(caller.business_id).values_list("pk", "color"))

    def columns(self, people: dict[int, str], places: list[int]) -> list[Column]:
        """Give each person's day."""
        takers = people_for(self.caller, Permission.APPOINTMENTS_ASSIGN)
        hours = hours_within(people, self.caller.business_id, self.window)
        columns = []
        for user_id, name in people.items():
            opened = [self._cut(one) for one in hours[user_id].windows(self.window)] if user_id in hours else []
            column = Column(
                user_id,
                name,
                places.index(user_id) % PALETTE,
                opened,
                ", ".join(map(self._times, opened)),
                user_id in takers,
            )
            own = [self._booked(row) for row in self.rows.values() if row.user_id == user_id]
            column.blocks.extend(sorted([*own, *self._busy(user_id)], key=lambda block: block.shown))
            columns.append(column)
        return columns

    def _booked(self, row: AppointmentRow) -> Block:
        is_movable = self.caller.may(Permission.APPOINTMENTS_WRITE) and self.reach.covers(row.user_id, row.service_id)
        is_movable = is_movable and Status(row.status) not in TERMINAL
        shown = self._cut(Interval(row.start_time, row.end_time))
        url = reverse("appointment_assign" if is_movable else "appointment", args=[row.id])
        return Block(
            shown, self._times(shown), row.title, row, is_movable, self.colors.get(row.service_id or 0) or None, url
        )

    def _busy(self, user_id: int) -> list[Block]:
        entries: list[BusyEntry] = []
        with suppress(UnknownMember):  # whoever was removed has appointments, and no more that would be read
            entries = read_busy(Person(self.caller.business_id, user_id), self.window, self.now).entries
        blocks = []
        for entry in disclosed(entries, self.caller, user_id):
            row = self.rows.get(entry.appointment_id or 0)
            if row is not None and row.user_id == user_id:
                continue
            shown = self._cut(Interval(entry.start, entry.end))
            if shown.end > shown.start:  # not where only its pause reaches into the day
                blocks.append(Block(shown, self._times(shown), busy_in_words(entry)))
        return blocks

    def _cut(self, time: Interval) -> Interval:
        return Interval(max(time.start, self.window.start), min(time.end, self.window.end))

    def _times(self, time: Interval) -> str:
        start, end = self.clocks.write_all(time)
        return f"{start[11:16]}–{'24:00' if time.end == self.window.end else end[11:16]}"


def _shown_part(window: Interval, columns: list[Column]) -> Interval:
    """Give the hours that a board shows: the usual ones, and whatever of the day is open or booked beyond them."""
    first, last = (window.start + hour * HOUR_SECONDS for hour in _USUAL_HOURS)
    stretches = [one for column in columns for one in column.open]
    stretches += [block.shown for column in columns for block in column.blocks if block.row]
    first = min([first, *(one.start for one in stretches)])
    last = max([last, *(one.end for one in stretches)])
    start = window.start + (first - window.start) // HOUR_SECONDS * HOUR_SECONDS
    end = window.start - (window.start - last) // HOUR_SECONDS * HOUR_SECONDS
    return Interval(start, min(end, window.end))
