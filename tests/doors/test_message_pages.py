"""The pages of messages: the ledger, the reminders to come, sending again, and what is said about it elsewhere."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta

import pytest

from cast import add_member
from desk import browser_of, text_of
from posted import open_desk
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.doors.dashboard.message_lines import STATES
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.channels.base import ChannelAway, Refused, TryLater
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import Kind, State
from slotkeeper.outbox.models import Message, SendingHold
from slotkeeper.people.models import User
from slotkeeper.rules.permissions import Role

CUSTOMER = Actor("customer", None, "Carla")
PAGES = ["/messages", "/messages/upcoming"]
READERS = {Role.OWNER, Role.ADMIN, Role.SCHEDULER}


@pytest.fixture
def desk(cast):
    return open_desk(cast.owner, datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def mail_is_set(settings):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, mail_server="smtp://mail.test")


def page_of(membership, path):
    answer = browser_of(membership).get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", text_of(answer))


def refuse(desk, reason="550 5.1.1 No such user"):
    desk.post.channel.faults["carla@customer.test"] = Refused(reason)
    row = desk.book(in_hours=200)
    desk.post.work()
    return row, Message.objects.get(kind="booked")


# Who may


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_the_pages_it_may_use_and_no_way_to_the_others(cast, role):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    for path in PAGES:
        assert browser.get(path).status_code == (200 if role in READERS else 403)
    assert ('href="/messages"' in text_of(browser.get("/settings/account"))) is (role in READERS)


def test_other_businesses_messages_are_neither_seen_nor_sent(cast, desk):
    _, message = refuse(desk)
    stranger = browser_of(cast.outsider)
    assert "carla@customer.test" not in text_of(stranger.get("/messages"))
    assert stranger.post(f"/messages/{message.pk}/resend").status_code == 404
    assert stranger.post(f"/messages/{10**30}/resend").status_code == 404
    message.refresh_from_db()
    assert message.state == State.UNDELIVERABLE


# The ledger


def test_an_empty_ledger_teaches_what_will_stand_there(cast):
    assert "Nothing was sent yet." in page_of(cast.owner, "/messages")


def test_a_message_says_what_to_whom_how_it_stands_and_leads_to_its_appointment(cast, desk):
    row = desk.book(in_hours=200, contact_name="Carla Customer")
    desk.post.work()
    page = page_of(cast.owner, "/messages")
    assert "<strong>Booked</strong>" in page
    assert f'<a href="/appointments/{row.id}">Consultation</a>' in page
    assert "Carla Customer" in page
    assert "carla@customer.test" in page
    assert 'class="status active"' in page
    assert "Send again" in page


def test_what_was_refused_says_it_in_the_servers_words(cast, desk):
    refuse(desk, "550 <b>No such user</b>")
    page = page_of(cast.owner, "/messages")
    assert "Undeliverable" in page
    assert "550 &lt;b&gt;No such user&lt;/b&gt;" in page


def test_what_slotkeeper_decided_is_said_in_the_readers_language(cast, desk):
    choose_channels(cast.owner.business_id, {Kind.BOOKED: frozenset()}, COMMAND)
    desk.book(in_hours=200)
    desk.post.work()
    assert "Messages of this kind are switched off." in page_of(cast.owner, "/messages")
    User.objects.filter(pk=cast.owner.user_id).update(locale="de")
    cast.owner.user.refresh_from_db()
    page = page_of(cast.owner, "/messages")
    assert "Nachrichten dieser Art sind ausgeschaltet." in page
    assert "Nicht gesendet" in page


def test_every_state_has_a_mark_and_words():
    assert STATES.keys() == set(State)
    assert len({str(standing.words) for standing in STATES.values()}) == len(STATES)


def test_a_reminder_at_a_time_of_its_own_says_how_long_before(cast, desk):
    service = Service.objects.create(
        business=cast.owner.business, name="Surgery", slug="surgery", reminder_minutes=[4320]
    )  # fmt: skip
    desk.book(in_hours=72.5, service_id=service.pk)
    desk.post.work()
    assert "Reminder, 3 days before" in page_of(cast.owner, "/messages")


def test_a_notice_names_the_member_it_went_to(cast, desk):
    desk.book(in_hours=200, actor=CUSTOMER)
    desk.post.work()
    page = page_of(cast.owner, "/messages?kind=new_booking")
    assert "Olga Owner" in page
    assert "owner@practice.test" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3), ("?state=undeliverable", 1), ("?state=sent", 2), ("?kind=booked&state=sent", 1), ("?q=GONE", 1),
        ("?q=nobody", 0), ("?state=lost", 3), ("?kind=lost&page=9", 3), ("?q=%00", 3), ("?page=x", 3),
    ],
)  # fmt: skip
def test_the_ledger_is_narrowed_by_state_kind_and_address(cast, desk, query, count):
    desk.post.channel.faults["gone@customer.test"] = Refused("550")
    desk.book(in_hours=200)
    desk.book(in_hours=201, contact_email="gone@customer.test")
    desk.post.work()
    page = page_of(cast.owner, f"/messages{query}")
    assert f"{count} message{'' if count == 1 else 's'} </h2>" in page
    assert page.count("<strong>") - page.count('<div class="note warn">') == count
    assert ("Nothing fits." in page) is (count == 0)


def test_long_ledgers_come_in_pages_that_keep_the_filter(cast, desk):
    now = desk.post.now
    Message.objects.bulk_create(
        Message(
            business=cast.owner.business, subject_kind="appointment", subject_id=number, kind="booked", occasion="1",
            channel="email", recipient="customer", state="sent", next_try_at=now, useful_until=now,
        )
        for number in range(60)
    )  # fmt: skip
    first = page_of(cast.owner, "/messages?state=sent")
    assert "60 messages" in first
    assert 'href="?state=sent&amp;page=2"' in first
    assert page_of(cast.owner, "/messages?state=sent&page=2").count("<tr>") == 11


# Sending again


def test_a_message_is_sent_again_and_one_is_led_back(cast, desk):
    _, message = refuse(desk)
    desk.post.channel.faults.clear()
    browser = browser_of(cast.owner)
    place = "/messages?state=undeliverable&page=1"
    answer = browser.post(f"/messages/{message.pk}/resend", {"next": place}, follow=True)
    assert answer.redirect_chain == [(place, 302)]
    assert "The message is on its way." in text_of(answer)
    desk.post.now = datetime.now(UTC) + timedelta(seconds=1)
    assert [one.address for one in desk.post.work() if "carla" in one.address] == ["carla@customer.test"]


@pytest.mark.parametrize("place", ["", "https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)"])
def test_one_is_led_nowhere_else(cast, desk, place):
    _, message = refuse(desk)
    assert browser_of(cast.owner).post(f"/messages/{message.pk}/resend", {"next": place})["Location"] == "/messages"


def test_a_message_that_is_being_sent_stays_as_it_is(cast, desk):
    _, message = refuse(desk)
    Message.objects.update(state=State.SENDING)
    answer = browser_of(cast.owner).post(f"/messages/{message.pk}/resend", follow=True)
    assert "The message is being sent just now." in text_of(answer)
    assert "Send again" not in text_of(answer)


def test_opening_the_address_sends_nothing(cast, desk):
    _, message = refuse(desk)
    assert browser_of(cast.owner).get(f"/messages/{message.pk}/resend")["Location"] == "/messages"
    message.refresh_from_db()
    assert message.state == State.UNDELIVERABLE


def test_whoever_may_not_send_sees_no_button_and_is_refused(cast):
    desk = open_desk(cast.colleague, datetime.now(UTC))
    row, message = refuse(desk)
    browser = browser_of(cast.colleague)
    page = text_of(browser.get(f"/appointments/{row.id}"))
    assert "Undeliverable" in page
    assert "Send again" not in page
    assert browser.post(f"/messages/{message.pk}/resend").status_code == 403


def test_what_would_say_nothing_has_no_button(cast, desk):
    row = desk.book(in_hours=200)
    desk.post.plan()
    desk.cancel(row)
    desk.post.work()
    Message.objects.filter(kind="canceled").delete()
    page = page_of(cast.owner, "/messages")
    assert "Replaced by a newer one" in page
    assert "Send again" not in page


# What keeps messages back


def test_a_missing_mail_server_is_said_first(cast):
    page = page_of(cast.owner, "/messages")
    assert "No mail server is set, so no mail leaves." in page
    assert "SLOTKEEPER_MAIL_SERVER" in page


def test_sending_that_is_held_says_since_when_why_and_who_ends_it(cast):
    SendingHold.objects.create(reason="Restored from <practice>.backup")
    for path in PAGES:
        page = page_of(cast.owner, path)
        assert "Sending is held since" in page
        assert "Restored from &lt;practice&gt;.backup" in page
        assert "slotkeeper release-sending" in page


def test_a_mail_server_that_is_away_is_said_with_its_reason(cast, desk, mail_is_set):
    assert "should have left" not in page_of(cast.owner, "/messages")
    desk.post.channel.faults["*"] = ChannelAway("The mail server is too slow.")
    desk.book(in_hours=200)
    desk.book(in_hours=201)
    desk.post.plan()
    Message.objects.update(next_try_at=desk.post.now - timedelta(minutes=10))
    desk.post.send()
    page = page_of(cast.owner, "/messages")
    assert "2 messages wait that should have left." in page
    assert "The mail server is too slow." in page
    assert "2 messages wait that should have left." in page_of(cast.owner, "/")
    assert "should have left" not in page_of(cast.outsider, "/")


def test_a_message_that_waits_says_when_it_is_tried_next(cast, desk, mail_is_set):
    desk.post.channel.faults["*"] = TryLater("451 greylisted")
    desk.book(in_hours=200)
    desk.post.work()
    Message.objects.update(next_try_at=datetime.now(UTC) + timedelta(minutes=4))
    page = page_of(cast.owner, "/messages")
    assert "451 greylisted" in page
    assert "Next try:" in page
    assert "Try now" in page


def test_the_home_page_counts_what_could_not_be_delivered_in_30_days(cast, desk):
    sentence = "1 message could not be delivered in the last 30 days."
    assert sentence not in page_of(cast.owner, "/")
    refuse(desk)
    home = page_of(cast.owner, "/")
    assert sentence in home
    assert 'href="/messages?state=undeliverable"' in home
    assert sentence not in page_of(cast.colleague, "/")
    assert sentence not in page_of(cast.outsider, "/")
    Message.objects.update(created_at=datetime.now(UTC) - timedelta(days=31))
    assert sentence not in page_of(cast.owner, "/")


# The reminders to come


def test_no_reminders_to_come_says_when_there_are_some(cast):
    assert "No reminder falls into this time." in page_of(cast.owner, "/messages/upcoming")


def test_reminders_to_come_say_when_to_whom_and_why_not(cast, desk):
    row = desk.book(in_hours=30, contact_name="Carla Customer")
    desk.book(in_hours=31, contact_email=None, contact_name="Nora Nowhere")
    page = page_of(cast.owner, "/messages/upcoming")
    assert "2 reminders will be sent in the next 48 hours" in page
    assert "Reminder, a day before" in page
    assert f'<a href="/appointments/{row.id}">' in page
    assert page.count("Will be sent") == page.count("Will not be sent") == 2
    assert "No address to write to." in page


# On other pages


def test_an_appointment_shows_its_messages_and_what_is_to_come(cast, desk):
    row = desk.book(in_hours=30)
    desk.post.work()
    page = page_of(cast.owner, f"/appointments/{row.id}")
    assert "<strong>Booked</strong>" in page
    assert "Still to come" in page
    assert "Reminder, two hours before" in page
    assert "Send again" in page


def test_an_appointment_without_an_address_says_so(cast, desk):
    row = desk.book(in_hours=200, contact_email=None)
    assert "Nobody is written to" in page_of(cast.owner, f"/appointments/{row.id}")


def test_an_appointment_that_is_over_has_nothing_to_come(cast, desk):
    row = desk.book(in_hours=30)
    desk.cancel(row)
    assert "Still to come" not in page_of(cast.owner, f"/appointments/{row.id}")


def test_addresses_are_not_shown_to_whoever_may_not_see_them(cast, desk):
    row = desk.book(in_hours=30)
    desk.post.work()
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    page = page_of(viewer, f"/appointments/{row.id}")
    assert "carla@customer.test" not in page
    assert "messages-title" not in page


def test_a_customer_shows_the_latest_messages_about_what_one_sees(cast, desk):
    row = desk.book(in_hours=200, contact_id=cast.customer.pk)
    open_desk(cast.colleague, desk.post.now).book(
        in_hours=300, contact_id=cast.customer.pk, title="Colleague's talk"
    )  # fmt: skip
    desk.post.work()
    place = f"/customers/{cast.customer.pk}"
    page = page_of(cast.owner, place)
    assert "Latest messages" in page
    assert page.count("<strong>Booked</strong>") == 2
    assert f'<a href="/appointments/{row.id}">' in page
    assert page_of(cast.colleague, place).count("<strong>Booked</strong>") == 1


def test_a_customer_who_was_never_written_to_says_so(cast):
    assert "Nothing was written to this customer yet." in page_of(cast.owner, f"/customers/{cast.customer.pk}")
