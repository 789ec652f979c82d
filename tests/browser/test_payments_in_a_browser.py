"""Somebody sets Stripe up, a customer pays an invoice, another one a time that is held: with a Stripe of our own."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, NARROW, WIDE, Visitor, running_server
from browser.test_booking_in_a_browser import choose_day
from servers.fake_http import running
from servers.stripe_fake import KEY, SECRET, StripeFake, signed

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast
from paid import SELLER
from slotkeeper.billing.models import BillingProfile
from storefront import open_storefront
cast = make_cast()
BillingProfile.objects.create(business=cast.owner.business, default_tax_rate=19, **SELLER)
open_storefront(cast)
"""
ISSUE = """
import django
django.setup()
import json
from datetime import UTC, datetime
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.invoices import create_invoice, issue_invoice
from slotkeeper.billing.portal import Purpose, make_token
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Business
now, business = datetime.now(UTC), Business.objects.get(slug="practice")
lines = [{"description": "Consultation", "unit_price": 10_000}]
draft = create_invoice(business.pk, {"lines": lines, "buyer": {"name": "Carla Customer"}}, COMMAND, now)
invoice = issue_invoice(DocumentTarget(business.pk, draft.pk), COMMAND, now)
print(json.dumps([invoice.pk, make_token(Purpose.INVOICE, invoice=invoice, occasion="test")]))
"""
ASK_FOR_A_DEPOSIT = """
import django
django.setup()
from slotkeeper.offerings.models import Service
Service.objects.filter(slug="massage").update(prepayment="deposit", deposit_percent=25)
"""


class Practice:
    """A running server with the cast and its services, and Stripe."""

    def __init__(self, url: str, environment: dict[str, str], stripe: StripeFake) -> None:
        self.url, self.stripe = url, stripe
        self.environment = environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{TESTS}"}

    def run(self, program: str) -> str:
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=self.environment, check=True, timeout=120, capture_output=True, text=True)
        return done.stdout

    def tell(self) -> None:
        """Post what happened at Stripe, and was not told yet."""
        while self.stripe.events:
            body, signature = signed(self.stripe.events.pop(0))
            door, headers = f"{self.url}/webhooks/stripe/practice", {"Stripe-Signature": signature}
            answer = httpx.post(door, content=body, headers=headers)
            assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[Practice]:
    with (
        running(StripeFake()) as stripe,
        running_server(tmp_path_factory, SLOTKEEPER_STRIPE_URL=stripe.url) as (url, environment),
    ):
        practice = Practice(url, environment, stripe)
        practice.run(OPEN_OFFICE)
        yield practice


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"payments_{name}")
    assert not serious_findings(visitor.page), name


@pytest.fixture
def visitor(chromium, practice) -> Iterator[Visitor]:
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": WIDE, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    yield visitor
    context.close()
    complaints = [one for one in visitor.complaints if not one.startswith(practice.stripe.url)]
    assert not complaints, "\n".join(complaints)


def test_keys_are_pasted_and_an_invoice_is_paid_and_given_back(visitor, practice):
    visitor.sign_in(EMAIL, PASSWORD)
    visitor.open("/settings")
    visitor.follow("Stripe")
    look_at(visitor, "not_set_up")
    visitor.fill(stripe_key="sk_test_revoked1")
    visitor.press("Save")
    visitor.page.get_by_text("Stripe does not know this key.").wait_for()
    look_at(visitor, "refused")
    visitor.fill(stripe_key=KEY)
    visitor.press("Save")
    visitor.page.get_by_text("The signing secret is missing.").wait_for()
    look_at(visitor, "half")
    visitor.fill(stripe_signing_secret=SECRET)
    visitor.press("Save")
    visitor.page.get_by_text("Test mode: payments are tried").wait_for()
    invoice, token = json.loads(practice.run(ISSUE))
    _pay_as_customer(visitor, practice, f"/portal/invoice/{token}")
    visitor.open("/settings/stripe")
    visitor.page.get_by_text("What Stripe told last").wait_for()
    look_at(visitor, "set_up")
    visitor.open(f"/money/invoices/{invoice}")
    look_at(visitor, "paid_invoice")
    visitor.follow("Give money back")
    look_at(visitor, "refund")
    visitor.fill(amount="19.00", reason="Shorter than booked")
    visitor.press("Give back")
    visitor.page.get_by_text("The money goes back.").wait_for()
    visitor.press("Payment link")
    visitor.page.get_by_label("Link").wait_for()
    look_at(visitor, "link")


def _pay_as_customer(visitor: Visitor, practice: Practice, page: str) -> None:
    visitor.open(page)
    look_at(visitor, "invoice")
    visitor.press("Pay now")
    visitor.page.get_by_role("heading", name="119.00 EUR").wait_for()
    visitor.page.get_by_role("button", name="Pay").click()
    visitor.page.wait_for_url(f"{practice.url}/portal/invoice/*")
    practice.tell()
    visitor.page.reload()
    visitor.page.get_by_role("heading", name="Receipt").wait_for()
    look_at(visitor, "receipt")


def test_time_is_held_paid_and_booked(visitor, practice):
    practice.run(ASK_FOR_A_DEPOSIT)
    _choose_a_time(visitor)
    look_at(visitor, "details")
    visitor.fill(name="Carla Customer", email="carla@customer.test")
    visitor.press("Continue to payment")
    visitor.page.get_by_text("This time is kept for you until").wait_for()
    visitor.page.get_by_role("timer").get_by_text(re.compile(r"^30:[0-5]\d$")).wait_for()  # it counts down
    look_at(visitor, "held")
    visitor.press("Book and pay €14.28")
    visitor.page.get_by_role("heading", name="14.28 EUR").wait_for()
    visitor.page.get_by_role("link", name="Back").click()  # and once more
    visitor.press("Book and pay €14.28")
    visitor.page.get_by_role("button", name="Pay").click()
    visitor.page.get_by_text("We are waiting to hear that your payment arrived.").wait_for()
    look_at(visitor, "waiting")
    practice.tell()
    visitor.page.get_by_role("heading", name="Your appointment is booked").wait_for()  # by itself
    look_at(visitor, "booked")


def test_time_that_is_not_paid_is_over(visitor, practice):
    practice.run(ASK_FOR_A_DEPOSIT)
    _choose_a_time(visitor)
    visitor.fill(name="Dora Different", email="dora@customer.test")
    visitor.press("Continue to payment")
    page = urlsplit(visitor.page.url)
    visitor.press("Book and pay €14.28")
    visitor.page.get_by_role("heading", name="14.28 EUR").wait_for()
    session = list(practice.stripe.sessions)[-1]
    practice.stripe.let_expire(session)
    practice.tell()
    visitor.open(page.path)
    visitor.page.get_by_text("Nothing was paid in time").wait_for()
    look_at(visitor, "over")
    visitor.follow("Choose another time")


def test_paying_in_advance_works_without_scripts_on_a_phone(chromium, practice):
    practice.run(ASK_FOR_A_DEPOSIT)
    context = chromium.new_context(java_script_enabled=False, viewport={"width": NARROW, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    _choose_a_time(visitor)
    visitor.fill(name="Emil Elsewhere", email="emil@customer.test")
    visitor.press("Continue to payment")
    visitor.press("Book and pay €14.28")
    visitor.page.get_by_role("button", name="Pay").click()
    visitor.page.get_by_text("We are waiting to hear that your payment arrived.").wait_for()
    practice.tell()
    visitor.page.get_by_role("heading", name="Your appointment is booked").wait_for()
    context.close()


def _choose_a_time(visitor: Visitor) -> None:
    visitor.open("/practice/massage")
    choose_day(visitor.page)
    visitor.page.locator("main button[name=at]").first.click()
    visitor.page.get_by_label("Your name").wait_for()
