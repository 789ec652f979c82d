"""The page of charts: how full the week is, who did not come, what is booked most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.reports import (
    ReportQuery,
    ServiceCount,
    Utilization,
    Week,
    read_services,
    read_utilization,
    read_weeks,
)
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now, people_of, show
from slotkeeper.doors.ids import number_from
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS
from slotkeeper.rules.permissions import Permission

CHOICES_WEEKS = (4, 12, 26, 52)
MOST_SERVICES = 12
# In the units of the charts' viewBox.
_BAR, _GAP = 20, 6
_CHART_HEIGHT, _CHART_WIDTH = 120, 480


class Cell(NamedTuple):
    """An hour of the week: how full it is (0 closed, 1 to 4 beside the fullest; and in per cent), and its label."""

    level: int
    percent: int | None
    hour: str


@dataclass(frozen=True, slots=True)
class Row:
    """A weekday of the heat map."""

    name: str
    cells: list[Cell]


class Bar(NamedTuple):
    """A week's column: kept, canceled and missed, each with its top and height."""

    x: int
    monday: date
    counts: Week
    kept: tuple[int, int]
    canceled: tuple[int, int]
    missed: tuple[int, int]


class Line(NamedTuple):
    """A service's line, and how long it is beside the longest."""

    name: str
    appointments: int
    hours: float
    width: int


@permit(Permission.REPORTS_READ)
@never_cache
def reports(request: HttpRequest) -> HttpResponse:
    """Show the charts of the last weeks, of everybody or of one person."""
    caller = caller_of(request)
    people = people_of(caller.business_id)
    weeks = number_from(request.GET.get("weeks"))
    weeks = weeks if weeks in CHOICES_WEEKS else CHOICES_WEEKS[0]
    user_id = number_from(request.GET.get("person"))
    user_id = user_id if user_id in people else None
    until = now()
    within = Interval(until - weeks * 7 * DAY_SECONDS, until)
    query = ReportQuery(caller.business_id, within, caller.time_zone, user_id)
    utilization, by_week, services = read_utilization(query), read_weeks(query), read_services(query)
    opened, booked = (sum(map(sum, week)) for week in utilization)
    context = {
        "weeks": weeks,
        "choices": CHOICES_WEEKS,
        "people": people,
        "person": user_id,
        "zone_words": zone_in_words(caller.time_zone),
        "rows": heat_map(utilization),
        "hours": _shown_hours(utilization),
        "percent": round(100 * booked / opened) if opened else None,
        "bars": columns(by_week),
        "appointments": sum(week.appointments for week in by_week),
        "missed": sum(week.no_shows for week in by_week),
        "lines": lines(services),
    }
    return show(request, "dashboard/reports.html", context)


def heat_map(utilization: Utilization) -> list[Row]:
    """Shade the hours of the week that are ever open, the fullest darkest."""
    hours = _shown_hours(utilization)
    shares = [
        [round(100 * booked[hour] / opened[hour]) if opened[hour] else None for hour in hours]
        for opened, booked in zip(*utilization, strict=True)
    ]
    most = max((share for day in shares for share in day if share is not None), default=0)
    return [
        Row(
            str(WEEKDAYS_ABBR[weekday]),
            [
                Cell(0 if share is None else 1 + 4 * share // (most + 1), share, f"{hour:02}:00")
                for hour, share in zip(hours, day, strict=True)
            ],
        )
        for weekday, day in enumerate(shares)
    ]


def columns(weeks: Sequence[Week]) -> list[Bar]:
    """Stack, for each week, what was kept, canceled and missed; the fullest week is as high as the chart."""
    most = max((week.appointments for week in weeks), default=1)
    width = min(_BAR + _GAP, _CHART_WIDTH // max(1, len(weeks)))
    bars = []
    for place, week in enumerate(weeks):
        heights = [
            round(_CHART_HEIGHT * count / most)
            for count in (week.appointments - week.canceled - week.no_shows, week.canceled, week.no_shows)
        ]
        tops = [_CHART_HEIGHT - sum(heights[: number + 1]) for number in range(3)]
        kept, canceled, missed = zip(tops, heights, strict=True)
        bars.append(Bar(place * width, week.start, week, kept, canceled, missed))
    return bars


def lines(services: Sequence[ServiceCount]) -> list[Line]:
    """Measure the services that are booked most; what is left is added up."""
    shown, rest = services[:MOST_SERVICES], services[MOST_SERVICES:]
    if rest:
        others = ServiceCount(None, gettext("Others"), sum(one[2] for one in rest), sum(one[3] for one in rest))
        shown = [*shown, others]
    most = max((service.appointments for service in shown), default=1)
    return [
        Line(
            service.name or gettext("Without a service"),
            service.appointments,
            round(service.seconds / 3600, 1),
            max(2, round(100 * service.appointments / most)),
        )
        for service in shown
    ]


def _shown_hours(utilization: Utilization) -> range:
    ever = [hour for day in utilization.open for hour, seconds in enumerate(day) if seconds]
    return range(min(ever), max(ever) + 1) if ever else range(0)
