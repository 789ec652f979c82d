"""What the entries of a foreign calendar block, and which of them are ours.

The process that reads feeds stands on this, so nothing here may load Django or an HTTP client.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from slotkeeper.calendars.ics_entries import Entry, read_duration
from slotkeeper.calendars.ics_file import CalendarEvent, ReadRequest, SkippedEvent, SkipReason, read_entries
from slotkeeper.calendars.ics_series import newest, read_series, standing_time
from slotkeeper.calendars.ics_text import Component, Property, read_calendars
from slotkeeper.calendars.ics_values import READING_ERRORS, UnreadableCalendar
from slotkeeper.calendars.recurrence import Allowance, last_day
from slotkeeper.rules.intervals import Interval, union

_OUR_UID = re.compile(r"([a-v0-9]{5,64})@slotkeeper")
# What is left out for these reasons may block time all the same.
_MAY_BLOCK = frozenset({SkipReason.UNREADABLE, SkipReason.SUB_DAILY_RECURRENCE, SkipReason.TOO_MANY_OCCURRENCES})
_DAY = re.compile(r"[0-9]{8}")
_ZONES_APART = timedelta(days=2)


class BusyEntry(NamedTuple):
    """One UID with all its instances: what it blocks of the window; and if it is ours its key and when it stands.

    Ours stands there also where it blocks nothing, unless it was canceled.
    """

    uid: str
    busy: tuple[Interval, ...]
    key: str = ""
    own_time: Interval | None = None


def busy_request(zone: str, owner_emails: frozenset[str], window: Interval) -> ReadRequest:
    """Ask for what blocks a window, however long it lasts: a sabbatical blocks, too."""
    return ReadRequest(zone, owner_emails, *window, is_for_busy=True)


def read_busy(data: bytes, request: ReadRequest) -> list[BusyEntry]:
    """Give the entries of a calendar file. Raises UnreadableCalendar, also for one entry that may block time.

    A calendar is never free because it cannot be read.
    """
    allowance = Allowance(request.max_days_examined, request.max_occurrences)
    same_uid, skipped = read_entries(data, request, allowance)
    window = Interval(request.expand_from, request.expand_until)
    found: list[BusyEntry] = []
    for uid, entries in same_uid.items():
        times: list[Interval] = []
        for outcome in read_series(entries, request, allowance):
            if isinstance(outcome, CalendarEvent):
                times.append(Interval(outcome.start, outcome.end))
            else:
                skipped.append(outcome)
        busy = tuple(union(_clipped(times, window)))
        ours = _OUR_UID.fullmatch(uid)
        found.append(BusyEntry(uid, busy, ours[1], _own_time(entries)) if ours else BusyEntry(uid, busy))
    unreadable = [one for one in skipped if one.reason in _MAY_BLOCK]
    if unreadable:
        _refuse(unreadable, data, request)
    return found


def _clipped(times: Iterable[Interval], window: Interval) -> Iterator[Interval]:
    """Give the parts of times that lie in a window."""
    for time in times:
        start, end = max(time.start, window.start), min(time.end, window.end)
        if start < end:
            yield Interval(start, end)


def _own_time(entries: list[Entry]) -> Interval | None:
    """Say when an event of ours stands in the calendar: marked as free or declined it does, canceled it does not."""
    entry = newest(entries)
    is_canceled = entry.absence is not None and entry.absence.reason is SkipReason.CANCELED
    return None if is_canceled else standing_time(entry)


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
    """Say whether even an unreadable event is evidently over: its days are past, and its last repetition."""
    properties = entry.properties()
    if "RDATE" in properties:
        return False
    try:
        days = [_day(source) for name in ("DTSTART", "DTEND") for source in properties.get(name, ())]
        lasting = sum(read_duration(source.value).nominal_seconds for source in properties.get("DURATION", ()))
        length = max(days) - min(days) + timedelta(seconds=lasting, days=1)
        starts = [min(days), *(last_day(source.value, max(days)) for source in properties.get("RRULE", ()))]
        return all(start is not None and start + length < since for start in starts)
    except READING_ERRORS:
        return False


def _day(source: Property) -> date:
    """Read the day of a date or a time, whatever its zone."""
    text = source.value.strip()[:8]
    if not _DAY.fullmatch(text):
        raise ValueError("there is no day")
    return date.fromisoformat(text)
