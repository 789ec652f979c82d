"""The verbs on a person's calendar connections: connect, choose, change, disconnect.

Only `connect` and `reconnect` wait for a provider, for a while: they prove that the account can be reached before
anything is stored.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from slotkeeper.calendars.accounts import PROVIDERS, secret_of
from slotkeeper.calendars.leases import wake
from slotkeeper.calendars.listing import take_calendars
from slotkeeper.calendars.live import forget_who_is_asked
from slotkeeper.calendars.mirror import forget_what_was_read
from slotkeeper.calendars.models import (
    BusyTime,
    CalendarConnection,
    ConnectedCalendar,
    Health,
    Kind,
    WhenUnreadable,
)
from slotkeeper.calendars.providers.base import Account, ProviderError, RemoteCalendar
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.outbound.client import Client
from slotkeeper.outbound.secret_box import secret_box

Plan = Callable[[int, datetime], None]  # wishes anew what a person has ahead of them
MOST_CONNECTIONS = 20  # of one person
_SUBJECT = "calendar_connection"
_PATIENCE_SECONDS = 12.0  # somebody waits at a page, and a web worker with them


class UnknownConnection(Exception):
    """There is no such calendar connection."""


class UnknownCalendar(Exception):
    """There is no such calendar in this account."""


class CannotConnect(Exception):
    """The account cannot be reached; the message says why."""


class NotWritable(Exception):
    """The calendar can only be read, so it cannot receive appointments."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose connections: a person, as a member of a business in whose record the change is noted."""

    user_id: int
    business_id: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach an account: an address and a password, or tokens as JSON in `secret`."""

    kind: Kind
    url: str = ""
    username: str = ""
    secret: str = field(default="", repr=False)
    name: str = ""


def connections_of(user_id: int) -> list[CalendarConnection]:
    """List a person's connections with their calendars, oldest first."""
    return list(CalendarConnection.objects.filter(user_id=user_id).prefetch_related("calendars").order_by("pk"))


def find_connection(owner: Owner, connection_id: int) -> CalendarConnection:
    """Find one of a person's connections. Raises UnknownConnection."""
    found = CalendarConnection.objects.filter(user_id=owner.user_id, pk=connection_id).first()
    if found is None:
        raise UnknownConnection
    return found


def connect(owner: Owner, credentials: Credentials, actor: Actor, then: Plan) -> CalendarConnection:
    """Connect an account. Its main calendar blocks time and receives appointments until its owner chooses otherwise.

    `then` plans what lies ahead. The same account twice is one connection. Raises CannotConnect.
    """
    credentials, calendars = _tried(credentials)
    if credentials.kind is Kind.ICS_FEED:
        credentials = _with_address_sealed(credentials)
    now = datetime.now(UTC)
    with transaction.atomic():
        connection, is_new = CalendarConnection.objects.get_or_create(
            user_id=owner.user_id,
            provider=credentials.kind,
            url=credentials.url,
            username=credentials.username,
            defaults={"name": _name(credentials), "created_at": now, "due_at": now},
        )
        if is_new and CalendarConnection.objects.filter(user_id=owner.user_id).count() > MOST_CONNECTIONS:
            raise CannotConnect(f"More than {MOST_CONNECTIONS} accounts of one person cannot be connected.")
        _renew(connection, credentials, now)
        take_calendars(connection, calendars, now, main=_main(calendars) if is_new else None)
        then(owner.user_id, now)
        subject = Subject(owner.business_id, _SUBJECT, connection.pk)
        record(subject, "connected", actor, None, {"provider": connection.provider})
    return connection


def reconnect(owner: Owner, connection_id: int, credentials: Credentials, actor: Actor) -> CalendarConnection:
    """Give a connection a new password or new tokens; a feed has none, and is asked at the address that it has.

    Raises UnknownConnection and CannotConnect.
    """
    connection, now = find_connection(owner, connection_id), datetime.now(UTC)
    if connection.provider == Kind.ICS_FEED:
        credentials = replace(credentials, url=_address_of(connection))
    credentials, calendars = _tried(credentials)
    if credentials.kind is Kind.ICS_FEED:
        credentials = _with_address_sealed(credentials)
    with transaction.atomic():
        _renew(connection, credentials, now)
        take_calendars(connection, calendars, now)
        record(Subject(owner.business_id, _SUBJECT, connection.pk), "reconnected", actor, None, None)
    return connection


def choose(owner: Owner, calendar_id: int, wish: dict[str, bool], actor: Actor, then: Plan) -> ConnectedCalendar:
    """Choose whether a calendar `blocks` time and `receives` appointments; `then` plans anew what lies ahead.

    Raises UnknownCalendar and NotWritable.
    """
    now = datetime.now(UTC)
    with transaction.atomic():
        calendar = ConnectedCalendar.objects.select_for_update().filter(user_id=owner.user_id, pk=calendar_id).first()
        if calendar is None:
            raise UnknownCalendar
        if wish.get("receives") and not calendar.is_writable:
            raise NotWritable
        before = {name: getattr(calendar, name) for name in wish}
        if before == wish:
            return calendar
        ConnectedCalendar.objects.filter(pk=calendar.pk).update(**wish, next_read_at=now)
        if before.get("blocks") != wish.get("blocks"):
            forget_what_was_read(ConnectedCalendar.objects.filter(pk=calendar.pk))
        record(Subject(owner.business_id, _SUBJECT, calendar.connection_id), "calendar chosen", actor, before, wish)
        then(owner.user_id, now)
        wake(CalendarConnection.objects.filter(pk=calendar.connection_id), now)
    calendar.refresh_from_db()
    return calendar


def change(
    owner: Owner, connection_id: int, when_unreadable: WhenUnreadable | None, asks_live: bool | None, actor: Actor
) -> CalendarConnection:
    """Change what an unreadable calendar means, and whether it is asked at the moment of booking.

    Raises UnknownConnection.
    """
    connection = find_connection(owner, connection_id)
    wish = {"when_unreadable": when_unreadable, "asks_live": asks_live}
    changed = {name: value for name, value in wish.items() if value is not None and getattr(connection, name) != value}
    if changed:
        before = {name: getattr(connection, name) for name in changed}
        with transaction.atomic():
            CalendarConnection.objects.filter(pk=connection.pk).update(**changed)
            record(Subject(owner.business_id, _SUBJECT, connection.pk), "updated", actor, before, changed)
        forget_who_is_asked()
    return find_connection(owner, connection_id)


def read_now(owner: Owner, connection_id: int) -> None:
    """Have the worker read an account's calendars now. Raises UnknownConnection."""
    connection, now = find_connection(owner, connection_id), datetime.now(UTC)
    ConnectedCalendar.objects.filter(connection=connection).update(next_read_at=now)
    wake(CalendarConnection.objects.filter(pk=connection.pk), now)


def disconnect(owner: Owner, connection_id: int, actor: Actor) -> None:
    """Forget an account and all that was read of it. What we wrote there stays there. Raises UnknownConnection."""
    connection = find_connection(owner, connection_id)
    with transaction.atomic():
        BusyTime.objects.filter(calendar__connection=connection).delete()
        about = {"provider": connection.provider}  # its name is mostly a private address
        record(Subject(owner.business_id, _SUBJECT, connection.pk), "disconnected", actor, about, None)
        connection.delete()


def _address_of(connection: CalendarConnection) -> str:
    try:
        return secret_of(connection)
    except ProviderError as error:
        raise CannotConnect(str(error)) from None


def _tried(credentials: Credentials) -> tuple[Credentials, list[RemoteCalendar]]:
    """Reach the account, and give its calendars, with the credentials as they are now: tokens may have been renewed."""
    newest = [credentials.secret]
    with Client(settings.CONFIGURATION.private_hosts, _PATIENCE_SECONDS) as http:
        account = Account(http, credentials.url, credentials.username, credentials.secret, newest.append)
        try:
            calendars = PROVIDERS[credentials.kind](account).list_calendars()
        except ProviderError as error:
            raise CannotConnect(str(error)) from None
    if not calendars:
        raise CannotConnect("There is no calendar in this account.")
    proven = Credentials(credentials.kind, credentials.url, credentials.username, newest[-1], credentials.name)
    return proven, calendars


def _with_address_sealed(credentials: Credentials) -> Credentials:
    """Treat the address of a feed as the secret that it mostly is; what stays in the open names host and feed."""
    parts = urlsplit(credentials.url)
    digest = hashlib.sha256(credentials.url.encode()).hexdigest()[:16]
    return replace(credentials, url=f"{parts.scheme}://{parts.hostname}/#{digest}", secret=credentials.url)


def _renew(connection: CalendarConnection, credentials: Credentials, now: datetime) -> None:
    CalendarConnection.objects.filter(pk=connection.pk).update(
        sealed_secret=secret_box().seal(credentials.secret) if credentials.secret else "",
        status=Health.CONNECTED, last_error="", failures=0, failing_since=None, told_at=None, due_at=now,
        lease="", leased_until=None,  # who is at it with the former secret shall not write that back
    )  # fmt: skip
    connection.refresh_from_db()


def _name(credentials: Credentials) -> str:
    """Name a connection so that its owner knows it again; a feed's address may be a secret, its host is none."""
    given = credentials.name or credentials.username or urlsplit(credentials.url).hostname or ""
    return (given or credentials.kind.value)[:255]


def _main(calendars: list[RemoteCalendar]) -> RemoteCalendar:
    return next((one for one in calendars if one.is_primary), calendars[0])
