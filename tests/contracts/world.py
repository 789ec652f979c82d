"""What the contract test needs of each kind of calendar: a provider, and a hand in the calendar behind it."""

from contextlib import AbstractContextManager
from typing import Protocol

from slotkeeper.calendars.providers.base import CalendarProvider


class World(Protocol):
    """An account with one writable calendar, empty at first.

    The hand is its owner, or another program, who works in the calendar without us.
    """

    provider: CalendarProvider
    calendar_id: str
    can_tell_tentative: bool
    # What this kind cannot do by its nature: `writing`, `single changes` (each change means everything anew),
    # `forgetting` (a cursor that needs nothing of the server), `nonsense` (told as Refused). Missing: it can do all.
    lacks: frozenset[str]

    def put(self, uid: str, start: int, end: int, **fields: str) -> None:
        """Enter or replace an event. Fields: rrule, transparent, canceled, tentative ("yes"), zone."""
        ...

    def put_all_day(self, uid: str, first_day: str, days: int) -> None:
        """Enter an event of whole days."""
        ...

    def move(self, external_id: str, start: int, end: int) -> None:
        """Move an event, whoever wrote it."""
        ...

    def remove(self, external_id: str) -> None:
        """Delete an event, whoever wrote it."""
        ...

    def titles(self) -> list[str]:
        """List the titles of all events that are in the calendar."""
        ...

    def forget_cursors(self) -> None:
        """Have the server forget every cursor it has given."""
        ...

    def broken(self, fault: str) -> AbstractContextManager[None]:
        """Break the server for a while.

        `away`, `error`, `busy` (429, Retry-After 7), `nonsense`, `cut` or `locked_out`.
        """
        ...
