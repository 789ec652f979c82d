"""The in-memory twin: the simplest thing that keeps the contract, for tests that need a calendar and no server."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from slotkeeper.calendars.providers.base import (
    AccessLost,
    Changes,
    CursorExpired,
    EventChanged,
    EventGone,
    RemoteCalendar,
    RemoteEvent,
    Unavailable,
    WrittenEvent,
)
from slotkeeper.rules.intervals import Interval, overlaps

FAULTS = {
    "away": lambda: Unavailable("The server cannot be reached."),
    "error": lambda: Unavailable("The server has a fault (500)."),
    "busy": lambda: Unavailable("The server is busy (429).", 7.0),
    "nonsense": lambda: Unavailable("The server answers what it should not."),
    "cut": lambda: Unavailable("The server cut the answer."),
    "locked_out": lambda: AccessLost("The password is no longer accepted."),
}


@dataclass
class Stored:
    """An event in the calendar."""

    title: str
    times: tuple[Interval, ...]
    blocks: bool = True
    key: str = ""
    etag: str = ""
    changed_at: int = 0
    is_gone: bool = False


@dataclass
class MemoryCalendar:
    """A calendar server with one account and one calendar."""

    events: dict[str, Stored] = field(default_factory=dict)
    clock: count = field(default_factory=lambda: count(1))
    oldest_cursor: int = 0
    fault: str = ""
    writes: int = 0

    def store(self, external_id: str, **fields) -> Stored:
        now = next(self.clock)
        self.events[external_id] = Stored(etag=f'"{now}"', changed_at=now, **fields)
        return self.events[external_id]


class MemoryProvider:
    """Speaks to a MemoryCalendar."""

    def __init__(self, calendar: MemoryCalendar) -> None:
        self.calendar = calendar

    def list_calendars(self):
        self._check()
        return [RemoteCalendar("main", "Main", is_primary=True)]

    def read_changes(self, _calendar_id, request):
        self._check()
        since = int(request.cursor or 0)
        if request.cursor and since < self.calendar.oldest_cursor:
            raise CursorExpired("Read everything again.")
        changed = {name: one for name, one in self.calendar.events.items() if one.changed_at > since}
        events = [
            RemoteEvent(
                name,
                tuple(time for time in one.times if one.blocks and overlaps(time, request.window)),
                one.key,
                one.times[0] if one.key else None,
                one.etag,
            )
            for name, one in changed.items()
            if not one.is_gone
        ]
        removed = () if not request.cursor else tuple(name for name, one in changed.items() if one.is_gone)
        return Changes(tuple(events), removed, str(next(self.calendar.clock)), is_full=not request.cursor)

    def create_event(self, place, event):
        self._check()
        name = f"id-{place.key}"
        self._write(name, event)
        self._check_after()
        return WrittenEvent(name, self.calendar.events[name].etag)

    def update_event(self, place, event):
        self._check()
        there = self.calendar.events.get(place.external_id)
        if there is None or there.is_gone:
            raise EventGone("The event is gone.")
        if place.etag and there.etag != place.etag:
            raise EventChanged("The event was changed.")
        self._write(place.external_id, event)
        return WrittenEvent(place.external_id, self.calendar.events[place.external_id].etag)

    def delete_event(self, place):
        self._check()
        there = self.calendar.events.get(place.external_id or f"id-{place.key}")
        if there is not None:
            there.is_gone, there.changed_at = True, next(self.calendar.clock)

    def find_event(self, place):
        self._check()
        name = place.external_id or f"id-{place.key}"
        there = self.calendar.events.get(name)
        if there is None or there.is_gone:
            return None
        return RemoteEvent(name, there.times, there.key, there.times[0], there.etag)

    def _write(self, name, event):
        self.calendar.writes += 1
        self.calendar.store(name, title=event.title, times=(Interval(event.start, event.end),), key=event.key)

    def _check(self):
        if self.calendar.fault in FAULTS:
            error = FAULTS[self.calendar.fault]()
            raise error

    def _check_after(self):
        """Lose the answer of what has been done all the same."""
        if self.calendar.fault == "lost_answer":
            self.calendar.fault = ""
            raise Unavailable("The server cut the answer.")


class MemoryWorld:
    """The twin, as the contract test sees it."""

    calendar_id = "main"
    can_tell_tentative = True

    def __init__(self) -> None:
        self.calendar = MemoryCalendar()
        self.provider = MemoryProvider(self.calendar)

    def put(self, uid, start, end, **fields):
        times = [Interval(start, end)]
        if "rrule" in fields:
            assert fields["rrule"].startswith("FREQ=WEEKLY;COUNT=")
            zone = ZoneInfo(fields.get("zone", "UTC"))
            first = datetime.fromtimestamp(start, zone)
            starts = [first + timedelta(weeks=week) for week in range(int(fields["rrule"].rpartition("=")[2]))]
            times = [Interval(int(at.timestamp()), int(at.timestamp()) + end - start) for at in starts]
        blocks = not {"transparent", "canceled"} & fields.keys()
        self.calendar.store(uid, title=uid, times=tuple(times), blocks=blocks)

    def put_all_day(self, uid, first_day, days):
        zone = ZoneInfo("Europe/Berlin")
        first = date.fromisoformat(first_day)
        start, end = (
            int(datetime.combine(day, datetime.min.time(), zone).timestamp())
            for day in (first, first + timedelta(days=days))
        )
        self.calendar.store(uid, title=uid, times=(Interval(start, end),))

    def move(self, external_id, start, end):
        there = self.calendar.events[external_id]
        self.calendar.store(external_id, title=there.title, times=(Interval(start, end),), key=there.key)

    def remove(self, external_id):
        self.calendar.events[external_id].is_gone = True
        self.calendar.events[external_id].changed_at = next(self.calendar.clock)

    def titles(self):
        return sorted(one.title for one in self.calendar.events.values() if not one.is_gone)

    def forget_cursors(self):
        self.calendar.oldest_cursor = next(self.calendar.clock)

    @contextmanager
    def broken(self, fault):
        self.calendar.fault = fault
        yield
        self.calendar.fault = ""
