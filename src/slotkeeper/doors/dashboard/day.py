"""A day with one column per person: a list that works everywhere, and a board to drag on where scripts run."""

from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import reverse
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.assignment_words import OBSTACLES
from slotkeeper.doors.dashboard.asking import caller_of, now, number_from, people_for, show
from slotkeeper.doors.dashboard.calendar import calendar_data
from slotkeeper.doors.dashboard.day_columns import read_board
from slotkeeper.doors.dashboard.home import asked_day
from slotkeeper.doors.dashboard.reassigning import undo_for
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.moments import full_day
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.permissions import Permission


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """Show the day of `?date=`, today where none is given, of everybody or of `?user_id=`."""
    caller, instant = caller_of(request), now()
    today = local_day(caller.time_zone, instant)
    day = asked_day(request.GET.get("date", "")) or today
    people = people_for(caller, Permission.APPOINTMENTS_READ_ALL)
    person = number_from(request.GET.get("user_id"))
    person = person if person in people else None
    board = read_board(caller, day, instant, person)
    data = calendar_data(caller, people, day.isoformat(), get_token(request))
    context = {
        "board": board,
        "title": full_day(day),
        "is_today": day == today,
        "links": _links(day, person),
        "people": people if len(people) > 1 else {},
        "person": person,
        "own_id": caller.user_id,
        "now": instant,
        "sees_all": caller.may(Permission.APPOINTMENTS_READ_ALL),
        "may_write_appointments": caller.may(Permission.APPOINTMENTS_WRITE),
        "may_assign": caller.may(Permission.APPOINTMENTS_ASSIGN) and len(people) > 1,
        "undo": undo_for(request, day),
        "zone_words": zone_in_words(caller.time_zone),
        "data": data | {"obstacles": {why.value: str(sentence) for why, sentence in OBSTACLES.items()}},
    }
    return show(request, "dashboard/day.html", context)


def _links(day: date, person: int | None) -> dict[str, Any]:
    """Lead to the days around, to this one, and to its week."""
    also = f"&user_id={person}" if person else ""
    step = timedelta(days=1)
    return {
        "before": f"?date={day - step}{also}",
        "after": f"?date={day + step}{also}",
        "today": f"?{also.lstrip('&')}",
        "date": day.isoformat(),
        "week": f"{reverse('home')}?date={day}{also}",
        "reassign": f"{reverse('day_reassign')}?date={day}{also}",
    }
