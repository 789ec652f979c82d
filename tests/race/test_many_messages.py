"""Several senders at once, and a mail server that was away for long: once each, soon, and only what still helps."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from posted import open_desk
from race.reminder_workers import Workers
from race.scratch import database_url
from servers.mail_server import mail_server
from slotkeeper.appointments.messages import plan_messages
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.outbox.kinds import REMINDERS
from slotkeeper.outbox.ledger import expire
from slotkeeper.outbox.models import Message

NOW = datetime(2030, 6, 3, 8, 0, tzinfo=UTC)
RECOVERY_MINUTES = 10


@pytest.fixture
def desk(committed_cast):
    return open_desk(committed_cast.owner, NOW)


def book_many(desk, count, first_hours, step_seconds):
    return [
        desk.book(
            in_hours=first_hours + number * step_seconds / 3600, contact_email=f"c{number}@customer.test", length=2
        )
        for number in range(count)
    ]


def test_two_workers_and_a_cron_job_at_once_send_each_reminder_once(desk, tmp_path):
    rows = book_many(desk, 60, 24.1, 30)
    with mail_server() as server:
        workers = Workers(3, tmp_path, database_url(), server.url)
        workers.run(NOW.timestamp())
        workers.wait()
        workers.stop()
    assert sorted(address for mail in server.mails for address in mail.recipients) == sorted(
        f"c{number}@customer.test" for number in range(60)
    )
    connection.close()
    assert Appointment.objects.filter(reminder_24h_sent=True).count() == len(rows)


def test_after_six_hours_without_a_server_all_that_helps_leaves_soon_and_nothing_else(desk, tmp_path, soak):
    """Half of them begin within what the outage took: the reminder of those would only confuse."""
    count = 5_000 if soak else 500
    step = 7 * 3600 / count
    book_many(desk, count, 5.5, step)  # from 5.5 to 12.5 hours: the reminder of 2 hours helps until the start
    connection.close()
    with mail_server() as server:
        server.faults["connect"] = "421 4.3.2 Closing"
        workers = Workers(2, tmp_path, database_url(), server.url)
        for minute in range(0, 6 * 60, 5):  # the worker looks every half minute; away is away
            workers.run((NOW + timedelta(minutes=minute)).timestamp())
            workers.wait()
        server.faults.clear()
        back = NOW + timedelta(hours=6)
        for minute in range(RECOVERY_MINUTES + 1):
            workers.run((back + timedelta(minutes=minute)).timestamp())
            workers.wait()
        workers.stop()
    connection.close()
    reminded = {address for mail in server.mails for address in mail.recipients}
    starts = {one.contact_email: (one.start_time - back).total_seconds() for one in Appointment.objects.order_by("pk")}
    begun = {address for address, ahead in starts.items() if ahead <= 0}
    due = {address for address, ahead in starts.items() if 0 < ahead <= 3 * 3600}
    assert begun
    assert reminded & begun == set()
    assert due - reminded == set()
    assert len(server.mails) == len(reminded)
    expire(back + timedelta(hours=1))
    late = Message.objects.filter(kind__in=REMINDERS, address__in=begun).exclude(state="skipped")
    assert set(late.values_list("state", flat=True)) <= {"expired"}


def test_a_slow_mail_server_does_not_stop_what_else_the_worker_does(desk):
    desk.book()
    desk.post.plan()
    released = threading.Event()

    class Slow:
        def send(self, dispatch):
            released.wait(10)

        def close(self):
            pass

    desk.post.opened["email"] = Slow()
    thread = threading.Thread(target=lambda: (desk.post.send(), connection.close()))
    thread.start()
    desk.book(in_hours=60)
    desk.post.plan()  # the database is free meanwhile
    assert Message.objects.filter(state="waiting").exists()
    released.set()
    thread.join(10)


def test_two_workers_that_plan_for_one_appointment_at_once_owe_one_mail(desk):
    row = desk.book()
    desk.change(row, start_time=row.start_time + 3600)
    first, second = Change.objects.filter(subject_kind="appointment").order_by("pk")
    has_planned = threading.Event()

    def plan_slowly():
        with transaction.atomic():
            plan_messages([first], NOW)
            has_planned.set()
            time.sleep(0.3)
        connection.close()

    thread = threading.Thread(target=plan_slowly)
    thread.start()
    has_planned.wait(10)
    with transaction.atomic():
        plan_messages([second], NOW)
    thread.join(10)
    desk.post.send()
    assert [one.message_id.split(".")[1] for one in desk.post.sent] == ["booked"]
