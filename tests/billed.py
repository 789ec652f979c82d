"""Invoices as rows, for tests of what becomes of them once they are issued."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus
from slotkeeper.people.models import Business

NOW = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)
TODAY = date(2027, 1, 15)
_numbers = count(1)


def issued(business: Business, gross: int = 10_000, currency: str = "EUR", **fields: Any) -> Invoice:
    """Store an invoice that was issued today."""
    number = next(_numbers)
    line = {"description": "Consultation", "quantity": "1", "unit_price": gross, "tax_rate": "0.00", "discount": "0.00"}
    wish = {
        "kind": InvoiceKind.INVOICE,
        "status": InvoiceStatus.OPEN,
        "number": f"2027-{number}",
        "sequence": number,
        "issued_on": TODAY,
        "issued_at": NOW,
        "due_on": date(2027, 1, 29),
        "lines": [line],
        "net": gross,
        "gross": gross,
        "seller": {"legal_name": "Practice"},
        "buyer": {"name": "Carla Customer"},
    }
    return Invoice.objects.create(business=business, currency=currency, **(wish | fields))
