"""The status machine of an appointment."""

from enum import StrEnum


class Status(StrEnum):
    """Where an appointment stands."""

    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELED = "canceled"
    NO_SHOW = "no_show"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.CONFIRMED, Status.CANCELED, Status.NO_SHOW}),
    Status.CONFIRMED: frozenset({Status.COMPLETED, Status.CANCELED, Status.NO_SHOW}),
    Status.COMPLETED: frozenset(),
    Status.CANCELED: frozenset(),
    Status.NO_SHOW: frozenset(),
}
TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
# These hold their time: the guard's triggers know the same list.
CLAIMING = frozenset({Status.SCHEDULED, Status.CONFIRMED, Status.COMPLETED})


class InvalidTransition(Exception):
    """The appointment cannot go from its status to that one."""

    def __init__(self, current: Status, wanted: Status) -> None:
        super().__init__(current, wanted)
        self.current, self.wanted = current, wanted

    def __str__(self) -> str:
        """Say which moves there are."""
        following = sorted(TRANSITIONS[self.current])
        if not following:
            return f"It is {self.current}, which is final; it cannot become {self.wanted}."
        return f"It is {self.current} and cannot become {self.wanted}; it can become {' or '.join(following)}."


def move(current: Status, wanted: Status) -> Status:
    """Move along the table and return the new status.

    The status it already has is no move and always allowed. Raises InvalidTransition.
    """
    if wanted is not current and wanted not in TRANSITIONS[current]:
        raise InvalidTransition(current, wanted)
    return wanted
