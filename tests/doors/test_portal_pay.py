"""The button with which a customer pays an invoice."""

import dataclasses

import pytest
from django.test import Client

from billed import issued
from paid import link_to, paid_through_stripe, set_up_stripe
from slotkeeper.billing.gateway_models import PaymentLink
from slotkeeper.billing.models import InvoiceStatus
from slotkeeper.billing.portal import Purpose, make_token


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


@pytest.fixture
def invoice(practice):
    return issued(practice.business)


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


def page_of(invoice):
    return f"/portal/invoice/{make_token(Purpose.INVOICE, invoice=invoice, occasion='test')}"


def test_button_leads_to_stripe_and_back_to_the_invoice(practice, invoice, visitor):
    page = visitor.get(page_of(invoice))
    assert f'action="{page_of(invoice)}/pay"' in page.content.decode()
    answer = visitor.post(f"{page_of(invoice)}/pay")
    link = link_to(invoice)
    assert (answer.status_code, answer["Location"]) == (303, link.url)
    assert answer["Referrer-Policy"] == "no-referrer"
    back = practice.stripe.sessions[link.external_id]["success_url"]
    practice.tell(practice.stripe.pay(link.external_id))
    after = visitor.get(back.removeprefix("http://localhost:8000"))
    assert after.status_code == 200
    assert b"Pay now" not in after.content
    assert "Paid" in after.content.decode()


def test_double_click_opens_one_page(practice, invoice, visitor):
    answers = [visitor.post(f"{page_of(invoice)}/pay") for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert len(practice.stripe.sessions) == 1


def test_looking_changes_nothing(practice, invoice, visitor):
    assert visitor.get(f"{page_of(invoice)}/pay").status_code == 405
    visitor.get(page_of(invoice))
    assert PaymentLink.objects.count() == 0


def test_browser_may_follow_the_form_to_the_payment_page(practice, invoice, visitor):
    policy = visitor.get(page_of(invoice))["Content-Security-Policy"]
    assert f"form-action 'self' https: {practice.stripe.url};" in policy


@pytest.mark.parametrize("fault", ["away", "error", "busy", "nonsense"])
def test_stripe_that_is_away_is_said_in_words_and_nothing_is_charged(practice, invoice, visitor, fault):
    practice.stripe.fault = fault
    answer = visitor.post(f"{page_of(invoice)}/pay")
    assert answer.status_code == 409
    assert "try again in a few minutes" in answer.content.decode()


def test_paid_invoice_is_not_paid_again(practice, visitor):
    invoice = issued(practice.business, status=InvoiceStatus.PAID, paid_amount=10_000)
    answer = visitor.post(f"{page_of(invoice)}/pay")
    assert (answer.status_code, "Nothing is left to pay." in answer.content.decode()) == (409, True)


def test_refusals_of_stripe_are_for_the_business_not_for_its_customers(practice, visitor):
    answer = visitor.post(f"{page_of(issued(practice.business, 10))}/pay")
    assert answer.status_code == 409
    assert "Stripe" not in answer.content.decode()
    assert "Please get in touch." in answer.content.decode()


def test_without_stripe_there_is_no_button_and_no_way(practice, invoice, visitor):
    set_up_stripe(practice.business, stripe_sealed_signing_secret="")
    assert b"Pay now" not in visitor.get(page_of(invoice)).content
    assert visitor.post(f"{page_of(invoice)}/pay").status_code == 409


def test_unknown_link_pays_nothing(practice, visitor):
    assert visitor.post("/portal/invoice/forged:link/pay").status_code == 404
    assert practice.stripe.asked == []


def test_nobody_opens_pages_without_end(practice, invoice, visitor, settings):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, bookings_per_source_and_hour=2)
    assert [visitor.post(f"{page_of(invoice)}/pay").status_code for _ in range(3)] == [303, 303, 429]
