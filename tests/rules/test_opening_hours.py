from datetime import date
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.hours_oracle import CHANGES, DAY, HOUR, SEEN_AFTER, hours_around, noon, open_minutes, runs
from rules.minute_oracle import MINUTE
from slotkeeper.rules.intervals import Interval, clip
from slotkeeper.rules.local_time import day_bounds
from slotkeeper.rules.opening_hours import OpeningHours

CLOSED = ((),) * 7
WORKDAYS = (((9 * 60, 17 * 60),),) * 5 + ((), ())
ALWAYS = (((0, 1440),),) * 7
MONDAY = date(2026, 6, 15)


def hours_on(day, *ranges, zone="Europe/Berlin"):
    return OpeningHours(zone, CLOSED, {day: ranges})


def midnight(day, zone="Europe/Berlin"):
    return day_bounds(zone, day.year, day.month, day.day).start


def day_range(day, days):
    return Interval(midnight(day), midnight(day) + days * DAY)


def windows_near(hours, day):
    return list(hours.windows(Interval(noon(day) - 2 * DAY, noon(day) + 2 * DAY)))


def clock_windows(hours, day):
    """Give the windows near a day in hours since the day's midnight."""
    start = midnight(day, hours.zone)
    return [((window.start - start) / HOUR, (window.end - start) / HOUR) for window in windows_near(hours, day)]


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_windows_are_those_found_by_looking_at_the_clock_every_minute(zone, day):
    instants = st.integers(noon(day) - 2 * DAY, noon(day) + 2 * DAY)

    @given(hours_around(zone, day), instants, instants)
    def check(hours, start, end):
        seen = Interval(noon(day) - SEEN_AFTER, noon(day) + SEEN_AFTER)
        windows = [window for window in clip(hours.windows(Interval(start, end)), seen) if start < end]
        expected = runs(minute for minute in open_minutes(hours, day) if seen.start <= minute < seen.end)
        assert windows == [(first, last) for first, last in expected if max(first, start) < min(last, end)]

    check()


@given(st.sampled_from(CHANGES).flatmap(lambda change: hours_around(*change)), st.integers(-90, 90))
def test_windows_are_sorted_and_do_not_touch(hours, days):
    start = noon(date(2026, 6, 15)) + days * DAY
    windows = list(hours.windows(Interval(start, start + 10 * DAY)))
    assert all(window.start < window.end for window in windows)
    assert all(before.end < after.start for before, after in pairwise(windows))


def test_working_week_has_five_windows():
    windows = list(OpeningHours("Europe/Berlin", WORKDAYS, {}).windows(day_range(MONDAY, 7)))
    assert [window.start - midnight(MONDAY) for window in windows] == [day * DAY + 9 * HOUR for day in range(5)]
    assert {window.end - window.start for window in windows} == {8 * HOUR}


def test_hours_keep_their_wall_clock_when_the_clocks_change():
    hours = OpeningHours("Europe/Berlin", (((9 * 60, 17 * 60),),) * 7, {})
    saturday, sunday = islice(hours.windows(day_range(date(2026, 3, 28), 2)), 2)
    assert sunday.start - saturday.start == 23 * HOUR


def test_range_that_starts_in_a_gap_begins_after_it():
    spring = date(2026, 3, 29)
    assert clock_windows(hours_on(spring, (150, 300)), spring) == [(2, 4)]


def test_range_within_a_gap_is_nothing():
    spring = date(2026, 3, 29)
    assert clock_windows(hours_on(spring, (130, 170)), spring) == []


def test_range_in_a_fold_lasts_from_its_first_start_to_its_second_end():
    autumn = date(2026, 10, 25)
    assert clock_windows(hours_on(autumn, (120, 180)), autumn) == [(2, 4)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (MONDAY, 24)])
def test_whole_day_has_as_many_hours_as_the_clock_shows(day, hours):
    assert clock_windows(hours_on(day, (0, 1440)), day) == [(0, hours)]


def test_day_that_a_zone_skipped_has_no_window():
    skipped = date(2011, 12, 30)
    assert windows_near(hours_on(skipped, (0, 1440), (600, 700), zone="Pacific/Apia"), skipped) == []


def test_range_past_midnight_ends_on_the_next_day():
    assert clock_windows(hours_on(MONDAY, (22 * 60, 2 * 60)), MONDAY) == [(22, 26)]


def test_range_that_ends_when_it_starts_lasts_a_day():
    assert clock_windows(hours_on(MONDAY, (8 * 60, 8 * 60)), MONDAY) == [(8, 32)]


def test_ranges_that_touch_make_one_window():
    assert clock_windows(hours_on(MONDAY, (13 * 60, 17 * 60), (9 * 60, 13 * 60)), MONDAY) == [(9, 17)]


def test_ranges_that_touch_at_midnight_make_one_window():
    hours = OpeningHours("Europe/Berlin", CLOSED, {MONDAY: ((1200, 1440),), date(2026, 6, 16): ((0, 120),)})
    assert clock_windows(hours, MONDAY) == [(20, 26)]


def test_ranges_that_overlap_make_one_window():
    assert clock_windows(hours_on(MONDAY, (600, 900), (540, 660)), MONDAY) == [(9, 15)]


def test_override_replaces_the_hours_of_its_date():
    hours = OpeningHours("Europe/Berlin", WORKDAYS, {MONDAY: ((600, 660),)})
    windows = clock_windows(hours, MONDAY)
    assert (10, 11) in windows
    assert (9, 17) not in windows


def test_closure_leaves_the_night_that_began_the_day_before():
    nights = OpeningHours("Europe/Berlin", (((22 * 60, 2 * 60),),) * 7, {MONDAY: ()})
    assert clock_windows(nights, MONDAY) == [(-26, -22), (-2, 2), (46, 50)]


def test_windows_are_whole_though_only_a_part_was_asked_for():
    hours = OpeningHours("Europe/Berlin", WORKDAYS, {})
    noon_hour = Interval(midnight(MONDAY) + 12 * HOUR, midnight(MONDAY) + 13 * HOUR)
    assert list(hours.windows(noon_hour)) == [(midnight(MONDAY) + 9 * HOUR, midnight(MONDAY) + 17 * HOUR)]


def test_window_that_only_touches_the_time_asked_for_is_left_out():
    hours = OpeningHours("Europe/Berlin", WORKDAYS, {})
    assert list(hours.windows(Interval(midnight(MONDAY), midnight(MONDAY) + 9 * HOUR))) == []
    assert list(hours.windows(Interval(midnight(MONDAY) + 17 * HOUR, midnight(MONDAY) + 18 * HOUR))) == []


def test_no_time_asked_for_has_no_windows():
    instant = midnight(MONDAY) + 12 * HOUR
    assert list(OpeningHours("Europe/Berlin", WORKDAYS, {}).windows(Interval(instant, instant))) == []


def test_hours_that_never_close_reach_past_a_week_before_and_the_longest_appointment_after():
    within = day_range(MONDAY, 1)
    (window,) = OpeningHours("Europe/Berlin", ALWAYS, {}).windows(within)
    assert window.start <= within.start - 8 * DAY
    assert window.end >= within.end + 31 * DAY


def test_first_windows_of_a_hundred_years_come_at_once():
    hours = OpeningHours("Europe/Berlin", WORKDAYS, {})
    century = Interval(midnight(MONDAY), midnight(MONDAY) + 36_525 * DAY)
    assert len(list(islice(hours.windows(century), 3))) == 3


@pytest.mark.parametrize("edge", [0, 7_289_654_400 - MINUTE])
def test_first_and_last_minute_of_the_supported_years_have_windows(edge):
    assert len(list(OpeningHours("Asia/Tokyo", ALWAYS, {}).windows(Interval(edge, edge + MINUTE)))) == 1


@pytest.mark.parametrize(
    ("weekly", "overrides", "is_empty"),
    [
        (CLOSED, {}, True),
        (CLOSED, {MONDAY: ()}, True),
        (CLOSED, {MONDAY: ((540, 600),)}, False),
        (WORKDAYS, {}, False),
        (WORKDAYS, {MONDAY: ()}, False),
    ],
)
def test_hours_are_empty_without_any_range(weekly, overrides, is_empty):
    assert OpeningHours("Europe/Berlin", weekly, overrides).is_empty == is_empty
