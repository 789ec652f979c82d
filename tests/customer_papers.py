"""Papers that stand in the database as the verbs leave them, for tests of what follows from them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from slotkeeper.billing.lines import add_up, checked_lines
from slotkeeper.billing.models import (
    BillingProfile,
    Document,
    Invoice,
    InvoiceKind,
    InvoiceStatus,
    Quote,
    QuoteStatus,
)
from slotkeeper.contacts.models import Contact

ISSUED_ON = date(2030, 6, 3)
ISSUED_AT = datetime(2030, 6, 3, 8, 0, tzinfo=UTC)
IBAN = "DE89370400440532013000"
_OF_SELLER = (
    "street", "postal_code", "city", "country", "vat_id", "tax_number", "exemption_note",
    "account_holder", "iban", "bic", "footer",
)  # fmt: skip


def line(description: str = "First conversation", unit_price: int = 8_000, **fields: Any) -> dict[str, Any]:
    return {"description": description, "unit_price": unit_price, "quantity": "1", "tax_rate": "19"} | fields


def profile_of(business: Any, **fields: Any) -> BillingProfile:
    """Give the business what its papers say about it."""
    wanted = {
        "legal_name": "Practice Winter GmbH",
        "street": "Mühlenweg 12",
        "postal_code": "10115",
        "city": "Berlin",
        "country": "DE",
        "vat_id": "DE123456789",
        "account_holder": "Practice Winter GmbH",
        "iban": IBAN,
        "bic": "COBADEFFXXX",
        "footer": "Registered in Berlin, HRB 12345",
    } | fields
    return BillingProfile.objects.update_or_create(business=business, defaults=wanted)[0]


def invoice_for(contact: Contact, lines: Any = None, number: int = 1, **fields: Any) -> Invoice:
    """Leave an issued invoice behind, with both parties copied into it."""
    wanted = {
        "status": InvoiceStatus.OPEN,
        "kind": InvoiceKind.INVOICE,
        "number": f"R{number:04d}",
        "sequence": number,
        "issued_on": ISSUED_ON,
        "issued_at": ISSUED_AT,
        "due_on": ISSUED_ON + timedelta(days=14),
        "performed_on": ISSUED_ON - timedelta(days=1),
    }
    return _stored(Invoice, contact, lines, wanted | fields)


def quote_for(contact: Contact, lines: Any = None, number: int = 1, **fields: Any) -> Quote:
    """Leave a sent quote behind."""
    wanted = {
        "status": QuoteStatus.SENT,
        "number": f"Q{number:04d}",
        "sequence": number,
        "sent_at": ISSUED_AT,
        "valid_until": ISSUED_ON + timedelta(days=30),
    }
    return _stored(Quote, contact, lines, wanted | fields)


def _stored(model: Any, contact: Contact, lines: Any, fields: dict[str, Any]) -> Any:
    profile = BillingProfile.objects.filter(business=contact.business).first() or profile_of(contact.business)
    parties = {
        "seller": {"name": profile.legal_name, "email": "", **{name: getattr(profile, name) for name in _OF_SELLER}},
        "buyer": {"name": contact.name, "email": contact.email or ""},
    }
    document: Document = model(
        business=contact.business,
        contact=contact,
        currency=fields.pop("currency", "EUR"),
        lines=checked_lines(lines or [line()], allows_negative=fields.get("kind") == InvoiceKind.CREDIT_NOTE),
        created_at=ISSUED_AT,
        updated_at=ISSUED_AT,
        **parties | fields,
    )
    add_up(document)
    document.save()
    return document
