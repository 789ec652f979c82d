"""Quotes: written, sent, decided, booked and invoiced."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from papers import HAIRCUT, NOW, complete_profile, target_of
from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import SlotTaken, Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.billing.documents import NotDraft
from slotkeeper.billing.invoices import AlreadyInvoiced, delete_invoice, invoice_quote
from slotkeeper.billing.models import Quote, QuoteStatus
from slotkeeper.billing.quotes import (
    AlreadyBooked,
    AlreadyDecided,
    NotAccepted,
    NotSent,
    QuoteExpired,
    accept_quote,
    book_quote,
    create_quote,
    decline_quote,
    delete_quote,
    send_quote,
    update_quote,
)
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.refusals import InvalidFields

START = int(NOW.timestamp()) + 7 * 86_400


def written(cast, **fields) -> Quote:
    wanted = {"lines": [HAIRCUT], "contact_id": cast.customer.pk} | fields
    return create_quote(cast.owner.business_id, wanted, COMMAND, NOW)


def sent(cast, **fields) -> Quote:
    return send_quote(target_of(written(cast, **fields)), COMMAND, NOW)


def accepted(cast, **fields) -> Quote:
    return accept_quote(target_of(sent(cast, **fields)), COMMAND, NOW)


def wish(cast, start=START) -> Booking:
    return Booking(cast.owner.business_id, cast.owner.user_id, "Haircut", start, start + 3600)


def test_sending_gives_a_number_a_last_day_and_both_parties(cast):
    complete_profile(cast.owner.business, quote_days=10)
    quote = sent(cast)
    assert (quote.number, quote.status, quote.valid_until) == ("Q-0001", QuoteStatus.SENT, date(2027, 1, 25))
    assert (quote.seller["name"], quote.buyer["name"]) == ("Practice Ltd", "Carla Customer")
    assert send_quote(target_of(quote), COMMAND, NOW).version == quote.version


def test_a_quote_needs_no_billing_settings(cast):
    assert sent(cast).seller["name"] == "Practice"


def test_quotes_count_apart_from_invoices(cast):
    complete_profile(cast.owner.business)
    assert [sent(cast).sequence, sent(cast).sequence] == [1, 2]


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"contact_id": None}, "contact_id"), ({"valid_until": date(2027, 1, 14)}, "valid_until")],
)
def test_what_cannot_be_sent_is_refused_by_field(cast, fields, field):
    quote = written(cast, **fields)
    with pytest.raises(InvalidFields) as refusal:
        send_quote(target_of(quote), COMMAND, NOW)
    assert list(refusal.value.reasons) == [field]


def test_what_was_sent_stays_as_it_was(cast):
    quote = sent(cast)
    for act in (lambda: update_quote(target_of(quote), {"note": "x"}, COMMAND, NOW),
                lambda: delete_quote(target_of(quote), COMMAND)):  # fmt: skip
        with pytest.raises(NotDraft):
            act()
    for refused in ({"gross": 1}, {"lines": []}, {"valid_until": date(2030, 1, 1)}, {"status": "draft"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Quote.objects.filter(pk=quote.pk).update(**refused)


def test_a_customer_decides_once(cast):
    quote = sent(cast)
    with pytest.raises(NotSent):
        accept_quote(target_of(written(cast)), COMMAND, NOW)
    assert accept_quote(target_of(quote), COMMAND, NOW).status == QuoteStatus.ACCEPTED
    assert accept_quote(target_of(quote), COMMAND, NOW).decided_at == NOW
    with pytest.raises(AlreadyDecided):
        decline_quote(target_of(quote), COMMAND, NOW)
    verbs = Change.objects.filter(subject_kind="quote", subject_id=quote.pk).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["created", "sent", "accepted"]


def test_an_expired_quote_is_not_accepted_and_may_be_declined(cast):
    quote = sent(cast, valid_until=date(2027, 1, 20))
    last = NOW.replace(day=20, hour=22, minute=59)  # a minute to midnight in Berlin
    with pytest.raises(QuoteExpired):
        accept_quote(target_of(quote), COMMAND, last + timedelta(minutes=1))
    assert accept_quote(target_of(quote), COMMAND, last).status == QuoteStatus.ACCEPTED
    other = sent(cast, valid_until=date(2027, 1, 20))
    assert decline_quote(target_of(other), COMMAND, last + timedelta(days=9)).status == QuoteStatus.DECLINED


def test_what_was_accepted_is_booked_for_its_customer(cast):
    quote = accepted(cast)
    row = book_quote(target_of(quote), wish(cast), COMMAND, NOW)
    assert (row.contact_id, row.contact_email) == (cast.customer.pk, "carla@customer.test")
    quote.refresh_from_db()
    assert quote.appointment_id == row.id
    with pytest.raises(AlreadyBooked):
        book_quote(target_of(quote), wish(cast, START + 86_400), COMMAND, NOW)


def test_after_its_appointment_was_canceled_a_quote_is_booked_again(cast):
    quote = accepted(cast)
    row = book_quote(target_of(quote), wish(cast), COMMAND, NOW)
    actions.cancel(Target(Reach(cast.owner.business_id), row.id), COMMAND, int(NOW.timestamp()))
    again = book_quote(target_of(quote), wish(cast, START + 86_400), COMMAND, NOW)
    quote.refresh_from_db()
    assert quote.appointment_id == again.id


def test_a_taken_time_books_nothing(cast):
    actions.book(wish(cast), COMMAND, int(NOW.timestamp()))
    quote = accepted(cast)
    with pytest.raises(SlotTaken) as refusal:
        book_quote(target_of(quote), wish(cast), COMMAND, NOW)
    assert len(refusal.value.alternatives) == 3
    quote.refresh_from_db()
    assert quote.appointment_id is None
    assert Appointment.objects.count() == 1


def test_only_what_was_accepted_is_booked_or_invoiced(cast):
    quote = sent(cast)
    with pytest.raises(NotAccepted):
        book_quote(target_of(quote), wish(cast), COMMAND, NOW)
    with pytest.raises(NotAccepted):
        invoice_quote(target_of(quote), COMMAND, NOW)


def test_what_was_accepted_is_invoiced_once_with_its_lines(cast):
    quote = accepted(cast, discount="10")
    invoice = invoice_quote(target_of(quote), COMMAND, NOW)
    assert (invoice.gross, invoice.quote_id, invoice.contact_id) == (quote.gross, quote.pk, cast.customer.pk)
    with pytest.raises(AlreadyInvoiced):
        invoice_quote(target_of(quote), COMMAND, NOW)
    delete_invoice(target_of(invoice), COMMAND)
    assert invoice_quote(target_of(quote), COMMAND, NOW).lines == quote.lines


def test_an_invoice_that_is_being_written_learns_of_the_appointment(cast):
    quote = accepted(cast)
    invoice = invoice_quote(target_of(quote), COMMAND, NOW)
    row = book_quote(target_of(quote), wish(cast), COMMAND, NOW)
    invoice.refresh_from_db()
    assert (invoice.appointment_id, invoice.version) == (row.id, 2)
