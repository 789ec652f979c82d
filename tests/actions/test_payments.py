"""Entering payments: what an invoice is then, and what is refused."""

from datetime import timedelta

import pytest

from billed import NOW, TODAY, issued
from slotkeeper.billing.models import InvoiceKind, InvoiceStatus, Payment, PaymentMethod
from slotkeeper.billing.payments import (
    AlreadyEntered,
    CurrencyMismatch,
    Money,
    NewPayment,
    NothingPaid,
    NotIssued,
    NotPayable,
    UnknownInvoice,
    enter_payment,
)
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND

LATER = NOW + timedelta(days=1)


@pytest.fixture
def practice(cast):
    return cast.owner.business


def enter(invoice, amount, currency="EUR", now=NOW, **fields):
    payment = NewPayment(Money(amount, currency), PaymentMethod.BANK_TRANSFER, TODAY, **fields)
    entered = enter_payment(invoice.pk, invoice.business_id, payment, COMMAND, now)
    invoice.refresh_from_db()
    return entered


def verbs(invoice):
    return list(Change.objects.filter(subject_kind="invoice", subject_id=invoice.pk).values_list("verb", flat=True))


def test_whole_payment_makes_an_invoice_paid(practice):
    invoice = issued(practice)
    enter(invoice, 10_000)
    assert (invoice.status, invoice.paid_amount, invoice.open_amount) == (InvoiceStatus.PAID, 10_000, 0)
    assert invoice.paid_at == NOW
    assert invoice.version == 2
    change = Change.objects.get(subject_kind="invoice", subject_id=invoice.pk)
    assert (change.verb, change.subject_version) == ("paid", 2)
    assert change.before == {"status": "open", "paid_amount": 0}
    assert change.after == {
        "status": "paid",
        "paid_amount": 10_000,
        "amount": 10_000,
        "currency": "EUR",
        "method": "bank_transfer",
    }


def test_part_of_it_leaves_the_rest_open_until_it_comes(practice):
    invoice = issued(practice)
    enter(invoice, 4_000)
    assert (invoice.status, invoice.open_amount, invoice.paid_at) == (InvoiceStatus.OPEN, 6_000, None)
    enter(invoice, 6_000, now=LATER)
    assert (invoice.status, invoice.paid_at) == (InvoiceStatus.PAID, LATER)
    assert verbs(invoice) == ["partly_paid", "paid"]


def test_more_than_is_owed_is_kept_as_credit(practice):
    invoice = issued(practice)
    enter(invoice, 10_000)
    enter(invoice, 2_500, now=LATER)
    assert (invoice.status, invoice.open_amount, invoice.paid_at) == (InvoiceStatus.PAID, -2_500, NOW)


def test_money_that_goes_back_opens_the_invoice_again(practice):
    invoice = issued(practice)
    enter(invoice, 10_000)
    enter(invoice, -3_000, now=LATER)
    assert (invoice.status, invoice.open_amount, invoice.paid_at) == (InvoiceStatus.OPEN, 3_000, None)
    assert verbs(invoice) == ["paid", "refunded"]


def test_what_was_credited_need_not_be_paid(practice):
    invoice = issued(practice, credited_amount=4_000)
    enter(invoice, 6_000)
    assert invoice.status == InvoiceStatus.PAID


def test_invoice_that_was_taken_back_stays_so_when_money_goes_back(practice):
    invoice = issued(practice, credited_amount=10_000, paid_amount=10_000, status=InvoiceStatus.CREDITED)
    enter(invoice, -10_000)
    assert (invoice.status, invoice.open_amount) == (InvoiceStatus.CREDITED, 0)


def test_same_payment_is_entered_once(practice):
    invoice = issued(practice)
    enter(invoice, 4_000, external_id="statement 7, line 3")
    with pytest.raises(AlreadyEntered):
        enter(invoice, 4_000, external_id="statement 7, line 3")
    invoice.refresh_from_db()
    assert (invoice.paid_amount, invoice.version, Payment.objects.count()) == (4_000, 2, 1)


def test_two_businesses_may_name_a_payment_alike(practice, cast):
    mine, theirs = issued(practice), issued(cast.outsider.business)
    enter(theirs, 10_000, external_id="1")
    enter(mine, 10_000, external_id="1")
    assert mine.status == InvoiceStatus.PAID


@pytest.mark.parametrize(
    ("fields", "amount", "currency", "refusal"),
    [
        ({}, 10_000, "USD", CurrencyMismatch),
        ({}, 0, "EUR", NothingPaid),
        ({"status": InvoiceStatus.DRAFT, "sequence": None}, 10_000, "EUR", NotIssued),
        ({"kind": InvoiceKind.CREDIT_NOTE, "gross": -100}, 100, "EUR", NotPayable),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(practice, fields, amount, currency, refusal):
    invoice = issued(practice, **fields)
    with pytest.raises(refusal):
        enter(invoice, amount, currency)
    invoice.refresh_from_db()
    assert (invoice.paid_amount, invoice.version, Payment.objects.count(), verbs(invoice)) == (0, 1, 0, [])


def test_foreign_invoice_is_unknown(practice, cast):
    invoice = issued(cast.outsider.business)
    payment = NewPayment(Money(10_000, "EUR"), PaymentMethod.CASH, TODAY)
    with pytest.raises(UnknownInvoice):
        enter_payment(invoice.pk, practice.pk, payment, COMMAND, NOW)
