"""A month of free times as a visitor sees it: a grid of days, and the times of one of them."""

from calendar import Calendar
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.utils.formats import get_format

from slotkeeper.appointments.slots import SlotQuery, read_next_slots, read_slots
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS, HOUR_SECONDS, day_bounds, local_day, offset_at
from slotkeeper.rules.slots import Slot

_NOON, _EVENING = 12, 17
_MOST_DAYS = 3660  # that one can leaf ahead


@dataclass(frozen=True, slots=True)
class Day:
    """A day in the grid."""

    date: date
    is_free: bool
    is_chosen: bool
    is_today: bool


@dataclass(frozen=True, slots=True)
class Time:
    """A time that can be chosen; where the clocks show it twice on its day, it needs its offset."""

    start: int
    is_twice: bool

    @property
    def moment(self) -> datetime:
        """When it is, for a page."""
        return moment_of(self.start)


@dataclass(frozen=True, slots=True)
class Times:
    """The times of a part of a day: `morning`, `afternoon` or `evening`."""

    part: str
    times: list[Time]


@dataclass(frozen=True, slots=True)
class Month:
    """A month, the day chosen in it, that day's times, and where one can go from here."""

    first: date
    weeks: list[list[Day | None]]
    weekdays: list[date]
    before: date | None
    after: date | None
    chosen: date | None
    parts: list[Times]
    is_chosen_free: bool
    next_free: date | None  # where the month, or the chosen day, has nothing


@dataclass(frozen=True, slots=True)
class Wish:
    """Which month and day the visitor wants to see, in which zone, and how far ahead bookings are open."""

    month: date | None
    day: date | None
    zone: str
    horizon_days: int


def read_wish(asked: Mapping[str, str], zone: str, horizon_days: int) -> Wish:
    """Read `month=2026-12` and `day=2026-12-03`; what is no date is left aside."""
    day = _date(asked.get("day", ""))
    return Wish(_date(f"{asked.get('month', '')}-01") or (day and day.replace(day=1)), day, zone, horizon_days)


def read_month(query: SlotQuery, wish: Wish) -> Month:
    """Read the free times of a month. Raises UnknownService.

    Where nothing in particular is wanted it is the month of the first free time, and its first free day is chosen.
    """
    now, zone = query.now, wish.zone
    horizon = now + min(wish.horizon_days, _MOST_DAYS) * DAY_SECONDS
    earliest, latest = (local_day(zone, at).replace(day=1) for at in (now, horizon))
    first = min(max(wish.month or earliest, earliest), latest)
    slots = _slots_by_day(query, first, zone)
    if not slots and wish.month is None:
        upcoming = _next_free(query, now, zone)
        if upcoming:
            first = upcoming.replace(day=1)
            slots = _slots_by_day(query, first, zone)
    chosen = wish.day if wish.day and _month_after(first) > wish.day >= first else min(slots, default=None)
    times = [] if chosen is None else slots.get(chosen, [])
    next_free = None
    if not times:
        looked_from = chosen + timedelta(days=1) if chosen else first
        next_free = _next_free(query, day_bounds(zone, *_ymd(looked_from)).start, zone)
    today = local_day(zone, now)
    weekdays = Calendar(_first_weekday())
    return Month(
        first=first,
        weeks=[
            [Day(one, one in slots, one == chosen, one == today) if one.month == first.month else None for one in week]
            for week in weekdays.monthdatescalendar(first.year, first.month)
            if week[-1] >= today  # weeks that are over only make the way longer
        ],
        weekdays=[date(2024, 1, 1) + timedelta(days=number) for number in weekdays.iterweekdays()],
        before=_month_before(first) if first > earliest else None,
        after=_month_after(first) if first < latest else None,
        chosen=chosen,
        parts=_parts(times, zone),
        is_chosen_free=bool(times),
        next_free=next_free,
    )


def moment_of(instant: int) -> datetime:
    """Turn an instant into what a page's filters take."""
    return datetime.fromtimestamp(instant, UTC)


def _slots_by_day(query: SlotQuery, first: date, zone: str) -> dict[date, list[Slot]]:
    start, end = (day_bounds(zone, *_ymd(one)).start for one in (first, _month_after(first)))
    found: dict[date, list[Slot]] = defaultdict(list)
    for slot in read_slots(replace(query, within=Interval(max(start, query.now), max(end, query.now)))):
        found[local_day(zone, slot.start)].append(slot)
    return dict(found)


def _next_free(query: SlotQuery, start: int, zone: str) -> date | None:
    """Find the first day with a free time from an instant on; failing that, the first at all."""
    for begin in (start, query.now):
        upcoming = read_next_slots(replace(query, within=Interval(begin, begin)), 1)
        if upcoming:
            return local_day(zone, upcoming[0].start)
    return None


def _parts(slots: list[Slot], zone: str) -> list[Times]:
    clocks = [(slot.start + offset_at(zone, slot.start)) % DAY_SECONDS for slot in slots]
    times = [
        (_part(clock // HOUR_SECONDS), Time(slot.start, clocks.count(clock) > 1))
        for slot, clock in zip(slots, clocks, strict=True)
    ]
    return [Times(part, [time for _, time in group]) for part, group in groupby(times, key=lambda one: one[0])]


def _part(hour: int) -> str:
    if hour < _NOON:
        return "morning"
    return "afternoon" if hour < _EVENING else "evening"


def _first_weekday() -> int:
    """Say with which day weeks begin where the page's language is spoken; 0 is Monday."""
    return (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 2200 else None


def _ymd(one: date) -> tuple[int, int, int]:
    return one.year, one.month, one.day


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)
