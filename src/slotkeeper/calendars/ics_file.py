"""Read a calendar file as other programs export it: the pure half of ``slotkeeper import``.

A file passes four rooms: ``ics_text`` cuts it into components, ``ics_entries`` turns each VEVENT
into values, with the zones of ``ics_zones``; ``ics_series`` works out what they block, with the rules of
``recurrence``. None of them asks a clock, a disk or a network.
"""

from slotkeeper.calendars.ics_entries import Entry, read_entry, read_title, read_uid
from slotkeeper.calendars.ics_series import read_series
from slotkeeper.calendars.ics_text import Component, read_calendars
from slotkeeper.calendars.ics_values import (
    READING_ERRORS,
    CalendarEvent,
    CalendarFile,
    ReadRequest,
    SkippedEvent,
    SkipReason,
    UnreadableCalendar,
    refusal_of,
)
from slotkeeper.calendars.ics_zones import Zones
from slotkeeper.calendars.recurrence import Allowance

__all__ = [
    "CalendarEvent",
    "CalendarFile",
    "ReadRequest",
    "SkipReason",
    "SkippedEvent",
    "UnreadableCalendar",
    "read_calendar_file",
    "read_entries",
]


def read_calendar_file(data: bytes, request: ReadRequest) -> CalendarFile:
    """Return what a file blocks of its owner's time, and what it holds besides and why that blocks none.

    Raises UnreadableCalendar where the file as a whole makes no sense; a single event that makes none
    is skipped. A series is read whole or not at all. What a hostile file can cost is bounded by
    the request. Source: RFC 5545, and where programs depart from it, what they mean.
    """
    allowance = Allowance(request.max_days_examined, request.max_occurrences)
    same_uid, skipped = read_entries(data, request, allowance)
    events: list[CalendarEvent] = []
    for entries in same_uid.values():
        for outcome in read_series(entries, request, allowance):
            if isinstance(outcome, CalendarEvent):
                events.append(outcome)
            else:
                skipped.append(outcome)
    events.sort(key=lambda event: (event.start, event.end, event.uid))
    return CalendarFile(tuple(events), tuple(skipped))


def read_entries(
    data: bytes, request: ReadRequest, allowance: Allowance
) -> tuple[dict[str, list[Entry]], list[SkippedEvent]]:
    """Return the entries of a file by their UIDs, and those that make no sense. Raises UnreadableCalendar."""
    same_uid: dict[str, list[Entry]] = {}
    skipped: list[SkippedEvent] = []
    for calendar in read_calendars(data, request):
        zones = Zones(calendar, request.zone, allowance)
        for component in calendar.children:
            if component.name != "VEVENT":
                continue
            try:
                entry = read_entry(component, zones, request)
            except READING_ERRORS as error:
                skipped.append(_unreadable(component, error))
            else:
                same_uid.setdefault(entry.uid, []).append(entry)
    return same_uid, skipped


def _unreadable(component: Component, error: Exception) -> SkippedEvent:
    """Report an event that could not be turned into values."""
    properties = component.properties()
    refusal = refusal_of(error)
    return SkippedEvent(
        uid=read_uid(properties),
        recurrence_id="",
        title=read_title(properties),
        start=None,
        reason=refusal.reason,
        detail=f"line {component.line}: {refusal.detail}",
        line=component.line,
    )
