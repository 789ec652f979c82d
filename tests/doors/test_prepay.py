"""Booking what is paid in advance: the time is held, its customer pays, and then it is booked; or it is not."""

import dataclasses
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client

from cast import ZONE
from paid import paid_through_stripe, set_up_stripe
from posted import KeptChannel
from slotkeeper.appointments.models import Appointment, Hold, TimeClaim
from slotkeeper.billing import prepayments, reconciling
from slotkeeper.billing.credit_notes import CreditWish, credit_invoice
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.gateway_models import GatewayReading, GatewayRecord, PaymentLink, Prepayment
from slotkeeper.billing.invoices import AlreadyInvoiced, invoice_appointment
from slotkeeper.billing.models import BillingProfile, Invoice, InvoiceStatus, Payment
from slotkeeper.changes.record import Actor
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.kinds import ChannelName
from slotkeeper.outbox.models import Message, SendingHold
from slotkeeper.outbox.sending import Sender
from slotkeeper.rules.local_time import local_day
from slotkeeper.worker import wake_up
from slotkeeper.worker.jobs import handle_changes
from slotkeeper.worker.message_pool import CORRESPONDENTS
from storefront import NAMED, book, in_utc, instant, link_of, next_weekday, open_storefront, text_of

ANN = Actor("user", None, "Ann", "dashboard")


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        BillingProfile.objects.filter(business=cast.owner.business).update(default_tax_rate=19)
        yield practice


@pytest.fixture
def store(practice, cast):
    store = open_storefront(cast)
    store.massage.prepayment, store.massage.deposit_percent = "deposit", 25
    store.massage.save()
    return store


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


@pytest.fixture
def day():
    return next_weekday()


@pytest.fixture
def page(store, visitor, day):
    """The page on which a booking waits to be paid."""
    answer = book(visitor, day)
    assert answer.status_code == 303
    return answer["Location"]


def go_to_pay(visitor, page):
    answer = visitor.post(page)
    assert answer.status_code == 303, answer.content.decode()
    return PaymentLink.objects.latest("pk")


def prepayment():
    return Prepayment.objects.get()


def invoice_of(appointment):
    return invoice_appointment(appointment.business_id, appointment.pk, ANN, datetime.now(UTC))


def let_pass(seconds):
    """Let time pass for what is held, and for what the worker looks at."""
    delta = timedelta(seconds=seconds)
    for model, names in (
        (Hold, ("expires_at",)),
        (TimeClaim, ("held_until",)),
        (Prepayment, ("expires_at", "created_at")),
        (PaymentLink, ("expires_at", "checked_at", "created_at")),
        (GatewayReading, ("due_at", "read_until")),
    ):
        for row in model.objects.all():
            moved = {name: getattr(row, name) - delta for name in names if getattr(row, name)}
            model.objects.filter(pk=row.pk).update(**moved)


def work():
    reconciling.work(lambda: datetime.now(UTC))


def test_details_say_what_is_paid_before_it_is_booked(store, visitor, day):
    form = text_of(visitor.get(f"/practice/massage/details?at={in_utc(day, '10:00')}"))
    assert "It is booked when you have paid €14.28." in form  # a quarter of 48.00, and 19 % on it
    assert "Continue to payment" in form


def test_booking_holds_the_time_and_books_nothing_yet(store, visitor, day, page):
    assert Appointment.objects.count() == Invoice.objects.count() == 0
    assert "€14.28" in text_of(visitor.get(page))
    assert "This time is kept for you until" in text_of(visitor.get(page))
    hold = Hold.objects.get()
    assert timedelta(minutes=34) < hold.expires_at - datetime.now(UTC) < timedelta(minutes=37)
    assert TimeClaim.objects.get().held_until == hold.expires_at
    assert book(visitor, day).status_code == 409  # for somebody else it is taken


def test_payment_books_the_time_and_issues_the_invoice_at_once(practice, store, visitor, page, day):
    link = go_to_pay(visitor, page)
    session = practice.stripe.sessions[link.external_id]
    assert session["amount_total"] == 1_428
    assert session["success_url"].endswith("?paid=1")
    assert urlsplit(session["cancel_url"]).path == urlsplit(page).path
    practice.tell(practice.stripe.pay(link.external_id))
    appointment, invoice = Appointment.objects.get(), Invoice.objects.get()
    assert int(appointment.start_time.timestamp()) == instant(day, "10:00")
    assert (appointment.status, appointment.contact_email) == ("confirmed", "carla@customer.test")
    assert (invoice.status, invoice.gross, invoice.paid_amount) == (InvoiceStatus.PAID, 1_428, 1_428)
    assert (invoice.number, invoice.contact_id) == ("0001", appointment.contact_id)
    assert "deposit of 25 %" in invoice.lines[0]["description"]
    assert invoice.performed_on == local_day(ZONE, instant(day, "10:00"))
    assert (Hold.objects.count(), TimeClaim.objects.count()) == (0, 1)
    assert (prepayment().status, prepayment().booking, prepayment().sealed_hold) == ("booked", None, "")


def test_who_comes_back_is_led_to_the_confirmation(practice, store, visitor, page):
    link = go_to_pay(visitor, page)
    back = urlsplit(practice.stripe.sessions[link.external_id]["success_url"])
    waiting = visitor.get(f"{back.path}?{back.query}")
    assert "We are waiting to hear that your payment arrived." in text_of(waiting)
    assert waiting["Refresh"] == "5"
    assert Appointment.objects.count() == 0  # to come back proves nothing
    practice.tell(practice.stripe.pay(link.external_id))
    after = visitor.get(f"{back.path}?{back.query}", follow=True)
    assert "Your appointment is booked" in text_of(after)
    assert after["X-Robots-Tag"] == "noindex, nofollow"


def test_invoice_for_all_of_the_price_belongs_to_the_appointment(practice, store, visitor, day):
    store.massage.prepayment = "full"
    store.massage.save()
    page = book(visitor, day)["Location"]
    practice.tell(practice.stripe.pay(go_to_pay(visitor, page).external_id))
    invoice = Invoice.objects.get()
    assert (invoice.gross, invoice.appointment_id) == (5_712, Appointment.objects.get().pk)


def test_invoice_for_a_deposit_leaves_the_rest_to_be_invoiced(practice, store, visitor, page):
    practice.tell(practice.stripe.pay(go_to_pay(visitor, page).external_id))
    appointment, deposit = Appointment.objects.get(), Invoice.objects.get()
    assert prepayment().appointment_id == deposit.appointment_id == appointment.pk
    rest = invoice_of(appointment)
    assert (deposit.net, rest.net, deposit.gross + rest.gross) == (1_200, 3_600, 5_712)
    assert rest.lines[0]["description"] == "Massage, the rest after the deposit of invoice 0001"


def test_deposit_is_taken_off_as_far_as_it_stands(practice, store, visitor, page):
    practice.tell(practice.stripe.pay(go_to_pay(visitor, page).external_id))
    appointment, target = Appointment.objects.get(), DocumentTarget(store.massage.business_id, Invoice.objects.get().pk)
    Service.objects.filter(pk=store.massage.pk).update(price_amount=1_000)
    with pytest.raises(AlreadyInvoiced):  # the price fell below it
        invoice_of(appointment)
    credit_invoice(target, CreditWish(), ANN, datetime.now(UTC))
    assert invoice_of(appointment).net == 1_000


def test_event_told_twice_books_once(practice, store, visitor, page):
    event = practice.stripe.pay(go_to_pay(visitor, page).external_id)
    practice.tell(event)
    practice.tell(event | {"id": "evt_again"})
    assert (Appointment.objects.count(), Invoice.objects.count(), Payment.objects.count()) == (1, 1, 1)


def test_form_that_is_sent_twice_begins_once(store, visitor, day):
    form = visitor.get(f"/practice/massage/details?at={in_utc(day, '10:00')}").content.decode()
    key = form.partition('name="form_key" value="')[2].partition('"')[0]
    answers = [book(visitor, day, form_key=key) for _ in range(2)]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Prepayment.objects.count() == 1


def test_hold_of_the_times_page_is_given_up_for_the_longer_one(store, visitor, day):
    held = visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})
    answer = visitor.post(held["Location"], NAMED)
    assert answer.status_code == 303
    assert Hold.objects.count() == TimeClaim.objects.count() == 1


def test_button_pressed_twice_leads_to_one_page(practice, store, visitor, page):
    first, second = go_to_pay(visitor, page), go_to_pay(visitor, page)
    assert first.url == second.url
    assert len(practice.stripe.sessions) == 1


def test_going_to_pay_holds_the_time_as_long_as_the_page_is_open(practice, store, visitor, page):
    let_pass(20 * 60)
    link = go_to_pay(visitor, page)
    assert link.expires_at - datetime.now(UTC) > timedelta(minutes=29)
    assert Hold.objects.get().expires_at > link.expires_at


def test_page_that_is_over_frees_the_time(practice, store, visitor, page, day):
    link = go_to_pay(visitor, page)
    practice.tell(practice.stripe.let_expire(link.external_id))
    assert (prepayment().status, prepayment().booking, Hold.objects.count()) == ("expired", None, 0)
    assert "Nothing was paid in time" in text_of(visitor.get(page))
    assert visitor.post(page).status_code == 409
    assert book(visitor, day).status_code == 303
    assert Invoice.objects.count() == 0


def test_time_that_nobody_went_to_pay_is_freed_by_itself(store, visitor, page, day):
    let_pass(36 * 60 + 1)
    assert "Nothing was paid in time" in text_of(visitor.get(page))
    assert visitor.post(page).status_code == 409
    work()
    assert prepayment().status == "expired"
    assert book(visitor, day).status_code == 303


def test_time_whose_page_could_not_be_made_is_freed_by_itself(practice, store, visitor, page):
    practice.stripe.fault = "error"
    assert visitor.post(page).status_code == 409
    practice.stripe.fault = ""
    let_pass(2 * 3600)
    work()  # closes the page of which nobody knows
    work()
    assert (prepayment().status, prepayment().booking) == ("expired", None)


def test_payment_that_is_told_late_is_booked_while_the_time_is_free(practice, store, visitor, page):
    event = practice.stripe.pay(go_to_pay(visitor, page).external_id)
    let_pass(3 * 24 * 3600)
    practice.tell(event)
    assert (Appointment.objects.count(), prepayment().status) == (1, "booked")


@pytest.fixture
def missed(practice, store, visitor, page, day):
    """A payment that is told when somebody else has taken the time."""
    event = practice.stripe.pay(go_to_pay(visitor, page).external_id)
    let_pass(3600)
    store.massage.prepayment = "none"
    store.massage.save()
    assert book(visitor, day, email="dora@customer.test").status_code == 303
    practice.tell(event)
    return event


def test_payment_for_a_time_that_is_gone_goes_back(practice, store, visitor, page, missed):
    assert (prepayment().status, Appointment.objects.count(), Invoice.objects.count()) == ("missed", 1, 0)
    assert "Your money goes back by itself." in text_of(visitor.get(page))
    work()
    assert [one["amount"] for one in practice.stripe.refunds.values()] == [1_428]
    assert prepayment().status == "refunded"
    assert "Your money has gone back." in text_of(visitor.get(page))
    let_pass(3600)
    work()
    practice.tell_all()
    assert len(practice.stripe.refunds) == 1
    assert GatewayRecord.objects.count() == 2


def test_restored_copy_gives_no_money_back_until_sending_is_released(practice, store, missed):
    SendingHold.objects.create()
    work()
    assert (practice.stripe.refunds, prepayment().status) == ({}, "missed")
    SendingHold.objects.all().delete()
    let_pass(300)
    work()
    assert prepayment().status == "refunded"


def test_refund_whose_answer_was_lost_goes_back_once(practice, store, missed):
    practice.stripe.tell, tell = lambda asked: tell(asked) and None, practice.stripe.tell
    work()
    practice.stripe.tell = tell
    assert prepayment().status == "missed"
    let_pass(300)
    work()
    assert (len(practice.stripe.refunds), prepayment().status) == (1, "refunded")


def test_customer_whose_time_is_gone_is_told(practice, store, missed, day):
    wake_up._seen.clear()
    handle_changes()
    channel = KeptChannel()
    Sender(CORRESPONDENTS, {ChannelName.EMAIL: channel}.get).run(lambda: datetime.now(UTC))
    [mail] = [one for one in channel.sent if one.address == "carla@customer.test"]
    assert "€14.28" in mail.letter.subject
    assert "Massage" in mail.letter.text
    assert "/practice/massage" in mail.letter.text
    assert Message.objects.get(kind="paid_too_late").state == "sent"


def test_payment_that_takes_days_is_booked_when_it_arrives(practice, store, visitor, page):
    link = go_to_pay(visitor, page)
    practice.tell(practice.stripe.pay(link.external_id, later=True))
    assert "Your bank takes a few days for this payment." in text_of(visitor.get(page))
    assert visitor.post(page).status_code == 409
    practice.tell(practice.stripe.arrive(link.external_id))
    assert (Appointment.objects.count(), prepayment().status) == (1, "booked")


def test_payment_that_fails_after_days_frees_the_time(practice, store, visitor, page):
    link = go_to_pay(visitor, page)
    practice.tell(practice.stripe.pay(link.external_id, later=True))
    practice.tell(practice.stripe.fail(link.external_id))
    assert (prepayment().status, Hold.objects.count()) == ("expired", 0)


def test_lost_event_is_made_up_for_in_two_minutes(practice, store, visitor, page):
    work()
    practice.stripe.pay(go_to_pay(visitor, page).external_id)
    let_pass(150)
    work()
    assert (Appointment.objects.count(), prepayment().status) == (1, "booked")


def test_time_that_was_held_is_booked_also_when_it_is_too_near_by_then(practice, store, visitor, page, day):
    event = practice.stripe.pay(go_to_pay(visitor, page).external_id)
    let_pass(5 * 60)
    minutes_left = (instant(day, "10:00") - int(datetime.now(UTC).timestamp())) // 60
    store.massage.minimum_notice_minutes = minutes_left + 2
    store.massage.save()
    assert book(visitor, day, "10:00").status_code == 409
    practice.tell(event)
    assert prepayment().status == "booked"


def test_what_cannot_be_invoiced_is_not_lost_and_booked_later(practice, store, visitor, page):
    event = practice.stripe.pay(go_to_pay(visitor, page).external_id)
    BillingProfile.objects.update(legal_name="")
    practice.tell(event)
    assert "cannot be booked yet" in practice.outcome(event)
    assert (prepayment().status, Appointment.objects.count()) == ("waiting", 0)
    assert "We are waiting to hear" in text_of(visitor.get(page))
    assert visitor.post(page).status_code == 409  # and not paid twice
    BillingProfile.objects.update(legal_name="Practice GmbH")
    work()
    assert (prepayment().status, Invoice.objects.get().status) == ("booked", InvoiceStatus.PAID)


@pytest.mark.parametrize("change", [{"amount_total": 100}, {"currency": "usd"}])
def test_payment_of_another_amount_books_nothing(practice, store, visitor, page, change):
    event = practice.stripe.pay(go_to_pay(visitor, page).external_id)
    event["data"]["object"].update(change)
    practice.tell(event)
    assert (Appointment.objects.count(), prepayment().status) == (0, "waiting")


def test_forged_address_shows_nothing(practice, store, visitor, page, cast):
    forged = page[:-3] + "abc"
    assert visitor.get(forged).status_code == 404
    assert visitor.post(forged).status_code == 404
    other = f"/{cast.outsider.business.slug}/massage/pay/{prepayments.text_of(prepayment())}"
    assert visitor.get(other).status_code == 404


def test_stripe_that_is_away_is_said_and_the_time_stays_held(practice, store, visitor, page):
    practice.stripe.fault = "error"
    answer = visitor.post(page)
    assert (answer.status_code, "try again in a few minutes" in text_of(answer)) == (409, True)
    practice.stripe.fault = ""
    go_to_pay(visitor, page)


def test_nothing_is_booked_unpaid_where_stripe_is_gone(practice, store, visitor, day):
    set_up_stripe(practice.business, stripe_sealed_key="")
    answer = book(visitor, day)
    assert answer.status_code == 409
    assert "cannot be paid at the moment" in text_of(answer)
    assert (Appointment.objects.count(), Hold.objects.count()) == (0, 0)


def test_page_may_lead_its_form_to_the_payment_page(practice, store, visitor, page):
    assert "form-action 'self' https:" in visitor.get(page)["Content-Security-Policy"]
    embedded = visitor.get(f"{page}?embed=1")
    assert "frame-ancestors *" in embedded["Content-Security-Policy"]
    assert 'target="_top"' in embedded.content.decode()


def test_nobody_opens_payment_pages_without_end(practice, store, visitor, page, settings):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, bookings_per_source_and_hour=2)
    assert [visitor.post(page).status_code for _ in range(2)] == [303, 429]  # the booking counts, too


def test_booking_without_prepayment_stays_as_it_was(practice, cast, visitor, day):
    open_storefront(cast)
    assert link_of(book(visitor, day))
    assert Appointment.objects.count() == 1
