"""Decide which message a customer is owed, from what they know and how their appointment stands now.

Level-triggered: two moves before the first mail left are one mail, with the newest truth; and a move back to where
they know it to be is none.
"""

from dataclasses import dataclass
from enum import StrEnum

from slotkeeper.rules.appointment_status import Status


class News(StrEnum):
    """What there is to tell."""

    BOOKED = "booked"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    RESCHEDULED = "rescheduled"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an appointment stands, as far as its customer cares; times are seconds since 1970."""

    start: int
    end: int
    status: Status


def news(known: Standing | None, current: Standing, *, needs_confirmation: bool) -> News | None:
    """Say what to tell somebody who knows `known`; None of either is nothing known, nothing to tell."""
    if current.status in {Status.COMPLETED, Status.NO_SHOW}:
        return None
    if current.status is Status.CANCELED:
        return None if known and known.status is Status.CANCELED else News.CANCELED
    if known is None:
        awaits = needs_confirmation and current.status is Status.SCHEDULED
        return News.AWAITING_CONFIRMATION if awaits else News.BOOKED
    if (known.start, known.end) != (current.start, current.end):
        return News.RESCHEDULED
    if current.status is Status.CONFIRMED and known.status is Status.SCHEDULED:
        return News.CONFIRMED
    return None


_AHEAD = frozenset({Status.SCHEDULED, Status.CONFIRMED})
_TRUE_IN: dict[News, frozenset[Status]] = {
    News.BOOKED: _AHEAD,
    News.AWAITING_CONFIRMATION: frozenset({Status.SCHEDULED}),
    News.CONFIRMED: frozenset({Status.CONFIRMED}),
    News.RESCHEDULED: _AHEAD,
    News.CANCELED: frozenset({Status.CANCELED}),
}


def still_holds(told: News, status: Status) -> bool:
    """Say whether what was told once may be said again of an appointment in this status."""
    return status in _TRUE_IN[told]
