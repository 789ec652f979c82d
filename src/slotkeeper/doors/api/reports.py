"""Reports over HTTP: the numbers behind the charts."""

from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import Meta

from slotkeeper.appointments.reports import (
    MAX_RANGE_DAYS,
    ReportQuery,
    read_services,
    read_utilization,
    read_weeks,
)
from slotkeeper.doors.api.appointment_forms import Time, ZoneName
from slotkeeper.doors.api.base import JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.times import read_range, zone_of
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Percentage = Annotated[str, Meta(pattern=r"^\d+\.\d\d$")]


class ReportRange(msgspec.Struct):
    """Which stretch of time, at most 366 days, and whose appointments (left out: everybody's)."""

    start: Time
    end: Time
    user_id: int | None = None
    time_zone: ZoneName | None = None


class WeekHour(msgspec.Struct):
    """An hour of the week, added up over the stretch of time."""

    weekday: str
    hour: int
    open_minutes: int
    booked_minutes: int


class UtilizationAnswer(msgspec.Struct):
    """How full the opening hours are; hours that are never open are left out."""

    time_zone: str
    open_minutes: int
    booked_minutes: int
    utilization: Percentage
    hours: list[WeekHour]


class WeekOut(msgspec.Struct):
    """How the appointments of a week, from its Monday, ended."""

    week: str
    appointments: int
    canceled: int
    no_shows: int


class NoShowsAnswer(msgspec.Struct):
    """How many did not come, week by week and in all."""

    time_zone: str
    appointments: int
    canceled: int
    no_shows: int
    weeks: list[WeekOut]


class BookedService(msgspec.Struct):
    """How often a service was booked; without an id: appointments without a service."""

    service_id: int | None
    name: str
    appointments: int
    minutes: int


class ServicesAnswer(msgspec.Struct):
    """What was booked, the most frequent first."""

    services: list[BookedService]


class UtilizationReport(JsonEndpoint):
    """How full the hours are."""

    permissions = {"GET": Permission.REPORTS_READ}

    @answers(UtilizationAnswer)
    def get(self, parsed_query: Query[ReportRange]) -> HttpResponse:
        """Compare, for each hour of the week, when people were open with when they were booked."""
        query = _report_query(self.caller, parsed_query)
        found = read_utilization(query)
        hours = [
            WeekHour(WEEKDAYS[weekday], hour, seconds // 60, found.booked[weekday][hour] // 60)
            for weekday, day in enumerate(found.open)
            for hour, seconds in enumerate(day)
            if seconds
        ]
        opened, booked = (sum(map(sum, week)) for week in found)
        share = f"{100 * booked / opened:.2f}" if opened else "0.00"
        return answer(UtilizationAnswer(query.time_zone, opened // 60, booked // 60, share, hours))


class NoShowsReport(JsonEndpoint):
    """Who did not come."""

    permissions = {"GET": Permission.REPORTS_READ}

    @answers(NoShowsAnswer)
    def get(self, parsed_query: Query[ReportRange]) -> HttpResponse:
        """Count, week by week, the appointments there were, were canceled, and were missed."""
        query = _report_query(self.caller, parsed_query)
        weeks = read_weeks(query)
        totals: dict[str, Any] = {
            name: sum(getattr(week, name) for week in weeks) for name in ("appointments", "canceled", "no_shows")
        }
        written = [WeekOut(week.start.isoformat(), *week[1:]) for week in weeks]
        return answer(NoShowsAnswer(query.time_zone, **totals, weeks=written))


class ServicesReport(JsonEndpoint):
    """What is booked most."""

    permissions = {"GET": Permission.REPORTS_READ}

    @answers(ServicesAnswer)
    def get(self, parsed_query: Query[ReportRange]) -> HttpResponse:
        """Count the appointments of each service."""
        found = read_services(_report_query(self.caller, parsed_query))
        return answer(
            ServicesAnswer(
                [BookedService(one.service_id, one.name, one.appointments, one.seconds // 60) for one in found]
            )
        )


def _report_query(caller: Caller, asked: ReportRange) -> ReportQuery:
    zone = zone_of(caller, asked.time_zone)
    _, within = read_range(zone, asked.start, asked.end, MAX_RANGE_DAYS)
    user_id = None if asked.user_id is None else known_id(asked.user_id)
    return ReportQuery(caller.business_id, within, zone, user_id)
