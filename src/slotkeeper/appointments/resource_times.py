"""When a room or a piece of equipment is taken, and by what."""

from typing import NamedTuple

from slotkeeper.appointments.needed import read_times
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import AppointmentRow, find_several
from slotkeeper.offerings.models import Resource
from slotkeeper.rules.intervals import Interval


class Occupied(NamedTuple):
    """A stretch of time that a resource is blocked, buffers included, and its appointment; None for a hold."""

    blocked: Interval
    row: AppointmentRow | None


def read_occupied(resource: Resource, window: Interval, now: int) -> list[Occupied]:
    """Read what takes a resource in a window, by start; two statements."""
    (times,) = read_times([resource.pk], window, now)
    named = [one.appointment_id for one in times.taken if one.appointment_id is not None]
    rows = {row.id: row for row in find_several(Reach(resource.business_id), named)}
    return [Occupied(Interval(one.start, one.end), rows.get(one.appointment_id or 0)) for one in times.taken]
