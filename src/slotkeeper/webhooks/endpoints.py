"""The verbs on endpoints: create, update, rotate the secret, delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.outbound.secret_box import secret_box
from slotkeeper.webhooks.addresses import CheckedUrl
from slotkeeper.webhooks.deliveries import write_off
from slotkeeper.webhooks.events import EventType
from slotkeeper.webhooks.models import OffReason, WebhookEndpoint
from slotkeeper.webhooks.signing import new_secret

MOST_ENDPOINTS = 20  # in a business: each is one more row for every change
FORMER_SECRET_SIGNS = timedelta(hours=24)
SUBJECT = "webhook_endpoint"


class UnknownEndpoint(Exception):
    """There is no such webhook endpoint."""


class TooManyEndpoints(Exception):
    """A business can have 20 webhook endpoints. Delete one that is not needed any more."""


class EndpointVersionConflict(StaleVersion):
    """The webhook endpoint was changed in the meantime."""


@dataclass(frozen=True, slots=True)
class EndpointFields:
    """What can be said of an endpoint; None leaves as it is, or takes the default. No events mean all."""

    url: CheckedUrl | None = None
    description: str | None = None
    events: Sequence[EventType] | None = None
    is_active: bool | None = None

    def given(self) -> dict[str, Any]:
        """Give the fields that are said, in the form in which they are stored."""
        events = None if self.events is None else sorted({event.value for event in self.events})
        values = {"url": self.url, "description": self.description, "events": events, "is_active": self.is_active}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class EndpointTarget:
    """Which endpoint to change, and which versions of it will do (None: any)."""

    business_id: int
    endpoint_id: int
    versions: frozenset[int] | None = None


def find_endpoint(business_id: int, endpoint_id: int) -> WebhookEndpoint:
    """Find an endpoint of a business. Raises UnknownEndpoint."""
    endpoint = WebhookEndpoint.objects.in_business(business_id).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise UnknownEndpoint
    return endpoint


def create_endpoint(business_id: int, fields: EndpointFields, actor: Actor) -> tuple[WebhookEndpoint, str]:
    """Store an endpoint; its secret is returned this once. Raises TooManyEndpoints."""
    secret = new_secret()
    with transaction.atomic():
        if WebhookEndpoint.objects.in_business(business_id).count() >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        endpoint = WebhookEndpoint.objects.create(
            business_id=business_id,
            sealed_secret=secret_box().seal(secret),
            created_at=datetime.now(UTC),
            **fields.given(),
        )
        after = {name: getattr(endpoint, name) for name in ("url", "description", "events", "is_active")}
        record(Subject(business_id, SUBJECT, endpoint.pk), "created", actor, None, after)
    return endpoint, secret


def update_endpoint(target: EndpointTarget, fields: EndpointFields, actor: Actor) -> WebhookEndpoint:
    """Change the fields given. To switch it off ends what waits; to switch it on begins anew.

    Raises UnknownEndpoint and EndpointVersionConflict.
    """
    with transaction.atomic():
        endpoint = _locked(target)
        wanted = fields.given()
        before, after = changed_fields({name: getattr(endpoint, name) for name in wanted}, wanted)
        if after:
            for name, value in after.items():
                setattr(endpoint, name, value)
            if "is_active" in after:
                endpoint.off_reason, endpoint.failures = "", 0
                endpoint.failing_since = endpoint.paused_until = None
            _store(endpoint, "updated", actor, before, after)
            if not endpoint.is_active:
                write_off(endpoint.pk, datetime.now(UTC))
    return endpoint


def switch_off(endpoint: WebhookEndpoint, reason: OffReason, actor: Actor, now: datetime) -> None:
    """Switch off an endpoint that takes nothing any more. In the caller's transaction, with the endpoint locked."""
    endpoint.is_active, endpoint.off_reason = False, reason.value
    _store(endpoint, "updated", actor, {"is_active": True}, {"is_active": False, "off_reason": reason.value})
    write_off(endpoint.pk, now)


def rotate_secret(business_id: int, endpoint_id: int, actor: Actor) -> tuple[WebhookEndpoint, str]:
    """Make a new secret, returned this once; the one before signs along for a day. Raises UnknownEndpoint."""
    secret = new_secret()
    with transaction.atomic():
        endpoint = _locked(EndpointTarget(business_id, endpoint_id))
        endpoint.sealed_former_secret = endpoint.sealed_secret
        endpoint.former_until = datetime.now(UTC) + FORMER_SECRET_SIGNS
        endpoint.sealed_secret = secret_box().seal(secret)
        _store(endpoint, "secret rotated", actor, None, None)
    return endpoint, secret


def delete_endpoint(business_id: int, endpoint_id: int, actor: Actor) -> None:
    """Delete an endpoint with the log of what went there. Raises UnknownEndpoint."""
    with transaction.atomic():
        endpoint = _locked(EndpointTarget(business_id, endpoint_id))
        subject = Subject(business_id, SUBJECT, endpoint.pk, endpoint.version)
        record(subject, "deleted", actor, {"url": endpoint.url}, None)
        endpoint.delete()


def _locked(target: EndpointTarget) -> WebhookEndpoint:
    # Not for its key: deliveries that refer to it may be planned meanwhile.
    endpoints = WebhookEndpoint.objects.in_business(target.business_id).select_for_update(no_key=True)
    endpoint = endpoints.filter(pk=target.endpoint_id).first()
    if endpoint is None:
        raise UnknownEndpoint
    if target.versions is not None and endpoint.version not in target.versions:
        raise EndpointVersionConflict(endpoint)
    return endpoint


def _store(
    endpoint: WebhookEndpoint, verb: str, actor: Actor, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    endpoint.version += 1
    endpoint.save(force_update=True)
    record(Subject(endpoint.business_id, SUBJECT, endpoint.pk, endpoint.version), verb, actor, before, after)
