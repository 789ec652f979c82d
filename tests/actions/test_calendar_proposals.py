"""What its owner does to an event of ours in their calendar: proposed, decided, never silent."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connected import HOUR, NOW, SOON, connect
from contracts.memory_world import MemoryProvider
from slotkeeper.appointments import actions, calendar_sync
from slotkeeper.appointments.actions import SlotTaken, Target
from slotkeeper.appointments.calendar_sync import UnknownProposal
from slotkeeper.appointments.reach import Reach, own_reach
from slotkeeper.appointments.rows import find
from slotkeeper.calendars import manager
from slotkeeper.calendars.leases import free_leases_of_the_dead
from slotkeeper.calendars.models import CalendarConnection, CalendarEventLink, CalendarProposal
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
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


@pytest.fixture
def moved(connected):
    """An appointment whose event its owner has moved by an hour."""
    row = connected.book()
    connected.work_later()
    (name,) = connected.twin.events
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(SOON + HOUR, SOON + 2 * HOUR),), key=there.key)
    connected.work_later()
    return row


def removed_by_owner(connected):
    row = connected.book()
    connected.work_later()
    (name,) = connected.twin.events
    connected.twin.events[name].is_gone = True
    connected.twin.events[name].changed_at = next(connected.twin.clock)
    connected.work_later()
    return row


def appointment(connected, row):
    return find(reach(connected), row.id)


def test_a_move_there_is_proposed_and_changes_nothing(connected, moved):
    ((proposal, about),) = calendar_sync.open_proposals(reach(connected))
    assert (proposal.kind, about.pk, int(proposal.start_time.timestamp())) == ("move", moved.id, SOON + HOUR)
    assert appointment(connected, moved).start_time == SOON


def test_accepting_moves_the_appointment(connected, moved):
    calendar_sync.accept(CalendarProposal.objects.get().pk, reach(connected), COMMAND, NOW)
    assert appointment(connected, moved).start_time == SOON + HOUR
    connected.work_later()
    assert entered(connected).times == (Interval(SOON + HOUR, SOON + 2 * HOUR),)
    assert connected.link().state == "synced"
    assert calendar_sync.open_proposals(reach(connected)) == []


def test_accepting_asks_the_guard_again(connected, moved):
    connected.book(SOON + HOUR, title="Meanwhile", sync_to_calendar=False)
    with pytest.raises(SlotTaken):
        calendar_sync.accept(CalendarProposal.objects.get().pk, reach(connected), COMMAND, NOW)
    assert appointment(connected, moved).start_time == SOON
    assert calendar_sync.open_proposals(reach(connected))


def test_dismissing_writes_the_event_back(connected, moved):
    calendar_sync.dismiss(CalendarProposal.objects.get().pk, reach(connected), COMMAND, NOW)
    change = Change.objects.get(subject_kind="calendar_proposal")
    assert (change.verb, change.after) == ("dismissed", {"appointment_id": moved.id, "kind": "move"})
    connected.work_later()
    assert entered(connected).times == (Interval(SOON, SOON + HOUR),)
    connected.work_later()
    assert calendar_sync.open_proposals(reach(connected)) == []


def test_moving_it_back_there_takes_the_proposal_away(connected, moved):
    (name,) = connected.twin.events
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(SOON, SOON + HOUR),), key=there.key)
    connected.work_later()
    assert calendar_sync.open_proposals(reach(connected)) == []


def test_an_edit_of_other_fields_waits_for_the_decision(connected, moved):
    change(connected, moved, title="Renamed")
    connected.work_later()
    assert entered(connected).title == "Consultation"
    calendar_sync.dismiss(CalendarProposal.objects.get().pk, reach(connected), COMMAND, NOW)
    connected.work_later()
    assert (entered(connected).title, entered(connected).times) == ("Renamed", (Interval(SOON, SOON + HOUR),))


def test_moving_the_appointment_here_overrules_the_proposal(connected, moved):
    change(connected, moved, start_time=SOON + 3 * HOUR, end_time=SOON + 4 * HOUR)
    connected.work_later()
    assert entered(connected).times == (Interval(SOON + 3 * HOUR, SOON + 4 * HOUR),)
    assert calendar_sync.open_proposals(reach(connected)) == []


def test_a_move_that_was_not_yet_seen_is_not_overwritten(connected):
    row = connected.book()
    connected.work_later()
    (name,) = connected.twin.events
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(SOON + HOUR, SOON + 2 * HOUR),), key=there.key)
    change(connected, row, title="Renamed")
    connected.work()
    assert entered(connected).times == (Interval(SOON + HOUR, SOON + 2 * HOUR),)
    assert CalendarProposal.objects.get().kind == "move"


def test_a_deletion_there_is_proposed_as_a_cancellation(connected):
    row = removed_by_owner(connected)
    ((proposal, _),) = calendar_sync.open_proposals(reach(connected))
    assert proposal.kind == "delete"
    calendar_sync.accept(proposal.pk, reach(connected), COMMAND, NOW)
    connected.work_later()
    assert appointment(connected, row).status == "canceled"
    assert connected.titles() == []
    assert connected.link().state == "gone"


def test_a_dismissed_deletion_brings_the_event_back(connected):
    removed_by_owner(connected)
    calendar_sync.dismiss(CalendarProposal.objects.get().pk, reach(connected), COMMAND, NOW)
    connected.work_later()
    connected.work_later()
    assert connected.titles() == ["Consultation"]
    assert connected.link().state == "synced"


def test_proposals_of_another_business_do_not_exist(connected, moved, cast):
    proposal = CalendarProposal.objects.get()
    foreign = Reach(cast.outsider.business_id)
    assert calendar_sync.open_proposals(foreign) == []
    with pytest.raises(UnknownProposal):
        calendar_sync.dismiss(proposal.pk, foreign, COMMAND, NOW)
    with pytest.raises(UnknownProposal):
        calendar_sync.accept(proposal.pk, own_reach(connected.member.business_id, cast.colleague.user_id), COMMAND, NOW)


def move_there(connected, start):
    (name,) = [name for name, one in connected.twin.events.items() if one.key]
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(start, start + HOUR),), key=there.key)


def delete_there(connected):
    there = entered(connected)
    there.is_gone, there.changed_at = True, next(connected.twin.clock)


def open_kinds(connected):
    return [proposal.kind for proposal, _ in calendar_sync.open_proposals(reach(connected))]


def test_what_is_accepted_is_what_was_shown(connected, moved):
    shown = CalendarProposal.objects.get()
    delete_there(connected)
    connected.work_later()
    with pytest.raises(UnknownProposal):
        calendar_sync.accept(shown.pk, reach(connected), COMMAND, NOW)
    assert appointment(connected, moved).status == "scheduled"
    assert open_kinds(connected) == ["delete"]
    shown.refresh_from_db()
    assert shown.resolution == "superseded"


@pytest.fixture
def edited_meanwhile(connected, moved):
    """An appointment moved there, that was then renamed here: the new title waits for the decision."""
    change(connected, moved, title="Renamed")
    connected.work_later()
    assert connected.titles() == ["Consultation"]
    return moved


def test_put_back_there_what_waited_is_written(connected, edited_meanwhile):
    move_there(connected, SOON)
    connected.work_later()
    connected.work_later()
    assert (open_kinds(connected), connected.titles()) == ([], ["Renamed"])


def test_moved_once_more_the_newest_time_is_proposed(connected, edited_meanwhile):
    move_there(connected, SOON + 5 * HOUR)
    connected.work_later()
    ((proposal, _),) = calendar_sync.open_proposals(reach(connected))
    assert int(proposal.start_time.timestamp()) == SOON + 5 * HOUR


def test_deleted_after_a_move_that_is_what_is_proposed(connected, edited_meanwhile):
    delete_there(connected)
    connected.work_later()
    assert open_kinds(connected) == ["delete"]


def test_deleted_while_it_could_not_be_written_it_is_proposed_all_the_same(connected):
    row = connected.book()
    connected.work_later()
    change(connected, row, title="Renamed")
    CalendarEventLink.objects.update(state="failing", failures=3, last_error="Refused.")
    delete_there(connected)
    connected.work_later()
    connected.work_later()
    assert open_kinds(connected) == ["delete"]


def test_moved_on_both_sides_to_the_same_time_nothing_is_asked(connected):
    row = connected.book()
    connected.work_later()
    move_there(connected, SOON + HOUR)
    change(connected, row, start_time=SOON + HOUR, end_time=SOON + 2 * HOUR, title="Both")
    connected.work_later()
    connected.work_later()
    assert (open_kinds(connected), connected.titles()) == ([], ["Both"])
    assert (connected.link().state, connected.link().synced_version) == ("synced", 2)


def test_a_write_whose_answer_was_lost_is_no_move_of_its_owner(connected):
    row = connected.book()
    connected.work_later()
    connected.twin.fault = ""
    change(connected, row, start_time=SOON + HOUR, end_time=SOON + 2 * HOUR)
    calendar_sync.plan([row.id], datetime.now(UTC))
    move_there(connected, SOON + HOUR)  # our own write, of which nobody heard
    connected.work_later()
    connected.work_later()
    assert (open_kinds(connected), connected.link().state) == ([], "synced")


def test_who_tidies_up_after_the_end_is_asked_nothing(connected):
    row = connected.book()
    connected.work_later()
    for status in ("confirmed", "completed"):
        change(connected, row, status=status)
        connected.work_later()
    delete_there(connected)
    connected.work_later()
    assert (open_kinds(connected), connected.link().state) == ([], "gone")


def test_a_reading_and_what_it_proposes_are_stored_together(connected, monkeypatch):
    connected.book()
    connected.work_later()
    move_there(connected, SOON + HOUR)

    def killed(_sightings, _now):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(manager, "propose", killed)
        with pytest.raises(KeyboardInterrupt):
            connected.work_later()
    free_leases_of_the_dead(datetime.now(UTC))
    CalendarConnection.objects.update(lease="", leased_until=None)
    connected.work_later()
    assert open_kinds(connected) == ["move"]


def test_an_event_that_left_the_time_that_is_read_was_moved(connected, monkeypatch):
    connected.book()
    connected.work_later()
    read_changes = MemoryProvider.read_changes

    def without_ours(provider, calendar_id, request):
        changes = read_changes(provider, calendar_id, request)
        events = tuple(one for one in changes.events if not one.key)
        return replace(changes, events=events, removed=tuple(one.external_id for one in changes.events if one.key))

    monkeypatch.setattr(MemoryProvider, "read_changes", without_ours)
    move_there(connected, SOON + 900 * 24 * HOUR)
    connected.work_later()
    assert open_kinds(connected) == ["move"]
