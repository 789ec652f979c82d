"""The customers' portal: papers by link, a home by a mailed link, and nothing about anybody else."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from customer_papers import invoice_for, line, profile_of, quote_for
from money_post import PDF, written
from slotkeeper.appointments.models import Appointment, CustomerLink
from slotkeeper.billing import messages
from slotkeeper.billing.models import CustomerToken, InvoiceKind, InvoiceStatus, Paper, Payment, Quote, QuoteStatus
from slotkeeper.billing.portal import HOME_FOR, Purpose, make_token, revoke_tokens
from slotkeeper.changes.models import Change
from slotkeeper.contacts.models import Contact
from slotkeeper.outbox.models import Message

NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


def text_of(page):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def invoice_link(invoice):
    return f"/portal/invoice/{make_token(Purpose.INVOICE, invoice=invoice, occasion='test')}"


def quote_link(quote):
    return f"/portal/quote/{make_token(Purpose.QUOTE, quote=quote, occasion='test')}"


def home_link(contact):
    return f"/portal/home/{make_token(Purpose.HOME, contact=contact, occasion='test')}"


def due_in(days, **fields):
    return {"due_on": TODAY + timedelta(days=days)} | fields


def appointment_of(cast, contact, days=5, **fields):
    start = (NOW + timedelta(days=days)).replace(microsecond=0)
    given = {"title": "Checkup", "start_time": start, "end_time": start + timedelta(minutes=30)} | fields
    return Appointment.objects.create(
        business=cast.owner.business,
        user=cast.owner.user,
        contact=contact,
        contact_name=contact.name,
        blocked_from=given["start_time"],
        blocked_until=given["end_time"],
        created_at=NOW,
        updated_at=NOW,
        **given,
    )


def other_customer(business, name="Dora Different", email="dora@customer.test"):
    return Contact.objects.create(business=business, name=name, email=email, created_at=NOW, updated_at=NOW)


# An invoice


def test_invoice_page_says_what_it_is_for_how_it_stands_and_how_to_pay(cast, visitor):
    invoice = invoice_for(cast.customer, [line(), line("Travel", 4_200, tax_rate="7")], **due_in(5))
    page = visitor.get(invoice_link(invoice))
    text = text_of(page)
    for said in ("Invoice R0001", "Open", "€140.14", "First conversation", "1 × €80.00, 19% tax", "7% tax on €42.00"):
        assert said in text, said
    assert "DE89 3704 0044 0532 0130 00" in text
    assert "data:image/svg+xml" in page.content.decode()
    assert "Practice Winter GmbH" in text
    assert "Carla Customer" in text
    assert "Pay now" not in text


def test_pages_are_kept_private_and_out_of_search_engines(cast, visitor):
    for link in (
        invoice_link(invoice_for(cast.customer)),
        quote_link(quote_for(cast.customer)),
        home_link(cast.customer),
        "/portal/practice",
        "/portal/invoice/none",
    ):
        page = visitor.get(link)
        assert page["Referrer-Policy"] == "no-referrer", link
        assert "noindex" in page["X-Robots-Tag"]
        assert page["Cache-Control"] == "private, no-store"
        policy = page["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page["X-Frame-Options"] == "DENY"


def test_following_links_changes_nothing(cast, visitor):
    quote, invoice = quote_for(cast.customer), invoice_for(cast.customer)
    written(invoice)
    appointment = appointment_of(cast, cast.customer)
    links = [invoice_link(invoice), quote_link(quote), home_link(cast.customer)]
    links += [f"{links[0]}/pdf", f"{links[1]}/pdf", "/portal/practice"]
    links += [f"{links[2]}/{kind}/{one.pk}" for kind, one in (("invoice", invoice), ("appointment", appointment))]

    def state():
        rows = (Quote.objects.values(), type(invoice).objects.values(), Appointment.objects.values())
        return [list(one) for one in rows], Change.objects.count(), Message.objects.count()

    before = state()
    for link in links:
        for method in (visitor.get, visitor.head):
            assert method(link).status_code in {200, 202, 303}, link
    assert state() == before
    for verb in ("accept", "decline"):
        assert visitor.get(f"{links[1]}/{verb}").status_code == 405
    assert state() == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (due_in(-1), "Overdue"),
        (due_in(3, paid_amount=2_000), "Partly paid"),
        (due_in(-30, status=InvoiceStatus.PAID, paid_amount=9_520), "Thank you. Nothing is left to pay."),
        (due_in(3, status=InvoiceStatus.CREDITED, credited_amount=9_520), "taken back with a credit note"),
        (due_in(3, status=InvoiceStatus.PAID, paid_amount=10_000), "You have paid €4.80 more than was asked for."),
    ],
)
def test_status_is_said_in_words(cast, visitor, fields, said):
    text = text_of(visitor.get(invoice_link(invoice_for(cast.customer, **fields))))
    assert said in text
    assert ("IBAN" in text) is ("status" not in fields)


def test_paid_invoice_shows_its_receipt(cast, visitor):
    invoice = invoice_for(cast.customer, status=InvoiceStatus.PAID, paid_amount=9_520)
    Payment.objects.create(
        business=invoice.business, invoice=invoice, amount=9_520, currency="EUR", method="cash", received_on=TODAY
    )
    assert re.search(
        r"Receipt Payment Amount \d+ \w+ \d{4}, in cash €95\.20", text_of(visitor.get(invoice_link(invoice)))
    )


def test_credit_note_asks_for_nothing(cast, visitor):
    invoice = invoice_for(cast.customer)
    fields = {"kind": InvoiceKind.CREDIT_NOTE, "corrects": invoice, "status": InvoiceStatus.OPEN}
    credit = invoice_for(cast.customer, [line(quantity="-1")], number=2, **fields)
    text = text_of(visitor.get(invoice_link(credit)))
    assert "Credit note R0002" in text
    assert "To pay" not in text
    assert "IBAN" not in text
    assert "Credit note R0002 corrects this invoice." in text_of(visitor.get(invoice_link(invoice)))


def test_paper_is_given_once_written_and_waited_for_until_then(cast, visitor):
    invoice = invoice_for(cast.customer)
    link = f"{invoice_link(invoice)}/pdf"
    page = visitor.get(link)
    assert (page.status_code, page["Refresh"]) == (202, "3")
    assert "The PDF is being written" in text_of(page)
    Paper.objects.create(invoice=invoice, error="Pango is missing.")
    assert "It takes longer than it should" in text_of(visitor.get(link))
    assert "Pango" not in text_of(visitor.get(link))
    written(invoice)
    page = visitor.get(link)
    assert (page.content, page["Content-Type"]) == (PDF, "application/pdf")
    assert page["Content-Disposition"] == 'attachment; filename="Invoice-R0001.pdf"'
    assert page["Cache-Control"] == "private, no-store"


def test_page_speaks_the_papers_language_unless_its_reader_wishes_another(cast, visitor):
    link = invoice_link(invoice_for(cast.customer, locale="de", **due_in(-5)))
    assert "Überfällig" in text_of(visitor.get(link))
    assert "Overdue" in text_of(visitor.get(link, headers={"Accept-Language": "en"}))


def test_markup_stays_text_on_the_page(cast, visitor):
    cast.customer.name = "<script>alert(1)</script>"
    page = visitor.get(
        invoice_link(invoice_for(cast.customer, [line("<img src=x onerror=alert(1)>")], note="<b>x</b>"))
    )
    content = page.content.decode()
    assert "<script>alert" not in content
    assert "<img src=x" not in content
    assert "&lt;script&gt;alert(1)" in content


# Links that are none


def test_expired_revoked_forged_and_foreign_links_have_one_answer(cast, visitor):
    invoice = invoice_for(cast.customer)
    expired, revoked = (make_token(Purpose.INVOICE, invoice=invoice, occasion=one) for one in ("first", "second"))
    CustomerToken.objects.filter(pk=CustomerToken.objects.earliest("pk").pk).update(expires_at=NOW - timedelta(days=1))
    revoke_tokens(invoice, NOW)
    home = make_token(Purpose.HOME, contact=cast.customer, occasion="x")
    pages = [visitor.get(f"/portal/invoice/{one}") for one in (expired, revoked, "forged", f"{revoked}x", home)]
    pages += [visitor.get(f"/portal/quote/{home}"), visitor.get("/portal/home/none/invoice/1")]
    assert {page.status_code for page in pages} == {404}
    without_address = {re.sub(r'value="/portal[^"]*"', "", page.content.decode()) for page in pages}
    assert len(without_address) == 1
    assert "Practice" not in without_address.pop()


def test_home_ends_after_a_week(cast, visitor):
    link = home_link(cast.customer)
    assert visitor.get(link).status_code == 200
    CustomerToken.objects.update(expires_at=NOW + HOME_FOR - timedelta(days=8))
    assert visitor.get(link).status_code == 404


# A quote


def test_customer_accepts_a_quote_once(cast, visitor):
    quote = quote_for(cast.customer, valid_until=TODAY + timedelta(days=3))
    link = quote_link(quote)
    text = text_of(visitor.get(link))
    assert "Waits for your answer" in text
    assert "Accept the quote" in text
    assert visitor.post(f"{link}/accept").status_code == 303
    assert "You have accepted it." in text_of(visitor.get(link))
    assert visitor.post(f"{link}/accept").status_code == 303
    refused = visitor.post(f"{link}/decline")
    assert refused.status_code == 409
    assert "It can no longer be answered here. Nothing was changed." in text_of(refused)
    quote.refresh_from_db()
    assert quote.status == QuoteStatus.ACCEPTED
    change = Change.objects.get(subject_kind="quote")
    assert (change.verb, change.actor_kind, change.actor_id) == ("accepted", "customer", cast.customer.pk)


def test_customer_declines_a_quote(cast, visitor):
    link = quote_link(quote_for(cast.customer, valid_until=TODAY))
    assert visitor.post(f"{link}/decline").status_code == 303
    assert "You have declined it." in text_of(visitor.get(link))


def test_quote_that_is_over_cannot_be_accepted(cast, visitor):
    quote = quote_for(cast.customer, valid_until=TODAY - timedelta(days=2))
    link = quote_link(quote)
    text = text_of(visitor.get(link))
    assert "Please ask for a new one." in text
    assert "Accept the quote" not in text
    assert visitor.post(f"{link}/accept").status_code == 409
    quote.refresh_from_db()
    assert quote.status == QuoteStatus.SENT


# The home, and asking for it


def test_home_shows_all_that_is_theirs_and_nothing_of_others(cast, visitor):
    mine, other = cast.customer, other_customer(cast.owner.business)
    stranger = other_customer(cast.outsider.business, "Carla Elsewhere", mine.email)
    profile_of(cast.outsider.business)
    appointment_of(cast, mine, title="Mine to come")
    appointment_of(cast, mine, days=-5, title="Mine before")
    appointment_of(cast, other, days=6, title="Not mine")
    invoice_for(mine)
    quote_for(mine, number=4)
    invoice_for(other, number=2)
    invoice_for(stranger, number=3)
    invoice_for(mine, number=9, status=InvoiceStatus.DRAFT, sequence=None)
    text = text_of(visitor.get(home_link(mine)))
    for said in ("Hello Carla Customer", "Mine to come", "Mine before", "Invoice R0001", "Quote Q0004"):
        assert said in text, said
    for hidden in ("Not mine", "Dora", "R0002", "R0003", "R0009", "Elsewhere"):
        assert hidden not in text, hidden


def test_home_counts_whatever_belongs_to_the_address(cast, visitor):
    again = other_customer(cast.owner.business, "Carla Again", "CARLA@customer.test")
    invoice_for(again, number=7)
    assert "R0007" in text_of(visitor.get(home_link(cast.customer)))


def test_home_leads_to_each_paper_and_appointment_and_to_nobody_elses(cast, visitor):
    mine, other = cast.customer, other_customer(cast.owner.business)
    home = home_link(mine)
    for kind, own, foreign in (
        ("invoice", invoice_for(mine), invoice_for(other, number=2)),
        ("quote", quote_for(mine), quote_for(other, number=2)),
        ("appointment", appointment_of(cast, mine), appointment_of(cast, other, days=6)),
    ):
        answer = visitor.get(f"{home}/{kind}/{own.pk}")
        assert answer.status_code == 303
        assert visitor.get(answer["Location"]).status_code == 200
        assert visitor.get(f"{home}/{kind}/{own.pk}")["Location"] == answer["Location"]
        for bad in (foreign.pk, 999_999, 10**30):
            assert visitor.get(f"{home}/{kind}/{bad}").status_code == 404


def test_page_of_an_appointment_leads_to_its_invoices_and_to_no_others(cast, visitor):
    appointment, other = appointment_of(cast, cast.customer), appointment_of(cast, cast.customer, days=8)
    mine = invoice_for(cast.customer, appointment=appointment)
    foreign = invoice_for(cast.customer, number=2, appointment=other)
    invoice_for(cast.customer, number=3, status=InvoiceStatus.DRAFT, sequence=None, appointment=appointment)
    booking = visitor.get(f"{home_link(cast.customer)}/appointment/{appointment.pk}")["Location"]
    page = visitor.get(booking)
    assert "Papers Invoice R0001" in text_of(page)
    assert "R0003" not in text_of(page)
    path = f"/portal/appointment/{booking.removeprefix('/booking/')}/invoice"
    assert f'href="{path}/{mine.pk}"' in page.content.decode()
    assert "Invoice R0001" in text_of(visitor.get(visitor.get(f"{path}/{mine.pk}")["Location"]))
    assert visitor.get(f"{path}/{foreign.pk}").status_code == 404
    assert visitor.get(f"/portal/appointment/none/invoice/{mine.pk}").status_code == 404


def test_link_to_an_appointment_leads_to_its_page(cast, visitor):
    home = home_link(cast.customer)
    booking = visitor.get(f"{home}/appointment/{appointment_of(cast, cast.customer).pk}")["Location"]
    link = booking.removeprefix("/booking/")
    answer = visitor.get(f"/portal/appointment/{link}")
    assert (answer.status_code, answer["Location"]) == (302, booking)
    assert CustomerLink.objects.count() == 1
    assert visitor.get(visitor.get("/portal/appointment/none")["Location"]).status_code == 404


def test_asking_for_the_link_has_one_answer_whether_the_address_is_known_or_not(cast, visitor):
    pages = [
        visitor.post("/portal/practice", {"email": email}) for email in ("carla@customer.test", "who@customer.test")
    ]
    assert [page.status_code for page in pages] == [200, 200]
    first, second = (
        page.content.decode().replace(email, "")
        for page, email in zip(pages, ("carla@customer.test", "who@customer.test"), strict=True)
    )
    assert first == second
    message = Message.objects.get()
    assert (message.kind, message.address) == ("portal_link", "carla@customer.test")


def test_asking_at_another_business_tells_nothing(cast, visitor):
    visitor.post("/portal/garage", {"email": "carla@customer.test"})
    assert not Message.objects.exists()
    assert visitor.get("/portal/no-such-business").status_code == 404


@pytest.mark.parametrize(
    "email", ["", "carla", "carla@customer.test\r\nBcc: x@y.test", "x" * 300 + "@a.test", "\x00@a.test"]
)
def test_what_is_no_address_is_refused_by_field(cast, visitor, email):
    page = visitor.post("/portal/practice", {"email": email})
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.content.decode()
    assert not Message.objects.exists()


def test_links_are_asked_for_only_so_often(cast, visitor, monkeypatch):
    monkeypatch.setattr(messages, "_SAME_WISH", timedelta(days=40_000))  # five minutes may be over meanwhile
    answers = [visitor.post("/portal/practice", {"email": "carla@customer.test"}).status_code for _ in range(11)]
    assert answers[:10] == [200] * 10
    assert answers[10] == 429
    page = visitor.post("/portal/practice", {"email": "CARLA@customer.test "})
    assert "Please wait a little" in text_of(page)
    assert int(page["Retry-After"]) > 0
    assert Message.objects.count() == 1
