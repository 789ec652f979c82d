"""The shapes of invoices on the wire, and writing them."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.billing.documents import today_of
from slotkeeper.billing.models import Invoice, Payment
from slotkeeper.billing.reading import is_overdue
from slotkeeper.doors.api.appointment_forms import LongText
from slotkeeper.doors.api.contacts import Locale
from slotkeeper.doors.api.document_forms import (
    BuyerIn,
    Day,
    Decimal,
    DocumentQuery,
    LineOut,
    Lines,
    PartyOut,
    Percentage,
    TaxOut,
    Text,
    moment_now,
    write_document,
)
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.people import Currency
from slotkeeper.doors.api.problems import Problem
from slotkeeper.doors.api.versions import answer_created
from slotkeeper.people.callers import Caller
from slotkeeper.rules.money import LARGEST_AMOUNT, MOST_LINES

DAYS = {"due_date": "due_on", "performed_on": "performed_on"}


class InvoiceKindName(StrEnum):
    """An invoice asks for money; a credit note takes back what one asked for."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceStatusName(StrEnum):
    """Where an invoice stands; a credit note is `credited`."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"


class InvoiceFilter(StrEnum):
    """What a list of invoices can be narrowed to; those that are overdue are open as well."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    CREDITED = "credited"
    OVERDUE = "overdue"


class ByHand(StrEnum):
    """How money came that no payment provider told of."""

    BANK_TRANSFER = "bank_transfer"
    CASH = "cash"
    CARD = "card"
    OTHER = "other"


class NewInvoice(msgspec.Struct, forbid_unknown_fields=True):
    """What writing an invoice takes; without `due_date` it is due as the billing settings say."""

    lines: Lines
    contact_id: int | None = None
    appointment_id: int | None = None
    currency: Currency | None = None
    discount: Percentage = "0"
    due_date: Day | None = None
    performed_on: Day | None = None
    buyer: BuyerIn | None = None
    note: LongText = None
    locale: Locale | UnsetType = UNSET


class InvoiceChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing a draft takes: fields left out stay, null clears."""

    lines: Lines | UnsetType = UNSET
    contact_id: int | None | UnsetType = UNSET
    appointment_id: int | None | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    discount: Percentage | UnsetType = UNSET
    due_date: Day | None | UnsetType = UNSET
    performed_on: Day | None | UnsetType = UNSET
    buyer: BuyerIn | None | UnsetType = UNSET
    note: LongText | UnsetType = UNSET
    locale: Locale | UnsetType = UNSET
    version: int | UnsetType = UNSET


class PaymentOut(msgspec.Struct):
    """What came for an invoice, or with a negative amount went back."""

    id: int
    amount: int
    currency: str
    method: str
    external_id: str | None
    reference: str
    received_on: str
    created_at: str


class InvoiceOut(msgspec.Struct):
    """An invoice or a credit note; amounts are minor units of its currency."""

    id: int
    kind: InvoiceKindName
    number: str | None
    status: InvoiceStatusName
    is_overdue: bool
    contact_id: int | None
    appointment_id: int | None
    quote_id: int | None
    corrects_id: int | None
    credit_note_ids: list[int]
    currency: str
    lines: list[LineOut]
    discount: str
    net: int
    tax: int
    gross: int
    taxes: list[TaxOut]
    paid_amount: int
    credited_amount: int
    open_amount: int
    payments: list[PaymentOut]
    seller: PartyOut | None
    buyer: PartyOut | None
    note: str
    locale: str
    issued_on: str | None
    due_date: str | None
    performed_on: str | None
    paid_at: str | None
    created_at: str
    updated_at: str
    version: int


class InvoiceList(msgspec.Struct):
    """A page of invoices and credit notes, newest first."""

    invoices: list[InvoiceOut]
    next_cursor: str | None


class InvoiceRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the invoice as it is now, where its version is stale."""

    current: InvoiceOut | UnsetType = UNSET


class InvoicePath(msgspec.Struct):
    """Where an invoice is."""

    invoice_id: int


class InvoiceQuery(DocumentQuery):
    """Which invoices; `from` and `to` are the days on which they were issued."""

    status: list[InvoiceFilter] = []
    kind: InvoiceKindName | None = None


class PaidAmount(msgspec.Struct, forbid_unknown_fields=True):
    """An amount in minor units; negative where it goes back to the customer."""

    amount: Annotated[int, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
    currency: Currency


class PaymentIn(msgspec.Struct, forbid_unknown_fields=True):
    """What entering a payment by hand takes; the same `external_id` of a method is refused a second time."""

    amount: PaidAmount
    method: ByHand
    received_on: Day | None = None
    external_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    reference: Text = ""
    version: int | UnsetType = UNSET


class CreditedLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line of the invoice, counted from 0, and how much of it is taken back; left out: all that is left."""

    position: Annotated[int, Meta(ge=0, lt=MOST_LINES)]
    quantity: Decimal | UnsetType = UNSET


class CreditIn(msgspec.Struct, forbid_unknown_fields=True):
    """What is taken back; without `lines` all that is left."""

    lines: Annotated[list[CreditedLine], Meta(max_length=MOST_LINES)] = []
    note: LongText = None
    version: int | UnsetType = UNSET


def write_invoice(invoice: Invoice, caller: Caller) -> dict[str, Any]:
    """Write an invoice as InvoiceOut describes it."""
    today = today_of(invoice.business, moment_now())
    return write_document(invoice, caller) | {
        "kind": str(invoice.kind),
        "is_overdue": is_overdue(invoice, today),
        "quote_id": invoice.quote_id,
        "corrects_id": invoice.corrects_id,
        "credit_note_ids": sorted(one.pk for one in invoice.credit_notes.all()),
        "paid_amount": invoice.paid_amount,
        "credited_amount": invoice.credited_amount,
        "open_amount": 0 if invoice.corrects_id else invoice.open_amount,
        "payments": [write_payment(one, caller) for one in sorted(invoice.payments.all(), key=lambda one: one.pk)],
        "issued_on": _written_day(invoice.issued_on),
        "due_date": _written_day(invoice.due_on),
        "performed_on": _written_day(invoice.performed_on),
        "paid_at": written_moment(invoice.paid_at, caller),
    }


def write_payment(payment: Payment, caller: Caller) -> dict[str, Any]:
    """Write a payment as PaymentOut describes it."""
    return {
        "id": payment.pk,
        "amount": payment.amount,
        "currency": payment.currency,
        "method": str(payment.method),
        "external_id": payment.external_id,
        "reference": payment.reference,
        "received_on": payment.received_on.isoformat(),
        "created_at": written_moment(payment.created_at, caller),
    }


def answer_new_invoice(invoice: Invoice, caller: Caller) -> HttpResponse:
    """Answer an invoice that was just made."""
    return answer_created(write_invoice(invoice, caller), f"/api/invoices/{invoice.pk}", invoice.version)


def _written_day(day: Any) -> str | None:
    return None if day is None else day.isoformat()
