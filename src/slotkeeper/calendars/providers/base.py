"""What every kind of foreign calendar can do for us, and how it fails.

Implementations: google, microsoft, caldav, ics_feed. One contract test runs against all of them
(tests/contracts). Instants are seconds since 1970, UTC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from slotkeeper.outbound.client import Client
from slotkeeper.rules.intervals import Interval


class ProviderError(Exception):
    """Something went wrong at the provider; the message is for the calendar's owner."""


class Unavailable(ProviderError):
    """The provider is away, slow, overloaded or talks nonsense: try again later."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ProviderError):
    """The provider understands and refuses this one request: the same again will not help."""


class AccessLost(ProviderError):
    """The provider no longer lets us in: the owner has to connect again."""


class CursorExpired(ProviderError):
    """The place up to which changes were read is forgotten: everything has to be read again."""


class EventChanged(ProviderError):
    """The event was changed in the calendar since it was last read or written (412)."""


class EventGone(ProviderError):
    """The event is no longer in the calendar."""


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach somebody's account. `secret` is a password, or tokens as JSON.

    `keep_secret` stores a newer one, such as refreshed tokens, before it is used.
    """

    http: Client
    url: str
    username: str
    secret: str
    keep_secret: Callable[[str], None]


class RemoteCalendar(NamedTuple):
    """A calendar in somebody's account."""

    external_id: str
    name: str
    is_writable: bool = True
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class EventDetails:
    """An event as we write it. `key` is ours for ever: to write it twice is to write it once.

    Keys match `[a-v0-9]{5,64}`, as Google wants them.
    """

    key: str
    title: str
    start: int
    end: int
    version: int = 1
    description: str = ""
    location: str = ""
    is_tentative: bool = False


class EventPlace(NamedTuple):
    """Where an event of ours is: `external_id` is "" while no answer has told it. Whole days are those of `zone`."""

    calendar_id: str
    key: str
    external_id: str = ""
    etag: str = ""
    zone: str = "UTC"


class WrittenEvent(NamedTuple):
    """How the provider calls what was written."""

    external_id: str
    etag: str = ""


class RemoteEvent(NamedTuple):
    """What one entry of a foreign calendar comes to within the window asked for.

    `external_id` is what a later change or removal of the entry names: a series is one entry with all its
    instances. `busy` is the time it blocks; none for what is free, canceled or declined. `key` is ours if we wrote it
    ("" else), and `own_time` then says when it stands there.
    """

    external_id: str
    busy: tuple[Interval, ...] = ()
    key: str = ""
    own_time: Interval | None = None
    etag: str = ""


class ChangesRequest(NamedTuple):
    """Which changes: since a cursor ("": everything), within a window, read for whom."""

    cursor: str
    window: Interval
    zone: str
    owner_emails: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the cursor; with `is_full`, everything there is. `cursor` is where to go on from."""

    events: tuple[RemoteEvent, ...]
    removed: tuple[str, ...]
    cursor: str
    is_full: bool

    @property
    def are_none(self) -> bool:
        """Whether nothing changed."""
        return not (self.events or self.removed or self.is_full)


@dataclass(frozen=True, slots=True)
class Watch:
    """A promise of the provider to tell us when something changes, until it expires."""

    channel_id: str
    resource_id: str
    expires_at: int


class CalendarProvider(Protocol):
    """One account at a provider. Every method may raise Unavailable, Refused and AccessLost."""

    def list_calendars(self) -> list[RemoteCalendar]:
        """List the calendars of the account."""
        ...

    def read_changes(self, calendar_id: str, request: ChangesRequest) -> Changes:
        """Read what changed. Raises CursorExpired."""
        ...

    def create_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write an event that may already be there under its key, from a try whose answer was lost."""
        ...

    def update_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write a newer version over the one with the place's etag ("": whatever is there).

        Raises EventChanged and EventGone.
        """
        ...

    def delete_event(self, place: EventPlace) -> None:
        """Remove an event, found by its key where the place names no id; one that is not there is fine."""
        ...

    def find_event(self, place: EventPlace) -> RemoteEvent | None:
        """Look up one event of ours."""
        ...


@runtime_checkable
class PushingProvider(CalendarProvider, Protocol):
    """A provider that tells us of changes through a web address of ours."""

    def watch(self, calendar_id: str, address: str, secret: str) -> Watch:
        """Ask to be told, at an address, with a secret that proves who tells."""
        ...

    def unwatch(self, watch: Watch) -> None:
        """Ask to be told no more; a promise that has lapsed is fine."""
        ...
