"""Find free time: opening hours less what is busy, cut into slots.

Intervals are half-open and hold epoch seconds; slot lengths are seconds and at least 1.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from slotkeeper.rules.intervals import Interval, clip, gaps_between, merge, union

ALTERNATIVES = 3
DEFAULT_SLOT_SECONDS = 30 * 60
_ROUNDING_SECONDS = 5 * 60
_SEARCHED_SECONDS = 60 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class AlternativesRequest:
    """A start that was asked for in vain, and how far to look for another; instants in epoch seconds."""

    asked_start: int
    now: int
    slot_seconds: int = DEFAULT_SLOT_SECONDS
    horizon: int | None = None

    @property
    def window(self) -> Interval:
        """Give the time to search, which is also the time to load busy entries for.

        It begins at the start asked for, or at now rounded up to 5 minutes where that is later, and ends at
        the horizon, 60 days after it begins unless given.
        """
        now_rounded_up = -(-self.now // _ROUNDING_SECONDS) * _ROUNDING_SECONDS
        start = max(self.asked_start, now_rounded_up)
        return Interval(start, start + _SEARCHED_SECONDS if self.horizon is None else self.horizon)


def free_gaps(window: Interval, busy: Iterable[Interval], open_hours: Sequence[Interval] | None) -> list[Interval]:
    """Find the free time in a window.

    `busy` and `open_hours` come in any order and may overlap; open hours of None mean that every time is
    open. Returns the longest free intervals, sorted and disjoint.
    """
    hours = [window] if open_hours is None else sorted(open_hours)
    return list(gaps_between(merge(clip(hours, window)), union(busy)))


def free_slots(gaps: Iterable[Interval], slot_seconds: int, not_before: int) -> list[range]:
    """Fill every gap with slots, back to back from its start.

    Returns, for each gap with room for a slot, the edges of its slots: one ends where the next begins.
    Slots that begin before `not_before`, usually now, are left out. They still count: the slots after them
    begin where they would have begun, so an answer does not shift from one minute to the next.
    """
    runs = []
    for gap in gaps:
        starts = _slot_starts(gap, slot_seconds)
        if gap.start < not_before:
            starts = starts[bisect_left(starts, not_before) :]
        if starts:
            runs.append(range(starts.start, starts.stop + slot_seconds, slot_seconds))
    return runs


def next_free_slots(
    request: AlternativesRequest, busy: Iterable[Interval], open_hours: Iterable[Interval] | None = None
) -> list[Interval]:
    """Find the next 3 free slots, fewer only when there are fewer before the horizon.

    Slots stand back to back in each gap of free time, counted from its start. `busy` comes in any order.
    `open_hours` come by rising start and may be a generator, even an endless one: it is read no further than
    the answer needs. None means that every time is open.
    """
    window = request.window
    hours = [window] if open_hours is None else open_hours
    gaps = gaps_between(merge(clip(hours, window)), union(busy))
    starts = (start for gap in gaps for start in _slot_starts(gap, request.slot_seconds))
    return [Interval(start, start + request.slot_seconds) for start in islice(starts, ALTERNATIVES)]


def _slot_starts(gap: Interval, slot_seconds: int) -> range:
    """Give the starts of the slots that fit into a gap."""
    return range(gap.start, gap.end - slot_seconds + 1, slot_seconds)
