from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st

from rules.minute_oracle import MINUTE, slow_gaps, slow_slots
from slotkeeper.rules.availability import AlternativesRequest, free_gaps, free_slots, next_free_slots
from slotkeeper.rules.intervals import Interval, intersect, union

HOUR = 60 * MINUTE
DAY = 24 * HOUR
# A Thursday: 2026-01-15T00:00:00Z.
MIDNIGHT = 1_768_435_200
LONG_AGO = 0


def at(hours, minutes=0):
    return MIDNIGHT + hours * HOUR + minutes * MINUTE


def between(start, end):
    return Interval(at(*start), at(*end))


minute = st.integers(0, 180).map(lambda minutes: at(0, minutes))
interval = st.builds(lambda start, minutes: Interval(start, start + minutes * MINUTE), minute, st.integers(0, 60))
some_intervals = st.lists(interval, max_size=6)
some_hours = st.none() | some_intervals
slot_length = st.integers(1, 40).map(lambda minutes: minutes * MINUTE)


def slots_at(*starts, minutes=30):
    return [Interval(at(*start), at(*start) + minutes * MINUTE) for start in starts]


def listed(runs):
    """Give slots one by one that came as the edges of those that stand back to back."""
    return [Interval(*slot) for run in runs for slot in pairwise(run)]


@given(interval, some_intervals, some_hours)
def test_gaps_are_those_found_minute_by_minute(window, busy, hours):
    assert free_gaps(window, busy, hours) == slow_gaps(window, busy, hours)


@given(interval, some_intervals)
def test_free_and_busy_time_cover_the_window(window, busy):
    free = free_gaps(window, busy, None)
    assert intersect(free, busy) == []
    assert union(free + intersect([window], busy)) == union([window])


@given(interval, some_intervals, some_hours, slot_length, minute)
def test_slots_are_those_found_minute_by_minute(window, busy, hours, slot_seconds, now):
    slots = listed(free_slots(free_gaps(window, busy, hours), slot_seconds, now))
    assert slots == [slot for slot in slow_slots(window, busy, hours, slot_seconds) if slot.start >= now]


@given(
    st.builds(AlternativesRequest, asked_start=minute, now=st.integers(at(0), at(3)), slot_seconds=slot_length),
    minute,
    some_intervals,
    some_hours,
)
def test_alternatives_are_those_found_minute_by_minute(request, horizon, busy, hours):
    request = AlternativesRequest(request.asked_start, request.now, request.slot_seconds, horizon)
    start = request.now
    while start % (5 * MINUTE):
        start += 1
    window = Interval(max(start, request.asked_start), horizon)
    found = next_free_slots(request, busy, None if hours is None else sorted(hours))
    assert found == slow_slots(window, busy, hours, request.slot_seconds)[:3]


def test_free_day_of_ten_to_six_has_sixteen_half_hours():
    slots = listed(free_slots([between((10, 0), (18, 0))], 30 * MINUTE, LONG_AGO))
    assert slots[0] == between((10, 0), (10, 30))
    assert slots[-1] == between((17, 30), (18, 0))
    assert len(slots) == 16


def test_slots_count_from_the_end_of_the_busy_block():
    gaps = free_gaps(between((10, 0), (12, 0)), [between((10, 0), (10, 20))], None)
    assert listed(free_slots(gaps, 30 * MINUTE, LONG_AGO)) == slots_at((10, 20), (10, 50), (11, 20))


def test_slots_that_have_begun_are_dropped_and_the_rest_stay_where_they_were():
    gaps = [between((10, 0), (12, 0))]
    assert listed(free_slots(gaps, 30 * MINUTE, at(10, 31))) == slots_at((11, 0), (11, 30))


def test_slot_that_begins_now_is_offered():
    assert listed(free_slots([between((10, 0), (11, 0))], 30 * MINUTE, at(10, 30))) == slots_at((10, 30))


def test_rest_of_a_gap_shorter_than_a_slot_is_not_offered():
    assert listed(free_slots([between((10, 0), (10, 59))], 30 * MINUTE, LONG_AGO)) == slots_at((10, 0))


def test_opening_hours_that_touch_are_one_stretch():
    hours = [between((12, 0), (14, 0)), between((9, 0), (12, 0))]
    gaps = free_gaps(between((0, 0), (24, 0)), [], hours)
    assert gaps == [between((9, 0), (14, 0))]


def test_no_hours_at_all_leave_no_gap_and_no_rule_leaves_the_window():
    window = between((9, 0), (17, 0))
    assert free_gaps(window, [], []) == []
    assert free_gaps(window, [], None) == [window]


def test_alternatives_begin_where_the_busy_block_ends():
    request = AlternativesRequest(asked_start=at(14, 45), now=at(9))
    busy = [between((14, 0), (15, 0))]
    assert next_free_slots(request, busy) == slots_at((15, 0), (15, 30), (16, 0))


def test_alternatives_to_a_start_in_the_past_begin_at_now_rounded_up():
    request = AlternativesRequest(asked_start=at(8), now=at(9, 2) + 1)
    assert next_free_slots(request, []) == slots_at((9, 5), (9, 35), (10, 5))


def test_now_on_a_five_minute_mark_is_not_rounded():
    request = AlternativesRequest(asked_start=at(8), now=at(9, 5))
    assert next_free_slots(request, [])[0].start == at(9, 5)


def test_start_asked_for_is_not_rounded():
    request = AlternativesRequest(asked_start=at(9, 2), now=at(8))
    assert next_free_slots(request, [])[0].start == at(9, 2)


def test_alternatives_have_the_length_asked_for():
    request = AlternativesRequest(asked_start=at(9), now=at(8), slot_seconds=45 * MINUTE)
    assert next_free_slots(request, []) == slots_at((9, 0), (9, 45), (10, 30), minutes=45)


def test_alternatives_stay_inside_opening_hours():
    request = AlternativesRequest(asked_start=at(16, 30), now=at(9))
    hours = [between((24 * day + 9, 0), (24 * day + 17, 0)) for day in range(3)]
    assert next_free_slots(request, [], hours) == slots_at((16, 30), (33, 0), (33, 30))


def test_alternatives_end_at_the_horizon():
    request = AlternativesRequest(asked_start=at(9), now=at(8), horizon=at(10, 29))
    assert next_free_slots(request, []) == slots_at((9, 0), (9, 30))


def test_horizon_before_the_start_leaves_no_alternative():
    assert next_free_slots(AlternativesRequest(asked_start=at(9), now=at(8), horizon=at(7)), []) == []


def test_search_ends_sixty_days_after_it_begins():
    request = AlternativesRequest(asked_start=at(9), now=at(8))
    assert request.window == Interval(at(9), at(9) + 60 * DAY)
    just_fits = [Interval(at(0), at(9) + 60 * DAY - 30 * MINUTE)]
    assert next_free_slots(request, just_fits) == [Interval(just_fits[0].end, request.window.end)]
    assert next_free_slots(request, [Interval(at(0), at(9) + 60 * DAY - 29 * MINUTE)]) == []


def test_opening_hours_are_read_no_further_than_the_third_slot():
    days_read = []

    def weekdays():
        for day in count():
            days_read.append(day)
            yield between((24 * day + 9, 0), (24 * day + 17, 0))

    assert len(next_free_slots(AlternativesRequest(at(9), at(8)), [], weekdays())) == 3
    assert days_read == [0, 1]


def test_hours_open_day_and_night_end_the_search_at_the_horizon():
    always = (between((24 * day, 0), (24 * day + 24, 0)) for day in count())
    assert next_free_slots(AlternativesRequest(at(9), at(8)), [], always) == slots_at((9, 0), (9, 30), (10, 0))
    assert next(always).start == at(24 * 62)
