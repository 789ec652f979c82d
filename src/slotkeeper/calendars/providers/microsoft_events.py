"""Microsoft's events: as they come over the wire, and what they come to (pure).

https://learn.microsoft.com/en-us/graph/api/resources/event
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from slotkeeper.calendars.ics_zones import instant_of, known_zone
from slotkeeper.calendars.providers.base import ChangesRequest, EventDetails, RemoteEvent
from slotkeeper.rules.intervals import Interval, overlaps

# Only what decides whether time is taken is asked for: what people write into their calendars is none of our business.
EVENT_FIELDS = "id,type,seriesMasterId,start,end,isAllDay,isCancelled,showAs,responseStatus,transactionId"
# Microsoft keeps it with the event; by it ours are found in a calendar (the id is our own, made for this purpose).
KEY_PROPERTY = "String {5e3c4b0a-7f0e-4a35-9b57-2f6d1c8ae0b4} Name SlotkeeperKey"
_KEY = re.compile(r"(slk[a-v0-9]{5,61})(?:-[0-9a-f]{16})?")
# Who works elsewhere can be met; what is "unknown" is not known to be free.
_FREE = frozenset({"free", "workingElsewhere"})
_UTC_NAMES = frozenset({"UTC", "Etc/UTC", "Etc/GMT"})


class When(msgspec.Struct, rename="camel"):
    """A reading of a wall clock; UTC's, because that is asked for."""

    date_time: str
    time_zone: str


class Response(msgspec.Struct):
    """What the owner answered to an invitation."""

    response: str | None = None


class Event(msgspec.Struct, rename="camel"):
    """An event, a series, or an instance of one. An instance in a delta, and what was removed, have little else."""

    id: str
    type: str | None = "singleInstance"
    series_master_id: str | None = None
    start: When | None = None
    end: When | None = None
    is_all_day: bool | None = False
    is_cancelled: bool | None = False
    show_as: str | None = "busy"
    response_status: Response | None = None
    transaction_id: str | None = None
    etag: str = msgspec.field(default="", name="@odata.etag")
    removed: dict[str, str] | None = msgspec.field(default=None, name="@removed")

    @property
    def series_id(self) -> str:
        """The id of the series that this is, or is an instance of; "" for neither."""
        return self.id if self.type == "seriesMaster" else self.series_master_id or ""

    @property
    def blocks(self) -> bool:
        """Whether it takes its owner's time."""
        is_declined = self.response_status is not None and self.response_status.response == "declined"
        return not (self.is_cancelled or is_declined or self.show_as in _FREE)

    @property
    def key(self) -> str:
        """Our key, if we wrote it."""
        found = _KEY.fullmatch(self.transaction_id or "")
        return found[1] if found else ""


def body_of(event: EventDetails) -> dict[str, object]:
    """Write an event of ours as Microsoft takes it. A day that its owner made of it is a moment again."""
    return {
        "subject": event.title,
        "body": {"contentType": "text", "content": event.description},
        "location": {"displayName": event.location},
        "start": {"dateTime": utc_text(event.start), "timeZone": "UTC"},
        "end": {"dateTime": utc_text(event.end), "timeZone": "UTC"},
        "isAllDay": False,
        "showAs": "tentative" if event.is_tentative else "busy",
    }


def utc_text(instant: int) -> str:
    """Write an instant as UTC's clock shows it."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%S}"


def remote(external_id: str, events: Sequence[Event], request: ChangesRequest) -> RemoteEvent:
    """Say what an event comes to, or all instances of a series.

    Raises ValueError or OverflowError where it makes no sense.
    """
    times = [(_time_of(event, request.zone), event) for event in events]
    busy = tuple(time for time, event in times if event.blocks and overlaps(time, request.window))
    key = next((event.key for event in events if event.key), "")
    own_time = min((time for time, _ in times), default=None) if key else None
    return RemoteEvent(external_id, busy, key, own_time, events[0].etag if events else "")


def _time_of(event: Event, zone: str) -> Interval:
    if event.start is None or event.end is None:
        raise ValueError("the event has no time")
    is_day = bool(event.is_all_day)
    return Interval(_instant(event.start, zone, is_day=is_day), _instant(event.end, zone, is_day=is_day))


def _instant(when: When, zone: str, *, is_day: bool) -> int:
    """Give the instant of a reading; a day begins at midnight where the person is."""
    if when.time_zone not in _UTC_NAMES:
        raise ValueError("the time is not in UTC, as it was asked for")
    moment = datetime.fromisoformat(when.date_time)
    if is_day:
        return instant_of(moment.date(), known_zone(zone))
    return int(moment.replace(tzinfo=UTC).timestamp())
