"""Payment links, refunds, and what the worker asks Stripe for by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from billed import issued
from paid import link_to, paid_through_stripe, set_up_stripe
from slotkeeper.billing import reconciling
from slotkeeper.billing.gateway_models import GatewayEvent, GatewayReading, GatewayRecord, PaymentLink
from slotkeeper.billing.gateways.base import GatewayAway, GatewayRefused
from slotkeeper.billing.models import InvoiceStatus, PaymentMethod
from slotkeeper.billing.pay_links import NothingOwed, PaymentUnderWay, pay_invoice
from slotkeeper.billing.payments import Money, NewPayment, NotIssued, UnknownInvoice, enter_payment
from slotkeeper.billing.refunds import NothingPaid, RefundOrder, refund_invoice
from slotkeeper.billing.stripe_accounts import (
    PaymentsOff,
)
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.refusals import InvalidFields

HOUR = timedelta(hours=1)


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


@pytest.fixture
def invoice(practice):
    return issued(practice.business)


def pay(invoice):
    return pay_invoice(invoice.business_id, invoice.pk, datetime.now(UTC))


def by_hand(invoice, amount):
    payment = NewPayment(Money(amount, "EUR"), PaymentMethod.BANK_TRANSFER, datetime.now(UTC).date())
    enter_payment(invoice.pk, invoice.business_id, payment, COMMAND, datetime.now(UTC))


def state(invoice):
    invoice.refresh_from_db()
    return invoice.status, invoice.paid_amount


def pass_on(delta):
    """Let time pass for what the worker looks at."""
    for link in PaymentLink.objects.all():
        times = {name: getattr(link, name) for name in ("created_at", "expires_at", "checked_at")}
        PaymentLink.objects.filter(pk=link.pk).update(**{name: time and time - delta for name, time in times.items()})
    for reading in GatewayReading.objects.all():
        until = reading.read_until and reading.read_until - delta
        GatewayReading.objects.filter(pk=reading.pk).update(due_at=reading.due_at - delta, read_until=until)


def work():
    reconciling.work(lambda: datetime.now(UTC))


# Links


def test_link_leads_to_a_page_for_what_is_owed(practice, invoice):
    by_hand(invoice, 2_500)
    link = pay(invoice)
    session = practice.stripe.sessions[link.external_id]
    assert (link.url, link.amount, session["amount_total"]) == (session["url"], 7_500, 7_500)
    assert "/portal/invoice/" in session["success_url"]
    assert session["success_url"] == session["cancel_url"]


def test_open_page_is_used_again(practice, invoice):
    assert pay(invoice).pk == pay(invoice).pk
    assert len(practice.stripe.sessions) == 1


def test_page_for_another_amount_is_ended_first(practice, invoice):
    first = pay(invoice)
    by_hand(invoice, 2_500)
    second = pay(invoice)
    first.refresh_from_db()
    assert (first.status, second.amount) == ("expired", 7_500)
    assert practice.stripe.sessions[first.external_id]["status"] == "expired"


def test_payment_on_a_page_that_is_to_be_ended_is_taken(practice, invoice):
    first = pay(invoice)
    by_hand(invoice, 2_500)
    practice.stripe.pay(first.external_id)
    with pytest.raises(NothingOwed):
        pay(invoice)
    assert state(invoice) == (InvoiceStatus.PAID, 12_500)


def test_new_page_is_made_when_the_time_of_the_old_one_is_over(practice, invoice):
    first = pay(invoice)
    pass_on(timedelta(hours=23))
    assert pay(invoice).pk != first.pk


def test_while_a_bank_takes_its_days_there_is_no_second_page(practice, invoice):
    practice.tell(practice.stripe.pay(pay(invoice).external_id, later=True))
    with pytest.raises(PaymentUnderWay):
        pay(invoice)


def test_answer_that_never_came_is_asked_for_again_under_the_same_key(practice, invoice):
    practice.stripe.fault = "away"
    with pytest.raises(GatewayAway):
        pay(invoice)
    practice.stripe.fault = ""
    link = pay(invoice)
    assert PaymentLink.objects.count() == len(practice.stripe.sessions) == 1
    assert link.url


def test_page_that_says_something_else_by_now_is_made_under_another_key(practice, invoice):
    practice.stripe.fault = "lost_answer"
    practice.stripe.tell, tell = lambda asked: tell(asked) and None, practice.stripe.tell  # both tries are lost
    with pytest.raises(GatewayAway):
        pay(invoice)
    practice.stripe.fault, practice.stripe.tell = "", tell
    practice.business.name = "Another name"
    practice.business.save()
    link = pay(invoice)
    assert sorted(PaymentLink.objects.values_list("status", flat=True)) == ["failed", "open"]
    assert link.status == "open"


def test_what_stripe_refuses_closes_the_link(practice):
    small = issued(practice.business, 10)
    with pytest.raises(GatewayRefused, match="at least 50 cents"):
        pay(small)
    assert link_to(small).status == "failed"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"status": InvoiceStatus.DRAFT, "sequence": None}, NotIssued),
        ({"paid_amount": 10_000, "status": InvoiceStatus.PAID}, NothingOwed),
        ({"credited_amount": 10_000, "status": InvoiceStatus.CREDITED}, NothingOwed),
    ],
)
def test_what_is_not_owed_has_no_page(practice, fields, refusal):
    with pytest.raises(refusal):
        pay(issued(practice.business, **fields))
    assert practice.stripe.asked == []


def test_foreign_invoice_has_no_page(practice, cast):
    theirs = issued(cast.outsider.business)
    with pytest.raises(UnknownInvoice):
        pay_invoice(practice.business.pk, theirs.pk, datetime.now(UTC))


def test_without_a_signing_secret_there_are_no_links(practice, invoice):
    set_up_stripe(practice.business, stripe_sealed_signing_secret="")
    with pytest.raises(PaymentsOff):
        pay(invoice)


# Refunds


def refund(invoice, amount=None, reason=""):
    return refund_invoice(invoice.business_id, invoice.pk, RefundOrder(amount, reason), COMMAND, datetime.now(UTC))


@pytest.fixture
def paid(practice, invoice):
    practice.tell(practice.stripe.pay(pay(invoice).external_id))
    invoice.refresh_from_db()
    return invoice


def test_what_came_through_stripe_goes_back_through_stripe(practice, paid):
    refund(paid, 4_000, "Too long")
    assert state(paid) == (InvoiceStatus.OPEN, 6_000)
    assert [one["amount"] for one in practice.stripe.refunds.values()] == [4_000]
    asked = Change.objects.get(verb="refund_asked")
    assert asked.after == {"amount": 4_000, "currency": "EUR", "reason": "Too long"}
    practice.tell_all()  # Stripe tells of it, too
    assert state(paid) == (InvoiceStatus.OPEN, 6_000)


def test_all_goes_back_where_no_amount_is_said(practice, paid):
    refund(paid)
    assert state(paid) == (InvoiceStatus.OPEN, 0)


def test_refund_whose_answer_was_lost_is_made_once(practice, paid):
    practice.stripe.tell, tell = lambda asked: tell(asked) and None, practice.stripe.tell
    with pytest.raises(GatewayAway):
        refund(paid, 4_000)
    practice.stripe.tell = tell
    refund(paid, 4_000)
    assert len(practice.stripe.refunds) == 1
    assert state(paid) == (InvoiceStatus.OPEN, 6_000)


def test_two_refunds_of_one_amount_are_two(practice, paid):
    refund(paid, 4_000)
    refund(paid, 4_000)
    assert state(paid) == (InvoiceStatus.OPEN, 2_000)
    assert len(practice.stripe.refunds) == 2


def test_after_a_refund_that_failed_the_next_one_goes_back(practice, paid):
    refund(paid, 4_000)
    [first] = practice.stripe.refunds
    practice.tell(practice.stripe.refund_becomes(first, "failed"))
    assert state(paid) == (InvoiceStatus.PAID, 10_000)
    refund(paid, 4_000)
    assert state(paid) == (InvoiceStatus.OPEN, 6_000)
    assert len(practice.stripe.refunds) == 2


def test_refund_that_is_on_its_way_is_not_given_twice(practice, paid):
    practice.stripe.refund_status = "pending"
    refund(paid)
    assert state(paid) == (InvoiceStatus.PAID, 10_000)
    with pytest.raises(InvalidFields):
        refund(paid, 1)
    assert state(paid) == (InvoiceStatus.PAID, 10_000)


@pytest.mark.parametrize("amount", [10_001, 0, -5])
def test_no_more_goes_back_than_was_paid(practice, paid, amount):
    with pytest.raises(InvalidFields):
        refund(paid, amount)
    assert practice.stripe.refunds == {}


def test_what_came_otherwise_is_entered_as_given_back(practice, invoice):
    by_hand(invoice, 10_000)
    refund(invoice, 2_500, "A discount")
    last = invoice.payments.latest("pk")
    assert (last.amount, last.method, last.reference) == (-2_500, "bank_transfer", "A discount")
    assert practice.stripe.asked == []


def test_of_two_ways_of_paying_what_came_online_goes_back_first(practice, invoice):
    by_hand(invoice, 2_500)
    practice.tell(practice.stripe.pay(pay(invoice).external_id))
    with pytest.raises(InvalidFields) as refusal:
        refund(invoice)
    assert "amount" in refusal.value.reasons
    refund(invoice, 7_500)
    refund(invoice, 2_500)
    assert state(invoice) == (InvoiceStatus.OPEN, 0)


def test_unpaid_invoice_has_nothing_to_give_back(practice, invoice):
    with pytest.raises(NothingPaid):
        refund(invoice)


# Events that nobody heard of


def test_events_that_were_lost_are_asked_for(practice, invoice):
    practice.stripe.pay(pay(invoice).external_id)
    practice.stripe.refund_by_hand(practice.stripe.sessions[link_to(invoice).external_id]["payment_intent"], 4_000)
    work()
    assert state(invoice) == (InvoiceStatus.OPEN, 6_000)
    assert GatewayEvent.objects.count() == 2
    practice.tell_all()  # late, but they come
    assert state(invoice) == (InvoiceStatus.OPEN, 6_000)


def test_events_are_asked_for_once_an_hour(practice, invoice):
    work()
    pass_on(timedelta(minutes=10))
    work()
    assert len(practice.stripe.asked_for("GET", "/v1/events")) == 1
    practice.stripe.pay(pay(invoice).external_id)
    pass_on(HOUR)
    work()
    assert len(practice.stripe.asked_for("GET", "/v1/events")) == 2
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_page_that_nothing_was_heard_of_is_asked_for(practice, invoice):
    link = pay(invoice)
    work()
    practice.stripe.pay(link.external_id)
    practice.stripe.events.clear()  # as if Stripe kept none
    pass_on(HOUR)
    work()
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_page_whose_time_is_over_is_closed(practice, invoice):
    link = pay(invoice)
    practice.stripe.sessions[link.external_id]["status"] = "expired"
    pass_on(timedelta(hours=24))
    work()
    assert link_to(invoice).status == "expired"


def test_page_whose_making_was_never_answered_is_closed(practice, invoice):
    practice.stripe.fault = "away"
    with pytest.raises(GatewayAway):
        pay(invoice)
    practice.stripe.fault = ""
    pass_on(2 * HOUR)
    work()
    assert link_to(invoice).status == "failed"


def test_page_that_stripe_does_not_know_is_closed(practice, invoice):
    link = pay(invoice)
    practice.stripe.sessions.clear()
    pass_on(2 * HOUR)
    work()
    link.refresh_from_db()
    assert link.status == "expired"


def test_stripe_that_is_away_is_noted_and_asked_again(practice, invoice):
    practice.stripe.pay(pay(invoice).external_id)
    practice.stripe.fault = "error"
    work()
    assert GatewayReading.objects.get().last_error
    practice.stripe.fault = ""
    pass_on(timedelta(minutes=3))
    work()
    assert GatewayReading.objects.get().last_error == ""
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_business_that_another_worker_asks_for_is_left_to_it(practice, invoice):
    work()
    leased = datetime.now(UTC) + HOUR
    GatewayReading.objects.update(lease="another", leased_until=leased, due_at=datetime.now(UTC), read_until=None)
    practice.stripe.asked.clear()
    work()
    assert practice.stripe.asked == []
    GatewayReading.objects.update(leased_until=datetime.now(UTC) - HOUR)
    work()
    assert practice.stripe.asked != []


def test_what_was_told_of_nothing_of_ours_is_forgotten_in_the_end(practice, invoice):
    practice.tell(practice.stripe.pay(pay(invoice).external_id))
    payment = practice.stripe.sessions[link_to(invoice).external_id]["payment_intent"]
    practice.tell(practice.stripe.refund_by_hand(payment, 4_000))
    practice.stripe.payments["pi_of_a_shop"] = {"amount": 500, "currency": "eur"}
    practice.tell(practice.stripe.refund_by_hand("pi_of_a_shop", 500))
    assert (GatewayRecord.objects.count(), GatewayEvent.objects.count()) == (4, 3)
    reconciling.clean_up_events(datetime.now(UTC) + timedelta(days=91))
    assert GatewayEvent.objects.count() == 0
    assert set(GatewayRecord.objects.values_list("payment_id", flat=True)) == {payment}
