"""What a business asks of its customers and what they paid: quotes, invoices, credit notes, payments."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from slotkeeper.appointments.models import Appointment
from slotkeeper.billing import gateway_models  # noqa: F401 -- Django finds tables from here
from slotkeeper.billing.kept_as_issued import KeptAsIssued
from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.contacts.models import Contact
from slotkeeper.people.models import Business

# What the paper of a quote or an invoice says, and what it is found by.
_ON_PAPER = ["id", "business_id", "number", "sequence", "currency", "lines", "discount", "net", "tax", "gross"]
_ON_PAPER += ["seller", "buyer", "note", "locale", "created_at"]


class QuoteStatus(StrEnum):
    """Where a quote stands."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class InvoiceKind(StrEnum):
    """An invoice asks for money; a credit note takes back what an invoice asked for."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceStatus(StrEnum):
    """Where an invoice stands. Whether it is overdue, and partly paid, follows from its dates and sums."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"  # a credit note took all of it back


class PaymentMethod(StrEnum):
    """How money came, or went back."""

    STRIPE = "stripe"
    BANK_TRANSFER = "bank_transfer"
    CASH = "cash"
    CARD = "card"  # at the desk
    OTHER = "other"


class BillingProfile(models.Model):
    """What a business's papers say about it, and how it wants to be paid."""

    business = models.OneToOneField(Business, on_delete=models.CASCADE, related_name="billing_profile")
    legal_name = models.CharField(max_length=200, default="", db_default="", blank=True)
    street = models.CharField(max_length=200, default="", db_default="", blank=True)
    postal_code = models.CharField(max_length=20, default="", db_default="", blank=True)
    city = models.CharField(max_length=100, default="", db_default="", blank=True)
    country = models.CharField(max_length=2, default="", db_default="", blank=True)  # ISO 3166
    vat_id = models.CharField(max_length=20, default="", db_default="", blank=True)
    tax_number = models.CharField(max_length=40, default="", db_default="", blank=True)
    exemption_note = models.CharField(max_length=300, default="", db_default="", blank=True)  # why there is no tax
    account_holder = models.CharField(max_length=70, default="", db_default="", blank=True)
    iban = models.CharField(max_length=34, default="", db_default="", blank=True)
    bic = models.CharField(max_length=11, default="", db_default="", blank=True)
    payment_days = models.PositiveSmallIntegerField(default=14, db_default=14)
    quote_days = models.PositiveSmallIntegerField(default=30, db_default=30)
    default_tax_rate = models.DecimalField(max_digits=5, decimal_places=2, default=0, db_default=0)
    number_prefix = models.CharField(max_length=20, default="", db_default="", blank=True)
    footer = models.CharField(max_length=500, default="", db_default="", blank=True)
    has_e_invoices = models.BooleanField(default=False, db_default=False)  # EN 16931 data within the PDF
    stripe_sealed_key = models.TextField(default="", db_default="")
    stripe_sealed_signing_secret = models.TextField(default="", db_default="")
    stripe_account_id = models.CharField(max_length=64, default="", db_default="")
    version = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        db_table = "billing_profiles"

    def __str__(self) -> str:
        return self.legal_name


class DocumentCounter(models.Model):
    """The last number that was given; locked while the next one is, so that there is never a gap."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE)
    series = models.CharField(max_length=12)  # "invoice" for invoices and credit notes, "quote"
    last = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "document_counters"
        constraints = [models.UniqueConstraint(fields=["business", "series"], name="document_counters_once")]

    def __str__(self) -> str:
        return f"{self.series} {self.last}"


class Document(models.Model):
    """What quotes and invoices have in common. `lines` are objects as the API has them; amounts are minor units.

    `seller` and `buyer` are what the paper says about both; they are copied when it is sent or issued.
    """

    business = models.ForeignKey(Business, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True)
    appointment = models.ForeignKey(Appointment, on_delete=models.SET_NULL, null=True)
    number = models.CharField(max_length=40, default="", db_default="")  # given when sent or issued
    sequence = models.PositiveIntegerField(null=True)
    currency = models.CharField(max_length=3)
    lines = models.JSONField(default=list)
    discount = models.DecimalField(max_digits=5, decimal_places=2, default=0, db_default=0)  # per cent of the whole
    net = models.BigIntegerField(default=0, db_default=0)
    tax = models.BigIntegerField(default=0, db_default=0)
    gross = models.BigIntegerField(default=0, db_default=0)
    seller = models.JSONField(null=True)
    buyer = models.JSONField(null=True)
    note = models.TextField(default="", db_default="")
    locale = models.CharField(max_length=16, default="en", db_default="en")
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.number or f"draft {self.pk}"


class Quote(Document):
    """What something would cost. Its customer accepts or declines it by a link."""

    status = models.CharField(max_length=12, default=QuoteStatus.DRAFT, db_default=QuoteStatus.DRAFT.value)
    valid_until = models.DateField(null=True)
    sent_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "quotes"
        constraints = [
            models.UniqueConstraint(fields=["business", "sequence"], name="quotes_one_number"),
            KeptAsIssued(
                fixed=[*_ON_PAPER, "valid_until", "sent_at"],
                loose=["contact_id", "appointment_id"],
                name="quotes_kept_as_sent",
            ),
        ]
        indexes = [models.Index(fields=["business", "id"], name="quotes_business")]


class Invoice(Document):
    """What a customer owes, or, as a credit note, no longer owes. Issued, it never changes but in what is paid."""

    kind = models.CharField(max_length=12, default=InvoiceKind.INVOICE, db_default=InvoiceKind.INVOICE.value)
    status = models.CharField(max_length=12, default=InvoiceStatus.DRAFT, db_default=InvoiceStatus.DRAFT.value)
    quote = models.ForeignKey(Quote, on_delete=models.SET_NULL, null=True, related_name="invoices")
    corrects = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="credit_notes")
    issued_on = models.DateField(null=True)  # in the business's zone
    issued_at = models.DateTimeField(null=True)
    due_on = models.DateField(null=True)
    performed_on = models.DateField(null=True)  # when what is invoiced was given
    paid_amount = models.BigIntegerField(default=0, db_default=0)  # what came, less what went back
    credited_amount = models.BigIntegerField(default=0, db_default=0)  # what credit notes took back
    paid_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "invoices"
        constraints = [
            models.UniqueConstraint(fields=["business", "sequence"], name="invoices_one_number"),
            models.CheckConstraint(
                condition=Q(status=InvoiceStatus.DRAFT, sequence__isnull=True)
                | (~Q(status=InvoiceStatus.DRAFT) & Q(sequence__isnull=False)),
                name="invoices_numbered_when_issued",
            ),
            models.CheckConstraint(
                condition=Q(kind=InvoiceKind.INVOICE, credited_amount__gte=0, credited_amount__lte=F("gross"))
                | Q(kind=InvoiceKind.CREDIT_NOTE, credited_amount=0),
                name="invoices_credited_at_most_once",
            ),
            KeptAsIssued(
                fixed=[*_ON_PAPER, "kind", "corrects_id", "issued_on", "issued_at", "due_on", "performed_on"],
                loose=["contact_id", "appointment_id", "quote_id"],
                name="invoices_kept_as_issued",
            ),
        ]
        indexes = [
            models.Index(fields=["business", "id"], name="invoices_business"),
            models.Index(fields=["business", "due_on"], name="invoices_open", condition=Q(status=InvoiceStatus.OPEN)),
        ]

    @property
    def open_amount(self) -> int:
        """What is still owed: negative where more came than was asked for."""
        return self.gross - self.credited_amount - self.paid_amount


class Payment(models.Model):
    """Money that came (positive) or went back (negative). Rows are only added."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, db_index=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=16)
    external_id = models.CharField(max_length=255, null=True)  # the provider's payment, refund or dispute
    reference = models.CharField(max_length=200, default="", db_default="")  # what the payer wrote, or we note
    received_on = models.DateField()
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "payments"
        constraints = [
            # Within a business: nobody else's payments can stand in the way of its own.
            models.UniqueConstraint(fields=["business", "method", "external_id"], name="payments_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="payments_of_something"),
        ]
        indexes = [models.Index(fields=["business", "received_on"], name="payments_business")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class CustomerToken(models.Model):
    """A link of the portal: to one paper, or to everything of a customer. The secret is kept as a hash."""

    purpose = models.CharField(max_length=12)  # "invoice", "quote", "home"
    business = models.ForeignKey(Business, on_delete=models.CASCADE)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, null=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, null=True)
    quote = models.ForeignKey(Quote, on_delete=models.CASCADE, null=True)
    secret_hash = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "customer_tokens"

    def __str__(self) -> str:
        return f"{self.purpose} link"


class Paper(models.Model):
    """The PDF of an issued invoice, written once in a child of the worker and kept as it was."""

    invoice = models.OneToOneField(Invoice, on_delete=models.CASCADE, related_name="paper", null=True)
    quote = models.OneToOneField(Quote, on_delete=models.CASCADE, related_name="paper", null=True)
    content = models.BinaryField(null=True)  # None until it is written
    error = models.TextField(default="", db_default="")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    wanted_at = models.DateTimeField(db_default=CurrentTimestamp())  # not before; moved on by who writes it
    written_at = models.DateTimeField(null=True)
    sha256 = models.CharField(max_length=64, default="", db_default="")  # of the content, in hex

    class Meta:
        db_table = "papers"
        constraints = [
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, quote__isnull=True) | Q(invoice__isnull=True, quote__isnull=False),
                name="papers_of_one",
            ),
        ]
        indexes = [models.Index(F("id"), name="papers_unwritten", condition=Q(written_at__isnull=True))]

    def __str__(self) -> str:
        return f"paper {self.pk}"
