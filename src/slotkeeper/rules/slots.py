"""Decide when a service can be booked, and say why not.

A slot starts on the grid of an open window, counted in steps from its start, whatever is busy. It is free
where the whole service fits into the window and its blocked range, buffers included, meets nothing busy.
`slots` lists the starts that nothing stands against, `obstacles` names what stands against one; both ask the
same `_Team`. Instants are epoch seconds; every range of starts is half-open.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from heapq import merge as merge_sorted
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from slotkeeper.rules.intervals import Interval, gaps_between, merge
from slotkeeper.rules.local_time import DAY_SECONDS, day_bounds, local_day
from slotkeeper.rules.needed_resources import Need, short_starts
from slotkeeper.rules.opening_hours import OpeningHours

_WEEK_SECONDS = 7 * DAY_SECONDS
_ALWAYS = Interval(-(10**12), 10**12)
_FULL_DAY, _SHORT = -1, -2
_Row = TypeVar("_Row", bound=tuple[Any, ...])


class Reason(StrEnum):
    """Why a time is no slot."""

    NO_HOURS = "no_hours"
    OUTSIDE_HOURS = "outside_hours"
    OFF_GRID = "off_grid"
    PAST = "past"
    TOO_SOON = "too_soon"
    BEYOND_HORIZON = "beyond_horizon"
    BOOKED = "booked"
    BUFFER = "buffer"
    HELD = "held"
    CALENDAR_BUSY = "calendar_busy"
    TIME_OFF = "time_off"
    DAILY_LIMIT = "daily_limit"
    ELSEWHERE = "elsewhere"
    RESOURCE_BUSY = "resource_busy"


class Busy(NamedTuple):
    """Something that occupies a provider: the time it blocks, buffers included, and its own without them."""

    start: int
    end: int
    reason: Reason
    own_start: int
    own_end: int
    appointment_id: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a service is offered. Limits count for each local day of a provider; None is no limit.

    `needs` are the rooms and equipment that must be free, too, as long as the providers are blocked.
    """

    duration_seconds: int
    step_seconds: int
    buffer_before_seconds: int = 0
    buffer_after_seconds: int = 0
    notice_seconds: int = 0
    horizon_seconds: int = 60 * DAY_SECONDS
    daily_limit_count: int | None = None
    daily_limit_seconds: int | None = None
    needs: Sequence[Need] = ()

    @property
    def room_seconds(self) -> int:
        """How far before something busy a start is in its way: the last second of the blocked range would meet it."""
        return self.duration_seconds + self.buffer_after_seconds - 1

    def blocked_by(self, start: int) -> Interval:
        """Give the time that a slot blocks, buffers included."""
        end = start + self.duration_seconds
        return Interval(start - self.buffer_before_seconds, end + self.buffer_after_seconds)

    @property
    def has_limits(self) -> bool:
        """Whether a day can be full."""
        return self.daily_limit_count is not None or self.daily_limit_seconds is not None

    def is_full(self, count: int, seconds: int) -> bool:
        """Tell whether a day with so many appointments of the service takes no further one."""
        if self.daily_limit_count is not None and count + 1 > self.daily_limit_count:
            return True
        return self.daily_limit_seconds is not None and seconds + self.duration_seconds > self.daily_limit_seconds


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who gives the service.

    `busy` comes by rising start and may overlap. `load` counts the appointments of the service, and their
    seconds, for each local day they start on.
    """

    user_id: int
    hours: OpeningHours
    busy: Sequence[Busy]
    load: Mapping[date, tuple[int, int]]


class Slot(NamedTuple):
    """A time at which the service can be booked, and with whom."""

    start: int
    end: int
    user_ids: tuple[int, ...]


class Obstacle(NamedTuple):
    """What stands against a start: why, whose, and which appointment, if it is one of the business.

    Where a resource is missing it is nobody's; `resource_id` is then one that is taken, None where there are too few.
    """

    reason: Reason
    user_id: int | None
    appointment_id: int | None = None
    resource_id: int | None = None


# Skips NamedTuple's constructor, which is Python.
_slot: Callable[[tuple[int, int, tuple[int, ...]]], Slot] = partial(tuple.__new__, Slot)


def slots(
    providers: Sequence[Provider], terms: Terms, within: Interval, now: int, *, together: bool = False
) -> Iterator[Slot]:
    """Find the slots that start in a stretch of time, by start; computes no day before it is needed.

    A slot lists every provider who is free, in the order given. `together` needs all of them at once: the
    time at which all are open is the window, and a slot lists them all.
    """
    teams = _teams(providers, terms, now, together=together)
    user_ids = tuple(provider.user_id for provider in providers)
    if len(teams) != 1:
        return _slots_of_any(teams, user_ids, within)
    return (
        _slot((start, start + terms.duration_seconds, user_ids))
        for starts in teams[0].free_starts(within)
        for start in starts
    )


def obstacles(
    providers: Sequence[Provider], terms: Terms, start: int, now: int, *, together: bool = False
) -> list[Obstacle]:
    """Say why a start is no slot: everything that stands against it, of each provider; [] where it is one.

    Without `together` one provider against whom nothing stands is enough, if no resource is missing. A start in the
    past is not also called too soon.
    """
    missing = list(dict.fromkeys(_missing_resources(terms, start)))
    found: list[Obstacle] = []
    for team in _teams(providers, terms, now, together=together):
        of_team = list(dict.fromkeys(team.obstacles(start)))
        if not of_team:
            return missing
        found += of_team
    return found + missing


def _missing_resources(terms: Terms, start: int) -> Iterator[Obstacle]:
    for need in terms.needs:
        taken = need.missing_in(terms.blocked_by(start))
        if taken == []:
            yield Obstacle(Reason.RESOURCE_BUSY, None)
        for resource_id, by in taken or []:
            yield Obstacle(Reason.RESOURCE_BUSY, None, by.appointment_id, resource_id)


@dataclass(frozen=True, slots=True)
class _Team:
    """Providers who give a service at once; often just one."""

    providers: Sequence[Provider]
    terms: Terms
    now: int
    shortages: Sequence[tuple[int, int, int]]  # starts at which a resource is missing, whoever gives the service

    def numbered_starts(self, number: int, within: Interval) -> Iterator[tuple[int, int, range]]:
        """Find the starts that nothing stands against, to be merged with those of other teams."""
        return ((starts.start, number, starts) for starts in self.free_starts(within))

    def free_starts(self, within: Interval) -> Iterator[range]:
        """Find the starts that nothing stands against, by rising start."""
        bookable = self.bookable()
        asked = Interval(max(within.start, bookable.start), min(within.end, bookable.end))
        shared = [iter(self.shortages)] if self.shortages else []
        barriers = _by_start(chain(map(self.barriers, self.providers), shared))
        barrier = next(barriers, None)
        for grid in self.grids(asked):
            start, stop, step = grid.start, grid.stop, grid.step
            while start < stop:
                while barrier is not None and barrier[1] <= start:
                    barrier = next(barriers, None)
                if barrier is None or barrier[0] >= stop:
                    yield range(start, stop, step)
                    break
                if barrier[0] > start:
                    yield range(start, barrier[0], step)
                start += -(-(barrier[1] - start) // step) * step

    def obstacles(self, start: int) -> Iterator[Obstacle]:
        """Say all that stands against a start; something may come twice."""
        of_the_time = list(self._reasons_of_the_time(start))
        for provider, of_the_hours in zip(self.providers, self._reasons_of_the_hours(start), strict=True):
            for reason in (*of_the_hours, *of_the_time):
                yield Obstacle(reason, provider.user_id)
            met = [index for first, end, index in self.barriers(provider) if first <= start < end]
            for index in sorted(met, key=_FULL_DAY.__eq__):  # what is busy by its start, a full day last
                yield self._name(index, provider, start)

    def bookable(self) -> Interval:
        """Give the starts that are neither too soon nor too far away."""
        notice, horizon = max(0, self.terms.notice_seconds), self.terms.horizon_seconds
        return Interval(self.now + notice, self.now + horizon + 1)

    def grids(self, within: Interval) -> Iterator[range]:
        """Find the starts in a stretch of time that lie on the grid and leave room for the whole service."""
        step = self.terms.step_seconds
        for window in self._windows(within):
            for anchor, next_anchor in self._anchors(window, within):
                start = anchor + max(0, -(-(within.start - anchor) // step)) * step
                stop = min(next_anchor, window.end - self.terms.duration_seconds + 1, within.end)
                yield range(start, stop, step)

    def barriers(self, provider: Provider) -> Iterator[tuple[int, int, int]]:
        """Find the starts that are taken, by rising start: (start, end, index in busy or _FULL_DAY)."""
        terms = self.terms
        before = terms.buffer_before_seconds
        room = terms.room_seconds
        taken = (
            (busy.start - room, busy.end + before, index)
            for index, busy in enumerate(provider.busy)
            if busy.start < busy.end
        )
        return _by_start([taken, self._full_days(provider)] if terms.has_limits else [taken])

    def _full_days(self, provider: Provider) -> Iterator[tuple[int, int, int]]:
        if self.terms.is_full(0, 0):
            yield (*_ALWAYS, _FULL_DAY)
            return
        for day in sorted(provider.load):
            if self.terms.is_full(*provider.load[day]):
                yield (*day_bounds(provider.hours.zone, day.year, day.month, day.day), _FULL_DAY)

    def _windows(self, within: Interval) -> Iterator[Interval]:
        """Find the windows in which all are open."""
        first, *others = (provider.hours.windows(within) for provider in self.providers)
        if not others:
            return first
        closed = _by_start(gaps_between([_ALWAYS], windows) for windows in others)
        return gaps_between(first, merge(closed))

    def _anchors(self, window: Interval, within: Interval) -> Iterator[tuple[int, int]]:
        """Divide a window where its grid begins anew: nowhere, or at every midnight after its first week.

        Without this the grid of hours that never close would have no beginning.
        """
        settled = window.start + _WEEK_SECONDS
        if within.end <= settled or window.end <= settled:
            yield window
            return
        zone = self.providers[0].hours.zone
        anchor = window.start
        day = local_day(zone, max(settled, within.start - 2 * DAY_SECONDS))
        while anchor < min(window.end, within.end):
            day = date.fromordinal(day.toordinal() + 1)
            midnight = day_bounds(zone, day.year, day.month, day.day).start
            if midnight >= settled:
                yield anchor, min(midnight, window.end)
                anchor = midnight

    def _reasons_of_the_hours(self, start: int) -> Iterator[list[Reason]]:
        """Say for each provider what of the opening hours and their grid stands against a start."""
        moment = Interval(start, start + 1)
        if any(start in grid for grid in self.grids(moment)):
            yield from ([] for _ in self.providers)
            return
        end = start + self.terms.duration_seconds
        is_open = [any(end <= window.end for window in each.hours.windows(moment)) for each in self.providers]
        for provider, fits in zip(self.providers, is_open, strict=True):
            if provider.hours.is_empty:
                yield [Reason.NO_HOURS]
            elif not fits:
                yield [Reason.OUTSIDE_HOURS]
            else:
                yield [Reason.OFF_GRID] if all(is_open) else []

    def _reasons_of_the_time(self, start: int) -> Iterator[Reason]:
        bookable = self.bookable()
        if start < self.now:
            yield Reason.PAST
        elif start < bookable.start:
            yield Reason.TOO_SOON
        if start >= bookable.end:
            yield Reason.BEYOND_HORIZON

    def _name(self, index: int, provider: Provider, start: int) -> Obstacle:
        """Name the obstacle that a barrier is for a start."""
        if index == _FULL_DAY:
            return Obstacle(Reason.DAILY_LIMIT, provider.user_id)
        busy = provider.busy[index]
        is_own_time = start < busy.own_end and busy.own_start < start + self.terms.duration_seconds
        return Obstacle(busy.reason if is_own_time else Reason.BUFFER, provider.user_id, busy.appointment_id)


def _teams(providers: Sequence[Provider], terms: Terms, now: int, *, together: bool) -> list[_Team]:
    """Form the teams, each of which is enough to give the service."""
    groups = [providers] if together else [[provider] for provider in providers]
    short = short_starts(terms.needs, terms.buffer_before_seconds, terms.room_seconds)
    shortages = [(*starts, _SHORT) for starts in short]
    return [_Team(group, terms, now, shortages) for group in groups if group]


def _slots_of_any(teams: Sequence[_Team], user_ids: Sequence[int], within: Interval) -> Iterator[Slot]:
    """Merge the slots of teams of one provider each, about a day at a time."""
    free: defaultdict[int, list[int]] = defaultdict(list)
    handed_out = within.start
    runs = merge_sorted(*(team.numbered_starts(number, within) for number, team in enumerate(teams)))
    for first, number, starts in chain(runs, [(_ALWAYS.end, 0, range(0))]):
        if first >= handed_out + DAY_SECONDS:
            # Whatever comes later starts no earlier, so before `first` nothing is missing.
            for start in sorted(start for start in free if start < first):
                of_start = tuple([user_ids[each] for each in sorted(free.pop(start))])
                yield _slot((start, start + teams[0].terms.duration_seconds, of_start))
            handed_out = first
        for start in starts:
            free[start].append(number)


def _by_start(streams: Iterable[Iterator[_Row]]) -> Iterator[_Row]:
    """Merge streams that come by rising start; a single one stays as it is, for speed."""
    first, *others = streams
    return merge_sorted(first, *others) if others else first
