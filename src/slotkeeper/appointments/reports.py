"""Numbers about a business's appointments: how full its hours are, who did not come, what is booked most."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from slotkeeper import hot_sql
from slotkeeper.offerings.reading import hours_within
from slotkeeper.people.models import Membership
from slotkeeper.rules.intervals import Interval, intersect
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.utilization import WeekHours, seconds_by_week_hour

MAX_RANGE_DAYS = 366


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """Which business, which appointments (those that start in a stretch of time), whose, by which zone's clock."""

    business_id: int
    within: Interval
    time_zone: str
    user_id: int | None = None


class Utilization(NamedTuple):
    """Seconds open, and seconds booked of them, for each weekday (Monday first) and hour."""

    open: WeekHours
    booked: WeekHours


class Week(NamedTuple):
    """How the appointments of a week ended; it begins on a Monday."""

    start: date
    appointments: int
    canceled: int
    no_shows: int


class ServiceCount(NamedTuple):
    """How often a service was booked, and for how many seconds; without an id: appointments without a service."""

    service_id: int | None
    name: str
    appointments: int
    seconds: int


def read_utilization(query: ReportQuery) -> Utilization:
    """Compare when people were open with when they were booked."""
    epoch = hot_sql.epoch
    user_ids = _people(query)
    hours = hours_within(user_ids, query.business_id, query.within)
    booked: dict[int, list[Interval]] = {user_id: [] for user_id in user_ids}
    conditions, parameters = _condition(query)
    for user_id, start, end in hot_sql.rows(
        f"SELECT user_id, {epoch('start_time')}, {epoch('end_time')} FROM appointments "
        f"WHERE {conditions} AND status IN ('scheduled', 'confirmed', 'completed')",
        parameters,
    ):
        if user_id in booked:
            booked[user_id].append(Interval(start, end))
    opened = {user_id: intersect(hours[user_id].windows(query.within), [query.within]) for user_id in user_ids}
    worked = (time for user_id in user_ids for time in intersect(opened[user_id], booked[user_id]))
    return Utilization(
        seconds_by_week_hour((time for times in opened.values() for time in times), query.time_zone),
        seconds_by_week_hour(worked, query.time_zone),
    )


def read_weeks(query: ReportQuery) -> list[Week]:
    """Count, week by week, how many appointments there were, were canceled, and were missed."""
    conditions, parameters = _condition(query)
    counts: dict[date, Counter[str]] = {}
    for start, status in hot_sql.rows(
        f"SELECT {hot_sql.epoch('start_time')}, status FROM appointments WHERE {conditions}", parameters
    ):
        day = local_day(query.time_zone, start)
        counts.setdefault(day - timedelta(days=day.weekday()), Counter())[status] += 1
    return [
        Week(monday, counted.total(), counted["canceled"], counted["no_show"])
        for monday, counted in sorted(counts.items())
    ]


def read_services(query: ReportQuery) -> list[ServiceCount]:
    """Count what was booked and kept, the most frequent first."""
    conditions, parameters = _condition(query, "a.")
    epoch = hot_sql.epoch
    found: Sequence[tuple[int | None, str | None, int, int]] = hot_sql.rows(
        f"SELECT s.id, s.name, count(*), CAST(sum({epoch('a.end_time')} - {epoch('a.start_time')}) AS bigint) "
        f"FROM appointments a LEFT JOIN services s ON s.id = a.service_id WHERE {conditions} "
        "AND a.status IN ('scheduled', 'confirmed', 'completed') GROUP BY s.id, s.name ORDER BY count(*) DESC, s.name",
        parameters,
    )
    return [ServiceCount(service_id, name or "", count, seconds) for service_id, name, count, seconds in found]


def _people(query: ReportQuery) -> list[int]:
    members = Membership.objects.active().in_business(query.business_id)
    if query.user_id is not None:
        members = members.filter(user_id=query.user_id)
    return list(members.values_list("user_id", flat=True))


def _condition(query: ReportQuery, table: str = "") -> tuple[str, list[object]]:
    conditions = f"{table}business_id = %s AND {table}start_time >= %s AND {table}start_time < %s"
    parameters = [query.business_id, *(hot_sql.timestamp(edge) for edge in query.within)]
    if query.user_id is None:
        return conditions, parameters
    return f"{conditions} AND {table}user_id = %s", [*parameters, query.user_id]
