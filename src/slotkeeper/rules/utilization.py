"""Add up how much time falls on each hour of the week, by a zone's clock."""

from collections.abc import Iterable

from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS, HOUR_SECONDS, offset_at

_MONDAY = 4 * DAY_SECONDS  # 1970-01-05, in seconds by the wall clock

WeekHours = list[list[int]]


def seconds_by_week_hour(intervals: Iterable[Interval], zone: str) -> WeekHours:
    """Count seconds for each weekday (Monday first) and hour; intervals that overlap count twice.

    Clocks change on the hour or the half hour; where that is within an hour, all of it counts by the
    offset at its start.
    """
    week = [[0] * 24 for _ in range(7)]
    for start, end in intervals:
        at = start
        while at < end:
            reading = at + offset_at(zone, at) - _MONDAY
            until = min(end, at + HOUR_SECONDS - reading % HOUR_SECONDS)
            week[reading // DAY_SECONDS % 7][reading % DAY_SECONDS // HOUR_SECONDS] += until - at
            at = until
    return week
