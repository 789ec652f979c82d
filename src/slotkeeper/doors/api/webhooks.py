"""Webhook endpoints over HTTP, and the log of what went there."""

from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from django.http import HttpResponse

from slotkeeper.doors.api.appointments import REPEATED, NoFields
from slotkeeper.doors.api.base import (
    NOT_FOUND,
    At,
    Body,
    JsonEndpoint,
    OptionalBody,
    Query,
    answer,
    answer_nothing,
    answers,
)
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.api.versions import (
    STALE_VERSION,
    accepted_versions,
    answer_created,
    answer_versioned,
    refusing_stale,
)
from slotkeeper.doors.api.webhook_forms import (
    DeliveryList,
    DeliveryOut,
    DeliveryPath,
    DeliveryQuery,
    EndpointChanges,
    EndpointList,
    EndpointOut,
    EndpointPath,
    EndpointRefusal,
    EndpointWithSecret,
    NewEndpoint,
    WholeDelivery,
    read_changes,
    read_new,
    write_delivery,
    write_endpoint,
    write_whole_delivery,
)
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission
from slotkeeper.webhooks import endpoints
from slotkeeper.webhooks.deliveries import find_delivery, redeliver, send_test
from slotkeeper.webhooks.endpoints import EndpointFields, EndpointTarget
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint

_FULL = {HTTPStatus.CONFLICT: "There are 20 endpoints already, or the first request is still running."}
_OFF = {HTTPStatus.CONFLICT: "The endpoint is switched off."}


class Endpoints(JsonEndpoint):
    """The list of endpoints."""

    permissions = {"GET": Permission.WEBHOOKS_READ, "POST": Permission.WEBHOOKS_WRITE}

    @answers(EndpointList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List the business's webhook endpoints, oldest first; never a secret."""
        found = WebhookEndpoint.objects.in_business(self.caller.business_id).order_by("pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            found = found.filter(pk__gt=after[0])
        page = list(found[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"webhook_endpoints": [write_endpoint(one, self.caller) for one in shown], "next_cursor": cursor})

    @answers(
        EndpointWithSecret, HTTPStatus.CREATED, refusals=REPEATED | _FULL, headers=("Location", "ETag")
    )  # fmt: skip
    def post(self, parsed_body: Body[NewEndpoint]) -> HttpResponse:
        """Store an endpoint; its secret is in this answer and nowhere else."""
        fields = read_new(parsed_body)  # before the transaction: it asks DNS
        secrets: list[str] = []
        kept = once(self.request, self.caller, lambda: self._create(fields, secrets))
        # What is kept for a repetition must not hold the secret, so it is added only now.
        content = msgspec.json.decode(kept.content) | {"secret": secrets[0] if secrets else None}
        return answer(content, HTTPStatus.CREATED, {name: kept[name] for name in ("Location", "ETag")})

    def _create(self, fields: EndpointFields, secrets: list[str]) -> HttpResponse:
        endpoint, secret = endpoints.create_endpoint(self.caller.business_id, fields, self.caller.actor)
        secrets.append(secret)
        place = f"/api/webhook-endpoints/{endpoint.pk}"
        return answer_created(write_endpoint(endpoint, self.caller), place, endpoint.version)


class OneEndpoint(JsonEndpoint):
    """One endpoint."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.WEBHOOKS_READ,
        "PUT": Permission.WEBHOOKS_WRITE,
        "PATCH": Permission.WEBHOOKS_WRITE,
        "DELETE": Permission.WEBHOOKS_WRITE,
    }

    @answers(EndpointOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[EndpointPath]) -> HttpResponse:
        """Read one endpoint."""
        return _answer_endpoint(_found(self.caller, parsed_path.endpoint_id), self.caller)

    @answers(EndpointOut, refusals=NOT_FOUND | STALE_VERSION, problem=EndpointRefusal, headers=("ETag",))
    def put(self, parsed_path: At[EndpointPath], parsed_body: Body[EndpointChanges]) -> HttpResponse:
        """Change the fields sent. Switching it off ends what waits; switching it on begins anew."""
        return self._change(parsed_path.endpoint_id, parsed_body)

    @answers(EndpointOut, refusals=NOT_FOUND | STALE_VERSION, problem=EndpointRefusal, headers=("ETag",))
    def patch(self, parsed_path: At[EndpointPath], parsed_body: Body[EndpointChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_path.endpoint_id, parsed_body)

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[EndpointPath]) -> HttpResponse:
        """Delete an endpoint, with the log of what went there."""
        caller = self.caller
        endpoints.delete_endpoint(caller.business_id, known_id(parsed_path.endpoint_id), caller.actor)
        return answer_nothing()

    def _change(self, endpoint_id: int, body: EndpointChanges) -> HttpResponse:
        caller, endpoint = self.caller, _found(self.caller, endpoint_id)
        target = EndpointTarget(caller.business_id, endpoint.pk, accepted_versions(self, body.version))
        fields = read_changes(body)
        with refusing_stale(self.request, lambda current: write_endpoint(current, caller)):
            endpoint = endpoints.update_endpoint(target, fields, caller.actor)
        return _answer_endpoint(endpoint, caller)


class RotateSecret(JsonEndpoint):
    """A new secret for an endpoint."""

    permissions = {"POST": Permission.WEBHOOKS_WRITE}

    @answers(EndpointWithSecret, refusals=NOT_FOUND)
    def post(self, parsed_path: At[EndpointPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Make a new secret, shown in this answer only; the one before signs along for 24 hours."""
        del parsed_body
        caller = self.caller
        endpoint, secret = endpoints.rotate_secret(
            caller.business_id, known_id(parsed_path.endpoint_id), caller.actor
        )  # fmt: skip
        return answer(write_endpoint(endpoint, caller) | {"secret": secret})


class TryEndpoint(JsonEndpoint):
    """Trying an endpoint."""

    permissions = {"POST": Permission.WEBHOOKS_WRITE}

    @answers(DeliveryOut, HTTPStatus.ACCEPTED, refusals=NOT_FOUND | _OFF)
    def post(self, parsed_path: At[EndpointPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Send an event of type webhook.test; the answer does not wait for it."""
        del parsed_body
        endpoint = _found(self.caller, parsed_path.endpoint_id)
        delivery = send_test(endpoint, self.caller.actor, datetime.now(UTC))
        return answer(write_delivery(delivery, self.caller), HTTPStatus.ACCEPTED)


class Deliveries(JsonEndpoint):
    """The log of an endpoint."""

    permissions = {"GET": Permission.WEBHOOKS_READ}

    @answers(DeliveryList, refusals=NOT_FOUND)
    def get(self, parsed_path: At[EndpointPath], parsed_query: Query[DeliveryQuery]) -> HttpResponse:
        """List what was sent to an endpoint in the last 30 days, newest first."""
        found = WebhookDelivery.objects.filter(endpoint=_found(self.caller, parsed_path.endpoint_id)).order_by("-pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            found = found.filter(pk__lt=after[0])
        if parsed_query.state is not None:
            found = found.filter(state=parsed_query.state)
        page = list(found.defer("body", "last_answer")[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"deliveries": [write_delivery(one, self.caller) for one in shown], "next_cursor": cursor})


class OneDelivery(JsonEndpoint):
    """One delivery."""

    permissions = {"GET": Permission.WEBHOOKS_READ}

    @answers(WholeDelivery, refusals=NOT_FOUND)
    def get(self, parsed_path: At[DeliveryPath]) -> HttpResponse:
        """Read one delivery, with its body and the beginning of the last answer."""
        endpoint = _found(self.caller, parsed_path.endpoint_id)
        delivery = find_delivery(endpoint, known_id(parsed_path.delivery_id))
        return answer(write_whole_delivery(delivery, self.caller))


class Redeliver(JsonEndpoint):
    """Sending again."""

    permissions = {"POST": Permission.WEBHOOKS_WRITE}

    @answers(DeliveryOut, HTTPStatus.ACCEPTED, refusals=NOT_FOUND | _OFF)
    def post(self, parsed_path: At[DeliveryPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Send the same again now, under the same id; the answer does not wait for it."""
        del parsed_body
        endpoint = _found(self.caller, parsed_path.endpoint_id)
        delivery = redeliver(endpoint, known_id(parsed_path.delivery_id), self.caller.actor, datetime.now(UTC))
        return answer(write_delivery(delivery, self.caller), HTTPStatus.ACCEPTED)


def _found(caller: Caller, endpoint_id: int) -> WebhookEndpoint:
    return endpoints.find_endpoint(caller.business_id, known_id(endpoint_id))


def _answer_endpoint(endpoint: WebhookEndpoint, caller: Caller) -> HttpResponse:
    return answer_versioned(write_endpoint(endpoint, caller), endpoint.version)
