"""Compare slots and obstacles with an oracle that decides about one minute at a time."""

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.hours_oracle import CHANGES, DAY, WEEK, hours_around, noon, open_minutes, readings, runs
from rules.minute_oracle import MINUTE
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.needed_resources import Need, ResourceTime, Taken
from slotkeeper.rules.slots import Busy, Obstacle, Provider, Reason, Slot, Terms, obstacles, slots

OCCUPYING = [Reason.BOOKED, Reason.HELD, Reason.CALENDAR_BUSY, Reason.TIME_OFF, Reason.ELSEWHERE]


@st.composite
def busy_around(draw, day):
    """Draw what is busy on the days around a date, by start."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        start = noon(day) + draw(st.integers(-24 * 60, 24 * 60)) * MINUTE
        end = start + draw(st.integers(1, 240)) * MINUTE
        before, after = draw(st.integers(0, 30)) * MINUTE, draw(st.integers(0, 30)) * MINUTE
        number = draw(st.none() | st.integers(1, 9))
        found.append(Busy(start - before, end + after, draw(st.sampled_from(OCCUPYING)), start, end, number))
    return sorted(found, key=lambda each: each.start)


@st.composite
def team_around(draw, zone, day):
    """Draw up to three providers of nearby zones, busy and with some load around a date."""
    days = st.integers(-1, 1).map(lambda offset: day + timedelta(days=offset))
    load = st.dictionaries(days, st.tuples(st.integers(0, 3), st.integers(0, 120).map(lambda minutes: minutes * 60)))
    zones = [zone, *draw(st.lists(st.sampled_from([zone, "Europe/Berlin", "Asia/Kolkata"]), max_size=2))]
    return [
        Provider(number, draw(hours_around(name, day)), draw(busy_around(day)), draw(load))
        for number, name in enumerate(zones, start=1)
    ]


@st.composite
def needs_around(draw, day):
    """Draw up to two needs of up to three resources each, taken now and then on the days around a date."""
    numbers = iter(range(1, 10))
    needs = []
    for _ in range(draw(st.integers(0, 2))):
        resources = []
        for number in islice(numbers, draw(st.integers(0, 3))):
            edges = sorted(draw(st.sets(st.integers(-24 * 60, 24 * 60), max_size=8)))
            stretches = zip(edges[::2], edges[1::2], strict=False)  # claims of a resource never overlap
            taken = [Taken(noon(day) + one * MINUTE, noon(day) + end * MINUTE, number) for one, end in stretches]
            resources.append(ResourceTime(number, taken))
        needs.append(Need(draw(st.integers(1, 2)), resources))
    return needs


minutes_up_to = lambda most: st.integers(0, most).map(lambda minutes: minutes * MINUTE)  # noqa: E731
some_terms = st.builds(
    Terms,
    duration_seconds=st.sampled_from([20, 30, 45, 60, 300]).map(lambda minutes: minutes * MINUTE),
    step_seconds=st.sampled_from([5, 15, 20, 30, 50, 60]).map(lambda minutes: minutes * MINUTE),
    buffer_before_seconds=st.just(0) | minutes_up_to(40),
    buffer_after_seconds=st.just(0) | minutes_up_to(40),
    notice_seconds=st.just(0) | minutes_up_to(600),
    horizon_seconds=st.just(60 * DAY) | minutes_up_to(5 * 24 * 60),
    daily_limit_count=st.none() | st.integers(0, 6),
    daily_limit_seconds=st.none() | minutes_up_to(600),
)


class SlowTeam:
    """Decide about one minute at a time, by looking at each minute of it."""

    def __init__(self, providers, terms, day, now):
        self.providers, self.terms, self.now = providers, terms, now
        self.open = [open_minutes(provider.hours, day) for provider in providers]
        self.shown = [readings(provider.hours.zone, day) for provider in providers]
        self.windows = runs(set.intersection(*self.open))
        self.busy = [[(busy, *map(frozenset, self.minutes_of(busy))) for busy in each.busy] for each in providers]

    @staticmethod
    def minutes_of(busy):
        return range(busy.own_start, busy.own_end, MINUTE), range(busy.start, busy.end, MINUTE)

    def obstacles(self, start):
        found = set()
        for number, provider in enumerate(self.providers):
            told = {*self.of_hours(number, start), *self.of_time(start), *self.of_limits(number, start)}
            found |= {Obstacle(reason, provider.user_id) for reason in told}
            found |= set(self.of_busy(number, start))
        return found

    def of_hours(self, number, start):
        whole = range(start, start + self.terms.duration_seconds, MINUTE)
        if self.providers[number].hours.is_empty:
            yield Reason.NO_HOURS
        elif not self.open[number].issuperset(whole):
            yield Reason.OUTSIDE_HOURS
        elif all(minutes.issuperset(whole) for minutes in self.open):
            (opened,) = (first for first, last in self.windows if first <= start < last)
            if (start - self.last_midnight(opened, start)) % self.terms.step_seconds:
                yield Reason.OFF_GRID

    def last_midnight(self, opened, start):
        """Find where the grid has begun anew: at no midnight of the first week, at each after it."""
        shown = self.shown[0]
        later = reversed(range(opened + WEEK, start + MINUTE, MINUTE))
        return next((minute for minute in later if shown[minute].date() > shown[minute - MINUTE].date()), opened)

    def of_time(self, start):
        if start < self.now:
            yield Reason.PAST
        elif start < self.now + self.terms.notice_seconds:
            yield Reason.TOO_SOON
        if start > self.now + self.terms.horizon_seconds:
            yield Reason.BEYOND_HORIZON

    def of_limits(self, number, start):
        count, seconds = self.providers[number].load.get(self.shown[number][start].date(), (0, 0))
        most, most_seconds = self.terms.daily_limit_count, self.terms.daily_limit_seconds
        if most is not None and count + 1 > most:
            yield Reason.DAILY_LIMIT
        if most_seconds is not None and seconds + self.terms.duration_seconds > most_seconds:
            yield Reason.DAILY_LIMIT

    def of_busy(self, number, start):
        end = start + self.terms.duration_seconds
        own = range(start, end, MINUTE)
        guarded = range(start - self.terms.buffer_before_seconds, end + self.terms.buffer_after_seconds, MINUTE)
        for busy, own_minutes, blocked_minutes in self.busy[number]:
            if not own_minutes.isdisjoint(own):
                yield Obstacle(busy.reason, self.providers[number].user_id, busy.appointment_id)
            elif not blocked_minutes.isdisjoint(guarded):
                yield Obstacle(Reason.BUFFER, self.providers[number].user_id, busy.appointment_id)


def missing_resources(terms, start):
    """Look at each minute of the blocked range, and count for each need the resources that none of them takes."""
    end = start + terms.duration_seconds + terms.buffer_after_seconds
    blocked = set(range(start - terms.buffer_before_seconds, end, MINUTE))
    for need in terms.needs:
        taken = {
            one.resource_id: by
            for one in need.resources
            for by in reversed(one.taken)
            if not blocked.isdisjoint(range(by.start, by.end, MINUTE))
        }
        if len(need.resources) - len(taken) < need.quantity:
            yield from (Obstacle(Reason.RESOURCE_BUSY, None, by.appointment_id, one) for one, by in taken.items())
            if not taken:
                yield Obstacle(Reason.RESOURCE_BUSY, None)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_slots_and_obstacles_are_those_found_minute_by_minute(zone, day, together):
    offsets = st.integers(-16 * 60, 16 * 60)
    long_ago = st.just(-3 * 24 * 60)

    @settings(max_examples=10)  # the oracle is slow
    @given(
        team_around(zone, day),
        st.builds(lambda terms, needs: replace(terms, needs=needs), some_terms, st.just([]) | needs_around(day)),
        offsets, st.integers(60, 4 * 60), long_ago | offsets,
    )  # fmt: skip
    def check(providers, terms, start, length, now):
        within = Interval(noon(day) + start * MINUTE, noon(day) + (start + length) * MINUTE)
        now = noon(day) + now * MINUTE
        groups = [providers] if together else [[provider] for provider in providers]
        teams = [SlowTeam(group, terms, day, now) for group in groups]
        expected = []
        for minute in range(within.start, within.end, MINUTE):
            found = [team.obstacles(minute) for team in teams]
            free = [
                each.user_id
                for team, of_team in zip(teams, found, strict=True)
                if not of_team
                for each in team.providers
            ]
            missing = set(missing_resources(terms, minute))
            if free and not missing:
                expected.append(Slot(minute, minute + terms.duration_seconds, tuple(free)))
            named = obstacles(providers, terms, minute, now, together=together)
            assert len(named) == len(set(named))
            assert set(named) == missing.union(*([] if free else found))
        assert list(slots(providers, terms, within, now, together=together)) == expected

    check()


@given(
    st.sampled_from(CHANGES).flatmap(lambda change: st.tuples(st.just(change[1]), team_around(*change))),
    some_terms,
    st.lists(st.integers(-48 * 60, 48 * 60), min_size=3, max_size=3).map(sorted),
    st.booleans(),
)
def test_two_questions_get_the_slots_of_one(team, terms, minutes, together):
    day, providers = team
    start, middle, end = (noon(day) + minute * MINUTE for minute in minutes)

    def ask(first, last):
        return list(slots(providers, terms, Interval(first, last), start, together=together))

    assert ask(start, middle) + ask(middle, end) == ask(start, end)
