"""The same races over HTTP, against two web workers with four threads; ten times as many with --soak."""

import http.client
import json
import random
import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from cast import ZONE, Cast
from race.contestants import DAWN, HOUR, MINUTE
from race.harness import LANES, next_free_by_minutes, overlaps_stored, race, shuffled
from servers.slotkeeper_server import Slotkeeper
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.rules.local_time import TimeForm

_own = threading.local()


@dataclass(frozen=True)
class Client:
    """Speaks to the server with a token, each thread through a connection of its own."""

    port: int
    token: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        if not hasattr(_own, "connection"):
            _own.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | headers
        _own.connection.request(method, path, json.dumps(body or {}), named)
        answer = _own.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def outcome(self, method: str, path: str, body: Any = None) -> str:
        """Say how a request ended; a refusal names three alternatives, and nothing else may happen."""
        status, answer = self.send(method, path, body)
        if status == 409 and answer["code"] == "SLOT_TAKEN":
            assert len(answer["suggested_slots"]) == 3
            return "refused"
        if status == 409 and answer["code"] == "INVALID_TRANSITION":
            return "too late"
        assert status in {200, 201}, answer
        return "done"

    def book(self, start: int, end: int) -> str:
        return self.outcome("POST", "/api/appointments", {"title": "Race"} | _times(start, end))

    def move(self, appointment_id: int, start: int, end: int) -> str:
        return self.outcome("PUT", f"/api/appointments/{appointment_id}", _times(start, end))

    def cancel(self, appointment_id: int) -> str:
        return self.outcome("POST", f"/api/appointments/{appointment_id}/cancel")


def _times(start: int, end: int) -> dict[str, str]:
    form = TimeForm.with_offset(ZONE)
    return {"start_time": form.write(start), "end_time": form.write(end)}


@pytest.fixture
def client(server: Slotkeeper, calendar: Cast) -> Client:
    return Client(server.port, calendar.api().headers["Authorization"].removeprefix("Bearer "))


def test_of_many_who_want_the_same_hour_one_gets_it(client, rounds):
    slots = [(DAWN + 2 * number * HOUR, DAWN + (2 * number + 1) * HOUR) for number in range(rounds(128))]
    outcomes = race([partial(client.book, *slot) for slot in slots for _ in range(LANES)])
    assert outcomes == {"done": len(slots), "refused": len(slots) * (LANES - 1)}


def test_bookings_moves_and_cancellations_at_once_never_overlap(client, rounds):
    chance = random.Random(8)

    def span() -> tuple[int, int]:
        start = DAWN + chance.randrange(96) * 15 * MINUTE
        return start, start + chance.randint(1, 8) * 15 * MINUTE

    race([partial(client.book, *span()) for _ in range(rounds(64) * LANES)])
    mine = list(Appointment.objects.values_list("id", flat=True))
    attempts = [partial(client.book, *span()) for _ in range(rounds(96) * LANES)]
    attempts += [partial(client.move, chance.choice(mine), *span()) for _ in range(rounds(64) * LANES)]
    attempts += [partial(client.cancel, number) for number in chance.sample(mine, len(mine) // 2)]
    assert race(shuffled(9, attempts))["done"] > 0
    assert Change.objects.filter(verb="booked").count() == Appointment.objects.count()


def test_one_request_repeated_at_once_with_one_key_books_once(client, rounds):
    def repeat(number: int) -> str:
        body = {"title": "Race"} | _times(DAWN + number * HOUR, DAWN + (number + 1) * HOUR)
        status, answer = client.send("POST", "/api/appointments", body, **{"Idempotency-Key": f"key {number}"})
        assert status == 201 or answer["code"] == "IN_PROGRESS", answer
        return "done"

    race([partial(repeat, number) for number in range(rounds(48)) for _ in range(LANES)])
    assert Appointment.objects.count() == rounds(48)


def test_suggested_slots_are_the_next_free_times(client, calendar, soak):
    chance, form = random.Random(10), TimeForm.with_offset(ZONE)
    for _ in range(60):
        start = DAWN + chance.randrange(288) * 5 * MINUTE
        client.book(start, start + chance.choice([10, 25, 45]) * MINUTE)
    refusals = 0
    while refusals < (100 if soak else 10):
        start = DAWN + chance.randrange(1440) * MINUTE
        status, answer = client.send("POST", "/api/appointments", {"title": "Race"} | _times(start, start + HOUR))
        if status == 409:
            refusals += 1
            free = next_free_by_minutes(calendar.owner.user_id, start)
            assert answer["suggested_slots"] == [{"start": form.write(a), "end": form.write(b)} for a, b in free]
    assert overlaps_stored() == 0
