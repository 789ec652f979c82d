"""Compute with stretches of time: join, cut out, overlap.

Every instant is an integer, seconds since 1970-01-01T00:00:00Z. An interval is half-open, `[start, end)`, so
two that touch do not overlap. One that does not end after it starts is empty: it holds no instant, overlaps
nothing, and vanishes from every result.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Interval(NamedTuple):
    """A stretch of time from `start` up to, but not including, `end`; both in epoch seconds."""

    start: int
    end: int


def overlaps(a: Interval, b: Interval) -> bool:
    """Tell whether two intervals have an instant in common."""
    return max(a.start, b.start) < min(a.end, b.end)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Join intervals given in any order.

    Returns the fewest intervals that hold the same instants: sorted, disjoint, not even touching.
    """
    return list(merge(sorted(intervals)))


def subtract(windows: Iterable[Interval], busy: Iterable[Interval]) -> list[Interval]:
    """Cut what is busy out of the windows, both given in any order.

    Returns what is left, sorted and disjoint.
    """
    return list(gaps_between(union(windows), union(busy)))


def intersect(a: Iterable[Interval], b: Iterable[Interval]) -> list[Interval]:
    """Keep the instants that are in both collections, each given in any order.

    Returns them sorted and disjoint.
    """
    left, right = union(a), union(b)
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if overlaps(left[i], right[j]):
            common.append(Interval(max(left[i].start, right[j].start), min(left[i].end, right[j].end)))
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1
    return common


# The functions below are lazy, so a search that finds its answer early never looks at the rest.


def merge(ascending: Iterable[Interval]) -> Iterator[Interval]:
    """Join intervals that come by rising start.

    Yields them sorted, disjoint and not touching; reads one interval beyond the one it yields.
    """
    start = end = 0
    for first, last in ascending:
        if last <= first:
            continue
        if start == end:
            start, end = first, last
        elif first <= end:
            end = max(end, last)
        else:
            yield Interval(start, end)
            start, end = first, last
    if start < end:
        yield Interval(start, end)


def clip(ascending: Iterable[Interval], window: Interval) -> Iterator[Interval]:
    """Cut intervals that come by rising start to a window.

    Yields what lies inside it; an interval that lies wholly before it comes out empty. Stops at the first
    that starts at or after the window's end.
    """
    for interval in ascending:
        if interval.start >= window.end:
            return
        yield Interval(max(interval.start, window.start), min(interval.end, window.end))


def gaps_between(windows: Iterable[Interval], busy: Iterable[Interval]) -> Iterator[Interval]:
    """Cut what is busy out of the windows, both as `merge` yields them.

    Yields what is left, sorted and disjoint.
    """
    blocks = iter(busy)
    block = next(blocks, None)
    for window_start, window_end in windows:
        free_from = window_start
        while block is not None and block.start < window_end:
            blocked_from, blocked_until = block
            if free_from < blocked_from:
                yield Interval(free_from, blocked_from)
            free_from = max(free_from, blocked_until)
            if blocked_until > window_end:
                break  # the same block may reach into the next window
            block = next(blocks, None)
        if free_from < window_end:
            yield Interval(free_from, window_end)
