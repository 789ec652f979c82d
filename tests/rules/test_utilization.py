"""Time on the hours of the week."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.utilization import seconds_by_week_hour

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]


def test_an_appointment_counts_for_the_hours_it_touches():
    start = int(datetime(2027, 1, 11, 9, 45, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    week = seconds_by_week_hour([Interval(start, start + 90 * 60)], "Europe/Berlin")
    assert (week[0][9], week[0][10], week[0][11]) == (900, 3600, 900)


def test_an_appointment_past_sunday_midnight_goes_on_on_monday():
    start = int(datetime(2027, 1, 17, 23, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    week = seconds_by_week_hour([Interval(start, start + 3600)], "Europe/Berlin")
    assert (week[6][23], week[0][0]) == (1800, 1800)


@given(st.sampled_from(ZONES), st.integers(1_500_000_000, 2_000_000_000), st.integers(0, 20 * 86_400))
def test_no_second_is_lost_or_counted_twice(zone, start, length):
    assert sum(map(sum, seconds_by_week_hour([Interval(start, start + length)], zone))) == length
