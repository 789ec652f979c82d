"""Expand recurrence rules on the wall clock (RFC 5545 section 3.3.10), at a cost known beforehand.

dateutil answers the same question, but ``FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30`` keeps it busy for
four seconds looking for a day that never comes, and nothing can interrupt it. Here a rule is a
filter over the days of its periods, so every day looked at is paid for out of an allowance. The
tests hold the two against each other.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import islice

from slotkeeper.calendars.ics_values import EventRefused, SkipReason

_PARTS = {
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSETPOS"),
    *("BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND"),
}
_SUB_DAILY = frozenset({"HOURLY", "MINUTELY", "SECONDLY"})
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BY_DAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(_WEEKDAYS)})")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
_EVERY_MONTH = frozenset(range(1, 13))
# The seconds of a period, and which parts leave at least one firing in each.
_COUNTABLE = {
    "SECONDLY": (1, frozenset()),
    "MINUTELY": (60, frozenset({"BYSECOND"})),
    "HOURLY": (3_600, frozenset({"BYSECOND", "BYMINUTE"})),
    "DAILY": (86_400, frozenset({"BYSECOND", "BYMINUTE", "BYHOUR"})),
    "WEEKLY": (604_800, frozenset({"BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY"})),
}
_LAST_YEAR = 2200
_LONGEST_RULE = 4_000  # twice what it takes to name every day of a year

Numbers = frozenset[int]


class Frequency(StrEnum):
    """Name the period a rule counts in."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(slots=True)
class Allowance:
    """Count down what one file may still cost: days bound the time it takes, occurrences the result."""

    days: int
    occurrences: int

    def spend_days(self, days: int) -> None:
        """Pay for looking at so many days; raises EventRefused when there is nothing left."""
        self.days -= days
        if self.days < 0:
            raise EventRefused("working it out takes too long", SkipReason.TOO_MANY_OCCURRENCES)


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold a parsed rule: what is not in it is taken from the start it was parsed for.

    ``by_day`` holds (ordinal, weekday) pairs, Monday is 0 and the ordinal 0 means every. ``until``
    is wall-clock time like every start. Empty sets filter nothing.
    """

    frequency: Frequency
    start: datetime
    at: time
    interval: int
    count: int | None
    until: datetime | None
    week_start: int
    by_month: Numbers
    by_week: Numbers
    by_year_day: Numbers
    by_month_day: Numbers
    by_day: frozenset[tuple[int, int]]
    by_position: Numbers


def parse_rule(text: str, start: datetime, zone: tzinfo) -> Rule:
    """Read an RRULE that begins at a wall-clock start; ``zone`` brings an UNTIL in UTC to that clock.

    Raises EventRefused, with the reason sub_daily_recurrence for rules that can fire twice a day.
    Source: RFC 5545 section 3.3.10.
    """
    if len(text) > _LONGEST_RULE:
        raise EventRefused(f"the rule has more than {_LONGEST_RULE:,} characters")
    parts = _parts(text)
    frequency = Frequency(parts["FREQ"])
    by_day = frozenset(_weekday(item, frequency) for item in parts.get("BYDAY", "").split(",") if item)
    by_month = _numbers(parts, "BYMONTH", range(1, 13))
    by_month_day = _numbers(parts, "BYMONTHDAY", range(-31, 32))
    by_year_day = _numbers(parts, "BYYEARDAY", range(-366, 367))
    by_week = _numbers(parts, "BYWEEKNO", range(-53, 54))
    if not (by_day or by_month_day or by_year_day):
        # What a rule leaves open is taken from the start (RFC 5545 section 3.3.10).
        if frequency is Frequency.WEEKLY or by_week:
            by_day = frozenset({(0, start.weekday())})
        elif frequency in (Frequency.MONTHLY, Frequency.YEARLY):
            by_month_day = frozenset({start.day})
            if frequency is Frequency.YEARLY:
                by_month = by_month or frozenset({start.month})
    return Rule(
        frequency=frequency,
        start=start,
        at=_time_of_day(parts, start.time()),
        interval=_positive(parts, "INTERVAL") or 1,
        count=_positive(parts, "COUNT"),
        until=_until(parts.get("UNTIL", ""), zone),
        week_start=_weekday(parts.get("WKST", "MO"), frequency)[1],
        by_month=by_month,
        by_week=by_week,
        by_year_day=by_year_day,
        by_month_day=by_month_day,
        by_day=by_day,
        by_position=_numbers(parts, "BYSETPOS", range(-366, 367)),
    )


def occurrences(rule: Rule, first: date, last: date, allowance: Allowance) -> Iterator[datetime]:
    """Yield the wall-clock starts on the days first to last, both included, in order.

    Raises EventRefused when the allowance is spent. A rule without COUNT costs nothing before first.
    """
    for moment in islice(_firings(rule, first, last, allowance), rule.count):
        if moment.date() >= first:
            yield moment


def last_day(text: str, start: date) -> date | None:
    """Give a day after which a rule evidently names no more, even one that cannot be read; None where none is evident.

    It may be later than the last one named, never earlier. Raises EventRefused and other READING_ERRORS.
    """
    parts = _split(text)
    days = []
    if until := parts.get("UNTIL"):
        if not _UNTIL.fullmatch(until):
            raise EventRefused("UNTIL of the rule is no date")
        days.append(date.fromisoformat(until[:8]))
    count = _positive(parts, "COUNT")
    seconds, harmless = _COUNTABLE.get(parts.get("FREQ", ""), (0, frozenset()))
    if count and seconds and parts.keys() <= {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"} | harmless:
        periods = (count + 1) * (_positive(parts, "INTERVAL") or 1)  # the first may be a part of one
        days.append(start + timedelta(seconds=periods * seconds, days=1))
    return min(days, default=None)


def _firings(rule: Rule, first: date, last: date, allowance: Allowance) -> Iterator[datetime]:
    """Yield the starts up to the last day, and from the very first on where they have to be counted."""
    begin = _period_of(rule, rule.start.date())
    if rule.count is None:
        begin += max(0, _period_of(rule, first) - begin) // rule.interval * rule.interval
    if rule.until:
        last = min(last, rule.until.date())
    for period in range(begin, _period_of(rule, last) + 1, rule.interval):
        days = _days_of(rule, period)
        allowance.spend_days(1 + len(days))
        for day in _chosen(rule, days):
            moment = datetime.combine(day, rule.at)
            if day > last or (rule.until and moment > rule.until):
                return
            if moment >= rule.start:
                yield moment


def _parts(text: str) -> dict[str, str]:
    """Split a rule into its parts and refuse those whose meaning is unknown."""
    parts = _split(text)
    if parts.get("FREQ") in _SUB_DAILY:
        raise EventRefused(f"FREQ={parts['FREQ']}", SkipReason.SUB_DAILY_RECURRENCE)
    if unknown := parts.keys() - _PARTS:
        raise EventRefused(f"the rule has an unknown part {min(unknown)[:40]}")
    if parts.get("FREQ") not in set(Frequency):
        raise EventRefused("the rule has no FREQ we know")
    return parts


def _split(text: str) -> dict[str, str]:
    """Split a rule into its parts by name."""
    items = (item.partition("=") for item in text.upper().strip().split(";") if item)
    return {name: value for name, _, value in items}


def _numbers(parts: Mapping[str, str], name: str, allowed: range) -> Numbers:
    """Read a list of numbers; zero counts only where the allowed range begins with it."""
    numbers = frozenset(_number(name, item) for item in parts.get(name, "").split(",") if item)
    if not all(number in allowed and (number or not allowed.start) for number in numbers):
        raise EventRefused(f"{name} of the rule is out of range")
    return numbers


def _positive(parts: Mapping[str, str], name: str) -> int | None:
    """Read a number of at least one."""
    if name not in parts:
        return None
    if (number := _number(name, parts[name])) < 1:
        raise EventRefused(f"{name}={number} of the rule is not positive")
    return number


def _number(name: str, text: str) -> int:
    """Read a number of a size that can mean something."""
    if not _NUMBER.fullmatch(text):
        raise EventRefused(f"{name} of the rule is no number: {text[:40]!r}")
    return int(text)


def _weekday(item: str, frequency: Frequency) -> tuple[int, int]:
    """Read a weekday such as MO or -1FR; only months and years have a first or last one."""
    found = _BY_DAY.fullmatch(item)
    if not found:
        raise EventRefused(f"the rule has an unknown weekday {item[:40]!r}")
    ordinal = int(found[1] or 0) if frequency in (Frequency.MONTHLY, Frequency.YEARLY) else 0
    return ordinal, _WEEKDAYS.index(found[2])


def _time_of_day(parts: Mapping[str, str], start: time) -> time:
    """Return the one time of day of a rule; several would make it fire more than once a day."""
    hours = _numbers(parts, "BYHOUR", range(24)) or {start.hour}
    minutes = _numbers(parts, "BYMINUTE", range(60)) or {start.minute}
    seconds = _numbers(parts, "BYSECOND", range(60)) or {start.second}
    if len(hours) * len(minutes) * len(seconds) > 1:
        raise EventRefused("the rule names several times of day", SkipReason.SUB_DAILY_RECURRENCE)
    return time(*hours, *minutes, *seconds)


def _until(text: str, zone: tzinfo) -> datetime | None:
    """Read UNTIL as wall-clock time; a bare date includes its whole day."""
    if not text:
        return None
    if not _UNTIL.fullmatch(text):
        raise EventRefused("UNTIL of the rule is no date")
    until = datetime.fromisoformat(text)
    if until.year > _LAST_YEAR:
        return None
    if "T" not in text:
        return datetime.combine(until, time.max)
    return until.astimezone(zone).replace(tzinfo=None) if until.tzinfo else until


def _period_of(rule: Rule, day: date) -> int:
    """Number the period a day lies in."""
    match rule.frequency:
        case Frequency.DAILY:
            return day.toordinal()
        case Frequency.WEEKLY:
            return (day.toordinal() - 1 - rule.week_start) // 7
        case Frequency.MONTHLY:
            return day.year * 12 + day.month - 1
        case Frequency.YEARLY:
            return day.year


def _days_of(rule: Rule, period: int) -> list[date]:
    """List the days of a period, less the months or weekdays that the rule leaves out anyway."""
    match rule.frequency:
        case Frequency.DAILY:
            return [date.fromordinal(period)]
        case Frequency.WEEKLY:
            begin = period * 7 + 1 + rule.week_start
            days = map(date.fromordinal, range(max(1, begin), begin + 7))
            return [day for day in days if not rule.by_day or (0, day.weekday()) in rule.by_day]
        case Frequency.MONTHLY:
            year, month = divmod(period, 12)
            months = [month + 1]
        case Frequency.YEARLY:
            year, months = period, sorted(rule.by_month or _EVERY_MONTH)
    return [date(year, month, day) for month in months for day in range(1, monthrange(year, month)[1] + 1)]


def _chosen(rule: Rule, days: list[date]) -> list[date]:
    """Return the days of one period on which the rule fires."""
    chosen = [day for day in days if _fires(rule, day)]
    if not rule.by_position:
        return chosen
    return [day for index, day in enumerate(chosen, 1) if _at_position(rule.by_position, index, len(chosen))]


def _fires(rule: Rule, day: date) -> bool:
    """Answer whether every filter of the rule lets a day pass."""
    if rule.by_month and day.month not in rule.by_month:
        return False
    if rule.by_day and not _fires_on_weekday(rule, day):
        return False
    if rule.by_month_day and not _at_position(rule.by_month_day, day.day, _month_length(day)):
        return False
    if rule.by_year_day and not _at_position(rule.by_year_day, _year_day(day), _year_length(day)):
        return False
    return not rule.by_week or _at_position(rule.by_week, *_week(day, rule.week_start))


def _at_position(wanted: Numbers, index: int, total: int) -> bool:
    """Answer whether a position counted from 1 is wanted, counted from either end."""
    return index in wanted or index - total - 1 in wanted


def _fires_on_weekday(rule: Rule, day: date) -> bool:
    """Answer whether a day is such a weekday, or the n-th such of its month or year."""
    weekday = day.weekday()
    if (0, weekday) in rule.by_day:
        return True
    if rule.frequency is Frequency.YEARLY and not rule.by_month:
        index, length = _year_day(day), _year_length(day)
    else:
        index, length = day.day, _month_length(day)
    from_start, from_end = (index - 1) // 7 + 1, (length - index) // 7 + 1
    return (from_start, weekday) in rule.by_day or (-from_end, weekday) in rule.by_day


def _month_length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _year_length(day: date) -> int:
    return 366 if isleap(day.year) else 365


def _year_day(day: date) -> int:
    return day.timetuple().tm_yday


def _week(day: date, week_start: int) -> tuple[int, int]:
    """Number a day's week and count the weeks of that year: a week belongs where four of its days lie."""
    fourth = day + timedelta(days=3 - (day.weekday() - week_start) % 7)
    in_last_week = date(fourth.year, 12, 28)
    last_fourth = in_last_week + timedelta(days=3 - (in_last_week.weekday() - week_start) % 7)
    return (_year_day(fourth) - 1) // 7 + 1, (_year_day(last_fourth) - 1) // 7 + 1
