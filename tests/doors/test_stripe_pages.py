"""The pages about Stripe in the dashboard: keys, payment links, refunds."""

import pytest

from billed import issued
from cast import add_member
from desk import browser_of, text_of
from paid import link_to, paid_through_stripe, set_up_stripe
from servers.stripe_fake import KEY, SECRET
from slotkeeper.billing.models import BillingProfile, InvoiceStatus
from slotkeeper.billing.stripe_accounts import is_payable_online
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import User
from slotkeeper.rules.permissions import Role

PLACE = "/settings/stripe"


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


@pytest.fixture
def browser(cast):
    return browser_of(cast.owner)


@pytest.fixture
def invoice(practice):
    return issued(practice.business)


def paste(browser, key="", secret=""):
    return browser.post(PLACE, {"stripe_key": key, "stripe_signing_secret": secret}, follow=True)


@pytest.mark.parametrize("role", list(Role))
def test_only_owners_and_admins_decide_where_the_money_goes(cast, practice, role):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    may = role in {Role.OWNER, Role.ADMIN}
    assert (browser.get(PLACE).status_code == 200) is may
    assert paste(browser, secret="whsec_of_somebody_else").status_code == (200 if may else 403)
    assert (browser.post(f"{PLACE}/forget").status_code == 302) is may


def test_settings_lead_to_the_page(practice, browser):
    assert f'href="{PLACE}"' in text_of(browser.get("/settings"))


def test_page_says_the_door_and_the_ends_of_the_keys_and_no_more(practice, browser):
    page = text_of(browser.get(PLACE))
    assert f"http://localhost:8000/webhooks/stripe/{practice.business.slug}" in page
    assert "charge.dispute.closed" in page
    assert (f"…{KEY[-4:]}" in page, f"…{SECRET[-4:]}" in page) == (True, True)
    assert (KEY in page, SECRET in page) == (False, False)
    assert "Test mode" in page


def test_pasted_keys_are_kept_and_not_shown_again(practice, browser):
    BillingProfile.objects.update(stripe_sealed_key="", stripe_sealed_signing_secret="")
    assert "Not set up." in text_of(browser.get(PLACE))
    page = text_of(paste(browser, KEY))
    assert "The signing secret is missing." in page
    page = text_of(paste(browser, secret=SECRET))
    assert "Saved." in page
    assert (KEY in page, SECRET in page) == (False, False)
    assert is_payable_online(practice.business.pk)


def test_key_that_is_refused_is_not_sent_back_in_the_page(practice, browser):
    page = text_of(paste(browser, "sk_test_revoked1"))
    assert "Stripe does not know this key." in page
    assert "sk_test_revoked1" not in page


def test_keys_are_forgotten_unless_they_are_needed(practice, browser):
    fields = {"name": "Course", "slug": "course", "price_amount": 5_000, "price_currency": "EUR"}
    service = Service.objects.create(business=practice.business, prepayment="full", **fields)
    assert "Change them first" in text_of(browser.post(f"{PLACE}/forget", follow=True))
    service.delete()
    assert "The keys are forgotten." in text_of(browser.post(f"{PLACE}/forget", follow=True))
    assert not is_payable_online(practice.business.pk)


def test_page_shows_what_was_told_in_the_readers_language(practice, browser, invoice):
    browser.post(f"/money/invoices/{invoice.pk}/payment-link")
    event = practice.stripe.pay(link_to(invoice).external_id)
    practice.tell(event | {"account": "acct_other"})
    User.objects.update(locale="de")
    assert "Es betrifft ein anderes Konto." in text_of(browser.get(PLACE))


def test_payment_link_is_given_on_a_page(practice, browser, invoice):
    place = f"/money/invoices/{invoice.pk}"
    assert f'action="{place}/payment-link"' in text_of(browser.get(place))
    page = text_of(browser.post(f"{place}/payment-link"))
    assert link_to(invoice).url in page


def test_what_stripe_refuses_is_said_to_the_member(practice, browser):
    small = issued(practice.business, 10)
    page = text_of(browser.post(f"/money/invoices/{small.pk}/payment-link", follow=True))
    assert "at least 50 cents" in page


def test_without_stripe_there_is_no_button_for_a_link(practice, browser, invoice):
    set_up_stripe(practice.business, stripe_sealed_key="")
    place = f"/money/invoices/{invoice.pk}"
    assert "payment-link" not in text_of(browser.get(place))
    assert "Settings → Stripe" in text_of(browser.post(f"{place}/payment-link", follow=True))


@pytest.fixture
def paid(practice, browser, invoice):
    browser.post(f"/money/invoices/{invoice.pk}/payment-link")
    practice.tell(practice.stripe.pay(link_to(invoice).external_id))
    invoice.refresh_from_db()
    return invoice


def test_part_is_given_back(practice, browser, paid):
    place = f"/money/invoices/{paid.pk}"
    assert f'href="{place}/refund"' in text_of(browser.get(place))
    form = text_of(browser.get(f"{place}/refund"))
    assert 'value="100"' in form
    page = text_of(browser.post(f"{place}/refund", {"amount": "20.00", "reason": "Shorter"}, follow=True))
    assert "The money goes back." in page
    paid.refresh_from_db()
    assert (paid.status, paid.paid_amount) == (InvoiceStatus.OPEN, 8_000)


@pytest.mark.parametrize("amount", ["100.01", "0", "-5", "a lot", "", "1" * 30])
def test_amount_that_cannot_go_back_is_refused_at_its_field(practice, browser, paid, amount):
    page = browser.post(f"/money/invoices/{paid.pk}/refund", {"amount": amount, "reason": ""})
    assert page.status_code == 200
    assert 'aria-invalid="true"' in text_of(page)
    assert practice.stripe.refunds == {}


def test_stripe_that_is_away_is_said_and_nothing_is_given_back(practice, browser, paid):
    practice.stripe.fault = "error"
    page = text_of(browser.post(f"/money/invoices/{paid.pk}/refund", {"amount": "20.00"}))
    assert "try again in a few minutes" in page
    paid.refresh_from_db()
    assert paid.status == InvoiceStatus.PAID


def test_foreign_invoice_is_not_there(practice, browser, cast):
    theirs = issued(cast.outsider.business, paid_amount=100)
    for verb in ("payment-link", "refund"):
        assert browser.post(f"/money/invoices/{theirs.pk}/{verb}").status_code == 404
