"""Decide what has to be done to an event in a foreign calendar, and when to try again what failed.

Level-triggered: only what is wanted now and what stands there now count, never how it came about. So a lost wake-up
or a try cut short loses nothing, and doing it again changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_EVENT_PAUSE_SECONDS = 3600.0
_PATIENT_TRIES = 66  # an hour of them
_SHORTEST_PAUSE_SECONDS = 1.0


class Step(StrEnum):
    """The next thing to do about one event."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Wish:
    """What should stand in the calendar: the event as of a version of its subject; None for no event."""

    version: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known to stand there."""

    written_version: int | None = None  # None: never written in full
    may_exist: bool = False  # a first try may have arrived though its answer did not
    is_disputed: bool = False  # the calendar's owner moved or deleted it, and nobody has decided yet


def next_step(wish: Wish, standing: Standing) -> Step:
    """Say what brings what stands there to what is wanted."""
    if wish.version is None:
        return Step.DELETE if standing.may_exist else Step.NOTHING
    if standing.is_disputed:
        return Step.WAIT
    if standing.written_version is None:
        return Step.CREATE
    return Step.NOTHING if standing.written_version == wish.version else Step.UPDATE


def pause_of_event(failures: int, retry_after: float | None, chance: float) -> float:
    """Give the seconds to wait with one event that failed so often: after an hour of tries, tried once an hour."""
    is_hopeless = failures > _PATIENT_TRIES
    return pause_after(
        failures, retry_after, chance, _LONGEST_EVENT_PAUSE_SECONDS if is_hopeless else LONGEST_PAUSE_SECONDS
    )


def pause_after(
    failures: int, retry_after: float | None, chance: float, longest: float = LONGEST_PAUSE_SECONDS
) -> float:
    """Give the seconds to wait after so many failures in a row: doubling, with jitter, at most `longest`.

    What the server asks for (Retry-After, RFC 9110 section 10.2.3) wins. `chance` lies in [0, 1): two that failed
    together shall not come back together.
    """
    if retry_after is not None:
        return max(retry_after, _SHORTEST_PAUSE_SECONDS)
    doubled = _SHORTEST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20)
    return min(doubled, longest) * (0.5 + 0.5 * chance)
