from itertools import count, islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.intervals import (
    Interval,
    clip,
    gaps_between,
    intersect,
    merge,
    overlaps,
    subtract,
    union,
)

# Lengths below one make empty intervals, which every function must take and ignore.
interval = st.builds(lambda start, length: Interval(start, start + length), st.integers(-20, 60), st.integers(-3, 25))
some_intervals = st.lists(interval, max_size=12)


def instants(intervals):
    return {instant for start, end in intervals for instant in range(start, end)}


def assert_sorted_and_disjoint(intervals):
    assert all(start < end for start, end in intervals)
    assert all(before.end <= after.start for before, after in pairwise(intervals))


@given(some_intervals)
def test_union_holds_the_same_instants_in_the_fewest_intervals(intervals):
    joined = union(intervals)
    assert instants(joined) == instants(intervals)
    assert all(start < end for start, end in joined)
    assert all(before.end < after.start for before, after in pairwise(joined))


@given(some_intervals, some_intervals)
def test_subtracting_leaves_the_instants_of_windows_that_are_not_busy(windows, busy):
    free = subtract(windows, busy)
    assert instants(free) == instants(windows) - instants(busy)
    assert_sorted_and_disjoint(free)
    assert intersect(free, busy) == []


@given(interval, some_intervals)
def test_free_and_busy_together_cover_the_window(window, busy):
    assert union(subtract([window], busy) + intersect([window], busy)) == union([window])


@given(some_intervals, some_intervals)
def test_intersection_holds_the_instants_in_both(a, b):
    common = intersect(a, b)
    assert instants(common) == instants(a) & instants(b)
    assert_sorted_and_disjoint(common)
    assert common == intersect(b, a)


@given(interval, interval)
def test_intervals_overlap_when_they_share_an_instant(a, b):
    assert overlaps(a, b) == overlaps(b, a) == bool(instants([a]) & instants([b]))


def test_intervals_that_touch_do_not_overlap():
    assert not overlaps(Interval(0, 10), Interval(10, 20))


def test_empty_interval_overlaps_nothing():
    assert not overlaps(Interval(5, 5), Interval(0, 10))


def test_intervals_that_touch_are_joined():
    assert union([Interval(10, 20), Interval(0, 10)]) == [Interval(0, 20)]


def test_block_that_reaches_over_two_windows_is_cut_out_of_both():
    assert subtract([Interval(0, 10), Interval(20, 30)], [Interval(5, 25)]) == [
        Interval(0, 5),
        Interval(25, 30),
    ]


@given(some_intervals, interval)
def test_clipping_keeps_what_lies_in_the_window(intervals, window):
    assert instants(clip(sorted(intervals), window)) == instants(intervals) & instants([window])


def test_endless_windows_are_read_only_as_far_as_asked():
    days = (Interval(24 * day + 9, 24 * day + 17) for day in count())
    gaps = gaps_between(merge(days), [Interval(10, 12)])
    assert list(islice(gaps, 3)) == [Interval(9, 10), Interval(12, 17), Interval(33, 41)]
    assert next(days).start == 24 * 3 + 9
