from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import (
    ZONE_NAMES,
    AmbiguousTime,
    InvalidTime,
    NonexistentTime,
    ReadTime,
    TimeForm,
    day_bounds,
    exact_instant,
    instants_of,
    is_zone,
    local_day,
    offset_at,
    parse_time,
    range_end,
    range_start,
)
from slotkeeper.rules.time_text import offset_text

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def naive_text(local):
    return datetime.fromtimestamp(local, UTC).replace(tzinfo=None).isoformat()


def utc(text):
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


# Zones by hand.


def test_zone_names_are_those_people_live_in():
    assert {"Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kathmandu", "UTC"} <= ZONE_NAMES
    assert not {"Factory", "localtime", "posixrules", "right/UTC", "posix/UTC", ""} & ZONE_NAMES
    assert is_zone("Europe/Berlin")
    assert not is_zone("europe/berlin")


@pytest.mark.parametrize("name", ["Factory", "Mars/Olympus", "../zones", "/etc/localtime", ""])
def test_name_that_is_no_zone_is_refused(name):
    with pytest.raises(ValueError, match="no time zone"):
        offset_at(name, 0)


def test_time_in_spring_gap_names_both_offsets():
    with pytest.raises(NonexistentTime) as refusal:
        exact_instant(parse_time("2026-03-29T02:30:00"), "Europe/Berlin")
    assert refusal.value.offsets == ("+01:00", "+02:00")
    assert str(refusal.value) == (
        "2026-03-29T02:30:00 does not exist in Europe/Berlin: the clocks skip it. "
        "Add the offset you mean, +01:00 or +02:00."
    )


def test_time_in_autumn_fold_names_both_offsets():
    with pytest.raises(AmbiguousTime) as refusal:
        exact_instant(parse_time("2026-10-25T02:30:00"), "Europe/Berlin")
    assert refusal.value.offsets == ("+02:00", "+01:00")
    assert str(refusal.value) == (
        "2026-10-25T02:30:00 happens twice in Europe/Berlin: the clocks go back. "
        "Add the offset you mean, +02:00 or +01:00."
    )


def test_time_in_fold_with_offset_is_exact():
    first = exact_instant(parse_time("2026-10-25T02:30:00+02:00"), "Europe/Berlin")
    second = exact_instant(parse_time("2026-10-25T02:30:00+01:00"), "Europe/Berlin")
    assert second - first == HOUR


def test_day_has_23_or_25_hours_where_clocks_change():
    spring = day_bounds("Europe/Berlin", 2026, 3, 29)
    autumn = day_bounds("Europe/Berlin", 2026, 10, 25)
    assert spring.end - spring.start == 23 * HOUR
    assert autumn.end - autumn.start == 25 * HOUR


def test_lord_howe_changes_by_half_an_hour():
    spring = day_bounds("Australia/Lord_Howe", 2026, 10, 4)
    assert spring.end - spring.start == 23 * HOUR + 30 * MINUTE
    with pytest.raises(NonexistentTime) as refusal:
        exact_instant(parse_time("2026-10-04T02:15"), "Australia/Lord_Howe")
    assert refusal.value.offsets == ("+10:30", "+11:00")


def test_troll_changes_by_two_hours():
    autumn = day_bounds("Antarctica/Troll", 2026, 10, 25)
    assert autumn.end - autumn.start == 26 * HOUR
    assert len(instants_of("Antarctica/Troll", utc("2026-10-25T01:30"))) == 2


def test_day_that_apia_skipped_is_empty():
    skipped = day_bounds("Pacific/Apia", 2011, 12, 30)
    assert skipped.start == skipped.end == day_bounds("Pacific/Apia", 2011, 12, 29).end
    assert skipped.end == day_bounds("Pacific/Apia", 2011, 12, 31).start == utc("2011-12-30T10:00")
    with pytest.raises(NonexistentTime) as refusal:
        exact_instant(parse_time("2011-12-30T12:00"), "Pacific/Apia")
    assert refusal.value.offsets == ("-10:00", "+14:00")


def test_day_whose_midnight_is_skipped_begins_after_the_gap():
    beirut = day_bounds("Asia/Beirut", 2026, 3, 29)
    assert beirut == Interval(utc("2026-03-28T22:00"), utc("2026-03-29T21:00"))
    assert TimeForm("Asia/Beirut").write(beirut.start) == "2026-03-29T01:00:00"


def test_day_whose_midnight_comes_twice_begins_with_the_first():
    azores = day_bounds("Atlantic/Azores", 2026, 10, 25)
    assert azores == Interval(utc("2026-10-25T00:00"), utc("2026-10-26T01:00"))


def test_day_shown_again_after_midnight_belongs_to_the_new_day():
    change = utc("2010-11-07T02:31")
    assert local_day("America/St_Johns", change) == date(2010, 11, 6)
    assert day_bounds("America/St_Johns", 2010, 11, 7).start == change - MINUTE


def test_morocco_goes_back_for_ramadan():
    assert offset_at("Africa/Casablanca", utc("2025-03-01T12:00")) == 0
    assert offset_at("Africa/El_Aaiun", utc("2025-05-01T12:00")) == HOUR


def test_move_to_another_offset_for_good_is_a_gap_too():
    assert offset_at("Asia/Pyongyang", utc("2018-05-04T14:59:59")) == 8 * HOUR + 30 * MINUTE
    assert instants_of("Asia/Pyongyang", utc("2018-05-04T23:45")) == ()
    assert offset_at("Asia/Pyongyang", utc("2018-05-04T15:00")) == 9 * HOUR


def test_offset_of_odd_seconds_is_written_as_the_same_instant():
    instant = utc("1971-06-01T12:00")
    assert offset_at("Africa/Monrovia", instant) == -(44 * MINUTE + 30)
    assert TimeForm("Africa/Monrovia").write(instant) == "1971-06-01T11:15:30"
    assert TimeForm.with_offset("Africa/Monrovia").write(instant) == "1971-06-01T11:16:00-00:44"


# Reading.


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1970-01-01T00:00:00", ReadTime(0)),
        ("1970-01-01T00:01", ReadTime(60)),
        ("1970-01-01 00:01:01", ReadTime(61)),
        ("1970-01-01t00:00:00z", ReadTime(0, 0, "Z")),
        ("1970-01-01T00:00:01.999999999999Z", ReadTime(1, 0, "Z")),
        ("1970-01-02T00:00+00:00", ReadTime(DAY, 0, "+00:00")),
        ("1970-01-02T00:00-00:00", ReadTime(DAY, 0, "-00:00")),
        ("1970-01-02T00:00:00+23:59", ReadTime(DAY, DAY - MINUTE, "+23:59")),
        ("1970-01-02T00:00:00-05:30", ReadTime(DAY, -(5 * HOUR + 30 * MINUTE), "-05:30")),
        ("1970-01-02", ReadTime(DAY, is_date=True)),
        ("1972-02-29", ReadTime(utc("1972-02-29"), is_date=True)),
        ("2200-12-31T23:59:59Z", ReadTime(7_289_654_399, 0, "Z")),
    ],
)
def test_time_is_read(text, read):
    assert parse_time(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026",
        "2026-01",
        "20260115",
        "2026-1-5",
        "2026-W03-4",
        "2026-015",
        "2026-02-29",
        "2026-13-01",
        "2026-00-01",
        "0000-01-01",
        "2026-01-15T",
        "2026-01-15T10",
        "2026-01-15T1000",
        "2026-01-15T10:00:60",
        "2026-01-15T10:60",
        "2026-01-15T24:00",
        "2026-01-15T10:00:00.",
        "2026-01-15T10:00:00,5",
        "2026-01-15T10:00.5",
        "2026-01-15T10:00+1:00",
        "2026-01-15T10:00+0100",
        "2026-01-15T10:00+01",
        "2026-01-15T10:00+24:00",
        "2026-01-15T10:00+01:60",
        "2026-01-15T10:00 01:00",
        "2026-01-15T10:00 Z",
        "2026-01-15  10:00",
        "2026-01-15Z",
        "2026-01-15+01:00",
        " 2026-01-15",
        "2026-01-15\n",
        "+2026-01-15",
        "-2026-01-15",
        "\uff12\uff10\uff12\uff16-01-15",
        "2026-01-15T10:0\u0663",
        "2026-01-15T10:00\N{MINUS SIGN}01:00",
    ],
)
def test_text_that_is_no_time_is_refused(text):
    with pytest.raises(InvalidTime):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31",
        "1969-12-31T23:00+00:00",
        "1969-12-31T23:00-05:00",
        "1970-01-01T00:00+01:00",
        "2200-12-31T23:00-02:00",
        "2201-01-01T00:00",
        "2201-01-01T00:00+01:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_time_outside_the_supported_years_is_refused(text):
    with pytest.raises(InvalidTime, match="1970 to 2200"):
        parse_time(text)


@given(st.text() | st.from_regex(r"(19|2\d)\d\d-[01]\d-[0-3]\d[T ]\d\d:\d\d(Z|[+-]\d\d:\d\d)?\n?", fullmatch=True))
def test_any_text_is_read_or_refused(text):
    try:
        read = parse_time(text)
    except InvalidTime:
        return
    assert naive_text(read.local)[:10] == text[:10]


def test_date_alone_is_no_appointment_time():
    with pytest.raises(InvalidTime, match="add the time of day"):
        exact_instant(parse_time("2026-01-15"), "Europe/Berlin")


def test_appointment_that_its_zone_puts_outside_the_supported_years_is_refused():
    with pytest.raises(InvalidTime, match="1970 to 2200"):
        exact_instant(parse_time("1970-01-01T00:00"), "Asia/Tokyo")
    with pytest.raises(InvalidTime, match="1970 to 2200"):
        exact_instant(parse_time("2200-12-31T23:00"), "America/New_York")


def test_first_supported_day_may_begin_a_range_in_any_zone():
    assert range_start(parse_time("1970-01-01"), "Asia/Tokyo") == -9 * HOUR


def test_range_edge_with_offset_is_exact():
    read = parse_time("2026-10-25T02:30:00+02:00")
    assert range_start(read, "Europe/Berlin") == range_end(read, "Europe/Berlin") == utc("2026-10-25T00:30")


def test_range_edge_in_gap_is_the_first_instant_after_it():
    read = parse_time("2026-03-29T02:30")
    assert range_start(read, "Europe/Berlin") == range_end(read, "Europe/Berlin") == utc("2026-03-29T01:00")


def test_range_over_a_fold_starts_early_and_ends_late():
    read = parse_time("2026-10-25T02:30")
    assert range_start(read, "Europe/Berlin") == utc("2026-10-25T00:30")
    assert range_end(read, "Europe/Berlin") == utc("2026-10-25T01:30")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-07-01"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Beirut", "Atlantic/Azores", "America/Havana"])
def test_range_of_two_dates_is_the_days_between_them(zone, day):
    read = parse_time(day)
    year, month, number = map(int, day.split("-"))
    start = day_bounds(zone, year, month, number).start
    assert range_start(read, zone) == range_end(read, zone) == start


# Writing.


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("2026-07-01T10:00:00", "2026-07-01T14:00:00"),
        ("2026-07-01T10:00", "2026-07-01T14:00:00"),
        ("2026-07-01", "2026-07-01T14:00:00"),
        ("2026-07-01T10:00:00Z", "2026-07-01T12:00:00Z"),
        ("2026-07-01T10:00:00z", "2026-07-01T12:00:00Z"),
        ("2026-07-01T10:00:00+00:00", "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T10:00:00-03:30", "2026-07-01T08:30:00-03:30"),
        ("2026-07-01T23:00:00+14:00", "2026-07-02T02:00:00+14:00"),
    ],
)
def test_answer_is_written_in_the_form_of_the_question(asked, answered):
    form = TimeForm.of(parse_time(asked), "Europe/Berlin")
    assert form.write(utc("2026-07-01T12:00")) == answered


def test_naive_answer_carries_an_offset_only_where_it_is_needed():
    half_hours = range(utc("2026-10-24T23:30"), utc("2026-10-25T02:30"), 30 * MINUTE)
    assert TimeForm("Europe/Berlin").write_all(half_hours) == [
        "2026-10-25T01:30:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:00:00",
    ]


def test_resource_is_written_with_the_offset_of_the_zone():
    form = TimeForm.with_offset("Europe/Berlin")
    assert form.write(utc("2026-07-01T07:00")) == "2026-07-01T09:00:00+02:00"
    assert form.write(utc("2026-01-01T08:00")) == "2026-01-01T09:00:00+01:00"
    assert TimeForm.with_offset("UTC").write(0) == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("offset", "text"),
    [(0, "+00:00"), (20_700, "+05:45"), (-12_600, "-03:30"), (50_400, "+14:00"), (-2670, "-00:44")],
)
def test_offset_is_written_in_hours_and_minutes(offset, text):
    assert offset_text(offset) == text
