"""Where webhooks go, and each one that goes there."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.changes.models import Change


class OffReason(StrEnum):
    """Why an endpoint was switched off, where nobody did it by hand."""

    GONE = "gone"  # it answered 410
    FAILING = "failing"  # it took nothing for days


class DeliveryState(StrEnum):
    """How a delivery stands. `delivered` and `failed` are final, unless somebody asks for it again."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class EndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    """Questions about endpoints."""

    def in_business(self, business_id: int) -> "EndpointQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)


class WebhookEndpoint(models.Model):
    """An address of somebody's program that is told what happens in a business."""

    business = models.ForeignKey("people.Business", on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.TextField()
    description = models.TextField(default="", db_default="", blank=True)
    events = models.JSONField(default=list)  # EventTypes; none means all
    sealed_secret = models.TextField()  # see outbound/secret_box.py
    sealed_former_secret = models.TextField(default="", db_default="")  # signs along for a while after a rotation
    former_until = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True, db_default=True)
    off_reason = models.TextField(default="", db_default="")  # an OffReason; none where a person switched it off
    failures = models.PositiveIntegerField(default=0, db_default=0)  # tries in a row
    failing_since = models.DateTimeField(null=True)  # the first try that failed since one did not
    paused_until = models.DateTimeField(null=True)  # while it is away: one probe, not one for each delivery
    last_success_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = EndpointQuerySet.as_manager()

    class Meta:
        db_table = "webhook_endpoints"

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint. Its body and its id are the same at every try.

    `next_try_at` is null once it is final. While a worker sends it, it is when the worker's lease runs out: so one
    whose worker was killed is due again by itself.
    """

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    change = models.ForeignKey(Change, on_delete=models.CASCADE, null=True, db_index=False)  # None: a test
    message_id = models.TextField(unique=True)  # webhook-id: by it receivers know what they have seen
    event = models.TextField()  # an EventType, or events.TEST
    body = models.TextField()
    state = models.TextField(
        choices=[(state.value, state.value) for state in DeliveryState],
        default=DeliveryState.WAITING,
        db_default=DeliveryState.WAITING.value,
    )
    attempts = models.PositiveIntegerField(default=0, db_default=0)  # since it was asked for
    next_try_at = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    claim = models.TextField(default="", db_default="")
    claimed_until = models.DateTimeField(null=True)
    last_status = models.PositiveIntegerField(null=True)
    last_error = models.TextField(default="", db_default="")
    last_answer = models.TextField(default="", db_default="")  # its beginning
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_deliveries"
        constraints = [
            models.UniqueConstraint(fields=["change", "endpoint"], name="webhook_deliveries_once"),
            # The database sees to it that an endpoint is asked one thing at a time, however many workers there are.
            models.UniqueConstraint(
                fields=["endpoint"], name="webhook_deliveries_one_at_a_time", condition=Q(claimed_until__isnull=False)
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_try_at"],
                name="webhook_deliveries_due",
                condition=Q(next_try_at__isnull=False),
            ),
            models.Index(fields=["endpoint", "id"], name="webhook_deliveries_log"),
            models.Index(fields=["created_at"], name="webhook_deliveries_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.message_id}"
