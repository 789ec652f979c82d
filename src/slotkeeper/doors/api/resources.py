"""Rooms and equipment over HTTP."""

from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointments import REPEATED, now
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answer_nothing, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import Name, PageQuery
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import KIND_CHARACTERS, Resource
from slotkeeper.offerings.resources import create_resource, delete_resource, update_resource
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

Kind: TypeAlias = Annotated[str, Meta(max_length=KIND_CHARACTERS)] | None


class NewResource(msgspec.Struct, forbid_unknown_fields=True):
    """What storing a room or a piece of equipment takes: a name, and perhaps a kind, such as "room"."""

    name: Name
    kind: Kind = None
    is_active: bool = True


class ResourceChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing one takes: fields left out stay, null clears."""

    name: Name | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class ResourceOut(msgspec.Struct):
    """A room or a piece of equipment; one that is not active is given to no further appointment."""

    id: int
    name: str
    kind: str | None
    is_active: bool
    created_at: str


class ResourceList(msgspec.Struct):
    """A page of resources, oldest first."""

    resources: list[ResourceOut]
    next_cursor: str | None


class ResourcePath(msgspec.Struct):
    """Where a resource is."""

    resource_id: int


class Resources(JsonEndpoint):
    """The list of resources."""

    permissions = {"GET": Permission.BUSINESS_READ, "POST": Permission.SERVICES_WRITE}

    @answers(ResourceList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List rooms and equipment, oldest first."""
        resources = Resource.objects.filter(business_id=self.caller.business_id).order_by("pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            resources = resources.filter(pk__gt=after[0])
        page = list(resources[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"resources": [_write(resource, self.caller) for resource in shown], "next_cursor": cursor})

    @answers(
        ResourceOut,
        HTTPStatus.CREATED,
        refusals=REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
        headers=("Location",),
    )
    def post(self, parsed_body: Body[NewResource]) -> HttpResponse:
        """Store a room or a piece of equipment."""
        return once(self.request, self.caller, lambda: self._create(parsed_body))

    def _create(self, body: NewResource) -> HttpResponse:
        resource = create_resource(self.caller.business_id, _read(body), self.caller.actor, now())
        headers = {"Location": f"/api/resources/{resource.pk}"}
        return answer(_write(resource, self.caller), HTTPStatus.CREATED, headers)


class OneResource(JsonEndpoint):
    """One resource."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.BUSINESS_READ,
        "PUT": Permission.SERVICES_WRITE,
        "DELETE": Permission.SERVICES_WRITE,
    }

    @answers(ResourceOut, refusals=NOT_FOUND)
    def get(self, parsed_path: At[ResourcePath]) -> HttpResponse:
        """Read one resource."""
        resources = Resource.objects.filter(business_id=self.caller.business_id)
        resource = resources.filter(pk=known_id(parsed_path.resource_id)).first()
        if resource is None:
            raise not_found()
        return answer(_write(resource, self.caller))

    @answers(ResourceOut, refusals=NOT_FOUND)
    def put(self, parsed_path: At[ResourcePath], parsed_body: Body[ResourceChanges]) -> HttpResponse:
        """Change the fields sent; those left out stay. One switched off keeps what it is booked for."""
        caller, resource_id = self.caller, known_id(parsed_path.resource_id)
        resource = update_resource(caller.business_id, resource_id, _read(parsed_body), caller.actor)
        return answer(_write(resource, caller))

    @answers(
        None,
        HTTPStatus.NO_CONTENT,
        refusals=NOT_FOUND | {HTTPStatus.CONFLICT: "It is booked for a time to come, or a service needs it."},
    )
    def delete(self, parsed_path: At[ResourcePath]) -> HttpResponse:
        """Delete a resource that is not booked any more."""
        caller = self.caller
        delete_resource(caller.business_id, known_id(parsed_path.resource_id), caller.actor, now())
        return answer_nothing()


def _write(resource: Resource, caller: Caller) -> dict[str, Any]:
    form = TimeForm.with_offset(caller.time_zone)
    created_at = form.write(int(resource.created_at.timestamp()))
    return {
        "id": resource.pk,
        "name": resource.name,
        "kind": resource.kind or None,
        "is_active": resource.is_active,
        "created_at": created_at,
    }


def _read(body: NewResource | ResourceChanges) -> dict[str, Any]:
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    if "kind" in given:
        given["kind"] = (given["kind"] or "").strip()
    return given
