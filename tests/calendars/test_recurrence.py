"""Recurrence rules, held against the examples of RFC 5545, dateutil and Python's own week numbers."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from slotkeeper.calendars.ics_values import EventRefused, SkipReason
from slotkeeper.calendars.recurrence import Allowance, last_day, occurrences, parse_rule

PLENTY = 10**9
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


wall = datetime.fromisoformat


def days(text, start, first=date(1970, 1, 1), last=date(2200, 12, 31), limit=PLENTY):
    """List the days of a rule in short form, as many as RFC 5545 shows."""
    rule = parse_rule(text, start, ZoneInfo("America/New_York"))
    return [moment.date() for moment in occurrences(rule, first, last, Allowance(limit, PLENTY))]


def short(text):
    """Read "1997 9/2 9/3 | 1998 1/1"."""
    return [
        date(int(year), *map(int, day.split("/")))
        for year, *rest in (part.split() for part in text.split("|"))
        for day in rest
    ]


@pytest.mark.parametrize(
    ("text", "start", "shown"),
    [
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "1997-09-02", "1997 9/2 9/12 9/22 10/2 10/12"),
        ("FREQ=WEEKLY;COUNT=3", "1997-09-02", "1997 9/2 9/9 9/16"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;WKST=SU;BYDAY=TU,TH", "1997-09-02", "1997 9/2 9/4 9/16 9/18"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997-08-05", "1997 8/5 8/10 8/19 8/24"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997-08-05", "1997 8/5 8/17 8/19 8/31"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "1997-09-05", "1997 9/5 10/3 11/7"),
        ("FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU", "1997-09-07", "1997 9/7 9/28 11/2 11/30"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22", "1997 9/22 10/20 11/17"),
        ("FREQ=MONTHLY;COUNT=3;BYMONTHDAY=-3", "1997-09-28", "1997 9/28 10/29 11/28"),
        ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1", "1997-09-30", "1997 9/30 10/1 10/31 11/1"),
        ("FREQ=MONTHLY;COUNT=3", "1997-10-31", "1997 10/31 12/31 | 1998 1/31"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=FR;BYMONTHDAY=13", "1997-09-02", "1998 2/13 3/13 11/13"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", "1997 9/4 10/7 11/6"),
        ("FREQ=MONTHLY;COUNT=2;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "1997-09-29", "1997 9/29 10/30"),
        ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997-06-10", "1997 6/10 7/10 | 1998 6/10 7/10"),
        (
            "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
            "1997-01-01",
            "1997 1/1 4/10 7/19 | 2000 1/1",
        ),
        ("FREQ=YEARLY;COUNT=3;BYDAY=20MO", "1997-05-19", "1997 5/19 | 1998 5/18 | 1999 5/17"),
        ("FREQ=YEARLY;COUNT=3;BYWEEKNO=20;BYDAY=MO", "1997-05-12", "1997 5/12 | 1998 5/11 | 1999 5/17"),
        ("FREQ=YEARLY;COUNT=3;BYWEEKNO=20", "1997-05-12", "1997 5/12 | 1998 5/11 | 1999 5/17"),
        ("FREQ=YEARLY;COUNT=2;BYMONTH=3;BYDAY=TH", "1997-03-13", "1997 3/13 3/20"),
        ("FREQ=YEARLY;COUNT=2", "1996-02-29", "1996 2/29 | 2000 2/29"),
        ("FREQ=DAILY;UNTIL=19970904T130000Z", "1997-09-02", "1997 9/2 9/3 9/4"),
        ("FREQ=DAILY;UNTIL=19970904T125959Z", "1997-09-02", "1997 9/2 9/3"),
        ("FREQ=DAILY;UNTIL=19970904", "1997-09-02", "1997 9/2 9/3 9/4"),
        ("FREQ=DAILY;UNTIL=19970904T090000", "1997-09-02", "1997 9/2 9/3 9/4"),
        ("freq=daily;count=2;", "1997-09-02", "1997 9/2 9/3"),
        ("FREQ=DAILY;UNTIL=19960904", "1997-09-02", "1997"),
    ],
)
def test_rule_fires_on_the_days_rfc_5545_shows(text, start, shown):
    assert days(text, wall(f"{start}T09:00")) == short(shown)


def test_rule_may_name_one_other_time_of_day():
    rule = parse_rule("FREQ=DAILY;BYHOUR=14;BYMINUTE=30;COUNT=1", wall("2026-03-10T09:00"), UTC)
    assert list(occurrences(rule, date(2026, 1, 1), date(2027, 1, 1), Allowance(99, 99))) == [wall("2026-03-10T14:30")]


def test_count_includes_what_lies_before_the_window_and_costs_its_way():
    start = wall("2026-03-01T09:00")
    assert days("FREQ=DAILY;COUNT=5", start, first=date(2026, 3, 4)) == short("2026 3/4 3/5")
    assert days("FREQ=DAILY;INTERVAL=3", start, date(2126, 3, 4), date(2126, 3, 9), limit=8) == short("2126 3/5 3/8")


def test_looking_for_a_day_that_never_comes_is_paid_for():
    with pytest.raises(EventRefused) as refused:
        days("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", wall("2026-03-01T09:00"), limit=10_000)
    assert refused.value.refusal.reason is SkipReason.TOO_MANY_OCCURRENCES


@st.composite
def rules(draw):
    """Draw a rule that dateutil is right about.

    It takes the first days of January for week 53 of a year that has 52, a mix of plain and numbered
    weekdays for none, and leaves the days before the start out of the first week's positions.
    """
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    is_long = frequency in ("MONTHLY", "YEARLY")

    def numbers(low, high):
        return st.lists(st.integers(low, high).filter(bool), min_size=1, max_size=4, unique=True).map(
            lambda chosen: ",".join(map(str, chosen))
        )

    parts = {
        "INTERVAL": st.integers(1, 5),
        "COUNT": st.integers(1, 30),
        "WKST": st.sampled_from(WEEKDAYS),
        "BYMONTH": numbers(1, 12),
    }
    if frequency != "WEEKLY":
        parts |= {"BYMONTHDAY": numbers(-31, 31), "BYSETPOS": numbers(-8, 8)}
    if frequency == "YEARLY":
        parts |= {"BYYEARDAY": numbers(-366, 366), "BYWEEKNO": numbers(-50, 50)}
    drawn = {name: draw(values) for name, values in parts.items() if draw(st.booleans())}
    if "BYWEEKNO" in drawn or draw(st.booleans()):
        weekdays = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True))
        if is_long and "BYWEEKNO" not in drawn and draw(st.booleans()):
            highest = 53 if frequency == "YEARLY" and "BYMONTH" not in drawn else 5
            ordinal = st.integers(-highest, highest).filter(bool)
            weekdays = [f"{draw(ordinal)}{weekday}" for weekday in weekdays]
        drawn["BYDAY"] = ",".join(weekdays)
    return ";".join([f"FREQ={frequency}", *(f"{name}={value}" for name, value in drawn.items())])


# dateutil looks for a day that never comes until the year 9999: so close to it, it does not take long.
@settings(max_examples=150)
@given(
    text=rules(),
    start=st.datetimes(wall("9950-01-01"), wall("9970-01-01")).map(lambda at: at.replace(microsecond=0)),
    skipped=st.sampled_from([0, 500]),
)
def test_rule_fires_when_dateutil_says_so(text, start, skipped):
    first = start.date() + timedelta(days=skipped)
    last = first + timedelta(days=2_000)
    ours = occurrences(parse_rule(text, start, UTC), first, last, Allowance(PLENTY, PLENTY))
    window = datetime.combine(first, time.min), datetime.combine(last, time.max)
    assert list(ours) == rrulestr(text, dtstart=start).between(*window, inc=True)


def test_weeks_around_new_year_are_numbered_as_python_numbers_them():
    for year in range(2000, 2030):
        for offset in range(-10, 10):
            day = date(year, 1, 1) + timedelta(days=offset)
            week, weekday = day.isocalendar().week, WEEKDAYS[day.weekday()]
            start = datetime.combine(day, time(9))
            assert days(f"FREQ=YEARLY;BYWEEKNO={week};BYDAY={weekday}", start, day, day) == [day]
            assert days(f"FREQ=YEARLY;BYWEEKNO={week % 51 + 1};BYDAY={weekday}", start, day, day) == []


@settings(max_examples=200)
@given(
    st.sampled_from(["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY"]),
    st.one_of(st.integers(1, 40).map("COUNT={}".format), st.just("UNTIL=20200203T101500")),
    st.integers(1, 60),
    st.sampled_from(["", ";BYSECOND=0,30", ";BYMINUTE=5,50", ";BYHOUR=3,20", ";BYDAY=TU,SU"]),
)
def test_no_rule_fires_after_its_last_day(frequency, end, interval, part):
    start = wall("2020-02-01T10:15:20")
    text = f"FREQ={frequency};INTERVAL={interval};{end}{part}"
    last = last_day(text, start.date())
    try:
        fired = list(rrulestr(text, dtstart=start).xafter(start, 50, inc=True))
    except ValueError:  # it never fires
        fired = []
    assert last is None or all(moment.date() <= last for moment in fired)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=HOURLY",
        "FREQ=MONTHLY;COUNT=3",
        "FREQ=YEARLY;COUNT=3",
        "FREQ=HOURLY;BYHOUR=9;COUNT=3",
        "FREQ=DAILY;BYMONTH=2;COUNT=3",
        "FREQ=SOMETIMES;COUNT=3",
        "COUNT=3",
        "",
    ],
)
def test_a_rule_whose_end_is_not_evident_has_no_last_day(text):
    assert last_day(text, date(2020, 2, 1)) is None
