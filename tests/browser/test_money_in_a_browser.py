"""Somebody writes an invoice in a browser, sees what it comes to while typing, issues it, and enters what came."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
BUILT = Path(__file__).parents[2] / "src/slotkeeper/static/slotkeeper/built"
OPEN_OFFICE = """
import django
django.setup()
from datetime import UTC, datetime, timedelta
from cast import make_cast
from desk import book
from offered import offer
from papers import HAIRCUT, complete_profile, draft, target_of, paid
from slotkeeper.billing.credit_notes import CreditWish, credit_invoice
from slotkeeper.billing.invoices import issue_invoice, record_payment
from slotkeeper.billing.quotes import create_quote, send_quote
from slotkeeper.changes.record import COMMAND
cast = make_cast()
complete_profile(cast.owner.business, default_tax_rate="19.00", number_prefix="RE-")
now = datetime.now(UTC)
services = [
    offer(cast.owner, name=name, slug=name.lower(), price_amount=4800, price_currency="EUR")
    for name in ("Haircut", "Colour", "Beard")
]
dye = {"description": "Colour and cut, with a treatment for dry hair", "quantity": "1.5", "unit_price": 8990,
       "tax_rate": "19.00", "discount": "10"}
for months in range(9):
    day = now - timedelta(days=30 * months)
    appointment = book(cast.owner, "Haircut", hours=24 * months, service=services[months % 3])
    written = draft(cast.owner, appointment_id=appointment.pk, contact_id=cast.customer.pk, lines=[HAIRCUT, dye],
                    discount="5" if months % 2 else "0", buyer=None)
    issued = issue_invoice(target_of(written), COMMAND, day)
    if months % 3:
        record_payment(target_of(issued), paid(issued.gross if months % 2 else 5000), COMMAND, day)
    if months == 6:
        credit_invoice(target_of(issued), CreditWish(), COMMAND, day)
quote = create_quote(cast.owner.business_id, {"lines": [HAIRCUT, dye], "contact_id": cast.customer.pk}, COMMAND, now)
send_quote(target_of(quote), COMMAND, now)
book(cast.owner, "Haircut", hours=400, service=services[0], contact=cast.customer)
"""


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[str]:
    with running_server(tmp_path_factory) as (url, environment):
        seeing_tests = environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{TESTS}"}
        subprocess.run([sys.executable, "-c", OPEN_OFFICE], env=seeing_tests, check=True, timeout=120)
        yield url


@pytest.fixture
def visitor(chromium, practice) -> Iterator[Visitor]:
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": WIDE, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"money_{name}")
    assert not serious_findings(visitor.page), name


def test_an_invoice_is_written_issued_and_paid(visitor):
    page = visitor.page
    visitor.open("/money")
    look_at(visitor, "overview")
    visitor.follow("New invoice")
    visitor.fill(contact_name="Somebody New", **{"lines-0-description": "Cut", "lines-0-unit_price": "48,50"})
    visitor.press("One more line")
    visitor.fill(**{"lines-1-description": "Wax", "lines-1-unit_price": "12", "lines-1-quantity": "2"})
    if BUILT.exists():
        page.locator("[data-totals] .whole dd", has_text="€86.28").wait_for()
    look_at(visitor, "editor")
    visitor.press("Save the draft")
    page.get_by_text("Saved.").wait_for()
    assert page.locator(".totals .whole dd").inner_text().strip() == "€86.28"
    look_at(visitor, "draft")
    visitor.press("Issue the invoice")
    page.get_by_text("The invoice is issued.").wait_for()
    visitor.follow("Enter a payment")
    look_at(visitor, "payment")
    visitor.fill(amount="100")
    visitor.press("Enter")
    page.get_by_text("The customer has a credit of").wait_for()
    look_at(visitor, "paid")
    visitor.follow("Take back")
    look_at(visitor, "credit")
    visitor.press("Issue the credit note")
    page.get_by_text("The credit note is issued.").wait_for()
    look_at(visitor, "credit_note")


def test_a_customer_is_suggested_while_one_types(visitor):
    if not BUILT.exists():
        pytest.skip("the pages' scripts are not built")
    visitor.open("/money/quotes/new")
    visitor.page.locator("[name=contact_name]").press_sequentially("Carl")
    visitor.page.locator(".suggestions li").first.click()
    assert visitor.page.input_value("[name=contact_email]") == "carla@customer.test"
    visitor.fill(**{"lines-0-description": "Cut", "lines-0-unit_price": "48"})
    visitor.press("Save the draft")
    visitor.press("Send the quote")
    visitor.press("The customer accepts")
    look_at(visitor, "quote")
    visitor.follow("Book an appointment")
    look_at(visitor, "quote_booking")
    visitor.open("/money/quotes")
    look_at(visitor, "quotes")


def test_the_pages_around_tell_of_money(visitor):
    page = visitor.page
    visitor.open("/settings/billing")
    look_at(visitor, "settings")
    visitor.open("/appointments?start=2027-01-01")
    page.locator(".lines .title").last.click()
    look_at(visitor, "appointment")
    visitor.press("Invoice")
    page.get_by_text("This is the draft.").wait_for()
    look_at(visitor, "of_an_appointment")
    visitor.follow("Delete")
    look_at(visitor, "delete")
    visitor.open("/customers")
    visitor.follow("Carla Customer")
    look_at(visitor, "customer")
