"""Decide whether the rooms and equipment that a service needs are free. Instants are epoch seconds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import NamedTuple

from slotkeeper.rules.intervals import Interval, merge, overlaps, union

_ALWAYS = Interval(-(10**12), 10**12)


class Taken(NamedTuple):
    """A stretch of time that a resource is blocked, buffers included, and by which appointment, where it is ours."""

    start: int
    end: int
    appointment_id: int | None = None


@dataclass(frozen=True, slots=True)
class ResourceTime:
    """A resource, and when it is taken, by rising start."""

    resource_id: int
    taken: Sequence[Taken]

    def taken_in(self, blocked: Interval) -> Taken | None:
        """Give the first thing that takes it in a stretch of time."""
        return next((one for one in self.taken if overlaps(Interval(one.start, one.end), blocked)), None)


@dataclass(frozen=True, slots=True)
class Need:
    """So many of these resources at once, whichever are free. No resource stands in two needs of a service."""

    quantity: int
    resources: Sequence[ResourceTime]

    def missing_in(self, blocked: Interval) -> list[tuple[int, Taken]] | None:
        """Say which resources are taken in a stretch of time, and by what, where too few are free; None: enough are."""
        found = ((one.resource_id, one.taken_in(blocked)) for one in self.resources)
        taken = [(resource_id, by) for resource_id, by in found if by is not None]
        return None if len(self.resources) - len(taken) >= self.quantity else taken


def short_starts(needs: Sequence[Need], before: int, room: int) -> list[Interval]:
    """Find the starts at which a need is not met, sorted and disjoint.

    A start is taken from `room` seconds before something begins until `before` seconds after it ends.
    """
    return union(starts for need in needs for starts in _short_starts(need, before, room))


def _short_starts(need: Need, before: int, room: int) -> Iterator[Interval]:
    spare = len(need.resources) - need.quantity
    if spare < 0:
        yield _ALWAYS
        return
    edges = []
    for resource in need.resources:
        barriers = (Interval(one.start - room, one.end + before) for one in resource.taken if one.start < one.end)
        for start, end in merge(barriers):
            edges += [(start, 1), (end, -1)]
    steps = [(at, sum(step for _, step in of_moment)) for at, of_moment in groupby(sorted(edges), lambda edge: edge[0])]
    taken = accumulate(step for _, step in steps)
    moments = [at for at, _ in steps]
    for start, end, count in zip(moments, moments[1:], taken, strict=False):
        if count > spare:
            yield Interval(start, end)
