"""Which endpoints have something due, and claiming the next delivery of one.

Only one delivery of an endpoint is claimed at a time; the database refuses a second claim. A claim is a lease: of a
worker that was killed it runs out, and the same delivery is due again, with the same id and the same body.
"""

import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q

from slotkeeper.outbox.models import SendingHold
from slotkeeper.webhooks.deliveries import write_off
from slotkeeper.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint

LEASE = timedelta(minutes=1)  # longer than one request may take


def due_endpoints(now: datetime) -> list[int]:
    """List the endpoints with something to send now; none while sending is held.

    Its cost follows the number of endpoints, not what was sent or waits: two index seeks for each.
    """
    if SendingHold.objects.exists():
        return []
    mine = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"))
    endpoints = WebhookEndpoint.objects.filter(
        Q(paused_until=None) | Q(paused_until__lte=now),
        Exists(mine.filter(next_try_at__lte=now)),
        ~Exists(mine.filter(claimed_until__gte=now)),
    )
    return list(endpoints.order_by("pk").values_list("pk", flat=True))


def claim_next(endpoint_id: int, now: datetime) -> WebhookDelivery | None:
    """Claim the delivery that has waited longest; None if none is due, or somebody else sends to this endpoint."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None or SendingHold.objects.exists():
        return None
    if not endpoint.is_active:
        write_off(endpoint.pk, now)  # planned in the moment in which it was switched off
        return None
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        return None
    mine = WebhookDelivery.objects.filter(endpoint=endpoint)
    # One whose worker was killed comes first: while it is claimed, nothing else can be.
    chosen = mine.filter(claimed_until__isnull=False).first()
    if chosen is None:
        chosen = mine.filter(next_try_at__lte=now).order_by("next_try_at", "pk").first()
    elif chosen.claimed_until is not None and chosen.claimed_until >= now:
        return None
    return None if chosen is None else _claimed(chosen, now)


def _claimed(chosen: WebhookDelivery, now: datetime) -> WebhookDelivery | None:
    token, until = secrets.token_hex(16), now + LEASE
    as_seen = WebhookDelivery.objects.filter(pk=chosen.pk, claim=chosen.claim, next_try_at=chosen.next_try_at)
    try:
        with transaction.atomic():
            is_ours = as_seen.update(
                state=DeliveryState.SENDING, claim=token, claimed_until=until, next_try_at=until,
                attempts=F("attempts") + 1,
            )  # fmt: skip
    except IntegrityError:  # another worker has claimed one of this endpoint meanwhile
        return None
    if not is_ours:
        return None
    # Read anew: what it says may have been blanked.
    return WebhookDelivery.objects.select_related("endpoint").filter(pk=chosen.pk, claim=token).first()
