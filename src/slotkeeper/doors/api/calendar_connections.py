"""A person's calendar connections over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments.calendar_sync import plan_for_person
from slotkeeper.calendars import connections
from slotkeeper.calendars.connections import CannotConnect, Credentials, NotWritable, Owner
from slotkeeper.calendars.models import CalendarConnection, ConnectedCalendar, Health, Kind, WhenUnreadable
from slotkeeper.doors.api.appointments import REPEATED, NoFields
from slotkeeper.doors.api.base import (
    NOT_FOUND,
    At,
    Body,
    JsonEndpoint,
    OptionalBody,
    answer,
    answer_nothing,
    answers,
)
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.problems import ApiProblem, bad_field, not_found
from slotkeeper.doors.disclosure import told_of_calendar
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Permission

Address = Annotated[str, Meta(max_length=2000)]
Username = Annotated[str, Meta(max_length=255)]
Password = Annotated[str, Meta(max_length=1000)]
ConnectionName = Annotated[str, Meta(max_length=100)]
_UNREACHABLE = {HTTPStatus.CONFLICT: "The account cannot be reached, or the first request is still running."}


class NewConnection(msgspec.Struct, forbid_unknown_fields=True):
    """What connecting a CalDAV account or a feed takes; Google and Microsoft need consent, in a browser."""

    provider: Kind
    url: Address
    username: Username = ""
    password: Password = ""
    name: ConnectionName = ""


class ConnectionChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What can be changed: fields left out stay."""

    when_unreadable: WhenUnreadable | UnsetType = UNSET
    asks_live: bool | UnsetType = UNSET


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """A new password for the same account."""

    password: Password


class CalendarChoice(msgspec.Struct, forbid_unknown_fields=True):
    """What a calendar is for: fields left out stay."""

    blocks: bool | UnsetType = UNSET
    receives: bool | UnsetType = UNSET


class CalendarOut(msgspec.Struct):
    """A calendar of an account."""

    id: int
    name: str
    is_writable: bool
    blocks: bool
    receives: bool
    read_at: str | None
    last_error: str


class ConnectionOut(msgspec.Struct):
    """A connection; name, address, calendars and errors are told to the person whose it is, its state to more."""

    id: int
    user_id: int
    provider: Kind
    name: str
    status: Health
    last_success_at: str | None
    last_error: str
    when_unreadable: WhenUnreadable
    asks_live: bool
    url: str | None
    username: str | None
    calendars: list[CalendarOut] | None


class ConnectionList(msgspec.Struct):
    """Connections, the caller's own first."""

    calendar_connections: list[ConnectionOut]


class ConnectionPath(msgspec.Struct):
    """Which connection."""

    connection_id: int


class ConnectedCalendarPath(msgspec.Struct):
    """Which calendar of which connection."""

    connection_id: int
    calendar_id: int


class Connections(JsonEndpoint):
    """The list of connections."""

    permissions = {"GET": Permission.CALENDARS_READ, "POST": Permission.CALENDARS_WRITE}

    @answers(ConnectionList)
    def get(self) -> HttpResponse:
        """List the caller's connections; with the permission calendars.read.all, the health of everybody's."""
        caller = self.caller
        user_ids = [caller.user_id]
        if caller.may(Permission.CALENDARS_READ_ALL):
            members = Membership.objects.active().in_business(caller.business_id).exclude(user_id=caller.user_id)
            user_ids += members.order_by("user_id").values_list("user_id", flat=True)
        found = [one for user_id in user_ids for one in connections.connections_of(user_id)]
        return answer({"calendar_connections": [write_connection(one, caller) for one in found]})

    @answers(ConnectionOut, HTTPStatus.CREATED, refusals=REPEATED | _UNREACHABLE, headers=("Location",))
    def post(self, parsed_body: Body[NewConnection]) -> HttpResponse:
        """Connect a CalDAV account or a feed; its main calendar blocks time and, if it can, receives appointments."""
        return once(self.request, self.caller, lambda: self._connect(parsed_body))

    def _connect(self, body: NewConnection) -> HttpResponse:
        if body.provider not in {Kind.CALDAV, Kind.ICS_FEED}:
            raise bad_field("provider", "INVALID_FIELD", "Connect it on the dashboard's page of calendars.")
        credentials = Credentials(body.provider, body.url.strip(), body.username.strip(), body.password, body.name)
        caller = self.caller
        with _reaching():
            connection = connections.connect(owner_of(caller), credentials, caller.actor, plan_for_person)
        headers = {"Location": f"/api/calendar-connections/{connection.pk}"}
        return answer(write_connection(connection, caller), HTTPStatus.CREATED, headers)


class OneConnection(JsonEndpoint):
    """One connection."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.CALENDARS_READ,
        "PUT": Permission.CALENDARS_WRITE,
        "DELETE": Permission.CALENDARS_WRITE,
    }

    @answers(ConnectionOut, refusals=NOT_FOUND)
    def get(self, parsed_path: At[ConnectionPath]) -> HttpResponse:
        """Read one of the caller's connections."""
        return answer(write_connection(_own(self.caller, parsed_path.connection_id), self.caller))

    @answers(ConnectionOut, refusals=NOT_FOUND)
    def put(self, parsed_path: At[ConnectionPath], parsed_body: Body[ConnectionChanges]) -> HttpResponse:
        """Change what an unreadable calendar means, and whether it is asked at every booking."""
        caller, body = self.caller, parsed_body
        connection = connections.change(
            owner_of(caller),
            known_id(parsed_path.connection_id),
            None if body.when_unreadable is UNSET else body.when_unreadable,
            None if body.asks_live is UNSET else body.asks_live,
            caller.actor,
        )
        return answer(write_connection(connection, caller))

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[ConnectionPath]) -> HttpResponse:
        """Disconnect: what was read is forgotten, what was written stays in the calendar."""
        connections.disconnect(owner_of(self.caller), known_id(parsed_path.connection_id), self.caller.actor)
        return answer_nothing()


class SyncConnection(JsonEndpoint):
    """Reading an account now."""

    permissions = {"POST": Permission.CALENDARS_WRITE}

    @answers(ConnectionOut, HTTPStatus.ACCEPTED, refusals=NOT_FOUND)
    def post(self, parsed_path: At[ConnectionPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Have the calendars of an account read now; the answer does not wait for it."""
        del parsed_body
        connections.read_now(owner_of(self.caller), known_id(parsed_path.connection_id))
        connection = _own(self.caller, parsed_path.connection_id)
        return answer(write_connection(connection, self.caller), HTTPStatus.ACCEPTED)


class ReconnectConnection(JsonEndpoint):
    """Connecting an account again."""

    permissions = {"POST": Permission.CALENDARS_WRITE}

    @answers(ConnectionOut, refusals=NOT_FOUND | _UNREACHABLE)
    def post(self, parsed_path: At[ConnectionPath], parsed_body: Body[NewPassword]) -> HttpResponse:
        """Give a CalDAV account its new password."""
        caller = self.caller
        connection = _own(caller, parsed_path.connection_id)
        kind = Kind(connection.provider)
        if kind is not Kind.CALDAV:
            raise bad_field("password", "INVALID_FIELD", "Only a CalDAV account has a password.")
        credentials = Credentials(kind, connection.url, connection.username, parsed_body.password)
        with _reaching():
            connection = connections.reconnect(owner_of(caller), connection.pk, credentials, caller.actor)
        return answer(write_connection(connection, caller))


class OneCalendar(JsonEndpoint):
    """One calendar of an account."""

    permissions = {"PUT": Permission.CALENDARS_WRITE}

    @answers(CalendarOut, refusals=NOT_FOUND)
    def put(self, parsed_path: At[ConnectedCalendarPath], parsed_body: Body[CalendarChoice]) -> HttpResponse:
        """Choose whether a calendar blocks time and whether it receives appointments."""
        caller, calendar_id = self.caller, known_id(parsed_path.calendar_id)
        if not _own(caller, parsed_path.connection_id).calendars.filter(pk=calendar_id).exists():
            raise not_found()
        wish = {name: value for name, value in msgspec.structs.asdict(parsed_body).items() if value is not UNSET}
        try:
            calendar = connections.choose(owner_of(caller), calendar_id, wish, caller.actor, plan_for_person)
        except NotWritable as error:
            raise bad_field("receives", "INVALID_FIELD", str(error.__doc__)) from None
        return answer(_write_calendar(calendar, caller))


def owner_of(caller: Caller) -> Owner:
    """Say whose connections the caller speaks of: their own."""
    return Owner(caller.user_id, caller.business_id)


def write_connection(connection: CalendarConnection, caller: Caller) -> dict[str, Any]:
    """Write a connection as ConnectionOut describes it; a feed's address is a secret and shown to nobody.

    Somebody else's is named by its provider.
    """
    is_own = connection.user_id == caller.user_id
    shows_url = is_own and connection.provider != Kind.ICS_FEED
    calendars = [_write_calendar(one, caller) for one in connection.calendars.all()] if is_own else None
    return {
        "id": connection.pk,
        "user_id": connection.user_id,
        "provider": connection.provider,
        "name": told_of_calendar(connection.name, connection.user_id, caller) or connection.provider,
        "status": connection.status,
        "last_success_at": written_moment(connection.last_success_at, caller),
        "last_error": told_of_calendar(connection.last_error, connection.user_id, caller),
        "when_unreadable": connection.when_unreadable,
        "asks_live": connection.asks_live,
        "url": connection.url if shows_url else None,
        "username": connection.username if is_own else None,
        "calendars": calendars,
    }


def _write_calendar(calendar: ConnectedCalendar, caller: Caller) -> dict[str, Any]:
    return {
        "id": calendar.pk,
        "name": calendar.name,
        "is_writable": calendar.is_writable,
        "blocks": calendar.blocks,
        "receives": calendar.receives,
        "read_at": written_moment(calendar.read_at, caller),
        "last_error": calendar.last_error,
    }


def _own(caller: Caller, connection_id: int) -> CalendarConnection:
    return connections.find_connection(owner_of(caller), known_id(connection_id))


@contextmanager
def _reaching() -> Iterator[None]:
    """Answer 409 where an account cannot be reached."""
    try:
        yield
    except CannotConnect as error:
        raise ApiProblem(HTTPStatus.CONFLICT, "CANNOT_CONNECT", str(error)) from None
