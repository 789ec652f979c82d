"""How quotes, invoices and payments stand, in words for pages; and what happened to them."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from slotkeeper.amounts import amount_in_words, percent_in_words, quantity_in_words
from slotkeeper.billing.credit_notes import NotCreditable
from slotkeeper.billing.documents import DocumentVersionConflict, NotDraft, subject_kind
from slotkeeper.billing.invoices import AlreadyInvoiced
from slotkeeper.billing.lines import read_lines, totals_of
from slotkeeper.billing.models import Document, Invoice, InvoiceKind, InvoiceStatus, Payment, PaymentMethod, Quote
from slotkeeper.billing.models import QuoteStatus as Status
from slotkeeper.billing.payments import AlreadyEntered, CurrencyMismatch, NotIssued, NotPayable
from slotkeeper.billing.quotes import AlreadyBooked, AlreadyDecided, NotAccepted, NotSent, QuoteExpired, is_expired
from slotkeeper.billing.reading import is_overdue
from slotkeeper.changes.models import Change
from slotkeeper.doors.dashboard.calendar_words import Standing
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness

MOST_CHANGES = 100
_INVOICES: dict[str, Standing] = {
    InvoiceStatus.DRAFT: Standing("draft", pgettext_lazy("status of an invoice", "Draft")),
    InvoiceStatus.OPEN: Standing("scheduled", pgettext_lazy("status of an invoice", "Open")),
    InvoiceStatus.PAID: Standing("active", pgettext_lazy("status of an invoice", "Paid")),
    InvoiceStatus.CREDITED: Standing("canceled", pgettext_lazy("status of an invoice", "Taken back")),
}
_OVERDUE = Standing("expired", pgettext_lazy("status of an invoice", "Overdue"))
_PARTLY_PAID = Standing("scheduled", pgettext_lazy("status of an invoice", "Partly paid"))
_CREDIT_NOTE = Standing("completed", pgettext_lazy("status of an invoice", "Credit note"))
_QUOTES: dict[str, Standing] = {
    Status.DRAFT: Standing("draft", pgettext_lazy("status of a quote", "Draft")),
    Status.SENT: Standing("scheduled", pgettext_lazy("status of a quote", "Sent")),
    Status.ACCEPTED: Standing("active", pgettext_lazy("status of a quote", "Accepted")),
    Status.DECLINED: Standing("canceled", pgettext_lazy("status of a quote", "Declined")),
}
_EXPIRED = Standing("expired", pgettext_lazy("status of a quote", "Expired"))
METHODS: dict[str, Promise] = {
    PaymentMethod.BANK_TRANSFER: pgettext_lazy("how money came", "Bank transfer"),
    PaymentMethod.CASH: pgettext_lazy("how money came", "Cash"),
    PaymentMethod.CARD: pgettext_lazy("how money came", "Card, at the desk"),
    PaymentMethod.STRIPE: pgettext_lazy("how money came", "Stripe"),
    PaymentMethod.OTHER: pgettext_lazy("how money came", "Other"),
}
REFUSALS: dict[type[Exception], Promise] = {
    NotDraft: _("It was sent or issued, and stays as it is. An invoice is corrected by a credit note."),
    NotSent: _("The quote was not sent yet, so there is nothing to decide."),
    NotAccepted: _("Only an accepted quote is booked or invoiced."),
    NotCreditable: _("Only an issued invoice can be taken back, and only what is left of it."),
    QuoteExpired: _("The quote is no longer valid. Send a new one."),
    AlreadyDecided: _("The quote was decided the other way already."),
    AlreadyBooked: _("An appointment was booked from this quote already."),
    AlreadyInvoiced: _("There is an invoice for it already. Credit that one first."),
    AlreadyEntered: _("A payment with this reference was entered before. Nothing was stored."),
    CurrencyMismatch: _("The payment is in another currency than the invoice."),
    NotIssued: _("A draft cannot be paid. Issue the invoice first."),
    NotPayable: _("A credit note cannot be paid. Enter the payment with the invoice that it corrects."),
}
REFUSED: tuple[type[Exception], ...] = (*REFUSALS, DocumentVersionConflict, NotInBusiness, InvalidFields)
_VERBS: dict[str, Promise] = {
    "created": _("wrote it"),
    "updated": _("changed it"),
    "sent": _("sent it"),
    "accepted": _("accepted it"),
    "declined": _("declined it"),
    "booked": _("booked an appointment for it"),
    "issued": _("issued it"),
    "credited": _("took some or all of it back"),
    "paid": _("entered a payment, and nothing is owed any more"),
    "partly_paid": _("entered a payment"),
    "refunded": _("paid money back"),
    "disputed": _("noted that the payment is disputed"),
    "dispute_won": _("noted that the dispute is won"),
    "refund_asked": _("asked for money to go back"),
    "refund_failed": _("noted that the money did not go back after all"),
}


class LineRow(NamedTuple):
    """A line as a page shows it."""

    position: int
    description: str
    quantity: str
    unit_price: str
    tax_rate: str
    discount: str
    amount: str


class SumRow(NamedTuple):
    """A sum below the lines; `is_whole` for the last."""

    name: str | Promise
    amount: str
    is_whole: bool = False


class Entry(NamedTuple):
    """What somebody did, and when."""

    at: datetime
    actor: str
    words: str | Promise


def standing_of(document: Quote | Invoice, today: date, now: datetime) -> Standing:
    """Say how a document stands."""
    if isinstance(document, Quote):
        return _EXPIRED if is_expired(document, document.business, now) else _QUOTES[document.status]
    if document.kind == InvoiceKind.CREDIT_NOTE:
        return _CREDIT_NOTE
    if is_overdue(document, today):
        return _OVERDUE
    is_partly = document.status == InvoiceStatus.OPEN and document.paid_amount > 0
    return _PARTLY_PAID if is_partly else _INVOICES[document.status]


def line_rows(document: Document) -> list[LineRow]:
    """Write a document's lines."""
    currency = document.currency
    return [
        LineRow(
            position,
            line["description"],
            quantity_in_words(read.quantity),
            amount_in_words(line["unit_price"], currency),
            percent_in_words(read.tax_rate),
            percent_in_words(read.discount) if read.discount else "",
            amount_in_words(read.amount, currency),
        )
        for position, (line, read) in enumerate(zip(document.lines, read_lines(document), strict=True))
    ]


def sum_rows(document: Document) -> list[SumRow]:
    """Write what a document comes to: lines, discount, tax by rate, and all of it."""
    totals, currency = totals_of(document), document.currency
    rows = []
    if totals.discount:
        rows.append(SumRow(_("Sum of the lines"), amount_in_words(totals.lines, currency)))
        taken_off = amount_in_words(-totals.discount, currency)
        rows.append(SumRow(_("Discount of %(rate)s") % {"rate": percent_in_words(document.discount)}, taken_off))
    rows.append(SumRow(_("Before tax"), amount_in_words(totals.net, currency)))
    for group in totals.groups:
        if group.rate:
            words = _("%(rate)s tax on %(amount)s") % {
                "rate": percent_in_words(group.rate), "amount": amount_in_words(group.net, currency)
            }  # fmt: skip
            rows.append(SumRow(words, amount_in_words(group.tax, currency)))
    return [*rows, SumRow(_("In all"), amount_in_words(totals.gross, currency), is_whole=True)]


def history_of(document: Quote | Invoice) -> list[Entry]:
    """List what happened to a document, the newest first."""
    found = Change.objects.filter(
        business_id=document.business_id, subject_kind=subject_kind(document), subject_id=document.pk
    ).order_by("-id")[:MOST_CHANGES]
    return [Entry(change.at, change.actor_name, _VERBS.get(change.verb, change.verb)) for change in found]


def payment_rows(payments: Iterable[Payment]) -> list[dict[str, Any]]:
    """Write payments, in the order in which they came."""
    return [
        {
            "payment": one,
            "invoice": one.invoice,
            "amount": amount_in_words(one.amount, one.currency),
            "method": METHODS.get(one.method, one.method),
            "is_back": one.amount < 0,
        }
        for one in payments
    ]


def say_refusal(request: HttpRequest, error: Exception) -> None:
    """Say after an act why nothing was stored."""
    if isinstance(error, DocumentVersionConflict):
        messages.warning(request, gettext("Somebody has just changed it. You see it now as it is."))
    elif isinstance(error, NotInBusiness):
        messages.error(request, gettext("It is not there any more."))
    elif isinstance(error, InvalidFields):
        for reason in error.reasons.values():
            messages.error(request, gettext(reason))
    else:
        messages.error(request, str(REFUSALS[type(error)]))


def left_rows(invoice: Invoice, left: dict[int, Decimal]) -> list[dict[str, Any]]:
    """Write the lines of which something can still be taken back."""
    return [
        {"position": position, "description": invoice.lines[position]["description"],
         "left": quantity_in_words(quantity), "most": quantity}
        for position, quantity in left.items() if quantity > 0
    ]  # fmt: skip
