"""When a reminder is due, late, or too late."""

from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.reminder_plan import DEFAULT_MINUTES, Verdict, reminders_of

HOUR = 3600
START = 100 * HOUR
LONG_AGO = 0


def day_before():
    return reminders_of(START, DEFAULT_MINUTES)[0]


def two_hours_before():
    return reminders_of(START, DEFAULT_MINUTES)[1]


def judged(reminder, hours_before, settled_at=LONG_AGO):
    return reminder.judge(settled_at, START - int(hours_before * HOUR))


def test_the_one_of_24_hours_is_due_24_to_25_hours_before():
    assert judged(day_before(), 25.01) is Verdict.EARLY
    assert judged(day_before(), 25) is Verdict.DUE
    assert judged(day_before(), 24) is Verdict.DUE


def test_the_one_of_2_hours_is_due_2_to_3_hours_before():
    assert judged(two_hours_before(), 3.01) is Verdict.EARLY
    assert judged(two_hours_before(), 3) is Verdict.DUE
    assert judged(two_hours_before(), 2) is Verdict.DUE


def test_a_missed_window_is_caught_up_while_it_still_helps():
    assert judged(day_before(), 3.01) is Verdict.DUE
    assert judged(day_before(), 3) is Verdict.MISSED
    assert judged(two_hours_before(), 0.01) is Verdict.DUE
    assert judged(two_hours_before(), 0) is Verdict.MISSED


def test_what_was_made_or_moved_after_the_window_closed_gets_none():
    made_20_hours_before = START - 20 * HOUR
    assert judged(day_before(), 20, made_20_hours_before) is Verdict.MADE_LATE
    assert judged(two_hours_before(), 20, made_20_hours_before) is Verdict.EARLY
    made_within_the_window = START - 24 * HOUR - 60
    assert judged(day_before(), 23, made_within_the_window) is Verdict.DUE


def test_a_single_reminder_of_another_time_keeps_to_the_same_rules():
    (week_before,) = reminders_of(START, [7 * 24 * 60])
    assert (week_before.opens_at, week_before.useful_until) == (START - 169 * HOUR, START - 3 * HOUR)
    (half_hour,) = reminders_of(START, [30])
    assert (half_hour.opens_at, half_hour.useful_until) == (START - 90 * 60, START)


@given(st.lists(st.integers(15, 20_160), min_size=1, max_size=5), st.integers(0, 30 * 24 * HOUR))
def test_at_most_one_reminder_helps_at_a_time_outside_the_windows(minutes, before):
    now = START - before
    due = [one for one in reminders_of(START, minutes) if one.judge(LONG_AGO, now) is Verdict.DUE]
    assert sum(now >= one.closes_at for one in due) <= 1
    assert all(one.opens_at <= now < START for one in due)


@given(st.lists(st.integers(15, 20_160), min_size=1, max_size=5))
def test_each_reminder_has_time_in_which_it_is_due_or_a_later_one_stands_in_for_it(minutes):
    for one in reminders_of(START, minutes):
        assert one.opens_at < one.closes_at <= START
        assert one.useful_until <= START
