"""Services over HTTP."""

from http import HTTPStatus

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse

from slotkeeper.billing.prepayments import require_prepayable
from slotkeeper.doors.api.appointments import REPEATED, now
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answer_nothing, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.api.service_forms import (
    NewService,
    ServiceChanges,
    ServiceList,
    ServiceOut,
    ServiceRefusal,
    read_service,
    write_service,
)
from slotkeeper.doors.api.versions import (
    STALE_VERSION,
    accepted_versions,
    answer_created,
    answer_versioned,
    refusing_stale,
)
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.actions import (
    ServiceTarget,
    create_service,
    delete_service,
    update_service,
)
from slotkeeper.offerings.models import Service
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission


class ServicePath(msgspec.Struct):
    """Where a service is."""

    service_id: int


class Services(JsonEndpoint):
    """The list of services."""

    permissions = {"GET": Permission.BUSINESS_READ, "POST": Permission.SERVICES_WRITE}

    @answers(ServiceList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List services, oldest first, those taken off offer too."""
        services = _services(self.caller).order_by("pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            services = services.filter(pk__gt=after[0])
        page = list(services[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"services": [write_service(service, self.caller) for service in shown], "next_cursor": cursor})

    @answers(
        ServiceOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
        headers=("Location", "ETag"),
    )
    def post(self, parsed_body: Body[NewService]) -> HttpResponse:
        """Store a service and the members who give it."""
        return once(self.request, self.caller, lambda: self._create(parsed_body))

    def _create(self, body: NewService) -> HttpResponse:
        caller = self.caller
        fields, user_ids = read_service(body)
        require_prepayable(caller.business_id, fields.get("prepayment"))
        service = create_service(caller.business_id, fields, user_ids or [], caller.actor, now())
        return answer_created(write_service(service, caller), f"/api/services/{service.pk}", service.version)


class OneService(JsonEndpoint):
    """One service."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.BUSINESS_READ,
        "PUT": Permission.SERVICES_WRITE,
        "PATCH": Permission.SERVICES_WRITE,
        "DELETE": Permission.SERVICES_WRITE,
    }

    @answers(ServiceOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[ServicePath]) -> HttpResponse:
        """Read one service."""
        service = _services(self.caller).filter(pk=known_id(parsed_path.service_id)).first()
        if service is None:
            raise not_found()
        return _answer_service(service, self.caller)

    @answers(ServiceOut, refusals=NOT_FOUND | STALE_VERSION, problem=ServiceRefusal, headers=("ETag",))
    def put(self, parsed_path: At[ServicePath], parsed_body: Body[ServiceChanges]) -> HttpResponse:
        """Change the fields sent; those left out stay, null clears. Booked appointments stay as they are."""
        return self._change(parsed_path.service_id, parsed_body)

    @answers(ServiceOut, refusals=NOT_FOUND | STALE_VERSION, problem=ServiceRefusal, headers=("ETag",))
    def patch(self, parsed_path: At[ServicePath], parsed_body: Body[ServiceChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_path.service_id, parsed_body)

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[ServicePath]) -> HttpResponse:
        """Delete a service; one that was ever booked is taken off offer and kept."""
        caller = self.caller
        delete_service(ServiceTarget(caller.business_id, known_id(parsed_path.service_id)), caller.actor)
        return answer_nothing()

    def _change(self, service_id: int, body: ServiceChanges) -> HttpResponse:
        caller = self.caller
        fields, user_ids = read_service(body)
        target = ServiceTarget(caller.business_id, known_id(service_id), accepted_versions(self, body.version))
        require_prepayable(caller.business_id, fields.get("prepayment"), target.service_id)
        with refusing_stale(self.request, lambda current: write_service(current, caller)):
            service = update_service(target, fields, user_ids, caller.actor)
        return _answer_service(service, caller)


def _services(caller: Caller) -> QuerySet[Service]:
    return Service.objects.in_business(caller.business_id).prefetch_related("providers__membership", "needs")


def _answer_service(service: Service, caller: Caller) -> HttpResponse:
    return answer_versioned(write_service(service, caller), service.version)
