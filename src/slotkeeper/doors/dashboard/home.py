"""The page after sign-in: the next seven days."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.rows import AppointmentRow, Listing, Reach, read_listing
from slotkeeper.doors.access import permit
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import User
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm, day_bounds, local_day
from slotkeeper.rules.permissions import Permission

SHOWN_DAYS = 7
MOST_SHOWN = 500


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
    """List the appointments of the next seven days, in the caller's zone."""
    caller: Caller = request.caller  # type: ignore[attr-defined]  # the permission gate has filled it
    now = int(time.time())
    dates = shown_dates(caller.time_zone, now)
    sees_all = caller.may(Permission.APPOINTMENTS_READ_ALL)
    reach = Reach(caller.business_id, None if sees_all else caller.user_id)
    window = _window(caller.time_zone, dates)
    rows = read_listing(Listing(reach, MOST_SHOWN + 1, window.start, window.end))
    shown = rows[:MOST_SHOWN]
    people = _names(shown) if any(row.user_id != caller.user_id for row in shown) else {}
    context = {
        "days": arrange(shown, dates, people, (caller.time_zone, now)),
        "today": dates[0],
        "count": len(shown),
        "has_more": len(rows) > MOST_SHOWN,
        "has_people": bool(people),
        "sees_all": sees_all,
        "may_write_tokens": caller.may(Permission.TOKENS_WRITE),
        "may_write_appointments": caller.may(Permission.APPOINTMENTS_WRITE),
        "zone": caller.time_zone,
        "zone_words": zone_in_words(caller.time_zone),
    }
    return render(request, "dashboard/week.html", context)


def shown_dates(zone: str, now: int) -> list[date]:
    """Give today and the following days, by the zone's calendar."""
    today = local_day(zone, now)
    return [today + timedelta(days=number) for number in range(SHOWN_DAYS)]


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
        return f"{on:%a} {clock}" if abs(on - day).days < SHOWN_DAYS else f"{on:%a} {on.day} {on:%b} {clock}"

    if starts[:10] < day.isoformat():
        return f"until {one(ends)}"
    first, last = one(starts), one(ends)
    return f"{first}–{last}" if len(first) == len(last) == 5 else f"{first} – {last}"
