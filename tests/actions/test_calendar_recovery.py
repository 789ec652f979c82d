"""What was cut off, lost or overtaken in the middle of something comes right by itself."""

import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection as database
from django.db import transaction

from connected import HOUR, NOW, SOON, connect
from contracts.memory_world import MemoryProvider
from slotkeeper.appointments import actions, calendar_sync
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.reach import Reach
from slotkeeper.calendars import connections, live, manager, mirror
from slotkeeper.calendars.connections import Owner
from slotkeeper.calendars.mirror import Sighting
from slotkeeper.calendars.models import (
    BusyTime,
    CalendarConnection,
    CalendarEventLink,
    CalendarProposal,
    ConnectedCalendar,
)
from slotkeeper.calendars.proposals import propose
from slotkeeper.calendars.providers.base import Refused, Unavailable
from slotkeeper.changes.record import COMMAND
from slotkeeper.rules.intervals import Interval


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


def change(connected, row, **fields):
    return actions.update(Target(Reach(connected.member.business_id), row.id), fields, COMMAND, NOW)


def move_there(connected, start):
    (name,) = [name for name, one in connected.twin.events.items() if one.key]
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(start, start + HOUR),), key=there.key)


def delete_there(connected):
    for one in connected.twin.events.values():
        if one.key:
            one.is_gone, one.changed_at = True, next(connected.twin.clock)


def open_proposals():
    return CalendarProposal.objects.filter(resolved_at=None)


def test_our_own_write_whose_answer_was_lost_is_nobodys_move_also_after_the_next_one(connected, monkeypatch):
    row = connected.book()
    connected.work_later()
    update_event, lost = MemoryProvider.update_event, []

    def update_and_lose(self, place, event):
        written = update_event(self, place, event)
        if not lost:
            lost.append(event)
            raise Unavailable("The answer was lost.")
        return written

    monkeypatch.setattr(MemoryProvider, "update_event", update_and_lose)
    change(connected, row, start_time=SOON + HOUR, end_time=SOON + 2 * HOUR)
    connected.work_later()
    change(connected, row, start_time=SOON + 5 * HOUR, end_time=SOON + 6 * HOUR)
    for _ in range(3):
        connected.work_later()
    (event,) = connected.twin.events.values()
    assert (event.times[0].start, connected.link().state) == (SOON + 5 * HOUR, "synced")
    assert not CalendarProposal.objects.exists()


def test_what_was_tidied_away_stays_away_and_is_asked_for_no_more(connected):
    row = connected.book()
    connected.work_later()
    delete_there(connected)
    change(connected, row, status="confirmed")
    change(connected, row, status="completed")
    for _ in range(3):
        connected.work_later()
    link = connected.link()
    assert (link.state, link.due_at, connected.titles()) == ("gone", None, [])
    change(connected, row, notes="Paid in cash")
    connected.work_later()
    assert (connected.link().due_at, connected.titles()) == (None, [])


def test_a_refused_event_does_not_make_an_account_well(connected, monkeypatch):
    for method in ("create_event", "read_changes"):
        monkeypatch.setattr(MemoryProvider, method, lambda *_: _refuse())
    connected.book()
    connected.work_later()
    connection = CalendarConnection.objects.get()
    assert (connection.status, connection.last_success_at) == ("failing", None)


def _refuse():
    raise Refused("No.")


def test_nobody_is_alarmed_because_the_server_was_off(connected):
    connected.work_later()
    CalendarConnection.objects.update(last_success_at=datetime.now(UTC) - timedelta(days=2))
    connected.twin.fault = "away"
    connected.work_later()
    connection = CalendarConnection.objects.get()
    assert (connection.failures, connection.told_at) == (1, None)


def test_a_success_counts_before_the_next_failure(connected, monkeypatch):
    connected.work_later()
    CalendarConnection.objects.update(failures=9, status="failing")
    connected.book()
    connected.twin.fault = ""
    monkeypatch.setattr(MemoryProvider, "read_changes", lambda *_: _be_away())
    connected.work_later()
    assert (CalendarConnection.objects.get().failures, connected.titles()) == (1, ["Consultation"])


def _be_away():
    raise Unavailable("Away.")


def test_missing_events_are_looked_up_a_few_at_a_time(connected, monkeypatch):
    monkeypatch.setattr(manager, "_LOOKED_UP_AT_ONCE", 2)
    asked = []
    find_event = MemoryProvider.find_event
    monkeypatch.setattr(MemoryProvider, "find_event", lambda *given: asked.append(1) or find_event(*given))
    for number in range(5):
        connected.book(SOON + 2 * number * HOUR)
    connected.work_later()
    delete_there(connected)
    connected.enter("dentist", SOON + 30 * HOUR, SOON + 31 * HOUR)
    for count in (2, 4, 5):
        connected.work_later()
        assert (BusyTime.objects.count(), open_proposals().count(), len(asked)) == (1, count, count)


@pytest.mark.parametrize("error", [Refused("403"), Unavailable("500")])
def test_a_listing_that_fails_keeps_nothing_from_being_read(connected, monkeypatch, error):
    connected.work_later()
    ConnectedCalendar.objects.update(read_in_full_at=datetime.now(UTC) - timedelta(hours=25))

    def list_calendars(_self):
        raise error

    monkeypatch.setattr(MemoryProvider, "list_calendars", list_calendars)
    connected.enter("dentist", SOON, SOON + HOUR)
    connected.work_later()
    assert (BusyTime.objects.count(), CalendarConnection.objects.get().status) == (1, "connected")


def test_one_event_that_cannot_be_looked_up_keeps_nothing_from_being_read(connected, monkeypatch):
    connected.book()
    connected.work_later()
    delete_there(connected)
    connected.enter("dentist", SOON, SOON + HOUR)
    monkeypatch.setattr(MemoryProvider, "find_event", lambda *_: _refuse())
    connected.work_later()
    assert (BusyTime.objects.count(), CalendarConnection.objects.get().status) == (1, "connected")


def test_a_booking_never_fails_because_a_calendar_is_asked(connected, monkeypatch):
    connected.work_later()
    CalendarConnection.objects.update(asks_live=True)
    live.forget_who_is_asked()
    monkeypatch.setattr(MemoryProvider, "read_changes", lambda *_: 1 / 0)
    live.ask_live([connected.member.user_id])
    assert CalendarConnection.objects.get().lease == ""
    live.forget_who_is_asked()


def test_erased_while_a_decision_waits_the_event_is_rewritten_after_it(connected):
    row = connected.book()
    connected.work_later()
    move_there(connected, SOON + HOUR)
    connected.work_later()
    calendar_sync.rewrite_events([row.id], datetime.now(UTC))
    connected.work_later()
    assert open_proposals().count() == 1
    writes = connected.twin.writes
    move_there(connected, SOON)
    connected.work_later()
    connected.work_later()
    assert (open_proposals().count(), connected.link().state) == (0, "synced")
    assert connected.twin.writes == writes + 1


def test_a_wish_made_during_a_try_that_fails_is_due_at_once(connected, monkeypatch):
    row = connected.book()
    connected.work_later()
    soon = datetime.now(UTC)

    def update_event(_self, _place, _event):
        CalendarEventLink.objects.update(due_at=soon)
        raise Refused("Not this one.")

    monkeypatch.setattr(MemoryProvider, "update_event", update_event)
    change(connected, row, title="Renamed")
    connected.work()
    assert connected.link().due_at <= soon + timedelta(seconds=60)


@pytest.fixture
def committed(committed_cast, monkeypatch):
    """A connected calendar that other threads see."""
    return connect(committed_cast.owner, monkeypatch)


def _at_once(first, second):
    """Run two acts at the same time, each in a transaction of its own thread; give what they raised."""
    errors = []

    def run(act):
        try:
            act()
        except Exception as error:  # noqa: BLE001 -- given to whoever waits
            errors.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=[act]) for act in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return errors


def test_a_reading_and_a_choice_at_once_wait_for_each_other(committed, monkeypatch):
    committed.enter("dentist", SOON, SOON + HOUR)
    committed.work_later()
    committed.enter("doctor", SOON + 2 * HOUR, SOON + 3 * HOUR)
    is_reading = threading.Event()
    real = mirror._row

    def row(*given):
        is_reading.set()
        return real(*given)

    monkeypatch.setattr(mirror, "_row", row)
    owner = Owner(committed.member.user_id, committed.member.business_id)

    def choose():
        is_reading.wait(5)
        connections.choose(owner, committed.calendar.pk, {"blocks": False}, COMMAND, lambda *_: None)

    assert _at_once(committed.work_later, choose) == []
    assert BusyTime.objects.count() == 0


def test_proposals_and_plans_lock_links_in_the_same_order(committed):
    for number in range(4):
        committed.book(SOON + number * HOUR)
    committed.work_later()
    links = list(CalendarEventLink.objects.order_by("-pk"))
    barrier = threading.Barrier(2, timeout=10)

    def propose_backwards():
        barrier.wait()
        for _ in range(10):
            with transaction.atomic():
                propose(
                    [Sighting(link, Interval(SOON + 90 * HOUR, SOON + 91 * HOUR)) for link in links], datetime.now(UTC)
                )

    def plan():
        barrier.wait()
        for _ in range(10):
            calendar_sync.plan_for_person(committed.member.user_id, datetime.now(UTC))

    assert _at_once(propose_backwards, plan) == []


def test_links_of_an_earlier_version_learn_what_is_wanted(connected):
    rows = [connected.book(SOON + number * HOUR) for number in range(3)]
    connected.work_later()
    change(connected, rows[1], status="confirmed")
    change(connected, rows[1], status="completed")
    change(connected, rows[2], sync_to_calendar=False)
    CalendarEventLink.objects.update(wanted_start=None, wanted_end=None)
    migration = import_module("slotkeeper.appointments.migrations.0005_what_is_wanted_in_calendars")
    migration.note_wishes(apps, None)
    ends = CalendarEventLink.objects.order_by("internal_entity_id").values_list("wanted_end", flat=True)
    assert [end and int(end.timestamp()) for end in ends] == [SOON + HOUR, None, None]
