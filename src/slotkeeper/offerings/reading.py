"""When people are open: their weekly hours, dates that differ, and the business's closures."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Protocol

from slotkeeper import hot_sql
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.opening_hours import LOOK_AHEAD_DAYS, LOOK_BACK_DAYS, OpeningHours, Range

_Day = tuple[Range, ...]


class Member(Protocol):
    """Anybody described with their user id."""

    @property
    def user_id(self) -> int:
        """Who it is."""


def opening_hours_of(
    people: Iterable[int | Member], business_id: int, from_date: date, until_date: date
) -> dict[int, OpeningHours]:
    """Read the opening hours of members of a business, by user id: enough for every window on these dates.

    Two statements, however many people. A closure closes its date for whoever has no override of their own
    there. Who is no member has no entry; whose hours nobody wrote has empty ones.
    """
    user_ids = [one if isinstance(one, int) else one.user_id for one in people]
    if not user_ids:
        return {}
    first, last = from_date - timedelta(days=LOOK_BACK_DAYS), until_date + timedelta(days=LOOK_AHEAD_DAYS)
    closed, own = _read_dates(user_ids, business_id, first, last)
    hours = {}
    for user_id, (zone, weekly) in _read_weeks(user_ids, business_id).items():
        week = tuple(tuple(day) for day in weekly)
        hours[user_id] = OpeningHours(zone, week, {**closed, **own.get(user_id, {})})
    return hours


def hours_within(people: Iterable[int | Member], business_id: int, within: Interval) -> dict[int, OpeningHours]:
    """Read opening hours as `opening_hours_of` does: enough for every window that overlaps a stretch of time."""
    day = timedelta(days=1)  # a local date is at most one off from that of UTC
    return opening_hours_of(
        people, business_id, local_day("UTC", within.start) - day, local_day("UTC", within.end) + day
    )


def _read_weeks(user_ids: list[int], business_id: int) -> dict[int, tuple[str, list[list[Range]]]]:
    """Read each person's zone and ordinary week."""
    found = hot_sql.rows(
        "SELECT m.user_id, u.time_zone, o.weekday, o.start_minute, o.end_minute "
        "FROM memberships m JOIN users u ON u.id = m.user_id LEFT JOIN opening_hours o ON o.membership_id = m.id "
        f"WHERE m.business_id = %s AND m.user_id IN ({_marks(user_ids)}) ORDER BY o.weekday, o.start_minute",
        [business_id, *user_ids],
    )
    weeks: dict[int, tuple[str, list[list[Range]]]] = {}
    for user_id, zone, weekday, start, end in found:
        _, week = weeks.setdefault(user_id, (zone, [[] for _ in range(7)]))
        if weekday is not None:
            week[weekday].append((start, end))
    return weeks


def _read_dates(
    user_ids: list[int], business_id: int, from_date: date, until_date: date
) -> tuple[dict[date, _Day], dict[int, dict[date, _Day]]]:
    """Read the dates that differ: those closed for everybody, and each person's own."""
    days = [day if hot_sql.is_postgresql() else day.isoformat() for day in (from_date, until_date)]
    found = hot_sql.rows(
        "SELECT m.user_id, d.date, CAST(d.ranges AS text) "
        "FROM memberships m JOIN date_overrides d ON d.membership_id = m.id AND d.date BETWEEN %s AND %s "
        f"WHERE m.business_id = %s AND m.user_id IN ({_marks(user_ids)}) "
        "UNION ALL SELECT NULL, c.date, NULL FROM closures c WHERE c.business_id = %s AND c.date BETWEEN %s AND %s",
        [*days, business_id, *user_ids, business_id, *days],
    )
    closed: dict[date, _Day] = {}
    own: dict[int, dict[date, _Day]] = {}
    for user_id, day, ranges in found:
        if user_id is None:
            closed[_date(day)] = ()
        else:
            own.setdefault(user_id, {})[_date(day)] = tuple((start, end) for start, end in json.loads(ranges))
    return closed, own


def _date(value: Any) -> date:
    # SQLite keeps dates as text, and a UNION loses the column's type.
    return value if isinstance(value, date) else date.fromisoformat(value)


def _marks(values: list[int]) -> str:
    return ", ".join(["%s"] * len(values))
