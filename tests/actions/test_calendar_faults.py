"""What goes wrong with one event, one calendar, one account or one person keeps nothing else from going on."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from connected import HOUR, NOW, SOON, connect
from contracts.memory_world import MemoryProvider
from posted import PostOffice
from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.leaving import remove_member
from slotkeeper.appointments.reach import Reach
from slotkeeper.calendars import health, leases, mirror, runs
from slotkeeper.calendars.leases import due_connections
from slotkeeper.calendars.models import BusyTime, CalendarConnection, ConnectedCalendar
from slotkeeper.calendars.providers.base import EventChanged, Refused, RemoteCalendar, Unavailable
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.members import MemberTarget
from slotkeeper.worker import calendar_pool


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


def failing(monkeypatch, method, error, is_hit):
    """Let the twin fail where `is_hit` says so of the arguments."""
    real = getattr(MemoryProvider, method)

    def fail(self, *arguments):
        if is_hit(*arguments):
            raise error
        return real(self, *arguments)

    monkeypatch.setattr(MemoryProvider, method, fail)


def add_calendar(connected, name, **fields):
    past = datetime.now(UTC) - timedelta(minutes=2)
    return ConnectedCalendar.objects.create(
        connection=connected.connection, user=connected.member.user, external_id=name, name=name, next_read_at=past,
        **fields,
    )  # fmt: skip


def run(connected, times=1):
    for _ in range(times):
        CalendarConnection.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        connected.work()


def test_an_event_that_always_fails_stops_no_other_and_no_reading(connected, monkeypatch):
    fault = Unavailable("The server has a fault (500).")
    monkeypatch.setattr(runs, "pause_of_event", lambda *_: 60.0)  # however slow this machine is
    failing(monkeypatch, "create_event", fault, lambda _place, event: event.title == "Poison")
    connected.book(title="Poison")
    connected.book(SOON + HOUR, title="Good")
    connected.enter("dentist", SOON + 4 * HOUR, SOON + 5 * HOUR)
    run(connected, 2)
    assert connected.titles() == ["Good", "dentist"]
    assert BusyTime.objects.count() == 1


def test_a_calendar_that_always_fails_stops_no_other(connected, monkeypatch):
    add_calendar(connected, "birthdays", blocks=True)
    failing(monkeypatch, "read_changes", Unavailable("The server has a fault."), lambda name, _: name == "birthdays")
    connected.enter("dentist", SOON, SOON + HOUR)
    run(connected, 2)
    assert BusyTime.objects.get().calendar.name == "Main"


def test_what_was_not_chosen_is_not_read(connected, monkeypatch):
    add_calendar(connected, "birthdays")
    failing(monkeypatch, "read_changes", AssertionError("It was read."), lambda name, _: name == "birthdays")
    connected.work_later()
    ConnectedCalendar.objects.filter(name="Main").update(blocks=False)
    connected.enter("dentist", SOON, SOON + HOUR)
    connected.work_later()
    connected.connection.refresh_from_db()
    assert (BusyTime.objects.count(), connected.connection.status) == (0, "connected")


def test_an_etag_that_is_never_right_does_not_keep_the_worker_busy(connected, monkeypatch):
    row = connected.book()
    connected.work_later()
    tries = []
    failing(monkeypatch, "update_event", EventChanged("412"), lambda *_: tries.append(1) or True)
    actions.update(Target(Reach(connected.member.business_id), row.id), {"title": "Renamed"}, COMMAND, NOW)
    connected.work()
    assert len(tries) == 1
    assert connected.link().due_at > datetime.now(UTC)


def test_a_refusal_is_tried_again_within_a_minute_for_an_hour(connected, monkeypatch):
    failing(monkeypatch, "create_event", Refused("The server refuses the event (403)."), lambda *_: True)
    connected.book()
    for _ in range(12):
        connected.work_later()
    link = connected.link()
    assert (link.state, link.last_error) == ("failing", "The server refuses the event (403).")
    assert (link.due_at - datetime.now(UTC)).total_seconds() <= 60


def test_push_that_is_away_is_no_failure(connected, monkeypatch, settings):
    def watch(_self, _calendar_id, _address, _secret):
        raise Unavailable("Push is down (503).")

    monkeypatch.setattr(MemoryProvider, "watch", watch, raising=False)
    monkeypatch.setattr(MemoryProvider, "unwatch", lambda *_: None, raising=False)
    with override_settings(CONFIGURATION=replace(settings.CONFIGURATION, url="https://book.example.com")):
        connected.work_later()
    connected.connection.refresh_from_db()
    assert (connected.connection.status, connected.connection.failures) == ("connected", 0)
    assert connected.calendar.__class__.objects.get().channel_expires_at > datetime.now(UTC)


def test_a_fault_of_our_own_is_noted_and_tried_again(connected, monkeypatch):
    failing(monkeypatch, "read_changes", ZeroDivisionError(), lambda *_: True)
    connected.work_later()
    connected.connection.refresh_from_db()
    assert (connected.connection.status, connected.connection.lease) == ("failing", "")
    assert "log" in connected.connection.last_error
    assert connected.connection.due_at <= datetime.now(UTC) + timedelta(seconds=60)


def test_an_account_that_gives_no_calendar_is_not_well_and_after_a_day_its_owner_hears_of_it(connected, monkeypatch):
    with monkeypatch.context() as patched:
        failing(patched, "read_changes", Refused("There is a web page."), lambda *_: True)
        connected.work_later()
        connection = CalendarConnection.objects.get()
        assert (connection.status, connection.last_error) == ("failing", "There is a web page.")
        assert (connection.last_success_at, connection.told_at) == (None, None)
        CalendarConnection.objects.update(failing_since=datetime.now(UTC) - health._PATIENCE)
        for _ in range(3):
            connected.work_later()
        post = PostOffice(datetime.now(UTC) + timedelta(minutes=1))
        post.send()
        assert [letter.address for letter in post.sent] == [connected.member.user.email]
    connected.work_later()
    connection = CalendarConnection.objects.get()
    assert (connection.status, connection.told_at) == ("connected", None)


def test_who_left_is_read_no_more_and_what_was_read_is_forgotten(cast, monkeypatch):
    connected = connect(cast.colleague, monkeypatch)
    connected.enter("private", SOON, SOON + HOUR)
    connected.book(SOON + 2 * HOUR)
    connected.work_later()
    assert BusyTime.objects.count() == 1
    remove_member(MemberTarget(cast.owner.business_id, cast.colleague.pk), COMMAND, NOW, keeps_appointments=True)
    connected.work_later()
    assert (BusyTime.objects.count(), connected.titles()) == (0, ["private"])
    read_at = ConnectedCalendar.objects.get().read_at
    connected.work_later()
    assert ConnectedCalendar.objects.get().read_at == read_at is None


def test_whole_days_are_read_again_in_a_new_zone(connected):
    connected.work_later()
    before = ConnectedCalendar.objects.get().read_in_full_at
    connected.work_later()
    assert ConnectedCalendar.objects.get().read_in_full_at == before
    connected.member.user.time_zone = "Asia/Tokyo"
    connected.member.user.save()
    connected.work_later()
    calendar = ConnectedCalendar.objects.get()
    assert (calendar.read_in_full_at > before, calendar.read_in_zone) == (True, "Asia/Tokyo")


def test_a_wish_made_while_a_calendar_is_read_counts(connected, monkeypatch):
    """Its owner has it block their time, and what was read before they did says nothing of it."""
    ConnectedCalendar.objects.update(blocks=False)
    connected.enter("dentist", SOON, SOON + HOUR)
    connected.work_later()
    real = MemoryProvider.read_changes

    def read(self, calendar_id, request):
        ConnectedCalendar.objects.update(blocks=True, cursor="", read_in_full_at=None)
        return real(self, calendar_id, request)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryProvider, "read_changes", read)
        connected.work_later()
    connected.work_later()
    assert BusyTime.objects.count() == 1


def due_for(user, name, **fields):
    past = datetime.now(UTC) - timedelta(minutes=1)
    fields = {"provider": "caldav", "name": name, "due_at": past, "created_at": past} | fields
    return CalendarConnection.objects.create(user=user, **fields).pk


def test_nobody_waits_for_the_many_slow_calendars_of_one_person(cast):
    mine = [due_for(cast.colleague.user, f"slow {number}", url=f"https://{number}.test") for number in range(6)]
    other = due_for(cast.owner.user, "Main", due_at=datetime.now(UTC) - timedelta(seconds=1))
    assert due_connections(datetime.now(UTC), 4, 4) == [*mine[:2], other]


def test_an_account_that_answers_is_found_among_however_many_that_do_not(cast, monkeypatch):
    monkeypatch.setattr(leases, "_LOOKED_AT", 3)
    for number in range(5):
        due_for(cast.colleague.user, f"away {number}", url=f"https://{number}.test", failures=3)
    healthy = due_for(cast.owner.user, "Main", due_at=datetime.now(UTC) - timedelta(seconds=1))
    assert due_connections(datetime.now(UTC), 4, 1)[0] == healthy
    assert len(due_connections(datetime.now(UTC), 4, 1)) == 2


def test_half_of_the_threads_are_kept_for_accounts_that_answer(committed_cast, monkeypatch):
    cast, go, ran = committed_cast, threading.Event(), []
    people = [cast.owner.user, cast.colleague.user, cast.outsider.user]
    for number, user in enumerate([*people, *people]):
        due_for(user, f"away {number}", url=f"https://{number}.test", failures=3)
    healthy = due_for(cast.owner.user, "Main", due_at=datetime.now(UTC) - timedelta(seconds=1))

    def work(connection_id, _source):
        ran.append(connection_id)
        if connection_id != healthy:
            go.wait(5)

    monkeypatch.setattr(calendar_pool, "work_on", work)
    pool = calendar_pool.CalendarPool()
    until = time.monotonic() + 3
    while healthy not in ran and time.monotonic() < until:
        pool.start_due()
        time.sleep(0.02)
    go.set()
    pool.stop()
    assert healthy in ran
    assert len(ran) == 3


def test_a_run_that_lost_its_lease_writes_nothing_down(connected, monkeypatch):
    """It was connected again meanwhile: neither the failure nor the tokens of before count."""

    def read(_self, _calendar_id, _request):
        CalendarConnection.objects.update(lease="", leased_until=None, sealed_secret="new")
        raise Unavailable("Away.")

    monkeypatch.setattr(MemoryProvider, "read_changes", read)
    runs.work_on(connected.connection.pk, lambda _link: None)
    connection = CalendarConnection.objects.get()
    assert (connection.status, connection.failures, connection.sealed_secret) == ("connected", 0, "new")


def test_a_name_of_any_length_is_kept_and_found_again(connected):
    name = "entry-" + "\N{GRINNING FACE}" * 2000
    connected.enter(name, SOON, SOON + HOUR)
    connected.work_later()
    assert BusyTime.objects.count() == 1
    connected.enter(name, SOON + HOUR, SOON + 2 * HOUR)
    connected.work_later()
    assert int(BusyTime.objects.get().start_time.timestamp()) == SOON + HOUR


def test_a_calendar_of_more_than_anybody_has_is_refused_and_nothing_of_it_kept(connected, monkeypatch):
    monkeypatch.setattr(mirror, "MOST_PIECES", 3)
    for number in range(4):
        connected.enter(f"event {number}", SOON + 2 * number * HOUR, SOON + (2 * number + 1) * HOUR)
    connected.work_later()
    calendar = ConnectedCalendar.objects.get()
    assert (BusyTime.objects.count(), calendar.read_at) == (0, None)
    assert "too much in this calendar" in calendar.last_error


def test_once_a_day_new_calendars_and_names_are_taken_up(connected, monkeypatch):
    connected.work_later()
    listed = [RemoteCalendar("main", "Practice"), RemoteCalendar("new", "Choir")]
    monkeypatch.setattr(MemoryProvider, "list_calendars", lambda _self: listed)
    connected.work_later()
    assert ConnectedCalendar.objects.count() == 1
    ConnectedCalendar.objects.update(read_in_full_at=datetime.now(UTC) - timedelta(hours=25))
    connected.work_later()
    found = ConnectedCalendar.objects.order_by("pk").values_list("name", "blocks", "receives")
    assert list(found) == [("Practice", True, True), ("Choir", False, False)]


def test_an_account_is_read_for_its_own_address_too(connected, monkeypatch):
    CalendarConnection.objects.update(username="olga@private.example")
    asked = []
    real = MemoryProvider.read_changes
    monkeypatch.setattr(MemoryProvider, "read_changes", lambda *given: asked.append(given[-1]) or real(*given))
    connected.work_later()
    assert asked[0].owner_emails == {"olga@private.example", connected.member.user.email}
