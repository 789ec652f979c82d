"""Google's events: as they come over the wire, and what they come to (pure).

https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import msgspec

from slotkeeper.calendars.ics_busy import busy_request, read_busy
from slotkeeper.calendars.ics_values import UnreadableCalendar
from slotkeeper.calendars.ics_zones import instant_of, known_zone
from slotkeeper.calendars.providers.base import ChangesRequest, EventDetails, Refused, RemoteEvent
from slotkeeper.rules.intervals import Interval, overlaps
from slotkeeper.rules.local_time import is_zone

# Only what decides whether time is taken is asked for: what people write into their calendars is none of our business.
EVENT_FIELDS = (
    "id,status,etag,start,end,originalStartTime,transparency,eventType,attendees(self,responseStatus),"
    "recurrence,recurringEventId,iCalUID"
)
_KEY = re.compile(r"slk[a-v0-9]{5,61}")
_FREE_KINDS = frozenset({"workingLocation", "birthday"})
_RECURRENCE = re.compile(r"(?:RRULE|RDATE|EXDATE|EXRULE)[:;][^\r\n]*")
_MOST_DAYS_EXAMINED = 60_000  # of one series; a daily one since 1970 takes a third of it


class When(msgspec.Struct, rename="camel"):
    """A day, or a moment with the zone its wall clock hangs in."""

    date: str | None = None
    date_time: str | None = None
    time_zone: str | None = None


class Attendee(msgspec.Struct, rename="camel"):
    """Somebody who was invited."""

    is_self: bool = msgspec.field(default=False, name="self")
    response_status: str = ""


class Event(msgspec.Struct, rename="camel"):
    """An event, a series, or a changed instance of one; a deleted one has little more than its id."""

    id: str
    status: str = "confirmed"
    etag: str = ""
    start: When | None = None
    end: When | None = None
    original_start_time: When | None = None
    transparency: str = "opaque"
    event_type: str = "default"
    attendees: list[Attendee] = []
    recurrence: list[str] = []
    recurring_event_id: str = ""
    uid: str = msgspec.field(default="", name="iCalUID")

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted or called off."""
        return self.status == "cancelled"

    @property
    def blocks(self) -> bool:
        """Whether it takes its owner's time."""
        is_declined = any(one.is_self and one.response_status == "declined" for one in self.attendees)
        is_free = self.transparency == "transparent" or self.event_type in _FREE_KINDS
        return not (self.is_gone or is_declined or is_free)


def body_of(event: EventDetails) -> dict[str, object]:
    """Write an event of ours as Google takes it."""
    return {
        "summary": event.title,
        "description": event.description,
        "location": event.location,
        # Where something is there already, null takes away the day that its owner made of it.
        "start": {"date": None, "dateTime": rfc3339(event.start), "timeZone": "UTC"},
        "end": {"date": None, "dateTime": rfc3339(event.end), "timeZone": "UTC"},
        "status": "tentative" if event.is_tentative else "confirmed",
        "transparency": "opaque",
    }


def rfc3339(instant: int) -> str:
    """Write an instant in UTC."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def single(event: Event, request: ChangesRequest) -> RemoteEvent:
    """Say what an event that happens once comes to. Raises ValueError or OverflowError where it makes no sense."""
    return _remote(event, [_time_of(event, request.zone)] if event.blocks else [], request)


def series(master: Event, exceptions: Iterable[Event], request: ChangesRequest) -> RemoteEvent:
    """Say what a series comes to with all its changed instances. Raises as `single` does, and Refused.

    Our own bounded reader works it out. Where it refuses, such as a series that repeats every minute, the calendar
    cannot be read: it is never free because of that.
    """
    lines = ["BEGIN:VCALENDAR", *_series_lines(master)]
    for exception in exceptions:
        lines += _exception_lines(exception)
    reading = replace(busy_request(request.zone, frozenset(), request.window), max_days_examined=_MOST_DAYS_EXAMINED)
    try:
        entries = read_busy("\r\n".join([*lines, "END:VCALENDAR", ""]).encode(), reading)
    except UnreadableCalendar as error:
        raise Refused(str(error)) from None
    return _remote(master, [time for entry in entries for time in entry.busy], request)


def _remote(event: Event, times: Iterable[Interval], request: ChangesRequest) -> RemoteEvent:
    busy = tuple(time for time in times if overlaps(time, request.window))
    # Our events are known by the id that we gave them. A copy that their owner made has another, and is theirs.
    is_ours = bool(_KEY.fullmatch(event.id))
    own_time = _time_of(event, request.zone) if is_ours else None
    return RemoteEvent(event.id, busy, event.id if is_ours else "", own_time, event.etag)


def _time_of(event: Event, zone: str) -> Interval:
    return Interval(_instant(event.start, zone), _instant(event.end, zone))


def _instant(when: When | None, zone: str) -> int:
    """Give the instant of a moment; a day begins at midnight where the person is."""
    if when is None:
        raise ValueError("the event has no time")
    if when.date_time is not None:
        return int(_moment(when))
    return instant_of(date.fromisoformat(when.date or ""), known_zone(zone))


def _moment(when: When) -> float:
    moment = datetime.fromisoformat(when.date_time or "")
    if moment.tzinfo is None:
        raise ValueError("a time has no offset")
    return moment.timestamp()


def _series_lines(master: Event) -> list[str]:
    """Write a series as a VEVENT: its recurrence is RFC 5545 already."""
    free = [] if master.blocks else ["TRANSP:TRANSPARENT"]
    rules = [line for line in master.recurrence if _RECURRENCE.fullmatch(line)]
    start, end = _ics_time("DTSTART", master.start), _ics_time("DTEND", master.end)
    return ["BEGIN:VEVENT", "UID:series", start, end, *rules, *free, "END:VEVENT"]


def _exception_lines(exception: Event) -> list[str]:
    """Write a changed instance; one that is called off has perhaps no other time than its original one."""
    start = exception.start or exception.original_start_time
    original = _ics_time("RECURRENCE-ID", exception.original_start_time or exception.start, is_in_utc=True)
    lines = ["BEGIN:VEVENT", "UID:series", original, _ics_time("DTSTART", start, is_in_utc=True)]
    if exception.blocks:
        return [*lines, _ics_time("DTEND", exception.end, is_in_utc=True), "END:VEVENT"]
    return [*lines, "STATUS:CANCELLED", "END:VEVENT"]


def _ics_time(name: str, when: When | None, *, is_in_utc: bool = False) -> str:
    """Write a day or a moment as a line of iCalendar: a series on the wall clock it hangs on."""
    if when is None:
        raise ValueError("the event has no time")
    if when.date_time is None:
        return f"{name};VALUE=DATE:{date.fromisoformat(when.date or ''):%Y%m%d}"
    moment = datetime.fromtimestamp(_moment(when), UTC)
    if is_in_utc or not when.time_zone or not is_zone(when.time_zone):
        return f"{name}:{moment:%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={when.time_zone}:{moment.astimezone(known_zone(when.time_zone)):%Y%m%dT%H%M%S}"
