"""Find open time the slow way: read the wall clock at every minute, as somebody standing before it would."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from rules.minute_oracle import MINUTE
from slotkeeper.rules.opening_hours import OpeningHours

HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
SEEN_BEFORE, SEEN_AFTER = 12 * DAY, 5 * DAY  # before, more than the week after which a grid begins anew

# Where the clocks change, and a date near it.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Casablanca", date(2026, 2, 15)),  # back for Ramadan
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("Asia/Beirut", date(2026, 3, 29)),  # midnight is skipped
    ("America/Havana", date(2026, 11, 1)),  # midnight comes twice
    ("Pacific/Apia", date(2011, 12, 30)),  # the whole day is skipped
    ("Asia/Kolkata", date(2026, 6, 15)),  # nothing changes
]

# Coarse, so that ranges often touch; with odd minutes among them.
minute_of_day = st.integers(0, 47).map(lambda half_hour: half_hour * 30) | st.integers(0, 1439)
minute_range = st.tuples(minute_of_day, minute_of_day | st.just(1440))
ranges_of_a_day = st.lists(minute_range, max_size=2).map(tuple) | st.sampled_from([((0, 1440),), ((7 * 60, 20 * 60),)])
week = st.tuples(*[ranges_of_a_day] * 7) | st.just((((0, 1440),),) * 7)


@st.composite
def hours_around(draw, zone, day):
    """Draw opening hours with overrides near a date."""
    days = st.integers(-2, 2).map(lambda offset: day + timedelta(days=offset))
    return OpeningHours(zone, draw(week), draw(st.dictionaries(days, ranges_of_a_day, max_size=3)))


def noon(day):
    """Give an instant on a date, wherever in the world."""
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())


@cache
def readings(zone, day):
    """Read the clock at each minute of some days before and after noon UTC: instant to bare local time."""
    with (resources.files("tzdata") / "zoneinfo" / zone).open("rb") as file:
        clock = ZoneInfo.from_file(file, key=zone)
    minutes = range(noon(day) - SEEN_BEFORE, noon(day) + SEEN_AFTER, MINUTE)
    return {minute: datetime.fromtimestamp(minute, clock).replace(tzinfo=None) for minute in minutes}


def open_minutes(hours, day):
    """Find the minutes, of those of `readings`, at which somebody is open.

    Open from the first minute at which the clock shows the start of a range, up to the last at which it shows
    the end; where the clock skips an edge, the next minute takes its place.
    """
    found = set()
    for offset in range(-14, 8):
        date_ = day + timedelta(days=offset)
        midnight = datetime(date_.year, date_.month, date_.day)  # noqa: DTZ001 - a bare reading is meant
        for start, end in hours.overrides.get(date_, hours.weekly[date_.weekday()]):
            opens = midnight + timedelta(minutes=start)
            closes = midnight + timedelta(days=end <= start, minutes=end)
            found |= set(range(first_from(hours.zone, day, opens), last_at(hours.zone, day, closes), MINUTE))
    return found


@cache
def first_from(zone, day, reading):
    """Find the first minute at which the clock shows a reading or later."""
    return next((minute for minute, shown in readings(zone, day).items() if shown >= reading), noon(day) + SEEN_AFTER)


@cache
def last_at(zone, day, reading):
    """Find the last minute at which the clock shows a reading, or the first after it where it is skipped."""
    shown_backwards = reversed(readings(zone, day).items())
    return next((minute for minute, shown in shown_backwards if shown == reading), first_from(zone, day, reading))


def runs(minutes):
    """Join minutes to stretches: each minute's start and end of the stretch it lies in."""
    stretches = []
    for minute in sorted(minutes):
        if stretches and stretches[-1][1] == minute:
            stretches[-1][1] += MINUTE
        else:
            stretches.append([minute, minute + MINUTE])
    return [tuple(stretch) for stretch in stretches]
