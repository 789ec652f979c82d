"""The page after sign-in: the next seven days."""

import time
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from slotkeeper.appointments.rows import AppointmentRow, Listing, Reach, read_listing
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import User
from slotkeeper.rules.local_time import day_bounds, local_day
from slotkeeper.rules.permissions import Permission


@permit(Permission.APPOINTMENTS_READ)
def week(request: HttpRequest) -> HttpResponse:
    """List the appointments of the next seven days."""
    return render(request, "dashboard/week.html", {})
