"""A customer's way through the portal in a real browser: an invoice, a quote, and all that is theirs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, NARROW, Visitor, running_server

TESTS = Path(__file__).parents[1]
PREPARE = """
import json
import django
django.setup()
from datetime import UTC, datetime, timedelta
from cast import make_cast
from storefront import open_storefront
from customer_papers import invoice_for, line, profile_of, quote_for
from slotkeeper.appointments.models import Appointment
from slotkeeper.billing.models import InvoiceStatus, Paper, Payment
from slotkeeper.billing.papers import write_next
from slotkeeper.billing.portal import Purpose, make_token
cast = make_cast()
open_storefront(cast)
profile_of(cast.owner.business)
now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
today = now.date()
long = line("Physiotherapy at home, with exercises to take along " + "W" * 80, 12_345, quantity="1.5", discount="10")
lines = [line(), long, line("Travel", 4_200, tax_rate="7")]
invoice = invoice_for(cast.customer, lines, due_on=today + timedelta(days=9), note="Thank you!\\nSee you soon.")
paid = invoice_for(cast.customer, number=2, status=InvoiceStatus.PAID, paid_amount=9_520)
Payment.objects.create(
    business=paid.business, invoice=paid, amount=9_520, currency="EUR", method="cash", received_on=today
)
overdue = invoice_for(cast.customer, number=3, due_on=today - timedelta(days=3))
quote = quote_for(cast.customer, lines, valid_until=today + timedelta(days=20))
for days, title in ((3, "Physiotherapy"), (-3, "First conversation")):
    start = now + timedelta(days=days)
    end = start + timedelta(minutes=30)
    Appointment.objects.create(
        business=cast.owner.business, user=cast.owner.user, contact=cast.customer, contact_name="Carla Customer",
        title=title, start_time=start, end_time=end, blocked_from=start, blocked_until=end, status="confirmed",
        created_at=now, updated_at=now,
    )
Paper.objects.create(invoice=invoice)
assert write_next(lambda: datetime.now(UTC))
print(json.dumps({
    "invoice": make_token(Purpose.INVOICE, invoice=invoice, occasion="test"),
    "paid": make_token(Purpose.INVOICE, invoice=paid, occasion="test"),
    "quote": make_token(Purpose.QUOTE, quote=quote, occasion="test"),
    "home": make_token(Purpose.HOME, contact=cast.customer, occasion="test"),
}))
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory) -> Iterator[tuple[str, dict[str, str]]]:
    """A server, and links to papers on it."""
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        given = environment | {"PYTHONPATH": paths}
        done = subprocess.run(
            [sys.executable, "-c", PREPARE], env=given, check=True, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        yield url, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def customer(chromium, portal) -> Iterator[Visitor]:
    context = chromium.new_context(
        locale="en-GB", reduced_motion="reduce", viewport={"width": NARROW, "height": HEIGHT}, java_script_enabled=True
    )
    visitor = Visitor(context.new_page(), portal[0])
    yield visitor
    context.close()
    complaints = [text for text in visitor.complaints if "the server responded with a status of 4" not in text]
    assert not complaints, "\n".join(complaints)


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"portal_{name}")
    assert not serious_findings(visitor.page), name
    visitor.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    small = visitor.page.evaluate(
        "[...document.querySelectorAll('main .button, .portal-card')].map((one) => one.getBoundingClientRect())"
        ".filter((box) => box.height && box.height < 44).length"
    )
    assert not small, name


def test_customer_reads_an_invoice_and_takes_its_pdf_along(portal, customer):
    page = customer.open(f"/portal/invoice/{portal[1]['invoice']}")
    assert page.locator("h1").inner_text() == "Invoice R0001"
    code = page.locator(".giro img")
    assert code.evaluate("(image) => image.complete && image.naturalWidth > 0")  # the policy lets it be shown
    look_at(customer, "invoice")
    with page.expect_download() as download:
        customer.follow("Download as PDF")
    assert download.value.suggested_filename == "Invoice-R0001.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-1.7")


def test_customer_finds_the_receipt_of_what_is_paid(portal, customer):
    page = customer.open(f"/portal/invoice/{portal[1]['paid']}")
    assert "in cash" in page.locator("main").inner_text()
    look_at(customer, "paid")
    customer.follow("Download as PDF")
    assert "The PDF is being written" in page.locator("h1").inner_text()
    look_at(customer, "paper_wanted")


def test_customer_accepts_a_quote_by_keyboard(portal, customer):
    page = customer.open(f"/portal/quote/{portal[1]['quote']}")
    look_at(customer, "quote")
    page.get_by_role("button", name="Accept the quote").focus()
    page.keyboard.press("Enter")
    page.get_by_text("You have accepted it.").wait_for()
    look_at(customer, "accepted")


def test_customer_goes_from_home_to_each_thing_of_theirs(portal, customer):
    home = f"/portal/home/{portal[1]['home']}"
    page = customer.open(home)
    look_at(customer, "home")
    page.get_by_role("link", name="Invoice R0003").click()
    assert page.locator("h1").inner_text() == "Invoice R0003"
    look_at(customer, "overdue")
    customer.open(home)
    page.locator("article", has_text="Physiotherapy").get_by_role("link").click()
    assert page.locator("h1").inner_text() == "Your appointment"
    assert "/booking/" in page.url


def test_customer_asks_for_their_link_and_reads_german(portal, customer):
    page = customer.open("/portal/practice")
    look_at(customer, "ask")
    customer.fill(email="who@nowhere.test")
    customer.press("Send me the link")
    assert "Look into your mailbox" in page.locator("h1").inner_text()
    look_at(customer, "asked")
    customer.open("/portal/invoice/none")
    look_at(customer, "unknown")
    customer.open(f"/portal/invoice/{portal[1]['invoice']}")
    page.get_by_role("button", name="Deutsch").click()
    assert page.locator("h1").inner_text() == "Rechnung R0001"
    look_at(customer, "invoice_german")
