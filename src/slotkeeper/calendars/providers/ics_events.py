"""An entry of a CalDAV calendar, as an event of the provider's protocol; and our own events, as entries."""

from datetime import UTC, datetime

from slotkeeper.calendars.ics_busy import read_busy
from slotkeeper.calendars.ics_values import ReadRequest, UnreadableCalendar
from slotkeeper.calendars.ics_writing import folded, ics_text, ics_time
from slotkeeper.calendars.providers.base import EventDetails, Refused, RemoteEvent
from slotkeeper.rules.intervals import union


def read_event(path: str, etag: str, data: bytes, request: ReadRequest) -> RemoteEvent:
    """Give what one resource of a CalDAV server comes to; it holds one UID (RFC 4791 section 4.1). Raises Refused."""
    try:
        found = read_busy(data, request)
    except UnreadableCalendar as error:
        raise Refused(str(error)) from None
    busy = union(time for entry in found for time in entry.busy)
    own = next((entry for entry in found if entry.key), None)
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
