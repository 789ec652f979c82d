"""Compare the time arithmetic with zoneinfo: for every zone, and for any year."""

from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.local_time import (
    ZONE_NAMES,
    AmbiguousTime,
    NonexistentTime,
    ReadTime,
    TimeForm,
    day_bounds,
    earliest_instant,
    exact_instant,
    instants_of,
    latest_instant,
    local_day,
    offset_at,
    offset_spans,
    parse_time,
    range_end,
    range_start,
)
from slotkeeper.rules.time_text import offset_text

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LOOK = 23 * HOUR
ALL_ZONES = sorted(ZONE_NAMES)
NEW_YEAR_2026 = 1_767_225_600
NEW_YEAR_2031 = 1_924_992_000

zones = st.sampled_from(ALL_ZONES)
# A day away from either end, so that no zone's reading leaves the supported years.
supported_instants = st.integers(DAY, 7_289_654_400 - DAY)


@cache
def clock_of(zone):
    """Load a zone from the tzdata package, as the module does, whatever the operating system has."""
    with (resources.files("tzdata") / "zoneinfo" / zone).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)


def offset_by_zoneinfo(zone, instant):
    return datetime.fromtimestamp(instant, clock_of(zone)).utcoffset() // timedelta(seconds=1)


def changes(zone):
    """Find (instant, offset before, offset after) by looking every 23 hours, at ever different hours."""
    before = offset_by_zoneinfo(zone, NEW_YEAR_2026)
    for look in range(NEW_YEAR_2026, NEW_YEAR_2031, LOOK):
        after = offset_by_zoneinfo(zone, look)
        assert offset_at(zone, look) == after
        if after != before:
            old, new = look - LOOK, look
            while new - old > 1:
                middle = (old + new) // 2
                old, new = (middle, new) if offset_by_zoneinfo(zone, middle) == before else (old, middle)
            yield new, before, after
        before = after


@pytest.mark.parametrize("zone", ALL_ZONES)
def test_every_change_of_offset_until_2030_is_that_of_zoneinfo(zone):
    for change, before, after in changes(zone):
        assert_readings_lead_to_instants(zone, change, (before, after))
        assert_texts_lead_back(zone, change)
        assert_days_are_those_of_the_calendar(zone, change)
        if after > before:
            assert_gap_is_known(zone, change, (before, after))
        else:
            assert_fold_is_known(zone, change, (before, after))


def assert_readings_lead_to_instants(zone, change, offsets):
    for minutes in (-1500, -121, -120, -61, -60, -31, -30, -1, 0, 1, 29, 30, 59, 60, 119, 120, 1500):
        for instant in (change + minutes * MINUTE, change + minutes * MINUTE - 1):
            offset = offset_by_zoneinfo(zone, instant)
            assert offset_at(zone, instant) == offset
            local = instant + offset
            shown = {local - other for other in offsets if offset_by_zoneinfo(zone, local - other) == other}
            assert instants_of(zone, local) == tuple(sorted(shown))


def assert_gap_is_known(zone, change, offsets):
    before, after = offsets
    for local in (change + before, change + (before + after) // 2, change + after - 1):
        assert instants_of(zone, local) == ()
        assert earliest_instant(zone, local) == latest_instant(zone, local) == change
        assert range_start(ReadTime(local), zone) == range_end(ReadTime(local), zone) == change
        with pytest.raises(NonexistentTime) as refusal:
            exact_instant(ReadTime(local), zone)
        assert refusal.value.offsets == (offset_text(before), offset_text(after))


def assert_fold_is_known(zone, change, offsets):
    before, after = offsets
    for local in (change + after, change + (before + after) // 2, change + before - 1):
        both = (local - before, local - after)
        assert instants_of(zone, local) == both
        assert (earliest_instant(zone, local), latest_instant(zone, local)) == both
        assert (range_start(ReadTime(local), zone), range_end(ReadTime(local), zone)) == both
        with pytest.raises(AmbiguousTime) as refusal:
            exact_instant(ReadTime(local), zone)
        assert refusal.value.offsets == (offset_text(before), offset_text(after))


def assert_texts_lead_back(zone, change):
    instants = range(change - 3 * HOUR, change + 3 * HOUR, 10 * MINUTE)
    texts = zip(
        instants,
        TimeForm(zone).write_all(instants),
        TimeForm.with_offset(zone).write_all(instants),
        strict=True,
    )
    for form in (TimeForm(zone), TimeForm.with_offset(zone)):
        assert form.write_runs([instants]) == [form.write_all(instants)]
    for instant, bare, full in texts:
        assert full == datetime.fromtimestamp(instant, clock_of(zone)).isoformat()
        local = instant + offset_by_zoneinfo(zone, instant)
        assert bare == (full if len(instants_of(zone, local)) > 1 else full[:19])
        assert exact_instant(parse_time(bare), zone) == exact_instant(parse_time(full), "UTC") == instant


def assert_days_are_those_of_the_calendar(zone, change):
    yesterday = None
    for quarter in range(change - 26 * HOUR, change + 26 * HOUR, 15 * MINUTE):
        today = datetime.fromtimestamp(quarter, clock_of(zone)).date()
        assert local_day(zone, quarter) == today
        if yesterday not in {None, today}:
            assert day_bounds(zone, today.year, today.month, today.day).start == quarter
            assert day_bounds(zone, yesterday.year, yesterday.month, yesterday.day).end == quarter
        yesterday = today


# Any zone in any supported year.


@given(zones, supported_instants)
def test_offset_is_that_of_zoneinfo(zone, instant):
    assert offset_at(zone, instant) == offset_by_zoneinfo(zone, instant)


@given(zones, st.integers(0, 230))
def test_offset_spans_follow_one_another_without_a_hole(zone, year):
    spans = offset_spans(zone, year)
    for before, after in pairwise(spans):
        assert before.end == after.start
        assert before.offset != after.offset
    assert spans[-1].end > offset_spans(zone, year + 1)[0].start


@given(zones, supported_instants)
def test_reading_of_an_instant_leads_back_to_it(zone, instant):
    local = instant + offset_at(zone, instant)
    assert instant in instants_of(zone, local)
    assert earliest_instant(zone, local) <= instant <= latest_instant(zone, local)


@given(zones, st.dates(date(1970, 1, 2), date(2200, 12, 30)))
def test_days_of_a_zone_follow_one_another_without_a_hole(zone, day):
    bounds = day_bounds(zone, day.year, day.month, day.day)
    following = day + timedelta(days=1)
    assert bounds.start <= bounds.end
    assert bounds.end == day_bounds(zone, following.year, following.month, following.day).start


@given(zones, st.lists(supported_instants, max_size=20), st.integers(5 * MINUTE, DAY), st.integers(0, 200))
def test_every_form_writes_what_reads_back_as_the_instant(zone, instants, step, count):
    first = min(instants, default=DAY)
    steps = range(first, min(first + count * step + 1, 7_289_654_400), step)
    asked = [parse_time(text) for text in ("2026-01-15T10:00Z", "2026-01-15T10:00-03:30", "2026-01-15")]
    for form in (TimeForm.with_offset(zone), *(TimeForm.of(read, zone) for read in asked)):
        texts = form.write_all(instants)
        assert form.write_runs([steps, steps[:9]]) == [form.write_all(steps), form.write_all(steps[:9])]
        assert texts == [form.write(instant) for instant in instants]
        assert [exact_instant(parse_time(text), zone) for text in texts] == instants
