"""Find the time zone a calendar file means and read its dates in it (RFC 5545 sections 3.3.5, 3.6.5)."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from slotkeeper.calendars.ics_text import Component, Property
from slotkeeper.calendars.ics_values import READING_ERRORS, EventRefused
from slotkeeper.calendars.recurrence import Allowance, Frequency, occurrences, parse_rule
from slotkeeper.rules.local_time import is_zone

Moment = date | datetime  # a day without zone, or an aware datetime

_DATE = re.compile(r"[0-9]{8}")
_DATE_TIME = re.compile(r"[0-9]{8}T[0-9]{6}([.,][0-9]+)?Z?")
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])?")
_LONGEST_NAME = 255
_ZONE_TABLE = (date(1970, 1, 1), date(2200, 12, 31))


def instant_of(moment: Moment, zone: tzinfo) -> int:
    """Return epoch seconds: of an aware datetime as it is, of a day at its midnight in the zone.

    A time that the clocks skip counts as if they had not been moved yet, one that they show twice is
    the first of the two. Source: RFC 5545 section 3.3.5.
    """
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min, zone)
    return int(moment.timestamp())


@cache
def known_zone(name: str) -> ZoneInfo:
    """Load an IANA zone from the tzdata package: the operating system's copy may be years older."""
    with (resources.files("tzdata") / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


class Zones:
    """Look up the zones of one VCALENDAR, and the zone of what names none."""

    def __init__(self, calendar: Component, person_zone: str, allowance: Allowance) -> None:
        self.person = known_zone(person_zone)
        self._allowance = allowance
        self._found: dict[str, tzinfo | str] = {}  # or why there is none: a broken one is read once
        self._written: dict[str, Component] = {}
        for component in calendar.children:
            if component.name == "VTIMEZONE" and (name := component.properties().get("TZID")):
                self._written.setdefault(name[0].text.strip(), component)
        claimed = calendar.properties().get("X-WR-TIMEZONE")
        self.calendar = _well_known(claimed[0].text.strip()) if claimed else None
        self.floating: tzinfo = self.calendar or self.person

    def named(self, name: str) -> tzinfo:
        """Return the zone of a TZID; raises EventRefused if neither we nor the file know it.

        A name that the world knows wins over the file's own VTIMEZONE, which is often out of date.
        """
        if name not in self._found:
            self._found[name] = _well_known(name) or self._written_out(name)
        found = self._found[name]
        if isinstance(found, str):
            raise EventRefused(found)
        return found

    def _written_out(self, name: str) -> tzinfo | str:
        """Read the file's own VTIMEZONE of that name, or say why there is none."""
        if name not in self._written:
            return f"unknown time zone {name[:80]!r}"
        try:
            return _written_zone(self._written[name], self._allowance)
        except READING_ERRORS as error:
            return f"unreadable time zone {name[:80]!r}: {error}"

    def moment(self, source: Property, floating: tzinfo | None = None) -> Moment:
        """Read a date or a time, cut to seconds; raises EventRefused for anything else."""
        moment = _written(source)
        if not isinstance(moment, datetime) or moment.tzinfo:
            return moment
        name = source.parameters.get("TZID")
        return moment.replace(tzinfo=self.named(name) if name else floating or self.floating)


def _well_known(name: str) -> ZoneInfo | None:
    """Find an IANA zone by its name, its Windows name, or behind a vendor's prefix.

    Prefixes look like ``/freeassociation.sourceforge.net/Europe/Berlin`` (RFC 5545 section 3.8.3.1).
    """
    if len(name) > _LONGEST_NAME:
        return None
    name = WINDOWS_TO_OLSON.get(name, name)
    while name and not is_zone(name):
        name = name.partition("/")[2]
    return known_zone(name) if name else None


class WrittenZone(tzinfo):
    """A zone that a file spells out itself: a list of moments at which its offset changes."""

    def __init__(self, name: str, changes: Iterable[tuple[datetime, timedelta, timedelta]]) -> None:
        """Take the changes as (naive UTC, offset before, offset after)."""
        ordered = sorted(changes)
        self._name = name
        self._instants = [instant for instant, _, _ in ordered]
        # The later of the two readings: a skipped time then keeps the offset before, and a doubled
        # one means its first occurrence, as RFC 5545 section 3.3.5 wants it.
        self._readings = [instant + max(before, after) for instant, before, after in ordered]
        self._offsets = [ordered[0][1], *(after for _, _, after in ordered)]

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        """Return the offset at a wall-clock time."""
        if moment is None:
            return self._offsets[-1]
        return self._offsets[bisect_right(self._readings, moment.replace(tzinfo=None))]

    def fromutc(self, moment: datetime, /) -> datetime:
        """Return the wall-clock time of a UTC time that carries this zone."""
        return moment + self._offsets[bisect_right(self._instants, moment.replace(tzinfo=None))]

    def dst(self, _moment: datetime | None, /) -> None:
        """Know nothing of summer time: only offsets matter here."""

    def tzname(self, _moment: datetime | None, /) -> str:
        """Return the file's name for the zone."""
        return self._name


def _written_zone(component: Component, allowance: Allowance) -> WrittenZone:
    """Work out the changes that a VTIMEZONE describes; raises EventRefused where it cannot be read."""
    if component.fault:
        raise EventRefused(component.fault)
    changes: list[tuple[datetime, timedelta, timedelta]] = []
    name = component.properties()["TZID"][0].text
    for observance in component.children:
        properties = observance.properties()
        before, after = _offset(properties, "TZOFFSETFROM"), _offset(properties, "TZOFFSETTO")
        changes += [(onset - before, before, after) for onset in _onsets(properties, before, allowance)]
    if not changes:
        raise EventRefused("it has neither STANDARD nor DAYLIGHT")
    return WrittenZone(name, changes)


def _onsets(properties: Mapping[str, list[Property]], before: timedelta, allowance: Allowance) -> list[datetime]:
    """List the wall-clock times at which an observance begins."""
    if "DTSTART" not in properties:
        raise EventRefused("an onset has no DTSTART")
    start = _wall_clock(properties["DTSTART"][0])
    onsets = [start]
    for dates in properties.get("RDATE", []):
        items = dates.split()
        allowance.spend_days(5 * len(items))  # reading a date takes as long as looking at five days
        onsets += map(_wall_clock, items)
    for source in properties.get("RRULE", []):
        rule = parse_rule(source.value, start, timezone(before))
        if rule.frequency is not Frequency.YEARLY:
            raise EventRefused("it changes more often than yearly")
        onsets += occurrences(rule, *_ZONE_TABLE, allowance)
    return onsets


def _wall_clock(source: Property) -> datetime:
    """Read a local time of a VTIMEZONE."""
    moment = _written(source)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return moment.replace(tzinfo=None)


def _written(source: Property) -> Moment:
    """Read a date or time as it stands there: a day, a naive time, or one in UTC (RFC 5545 section 3.3.5)."""
    text = source.value.strip().upper()
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _DATE_TIME.fullmatch(text):
            return datetime.fromisoformat(text).replace(microsecond=0)
    except ValueError as error:
        raise EventRefused(f"{source.name} is {text}: {error}") from error
    raise EventRefused(f"{source.name} is no date or time: {text[:40]!r}")


def _offset(properties: Mapping[str, list[Property]], name: str) -> timedelta:
    """Read a UTC offset such as +0100."""
    found = _OFFSET.fullmatch(properties[name][0].value.strip()) if name in properties else None
    if not found:
        raise EventRefused(f"{name} is missing or no offset")
    sign, hours, minutes, seconds = found.groups("0")
    size = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return -size if sign == "-" else size
