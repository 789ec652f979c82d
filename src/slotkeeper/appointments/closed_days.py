"""What is booked on days on which the business is closed, or would be; nothing is stored."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.db.models import Q

from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.offerings.models import DateOverride
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.local_time import day_bounds

_STILL_TO_COME = (Status.SCHEDULED.value, Status.CONFIRMED.value)


def read_booked_on(business: Business, days: Sequence[date], reach: Reach, now: int, most: int) -> list[Appointment]:
    """List what is booked to come, within reach, on some days of the business's calendar, by start.

    Who has hours of their own on such a day works then, so their appointments are none of them.
    """
    if not days:
        return []
    own_hours = defaultdict(set)
    overrides = DateOverride.objects.filter(membership__business=business, date__in=days)
    for day, user_id in overrides.values_list("date", "membership__user_id"):
        own_hours[day].add(user_id)
    on_these = Q()
    for day in days:
        bounds = day_bounds(business.time_zone, day.year, day.month, day.day)
        on_it = Q(start_time__lt=_moment(bounds.end), end_time__gt=_moment(bounds.start))
        on_these |= on_it & ~Q(user_id__in=own_hours[day]) if own_hours[day] else on_it
    booked = Appointment.objects.within(reach).filter(on_these, status__in=_STILL_TO_COME, end_time__gt=_moment(now))
    return list(booked.order_by("start_time", "pk")[:most])


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
