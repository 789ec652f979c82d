"""Which deliveries follow from changes."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from slotkeeper.changes.models import Change
from slotkeeper.rules.redelivery import GIVE_UP_AFTER_SECONDS
from slotkeeper.webhooks.events import EventType, body_of, event_of
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint


def plan_deliveries(changes: Sequence[Change], now: datetime) -> None:
    """Write the deliveries that follow from changes, in the caller's transaction."""
    told = [(change, event) for change in changes if (event := event_of(change)) is not None]
    if not told:
        return
    endpoints: dict[int, list[WebhookEndpoint]] = {}
    business_ids = {change.business_id for change, _ in told}
    for endpoint in WebhookEndpoint.objects.filter(business_id__in=business_ids, is_active=True).order_by("pk"):
        endpoints.setdefault(endpoint.business_id, []).append(endpoint)
    planned = []
    for change, event in told:
        wanting = [one for one in endpoints.get(change.business_id, ()) if _wants(one, change, event)]
        body = body_of(change, event) if wanting else ""
        planned += [new_delivery(one, event, body, now, change) for one in wanting]
    # Unique by change and endpoint: what was planned before is not planned again.
    WebhookDelivery.objects.bulk_create(planned, ignore_conflicts=True)


def _wants(endpoint: WebhookEndpoint, change: Change, event: EventType) -> bool:
    """Say whether an endpoint is told of a change: one that it subscribed to, and not from before it was added."""
    is_subscribed = not endpoint.events or event in endpoint.events
    return is_subscribed and change.at >= endpoint.created_at.replace(microsecond=0)  # some changes know seconds only


def new_delivery(
    endpoint: WebhookEndpoint, event: str, body: str, now: datetime, change: Change | None = None
) -> WebhookDelivery:
    """Make a delivery that is due at once.

    Its id is random, not the row's: after a restore the same row numbers come again, for other events.
    """
    return WebhookDelivery(
        endpoint=endpoint,
        change=change,
        message_id=f"msg_{secrets.token_urlsafe(18)}",
        event=str(event),
        body=body,
        next_try_at=now,
        give_up_at=now + timedelta(seconds=GIVE_UP_AFTER_SECONDS),
        created_at=now,
    )
