"""Entries of a foreign calendar, as what they block; and our own events, as entries."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from slotkeeper.calendars.ics_file import CalendarEvent, ReadRequest, SkippedEvent, SkipReason, read_calendar_file
from slotkeeper.calendars.ics_text import Component, read_calendars
from slotkeeper.calendars.ics_values import LATEST
from slotkeeper.calendars.ics_writing import folded, ics_text, ics_time
from slotkeeper.calendars.providers.base import ChangesRequest, EventDetails, Refused, RemoteEvent
from slotkeeper.rules.intervals import Interval, union

_OUR_UID = re.compile(r"([a-v0-9]{5,64})@slotkeeper")
# What is left out for these reasons may block time all the same.
_MAY_BLOCK = frozenset({SkipReason.UNREADABLE, SkipReason.SUB_DAILY_RECURRENCE, SkipReason.TOO_MANY_OCCURRENCES})
_DAY = re.compile(r"[0-9]{8}")
_ZONES_APART = timedelta(days=2)


def read_request(request: ChangesRequest) -> ReadRequest:
    """Ask for what blocks a window, however long it lasts: a sabbatical blocks, too."""
    return ReadRequest(request.zone, request.owner_email, *request.window, longest_seconds=LATEST)


def read_events(data: bytes, request: ReadRequest) -> dict[str, RemoteEvent]:
    """Give the entries of a calendar file by UID. Raises UnreadableCalendar, and Refused rather than leave out
    what may block time: a calendar is never free because it cannot be read.
    """  # noqa: D205 -- two sentences that belong together
    file = read_calendar_file(data, request)
    unreadable = [skipped for skipped in file.skipped if skipped.reason in _MAY_BLOCK]
    if unreadable:
        _refuse(unreadable, data, request)
    found: dict[str, list[CalendarEvent]] = {skipped.uid: [] for skipped in file.skipped if skipped.uid}
    for event in file.events:
        found.setdefault(event.uid, []).append(event)
    window = Interval(request.expand_from, request.expand_until)
    return {uid: _event(uid, events, window) for uid, events in found.items()}


def read_event(path: str, etag: str, data: bytes, request: ReadRequest) -> RemoteEvent:
    """Give what one resource of a CalDAV server comes to; it holds one UID (RFC 4791 section 4.1)."""
    is_ours = b"@slotkeeper" in data
    found = read_events(data, replace(request, expand_from=0) if is_ours else request)
    busy = union(_clipped((time for event in found.values() for time in event.busy), request))
    own = next((event for event in found.values() if event.key), None)
    return RemoteEvent(path, tuple(busy), own.key if own else "", own.own_time if own else None, etag)


def written(event: EventDetails, now: datetime) -> bytes:
    """Write an event of ours as a calendar file. Times are in UTC, so no zone has to be explained."""
    start, end = (datetime.fromtimestamp(edge, UTC) for edge in (event.start, event.end))
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Slotkeeper//Slotkeeper//EN",
        "CALSCALE:GREGORIAN",
        "BEGIN:VEVENT",
        f"UID:{event.key}@slotkeeper",
        f"DTSTAMP:{ics_time(now)}",
        f"SEQUENCE:{event.version}",
        f"DTSTART:{ics_time(start)}",
        f"DTEND:{ics_time(end)}",
        f"SUMMARY:{ics_text(event.title)}",
        f"DESCRIPTION:{ics_text(event.description)}",
        f"LOCATION:{ics_text(event.location)}",
        f"STATUS:{'TENTATIVE' if event.is_tentative else 'CONFIRMED'}",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return folded(line for line in lines if not line.endswith(":"))


def _event(uid: str, events: list[CalendarEvent], window: Interval) -> RemoteEvent:
    times = [Interval(event.start, event.end) for event in events]
    ours = _OUR_UID.fullmatch(uid)
    busy = tuple(union(_clipped(times, window)))
    return RemoteEvent(uid, busy, ours[1] if ours else "", min(times, default=None) if ours else None)


def _clipped(times: Iterable[Interval], window: Interval | ReadRequest) -> Iterator[Interval]:
    if isinstance(window, ReadRequest):
        window = Interval(window.expand_from, window.expand_until)
    for time in times:
        start, end = max(time.start, window.start), min(time.end, window.end)
        if start < end:
            yield Interval(start, end)


def _refuse(unreadable: list[SkippedEvent], data: bytes, request: ReadRequest) -> None:
    """Raise Refused for the first entry that may still block time; what is long over matters to nobody."""
    since = datetime.fromtimestamp(request.expand_from, UTC).date() - _ZONES_APART
    calendars = read_calendars(data, request)
    over = {entry.line for calendar in calendars for entry in calendar.children if _is_over(entry, since)}
    for entry in unreadable:
        if entry.line not in over:
            name = f"“{entry.title}”" if entry.title else "An event without a title"
            raise Refused(f"{name} keeps this calendar from being read. {entry.reason.sentence} ({entry.detail})")


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
