"""What can be done about deliveries: asking for one again, testing, blanking, deleting old ones."""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet

from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.rules.redelivery import GIVE_UP_AFTER_SECONDS
from slotkeeper.webhooks.events import TEST, written
from slotkeeper.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from slotkeeper.webhooks.planning import new_delivery

KEPT = timedelta(days=30)
_WRITTEN_OFF = "The endpoint was switched off before it could be sent."


class UnknownDelivery(Exception):
    """There is no such webhook delivery."""


class EndpointOff(Exception):
    """The webhook endpoint is switched off. Switch it on first."""


def find_delivery(endpoint: WebhookEndpoint, delivery_id: int) -> WebhookDelivery:
    """Find a delivery to an endpoint. Raises UnknownDelivery."""
    delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).first()
    if delivery is None:
        raise UnknownDelivery
    delivery.endpoint = endpoint
    return delivery


def redeliver(endpoint: WebhookEndpoint, delivery_id: int, actor: Actor, now: datetime) -> WebhookDelivery:
    """Send a delivery again now, under the same id, with a day of tries before it; one under way is left alone.

    Raises UnknownDelivery and EndpointOff.
    """
    delivery = find_delivery(endpoint, delivery_id)
    if not endpoint.is_active:
        raise EndpointOff
    with transaction.atomic():
        is_sent_again = WebhookDelivery.objects.filter(pk=delivery.pk, claimed_until=None).update(
            state=DeliveryState.WAITING,
            attempts=0,
            next_try_at=now,
            give_up_at=now + timedelta(seconds=GIVE_UP_AFTER_SECONDS),
            delivered_at=None,
        )
        if is_sent_again:
            about = {"event": delivery.event, "url": endpoint.url}
            record(Subject(endpoint.business_id, "webhook_delivery", delivery.pk), "redelivered", actor, None, about)
    return find_delivery(endpoint, delivery_id)


def send_test(endpoint: WebhookEndpoint, actor: Actor, now: datetime) -> WebhookDelivery:
    """Send an event that tells of nothing, to see whether it arrives. Raises EndpointOff."""
    if not endpoint.is_active:
        raise EndpointOff
    data = {
        "kind": "webhook_endpoint",
        "id": endpoint.pk,
        "version": endpoint.version,
        "business_id": endpoint.business_id,
        "verb": "tested",
        "actor_kind": actor.kind,
        "before": None,
        "after": None,
    }
    delivery = new_delivery(endpoint, TEST, written(TEST, now, data), now)
    delivery.save(force_insert=True)
    return delivery


def write_off(endpoint_id: int, now: datetime) -> None:
    """End what waits for an endpoint that is switched off; what is on its way right now is noted by who sends it."""
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lt=now)
    waiting = WebhookDelivery.objects.filter(unclaimed, endpoint_id=endpoint_id, next_try_at__isnull=False)
    waiting.update(
        state=DeliveryState.FAILED, next_try_at=None, claim="", claimed_until=None, last_error=_WRITTEN_OFF
    )  # fmt: skip


def blank_deliveries(changes: QuerySet[Change], names: Collection[str]) -> None:
    """Blank fields in what was, or will be, told of changes, and what was answered. In the caller's transaction."""
    for delivery in WebhookDelivery.objects.filter(change__in=changes).iterator():
        told = msgspec.json.decode(delivery.body)
        for state in (told["data"]["before"], told["data"]["after"]):
            for name in set(names) & set(state or ()):
                state[name] = None
        delivery.body, delivery.last_answer = msgspec.json.encode(told).decode(), ""
        delivery.save(update_fields=["body", "last_answer"])


def delete_old_deliveries(now: datetime) -> None:
    """Delete what came to its end long ago."""
    with transaction.atomic():
        WebhookDelivery.objects.filter(created_at__lt=now - KEPT, next_try_at=None).delete()
