"""Messages to customers about what happened to their appointment: one per occasion, with the newest truth."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from posted import kinds, ledger, open_desk
from slotkeeper.appointments import series
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.appointments.insert import Booking
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.contacts.models import Contact
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.channels.base import ChannelAway, Refused, TryLater
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import Kind, State
from slotkeeper.outbox.ledger import NotResendable, UnknownMessage, expire, resend
from slotkeeper.outbox.models import Message, SendingHold
from slotkeeper.people.business import update_business
from slotkeeper.rules.intervals import Interval

CUSTOMER = Actor("customer", None, "Carla")


@pytest.fixture
def desk(cast):
    return open_desk(cast.owner)


def ics(dispatch):
    return dispatch.invitation.content.decode()


def test_a_booking_is_one_mail_with_its_time_a_link_and_an_invitation(desk):
    desk.book(contact_name="Carla Customer")
    (mail,) = desk.post.work()
    assert (mail.address, mail.name, mail.sender_name) == ("carla@customer.test", "Carla Customer", "Practice")
    assert "Wednesday 5 June" in mail.letter.text
    assert "10:00" in mail.letter.text  # Berlin's clocks
    assert "/booking/" in mail.letter.text
    assert mail.invitation.method == "REQUEST"
    assert "DTSTART:20300605T080000Z" in ics(mail)
    assert "SEQUENCE:0" in ics(mail)
    assert desk.post.work() == []


def test_customers_answers_go_where_the_business_reads_them_and_members_to_nobody(desk, cast):
    update_business(cast.owner.business_id, {"contact_email": "desk@practice.test"}, COMMAND)
    desk.book(actor=CUSTOMER)
    mails = desk.post.work()
    assert sorted((one.address, one.reply_to) for one in mails) == [
        ("carla@customer.test", "desk@practice.test"),
        ("owner@practice.test", ""),
    ]


def test_the_link_in_the_mail_opens_the_appointment(desk, client):
    desk.book()
    (mail,) = desk.post.work()
    path = re.search(r"http://localhost:8000(/booking/\S+)", mail.letter.text)[1]
    assert client.get(path, HTTP_HOST="localhost").status_code == 200


def test_a_mail_is_in_the_customers_language_and_zone(desk, cast):
    Contact.objects.filter(pk=cast.customer.pk).update(locale="de-AT", time_zone="Europe/Lisbon")
    desk.book(contact_id=cast.customer.pk)
    (mail,) = desk.post.work()
    assert "Mittwoch" in mail.letter.text
    assert "09:00" in mail.letter.text
    assert "Lissabon" in mail.letter.text


def test_moved_before_the_first_mail_left_is_one_mail_with_the_newest_time(desk):
    row = desk.book()
    desk.post.plan()
    desk.change(row, start_time=row.start_time + 3600)
    (mail,) = desk.post.work()
    assert kinds([mail]) == ["booked"]
    assert "11:00" in mail.letter.text
    assert ledger() == [("booked", "sent")]


def test_a_move_tells_both_times_and_raises_the_sequence(desk):
    row = desk.book()
    desk.post.work()
    desk.change(row, start_time=row.start_time + 3600)
    (mail,) = desk.post.work()
    assert kinds([mail]) == ["rescheduled"]
    assert "11:00" in mail.letter.text
    assert "10:00" in mail.letter.text
    assert "SEQUENCE:1" in ics(mail)
    assert ics(mail).split("UID:")[1].split("\r\n")[0] == f"appointment-{row.id}@localhost"


def test_moved_away_and_back_before_a_mail_left_is_none(desk):
    row = desk.book()
    desk.post.work()
    moved = desk.change(row, start_time=row.start_time + 3600)
    desk.post.plan()
    desk.change(moved, start_time=row.start_time)
    assert desk.post.work() == []
    assert ledger() == [("booked", "sent"), ("rescheduled", "superseded")]


def test_a_cancellation_withdraws_the_invitation_and_says_why(desk):
    row = desk.book()
    desk.post.work()
    desk.cancel(row, reason="We are ill")
    (mail,) = desk.post.work()
    assert (kinds([mail]), mail.invitation.method) == (["canceled"], "CANCEL")
    assert "STATUS:CANCELLED" in ics(mail)
    assert "We are ill" in mail.letter.text
    desk.cancel(row)
    assert desk.post.work() == []


def test_canceled_before_the_first_mail_left_is_one_mail(desk):
    row = desk.book()
    desk.post.plan()
    desk.cancel(row)
    assert kinds(desk.post.work()) == ["canceled"]


def test_a_service_that_needs_it_awaits_confirmation_and_then_is_confirmed(desk, cast):
    service = Service.objects.create(
        business=cast.owner.business, name="First visit", slug="first", requires_confirmation=True
    )
    row = desk.book(service_id=service.pk)
    assert kinds(desk.post.work()) == ["awaiting_confirmation"]
    desk.change(row, status="confirmed")
    (mail,) = desk.post.work()
    assert kinds([mail]) == ["confirmed"]
    assert "First visit" in mail.letter.text


@pytest.mark.parametrize("status", ["completed", "no_show"])
def test_what_is_over_is_told_nobody(desk, status):
    row = desk.book()
    desk.change(row, status="confirmed")
    desk.post.work()
    desk.change(row, status=status)
    assert desk.post.work() == []


def test_an_edit_of_notes_is_no_news(desk):
    row = desk.book()
    desk.post.work()
    desk.change(row, notes="brings a friend", title="Other")
    assert desk.post.work() == []


def test_nobody_to_write_to_is_no_message(desk):
    desk.book(contact_email=None, contact_name=None)
    assert desk.post.work() == []
    assert ledger(kind="booked") == []


def test_whoever_gets_an_address_later_is_told_then(desk):
    row = desk.book(contact_email=None)
    desk.post.work()
    desk.change(row, contact_email="carla@customer.test")
    assert kinds(desk.post.work()) == ["booked"]


def test_a_corrected_address_is_told_and_the_wrong_one_no_more(desk):
    row = desk.book(contact_email="carla@wrong.test")
    desk.post.channel.faults["carla@wrong.test"] = TryLater("greylisted")
    desk.post.work()
    desk.change(row, contact_email="carla@customer.test")
    assert [one.address for one in desk.post.again().work()] == ["carla@customer.test"]
    assert ledger() == [("booked", "superseded"), ("booked", "sent")]


def test_what_was_booked_before_messages_were_kept_is_moved_from_where_it_was(desk):
    row = desk.book()
    desk.post.plan()
    Message.objects.all().delete()
    desk.change(row, start_time=row.start_time + 3600)
    (mail,) = desk.post.work()
    assert kinds([mail]) == ["rescheduled"]
    assert "10:00" in mail.letter.text


def test_a_refused_address_is_undeliverable_blocks_nobody_and_is_told_the_owner(desk, cast):
    bad = desk.book(contact_email="gone@customer.test")
    desk.book(in_hours=50)
    desk.post.channel.faults["gone@customer.test"] = Refused("550 no such mailbox")
    mails = desk.post.work()
    assert kinds(mails) == ["booked", "undeliverable"]
    notice = mails[1]
    assert notice.address == "owner@practice.test"
    assert "gone@customer.test" in notice.letter.text
    assert "550 no such mailbox" in notice.letter.text
    assert f"/appointments/{bad.id}" in notice.letter.text
    desk.change(bad, title="Other")
    assert desk.post.work() == []


def test_a_temporary_refusal_is_tried_again_with_the_same_message_id(desk):
    desk.book()
    desk.post.channel.faults["*"] = TryLater("451 later")
    desk.post.work()
    message = Message.objects.get()
    assert (message.state, message.reason, message.attempts) == ("waiting", "451 later", 1)
    assert desk.post.work() == []  # not at once
    desk.post.channel.faults.clear()
    (mail,) = desk.post.again().work()
    assert mail.message_id == message.message_id
    assert mail.message_id.endswith("@localhost>")


def test_backoff_is_at_most_five_minutes(desk):
    desk.book(in_hours=60)
    desk.post.channel.faults["*"] = TryLater("451 later")
    for _ in range(12):
        desk.post.again().work()
        message = Message.objects.get()
        assert timedelta(0) < message.next_try_at - desk.post.now <= timedelta(minutes=5)


def test_a_server_that_is_away_costs_one_probe_and_no_messages_attempt(desk):
    for number in range(5):
        desk.book(in_hours=40 + number)
    desk.post.channel.faults["*"] = ChannelAway("connection refused")
    desk.post.plan()
    tally = desk.post.send()
    assert list(tally.troubles.values()) == ["connection refused"]
    assert set(Message.objects.values_list("attempts", "state")) == {(0, "waiting")}
    desk.post.channel.faults.clear()
    assert len(desk.post.again().work()) == 5


def test_what_no_longer_helps_is_given_up(desk):
    desk.book(in_hours=2)
    desk.post.channel.faults["*"] = ChannelAway("away")
    desk.post.work()
    desk.post.channel.faults.clear()
    desk.post.later(hours=3).again()
    expire(desk.post.now)
    assert desk.post.work() == []
    assert {state for _, state in ledger()} <= {"expired", "skipped"}


def test_sending_can_be_held_and_released(desk):
    desk.book()
    hold = SendingHold.objects.create(reason="restored")
    assert desk.post.work() == []
    hold.delete()
    assert kinds(desk.post.work()) == ["booked"]


def test_a_kind_that_is_switched_off_is_not_sent_but_known(desk, cast):
    choose_channels(cast.owner.business_id, {Kind.BOOKED: frozenset()}, COMMAND)
    row = desk.book()
    assert desk.post.work() == []
    assert ledger() == [("booked", "skipped")]
    desk.change(row, start_time=row.start_time + 3600)
    assert kinds(desk.post.work()) == ["rescheduled"]


def test_what_a_customer_does_is_told_those_whose_time_it_is(desk):
    row = desk.book(actor=CUSTOMER, notes="knee")
    mails = desk.post.work()
    assert sorted(kinds(mails)) == ["booked", "new_booking"]
    notice = next(one for one in mails if one.address == "owner@practice.test")
    assert "knee" in notice.letter.text
    assert notice.invitation is None
    desk.change(row, actor=CUSTOMER, start_time=row.start_time + 3600)
    assert sorted(kinds(desk.post.work())) == ["customer_rescheduled", "rescheduled"]
    desk.cancel(row, actor=CUSTOMER, reason="flu")
    mails = desk.post.work()
    assert sorted(kinds(mails)) == ["canceled", "customer_canceled"]
    assert all("flu" in one.letter.text for one in mails)


def test_a_series_is_one_mail_that_names_all_its_dates(desk, cast):
    start = desk.instant + 48 * 3600
    dates = [Interval(start + week * 7 * 86_400, start + week * 7 * 86_400 + 1800) for week in range(3)]
    booking = Booking(cast.owner.business_id, cast.owner.user_id, "Course", 0, 1, contact_email="carla@customer.test")
    rows = series.book_series(booking, dates, COMMAND, desk.instant)
    (mail,) = desk.post.work()
    assert all(day in mail.letter.text for day in ("5 June", "12 June", "19 June"))
    desk.change(rows[1], start_time=rows[1].start_time + 3600)
    (mail,) = desk.post.work()
    assert kinds([mail]) == ["rescheduled"]
    series.cancel_from_here(desk.target(rows[0]), COMMAND, desk.instant)
    (mail,) = desk.post.work()
    assert kinds([mail]) == ["canceled"]
    assert all(day in mail.letter.text for day in ("5 June", "12 June", "19 June"))


def test_a_series_whose_first_date_goes_before_the_mail_left_is_still_told(desk, cast):
    start = desk.instant + 48 * 3600
    dates = [Interval(start + week * 7 * 86_400, start + week * 7 * 86_400 + 1800) for week in range(3)]
    booking = Booking(cast.owner.business_id, cast.owner.user_id, "Course", 0, 1, contact_email="carla@customer.test")
    rows = series.book_series(booking, dates, COMMAND, desk.instant)
    desk.post.plan()
    desk.cancel(rows[0])
    mails = desk.post.work()
    assert sorted(kinds(mails)) == ["booked", "canceled"]
    booked = next(one for one in mails if kinds([one]) == ["booked"])
    assert "12 June" in booked.letter.text
    assert "19 June" in booked.letter.text
    assert "5 June" not in booked.letter.text


def test_a_message_can_be_sent_again_under_a_message_id_of_its_own(desk, cast):
    desk.book()
    (first,) = desk.post.work()
    message = Message.objects.get()
    resend(cast.owner.business_id, message.pk, COMMAND, desk.post.now)
    (second,) = desk.post.work()
    assert second.letter.subject == first.letter.subject
    assert second.message_id != first.message_id
    with pytest.raises(UnknownMessage):
        resend(cast.outsider.business_id, message.pk, COMMAND, desk.post.now)
    Message.objects.update(state=State.SENDING)
    with pytest.raises(NotResendable):
        resend(cast.owner.business_id, message.pk, COMMAND, desk.post.now)


def test_whoever_is_erased_is_not_in_the_ledger_and_gets_nothing_more(desk, cast):
    desk.book(contact_id=cast.customer.pk)
    desk.post.work()
    desk.book(in_hours=60, contact_id=cast.customer.pk)
    desk.post.plan()
    erase_contact(cast.owner.business_id, cast.customer.pk, COMMAND)
    assert desk.post.work() == []
    assert set(Message.objects.values_list("address", "subject_line")) == {("", "")}


def test_a_claim_that_runs_out_is_taken_by_another(desk):
    desk.book()
    desk.post.plan()
    Message.objects.update(state=State.SENDING, claim="elsewhere/1 1 1 x", next_try_at=desk.post.now)
    assert kinds(desk.post.work()) == ["booked"]


def test_hostile_names_stay_text(desk):
    desk.book(contact_name="{{ business_name }} <b>", title="{% load x %} {{ customer_name.__class__ }}")
    (mail,) = desk.post.work()
    assert "{{ business_name }} <b>" in mail.letter.text
    assert "{{ customer_name.__class__ }}" in mail.letter.text
    assert "<b>" not in mail.letter.html.split("{{ business_name }}")[1][:20]


def test_the_hour_that_comes_twice_says_which_one_it_is(cast):
    desk = open_desk(cast.owner, datetime(2030, 10, 26, 0, 30, tzinfo=UTC))
    desk.book(in_hours=24.5)  # 01:00 UTC: the second 02:00 in Berlin
    mail = next(one for one in desk.post.work() if kinds([one]) == ["booked"])
    assert "02:00 (UTC+0100)" in mail.letter.text
