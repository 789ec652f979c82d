"""Say when a provider is open: ranges of an ordinary week, and dates that differ.

A range is read by the wall clock of the provider's zone and belongs to the date it starts on. An edge in a
gap means the end of the gap; in a fold a start means the first occurrence, an end the second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from slotkeeper.rules.intervals import Interval, merge, overlaps
from slotkeeper.rules.local_time import DAY_SECONDS, MINUTE_SECONDS, earliest_instant, latest_instant, local_day

# Minutes since midnight; an end at or before the start lies on the next day, 1440 ends the day.
Range = tuple[int, int]

# Where hours never close, their one window has no edges. So it is cut, but so far away that it makes no
# difference: before, two days more than the week from which on slots count from every midnight; after, more
# than the 31 days an appointment can last. Overrides of these dates matter as well.
LOOK_BACK_DAYS = 10
LOOK_AHEAD_DAYS = 33

_EPOCH = date(1970, 1, 1).toordinal()
_DAY_MINUTES = DAY_SECONDS // MINUTE_SECONDS


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a provider is open: seven days, Monday first, and the dates on which other ranges start.

    An override of `()` closes its date; a range of the day before that reaches into it stays.
    """

    zone: str
    weekly: tuple[tuple[Range, ...], ...]
    overrides: Mapping[date, tuple[Range, ...]]

    @property
    def is_empty(self) -> bool:
        """Whether the provider is never open."""
        return not any(self.weekly) and not any(self.overrides.values())

    def windows(self, within: Interval) -> Iterator[Interval]:
        """Find the windows, each whole, that overlap a stretch of time.

        Yields them sorted and disjoint, those that touch as one; computes no day before it is needed.
        """
        for window in merge(self._ranges(within)):
            if window.start >= within.end:
                return
            if overlaps(window, within):
                yield window

    def _ranges(self, within: Interval) -> Iterator[Interval]:
        """Find the ranges around a stretch of time, by rising start."""
        first = local_day(self.zone, within.start).toordinal() - LOOK_BACK_DAYS
        last = local_day(self.zone, within.end).toordinal() + LOOK_AHEAD_DAYS
        for day in range(first, last + 1):
            ranges = self.overrides.get(date.fromordinal(day), self.weekly[(day - 1) % 7])
            if ranges:
                yield from _instants_of(self.zone, day, ranges)


@lru_cache(maxsize=16_384)
def _instants_of(zone: str, day: int, ranges: tuple[Range, ...]) -> tuple[Interval, ...]:
    """Find the instants of the ranges that start on a day, given as its ordinal, by rising start."""
    midnight = (day - _EPOCH) * DAY_SECONDS
    return tuple(
        Interval(
            earliest_instant(zone, midnight + start * MINUTE_SECONDS),
            latest_instant(zone, midnight + (end if end > start else end + _DAY_MINUTES) * MINUTE_SECONDS),
        )
        for start, end in sorted(ranges)
    )
