"""Decide which reminders of an appointment are due, still help, or come too late.

A reminder is due within a window of an hour: the one of 24 hours when the start is 24 to 25 hours away. One that
nothing sent in its window is caught up while it still helps. Source: the product's domain rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DEFAULT_MINUTES = (24 * 60, 2 * 60)
LEAST_MINUTES, MOST_MINUTES = 15, 14 * 24 * 60  # that a service can ask for
MOST_REMINDERS = 5  # of one appointment
WINDOW_SECONDS = 3600
# A reminder of more than three hours before says nothing in the last three.
_SHORT_SECONDS = 3 * 3600


class Verdict(StrEnum):
    """What to do about a reminder now."""

    EARLY = "early"
    DUE = "due"
    MADE_LATE = "made_late"  # the appointment was made, or moved here, after the window closed
    MISSED = "missed"  # nothing ran while it would have helped


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of one appointment, so many minutes before its start; times are seconds since 1970."""

    minutes: int
    opens_at: int
    closes_at: int
    useful_until: int

    def judge(self, settled_at: int, now: int) -> Verdict:
        """Say what to do at `now` about an appointment that has had its start since `settled_at`."""
        if now < self.opens_at:
            return Verdict.EARLY
        if settled_at > self.closes_at:
            return Verdict.MADE_LATE
        return Verdict.DUE if now < self.useful_until else Verdict.MISSED


def reminders_of(start: int, minutes_before: Sequence[int]) -> list[Reminder]:
    """Plan the reminders of an appointment, the earliest first."""
    return [_reminder(start, minutes, minutes_before) for minutes in sorted(set(minutes_before), reverse=True)]


def horizon_seconds(minutes: int) -> int:
    """Say how long before the start the window of a reminder opens."""
    return minutes * 60 + WINDOW_SECONDS


def _reminder(start: int, minutes: int, all_minutes: Sequence[int]) -> Reminder:
    closes_at = start - minutes * 60
    is_long = minutes * 60 > _SHORT_SECONDS
    # It helps until the next one's window opens: two reminders at once would say the same twice.
    later = [horizon_seconds(other) for other in all_minutes if other < minutes]
    last_seconds = max(_SHORT_SECONDS if is_long else 0, *later, 0)
    return Reminder(minutes, closes_at - WINDOW_SECONDS, closes_at, start - last_seconds)
