from dataclasses import replace
from datetime import date, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.hours_oracle import DAY, HOUR
from rules.minute_oracle import MINUTE
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import day_bounds
from slotkeeper.rules.opening_hours import OpeningHours
from slotkeeper.rules.slots import Busy, Obstacle, Provider, Reason, Slot, Terms, obstacles, slots

BERLIN = "Europe/Berlin"
CLOSED = ((),) * 7
WORKDAYS = (((9 * 60, 17 * 60),),) * 5 + ((), ())
ALWAYS = (((0, 1440),),) * 7
MONDAY = date(2026, 6, 15)
MIDNIGHT = day_bounds(BERLIN, 2026, 6, 15).start
LONG_AGO = MIDNIGHT - 5 * DAY
ANN, BEN = 1, 2
HALF_HOURS = Terms(duration_seconds=30 * MINUTE, step_seconds=30 * MINUTE)
HOURS = Terms(duration_seconds=HOUR, step_seconds=HOUR)
OCCUPYING = [Reason.BOOKED, Reason.HELD, Reason.CALENDAR_BUSY, Reason.TIME_OFF, Reason.ELSEWHERE]


def at(hours, minutes=0):
    return MIDNIGHT + hours * HOUR + minutes * MINUTE


def open_on(*ranges, user_id=ANN, busy=(), load=None, day=MONDAY):
    """Make a provider who is open on one day."""
    return Provider(user_id, OpeningHours(BERLIN, CLOSED, {day: ranges}), busy, load or {})


def nine_to(hour, **keywords):
    return open_on((9 * 60, hour * 60), **keywords)


def blocked(start, end, reason=Reason.BOOKED, *, buffer=0, appointment_id=None):
    return Busy(start - buffer, end + buffer, reason, start, end, appointment_id)


def starts(providers, terms=HALF_HOURS, within=None, now=LONG_AGO, *, together=False):
    """List the starts of Monday, or of another time, as (hour, minute) of Monday."""
    within = within or Interval(MIDNIGHT, MIDNIGHT + DAY)
    found = slots(providers, terms, within, now, together=together)
    return [divmod((slot.start - MIDNIGHT) // MINUTE, 60) for slot in found]


def reasons(providers, start, terms=HALF_HOURS, now=LONG_AGO, *, together=False):
    return [(each.reason, each.user_id) for each in obstacles(providers, terms, start, now, together=together)]


# The grid


def test_slots_count_in_steps_from_the_opening():
    assert starts([open_on((9 * 60 + 10, 11 * 60))]) == [(9, 10), (9, 40), (10, 10)]


def test_grid_does_not_move_after_a_busy_block():
    provider = nine_to(12, busy=[blocked(at(9), at(9, 40))])
    assert starts([provider]) == [(10, 0), (10, 30), (11, 0), (11, 30)]


def test_step_shorter_than_the_service_offers_overlapping_slots():
    assert starts([nine_to(11)], replace(HOURS, step_seconds=20 * MINUTE)) == [(9, 0), (9, 20), (9, 40), (10, 0)]


def test_slot_fits_from_opening_to_closing():
    assert starts([nine_to(10)], HOURS) == [(9, 0)]
    assert starts([nine_to(10)], replace(HOURS, duration_seconds=HOUR + MINUTE)) == []


def test_windows_that_touch_are_one_to_a_service_and_its_grid():
    provider = open_on((9 * 60, 9 * 60 + 50), (9 * 60 + 50, 11 * 60))
    assert starts([provider], HOURS) == [(9, 0), (10, 0)]


def test_service_may_last_past_midnight_where_the_hours_do():
    night = open_on((22 * 60, 2 * 60))
    assert starts([night], HOURS, Interval(MIDNIGHT, MIDNIGHT + 2 * DAY)) == [(22, 0), (23, 0), (24, 0), (25, 0)]


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (MONDAY, 24)])
def test_whole_day_has_as_many_hourly_slots_as_hours(day, count):
    bounds = day_bounds(BERLIN, day.year, day.month, day.day)
    found = list(slots([open_on((0, 1440), day=day)], HOURS, bounds, bounds.start))
    assert [slot.start for slot in found] == list(range(bounds.start, bounds.end, HOUR))
    assert len(found) == count


def test_grid_of_hours_that_never_close_begins_anew_at_midnight():
    always = Provider(ANN, OpeningHours(BERLIN, ALWAYS, {}), (), {})
    odd = replace(HOURS, step_seconds=35 * MINUTE)
    for day in range(3):
        found = slots([always], odd, Interval(at(24 * day), at(24 * day + 24)), LONG_AGO)
        assert [slot.start - at(24 * day) for slot in found] == list(range(0, DAY, 35 * MINUTE))


def test_hours_that_never_close_take_services_of_many_days():
    always = Provider(ANN, OpeningHours(BERLIN, ALWAYS, {}), (), {})
    month = Terms(31 * DAY, DAY)
    assert len(starts([always], month, Interval(at(0), at(48)))) == 2


@settings(max_examples=40)  # it reads weeks of slots
@given(st.integers(-30 * 24 * 60, 30 * 24 * 60), st.integers(1, 60), st.booleans())
def test_grid_of_hours_that_never_close_is_the_same_to_every_question(minute, step, together):
    always = [
        Provider(ANN, OpeningHours(BERLIN, ALWAYS, {}), (), {}),
        Provider(BEN, OpeningHours("Asia/Kolkata", ALWAYS, {}), (), {}),
    ]
    terms = replace(HOURS, step_seconds=step * MINUTE, horizon_seconds=120 * DAY)
    start, early = at(0, minute), at(-60 * 24)
    for days in (0, 1, 8, 20):
        within = Interval(start - days * DAY, start + DAY)
        of_all = {slot.start for slot in slots(always, terms, within, early, together=together)}
        assert (obstacles(always, terms, start, early, together=together) == []) == (start in of_all)


# What is busy


@pytest.mark.parametrize("reason", OCCUPYING)
def test_busy_time_is_named_by_its_reason_and_appointment(reason):
    provider = nine_to(12, busy=[blocked(at(10), at(11), reason, appointment_id=7)])
    assert starts([provider], HOURS) == [(9, 0), (11, 0)]
    assert obstacles([provider], HOURS, at(10), LONG_AGO) == [Obstacle(reason, ANN, 7)]


def test_touching_is_not_meeting():
    provider = nine_to(12, busy=[blocked(at(9), at(10)), blocked(at(11), at(12))])
    assert starts([provider], HOURS) == [(10, 0)]


def test_buffers_of_both_sides_add_up():
    provider = nine_to(12, busy=[blocked(at(9), at(9, 30), buffer=20 * MINUTE)])
    terms = replace(HALF_HOURS, step_seconds=10 * MINUTE, buffer_before_seconds=10 * MINUTE)
    assert starts([provider], terms)[0] == (10, 0)
    assert obstacles([provider], terms, at(9, 50), LONG_AGO) == [Obstacle(Reason.BUFFER, ANN, None)]


def test_buffers_may_stick_out_of_the_hours():
    terms = replace(HOURS, buffer_before_seconds=2 * HOUR, buffer_after_seconds=2 * HOUR)
    assert starts([nine_to(10)], terms) == [(9, 0)]


def test_only_a_buffer_in_the_way_is_called_buffer():
    provider = nine_to(12, busy=[blocked(at(10), at(11), Reason.HELD, appointment_id=7)])
    terms = replace(HALF_HOURS, buffer_after_seconds=15 * MINUTE)
    assert obstacles([provider], terms, at(9, 30), LONG_AGO) == [Obstacle(Reason.BUFFER, ANN, 7)]
    assert obstacles([provider], terms, at(10), LONG_AGO) == [Obstacle(Reason.HELD, ANN, 7)]
    rested = nine_to(12, busy=[blocked(at(10), at(11), buffer=15 * MINUTE)])
    assert obstacles([rested], HALF_HOURS, at(11), LONG_AGO) == [Obstacle(Reason.BUFFER, ANN, None)]


def test_long_time_off_hides_what_lies_within_it():
    weeks = blocked(at(-24 * 7), at(24 * 7), Reason.TIME_OFF)
    provider = Provider(ANN, OpeningHours(BERLIN, WORKDAYS, {}), [weeks, blocked(at(9), at(10))], {})
    found = list(slots([provider], HOURS, Interval(at(0), at(24 * 8)), LONG_AGO))
    assert [slot.start for slot in found] == list(range(at(24 * 7 + 9), at(24 * 7 + 17), HOUR))
    assert reasons([provider], at(9), HOURS) == [(Reason.TIME_OFF, ANN), (Reason.BOOKED, ANN)]


def test_busy_stretch_without_an_instant_is_in_nobodys_way():
    assert starts([nine_to(10, busy=[blocked(at(9, 30), at(9, 30))])], HOURS) == [(9, 0)]


def test_one_appointment_in_two_pieces_is_named_once():
    pieces = [blocked(at(9), at(9, 10), appointment_id=7), blocked(at(9, 20), at(9, 30), appointment_id=7)]
    assert obstacles([nine_to(12, busy=pieces)], HOURS, at(9), LONG_AGO) == [Obstacle(Reason.BOOKED, ANN, 7)]


# Hours, notice, horizon, limits


def test_provider_without_hours_offers_nothing():
    never = Provider(ANN, OpeningHours(BERLIN, CLOSED, {MONDAY: ()}), (), {})
    assert starts([never]) == []
    assert reasons([never], at(9)) == [(Reason.NO_HOURS, ANN)]


def test_closed_day_is_outside_the_hours():
    provider = Provider(ANN, OpeningHours(BERLIN, WORKDAYS, {MONDAY: ()}), (), {})
    assert starts([provider]) == []
    assert reasons([provider], at(9)) == [(Reason.OUTSIDE_HOURS, ANN)]


def test_service_that_ends_after_closing_is_outside_the_hours():
    assert reasons([nine_to(12)], at(11, 30), HOURS) == [(Reason.OUTSIDE_HOURS, ANN)]


def test_time_between_the_steps_is_off_the_grid():
    assert reasons([nine_to(12)], at(9, 10)) == [(Reason.OFF_GRID, ANN)]


def test_slots_begin_now_at_the_earliest():
    assert starts([nine_to(11)], now=at(10)) == [(10, 0), (10, 30)]
    assert starts([nine_to(11)], now=at(10) + 1) == [(10, 30)]
    assert reasons([nine_to(11)], at(10), now=at(10) + 1) == [(Reason.PAST, ANN)]


def test_slots_begin_after_the_notice():
    terms = replace(HALF_HOURS, notice_seconds=HOUR)
    assert starts([nine_to(11)], terms, now=at(9)) == [(10, 0), (10, 30)]
    assert reasons([nine_to(11)], at(9, 30), terms, now=at(9)) == [(Reason.TOO_SOON, ANN)]


def test_past_is_not_also_called_too_soon():
    terms = replace(HALF_HOURS, notice_seconds=HOUR)
    assert reasons([nine_to(11)], at(9), terms, now=at(9, 30)) == [(Reason.PAST, ANN)]


def test_last_slot_begins_at_the_horizon():
    terms = replace(HALF_HOURS, horizon_seconds=HOUR)
    assert starts([nine_to(12)], terms, now=at(9)) == [(9, 0), (9, 30), (10, 0)]
    assert reasons([nine_to(12)], at(10, 30), terms, now=at(9)) == [(Reason.BEYOND_HORIZON, ANN)]


def test_full_day_takes_no_further_appointment():
    terms = replace(HALF_HOURS, daily_limit_count=3)
    assert len(starts([nine_to(11, load={MONDAY: (2, 0)})], terms)) == 4
    assert starts([nine_to(11, load={MONDAY: (3, 0)})], terms) == []
    assert reasons([nine_to(11, load={MONDAY: (3, 0)})], at(9), terms) == [(Reason.DAILY_LIMIT, ANN)]


def test_day_with_too_few_minutes_left_takes_no_further_appointment():
    terms = replace(HALF_HOURS, daily_limit_seconds=2 * HOUR)
    assert len(starts([nine_to(11, load={MONDAY: (1, 90 * MINUTE)})], terms)) == 4
    assert starts([nine_to(11, load={MONDAY: (1, 91 * MINUTE)})], terms) == []


def test_limit_below_one_appointment_offers_nothing_on_any_day():
    for terms in (replace(HALF_HOURS, daily_limit_count=0), replace(HALF_HOURS, daily_limit_seconds=29 * MINUTE)):
        assert starts([nine_to(11)], terms) == []
        assert reasons([nine_to(11)], at(9), terms) == [(Reason.DAILY_LIMIT, ANN)]


def test_limit_counts_the_local_day_on_which_the_service_starts():
    night = open_on((22 * 60, 2 * 60), load={MONDAY: (1, 0)})
    terms = replace(HOURS, daily_limit_count=1)
    assert starts([night], terms, Interval(MIDNIGHT, MIDNIGHT + 2 * DAY)) == [(24, 0), (25, 0)]


def test_everything_in_the_way_is_listed():
    provider = nine_to(12, busy=[blocked(at(9), at(10), appointment_id=7)], load={MONDAY: (1, 0)})
    terms = replace(HALF_HOURS, notice_seconds=DAY, daily_limit_count=1, horizon_seconds=0)
    assert reasons([provider], at(9, 10), terms, now=at(8)) == [
        (Reason.OFF_GRID, ANN),
        (Reason.TOO_SOON, ANN),
        (Reason.BEYOND_HORIZON, ANN),
        (Reason.BOOKED, ANN),
        (Reason.DAILY_LIMIT, ANN),
    ]


# Several providers


def test_slot_lists_everybody_who_is_free():
    ann, ben = nine_to(11, busy=[blocked(at(9), at(10))]), nine_to(10, user_id=BEN)
    found = list(slots([ann, ben], HOURS, Interval(at(0), at(24)), LONG_AGO))
    assert found == [Slot(at(9), at(10), (BEN,)), Slot(at(10), at(11), (ANN,))]
    assert next(slots([nine_to(10), ben], HOURS, Interval(at(0), at(24)), LONG_AGO)).user_ids == (ANN, BEN)


@pytest.mark.parametrize("together", [False, True])
def test_slot_lists_people_in_the_order_given(together):
    ben, ann = nine_to(12, user_id=BEN), nine_to(12, busy=[blocked(at(9), at(10))])
    *_, last = slots([ben, ann], HOURS, Interval(at(0), at(24)), LONG_AGO, together=together)
    assert last == Slot(at(11), at(12), (BEN, ANN))
    late_ben = open_on((10 * 60, 12 * 60), user_id=BEN)
    *_, last = slots([late_ben, nine_to(12)], HOURS, Interval(at(0), at(24)), LONG_AGO)
    assert last.user_ids == (BEN, ANN)


def test_nobody_offers_nothing():
    assert starts([]) == []
    assert starts([], together=True) == []


def test_slots_of_different_grids_come_by_start():
    assert starts([nine_to(11), open_on((9 * 60 + 15, 10 * 60 + 15), user_id=BEN)]) == [
        (9, 0),
        (9, 15),
        (9, 30),
        (9, 45),
        (10, 0),
        (10, 30),
    ]


def test_one_free_provider_is_enough():
    busy = nine_to(11, busy=[blocked(at(9), at(10))])
    assert obstacles([busy, nine_to(11, user_id=BEN)], HOURS, at(9), LONG_AGO) == []


def test_where_nobody_is_free_the_obstacles_of_each_are_listed():
    ann, ben = nine_to(11, busy=[blocked(at(9), at(10))]), open_on((10 * 60, 11 * 60), user_id=BEN)
    assert reasons([ann, ben], at(9), HOURS) == [(Reason.BOOKED, ANN), (Reason.OUTSIDE_HOURS, BEN)]


def test_together_the_grid_begins_when_all_are_open():
    ann, ben = nine_to(12), open_on((9 * 60 + 10, 11 * 60), user_id=BEN)
    assert starts([ann, ben], together=True) == [(9, 10), (9, 40), (10, 10)]
    assert reasons([ann, ben], at(9, 30), together=True) == [(Reason.OFF_GRID, ANN), (Reason.OFF_GRID, BEN)]


def test_together_everybody_must_be_free():
    ann, ben = nine_to(12, busy=[blocked(at(9), at(10))]), nine_to(12, user_id=BEN, busy=[blocked(at(11), at(12))])
    found = list(slots([ann, ben], HOURS, Interval(at(0), at(24)), LONG_AGO, together=True))
    assert found == [Slot(at(10), at(11), (ANN, BEN))]
    assert reasons([ann, ben], at(9), HOURS, together=True) == [(Reason.BOOKED, ANN)]


def test_together_one_full_day_stops_all():
    ann, ben = nine_to(12, load={MONDAY: (1, 0)}), nine_to(12, user_id=BEN)
    terms = replace(HOURS, daily_limit_count=1)
    assert starts([ann, ben], terms, together=True) == []
    assert reasons([ann, ben], at(9), terms, together=True) == [(Reason.DAILY_LIMIT, ANN)]


def test_together_one_without_hours_stops_all():
    ann, ben = nine_to(12), Provider(BEN, OpeningHours(BERLIN, CLOSED, {}), (), {})
    assert starts([ann, ben], together=True) == []
    assert reasons([ann, ben], at(9), together=True) == [(Reason.NO_HOURS, BEN)]


def test_providers_in_different_zones_each_keep_their_own_hours():
    new_york = Provider(BEN, OpeningHours("America/New_York", CLOSED, {MONDAY: ((9 * 60, 17 * 60),)}), (), {})
    assert starts([nine_to(17), new_york], HOURS, together=True) == [(15, 0), (16, 0)]


# Asking


def test_starts_are_asked_for_not_ends():
    assert starts([nine_to(12)], HOURS, Interval(at(9, 1), at(11))) == [(10, 0)]
    assert starts([nine_to(12)], HOURS, Interval(at(10), at(10) + 1)) == [(10, 0)]


@pytest.mark.parametrize("within", [Interval(at(10), at(10)), Interval(at(12), at(9))])
def test_no_time_asked_for_has_no_slots(within):
    assert starts([nine_to(12)], HOURS, within) == []


def test_first_slots_need_no_day_beyond_them():
    asked = []

    class Overrides(dict):
        def get(self, day, default=None):
            asked.append(day)
            return super().get(day, default)

    providers = [Provider(user_id, OpeningHours(BERLIN, WORKDAYS, Overrides()), (), {}) for user_id in (ANN, BEN)]
    for together in (False, True):
        found = slots(providers, HALF_HOURS, Interval(at(0), at(60 * 24)), LONG_AGO, together=together)
        assert len(list(islice(found, 40))) == 40
    assert max(asked) <= MONDAY + timedelta(days=8)


def test_slots_of_one_who_never_closes_wait_for_those_of_the_others():
    always = Provider(ANN, OpeningHours(BERLIN, ALWAYS, {}), (), {})
    days = Provider(BEN, OpeningHours(BERLIN, WORKDAYS, {}), (), {})
    found = list(slots([always, days], HOURS, Interval(at(0), at(4 * 24)), LONG_AGO))
    assert [slot.start for slot in found] == list(range(at(0), at(4 * 24), HOUR))
    assert [slot.start for slot in found if BEN in slot.user_ids] == [
        at(24 * day + hour) for day in range(4) for hour in range(9, 17)
    ]


def test_slots_of_a_week_come_by_start():
    providers = [Provider(user_id, OpeningHours(BERLIN, WORKDAYS, {}), (), {}) for user_id in (ANN, BEN)]
    found = list(slots(providers, HALF_HOURS, Interval(at(0), at(7 * 24)), LONG_AGO))
    assert len(found) == 5 * 16
    assert all(before.start < after.start for before, after in pairwise(found))
    assert all(isinstance(slot, Slot) for slot in found)
