"""Whose time is wanted, and what is in its way."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from slotkeeper import hot_sql
from slotkeeper.appointments.free_busy import BusyEntry, Person, conflicts_with, read_alternatives, read_busy
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.slots import SlotQuery, UnknownService, read_next_slots
from slotkeeper.calendars.busy import CalendarReading, Freshness, read_calendars
from slotkeeper.rules.availability import ALTERNATIVES, AlternativesRequest
from slotkeeper.rules.intervals import Interval


class Wish(NamedTuple):
    """Whose time is wanted, when, with which buffers (seconds before and after), for which service."""

    person: Person
    asked: Interval
    buffers: tuple[int, int] = (0, 0)
    service_id: int | None = None
    besides_id: int | None = None  # the appointment that is to be moved is in nobody's way

    @property
    def blocked(self) -> Interval:
        """The time that it would block."""
        return Interval(self.asked.start - self.buffers[0], self.asked.end + self.buffers[1])


def wish_of(current: Appointment) -> Wish:
    """Say what an appointment, as it stands in memory, takes."""
    times = (current.start_time, current.end_time, current.blocked_from, current.blocked_until)
    start, end, blocked_from, blocked_until = (int(moment.timestamp()) for moment in times)
    person = Person(current.business_id, current.user_id)
    buffers = start - blocked_from, blocked_until - end
    return Wish(person, Interval(start, end), buffers, current.service_id, current.pk)


def in_the_way(wish: Wish, now: int, missing: Sequence[BusyEntry] = ()) -> tuple[list[BusyEntry], list[Interval]]:
    """Say what is in the way, with the resources that are missing, and which times are free instead.

    Those are the service's own slots where it is offered.
    """
    conflicts = [*conflicts_with(read_busy(wish.person, wish.blocked, now).entries, wish.blocked, wish.besides_id)]
    conflicts += missing
    if wish.service_id is not None:
        within = Interval(wish.asked.start, wish.asked.start + 1)
        person = wish.person
        query = SlotQuery(person.business_id, wish.service_id, within, now, person.user_id, wish.besides_id)
        with suppress(UnknownService):
            slots = read_next_slots(query, ALTERNATIVES)
            return conflicts, [Interval(slot.start, slot.end) for slot in slots]
    request = AlternativesRequest(wish.asked.start, now)
    return conflicts, read_alternatives(wish.person, request, wish.besides_id, wish.buffers)


def is_absent(wish: Wish, now: int) -> bool:
    """Say whether time off or an event of a calendar is in the way."""
    found = hot_sql.row(
        "SELECT 1 FROM time_off WHERE user_id = %s AND end_time > %s AND start_time < %s",
        [wish.person.user_id, hot_sql.timestamp(wish.asked.start), hot_sql.timestamp(wish.asked.end)],
    )
    user_id = wish.person.user_id
    return found is not None or are_in_the_way(read_calendars([user_id], wish.asked, now)[user_id])


def are_in_the_way(readings: Iterable[CalendarReading]) -> bool:
    """Say whether a calendar's event is in the way; one that cannot be read is not, for a member who books."""
    return any(reading.busy for reading in readings if reading.freshness is not Freshness.BLOCKING)
