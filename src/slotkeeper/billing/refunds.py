"""Giving money back: through the provider through which it came, or entered only, where somebody hands it back.

What is asked of the provider is noted in the record of changes first; then it is asked, outside of any transaction,
under a key that follows from how much went back before. So the same request, made twice or after a lost answer, gives
back once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from slotkeeper.billing.documents import today_of
from slotkeeper.billing.gateway_models import GatewayRecord
from slotkeeper.billing.gateways.base import GatewayRefused, Rank, RecordKind, RefundWish
from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus, PaymentMethod
from slotkeeper.billing.news import take_news
from slotkeeper.billing.pay_links import source_of
from slotkeeper.billing.payments import SUBJECT, Money, NewPayment, NotIssued, NotPayable, enter_payment, lock_invoice
from slotkeeper.billing.stripe_accounts import gateway_of
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.offerings.refusals import InvalidFields


class NothingPaid(Exception):
    """Nothing was paid that could go back."""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """How much is to go back (None: all that was paid), and why."""

    amount: int | None = None
    reason: str = ""


def refund_invoice(business_id: int, invoice_id: int, order: RefundOrder, actor: Actor, now: datetime) -> Invoice:
    """Give back what was paid of an invoice, or a part of it, and give the invoice as it is then.

    Raises UnknownInvoice, NotIssued, NotPayable, NothingPaid, InvalidFields, PaymentsOff, GatewayAway and
    GatewayRefused.
    """
    with transaction.atomic():
        invoice = lock_invoice(invoice_id, business_id)
        amount = _checked(invoice, order)
        wishes = _wishes(invoice, amount)
        if not wishes:
            _enter_by_hand(invoice, Money(-amount, invoice.currency), order, actor, now)
        else:
            asked = {"amount": amount, "currency": invoice.currency, "reason": order.reason}
            record(Subject(business_id, SUBJECT, invoice.pk, invoice.version), "refund_asked", actor, None, asked)
    if wishes:
        _send_back(business_id, wishes, now)
    invoice.refresh_from_db()
    return invoice


def send_back_missed(payment: GatewayRecord, now: datetime) -> None:
    """Give back all of a payment for a time that was gone. Raises PaymentsOff, GatewayAway and GatewayRefused."""
    left = _left(payment)
    if left > 0:
        _send_back(payment.business_id, [_wish(payment, left)], now)


def _checked(invoice: Invoice, order: RefundOrder) -> int:
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        raise NotPayable
    if invoice.status == InvoiceStatus.DRAFT:
        raise NotIssued
    if invoice.paid_amount <= 0:
        raise NothingPaid
    most = invoice.paid_amount - sum(_on_its_way(payment) for payment in _payments_of(invoice))
    amount = most if order.amount is None else order.amount
    if not 0 < amount <= most:
        raise InvalidFields({"amount": gettext_noop("No more can go back than was paid.")})
    return amount


def _payments_of(invoice: Invoice) -> list[GatewayRecord]:
    payments = GatewayRecord.objects.filter(
        business_id=invoice.business_id, kind=RecordKind.PAYMENT, is_effective=True, link__invoice=invoice
    )
    return list(payments.order_by("-pk"))


def _wishes(invoice: Invoice, amount: int) -> list[RefundWish]:
    """Share an amount out over the payments that came through the provider, the newest first."""
    left = {payment: _left(payment) for payment in _payments_of(invoice)}
    whole = sum(left.values())
    if whole <= 0:
        return []
    if amount > whole:
        sentence = gettext_noop("Not all of it came online. Give back what did first, then the rest.")
        raise InvalidFields({"amount": sentence})
    wishes = []
    for payment, most in left.items():
        share = min(amount, most)
        if share > 0:
            wishes.append(_wish(payment, share))
            amount -= share
    return wishes


def _left(payment: GatewayRecord) -> int:
    """Say how much of a payment neither went back, nor is on its way, nor was disputed."""
    gone = sum(one.amount for one in _about(payment) if one.is_effective)
    return payment.amount - gone - _on_its_way(payment)


def _on_its_way(payment: GatewayRecord) -> int:
    return sum(one.amount for one in _about(payment) if one.kind == RecordKind.REFUND and one.rank == Rank.BEGUN)


def _about(payment: GatewayRecord) -> list[GatewayRecord]:
    records = GatewayRecord.objects.filter(
        business_id=payment.business_id, gateway=payment.gateway, payment_id=payment.external_id
    )
    return list(records.exclude(pk=payment.pk))


def _wish(payment: GatewayRecord, amount: int) -> RefundWish:
    # Of what is known now: the next refund of the same amount has another key, also where this one fails in the end.
    before = f"{len(_about(payment))}-{payment.amount - _left(payment)}"
    key = f"slotkeeper-refund-{payment.business_id}-{payment.pk}-{before}-{amount}"
    return RefundWish(key, payment.external_id, Money(amount, payment.currency))


def _send_back(business_id: int, wishes: Sequence[RefundWish], now: datetime) -> None:
    gateway = gateway_of(business_id)
    for wish in wishes:
        news = gateway.refund(wish)
        take_news(source_of(business_id, gateway), news, now, now)
        if news.rank is Rank.UNDONE:
            raise GatewayRefused("The refund did not succeed.")


def _enter_by_hand(invoice: Invoice, money: Money, order: RefundOrder, actor: Actor, now: datetime) -> None:
    last = invoice.payments.filter(amount__gt=0).exclude(method=PaymentMethod.STRIPE).order_by("-pk").first()
    payment = NewPayment(
        money=money,
        method=PaymentMethod(last.method) if last else PaymentMethod.OTHER,
        received_on=today_of(invoice.business, now),
        reference=order.reason[:200],
    )
    enter_payment(invoice.pk, invoice.business_id, payment, actor, now)
