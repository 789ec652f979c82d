"""The page after sign-in: the week, as a list that works everywhere and as a calendar where scripts run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.rows import AppointmentRow, Listing, has_any, read_listing
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, number_from, people_for, readable
from slotkeeper.doors.dashboard.calendar import calendar_data
from slotkeeper.doors.dashboard.calendar_notices import notices_of
from slotkeeper.doors.dashboard.message_notices import notices_of as message_notices_of
from slotkeeper.doors.middleware import PAGE_POLICY
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.moments import short_day
from slotkeeper.people.models import User
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm, day_bounds, local_day
from slotkeeper.rules.permissions import Permission

SHOWN_DAYS = 7
MOST_SHOWN = 500
FIRST_YEAR, LAST_YEAR = 1971, 2199  # weeks that lie wholly within the years we know

# FullCalendar writes its rules into an empty style element (the hash is that of nothing) and draws its
# icons with a font that it carries along.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
CALENDAR_POLICY = PAGE_POLICY.replace("style-src 'self'", f"style-src 'self' {_EMPTY_STYLE}").replace(
    "font-src 'self'", "font-src 'self' data:"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One appointment in the list; `starts` is for machines, `times` for people."""

    row: AppointmentRow
    starts: str
    times: str
    person: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Day:
    """One local day and what begins on it; the first day also has what began before and lasts into it."""

    date: date
    entries: list[Entry] = field(default_factory=list)


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def week(request: HttpRequest) -> HttpResponse:
    """Show the week of `?date=`, today's where none is given, in the caller's zone."""
    caller = caller_of(request)
    now = int(time.time())
    today = local_day(caller.time_zone, now)
    dates = shown_dates(request.GET.get("date", ""), today)
    people = people_for(caller, Permission.APPOINTMENTS_READ_ALL)
    person = number_from(request.GET.get("user_id"))
    window = _window(caller.time_zone, dates)
    rows = read_listing(Listing(readable(caller), MOST_SHOWN + 1, window.start, window.end, user_id=person))
    shown = rows[:MOST_SHOWN]
    names = _names(shown) if any(row.user_id != caller.user_id for row in shown) else {}
    day = asked_day(request.GET.get("date", "")) or today
    context = {
        "days": arrange(shown, dates, names, (caller.time_zone, now)),
        "today": today,
        "title": week_in_words(dates),
        "links": _links(dates, person),
        "count": len(shown),
        "is_first": not shown and not has_any(readable(caller)),
        "has_more": len(rows) > MOST_SHOWN,
        "has_people": bool(names),
        "people": people if len(people) > 1 else {},
        "person": person,
        "sees_all": caller.may(Permission.APPOINTMENTS_READ_ALL),
        "may_write_tokens": caller.may(Permission.TOKENS_WRITE),
        "may_write_appointments": caller.may(Permission.APPOINTMENTS_WRITE),
        "zone_words": zone_in_words(caller.time_zone),
        "notices": notices_of(caller),
        "message_notices": message_notices_of(caller),
        "data": calendar_data(caller, people, day.isoformat(), get_token(request)),
    }
    answer = render(request, "dashboard/week.html", context)
    answer["Content-Security-Policy"] = CALENDAR_POLICY
    return answer


def shown_dates(asked: str, today: date) -> list[date]:
    """Give the days of the week around a date, Monday first; of this week where it is none."""
    day = asked_day(asked) or today
    monday = day - timedelta(days=day.weekday())
    return [monday + timedelta(days=number) for number in range(SHOWN_DAYS)]


def week_in_words(dates: Sequence[date]) -> str:
    """Write a week: `23–29 November 2026`; what both ends share stands once."""
    first, last = dates[0], dates[-1]
    form = pgettext("date format: day, month in full and year", "j F Y")
    if first.year != last.year:
        return f"{date_format(first, form)} – {date_format(last, form)}"
    if first.month != last.month:
        start = date_format(first, pgettext("date format: day and month in full", "j F"))
        return f"{start} – {date_format(last, form)}"
    start = date_format(first, pgettext("date format: day", "j"))
    return f"{start}–{date_format(last, form)}"


def asked_day(text: str) -> date | None:
    """Read a day that an address names; None where it is none that we show."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _links(dates: Sequence[date], person: int | None) -> dict[str, Any]:
    """Lead to the weeks around, and to this one."""
    also = f"&user_id={person}" if person else ""
    step = timedelta(days=SHOWN_DAYS)
    return {
        "before": f"?date={dates[0] - step}{also}",
        "after": f"?date={dates[0] + step}{also}",
        "today": f"?{also.lstrip('&')}",
        "date": dates[0].isoformat(),
    }


def arrange(
    rows: Sequence[AppointmentRow], dates: Sequence[date], people: dict[int, str], at: tuple[str, int]
) -> list[Day]:
    """Put each appointment under the day it begins; `at` is the reader's zone and the time now."""
    zone, now = at
    days = {day: Day(day) for day in dates}
    form = TimeForm.with_offset(zone)
    for row in rows:
        day = min(max(local_day(zone, row.start_time), dates[0]), dates[-1])
        starts, ends = form.write_all((row.start_time, row.end_time))
        entry = Entry(row, starts, _times(starts, ends, day), people.get(row.user_id, ""), row.end_time <= now)
        days[day].entries.append(entry)
    return list(days.values())


def _window(zone: str, dates: Sequence[date]) -> Interval:
    first, last = (day_bounds(zone, day.year, day.month, day.day) for day in (dates[0], dates[-1]))
    return Interval(first.start, last.end)


def _names(rows: Sequence[AppointmentRow]) -> dict[int, str]:
    return {user.pk: str(user) for user in User.objects.filter(pk__in={row.user_id for row in rows})}


def _times(starts: str, ends: str, day: date) -> str:
    """Write from when to when; the weekday or date only where the day it stands under would mislead."""
    has_change = starts[19:] != ends[19:]  # the clocks change meanwhile, so they alone would mislead

    def one(text: str) -> str:
        on = date.fromisoformat(text[:10])
        clock = f"{text[11:16]} ({text[19:]})" if has_change else text[11:16]
        if on == day:
            return clock
        return f"{date_format(on, 'D') if abs(on - day).days < SHOWN_DAYS else short_day(on)} {clock}"

    if starts[:10] < day.isoformat():
        return gettext("until %(time)s") % {"time": one(ends)}
    first, last = one(starts), one(ends)
    return f"{first}–{last}" if len(first) == len(last) == 5 else f"{first} – {last}"
