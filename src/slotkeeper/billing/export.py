"""Invoices as CSV, for bookkeeping: streamed, and safe to open in a spreadsheet."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from slotkeeper import spreadsheets
from slotkeeper.billing.models import Invoice
from slotkeeper.rules.money import as_decimal
from slotkeeper.spreadsheets import safe

COLUMNS = (
    "number", "kind", "status", "issued_on", "due_date", "performed_on", "customer", "customer_vat_id", "contact_id",
    "appointment_id", "quote", "corrects", "currency", "net", "tax", "gross", "paid", "credited", "open",
)  # fmt: skip
_ROWS_AT_ONCE = 500


def csv_lines(invoices: QuerySet[Invoice]) -> Iterator[str]:
    """Write invoices line by line, after a line of COLUMNS; amounts in the currency's own unit, with a point."""
    found = invoices.select_related("quote", "corrects").iterator(_ROWS_AT_ONCE)
    return spreadsheets.csv_lines(COLUMNS, map(_cells, found))


def _cells(invoice: Invoice) -> list[str]:
    buyer = invoice.buyer or {}
    amounts = (
        invoice.net, invoice.tax, invoice.gross, invoice.paid_amount, invoice.credited_amount, _open_amount(invoice)
    )  # fmt: skip
    texts = (
        invoice.number, invoice.kind, invoice.status, _written(invoice.issued_on), _written(invoice.due_on),
        _written(invoice.performed_on), buyer.get("name", ""), buyer.get("vat_id", ""), _written(invoice.contact_id),
        _written(invoice.appointment_id), invoice.quote.number if invoice.quote else "",
        invoice.corrects.number if invoice.corrects else "", invoice.currency,
    )  # fmt: skip
    return [*(safe(text) for text in texts), *(f"{as_decimal(one, invoice.currency):f}" for one in amounts)]


def _open_amount(invoice: Invoice) -> int:
    """Give what is owed: nothing by a credit note, which stands in its invoice's sum already."""
    return 0 if invoice.corrects_id else invoice.open_amount


def _written(value: Any) -> str:
    return "" if value is None else str(value)
