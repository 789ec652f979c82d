"""The forms of webhook endpoints and deliveries over HTTP."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit
from slotkeeper.doors.api.problems import Problem, bad_field
from slotkeeper.people.callers import Caller
from slotkeeper.webhooks.addresses import CheckedUrl, UrlRefused, check_url
from slotkeeper.webhooks.endpoints import EndpointFields
from slotkeeper.webhooks.events import EventType
from slotkeeper.webhooks.models import DeliveryState, OffReason, WebhookDelivery, WebhookEndpoint

HookUrl = Annotated[str, Meta(min_length=1, max_length=2000, examples=["https://example.com/webhooks"])]
HookDescription = Annotated[str, Meta(max_length=200)]
HookEvents = Annotated[list[EventType], Meta(max_length=50)]


class NewEndpoint(msgspec.Struct, forbid_unknown_fields=True):
    """What storing an endpoint takes; no events mean all of them."""

    url: HookUrl
    description: HookDescription = ""
    events: HookEvents = []


class EndpointChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing an endpoint takes: fields left out stay."""

    url: HookUrl | UnsetType = UNSET
    description: HookDescription | UnsetType = UNSET
    events: HookEvents | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    version: int | UnsetType = UNSET


class EndpointOut(msgspec.Struct):
    """An endpoint, without its secret. `off_reason` says why it was switched off, where nobody did it by hand."""

    id: int
    url: str
    description: str
    events: list[EventType]
    is_active: bool
    off_reason: OffReason | None
    failing_since: str | None
    last_success_at: str | None
    former_secret_until: str | None
    created_at: str
    version: int


class EndpointWithSecret(EndpointOut):
    """An endpoint with its new secret, which is shown this once (null when the request is a repetition)."""

    secret: str | None


class EndpointList(msgspec.Struct):
    """A page of endpoints, oldest first."""

    webhook_endpoints: list[EndpointOut]
    next_cursor: str | None


class EndpointRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the current row."""

    current: EndpointOut | UnsetType = UNSET


class DeliveryOut(msgspec.Struct):
    """A delivery. `webhook_id` is sent along at every try; `attempts` counts since it was last asked for."""

    id: int
    webhook_id: str
    type: str
    state: DeliveryState
    attempts: int
    created_at: str
    next_try_at: str | None
    delivered_at: str | None
    last_status: int | None
    last_error: str


class WholeDelivery(DeliveryOut):
    """A delivery with its body, as it is sent, and the beginning of the last answer."""

    body: str
    last_answer: str


class DeliveryList(msgspec.Struct):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryOut]
    next_cursor: str | None


class EndpointPath(msgspec.Struct):
    """Which endpoint."""

    endpoint_id: int


class DeliveryPath(msgspec.Struct):
    """Which delivery to which endpoint."""

    endpoint_id: int
    delivery_id: int


class DeliveryQuery(msgspec.Struct):
    """Which page of the log, and of which state."""

    state: DeliveryState | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None


def read_new(body: NewEndpoint) -> EndpointFields:
    """Read what a new endpoint shall be. Asks DNS. Raises ApiProblem."""
    return EndpointFields(_checked(body.url), body.description, body.events)


def read_changes(body: EndpointChanges) -> EndpointFields:
    """Read what shall change. Asks DNS where that is the address. Raises ApiProblem."""
    return EndpointFields(
        None if body.url is UNSET else _checked(body.url),
        None if body.description is UNSET else body.description,
        None if body.events is UNSET else body.events,
        None if body.is_active is UNSET else body.is_active,
    )


def write_endpoint(endpoint: WebhookEndpoint, caller: Caller) -> dict[str, Any]:
    """Write an endpoint as EndpointOut describes it."""
    return {
        "id": endpoint.pk,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.events,
        "is_active": endpoint.is_active,
        "off_reason": endpoint.off_reason or None,
        "failing_since": written_moment(endpoint.failing_since, caller),
        "last_success_at": written_moment(endpoint.last_success_at, caller),
        "former_secret_until": written_moment(endpoint.former_until, caller),
        "created_at": written_moment(endpoint.created_at, caller),
        "version": endpoint.version,
    }


def write_delivery(delivery: WebhookDelivery, caller: Caller) -> dict[str, Any]:
    """Write a delivery as DeliveryOut describes it."""
    return {
        "id": delivery.pk,
        "webhook_id": delivery.message_id,
        "type": delivery.event,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "created_at": written_moment(delivery.created_at, caller),
        "next_try_at": written_moment(delivery.next_try_at, caller),
        "delivered_at": written_moment(delivery.delivered_at, caller),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }


def write_whole_delivery(delivery: WebhookDelivery, caller: Caller) -> dict[str, Any]:
    """Write a delivery as WholeDelivery describes it."""
    return write_delivery(delivery, caller) | {"body": delivery.body, "last_answer": delivery.last_answer}


def _checked(url: str) -> CheckedUrl:
    try:
        return check_url(url)
    except UrlRefused as error:
        raise bad_field("url", "INVALID_FIELD", str(error)) from None
