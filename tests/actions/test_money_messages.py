"""Mails about quotes, invoices and payments: who is told what, once, while it is true, with which file."""

from datetime import UTC, datetime, timedelta

import pytest

from customer_papers import ISSUED_ON, invoice_for, line, quote_for
from money_post import PDF, days, happened, open_post, written
from paper_reading import text_of
from papers import HAIRCUT, for_customer, paid, target_of
from posted import ledger
from slotkeeper.billing.credit_notes import CreditWish, credit_invoice
from slotkeeper.billing.erasure import erase_customer
from slotkeeper.billing.invoices import record_payment
from slotkeeper.billing.messages import owe_portal_link
from slotkeeper.billing.models import CustomerToken, InvoiceKind, InvoiceStatus, Paper, QuoteStatus
from slotkeeper.billing.portal import Purpose, open_token
from slotkeeper.billing.quotes import create_quote, send_quote
from slotkeeper.changes.record import COMMAND
from slotkeeper.outbox.channels.base import TryLater
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import Kind, State
from slotkeeper.outbox.ledger import resend
from slotkeeper.outbox.models import Message


@pytest.fixture
def post(cast):
    return open_post()


def told(mail):
    return f"{mail.letter.subject}\n{mail.letter.text}"


def link_in(mail, purpose):
    return mail.letter.text.partition(f"/portal/{purpose}/")[2].split()[0]


def test_invoice_goes_to_its_customer_with_its_pdf_and_a_link(cast, post):
    invoice = invoice_for(cast.customer)
    happened(invoice, "issued")
    written(invoice)
    (mail,) = post.work()
    assert (mail.address, mail.name) == ("carla@customer.test", "Carla Customer")
    assert mail.letter.subject == "Invoice R0001 from Practice"
    assert "invoice R0001 of €95.20" in mail.letter.text
    assert "Please pay it by 17 June 2030." in mail.letter.text
    assert [(one.name, one.content, one.media_type) for one in mail.attachments] == [
        ("Invoice-R0001.pdf", PDF, "application/pdf")
    ]
    assert open_token(link_in(mail, "invoice"), Purpose.INVOICE, datetime.now(UTC)).invoice == invoice
    assert post.later(days=1).work() == []


def test_quote_goes_out_and_one_that_was_decided_before_does_not(cast, post):
    quote, decided = quote_for(cast.customer), quote_for(cast.customer, number=2, status=QuoteStatus.DECLINED)
    for one in (quote, decided):
        happened(one, "sent")
        written(one)
    (mail,) = post.work()
    assert "Quote Q0001" in mail.letter.subject
    assert "It is valid until 3 July 2030." in mail.letter.text
    assert open_token(link_in(mail, "quote"), Purpose.QUOTE, datetime.now(UTC)).quote == quote
    assert ledger(subject_kind="quote") == [("quote", "sent"), ("quote", "superseded")]


def test_credit_note_says_what_it_corrects(cast, post):
    invoice = invoice_for(cast.customer)
    lines = [line(quantity="-1")]
    credit = invoice_for(cast.customer, lines, number=2, kind=InvoiceKind.CREDIT_NOTE, corrects=invoice)
    happened(credit, "issued")
    written(credit)
    (mail,) = post.work()
    assert "corrected our invoice R0001. Here is the credit note R0002 of €95.20." in mail.letter.text


def test_mail_waits_for_its_pdf_but_not_for_long(cast, post):
    invoice = invoice_for(cast.customer)
    happened(invoice, "issued")
    post.plan()
    post.send()
    assert post.sent == []
    message = Message.objects.get()
    assert (message.state, message.reason) == (State.WAITING, "paper_is_written")
    for _ in range(6):
        post.later(minutes=1).send()
    (mail,) = post.sent
    assert mail.attachments == ()
    assert "/portal/invoice/" in mail.letter.text


def test_mail_leaves_without_a_pdf_that_cannot_be_written(cast, post):
    invoice = invoice_for(cast.customer)
    Paper.objects.create(invoice=invoice, error="Pango is missing.", wanted_at=post.now + days(1))
    happened(invoice, "issued")
    (mail,) = post.work()
    assert mail.attachments == ()


def test_receipt_follows_payment_and_stands_for_an_invoice_paid_at_once(cast, post):
    invoice = invoice_for(cast.customer, status=InvoiceStatus.PAID, paid_amount=9_520)
    happened(invoice, "issued")
    happened(invoice, "paid", amount=9_520)
    written(invoice)
    (mail,) = post.work()
    assert "Thank you: invoice R0001 is paid" in mail.letter.subject
    assert "due" not in mail.letter.text
    assert len(mail.attachments) == 1


def test_receipt_of_what_was_paid_back_before_it_left_is_not_sent(cast, post):
    invoice = invoice_for(cast.customer)
    happened(invoice, "paid", amount=9_520)
    assert post.work() == []
    assert ledger() == [("receipt", "superseded")]


def test_refund_says_how_much_goes_back(cast, post):
    invoice = invoice_for(cast.customer, status=InvoiceStatus.PAID)
    happened(invoice, "refunded", amount=-2_000)
    (mail,) = post.work()
    assert mail.letter.subject == "€20.00 goes back to you"
    assert mail.attachments == ()


def test_overdue_invoice_is_reminded_of_after_7_and_21_days_and_no_more(cast, post):
    invoice = invoice_for(cast.customer, paid_amount=2_000)
    written(invoice)
    due = datetime.combine(ISSUED_ON + days(14), datetime.min.time(), UTC)
    sent = {}
    for day in range(50):
        post.now = due + days(day) + timedelta(hours=9)
        sent[day] = [mail.letter.subject for mail in post.work()]
    assert {day for day, subjects in sent.items() if subjects} == {7, 21}
    assert sent[7] == ["Reminder: invoice R0001 is not paid yet"]
    assert "€75.20 is still open" in post.sent[0].letter.text


@pytest.mark.parametrize("status", [InvoiceStatus.PAID, InvoiceStatus.CREDITED, InvoiceStatus.DRAFT])
def test_nobody_is_reminded_of_what_is_not_open(cast, post, status):
    fields = {"sequence": None} if status == InvoiceStatus.DRAFT else {}
    invoice_for(cast.customer, status=status, **fields)
    post.now = datetime(2030, 6, 25, 9, 0, tzinfo=UTC)
    assert post.work() == []


def test_reminder_stops_when_it_is_paid_before_it_leaves(cast, post):
    invoice = invoice_for(cast.customer)
    post.now = datetime(2030, 6, 25, 9, 0, tzinfo=UTC)
    post.channel.faults["*"] = TryLater("451")
    written(invoice)
    post.work()
    type(invoice).objects.update(status=InvoiceStatus.PAID, paid_amount=invoice.gross)
    post.channel.faults.clear()
    assert post.later(minutes=10).work() == []
    assert ledger() == [("payment_reminder", "superseded")]


def test_nobody_is_reminded_at_night_nor_of_what_is_long_past(cast, post):
    written(invoice_for(cast.customer))
    post.now = datetime(2030, 6, 25, 21, 0, tzinfo=UTC)  # 23 o'clock in Berlin
    assert post.work() == []
    post.now = datetime(2030, 12, 1, 9, 0, tzinfo=UTC)
    assert post.work() == []
    assert ledger() == []


def test_business_can_switch_a_kind_off_and_what_has_no_address_is_noted(cast, post):
    choose_channels(cast.owner.business_id, {Kind.INVOICE: frozenset()}, COMMAND)
    invoice = invoice_for(cast.customer)
    happened(invoice, "issued")
    nobody = invoice_for(cast.customer, number=2, buyer={"name": "Nobody"})
    type(nobody).objects.filter(pk=nobody.pk).update(contact=None)
    happened(nobody, "refunded", amount=-100)
    assert post.work() == []
    assert [(one.kind, one.state, one.reason) for one in Message.objects.order_by("pk")] == [
        ("invoice", "skipped", "switched_off"),
        ("refund", "skipped", "no_address"),
    ]


def test_mail_is_in_the_papers_language(cast, post):
    invoice = invoice_for(cast.customer, locale="de")
    written(invoice)
    happened(invoice, "issued")
    (mail,) = post.work()
    assert mail.letter.subject == "Rechnung R0001 von Practice"
    assert "über 95,20\N{NO-BREAK SPACE}€" in mail.letter.text
    assert mail.attachments[0].name == "Rechnung-R0001.pdf"


def test_no_mail_carries_anothers_paper(cast, post):
    other = type(cast.customer).objects.create(
        business=cast.owner.business, name="Dora", email="dora@customer.test", created_at=post.now, updated_at=post.now
    )
    for number, contact in ((1, cast.customer), (2, other), (3, cast.customer)):
        invoice = invoice_for(contact, number=number)
        happened(invoice, "issued")
        written(invoice, f"%PDF-1.7 of {number}".encode())
    mails = post.work()
    assert [(mail.address, [one.content for one in mail.attachments]) for mail in mails] == [
        ("carla@customer.test", [b"%PDF-1.7 of 1"]),
        ("dora@customer.test", [b"%PDF-1.7 of 2"]),
        ("carla@customer.test", [b"%PDF-1.7 of 3"]),
    ]


def test_mail_that_is_tried_again_has_the_same_link_and_one_sent_again_another(cast, post):
    invoice = invoice_for(cast.customer)
    happened(invoice, "issued")
    written(invoice)
    post.channel.faults["*"] = TryLater("451")
    post.work()
    post.channel.faults.clear()
    (mail,) = post.later(minutes=10).work()
    assert CustomerToken.objects.count() == 1
    resend(cast.owner.business_id, Message.objects.get().pk, COMMAND, post.now)
    (again,) = post.work()
    assert link_in(again, "invoice") != link_in(mail, "invoice")
    assert again.message_id != mail.message_id


def test_markup_in_names_stays_text_in_mails(cast, post):
    invoice = invoice_for(cast.customer, buyer={"name": "<b>Carla</b>\r\nBcc: x@y.test", "email": ""})
    happened(invoice, "issued")
    written(invoice)
    (mail,) = post.work()
    assert "&lt;b&gt;Carla&lt;/b&gt;" in mail.letter.html
    assert "\n" not in mail.letter.subject


def test_link_to_everything_goes_to_the_customers_own_address_once(cast, post):
    owe_portal_link(cast.customer, post.now)
    owe_portal_link(cast.customer, post.now + timedelta(seconds=20))
    (mail,) = post.work()
    assert mail.address == "carla@customer.test"
    assert mail.letter.subject == "Your appointments and invoices at Practice"
    opened = open_token(link_in(mail, "home"), Purpose.HOME, datetime.now(UTC))
    assert opened.contact == cast.customer
    owe_portal_link(cast.customer, post.now + timedelta(minutes=10))
    assert len(post.later(minutes=10).work()) == 1


def test_erasing_a_customer_forgets_where_their_mails_went(cast, post):
    invoice = invoice_for(cast.customer)
    happened(invoice, "issued")
    written(invoice)
    post.work()
    happened(invoice, "refunded", amount=-100)
    post.plan()
    owe_portal_link(cast.customer, post.now)
    erase_customer(cast.owner.business_id, cast.customer.pk, COMMAND)
    assert set(Message.objects.values_list("address", "subject_line")) == {("", "")}
    assert ledger() == [("invoice", "sent"), ("refund", "skipped"), ("portal_link", "skipped")]
    assert post.work() == []


def test_what_the_verbs_leave_behind_leads_to_papers_and_mails(cast):
    post = open_post(datetime.now(UTC) + timedelta(minutes=5))  # papers are wanted by the clock of the database
    invoice = for_customer(cast)
    assert [mail.letter.subject for mail in post.work()] == [f"Invoice {invoice.number} from Practice"]
    assert text_of(post.sent[0].attachments[0].content).startswith("Practice Ltd")
    record_payment(target_of(invoice), paid(invoice.gross), COMMAND, post.now)
    credit_invoice(target_of(invoice), CreditWish(), COMMAND, post.now)
    fields = {"lines": [HAIRCUT], "contact_id": cast.customer.pk}
    send_quote(target_of(create_quote(invoice.business_id, fields, COMMAND, post.now)), COMMAND, post.now)
    kinds = sorted(mail.letter.subject.split()[0] for mail in post.work())
    assert kinds == ["Credit", "Quote"]  # the receipt is no longer true: it was taken back
    assert all(mail.attachments[0].content.startswith(b"%PDF-1.7") for mail in post.sent)
