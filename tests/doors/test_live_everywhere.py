"""Calendars that are asked at the moment of booking: asked by every door that takes a person's time, and only then."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client

from cast import ZONE, Api, Cast
from connected import HOUR, SOON, Connected, connect
from contracts.memory_world import MemoryProvider
from desk import browser_of
from offered import offer
from slotkeeper.appointments.customer_links import make_link
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.quotes import accept_quote, create_quote, send_quote
from slotkeeper.calendars import live
from slotkeeper.calendars.models import CalendarConnection, CalendarProposal
from slotkeeper.changes.record import COMMAND
from slotkeeper.doors.public.visits import write_start
from slotkeeper.rules.intervals import Interval

WANTED = SOON + 4 * HOUR
DOORS = []
LINE = {"description": "Haircut", "quantity": "1", "unit_price": 4500, "tax_rate": "19"}


def written(instant):
    return datetime.fromtimestamp(instant, UTC).isoformat()


def times_at(start):
    return {"start_time": written(start), "end_time": written(start + HOUR)}


TIMES = times_at(WANTED)


@dataclass
class World:
    """The owner's calendar, which was last read before they entered something there at the time that is wanted."""

    cast: Cast
    connected: Connected
    row: AppointmentRow  # of the owner, at another time
    asked: list[bool]  # for each time that the calendar was asked: whether that was within a transaction

    @property
    def user_id(self) -> int:
        return self.cast.owner.user_id

    def is_taken(self) -> bool:
        end = datetime.fromtimestamp(WANTED + HOUR, UTC)
        return Appointment.objects.filter(user_id=self.user_id, end_time=end).exists()

    def post(self, path, **fields):
        """Send a page's form, with the time that is wanted."""
        local = datetime.fromtimestamp(WANTED, ZoneInfo(ZONE)).isoformat()
        times = {"start": local[:16], "offset": local[-6:], "minutes": "60"}
        return browser_of(self.cast.owner).post(path, times | {"title": "Visit", "user_id": self.user_id} | fields)

    def move_event(self, start):
        """Have the owner move our event in their calendar, and the worker see it."""
        (name,) = [name for name, event in self.connected.twin.events.items() if event.key]
        there = self.connected.twin.events[name]
        self.connected.twin.store(name, title=there.title, times=(Interval(start, start + HOUR),), key=there.key)
        self.connected.work_later()
        return CalendarProposal.objects.get(resolved_at=None).pk

    def quote(self):
        """Have a customer accept a quote."""
        now, business_id = datetime.now(UTC), self.cast.owner.business_id
        fields = {"contact_id": self.cast.customer.pk, "lines": [LINE]}
        target = DocumentTarget(business_id, create_quote(business_id, fields, COMMAND, now).pk)
        send_quote(target, COMMAND, now)
        return accept_quote(target, COMMAND, now).pk


def make_world(cast, monkeypatch) -> World:
    connected = connect(cast.owner, monkeypatch)
    world = World(cast, connected, connected.book(), [])
    connected.work_later()
    read = MemoryProvider.read_changes

    def noted(self, *asked):
        world.asked.append(connection.in_atomic_block)
        return read(self, *asked)

    monkeypatch.setattr(MemoryProvider, "read_changes", noted)
    live.forget_who_is_asked()
    return world


@pytest.fixture
def world(cast, monkeypatch):
    yield make_world(cast, monkeypatch)
    live.forget_who_is_asked()


def ask_from_now_on(world):
    """Have the calendar asked at every booking, and its owner enter something at the time that is wanted."""
    world.connected.enter("just now", WANTED, WANTED + HOUR)
    CalendarConnection.objects.update(asks_live=True)
    live.forget_who_is_asked()
    world.asked.clear()


def door(prepare):
    """Note a door: what prepares it gives what knocks at it."""
    DOORS.append(prepare)
    return prepare


def given_to_colleague(world):
    theirs = {"title": "Theirs", "user_id": world.cast.colleague.user_id} | TIMES
    return world.cast.api().post("/api/appointments", theirs).json()["id"]


@door
def booking_by_api(world):
    return lambda: world.cast.api().book(*TIMES.values())


@door
def booking_by_api_with_a_key(world):
    return lambda: world.cast.api().post("/api/appointments", {"title": "Visit"} | TIMES, Idempotency_Key="once")


@door
def move_by_api(world):
    return lambda: world.cast.api().put(f"/api/appointments/{world.row.id}", TIMES)


@door
def longer_one_by_api(world):
    world.cast.api().put(f"/api/appointments/{world.row.id}", times_at(WANTED - HOUR))
    return lambda: world.cast.api()("PATCH", f"/api/appointments/{world.row.id}", {"end_time": TIMES["end_time"]})


@door
def another_person_by_api(world):
    path = f"/api/appointments/{given_to_colleague(world)}"
    return lambda: world.cast.api().put(path, {"user_id": world.user_id})


@door
def assignment_by_api(world):
    path = f"/api/appointments/{given_to_colleague(world)}/assign"
    return lambda: world.cast.api().post(path, {"user_id": world.user_id})


@door
def series_by_api(world):
    series = {"title": "Visits", "every_weeks": 1, "times": 2} | TIMES
    return lambda: world.cast.api().post("/api/appointments/series", series, Idempotency_Key="once")


@door
def series_move_by_api(world):
    return lambda: world.cast.api().post(f"/api/appointments/{world.row.id}/series/move", TIMES)


@door
def accepting_by_api(world):
    path = f"/api/calendar-proposals/{world.move_event(WANTED)}/accept"
    return lambda: world.cast.api().post(path)


@door
def quotes_booking_by_api(world):
    path = f"/api/quotes/{world.quote()}/book"
    return lambda: world.cast.api().post(path, {"title": "Haircut"} | TIMES, Idempotency_Key="once")


@door
def booking_by_page(world):
    return lambda: world.post("/appointments/new")


@door
def edit_by_page(world):
    return lambda: world.post(f"/appointments/{world.row.id}/edit", version=1)


@door
def assignment_by_page(world):
    path = f"/appointments/{given_to_colleague(world)}/assign"
    return lambda: world.post(path, version=1)


@door
def series_by_page(world):
    return lambda: world.post("/appointments/repeat", every_weeks=1, times=2)


@door
def series_move_by_page(world):
    series = {"title": "Visits", "every_weeks": 1, "times": 2} | times_at(SOON + 8 * HOUR)
    first, _ = world.cast.api().post("/api/appointments/series", series).json()["appointments"]
    return lambda: world.post(f"/appointments/{first['id']}/series/move", version=1)


@door
def accepting_by_page(world):
    path = f"/calendars/proposals/{world.move_event(WANTED)}"
    return lambda: world.post(path, accept=1)


@door
def another_time_than_proposed(world):
    path = f"/calendars/proposals/{world.move_event(SOON + HOUR)}"
    return lambda: world.post(path, instead=TIMES["start_time"])


@door
def quotes_booking_by_page(world):
    path = f"/money/quotes/{world.quote()}/book"
    return lambda: world.post(path)


@door
def customers_move(world):
    service = offer(world.cast.owner, hours=((0, 24 * 60),), weekdays=range(7))
    Appointment.objects.update(service=service)
    path = f"/booking/{make_link(world.row)}/move?at={write_start(WANTED)}"
    return lambda: Client(HTTP_HOST="localhost").post(path)


@pytest.mark.parametrize("prepare", DOORS)
def test_every_door_asks_before_it_takes_the_time(world, prepare):
    knock = prepare(world)
    ask_from_now_on(world)
    answer = knock()
    assert not world.is_taken()
    assert answer.status_code in {302, 409}
    assert len(world.asked) == 1


@pytest.mark.parametrize("prepare", DOORS)
def test_who_does_not_want_to_be_asked_is_not(world, prepare):
    knock = prepare(world)
    world.connected.enter("just now", WANTED, WANTED + HOUR)
    world.asked.clear()
    assert knock().status_code < 400
    assert world.is_taken()
    assert world.asked == []


def test_what_takes_nobodys_time_asks_nobody(world):
    ask_from_now_on(world)
    api, path = world.cast.api(), f"/api/appointments/{world.row.id}"
    same_times = {name: api.get(path).json()[name] for name in ("start_time", "end_time", "user_id")}
    assert api.put(path, {"title": "Renamed"} | same_times).status_code == 200
    local = datetime.fromtimestamp(SOON, ZoneInfo(ZONE)).isoformat()
    edited = {"title": "Again", "start": local[:16], "minutes": "60", "version": 2}
    assert world.post(f"/appointments/{world.row.id}/edit", **edited).status_code == 302
    assert api.post(f"{path}/confirm").status_code == 200
    assert api.post(f"{path}/cancel").status_code == 200
    assert world.asked == []


def test_a_deletion_that_is_accepted_asks_nobody(world):
    (name,) = world.connected.twin.events
    there = world.connected.twin.events[name]
    there.is_gone, there.changed_at = True, next(world.connected.twin.clock)
    world.connected.work_later()
    ask_from_now_on(world)
    path = f"/api/calendar-proposals/{CalendarProposal.objects.get().pk}/accept"
    assert world.cast.api().post(path).status_code == 200
    assert world.asked == []


def test_nobodys_calendar_is_asked_for_another_business(world):
    ask_from_now_on(world)
    stranger = world.cast.api("outsider")
    body = {"title": "Visit", "user_id": world.user_id} | TIMES
    assert stranger.post("/api/appointments", body).status_code == 404
    assert world.asked == []


def test_switching_it_on_counts_at_once(world):
    api = world.cast.api()
    assert api.book(*times_at(SOON + 8 * HOUR).values()).status_code == 201
    world.connected.enter("just now", WANTED, WANTED + HOUR)
    assert api.put(f"/api/calendar-connections/{world.connected.connection.pk}", {"asks_live": True}).status_code == 200
    assert api.book(*TIMES.values()).status_code == 409


@pytest.mark.parametrize("prepare", DOORS)
def test_nobody_waits_for_a_calendar_within_a_transaction(committed_cast, monkeypatch, prepare):
    world = make_world(committed_cast, monkeypatch)
    knock = prepare(world)
    ask_from_now_on(world)
    knock()
    assert world.asked == [False]
    live.forget_who_is_asked()


def test_an_unknown_token_asks_nobody(world):
    ask_from_now_on(world)
    assert Api(None).post("/api/appointments", {"title": "Visit"} | TIMES).status_code == 401
    assert world.asked == []
