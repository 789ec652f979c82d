"""Reminders: due in their window, caught up while they help, once, and only when the mail server took them."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from posted import HOUR, ledger, open_desk
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.channels.base import ChannelAway, Refused, TryLater
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import REMINDERS, ChannelName, Kind
from slotkeeper.outbox.models import Message
from slotkeeper.reminders.planning import plan_reminders
from slotkeeper.reminders.preview import upcoming


@pytest.fixture
def desk(cast):
    return open_desk(cast.owner)


def reminders(desk):
    return [one for one in desk.post.work() if ".reminder" in one.message_id]


def flags(row):
    return Appointment.objects.values_list("reminder_24h_sent", "reminder_2h_sent").get(pk=row.id)


def book_and_tell(desk, **fields):
    row = desk.book(**fields)
    desk.post.work()
    return row


def test_both_reminders_leave_once_each_in_their_windows(desk):
    row = book_and_tell(desk, in_hours=48)
    assert reminders(desk) == []
    desk.post.later(hours=22, minutes=59)
    assert reminders(desk) == []
    desk.post.later(minutes=1)
    (mail,) = reminders(desk)
    assert "Wednesday 5 June" in mail.letter.text
    assert flags(row) == (True, False)
    assert reminders(desk) == []
    desk.post.later(hours=22)
    (mail,) = reminders(desk)
    assert flags(row) == (True, True)
    desk.post.later(hours=1)
    assert reminders(desk) == []
    assert ledger(kind__in=REMINDERS) == [("reminder_24h", "sent"), ("reminder_2h", "sent")]


@pytest.mark.parametrize("status", ["canceled", "no_show"])
def test_none_for_what_does_not_take_place(desk, status):
    row = book_and_tell(desk)
    desk.change(row, status=status)
    desk.post.later(hours=23)
    assert reminders(desk) == []


def test_a_confirmed_one_is_reminded_of_as_well(desk):
    row = book_and_tell(desk)
    desk.change(row, status="confirmed")
    desk.post.later(hours=23)
    assert len(reminders(desk)) == 1


def test_without_an_address_it_is_skipped_with_the_reason(desk):
    row = book_and_tell(desk, contact_email=None)
    desk.post.later(hours=23)
    assert reminders(desk) == []
    assert list(Message.objects.filter(kind__in=REMINDERS).values_list("state", "reason")) == [
        ("skipped", "no_address")
    ]
    assert flags(row) == (False, False)


def test_an_address_that_comes_in_time_is_reminded(desk):
    row = book_and_tell(desk, contact_email=None)
    desk.post.later(hours=23)
    reminders(desk)
    desk.change(row, contact_email="carla@customer.test")
    assert len(reminders(desk)) == 1


def test_an_outage_is_caught_up_while_it_helps(desk):
    book_and_tell(desk)
    desk.post.later(hours=40)  # eight hours before
    assert len(reminders(desk)) == 1


def test_what_no_longer_helps_is_skipped_as_missed(desk):
    row = book_and_tell(desk)
    desk.post.later(hours=46)  # two hours before: the other one says all
    (mail,) = reminders(desk)
    assert "reminder_2h" in mail.message_id
    assert ("skipped", "missed") in Message.objects.values_list("state", "reason")
    assert flags(row) == (False, True)


def test_booked_after_the_window_closed_gets_only_the_later_one(desk):
    row = book_and_tell(desk, in_hours=20)
    assert reminders(desk) == []
    assert ("skipped", "made_late") in Message.objects.values_list("state", "reason")
    desk.post.later(hours=17)
    assert len(reminders(desk)) == 1
    assert flags(row) == (False, True)


def test_booked_within_the_window_is_reminded(desk):
    desk.book(in_hours=24.5)
    assert len(reminders(desk)) == 1


def test_a_move_resets_the_flags_and_reminds_of_the_new_time(desk):
    row = book_and_tell(desk)
    desk.post.later(hours=23)
    reminders(desk)
    desk.change(row, start_time=row.start_time + 24 * 3600)
    assert flags(row) == (False, False)
    assert reminders(desk) == []
    desk.post.later(hours=24)
    (mail,) = reminders(desk)
    assert "Thursday 6 June" in mail.letter.text


def test_a_move_after_the_window_closed_is_no_reason_for_a_late_one(desk):
    row = book_and_tell(desk, in_hours=100)
    desk.post.later(hours=10)
    desk.change(row, start_time=desk.instant + 20 * 3600)
    assert reminders(desk) == []


def test_moved_away_and_back_is_reminded_once(desk):
    row = book_and_tell(desk)
    desk.post.later(hours=23)
    plan_reminders(desk.post.now)
    moved = desk.change(row, start_time=row.start_time + 48 * 3600)
    desk.post.send()
    assert ledger(kind="reminder_24h") == [("reminder_24h", "superseded")]
    desk.change(moved, start_time=row.start_time)
    assert len(reminders(desk)) == 1
    assert reminders(desk) == []


def test_planned_and_then_canceled_is_not_sent(desk):
    row = book_and_tell(desk)
    desk.post.later(hours=23)
    plan_reminders(desk.post.now)
    desk.cancel(row)
    assert [one for one in desk.post.work() if ".reminder" in one.message_id] == []


@pytest.mark.parametrize("fault", [TryLater("451"), ChannelAway("away"), Refused("550")])
def test_a_flag_is_set_only_when_the_server_accepted_the_mail(desk, fault):
    row = book_and_tell(desk)
    desk.post.later(hours=23)
    desk.post.channel.faults["*"] = fault
    assert reminders(desk) == []
    assert flags(row) == (False, False)


def test_a_server_that_comes_back_gets_what_still_helps(desk):
    row = book_and_tell(desk)
    desk.post.later(hours=23)
    desk.post.channel.faults["*"] = ChannelAway("away")
    reminders(desk)
    desk.post.later(hours=6).again()
    desk.post.channel.faults.clear()
    assert len(reminders(desk)) == 1
    assert flags(row) == (True, False)


def test_a_row_written_by_hand_with_its_flag_set_is_left_alone(desk):
    row = book_and_tell(desk)
    Appointment.objects.filter(pk=row.id).update(reminder_24h_sent=True)
    desk.post.later(hours=23)
    assert reminders(desk) == []


def test_a_service_may_remind_at_other_times_or_never(desk, cast):
    def service(slug, minutes):
        return Service.objects.create(business=cast.owner.business, name=slug, slug=slug, reminder_minutes=minutes)

    book_and_tell(desk, in_hours=200, service_id=service("course", [7 * 1440, 60]).pk)
    book_and_tell(desk, in_hours=201, service_id=service("quiet", []).pk)
    desk.post.later(hours=31)
    (mail,) = reminders(desk)
    assert "reminder." in mail.message_id
    desk.post.later(hours=144)
    assert reminders(desk) == []
    desk.post.later(hours=23)
    (mail,) = reminders(desk)
    assert ledger(kind="reminder") == [("reminder", "sent"), ("reminder", "sent")]


def test_a_text_message_goes_beside_the_mail_where_it_is_chosen(desk, cast, settings):
    settings.CONFIGURATION = _with_sms(settings.CONFIGURATION)
    both = frozenset({ChannelName.EMAIL, ChannelName.SMS})
    choose_channels(cast.owner.business_id, {Kind.REMINDER_24H: both}, COMMAND)
    row = book_and_tell(desk, contact_phone="030 123456")
    desk.post.later(hours=23)
    assert len(reminders(desk)) == 1
    (text,) = desk.post.texts.sent
    assert text.address == "+4930123456"
    assert "10:00" in text.letter.text
    assert flags(row) == (True, False)


def test_a_text_message_alone_sets_no_flag(desk, cast, settings):
    settings.CONFIGURATION = _with_sms(settings.CONFIGURATION)
    both = frozenset({ChannelName.EMAIL, ChannelName.SMS})
    choose_channels(cast.owner.business_id, {Kind.REMINDER_24H: both}, COMMAND)
    row = book_and_tell(desk, contact_email=None, contact_phone="030 123456")
    desk.post.later(hours=23)
    assert reminders(desk) == []
    assert len(desk.post.texts.sent) == 1
    assert flags(row) == (False, False)


def test_a_run_without_anything_near_costs_a_fixed_number_of_statements(desk):
    for number in range(30):
        desk.book(in_hours=100 + number)
    desk.post.later(hours=10)
    with CaptureQueriesContext(connection) as queries:
        plan_reminders(desk.post.now)
    assert len(queries) <= 12


def test_the_preview_says_what_will_be_sent_and_what_not(desk, cast):
    business = cast.owner.business_id
    first = book_and_tell(desk, in_hours=26)
    book_and_tell(desk, in_hours=30, contact_email=None)
    canceled = book_and_tell(desk, in_hours=32)
    desk.cancel(canceled)
    found = upcoming(business, desk.post.now, timedelta(hours=48))
    assert [(one.kind, one.appointment.pk, one.reason) for one in found][:2] == [
        (Kind.REMINDER_24H, first.id, None),
        (Kind.REMINDER_24H, first.id + 1, "no_address"),
    ]
    assert found[0].at == desk.post.now + HOUR
    assert len(found) == 4
    assert canceled.id not in {one.appointment.pk for one in found}
    desk.post.later(hours=1)
    desk.post.work()
    assert len(upcoming(business, desk.post.now, timedelta(hours=48))) == 3
    assert upcoming(cast.outsider.business_id, desk.post.now, timedelta(hours=48)) == []


def _with_sms(configuration):
    return dataclasses.replace(configuration, twilio_account_sid="AC" + "0" * 32)
