"""Times at the edge: reading what callers write, answering in their form."""

import re
from datetime import date

import msgspec

from slotkeeper.doors.api.problems import FieldError, bad_field, bad_fields
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import (
    DAY_SECONDS,
    AmbiguousTime,
    InvalidTime,
    NonexistentTime,
    ReadTime,
    exact_instant,
    is_zone,
    parse_time,
    range_end,
    range_start,
)

# A "+" that was not escaped in a query arrives as a space.
_LOST_PLUS = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)")
_CODES = {NonexistentTime: "NONEXISTENT_TIME", AmbiguousTime: "AMBIGUOUS_TIME", InvalidTime: "INVALID_DATE"}


def zone_of(caller: Caller, asked: str | msgspec.UnsetType | None) -> str:
    """Choose the zone in which a request speaks: the one it names, else the caller's. Raises ApiProblem."""
    return chosen_zone(caller.time_zone, asked)


def chosen_zone(usual: str, asked: str | msgspec.UnsetType | None) -> str:
    """Choose the zone that a request names, else the usual one. Raises ApiProblem."""
    if not asked:
        return usual
    if not is_zone(asked):
        raise bad_field("time_zone", "INVALID_FIELD", "It is no IANA time zone such as Europe/Berlin.")
    return asked


def with_lost_plus(text: str) -> str:
    """Read a space before HH:MM at the end of a time as the "+" it was."""
    match = _LOST_PLUS.fullmatch(text)
    return f"{match[1]}+{match[2]}" if match else text


def read_day(field: str, text: str) -> date:
    """Read a date of the years 1970 to 2200. Raises ApiProblem."""
    try:
        read = parse_time(text)
    except InvalidTime:
        read = None
    if read is None or not read.is_date:
        raise bad_field(field, "INVALID_DATE", "Write a date of the years 1970 to 2200 like 2026-12-24.")
    return date.fromisoformat(text)


class TimeReader:
    """Reads the times of one request in one zone, and collects what is wrong with them."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.errors: list[FieldError] = []

    def instant(self, field: str, text: str) -> int:
        """Read the exact start or end of an appointment; 0 if it cannot be."""
        try:
            return exact_instant(parse_time(text), self.zone)
        except (NonexistentTime, AmbiguousTime, InvalidTime) as error:
            self._note(field, error)
            return 0

    def edge(self, field: str, text: str) -> tuple[ReadTime, int]:
        """Read the edge of a query range generously; fields named `end` are read as ends."""
        try:
            read = parse_time(text)
        except InvalidTime as error:
            self._note(field, error)
            return ReadTime(0), 0
        return read, range_end(read, self.zone) if field == "end" else range_start(read, self.zone)

    def check(self) -> None:
        """Refuse the request if any time in it was bad. Raises ApiProblem."""
        if self.errors:
            raise bad_fields(self.errors)

    def _note(self, field: str, error: ValueError) -> None:
        self.errors.append(FieldError(field, _CODES[type(error)], str(error)))


def read_range(zone: str, start_text: str, end_text: str, most_days: int) -> tuple[ReadTime, Interval]:
    """Read a query's range of at most so many days, and its start as it was written. Raises ApiProblem."""
    times = TimeReader(zone)
    read_start, start = times.edge("start", with_lost_plus(start_text))
    _, end = times.edge("end", with_lost_plus(end_text))
    times.check()
    if end <= start:
        raise bad_field("end", "END_BEFORE_START", "The end must come after the start.")
    if end - start > most_days * DAY_SECONDS:
        raise bad_field("end", "TOO_LONG", f"The range is longer than {most_days} days.")
    return read_start, Interval(start, end)
