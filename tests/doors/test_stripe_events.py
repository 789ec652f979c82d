"""Stripe's events: what follows from each, and what is never believed."""

import copy
import dataclasses
import time
from datetime import UTC, datetime

import pytest
from django.test import Client

from billed import issued
from paid import link_to, paid_through_stripe, set_up_stripe
from servers.stripe_fake import KEY, SECRET, signed
from slotkeeper.billing.gateway_models import GatewayEvent, GatewayRecord
from slotkeeper.billing.models import InvoiceStatus, Payment
from slotkeeper.billing.pay_links import pay_invoice
from slotkeeper.changes.models import Change


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


@pytest.fixture
def invoice(practice):
    return issued(practice.business)


@pytest.fixture
def session(practice, invoice):
    return pay_invoice(practice.business.pk, invoice.pk, datetime.now(UTC)).external_id


def state(invoice):
    invoice.refresh_from_db()
    return invoice.status, invoice.paid_amount


def verbs(invoice):
    return list(Change.objects.filter(subject_kind="invoice", subject_id=invoice.pk).values_list("verb", flat=True))


def payment_of(practice, session):
    return practice.stripe.sessions[session]["payment_intent"]


def test_paid_session_makes_its_invoice_paid(practice, invoice, session):
    event = practice.stripe.pay(session)
    assert practice.tell(event).status_code == 200
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)
    assert link_to(invoice).status == "paid"
    payment = Payment.objects.get()
    assert (payment.external_id, payment.method, payment.amount) == (payment_of(practice, session), "stripe", 10_000)
    assert payment.received_on == datetime.now(UTC).astimezone(_zone(practice)).date()
    assert verbs(invoice) == ["paid"]
    assert Change.objects.get(verb="paid").actor_name == "Stripe"


def _zone(practice):
    from zoneinfo import ZoneInfo

    return ZoneInfo(practice.business.time_zone)


def test_same_event_told_five_times_is_taken_once(practice, invoice, session):
    event = practice.stripe.pay(session)
    assert [practice.tell(event).status_code for _ in range(5)] == [200] * 5
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)
    assert (Payment.objects.count(), GatewayEvent.objects.count(), verbs(invoice)) == (1, 1, ["paid"])


def test_payment_that_takes_days_is_paid_when_it_arrives(practice, invoice, session):
    practice.tell(practice.stripe.pay(session, later=True))
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    assert link_to(invoice).status == "processing"
    practice.tell(practice.stripe.arrive(session))
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_payment_that_fails_after_days_leaves_the_invoice_open(practice, invoice, session):
    practice.tell(practice.stripe.pay(session, later=True))
    practice.tell(practice.stripe.fail(session))
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    assert link_to(invoice).status == "failed"


def test_page_that_is_over_is_closed(practice, invoice, session):
    practice.tell(practice.stripe.let_expire(session))
    assert link_to(invoice).status == "expired"
    assert state(invoice) == (InvoiceStatus.OPEN, 0)


def test_arrival_told_before_the_completion_stands(practice, invoice, session):
    begun = practice.stripe.pay(session, later=True)
    arrived = practice.stripe.arrive(session)
    practice.tell(arrived)
    practice.tell(begun)
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)
    assert link_to(invoice).status == "paid"


def test_refund_in_the_dashboard_of_stripe_is_entered(practice, invoice, session):
    practice.tell(practice.stripe.pay(session))
    practice.tell(practice.stripe.refund_by_hand(payment_of(practice, session), 4_000))
    assert state(invoice) == (InvoiceStatus.OPEN, 6_000)
    assert verbs(invoice) == ["paid", "refunded"]


def test_refund_told_before_its_payment_waits_for_it(practice, invoice, session):
    paid = practice.stripe.pay(session)
    refund = practice.stripe.refund_by_hand(payment_of(practice, session), 4_000)
    practice.tell(refund)
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    assert practice.outcome(refund) == "It waits until its payment is told."
    practice.tell(paid)
    assert state(invoice) == (InvoiceStatus.OPEN, 6_000)


def test_refund_that_fails_later_is_taken_back(practice, invoice, session):
    practice.tell(practice.stripe.pay(session))
    refund = practice.stripe.refund_by_hand(payment_of(practice, session), 4_000)
    practice.tell(refund)
    practice.tell(practice.stripe.refund_becomes(refund["data"]["object"]["id"], "failed"))
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)
    assert verbs(invoice) == ["paid", "refunded", "refund_failed"]


def test_failure_of_a_refund_told_before_its_success_stands(practice, invoice, session):
    practice.tell(practice.stripe.pay(session))
    refund = practice.stripe.refund_by_hand(payment_of(practice, session), 4_000)
    practice.tell(practice.stripe.refund_becomes(refund["data"]["object"]["id"], "failed"))
    practice.tell(refund)
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_refund_that_is_pending_moves_nothing_yet(practice, invoice, session):
    practice.tell(practice.stripe.pay(session))
    refund = practice.stripe.refund_by_hand(payment_of(practice, session), 4_000, "pending")
    practice.tell(refund)
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)
    practice.tell(practice.stripe.refund_becomes(refund["data"]["object"]["id"], "succeeded"))
    assert state(invoice) == (InvoiceStatus.OPEN, 6_000)


@pytest.mark.parametrize(("end", "status", "paid"), [("won", "paid", 10_000), ("lost", "open", 0)])
def test_dispute_takes_the_money_until_it_is_won(practice, invoice, session, end, status, paid):
    practice.tell(practice.stripe.pay(session))
    dispute = practice.stripe.dispute(payment_of(practice, session), 10_000)
    practice.tell(dispute)
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    practice.tell(practice.stripe.decide(dispute["data"]["object"]["id"], end))
    assert state(invoice) == (status, paid)
    assert verbs(invoice)[:2] == ["paid", "disputed"]


def test_inquiry_of_a_bank_moves_no_money(practice, invoice, session):
    practice.tell(practice.stripe.pay(session))
    practice.tell(practice.stripe.dispute(payment_of(practice, session), 10_000, "warning_needs_response"))
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_event_of_another_kind_is_noted_and_nothing_follows(practice, invoice, session):
    event = practice.stripe.pay(session) | {"type": "customer.created", "data": {"object": {"id": "cus_1"}}}
    assert practice.tell(event).status_code == 200
    assert practice.outcome(event) == "Nothing follows from it."
    assert state(invoice) == (InvoiceStatus.OPEN, 0)


def changed(event, **fields):
    event = copy.deepcopy(event)
    event["data"]["object"].update(fields)
    return event


FORGERIES = {
    "another amount": lambda event: changed(event, amount_total=9_999),
    "another currency": lambda event: changed(event, currency="usd"),
    "another session": lambda event: changed(event, id="cs_test_unknown"),
    "another link": lambda event: changed(event, client_reference_id="slotkeeper-other"),
    "no link": lambda event: changed(event, client_reference_id=None),
    "another invoice": lambda event: changed(
        event, metadata=event["data"]["object"]["metadata"] | {"slotkeeper_about": "invoice-999999"}
    ),
    "another business": lambda event: changed(
        event, metadata=event["data"]["object"]["metadata"] | {"slotkeeper_business": "999999"}
    ),
    "nothing of ours": lambda event: changed(event, metadata={}),
    "another account": lambda event: event | {"account": "acct_other"},
    "live mode": lambda event: event | {"livemode": True},
    "an amount that is none": lambda event: changed(event, amount_total="a lot"),
    "an amount below nothing": lambda event: changed(event, amount_total=-10_000),
    "an id that no database keeps": lambda event: changed(event, payment_intent="pi_\x00"),
    "an object that is none": lambda event: event | {"data": {"object": [1, 2, 3]}},
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_does_not_match_is_noted_with_the_reason_and_changes_nothing(practice, invoice, session, forge):
    event = forge(practice.stripe.pay(session))
    assert practice.tell(event).status_code == 200
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    assert link_to(invoice).status == "open"
    assert (Payment.objects.count(), GatewayRecord.objects.count(), verbs(invoice)) == (0, 0, [])
    assert practice.outcome(event)


def test_refund_of_more_than_was_paid_is_not_believed(practice, invoice, session):
    practice.tell(practice.stripe.pay(session))
    practice.tell(practice.stripe.refund_by_hand(payment_of(practice, session), 10_001))
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)


def test_other_businesses_links_are_unknown(practice, cast, invoice, session):
    event = practice.stripe.pay(session)
    set_up_stripe(cast.outsider.business)
    body, signature = signed(event)
    client = Client(HTTP_HOST="localhost")
    place = f"/webhooks/stripe/{cast.outsider.business.slug}"
    client.generic("POST", place, body, "application/json", headers={"Stripe-Signature": signature})
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    assert GatewayEvent.objects.get().outcome == "There is no such payment link."


BAD_SIGNATURES = {
    "another secret": lambda event: signed(event, "whsec_another_secret"),
    "five minutes and a second ago": lambda event: signed(event, at=int(time.time()) - 301),
    "another body": lambda event: (signed(event)[0] + b" ", signed(event)[1]),
    "none": lambda event: (signed(event)[0], ""),
    "nonsense": lambda event: (signed(event)[0], "t=now,v1=é"),
    "no time": lambda event: (signed(event)[0], signed(event)[1].partition(",")[2]),
    "no scheme": lambda event: (signed(event)[0], signed(event)[1].partition(",")[0]),
    "an old scheme": lambda event: (signed(event)[0], signed(event)[1].replace("v1=", "v0=")),
    "no text": lambda event: (b"\xff\xfe", signed(event)[1]),
}


@pytest.mark.parametrize("sign", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES.keys())
def test_unsigned_events_are_refused_and_leave_nothing(practice, invoice, session, sign):
    body, signature = sign(practice.stripe.pay(session))
    client = Client(HTTP_HOST="localhost")
    headers = {"Stripe-Signature": signature}
    answer = client.generic("POST", practice.door, body, "application/json", headers=headers)
    assert answer.status_code == 400
    assert state(invoice) == (InvoiceStatus.OPEN, 0)
    assert GatewayEvent.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"id": "evt_1"}', b"[" * 50_000])
def test_signed_nonsense_is_refused(practice, body):
    assert practice.tell(body).status_code == 400
    assert GatewayEvent.objects.count() == 0


def test_too_long_a_body_is_refused(practice):
    assert practice.tell(b" " * 500_001).status_code == 413


def test_only_post_is_served(practice):
    client = Client(HTTP_HOST="localhost")
    assert [client.generic(method, practice.door).status_code for method in ("GET", "PUT", "DELETE")] == [405] * 3


def test_without_a_signing_secret_every_event_is_refused(practice, invoice, session):
    event = practice.stripe.pay(session)
    set_up_stripe(practice.business, stripe_sealed_signing_secret="")
    answer = practice.tell(event)
    assert (answer.status_code, GatewayEvent.objects.count()) == (403, 0)
    assert practice.tell(event, secret="").status_code == 403
    assert state(invoice) == (InvoiceStatus.OPEN, 0)


def test_unknown_business_has_no_door(practice):
    body, signature = signed(b"{}")
    client = Client(HTTP_HOST="localhost")
    headers = {"Stripe-Signature": signature}
    answer = client.generic("POST", "/webhooks/stripe/nobody", body, "application/json", headers=headers)
    assert answer.status_code == 404


def test_environments_keys_are_those_of_an_installation_with_one_business(practice, cast, settings, invoice, session):
    event = practice.stripe.pay(session)
    set_up_stripe(practice.business, stripe_sealed_key="", stripe_sealed_signing_secret="", stripe_account_id="")
    settings.CONFIGURATION = dataclasses.replace(
        settings.CONFIGURATION, stripe_secret_key=KEY, stripe_webhook_secret=SECRET
    )
    body, signature = signed(event)
    headers, client = {"Stripe-Signature": signature}, Client(HTTP_HOST="localhost")

    def told(door):
        return client.generic("POST", door, body, "application/json", headers=headers).status_code

    assert (told("/webhooks/stripe"), told(practice.door)) == (404, 403)  # there are two businesses
    cast.outsider.business.delete()
    assert (told("/webhooks/stripe"), told(practice.door)) == (200, 200)
    assert state(invoice) == (InvoiceStatus.PAID, 10_000)
