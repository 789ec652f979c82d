"""Noting what came of a try: on the delivery, and on the endpoint."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Value, When

from slotkeeper.changes.record import WORKER
from slotkeeper.rules.reconcile import pause_after
from slotkeeper.rules.redelivery import has_failed_too_long, next_try
from slotkeeper.webhooks.endpoints import switch_off
from slotkeeper.webhooks.models import DeliveryState, OffReason, WebhookDelivery, WebhookEndpoint

_LONGEST_ERROR = 500
_SUCCESS_PRECISION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: an error in words, or none."""

    error: str = ""
    status: int | None = None
    excerpt: str = ""
    retry_after: float | None = None  # seconds that the receiver asked for
    is_away: bool = False  # it is not this delivery: nothing would arrive now
    is_gone: bool = False

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return not self.error


def note(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    """Note what came of a try, unless the claim has run out and somebody else tries it now."""
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update(no_key=True)
        endpoint = locked.filter(pk=delivery.endpoint_id).first()
        if endpoint is None:  # deleted meanwhile, and the delivery with it
            return
        next_at = None
        if outcome.is_delivered:
            fields: dict[str, Any] = {"state": DeliveryState.DELIVERED, "next_try_at": None, "delivered_at": now}
        else:
            if endpoint.is_active and not outcome.is_gone:
                next_at = _next_try(delivery, outcome, now)
            state = DeliveryState.FAILED if next_at is None else DeliveryState.WAITING
            fields = {"state": state, "next_try_at": next_at}
        # Receivers repeat what they were sent: what was blanked meanwhile must not come back with their answer.
        kept_answer = Case(When(body=delivery.body, then=Value(outcome.excerpt)), default=Value(""))
        is_noted = WebhookDelivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
            claim="", claimed_until=None, last_status=outcome.status, last_error=outcome.error[:_LONGEST_ERROR],
            last_answer=kept_answer, **fields,
        )  # fmt: skip
        if is_noted and outcome.is_delivered:
            _note_success(endpoint, now)
        elif is_noted:
            _note_failure(endpoint, outcome, now, is_given_up=next_at is None)


def _next_try(delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> datetime | None:
    give_up_at = delivery.give_up_at.timestamp()
    chance = random.random()  # noqa: S311 -- jitter, not a secret
    at = next_try(now.timestamp(), delivery.attempts, give_up_at, outcome.retry_after, chance)
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _note_success(endpoint: WebhookEndpoint, now: datetime) -> None:
    is_known = endpoint.last_success_at is not None and endpoint.last_success_at > now - _SUCCESS_PRECISION
    if is_known and not endpoint.failures:
        return
    endpoint.last_success_at, endpoint.failures = now, 0
    endpoint.failing_since = endpoint.paused_until = None
    endpoint.save(update_fields=["last_success_at", "failures", "failing_since", "paused_until"])


def _note_failure(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime, *, is_given_up: bool) -> None:
    """Note a failure, and switch an endpoint off that wants nothing more, or took nothing for long.

    Between two events it may have been well without being asked: what is still tried is waited for.
    """
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    if outcome.is_away:
        pause = pause_after(endpoint.failures, outcome.retry_after, random.random())  # noqa: S311 -- jitter
        endpoint.paused_until = now + timedelta(seconds=pause)
    endpoint.save(update_fields=["failures", "failing_since", "paused_until"])
    if not endpoint.is_active:
        return
    if outcome.is_gone:
        switch_off(endpoint, OffReason.GONE, WORKER, now)
    elif is_given_up and has_failed_too_long(now.timestamp(), endpoint.failing_since.timestamp()):
        switch_off(endpoint, OffReason.FAILING, WORKER, now)
