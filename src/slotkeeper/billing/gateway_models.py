"""What payment providers and we tell one another, as rows: pages to pay on, what was told, bookings paid in advance."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Business


class PaymentLink(models.Model):
    """A page of a payment provider on which an invoice can be paid, or a booking in advance, which has none yet."""

    invoice = models.ForeignKey("billing.Invoice", on_delete=models.CASCADE, null=True, related_name="payment_links")
    prepayment = models.ForeignKey(
        "billing.Prepayment", on_delete=models.CASCADE, null=True, related_name="payment_links"
    )
    gateway = models.CharField(max_length=16)
    key = models.CharField(max_length=64, unique=True)  # idempotency key and our reference at the provider
    external_id = models.CharField(max_length=255, default="", db_default="")  # the Checkout Session
    url = models.TextField(default="", db_default="")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=12, default="open", db_default="open")  # processing, paid, expired, failed
    expires_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)  # when the provider was last asked about it
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "payment_links"
        constraints = [
            models.CheckConstraint(
                condition=Q(invoice__isnull=False) | Q(prepayment__isnull=False), name="payment_links_for_something"
            )
        ]
        indexes = [models.Index(fields=["gateway", "external_id"], name="payment_links_external")]

    def __str__(self) -> str:
        return self.key

    @property
    def business_id(self) -> int:
        """Whose link it is."""
        whose = self.invoice or self.prepayment
        assert whose is not None  # the database sees to it
        return whose.business_id

    @property
    def about(self) -> str:
        """What is paid there, as the provider is told and tells it again."""
        return f"invoice-{self.invoice_id}" if self.prepayment_id is None else f"prepayment-{self.prepayment_id}"


class GatewayEvent(models.Model):
    """An event of a payment provider that was dealt with: so that none is dealt with twice."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE)
    gateway = models.CharField(max_length=16)
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=100)
    happened_at = models.DateTimeField()
    outcome = models.TextField(default="", db_default="")  # what followed, or why nothing did
    received_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "gateway_events"
        constraints = [
            models.UniqueConstraint(fields=["business", "gateway", "external_id"], name="gateway_events_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class GatewayReading(models.Model):
    """When a payment provider is asked next what it has told a business; and who is at it, until when."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE)
    gateway = models.CharField(max_length=16)
    read_until = models.DateTimeField(null=True)  # all that happened before it is known
    due_at = models.DateTimeField()
    lease = models.CharField(max_length=32, default="", db_default="")
    leased_until = models.DateTimeField(null=True)
    last_error = models.TextField(default="", db_default="")

    class Meta:
        db_table = "gateway_readings"
        constraints = [models.UniqueConstraint(fields=["business", "gateway"], name="gateway_readings_once")]

    def __str__(self) -> str:
        return f"{self.gateway} of {self.business_id}"


class GatewayRecord(models.Model):
    """What a payment provider says of one payment, refund or dispute, as far as it has told.

    Events come in any order: what is told of a refund before its payment waits here, and of two things that are told
    of one, the one of the higher rank stands.
    """

    business = models.ForeignKey(Business, on_delete=models.CASCADE, db_index=False)
    gateway = models.CharField(max_length=16)
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=12)  # payment, refund, dispute
    payment_id = models.CharField(max_length=255)  # the provider's, of the payment it is about
    link = models.ForeignKey(PaymentLink, on_delete=models.CASCADE, null=True, related_name="records")
    amount = models.BigIntegerField(default=0, db_default=0)
    currency = models.CharField(max_length=3, default="", db_default="")
    rank = models.PositiveSmallIntegerField(default=0, db_default=0)
    is_effective = models.BooleanField(default=False, db_default=False)  # money has moved, and not back again
    checked_at = models.DateTimeField(null=True)  # when the provider was last asked about it
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "gateway_records"
        constraints = [
            models.UniqueConstraint(fields=["business", "gateway", "external_id"], name="gateway_records_once")
        ]
        indexes = [models.Index(fields=["business", "gateway", "payment_id"], name="gateway_records_payment")]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"


class PrepaymentStatus(StrEnum):
    """Where a booking that is paid in advance stands."""

    WAITING = "waiting"  # for the money, with the time held
    BOOKED = "booked"
    EXPIRED = "expired"  # nothing came in time
    MISSED = "missed"  # money came, and the time was gone: it goes back
    REFUNDED = "refunded"


class Prepayment(models.Model):
    """A booking that becomes an appointment when it is paid; until then its time is held, for a while.

    Its invoice is written then, too: who never pays uses up no number.
    """

    business = models.ForeignKey(Business, on_delete=models.CASCADE)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="prepayments")
    invoice = models.OneToOneField("billing.Invoice", on_delete=models.CASCADE, null=True, related_name="prepayment")
    appointment = models.ForeignKey(Appointment, on_delete=models.SET_NULL, null=True)
    booking = models.JSONField(null=True)  # what the customer entered, until it is booked or given up
    sealed_hold = models.TextField(default="", db_default="")  # the secret of what is held
    is_whole = models.BooleanField(default=True, db_default=True)  # the price, or a deposit
    starts_at = models.DateTimeField()
    lines = models.JSONField()  # of the invoice
    amount = models.BigIntegerField()  # with tax
    currency = models.CharField(max_length=3)
    secret_hash = models.BinaryField(max_length=32, null=True, unique=True)  # of the address of its page
    status = models.CharField(
        max_length=12, default=PrepaymentStatus.WAITING, db_default=PrepaymentStatus.WAITING.value
    )
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "prepayments"
        indexes = [models.Index(fields=["status", "expires_at"], name="prepayments_waiting")]

    def __str__(self) -> str:
        return f"prepayment {self.pk}"
