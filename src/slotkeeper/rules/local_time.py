"""Turn wall clock readings into instants and back, and read and write them as RFC 3339.

An instant is an integer, seconds since 1970-01-01T00:00:00Z. A local reading is an integer too: what the wall
clock shows, in seconds as if the clock were in UTC. So instant + offset = reading, and all that is hard about
time zones is to know the offset. It is found once for each zone and year and kept as a few spans of constant
offset; after that everything is integer arithmetic.

A reading in a spring gap belongs to no instant, one in an autumn fold to two. As the start or end of an
appointment such a reading is refused (`exact_instant`); as the edge of a range it is read generously
(`range_start`, `range_end`).

The zones come from the tzdata package, not from the operating system, whose copy may be years older.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from operator import attrgetter
from typing import ClassVar, NamedTuple, Self
from zoneinfo import ZoneInfo

from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.time_text import EPOCH_ORDINAL, clock_text, clock_texts, day_text, offset_text, whole_minutes

_TZDATA = resources.files("tzdata")

# "Factory" is tzdata's mark for a clock that nobody has set yet.
ZONE_NAMES = frozenset((_TZDATA / "zones").read_text("ascii").split()) - {"Factory"}

MINUTE_SECONDS = 60
HOUR_SECONDS = 60 * MINUTE_SECONDS
DAY_SECONDS = 24 * HOUR_SECONDS

_END_OF_YEARS = (date(2201, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY_SECONDS

# Spans are looked up by year; the mean Gregorian year makes that one division. The margin serves readings and
# changes of offset near the year's edge: no offset and no change since 1970 exceeded one day.
_YEAR_SECONDS = 31_556_952
_MARGIN_SECONDS = 2 * DAY_SECONDS
# Looking this often finds every change of offset: since 1970 no zone has changed twice within six days.
_LOOK_SECONDS = 3 * DAY_SECONDS
_END = attrgetter("end")

_TIME = re.compile(
    r"""
    ([0-9]{4}) - ([0-9]{2}) - ([0-9]{2})
    (?:
        [Tt\ ] ([01][0-9]|2[0-3]) : ([0-5][0-9]) (?: : ([0-5][0-9]) (?: \.[0-9]+ )? )?
        ( [Zz] | [+-] (?:[01][0-9]|2[0-3]) : [0-5][0-9] )?
    )?
    """,
    re.VERBOSE,
)


class InvalidTime(ValueError):
    """Not a time: write it like 2026-01-15T10:00:00 or 2026-01-15T10:00:00+01:00."""


class LocalTimeError(ValueError):
    """A wall clock reading that names no instant or two; `offsets` are the texts to choose from, by time."""

    sentence: ClassVar[str]

    def __init__(self, local: int, zone: str, offsets: Iterable[int]) -> None:
        """Explain a reading in a zone by the offsets, in seconds, it could have."""
        self.offsets = tuple(offset_text(offset) for offset in offsets)
        reading = day_text(local // DAY_SECONDS) + clock_text(local % DAY_SECONDS)
        super().__init__(self.sentence.format(reading=reading, zone=zone, offsets=" or ".join(self.offsets)))


class NonexistentTime(LocalTimeError):
    """A reading that the clocks skip when they go forward."""

    sentence = "{reading} does not exist in {zone}: the clocks skip it. Add the offset you mean, {offsets}."


class AmbiguousTime(LocalTimeError):
    """A reading that the clocks show twice when they go back."""

    sentence = "{reading} happens twice in {zone}: the clocks go back. Add the offset you mean, {offsets}."


class OffsetSpan(NamedTuple):
    """A stretch of time in which a zone keeps one offset; in epoch seconds and in seconds east of UTC."""

    start: int
    end: int
    offset: int


class ReadTime(NamedTuple):
    """A time as it was written: its reading, and its offset if it had one, in seconds and as sent."""

    local: int
    offset: int | None = None
    offset_text: str = ""
    is_date: bool = False


def is_zone(name: str) -> bool:
    """Tell whether a name is one of the IANA time zones; the other functions take no other."""
    return name in ZONE_NAMES


@lru_cache(maxsize=4096)
def offset_spans(zone: str, year: int) -> tuple[OffsetSpan, ...]:
    """Find the spans of constant offset of a zone around a year.

    `year` counts mean Gregorian years from 1970: that of an instant is `instant // 31_556_952`. The spans
    follow one another without a hole, and cover the year and two days on either side. Raises ValueError for a
    name that is no zone.
    """
    if not is_zone(zone):
        raise ValueError(f"There is no time zone {zone!r}.")
    with (_TZDATA / "zoneinfo" / zone).open("rb") as file:
        clock = ZoneInfo.from_file(file, key=zone)

    def offset_of(instant: int) -> int:
        return (datetime.fromtimestamp(instant, clock).utcoffset() or timedelta()) // timedelta(seconds=1)

    start = year * _YEAR_SECONDS - _MARGIN_SECONDS
    end = (year + 1) * _YEAR_SECONDS + _MARGIN_SECONDS
    spans = []
    offset = offset_of(start)
    for last_look in range(start, end, _LOOK_SECONDS):
        look = min(last_look + _LOOK_SECONDS, end)
        if offset_of(look) != offset:
            change = _first_instant_off(offset, offset_of, Interval(last_look, look))
            spans.append(OffsetSpan(start, change, offset))
            start, offset = change, offset_of(look)
    return (*spans, OffsetSpan(start, end, offset))


def offset_at(zone: str, instant: int) -> int:
    """Give a zone's offset at an instant, in seconds east of UTC."""
    return _span_at(zone, instant).offset


def instants_of(zone: str, local: int) -> tuple[int, ...]:
    """Find the instants at which a zone's wall clock shows a reading.

    Returns them in order: one, or none in a gap, or two in a fold.
    """
    return tuple(
        local - span.offset
        for span in offset_spans(zone, local // _YEAR_SECONDS)
        if span.start <= local - span.offset < span.end
    )


def earliest_instant(zone: str, local: int) -> int:
    """Find the instant at which a range begins by the wall clock: after a gap, the first of a fold."""
    instants = instants_of(zone, local)
    return instants[0] if instants else _spans_around_gap(zone, local)[1].start


def latest_instant(zone: str, local: int) -> int:
    """Find the instant at which a range ends by the wall clock: after a gap, the second of a fold."""
    instants = instants_of(zone, local)
    return instants[-1] if instants else _spans_around_gap(zone, local)[1].start


def day_bounds(zone: str, year: int, month: int, day: int) -> Interval:
    """Find the instants of a local day, from its first midnight up to that of the next day.

    It has 24 hours, fewer or more where the clocks change, and none where the zone skipped the day (Apia,
    2011-12-30): then the interval is empty. The bounds of a zone's days follow one another without a hole.
    Raises ValueError when there is no such date.
    """
    midnight = (date(year, month, day).toordinal() - EPOCH_ORDINAL) * DAY_SECONDS
    return Interval(earliest_instant(zone, midnight), earliest_instant(zone, midnight + DAY_SECONDS))


def local_day(zone: str, instant: int) -> date:
    """Give the date a zone's calendar shows at an instant.

    Where clocks went back across midnight (St John's until 2011) it shows the day before once more, for less
    than an hour, although `day_bounds` has begun the new one.
    """
    return date.fromordinal(EPOCH_ORDINAL + (instant + offset_at(zone, instant)) // DAY_SECONDS)


def parse_time(text: str) -> ReadTime:
    """Read a time as RFC 3339 writes it, with leave to omit seconds, offset, or all but the date.

    `T` may be `t` or a space; fractions of a second are cut off. Raises InvalidTime for anything else, and
    for a time outside the years 1970 to 2200, as written or in UTC.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidTime(InvalidTime.__doc__)
    year, month, day, hour, minute, second, offset_sent = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - EPOCH_ORDINAL
    except ValueError:
        raise InvalidTime(f"There is no date {year}-{month}-{day}.") from None
    clock = int(hour or 0) * HOUR_SECONDS + int(minute or 0) * MINUTE_SECONDS + int(second or 0)
    local = _require_supported(days * DAY_SECONDS + clock)
    if offset_sent is None:
        return ReadTime(local, is_date=hour is None)
    offset = _offset_seconds(offset_sent)
    _require_supported(local - offset)
    return ReadTime(local, offset, offset_sent.upper())


def exact_instant(read: ReadTime, zone: str) -> int:
    """Find the one instant a time means, as the start or end of an appointment must.

    A time without an offset is read in the zone. Raises NonexistentTime or AmbiguousTime where the zone's
    clock shows it never or twice, and InvalidTime for a bare date or an instant outside the years 1970 to
    2200.
    """
    if read.is_date:
        raise InvalidTime("A date alone is not enough here: add the time of day.")
    if read.offset is not None:
        return read.local - read.offset
    instants = instants_of(zone, read.local)
    if not instants:
        raise NonexistentTime(read.local, zone, (span.offset for span in _spans_around_gap(zone, read.local)))
    if len(instants) > 1:
        raise AmbiguousTime(read.local, zone, (read.local - instant for instant in instants))
    return _require_supported(instants[0])


def range_start(read: ReadTime, zone: str) -> int:
    """Find the instant at which a queried range begins.

    A time in a gap means the end of the gap, one in a fold its first occurrence, a date the first instant of
    the day. The instant may lie up to a day outside the years 1970 to 2200.
    """
    return earliest_instant(zone, read.local) if read.offset is None else read.local - read.offset


def range_end(read: ReadTime, zone: str) -> int:
    """Find the instant at which a queried range ends.

    A time in a gap means the end of the gap, one in a fold its second occurrence, a date the first instant of
    the day. The instant may lie up to a day outside the years 1970 to 2200.
    """
    if read.offset is not None or read.is_date:
        return range_start(read, zone)
    return latest_instant(zone, read.local)


class _Stretch(NamedTuple):
    """A stretch of time whose instants are written alike: by a clock at one offset, with one suffix."""

    start: int
    end: int
    offset: int
    suffix: str


class _WrittenDay(NamedTuple):
    """A stretch within one local day: its instants are written as head, time since midnight, tail."""

    start: int
    end: int
    midnight: int
    head: str
    tail: str


class TimeForm(NamedTuple):
    """How instants are written: by a zone's clock, bare or with its offset, or always at one fixed offset.

    Bare means where that is clear: an instant whose reading the clock shows twice carries its offset all the
    same. `parse_time` and `exact_instant` in the same zone lead from every text back to its instant. RFC 3339
    cannot write parts of a minute in an offset (Monrovia until 1972): they are rounded away, there and in the
    reading, so that the text still means the instant.
    """

    zone: str
    has_offset: bool = False
    fixed: _Stretch | None = None

    @classmethod
    def of(cls, read: ReadTime, zone: str) -> Self:
        """Make the form in which a question was asked: its offset as sent, or none and the zone's clock."""
        if read.offset is None:
            return cls(zone)
        return cls(zone, fixed=_Stretch(-_END_OF_YEARS, 2 * _END_OF_YEARS, read.offset, read.offset_text))

    @classmethod
    def with_offset(cls, zone: str) -> Self:
        """Make the form of resources, the zone's clock with its offset: `2026-07-01T09:00:00+02:00`."""
        return cls(zone, has_offset=True)

    def write(self, instant: int) -> str:
        """Write an instant."""
        return self.write_all((instant,))[0]

    def write_all(self, instants: Iterable[int]) -> list[str]:
        """Write many instants, fastest where neighbours share a day or, like edges of slots, are the same."""
        texts = []
        last = None
        start = end = midnight = 0
        text = head = tail = ""
        for instant in instants:
            if instant != last:
                if not start <= instant < end:
                    start, end, midnight, head, tail = self._day_at(instant)
                text = f"{head}{clock_text(instant - midnight)}{tail}"
                last = instant
            texts.append(text)
        return texts

    def write_runs(self, runs: Iterable[range]) -> list[list[str]]:
        """Write runs of instants in equal steps, for half of what `write_all` takes."""
        start = end = midnight = 0
        head = tail = ""
        texts = []
        for run in runs:
            written: list[str] = []
            instant, stop, step = run.start, run.stop, run.step
            while instant < stop:
                if not start <= instant < end:
                    start, end, midnight, head, tail = self._day_at(instant)
                of_day = clock_texts(range(instant - midnight, min(stop, end) - midnight, step))
                written += [f"{head}{clock}{tail}" for clock in of_day]
                instant += len(of_day) * step
            texts.append(written)
        return texts

    def _day_at(self, instant: int) -> _WrittenDay:
        """Find how the instants of the same local day are written."""
        stretch = self.fixed
        if stretch is None:
            stretches = _stretches(self.zone, instant // _YEAR_SECONDS, self.has_offset)
            stretch = stretches[bisect_right(stretches, instant, key=_END)]
        day = (instant + stretch.offset) // DAY_SECONDS
        midnight = day * DAY_SECONDS - stretch.offset
        start, end = max(stretch.start, midnight), min(stretch.end, midnight + DAY_SECONDS)
        return _WrittenDay(start, end, midnight, day_text(day), stretch.suffix)


@lru_cache(maxsize=4096)
def _stretches(zone: str, year: int, has_offset: bool) -> tuple[_Stretch, ...]:
    """Divide the time of `offset_spans` into stretches whose instants are written alike."""
    spans = offset_spans(zone, year)
    # When clocks go back by an hour, the readings of the hour before and of the hour after are ambiguous.
    cuts = {spans[0].start, spans[-1].end}
    for before, after in pairwise(spans):
        jump = abs(after.offset - before.offset)
        cuts |= {after.start - jump, after.start, after.start + jump}
    stretches = []
    for start, end in pairwise(sorted(cuts)):
        offset = offset_at(zone, start)
        if has_offset or len(instants_of(zone, start + offset)) > 1:
            stretches.append(_Stretch(start, end, whole_minutes(offset), offset_text(offset)))
        else:
            stretches.append(_Stretch(start, end, offset, ""))
    return tuple(stretches)


def _span_at(zone: str, instant: int) -> OffsetSpan:
    """Find the span of constant offset that an instant lies in."""
    return next(span for span in offset_spans(zone, instant // _YEAR_SECONDS) if instant < span.end)


def _spans_around_gap(zone: str, local: int) -> tuple[OffsetSpan, OffsetSpan]:
    """Find the spans before and after the gap that a reading lies in."""
    return next(
        (before, after)
        for before, after in pairwise(offset_spans(zone, local // _YEAR_SECONDS))
        if before.end + before.offset <= local < after.start + after.offset
    )


def _first_instant_off(offset: int, offset_of: Callable[[int], int], within: Interval) -> int:
    """Find the first instant at which an offset, kept at the start of an interval, is no longer kept."""
    return within.start + bisect_left(range(*within), True, key=lambda instant: offset_of(instant) != offset)


def _require_supported(seconds: int) -> int:
    """Give back seconds in the years 1970 to 2200; raise InvalidTime for others."""
    if not 0 <= seconds < _END_OF_YEARS:
        raise InvalidTime("Times must lie in the years 1970 to 2200.")
    return seconds


def _offset_seconds(text: str) -> int:
    """Read an offset: `Z`, `+02:00`."""
    if text in "Zz":
        return 0
    seconds = int(text[1:3]) * HOUR_SECONDS + int(text[4:6]) * MINUTE_SECONDS
    return -seconds if text[0] == "-" else seconds
