"""The pages of money: sums, the editor without scripts, what may be done, and what was typed wrongly."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cast import add_member
from desk import book, browser_of, text_of
from offered import offer
from papers import HAIRCUT, NOW, complete_profile, draft, for_customer, issued, paid, target_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.billing.credit_notes import CreditWish, credit_invoice
from slotkeeper.billing.invoices import issue_invoice, record_payment
from slotkeeper.billing.models import BillingProfile, Invoice, InvoiceStatus, Quote
from slotkeeper.billing.quotes import create_quote, send_quote
from slotkeeper.changes.record import COMMAND
from slotkeeper.rules.permissions import Role

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def browser(cast):
    complete_profile(cast.owner.business, default_tax_rate="19.00")
    return browser_of(cast.owner)


def typed(*lines, **fields):
    """Fill the editor's form."""
    sent = {"contact_name": "Carla Customer", "currency": "EUR", "locale": "en", "discount": "0"}
    sent |= {"lines-TOTAL_FORMS": str(len(lines)), "lines-INITIAL_FORMS": "0"}
    for number, line in enumerate(lines):
        usual = {"description": "Haircut", "quantity": "1", "unit_price": "48", "tax_rate": "19", "discount": "0"}
        sent |= {f"lines-{number}-{name}": value for name, value in (usual | line).items()}
    return sent | fields


def sent_quote(cast):
    fields = {"lines": [HAIRCUT], "contact_id": cast.customer.pk}
    now = datetime.now(UTC)
    return send_quote(target_of(create_quote(cast.owner.business_id, fields, COMMAND, now)), COMMAND, now)


# Who may


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_the_pages_it_may_use_and_no_way_to_the_others(cast, role):
    invoice, waiting = for_customer(cast), draft(cast.owner)
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    may_read = role in {Role.OWNER, Role.ADMIN, Role.SCHEDULER, Role.BOOKKEEPER}
    may_write = may_read and role != Role.SCHEDULER
    for path in ("/money", "/money/quotes", f"/money/invoices/{invoice.pk}", "/money/export", "/settings/billing"):
        assert browser.get(path).status_code == (200 if may_read else 403)
    for path in ("/money/invoices/new", "/money/quotes/new", f"/money/invoices/{invoice.pk}/payment"):
        assert browser.get(path).status_code == (200 if may_write else 403)
    issued_now = browser.post(f"/money/invoices/{waiting.pk}/issue", {"version": "1"})
    assert issued_now.status_code == (302 if may_write else 403)
    home = text_of(browser.get("/"))
    assert ('href="/money"' in home) is may_read


def test_another_businesss_papers_are_not_found(cast):
    theirs = issued(cast.outsider)
    browser = browser_of(cast.owner)
    for verb in ("", "/edit", "/payment", "/credit", "/delete"):
        assert browser.get(f"/money/invoices/{theirs.pk}{verb}").status_code == 404
    assert browser.post(f"/money/invoices/{theirs.pk}/issue").status_code == 404
    assert browser.get("/money/quotes/999").status_code == 404


# The overview


def test_an_empty_page_teaches_the_first_step(browser):
    assert "There are no invoices yet" in text_of(browser.get("/money"))
    assert "There are no quotes yet" in text_of(browser.get("/money/quotes"))


def test_the_overview_adds_up_by_currency_and_lists(cast, browser):
    settled = for_customer(cast)
    record_payment(target_of(settled), paid(5000), COMMAND, NOW)
    for_customer(cast, currency="USD")
    text = text_of(browser.get("/money"))
    assert "€50.00" in text
    assert "$57.12" in text
    assert "Partly paid" in text
    assert text.count('class="title"') == 2
    assert text_of(browser.get("/money?status=draft")).count('class="title"') == 0
    assert text_of(browser.get("/money?start=2027-01-15&end=2027-01-15")).count('class="title"') == 2
    assert browser.get("/money?status=nonsense&start=x&page=abc").status_code == 200


def test_revenue_is_drawn_by_month_and_service(cast, browser):
    now = datetime.now(UTC)
    service = offer(cast.owner, name="Colour", price_amount=4800, price_currency="EUR")
    appointment = book(cast.owner, "Colour", service=service)
    issue_invoice(target_of(draft(cast.owner, appointment_id=appointment.pk)), COMMAND, now)
    text = text_of(browser.get("/money"))
    assert "Colour" in text
    assert '<svg class="chart"' in text


def test_the_export_is_a_csv_file(cast, browser):
    for_customer(cast)
    answer = browser.get("/money/export?start=2027-01-01&end=2027-12-31")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="invoices-2027-01-01-2027-12-31.csv"'
    assert b"0001,invoice,open" in b"".join(answer.streaming_content)


# The editor


def test_an_invoice_is_written_without_scripts(cast, browser):
    assert browser.get(f"/money/invoices/new?contact_id={cast.customer.pk}").status_code == 200
    sent = typed({"quantity": "2,5", "unit_price": "48.50"}, {"description": ""}, contact_id=str(cast.customer.pk))
    sent["lines-1-unit_price"] = ""
    answer = browser.post("/money/invoices/new", sent)
    invoice = Invoice.objects.get()
    assert answer.headers["Location"] == f"/money/invoices/{invoice.pk}"
    assert (invoice.net, invoice.lines[0]["quantity"], len(invoice.lines)) == (12_125, "2.5", 1)
    assert (invoice.contact_id, invoice.buyer["name"]) == (cast.customer.pk, "")


def test_lines_are_added_and_removed_by_buttons_and_nothing_is_stored(browser):
    sent = typed({"description": "First"}, {"description": "Second"})
    more = text_of(browser.post("/money/invoices/new", sent | {"more": "1"}))
    assert 'name="lines-TOTAL_FORMS" value="3"' in more
    assert 'value="First"' in more
    assert re.search(r'name="lines-2-tax_rate" value="19"', more)
    less = text_of(browser.post("/money/invoices/new", sent | {"remove": "1"}))
    assert 'name="lines-TOTAL_FORMS" value="1"' in less
    assert 'value="Second"' in less
    assert 'value="First"' not in less
    last = text_of(browser.post("/money/invoices/new", typed({"description": "Only"}) | {"remove": "1"}))
    assert 'name="lines-TOTAL_FORMS" value="1"' in last
    assert 'value="Only"' not in last
    assert "Nothing was stored yet" not in more + less + last
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("line", "fields", "sentence"),
    [
        ({"quantity": "-1"}, {}, "Write a number like 1 or 1.5."),
        ({"quantity": "0"}, {}, "It must be more than 0."),
        ({"quantity": "1.2345"}, {}, "At most 3 digits after the point."),
        ({"quantity": "9999999"}, {}, "At most 1,000,000."),
        ({"unit_price": "-5"}, {}, "Write an amount like 48 or 48.50."),
        ({"unit_price": "5.005"}, {}, "at most 2 digits"),
        ({"unit_price": ""}, {}, "Write a price; 0 where it is free."),
        ({"description": ""}, {}, "Say what it is."),
        ({"tax_rate": "101"}, {}, "At most 100."),
        ({"unit_price": "1000000000", "quantity": "1000"}, {}, "Together they come to more than"),
        ({}, {"discount": "200"}, "At most 100."),
        ({}, {"country": "Germany"}, "at most 2 characters"),
        ({}, {"contact_email": "carla"}, "Enter an email address."),
        ({}, {"due_on": "1900-01-01"}, "Write a day of the years 1970 to 2200."),
        ({}, {"contact_id": "999999"}, "There is no such customer."),
        ({"description": "", "unit_price": ""}, {}, "There must be at least one line."),
    ],
)
def test_what_was_typed_wrongly_is_said_and_kept(browser, line, fields, sentence):
    answer = browser.post("/money/invoices/new", typed(line, note="Kept", **fields))
    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert "Kept" in text_of(answer)
    assert not Invoice.objects.exists()


def test_too_many_lines_are_refused(browser):
    answer = browser.post("/money/invoices/new", typed({}) | {"lines-TOTAL_FORMS": "10000"})
    assert answer.status_code == 200
    assert not Invoice.objects.exists()


def test_of_two_who_change_a_draft_the_second_sees_it_first(cast, browser):
    invoice = draft(cast.owner)
    place = f"/money/invoices/{invoice.pk}/edit"
    assert browser.post(place, typed({}, version="1", note="Mine")).status_code == 302
    stale = browser.post(place, typed({}, version="1", note="Later"))
    assert stale.status_code == 409
    assert "Somebody changed it meanwhile" in text_of(stale)
    invoice.refresh_from_db()
    assert invoice.note == "Mine"
    again = re.search(r'name="version" value="(\d+)"', text_of(stale))[1]
    assert browser.post(place, typed({}, version=again, note="Later")).status_code == 302


def test_the_customers_own_name_follows_them_until_it_is_issued(cast, browser):
    browser.post("/money/invoices/new", typed({}, contact_id=str(cast.customer.pk)))
    cast.customer.name = "Carla Married"
    cast.customer.save()
    invoice = Invoice.objects.get()
    browser.post(f"/money/invoices/{invoice.pk}/issue", {"version": "1"})
    invoice.refresh_from_db()
    assert invoice.buyer["name"] == "Carla Married"


def test_an_issued_invoice_has_no_editor(cast, browser):
    invoice = for_customer(cast)
    assert browser.get(f"/money/invoices/{invoice.pk}/edit").status_code == 302


# One invoice


def test_markup_in_names_and_lines_is_shown_as_text(cast, browser):
    cast.customer.name = EVIL
    cast.customer.save()
    invoice = for_customer(cast, lines=[HAIRCUT | {"description": EVIL}], note=EVIL, buyer=None)
    for path in ("/money", f"/money/invoices/{invoice.pk}", f"/money/invoices/{invoice.pk}/credit"):
        text = text_of(browser.get(path))
        assert EVIL not in text
        assert "&lt;script&gt;" in text


def test_a_draft_is_issued_and_then_shows_what_can_be_done(cast, browser):
    invoice = draft(cast.owner)
    answer = browser.post(f"/money/invoices/{invoice.pk}/issue", {"version": "1"}, follow=True)
    text = text_of(answer)
    assert "The invoice is issued." in text
    assert "Enter a payment" in text
    assert "Still owed: <strong>€57.12</strong>" in text
    stale = browser.post(f"/money/invoices/{draft(cast.owner).pk}/issue", {"version": "7"}, follow=True)
    assert "Somebody has just changed it" in text_of(stale)


def test_without_complete_settings_one_is_led_there(cast):
    browser, invoice = browser_of(cast.owner), draft(cast.owner)
    answer = browser.post(f"/money/invoices/{invoice.pk}/issue", {"version": "1"}, follow=True)
    assert "the billing settings lack" in text_of(answer)
    assert "A VAT number or a tax number is needed." in text_of(answer)


def test_a_payment_is_entered_by_hand_and_its_reference_once(cast, browser):
    invoice = for_customer(cast)
    place = f"/money/invoices/{invoice.pk}/payment"
    assert 'value="57.12"' in text_of(browser.get(place))
    sent = {"amount": "57,12", "method": "bank_transfer", "external_id": "line 3", "version": str(invoice.version)}
    assert "The payment is entered." in text_of(browser.post(place, sent, follow=True))
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount) == (InvoiceStatus.PAID, 5712)
    again = browser.post(place, sent | {"version": str(invoice.version)}, follow=True)
    assert "was entered before" in text_of(again)
    for wrong in ({"amount": "0"}, {"amount": "-1"}, {"amount": "much"}, {"method": "stripe"}):
        assert browser.post(place, sent | wrong).status_code == 200
    more = browser.post(place, {"amount": "60", "is_back": "on", "method": "cash", "version": str(invoice.version)})
    assert "No more can go back than was paid." in text_of(more)


def test_over_payments_are_shown_as_a_credit(cast, browser):
    invoice = for_customer(cast)
    record_payment(target_of(invoice), paid(6000), COMMAND, NOW)
    text = text_of(browser.get(f"/money/invoices/{invoice.pk}"))
    assert "The customer has a credit of <strong>€2.88</strong>" in text


def test_lines_are_taken_back(cast, browser):
    invoice = for_customer(cast, lines=[HAIRCUT | {"quantity": "2"}, HAIRCUT])
    place = f"/money/invoices/{invoice.pk}/credit"
    assert "(2 left)" in text_of(browser.get(place))
    sent = {"quantity_0": "1", "quantity_1": "0", "version": str(invoice.version)}
    assert "at most 2" in text_of(browser.post(place, sent | {"quantity_0": "3"})).lower()
    nothing = browser.post(place, sent | {"quantity_0": "0"})
    assert "Say of at least one line" in text_of(nothing)
    assert "Credit note" in text_of(browser.post(place, sent, follow=True))
    invoice.refresh_from_db()
    assert invoice.credited_amount == 5712
    credit_invoice(target_of(invoice), CreditWish(), COMMAND, NOW)
    assert "Taken back" in text_of(browser.get(f"/money/invoices/{invoice.pk}"))


def test_a_draft_is_deleted_after_it_was_asked(cast, browser):
    invoice = draft(cast.owner)
    place = f"/money/invoices/{invoice.pk}/delete"
    assert "Delete the draft?" in text_of(browser.get(place))
    assert "The draft is deleted." in text_of(browser.post(place, {"version": "1"}, follow=True))
    assert not Invoice.objects.exists()


# Quotes


def test_a_quote_goes_from_the_editor_to_invoice_and_appointment(cast, browser):
    browser.post("/money/quotes/new", typed({}, contact_id=str(cast.customer.pk)))
    quote = Quote.objects.get()
    act, page = f"/money/quotes/{quote.pk}/act", f"/money/quotes/{quote.pk}"
    assert "Send the quote" in text_of(browser.get(page))
    for version, verb in ((1, "send"), (2, "accept")):
        browser.post(act, {"verb": verb, "version": str(version)})
    assert "Accepted" in text_of(browser.get(page))
    browser.post(act, {"verb": "invoice", "version": "3"})
    assert Invoice.objects.get().quote_id == quote.pk
    start = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT10:00")
    wish = {"title": "Haircut", "start": start, "minutes": "60", "user_id": str(cast.owner.user_id)}
    booked = browser.post(f"{page}/book", wish, follow=True)
    assert "Booked." in text_of(booked)
    assert Appointment.objects.get().contact_id == cast.customer.pk
    assert "Write the invoice" not in text_of(browser.get(page))


def test_a_taken_time_offers_others(cast, browser):
    quote = sent_quote(cast)
    browser.post(f"/money/quotes/{quote.pk}/act", {"verb": "accept", "version": "2"})
    start = (datetime.now(UTC) + timedelta(days=7)).replace(hour=9, minute=0, second=0, microsecond=0)
    times = {"start_time": start, "end_time": start + timedelta(hours=1)}
    blocked = {"blocked_from": start, "blocked_until": start + timedelta(hours=1)}
    Appointment.objects.create(business=cast.owner.business, user=cast.owner.user, title="Other", **times, **blocked)
    local = start.astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M")
    sent = {"title": "Haircut", "start": local, "minutes": "60", "user_id": str(cast.owner.user_id)}
    refused = browser.post(f"/money/quotes/{quote.pk}/book", sent)
    assert refused.status_code == 409
    alternative = re.search(r'name="alternative"\s+value="([^"]+)"', text_of(refused))[1]
    assert browser.post(f"/money/quotes/{quote.pk}/book", sent | {"alternative": alternative}).status_code == 302


def test_a_quote_that_cannot_be_sent_says_why(cast, browser):
    quote = create_quote(cast.owner.business_id, {"lines": [HAIRCUT]}, COMMAND, NOW)
    answer = browser.post(f"/money/quotes/{quote.pk}/act", {"verb": "send", "version": "1"}, follow=True)
    assert "Say for whom it is." in text_of(answer)


# Appointments and customers


def test_an_appointment_is_invoiced_by_one_button_and_shows_its_payments(cast, browser):
    service = offer(cast.owner, price_amount=4800, price_currency="EUR")
    appointment = book(cast.owner, "Haircut", service=service, contact=cast.customer)
    page = f"/appointments/{appointment.pk}"
    assert f'action="{page}/invoice"' in text_of(browser.get(page))
    browser.post(f"{page}/invoice")
    invoice = Invoice.objects.get()
    text = text_of(browser.get(page))
    assert f'action="{page}/invoice"' not in text
    assert f'href="/money/invoices/{invoice.pk}"' in text
    again = browser.post(f"{page}/invoice", follow=True)
    assert "There is an invoice for it already" in text_of(again)
    browser.post(f"/money/invoices/{invoice.pk}/issue", {"version": "1"})
    record_payment(target_of(invoice), paid(1000), COMMAND, NOW)
    for path in (page, f"/customers/{cast.customer.pk}"):
        assert "€10.00" in text_of(browser.get(path))


def test_an_appointment_without_a_price_says_what_to_do(cast, browser):
    appointment = book(cast.owner, "Haircut")
    answer = browser.post(f"/appointments/{appointment.pk}/invoice", follow=True)
    assert "Write the lines yourself." in text_of(answer)


def test_who_may_not_read_money_sees_none_of_it(cast):
    appointment = book(cast.colleague, "Haircut", contact=cast.customer)
    issued(cast.owner, appointment_id=appointment.pk, contact_id=cast.customer.pk)
    browser = browser_of(cast.colleague)
    for path in (f"/appointments/{appointment.pk}", f"/customers/{cast.customer.pk}"):
        text = text_of(browser.get(path))
        assert 'href="/money' not in text
        assert "57.12" not in text


# The billing settings


def test_the_billing_settings_are_saved_and_checked(cast):
    browser = browser_of(cast.owner)
    assert "Say who sends the invoice." in text_of(browser.get("/settings/billing"))
    sent = {
        "legal_name": "Practice Ltd", "street": "Main Street 1", "city": "Berlin", "country": "de",
        "vat_id": "DE123456789", "default_tax_rate": "19", "payment_days": "14", "quote_days": "30",
        "iban": "DE89 3704 0044 0532 0130 00", "version": "1",
    }  # fmt: skip
    wrong = text_of(browser.post("/settings/billing", sent | {"iban": "DE00"}))
    assert "This is no IBAN" in wrong
    assert browser.post("/settings/billing", sent).status_code == 302
    profile = BillingProfile.objects.get()
    assert (profile.country, profile.iban) == ("DE", "DE89370400440532013000")
    assert "Before the first invoice" not in text_of(browser.get("/settings/billing"))
    browser.post("/settings/billing", sent | {"city": "Bonn"})
    stale = browser.post("/settings/billing", sent | {"city": "Ulm"})
    assert stale.status_code == 409
    assert "Bonn" in text_of(stale)


def test_settings_lead_to_the_billing_settings(browser):
    assert 'href="/settings/billing"' in text_of(browser.get("/settings"))


def test_the_pages_speak_german(cast, browser):
    cast.owner.user.locale = "de"
    cast.owner.user.save()
    invoice = for_customer(cast)
    assert "Rechnung" in text_of(browser.get(f"/money/invoices/{invoice.pk}"))
    assert "57,12\N{NO-BREAK SPACE}€" in text_of(browser.get("/money"))
