"""Money that came or went back: entering it, and what an invoice is then.

Every way in, by hand or by a payment provider, ends in `enter_payment`, which locks the invoice: so what is paid is
always the sum of its payments, in whichever order and however often they are told.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus, Payment, PaymentMethod
from slotkeeper.changes.record import Actor, Subject, changed_fields, record

SUBJECT = "invoice"
_STATE = ("status", "paid_amount")


class UnknownInvoice(Exception):
    """There is no such invoice."""


class PaymentRefused(Exception):
    """The payment cannot be entered."""


class AlreadyEntered(PaymentRefused):
    """The payment has been entered before."""


class CurrencyMismatch(PaymentRefused):
    """The payment is in another currency than the invoice."""


class NothingPaid(PaymentRefused):
    """A payment of nothing is none."""


class NotIssued(PaymentRefused):
    """A draft cannot be paid. Issue the invoice first."""


class NotPayable(PaymentRefused):
    """A credit note cannot be paid. Enter the payment with the invoice that it corrects."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency; negative where it goes back."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A payment to enter.

    `external_id` names it where it comes from, once; `verb` says what happened where the sums do not: "disputed".
    """

    money: Money
    method: PaymentMethod
    received_on: date
    external_id: str | None = None
    reference: str = ""
    verb: str | None = None


def enter_payment(invoice_id: int, business_id: int, payment: NewPayment, actor: Actor, now: datetime) -> Payment:
    """Enter a payment, and write what the invoice is then, with one change.

    More than is owed is taken, too: the rest is the customer's credit. Raises UnknownInvoice, AlreadyEntered,
    CurrencyMismatch, NothingPaid, NotIssued and NotPayable.
    """
    with transaction.atomic():
        invoice = lock_invoice(invoice_id, business_id)
        _check(invoice, payment)
        entered = _insert(invoice, payment)
        before = {name: getattr(invoice, name) for name in _STATE}
        invoice.paid_amount += payment.money.amount
        settle(invoice, now)
        invoice.version += 1
        invoice.updated_at = now
        invoice.save(update_fields=["paid_amount", "status", "paid_at", "version", "updated_at"])
        before, after = changed_fields(before, {name: getattr(invoice, name) for name in _STATE})
        told = {"amount": payment.money.amount, "currency": payment.money.currency, "method": payment.method.value}
        subject = Subject(business_id, SUBJECT, invoice.pk, invoice.version, now)
        record(subject, payment.verb or _verb(invoice, payment), actor, before, after | told)
    return entered


def lock_invoice(invoice_id: int, business_id: int) -> Invoice:
    """Give an invoice that nobody else changes until the caller's transaction ends. Raises UnknownInvoice."""
    # Not for its key: rows that refer to it may be written meanwhile.
    invoices = Invoice.objects.select_for_update(no_key=True).filter(business_id=business_id)
    invoice = invoices.filter(pk=invoice_id).first()
    if invoice is None:
        raise UnknownInvoice
    return invoice


def settle(invoice: Invoice, now: datetime) -> None:
    """Say what an issued invoice is, from what it asks for, what was taken back and what was paid."""
    if invoice.gross > 0 and invoice.credited_amount >= invoice.gross:
        invoice.status = InvoiceStatus.CREDITED
    elif invoice.open_amount <= 0:
        invoice.status = InvoiceStatus.PAID
    else:
        invoice.status = InvoiceStatus.OPEN
    if invoice.status == InvoiceStatus.PAID:
        invoice.paid_at = invoice.paid_at or now
    else:
        invoice.paid_at = None


def _check(invoice: Invoice, payment: NewPayment) -> None:
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        raise NotPayable
    if invoice.status == InvoiceStatus.DRAFT:
        raise NotIssued
    if payment.money.currency != invoice.currency:
        raise CurrencyMismatch
    if payment.money.amount == 0:
        raise NothingPaid


def _insert(invoice: Invoice, payment: NewPayment) -> Payment:
    try:
        with transaction.atomic():  # a savepoint: the caller may go on after a refusal
            return Payment.objects.create(
                business_id=invoice.business_id,
                invoice=invoice,
                amount=payment.money.amount,
                currency=payment.money.currency,
                method=payment.method.value,
                external_id=payment.external_id,
                reference=payment.reference,
                received_on=payment.received_on,
            )
    except IntegrityError:
        if payment.external_id is None:
            raise
        raise AlreadyEntered from None


def _verb(invoice: Invoice, payment: NewPayment) -> str:
    if payment.money.amount < 0:
        return "refunded"
    return "paid" if invoice.status == InvoiceStatus.PAID else "partly_paid"
