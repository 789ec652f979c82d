"""Turn one VEVENT into values: when it is, how long, how it repeats, and whether it blocks time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256

from slotkeeper.calendars.ics_text import Component, Property
from slotkeeper.calendars.ics_values import (
    DAY_SECONDS,
    LONGEST_SECONDS,
    EventRefused,
    ReadRequest,
    Refusal,
    SkipReason,
)
from slotkeeper.calendars.ics_zones import Moment, Zones

_DURATION = re.compile(r"([+-])?P(?:(#)W)?(?:(#)D)?(?:T(?:(#)H)?(?:(#)M)?(?:(#)S)?)?".replace("#", "[0-9]{1,15}"))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TITLE_LENGTH, _DESCRIPTION_LENGTH, _LOCATION_LENGTH = 200, 2_000, 500
_UID_LENGTH = 1_000
_YEARS = range(1970, 2201)

Properties = Mapping[str, Sequence[Property]]


@dataclass(frozen=True, slots=True)
class Length:
    """How long an event lasts: whole days on the calendar, then exact seconds (RFC 5545 section 3.3.6)."""

    days: int
    seconds: int

    @property
    def nominal_seconds(self) -> int:
        """Return the length as if every day had 24 hours."""
        return self.days * DAY_SECONDS + self.seconds


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one VEVENT as it is written: a single event, a series, or one changed instance of it.

    ``start`` is a date for an all-day event and an aware datetime otherwise; ``zone`` is where its
    wall clock hangs. ``original`` is the RECURRENCE-ID of a changed instance.
    """

    uid: str
    title: str
    description: str | None
    location: str | None
    start: Moment
    length: Length
    zone: tzinfo
    original: Moment | None
    is_for_following: bool  # RANGE=THISANDFUTURE
    absence: Refusal | None
    rules: tuple[str, ...]
    added: tuple[tuple[Moment, Length | None], ...]
    removed: tuple[Moment, ...]
    sequence: int
    line: int
    is_for_busy: bool

    @property
    def repeats(self) -> bool:
        """Answer whether this is a series."""
        return bool(self.rules or self.added)


def read_entry(component: Component, zones: Zones, request: ReadRequest) -> Entry:
    """Read a VEVENT; raises one of READING_ERRORS for an event that makes no sense.

    Source: RFC 5545 section 3.6.1.
    """
    properties = component.properties()
    if component.fault:
        raise EventRefused(component.fault)
    if "EXRULE" in properties:
        raise EventRefused("it uses EXRULE, which RFC 5545 removed")
    start = _start(properties, zones, request)
    zone = (start.tzinfo if isinstance(start, datetime) else None) or zones.person
    length = _length(properties, start, zones)
    additions = _items(properties, "RDATE", request.max_occurrences)
    removals = _items(properties, "EXDATE", request.max_occurrences)
    original = _original(properties, zones, zone, request)
    added = tuple(_addition(item, zones, zone, request) for item in additions)
    longest = max([length, *(own for _, own in added if own)], key=_nominal_seconds) if request.is_for_busy else length
    return Entry(
        uid=_uid(properties, request),
        title=read_title(properties),
        description=_cut(_text(properties, "DESCRIPTION").strip(), _DESCRIPTION_LENGTH) or None,
        location=_cut(" ".join(_text(properties, "LOCATION").split()), _LOCATION_LENGTH) or None,
        start=start,
        length=length,
        zone=zone,
        original=original,
        is_for_following=_parameter(properties, "RECURRENCE-ID", "RANGE") == "THISANDFUTURE",
        absence=_absence(properties, request.owner_emails) or _unfit(longest, request),
        rules=tuple(source.value for source in properties.get("RRULE", ())),
        added=added,
        removed=tuple(zones.moment(item, zone) for item in removals),
        sequence=_sequence(properties),
        line=component.line,
        is_for_busy=request.is_for_busy,
    )


def read_uid(properties: Properties) -> str:
    """Return the UID, or nothing."""
    return _text(properties, "UID").strip()[: _UID_LENGTH + 1]


def read_title(properties: Properties) -> str:
    """Return the SUMMARY as one line of at most 200 characters, or nothing."""
    return _cut(" ".join(_text(properties, "SUMMARY").split()), _TITLE_LENGTH)


def _uid(properties: Properties, request: ReadRequest) -> str:
    """Return the UID, without which an event could not be found again in the next file.

    Who asks what is blocked keeps no UID and only has to tell one from the other.
    """
    uid = read_uid(properties)
    if not uid:
        raise EventRefused("it has no UID")
    if len(uid) > _UID_LENGTH and request.is_for_busy:
        return f"long-{sha256(properties['UID'][0].text.encode()).hexdigest()}"
    if len(uid) > _UID_LENGTH:
        raise EventRefused(f"its UID has more than {_UID_LENGTH:,} characters")
    return uid


def _text(properties: Properties, name: str) -> str:
    """Return a text without the control characters that no database or page wants."""
    return _CONTROL.sub("", properties[name][0].text) if name in properties else ""


def _cut(text: str, length: int) -> str:
    """Shorten a text, and show that it was."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _start(properties: Properties, zones: Zones, request: ReadRequest) -> Moment:
    """Read DTSTART.

    A series in UTC keeps the wall clock of the calendar's X-WR-TIMEZONE. No standard says so, but the
    x-wr-timezone library reads it like that, and so do the programs that write it.
    """
    if "DTSTART" not in properties:
        raise EventRefused("it has no DTSTART")
    start = zones.moment(properties["DTSTART"][0])
    if start.year > _YEARS[-1]:
        if request.is_for_busy:
            return start  # blocks nothing that anybody asks for
        raise EventRefused(f"it begins in the year {start.year}", SkipReason.OUT_OF_RANGE)
    if isinstance(start, datetime) and start.tzinfo is UTC and zones.calendar and "RRULE" in properties:
        return start.astimezone(zones.calendar)
    return start


def _original(properties: Properties, zones: Zones, zone: tzinfo, request: ReadRequest) -> Moment | None:
    """Read RECURRENCE-ID: which instance of its series this is.

    Whichever it is, it may stand elsewhere now and block time there.
    """
    if "RECURRENCE-ID" not in properties:
        return None
    original = zones.moment(properties["RECURRENCE-ID"][0], zone)
    if original.year not in _YEARS:
        reason = SkipReason.UNREADABLE if request.is_for_busy else SkipReason.OUT_OF_RANGE
        raise EventRefused(f"RECURRENCE-ID lies in the year {original.year}", reason)
    return original


def _length(properties: Properties, start: Moment, zones: Zones) -> Length:
    """Read DTEND or DURATION; without either a day lasts a day and a time no time at all."""
    if "DTEND" in properties:
        end = zones.moment(properties["DTEND"][0], start.tzinfo if isinstance(start, datetime) else None)
        return _length_between(start, end)
    if "DURATION" in properties:
        return read_duration(properties["DURATION"][0].value)
    return Length(0, 0) if isinstance(start, datetime) else Length(1, 0)


def _length_between(start: Moment, end: Moment) -> Length:
    """Return the length of a span; days are counted on the calendar, times to the second."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        # Through UTC: subtracting two readings of one zone ignores a change of its offset.
        length = Length(0, int(end.timestamp()) - int(start.timestamp()))
    elif isinstance(start, datetime) or isinstance(end, datetime):
        raise EventRefused("one of its start and end is a day, the other a time")
    else:
        # Several programs write a day's end on that day itself.
        length = Length((end - start).days or 1, 0)
    return _forward(length)


def read_duration(text: str) -> Length:
    """Read a duration such as P1DT2H30M (RFC 5545 section 3.3.6)."""
    found = _DURATION.fullmatch(text.strip().upper())
    if not found or not any(found.groups()[1:]):
        raise EventRefused(f"DURATION cannot be read: {text[:40]!r}")
    weeks, days, hours, minutes, seconds = map(int, found.groups("0")[1:])
    sign = -1 if found[1] == "-" else 1
    return _forward(Length(sign * (7 * weeks + days), sign * (3600 * hours + 60 * minutes + seconds)))


def _forward(length: Length) -> Length:
    """Refuse a length that runs backwards."""
    if length.nominal_seconds < 0:
        raise EventRefused("it ends before it begins")
    return length


def _items(properties: Properties, name: str, limit: int) -> list[Property]:
    """Split the comma-separated dates of RDATE or EXDATE lines; refuses more than the limit."""
    items: list[Property] = []
    for source in properties.get(name, ()):
        items += source.split()
        if len(items) > limit:
            raise EventRefused(f"{name} lists more than {limit:,}", SkipReason.TOO_MANY_OCCURRENCES)
    return items


def _addition(source: Property, zones: Zones, zone: tzinfo, request: ReadRequest) -> tuple[Moment, Length | None]:
    """Read one RDATE: a start, or a period with a length of its own (RFC 5545 section 3.3.9)."""
    begin, slash, end = source.value.partition("/")
    start = zones.moment(Property(source.name, source.parameters, begin), zone)
    if not slash:
        return start, None
    if end.strip(" +-").upper().startswith("P"):
        length = read_duration(end)
    else:
        length = _length_between(start, zones.moment(Property(source.name, source.parameters, end), zone))
    if not request.is_for_busy and (unfit := _unfit(length, request)):
        raise EventRefused(unfit.detail, unfit.reason)
    return start, length


def _sequence(properties: Properties) -> int:
    """Read SEQUENCE, the number of the event's revision."""
    text = properties["SEQUENCE"][0].value.strip() if "SEQUENCE" in properties else ""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _parameter(properties: Properties, name: str, parameter: str) -> str:
    """Return a parameter in upper case, or nothing."""
    return properties[name][0].parameters.get(parameter, "").upper() if name in properties else ""


def _absence(properties: Properties, owner_emails: frozenset[str]) -> Refusal | None:
    """Say why the event blocks none of the owner's time, if so."""
    if _value(properties, "STATUS") == "CANCELLED":
        return Refusal(SkipReason.CANCELED, "STATUS is CANCELLED")
    attendees = properties.get("ATTENDEE", ())
    own = {email.lower() for email in owner_emails if email} if attendees else set()
    if declined := next(filter(None, (_declined(one, own) for one in attendees)), ""):
        return Refusal(SkipReason.DECLINED, f"{declined} declined")
    if _value(properties, "TRANSP") == "TRANSPARENT":
        return Refusal(SkipReason.TRANSPARENT, "TRANSP is TRANSPARENT")
    if _value(properties, "X-MICROSOFT-CDO-BUSYSTATUS") == "FREE":
        return Refusal(SkipReason.TRANSPARENT, "X-MICROSOFT-CDO-BUSYSTATUS is FREE")
    return None


def _nominal_seconds(length: Length) -> int:
    return length.nominal_seconds


def _unfit(length: Length, request: ReadRequest) -> Refusal | None:
    """Say why an event of that length blocks nothing, or cannot be booked, if so."""
    if not length.nominal_seconds:
        return Refusal(SkipReason.ZERO_LENGTH, "it ends when it begins")
    if length.nominal_seconds > LONGEST_SECONDS and not request.is_for_busy:
        return Refusal(SkipReason.TOO_LONG, f"it lasts {length.nominal_seconds // DAY_SECONDS:,} days")
    return None


def _value(properties: Properties, name: str) -> str:
    """Return a value in upper case, or nothing."""
    return properties[name][0].value.strip().upper() if name in properties else ""


def _declined(attendee: Property, own: set[str]) -> str:
    """Give the person's address if an ATTENDEE line says that they will not come."""
    addresses = {
        attendee.value.strip().lower().removeprefix("mailto:"),
        attendee.parameters.get("EMAIL", "").lower(),
    }
    has_declined = attendee.parameters.get("PARTSTAT", "").upper() == "DECLINED"
    return next(iter(own & addresses), "") if has_declined else ""
