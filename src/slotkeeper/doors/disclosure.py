"""What strangers may learn of why a time is not free: nothing about customers, nothing about anyone's day."""

from collections.abc import Iterable

from slotkeeper.rules.slots import Obstacle, Reason

# Whether somebody is on holiday or works elsewhere is their own business.
_PRIVATE = {Reason.BUFFER, Reason.CALENDAR_BUSY, Reason.TIME_OFF, Reason.ELSEWHERE}
TAKEN = {Reason.BOOKED, Reason.HELD}


def told_reasons(obstacles: Iterable[Obstacle]) -> list[Reason]:
    """Give the reasons that may be told, each once; all that keeps a person busy is `booked`."""
    reasons = (Reason.BOOKED if one.reason in _PRIVATE else one.reason for one in obstacles)
    return list(dict.fromkeys(reasons))
