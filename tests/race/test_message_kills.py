"""A worker that is killed at every step of sending: each message leaves, and only in one window can it leave twice."""

import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from posted import open_desk
from race.reminder_workers import Workers
from race.scratch import address, database_url
from servers.mail_server import mail_server
from slotkeeper.appointments.models import Appointment
from slotkeeper.outbox.kinds import REMINDERS
from slotkeeper.outbox.models import Message

NOW = datetime(2030, 6, 3, 8, 0, tzinfo=UTC)


@pytest.fixture
def row(committed_cast):
    return open_desk(committed_cast.owner, NOW).book(in_hours=24.5)


@pytest.fixture
def post(row, tmp_path):
    with mail_server() as server:
        server.slow_seconds = 20
        workers = Workers(1, tmp_path, database_url(), server.url)
        yield server, workers
        workers.stop()


def wait_until(condition, seconds=15):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def reminder():
    connection.close()
    return Message.objects.get(kind__in=REMINDERS)


def run_on(workers, minutes):
    workers.run((NOW + timedelta(minutes=minutes)).timestamp())
    workers.wait()


def is_flagged(row):
    return Appointment.objects.values_list("reminder_24h_sent", flat=True).get(pk=row.id)


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "content"])
def test_killed_before_the_server_said_yes_it_leaves_once(row, post, step):
    server, workers = post
    server.faults[step] = ["slow"]
    workers.run(NOW.timestamp())
    wait_until(lambda: server.faults[step] == [])
    assert reminder().state == "sending"
    server.faults.clear()
    workers.kill(0)
    workers.wait()
    (mail,) = server.wait_for(1)
    assert mail.recipients == ["carla@customer.test"]
    assert (reminder().state, is_flagged(row)) == ("sent", True)
    run_on(workers, 1)
    time.sleep(0.2)
    assert len(server.mails) == 1


@contextmanager
def nobody_else_writes():
    """Keep every other connection from writing, so that a worker can note nothing."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(**address(connection.settings_dict["NAME"]))
        other.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def test_killed_between_the_servers_yes_and_our_note_it_leaves_twice_under_one_message_id(row, post):
    server, workers = post
    has_asked = threading.Event()
    usual = server.take

    def take(step):
        if step == "MAIL" and not has_asked.is_set():
            has_asked.set()
            time.sleep(0.5)  # until the test keeps everybody from writing
        return usual(step)

    server.take = take
    workers.run(NOW.timestamp())
    assert has_asked.wait(15)
    with nobody_else_writes():
        server.wait_for(1)
        time.sleep(0.1)
        workers.kill(0)
    workers.wait()
    first, second = server.wait_for(2)
    assert first.email["Message-ID"] == second.email["Message-ID"]
    assert (reminder().state, is_flagged(row)) == ("sent", True)
    run_on(workers, 1)
    assert len(server.mails) == 2


def test_killed_before_it_claimed_anything_loses_nothing(row, post):
    server, workers = post
    with nobody_else_writes():
        workers.run(NOW.timestamp())
        time.sleep(0.1)
        workers.kill(0)
    workers.wait()
    server.wait_for(1)
    assert reminder().state == "sent"


def test_a_claim_of_another_machine_is_waited_for_and_then_taken(row, post):
    server, workers = post
    server.faults["connect"] = "421 4.3.2 Closing"
    run_on(workers, 0)
    server.faults.clear()
    claimed = {"state": "sending", "claim": "elsewhere/1 1 1 x", "next_try_at": NOW + timedelta(minutes=5)}
    Message.objects.filter(kind__in=REMINDERS).update(**claimed)
    workers.kill(0)
    run_on(workers, 4)
    assert server.mails == []
    run_on(workers, 6)
    server.wait_for(1)
