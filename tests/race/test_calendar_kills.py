"""Worker and server killed at random, and providers that fail: every appointment ends in the calendar once.

A real CalDAV server behind a proxy that breaks on demand; ten kills, two hundred with --soak.
"""

import http.client
import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from contracts.radicale_world import RadicaleWorld
from race.scratch import address
from servers.command import Server, environment_of, gone, is_worker, run_in

HOUR = timedelta(hours=1)
RECOVERY_SECONDS = 60
SEED = 20261125


class Installation:
    """A server with its worker, an owner, and the owner's calendar connected; killed and started as one likes."""

    def __init__(self, folder, database_url, world):
        self.world = world
        self.settings = {"DATABASE_URL": database_url, "SLOTKEEPER_PRIVATE_HOSTS": "127.0.0.1"}
        self.folder = folder
        for command in (
            ("migrate",),
            ("create-owner", "--email", "o@x.test", "--name", "Olga", "--time-zone", "Europe/Berlin"),
        ):
            made = run_in(folder, *command, given="a long password\n", **self.settings)
            assert made.returncode == 0, made.stderr
        made = run_in(folder, "create-token", "--email", "o@x.test", "--name", "race", **self.settings)
        self.token = made.stdout.strip()
        self.server = None
        self.start()
        account = {"provider": "caldav", "url": world.calendar_id, "username": "ada", "password": "secret words"}
        connected = self.send("POST", "/api/calendar-connections", account)
        for calendar in connected["calendars"]:  # the account has those of other tests, too
            is_ours = world.path.strip("/").endswith(calendar["name"])
            place = f"/api/calendar-connections/{connected['id']}/calendars/{calendar['id']}"
            self.send("PUT", place, {"blocks": is_ours, "receives": is_ours})

    def start(self):
        self.server = Server(environment_of(self.folder) | self.settings)
        self.server.wait()

    def kill_server(self):
        family = [self.server.process.pid, *self.server.descendants()]
        self.server.process.kill()
        self.server.process.communicate()
        assert gone(family, 10)
        self.start()

    def kill_worker(self):
        """Kill it where there is one: after many deaths it is started again only after a pause."""
        for pid in filter(is_worker, self.server.descendants()):
            os.kill(pid, signal.SIGKILL)

    def stop(self):
        self.server.process.kill()
        self.server.process.communicate()

    def send(self, method, path, body=None):
        """Send until there is an answer; the key makes it safe to send again."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = uuid.uuid4().hex
        for _ in range(100):
            try:
                line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
                line.request(method, path, json.dumps(body or {}), headers)
                answer = line.getresponse()
                content = json.loads(answer.read() or b"{}")
                line.close()
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
                continue
            assert answer.status < 300, (method, path, content)
            return content
        raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def database_url(tmp_path_factory, django_db_setup):
    """An empty database of its own."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('kills') / 'kills.sqlite3'}"
        return
    name = f"kills_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(**address("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    where = address(name)
    yield f"postgresql://{where['user']}@{where['host']}:{where['port']}/{name}"
    with psycopg.connect(**address("postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def installation(tmp_path_factory, database_url):
    with ExitStack() as stack:
        made = Installation(tmp_path_factory.mktemp("data"), database_url, RadicaleWorld(stack))
        stack.callback(made.stop)
        yield made


@pytest.fixture(scope="module")
def diary(installation):
    return Diary(installation, SEED)


class Diary:
    """What was booked, by title: its id and start; and what should stand in the calendar."""

    def __init__(self, installation, seed):
        self.installation, self.chance = installation, random.Random(seed)
        self.booked, self.number = {}, 0
        self.first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)

    def act(self):
        choice = self.chance.random()
        if not self.booked or choice < 0.6:
            title, start = f"No. {self.number}", self._free_start()
            made = self.installation.send(
                "POST", "/api/appointments", self._times(start) | {"title": title, "sync_to_calendar": True}
            )
            self.booked[title] = made["id"], start
            return
        title = self.chance.choice(sorted(self.booked))
        appointment_id, _ = self.booked[title]
        if choice < 0.85:
            start = self._free_start()
            self.installation.send("PUT", f"/api/appointments/{appointment_id}", self._times(start))
            self.booked[title] = appointment_id, start
        else:
            self.installation.send("POST", f"/api/appointments/{appointment_id}/cancel")
            del self.booked[title]

    def expected(self):
        return Counter((title, start) for title, (_, start) in self.booked.items())

    def _free_start(self):
        self.number += 1
        return self.first + self.number * HOUR

    def _times(self, start):
        return {"start_time": start.isoformat(), "end_time": (start + HOUR).isoformat()}


def wait_until_in_step(installation, diary, seconds):
    """Wait until the calendar holds exactly what was booked, each once; say how long it took."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if installation.world.entries() == diary.expected():
            return time.monotonic() - started
        time.sleep(0.25)
    assert installation.world.entries() == diary.expected()
    return seconds


def test_kills_at_any_moment_lose_nothing_and_double_nothing(installation, diary, soak):
    chance = random.Random(SEED)
    for _ in range(200 if soak else 10):
        for _ in range(3):
            diary.act()
        if chance.random() < 0.3:
            with installation.world.broken("cut"):  # what is asked is done, and its answer lost
                time.sleep(chance.uniform(0, 0.3))
        time.sleep(chance.uniform(0, 0.5))
        (installation.kill_server if chance.random() < 0.3 else installation.kill_worker)()
    wait_until_in_step(installation, diary, 2 * RECOVERY_SECONDS)
    time.sleep(2)
    assert installation.world.entries() == diary.expected()


@pytest.mark.parametrize("fault", ["away", "error", "nonsense", "cut", "silence"])
def test_a_failing_provider_costs_no_booking_and_is_in_step_soon_after(installation, diary, fault, soak):
    seconds = []
    with installation.world.broken(fault):
        for _ in range(100 if soak else 20):
            started = time.monotonic()
            diary.act()
            seconds.append(time.monotonic() - started)
            time.sleep(0.05)
    assert sorted(seconds)[int(len(seconds) * 0.99) - 1] < 1
    assert wait_until_in_step(installation, diary, RECOVERY_SECONDS + 15) <= RECOVERY_SECONDS
