"""Who may learn what of why a time is not free; strangers nothing about customers, nothing about anyone's day."""

from collections.abc import Iterable

from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.rows import find_several
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission
from slotkeeper.rules.slots import Obstacle, Reason

# Whether somebody is on holiday or works elsewhere is their own business.
_PRIVATE = {Reason.BUFFER, Reason.CALENDAR_BUSY, Reason.TIME_OFF, Reason.ELSEWHERE, Reason.RESOURCE_BUSY}
TAKEN = {Reason.BOOKED, Reason.HELD}


def told_reasons(obstacles: Iterable[Obstacle]) -> list[Reason]:
    """Give the reasons that may be told, each once; all that keeps a person or a room busy is `booked`."""
    reasons = (Reason.BOOKED if one.reason in _PRIVATE else one.reason for one in obstacles)
    return list(dict.fromkeys(reasons))


def readable_appointments(obstacles: Iterable[Obstacle], caller: Caller) -> frozenset[int]:
    """Say which of the appointments that stand in the way a member may see."""
    named = {one.appointment_id for one in obstacles if one.appointment_id is not None}
    reach = reach_of(caller, Permission.APPOINTMENTS_READ_ALL)
    return frozenset(row.id for row in find_several(reach, sorted(named)))
