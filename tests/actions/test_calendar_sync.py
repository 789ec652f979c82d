"""Appointments in their people's calendars: written, moved, removed, and what their owners do to them there."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from connected import HOUR, NOW, SOON, connect
from contracts.memory_world import MemoryProvider
from posted import PostOffice
from slotkeeper.appointments import actions, calendar_sync
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.leaving import remove_member
from slotkeeper.appointments.reach import Reach
from slotkeeper.calendars import accounts
from slotkeeper.calendars.leases import free_leases_of_the_dead, take_lease
from slotkeeper.calendars.models import BusyTime, CalendarConnection, CalendarProposal, ConnectedCalendar
from slotkeeper.calendars.providers.base import Refused
from slotkeeper.calendars.watches import note_push
from slotkeeper.changes.record import COMMAND
from slotkeeper.outbox.kinds import Kind
from slotkeeper.outbox.models import Message, SendingHold
from slotkeeper.people.members import MemberTarget, reinstate_member, suspend_member
from slotkeeper.processes import new_claim
from slotkeeper.rules.intervals import Interval


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


def reach(connected):
    return Reach(connected.member.business_id)


def change(connected, row, **fields):
    return actions.update(Target(reach(connected), row.id), fields, COMMAND, NOW)


def entered(connected):
    (event,) = [one for one in connected.twin.events.values() if one.key and not one.is_gone]
    return event


def test_an_appointment_appears_in_the_calendar(connected):
    connected.book()
    connected.work()
    assert entered(connected).times == (Interval(SOON, SOON + HOUR),)
    link = connected.link()
    assert (link.internal_entity_type, link.state, link.synced_version) == ("appointment", "synced", 1)
    assert link.due_at is None


def test_one_that_is_not_to_be_synced_does_not(connected):
    connected.book(sync_to_calendar=False)
    connected.work()
    assert connected.titles() == []


def test_a_change_is_written_and_only_once(connected):
    row = connected.book()
    connected.work()
    change(connected, row, title="Longer", end_time=SOON + 2 * HOUR)
    connected.work()
    connected.work_later()
    assert (entered(connected).title, entered(connected).times) == ("Longer", (Interval(SOON, SOON + 2 * HOUR),))
    assert connected.twin.writes == 2


def test_a_canceled_appointment_leaves_the_calendar(connected):
    row = connected.book()
    connected.work()
    actions.cancel(Target(reach(connected), row.id), COMMAND, NOW)
    connected.work()
    assert connected.titles() == []
    assert connected.link().state == "gone"


def test_the_switch_takes_the_event_away_and_brings_it_back(connected):
    row = connected.book()
    connected.work()
    change(connected, row, sync_to_calendar=False)
    connected.work()
    assert connected.titles() == []
    change(connected, row, sync_to_calendar=True)
    connected.work()
    assert connected.titles() == ["Consultation"]
    assert connected.link().state == "synced"


def test_booked_and_canceled_before_the_worker_looked_writes_nothing(connected):
    row = connected.book()
    actions.cancel(Target(reach(connected), row.id), COMMAND, NOW)
    connected.work()
    assert connected.twin.writes == 0


def test_a_reassigned_appointment_moves_to_the_other_persons_calendar(connected, cast):
    row = connected.book()
    connected.work()
    change(connected, row, user_id=cast.colleague.user_id)
    connected.work()
    assert connected.titles() == []


def test_who_is_suspended_or_has_left_has_no_customers_in_their_calendar_until_they_are_back(cast, monkeypatch):
    connected = connect(cast.colleague, monkeypatch)
    connected.book(contact_name="Carla Customer")
    connected.work()
    assert connected.titles() == ["Consultation"]
    target = MemberTarget(cast.owner.business_id, cast.colleague.pk)
    suspend_member(target, COMMAND)
    connected.work()
    assert connected.titles() == []
    reinstate_member(target, COMMAND)
    connected.work()
    assert connected.titles() == ["Consultation"]
    remove_member(target, COMMAND, NOW, keeps_appointments=True)
    connected.work()
    assert connected.titles() == []


def test_a_push_that_comes_while_the_calendar_is_read_has_it_read_again(connected, monkeypatch):
    connected.work()
    ConnectedCalendar.objects.update(channel_id="channel-1", channel_secret="whisper")
    read = MemoryProvider.read_changes
    told = []

    def changed_meanwhile(provider, calendar_id, request):
        changes = read(provider, calendar_id, request)
        if not told:
            told.append(note_push("channel-1", "whisper", datetime.now(UTC)))
        return changes

    monkeypatch.setattr(MemoryProvider, "read_changes", changed_meanwhile)
    connected.work_later()
    assert told == [True]
    connected.calendar.refresh_from_db()
    connected.connection.refresh_from_db()
    assert connected.calendar.next_read_at <= datetime.now(UTC)
    assert connected.connection.due_at <= datetime.now(UTC)
    connected.work()
    connected.calendar.refresh_from_db()
    assert connected.calendar.next_read_at > datetime.now(UTC)


def test_a_provider_that_is_away_costs_nobody_a_booking_and_gets_it_afterwards(connected):
    connected.twin.fault = "away"
    connected.book()
    connected.work()
    connected.connection.refresh_from_db()
    assert (connected.connection.status, connected.connection.failures) == ("failing", 1)
    assert connected.connection.last_error == "The server cannot be reached."
    connected.work()  # the pause is not over: no second try
    connected.connection.refresh_from_db()
    assert connected.connection.failures == 1
    connected.twin.fault = ""
    connected.work_later()
    assert connected.titles() == ["Consultation"]
    connected.connection.refresh_from_db()
    assert (connected.connection.status, connected.connection.failures, connected.connection.last_error) == (
        "connected", 0, "",
    )  # fmt: skip


def test_while_a_provider_is_away_further_bookings_do_not_ask_it(connected):
    connected.twin.fault = "away"
    connected.work()
    for number in range(3):
        connected.book(SOON + number * HOUR)
        connected.work()
    connected.connection.refresh_from_db()
    assert connected.connection.failures == 1


def test_what_the_server_asks_to_wait_is_waited(connected):
    connected.twin.fault = "busy"
    connected.work()
    connected.connection.refresh_from_db()
    assert 5 < (connected.connection.due_at - datetime.now(UTC)).total_seconds() <= 7


def test_a_lost_answer_makes_no_second_event(connected):
    connected.twin.fault = "lost_answer"
    connected.book()
    connected.work()
    link = connected.link()
    assert (link.state, link.last_error) == ("failing", "The server cut the answer.")
    connected.work_later()
    assert connected.titles() == ["Consultation"]
    assert len(connected.twin.events) == 1


def test_canceled_after_a_lost_answer_leaves_nothing_behind(connected):
    connected.twin.fault = "lost_answer"
    row = connected.book()
    connected.work()
    actions.cancel(Target(reach(connected), row.id), COMMAND, NOW)
    connected.work_later()
    assert connected.titles() == []


def test_one_refused_event_holds_up_no_other(connected, monkeypatch):
    provider = accounts.PROVIDERS["caldav"](None)
    real = provider.create_event

    def create(place, event):
        if event.title == "Bad":
            raise Refused("The title is refused.")
        return real(place, event)

    monkeypatch.setattr(provider, "create_event", create)
    monkeypatch.setitem(accounts.PROVIDERS, "caldav", lambda _account: provider)
    connected.book(title="Bad")
    connected.book(SOON + HOUR, title="Good")
    connected.work()
    assert connected.titles() == ["Good"]
    states = dict(connected.connection.links.values_list("state", "last_error"))
    assert states == {"failing": "The title is refused.", "synced": ""}


@pytest.mark.parametrize(("kind", "seconds"), [("ics_feed", 3600), ("caldav", 300)])
def test_a_refused_reading_is_told_and_tried_again_later(connected, monkeypatch, kind, seconds):
    provider = accounts.PROVIDERS["caldav"](None)
    CalendarConnection.objects.update(provider=kind)

    def read_changes(_calendar_id, _request):
        raise Refused("Reading the feed takes too much time.")

    with monkeypatch.context() as patched:
        patched.setattr(provider, "read_changes", read_changes)
        patched.setitem(accounts.PROVIDERS, kind, lambda _account: provider)
        connected.work()
    calendar = connected.connection.calendars.get()
    assert calendar.last_error == "Reading the feed takes too much time."
    assert seconds - 10 < (calendar.next_read_at - datetime.now(UTC)).total_seconds() <= seconds
    monkeypatch.setitem(accounts.PROVIDERS, kind, lambda _account: provider)
    connected.work_later()
    assert connected.connection.calendars.get().last_error == ""


def test_nothing_is_written_while_sending_is_held(connected):
    hold = SendingHold.objects.create(reason="restored")
    connected.book()
    connected.work()
    assert connected.titles() == []
    hold.delete()
    connected.work_later()
    assert connected.titles() == ["Consultation"]


def test_access_lost_is_told_the_owner_once(connected):
    connected.twin.fault = "locked_out"
    connected.work()
    connected.work_later()
    connected.connection.refresh_from_db()
    assert connected.connection.status == "reconnect"
    (message,) = Message.objects.filter(kind=Kind.CALENDAR_ATTENTION)
    post = PostOffice(datetime.now(UTC))
    post.send()
    (mail,) = post.sent
    assert (message.recipient, mail.address) == (f"user {connected.member.user_id}", connected.member.user.email)
    assert "Twin" in mail.letter.subject + mail.letter.text


def test_a_calendar_that_was_connected_again_meanwhile_needs_nobody(connected):
    connected.twin.fault = "locked_out"
    connected.work()
    CalendarConnection.objects.update(status="connected")
    post = PostOffice(datetime.now(UTC))
    post.send()
    assert post.sent == []
    assert Message.objects.get().state == "superseded"


def test_a_calendar_chosen_later_gets_what_lies_ahead(connected):
    ConnectedCalendar.objects.update(receives=False)
    connected.book()
    connected.work()
    assert connected.titles() == []
    ConnectedCalendar.objects.update(receives=True)
    calendar_sync.plan_for_person(connected.member.user_id, datetime.now(UTC))
    connected.work()
    assert connected.titles() == ["Consultation"]


def test_only_one_process_at_a_time_works_on_a_connection(connected):
    assert take_lease(connected.connection.pk, datetime.now(UTC))
    assert take_lease(connected.connection.pk, datetime.now(UTC)) is None
    connected.book()
    connected.work_later()
    assert connected.titles() == []


def test_our_own_event_blocks_nothing_and_a_foreign_one_does(connected):
    connected.book()
    connected.enter("dentist", SOON + 4 * HOUR, SOON + 5 * HOUR)
    connected.work_later()
    connected.work_later()
    assert [row.external_id for row in BusyTime.objects.all()] == ["dentist"]


def test_a_moved_and_a_removed_foreign_event_follow(connected):
    connected.enter("dentist", SOON, SOON + HOUR)
    connected.work_later()
    connected.enter("dentist", SOON + 2 * HOUR, SOON + 3 * HOUR)
    connected.work_later()
    (row,) = BusyTime.objects.all()
    assert int(row.start_time.timestamp()) == SOON + 2 * HOUR
    connected.twin.events["dentist"].is_gone = True
    connected.twin.events["dentist"].changed_at = next(connected.twin.clock)
    connected.work_later()
    assert not BusyTime.objects.exists()


def test_a_forgotten_cursor_loses_no_change(connected):
    connected.enter("one", SOON, SOON + HOUR)
    connected.enter("two", SOON + HOUR, SOON + 2 * HOUR)
    connected.work_later()
    del connected.twin.events["one"]
    connected.enter("three", SOON + 2 * HOUR, SOON + 3 * HOUR)
    connected.twin.oldest_cursor = next(connected.twin.clock)
    connected.work_later()
    assert sorted(BusyTime.objects.values_list("external_id", flat=True)) == ["three", "two"]


def test_a_secret_that_no_key_opens_waits_for_the_key(connected):
    CalendarConnection.objects.update(sealed_secret="sealed with a key that was lost")
    connected.book()
    connected.work()
    connected.connection.refresh_from_db()
    assert connected.connection.status == "failing"
    CalendarConnection.objects.update(sealed_secret="")
    connected.work_later()
    connected.connection.refresh_from_db()
    assert (connected.connection.status, connected.titles()) == ("connected", ["Consultation"])


def test_what_a_killed_process_of_this_machine_held_is_free_when_a_worker_starts(connected):
    machine, *_ = new_claim().split(" ")
    with subprocess.Popen(["true"]) as short_lived:
        dead = f"{machine} {short_lived.pid} 1"
    now = datetime.now(UTC)
    held = {"leased_until": now + timedelta(seconds=50), "due_at": None}
    CalendarConnection.objects.update(lease=f"{dead} 1234", **held)
    free_leases_of_the_dead(now)
    assert take_lease(connected.connection.pk, now)
    free_leases_of_the_dead(now)  # ours is alive
    assert take_lease(connected.connection.pk, now) is None
    CalendarConnection.objects.update(lease="elsewhere/1 1 1 1234", **held)
    free_leases_of_the_dead(now)
    assert take_lease(connected.connection.pk, now) is None


def test_a_copy_that_its_owner_makes_of_our_event_is_an_event_of_theirs(connected):
    connected.book()
    connected.work_later()
    key = connected.link().event_key
    connected.twin.store("copy", title="Copy", times=(Interval(SOON + 5 * HOUR, SOON + 6 * HOUR),), key=key)
    connected.work_later()
    assert [row.external_id for row in BusyTime.objects.all()] == ["copy"]
    assert not CalendarProposal.objects.exists()
