"""What the entries of a foreign calendar block, and which of them are ours.

The process that reads feeds stands on this, so nothing here may load Django or an HTTP client.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from slotkeeper.calendars.ics_file import CalendarEvent, ReadRequest, SkippedEvent, SkipReason, read_calendar_file
from slotkeeper.calendars.ics_text import Component, read_calendars
from slotkeeper.calendars.ics_values import LATEST, UnreadableCalendar
from slotkeeper.rules.intervals import Interval, union

_OUR_UID = re.compile(r"([a-v0-9]{5,64})@slotkeeper")
# What is left out for these reasons may block time all the same.
_MAY_BLOCK = frozenset({SkipReason.UNREADABLE, SkipReason.SUB_DAILY_RECURRENCE, SkipReason.TOO_MANY_OCCURRENCES})
_DAY = re.compile(r"[0-9]{8}")
_ZONES_APART = timedelta(days=2)


class BusyEntry(NamedTuple):
    """One UID with all its instances: what it blocks of the window; and if it is ours its key and when it stands."""

    uid: str
    busy: tuple[Interval, ...]
    key: str = ""
    own_time: Interval | None = None


def busy_request(zone: str, owner_email: str, window: Interval) -> ReadRequest:
    """Ask for what blocks a window, however long it lasts: a sabbatical blocks, too."""
    return ReadRequest(zone, owner_email, *window, longest_seconds=LATEST)


def read_busy(data: bytes, request: ReadRequest) -> list[BusyEntry]:
    """Give the entries of a calendar file. Raises UnreadableCalendar, also for one entry that may block time.

    A calendar is never free because it cannot be read.
    """
    file = read_calendar_file(data, request)
    unreadable = [skipped for skipped in file.skipped if skipped.reason in _MAY_BLOCK]
    if unreadable:
        _refuse(unreadable, data, request)
    found: dict[str, list[CalendarEvent]] = {skipped.uid: [] for skipped in file.skipped if skipped.uid}
    for event in file.events:
        found.setdefault(event.uid, []).append(event)
    window = Interval(request.expand_from, request.expand_until)
    return [_entry(uid, events, window) for uid, events in found.items()]


def clipped(times: Iterable[Interval], window: Interval) -> Iterator[Interval]:
    """Give the parts of times that lie in a window."""
    for time in times:
        start, end = max(time.start, window.start), min(time.end, window.end)
        if start < end:
            yield Interval(start, end)


def _entry(uid: str, events: list[CalendarEvent], window: Interval) -> BusyEntry:
    times = [Interval(event.start, event.end) for event in events]
    ours = _OUR_UID.fullmatch(uid)
    busy = tuple(union(clipped(times, window)))
    return BusyEntry(uid, busy, ours[1] if ours else "", min(times, default=None) if ours else None)


def _refuse(unreadable: list[SkippedEvent], data: bytes, request: ReadRequest) -> None:
    """Raise for the first entry that may still block time; what is long over matters to nobody."""
    since = datetime.fromtimestamp(request.expand_from, UTC).date() - _ZONES_APART
    calendars = read_calendars(data, request)
    over = {entry.line for calendar in calendars for entry in calendar.children if _is_over(entry, since)}
    for entry in unreadable:
        if entry.line not in over:
            name = f"“{entry.title}”" if entry.title else "An event without a title"
            message = f"{name} keeps this calendar from being read. {entry.reason.sentence} ({entry.detail})"
            raise UnreadableCalendar(message)


def _is_over(entry: Component, since: date) -> bool:
    """Say whether even an unreadable event is evidently over: it happens once, and its days are past."""
    properties = entry.properties()
    if not properties.keys().isdisjoint({"RRULE", "RDATE", "DURATION"}):
        return False
    texts = [source.value.strip()[:8] for name in ("DTSTART", "DTEND") for source in properties.get(name, ())]
    try:
        days = [date.fromisoformat(text) for text in texts if _DAY.fullmatch(text)]
    except ValueError:
        return False
    return bool(days) and len(days) == len(texts) and max(days) < since
