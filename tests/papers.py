"""Billing as tests use it: a business that may issue invoices, and what it wrote."""

from datetime import UTC, datetime
from typing import Any

from cast import Cast
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.invoices import create_invoice, issue_invoice
from slotkeeper.billing.models import BillingProfile, Invoice, PaymentMethod, Quote
from slotkeeper.billing.payments import Money, NewPayment
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Business, Membership

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
COMPLETE = {
    "legal_name": "Practice Ltd", "street": "Main Street 1", "postal_code": "10115", "city": "Berlin",
    "country": "DE", "vat_id": "DE123456789",
}  # fmt: skip
HAIRCUT = {"description": "Haircut", "quantity": "1", "unit_price": 4800, "tax_rate": "19.00"}


def complete_profile(business: Business, **fields: Any) -> BillingProfile:
    """Let a business issue invoices."""
    return BillingProfile.objects.update_or_create(business=business, defaults=COMPLETE | fields)[0]


def target_of(document: Invoice | Quote) -> DocumentTarget:
    return DocumentTarget(document.business_id, document.pk)


def draft(member: Membership, **fields: Any) -> Invoice:
    """Write an invoice of one haircut, for nobody unless told."""
    wanted = {"lines": [HAIRCUT], "buyer": {"name": "Carla Customer"}} | fields
    return create_invoice(member.business_id, wanted, COMMAND, NOW)


def issued(member: Membership, **fields: Any) -> Invoice:
    """Issue an invoice of one haircut."""
    complete_profile(member.business)
    return issue_invoice(target_of(draft(member, **fields)), COMMAND, NOW)


def paid(amount: int, reference: str | None = None, method: PaymentMethod = PaymentMethod.CASH) -> NewPayment:
    return NewPayment(Money(amount, "EUR"), method, NOW.date(), external_id=reference)


def for_customer(cast: Cast, **fields: Any) -> Invoice:
    """Issue an invoice to the cast's customer."""
    return issued(cast.owner, contact_id=cast.customer.pk, **fields)
