"""Payments at once: one page, one refund, one payment, whoever presses the button how often."""

from datetime import UTC, datetime

import pytest

from billed import issued
from cast import Cast
from paid import link_to, paid_through_stripe
from race.harness import LANES, race
from servers.stripe_fake import signed
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.self_service import CustomerBooking, NotOffered
from slotkeeper.billing.gateway_models import PaymentLink, Prepayment
from slotkeeper.billing.gateways.base import GatewayRefused
from slotkeeper.billing.gateways.stripe import open_event
from slotkeeper.billing.models import Invoice, Payment
from slotkeeper.billing.news import Source, take_notice
from slotkeeper.billing.pay_links import pay_in_advance, pay_invoice
from slotkeeper.billing.prepayments import begin_prepayment
from slotkeeper.billing.refunds import NothingPaid, RefundOrder, refund_invoice
from slotkeeper.billing.stripe_accounts import account_of
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.refusals import InvalidFields
from storefront import instant, next_weekday, open_storefront


@pytest.fixture
def practice(calendar: Cast, settings):
    with paid_through_stripe(calendar.owner.business, settings) as practice:
        yield practice


def now():
    return datetime.now(UTC)


def take(practice, event):
    """Take an event as its door does."""
    account = account_of(practice.business.pk)
    assert account is not None
    notice = open_event(account, *signed(event))
    return take_notice(Source(practice.business.pk, "stripe", account.is_live, account.account_id), notice, now())


def test_sixteen_clicks_at_once_open_one_page(practice):
    invoice = issued(practice.business)
    outcomes = race([lambda: pay_invoice(practice.business.pk, invoice.pk, now()).url] * LANES * 2)
    assert list(outcomes.values()) == [LANES * 2]
    assert len(practice.stripe.sessions) == PaymentLink.objects.count() == 1


def test_sixteen_refunds_of_all_at_once_give_it_back_once(practice):
    invoice = issued(practice.business)
    pay_invoice(practice.business.pk, invoice.pk, now())
    take(practice, practice.stripe.pay(link_to(invoice).external_id))

    def refund():
        try:
            refund_invoice(practice.business.pk, invoice.pk, RefundOrder(10_000), COMMAND, now())
        except (NothingPaid, InvalidFields, GatewayRefused):
            return "too late"
        return "given back"

    outcomes = race([refund] * LANES)
    assert outcomes["given back"] >= 1
    assert sum(one["amount"] for one in practice.stripe.refunds.values()) == 10_000
    invoice.refresh_from_db()
    assert invoice.paid_amount == 0


def test_events_about_one_payment_at_once_are_entered_once_each(practice):
    invoice = issued(practice.business)
    pay_invoice(practice.business.pk, invoice.pk, now())
    session = link_to(invoice).external_id
    stripe = practice.stripe
    stripe.pay(session)
    payment = stripe.sessions[session]["payment_intent"]
    for amount in (1_000, 2_000, 3_000):
        stripe.refund_by_hand(payment, amount)
    race([lambda event=event: take(practice, event) for _ in range(4) for event in stripe.events] * 4)
    invoice.refresh_from_db()
    assert (invoice.paid_amount, Payment.objects.count()) == (4_000, 4)


@pytest.fixture
def waiting(practice, calendar):
    """A booking that waits for its money, and what Stripe tells of it."""
    massage = open_storefront(calendar).massage
    massage.prepayment = "full"
    massage.save()
    booking = CustomerBooking(
        practice.business.pk, massage.pk, instant(next_weekday(), "10:00"), "Carla", "carla@customer.test"
    )
    prepayment = begin_prepayment(booking, int(now().timestamp()))
    return booking, practice.stripe.pay(pay_in_advance(prepayment, now()).external_id)


def test_same_payment_told_by_sixteen_at_once_books_once(practice, waiting):
    _, event = waiting
    events = [event | {"id": f"evt_{number}"} for number in range(LANES)]
    race([lambda event=event: take(practice, event) for event in events])
    assert (Appointment.objects.count(), Invoice.objects.count(), Payment.objects.count()) == (1, 1, 1)
    assert Prepayment.objects.get().status == "booked"


def test_held_time_is_nobody_elses_while_it_is_paid(practice, waiting):
    booking, event = waiting

    def grab():
        try:
            begin_prepayment(booking, int(now().timestamp()))
        except NotOffered:
            return "not offered"
        return "held"

    outcomes = race([grab] * 7 + [lambda: take(practice, event)] + [grab] * 8)
    assert outcomes["not offered"] == 15
    assert Appointment.objects.count() == 1
