"""The gate before SQLite's write transactions: it queues, it opens again, it holds nothing back and loses nothing."""

import fcntl
import gc
import multiprocessing
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, connection, connections, transaction

from race.contestants import DAWN, HOUR, Verbs
from race.harness import query
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.people.models import Membership
from slotkeeper.sqlite.base import DatabaseWrapper
from slotkeeper.sqlite.gate import Gate

NORMAL, FULL = 1, 2  # as PRAGMA synchronous answers

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a gate")


def enter() -> threading.Thread:
    """Let another thread go through the gate; it ends when it got through."""

    def pass_through() -> None:
        with transaction.atomic():
            pass
        connection.close()

    visitor = threading.Thread(target=pass_through, daemon=True)
    visitor.start()
    return visitor


def is_open() -> bool:
    visitor = enter()
    visitor.join(10)
    return not visitor.is_alive()


def break_off() -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        _ = 1 / 0


def fail_to_commit() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user_id=4711, business_id=4711, role="", created_at=datetime.now(UTC))


def test_statements_are_read_alike_each_time(committed_cast):
    for value in ("%s", "50 %"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, '100 %%'", [value])
            assert cursor.fetchone() == (value, "100 %")
            cursor.execute("SELECT %(value)s", {"value": value})
            assert cursor.fetchone() == (value,)


def test_gate_is_closed_until_the_outermost_transaction_ends(committed_cast):
    with transaction.atomic():
        with transaction.atomic():
            pass
        visitor = enter()
        visitor.join(0.3)
        assert visitor.is_alive()
    visitor.join(10)
    assert not visitor.is_alive()


def test_gate_opens_after_an_error_a_failed_commit_and_a_closed_connection(committed_cast):
    break_off()
    assert is_open()
    fail_to_commit()
    assert is_open()
    with suppress(OperationalError), transaction.atomic():
        connection.close()
    assert is_open()


def test_reading_and_single_statements_do_not_wait_at_the_gate(committed_cast):
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            held.set()
            done.wait(5)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    assert Appointment.objects.count() == 0
    done.set()
    holder.join()


def test_threads_that_end_leave_no_descriptor_behind(committed_cast):
    def gates() -> int:
        links = [path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.exists()]
        return sum(link.endswith("-gate") for link in links)

    def write() -> None:
        with transaction.atomic():
            pass

    before = gates()
    for _ in range(20):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    gc.collect()
    assert gates() <= before


def test_process_killed_inside_a_transaction_frees_the_gate_and_leaves_nothing_half_written(committed_cast):
    verbs = Verbs(committed_cast)
    forks = multiprocessing.get_context("fork")
    half_way = forks.Event()

    def stop_half_way() -> None:
        with transaction.atomic():
            verbs.book(DAWN, DAWN + HOUR)
            half_way.set()
            time.sleep(60)

    connections.close_all()
    process = forks.Process(target=stop_half_way, daemon=True)
    process.start()
    assert half_way.wait(10)
    visitor = enter()
    visitor.join(0.3)
    assert visitor.is_alive()
    process.kill()
    process.join()
    visitor.join(10)
    assert not visitor.is_alive()
    assert Appointment.objects.count() == 0
    assert not Change.objects.filter(verb="booked").exists()
    assert verbs.book(DAWN, DAWN + HOUR) == "done"
    assert query("PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def on_sync(monkeypatch):
    """Let a test do something each time that the gate brings the log to the disk, before it does."""
    really, done = os.fdatasync, []

    def call(act):
        monkeypatch.setattr(os, "fdatasync", lambda descriptor: (done.append(act()), really(descriptor)))
        return done

    return call


def test_gate_is_open_while_the_disk_is_waited_for(committed_cast, on_sync):
    gate = Path(f"{connection.settings_dict['NAME']}-gate")

    def is_free_and_seen() -> bool:
        with gate.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # or BlockingIOError
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
            return other.execute("SELECT count(*) FROM appointments").fetchone() == (1,)

    found = on_sync(is_free_and_seen)
    assert Verbs(committed_cast).book(DAWN, DAWN + HOUR) == "done"
    assert found == [True]


def test_whatever_is_acknowledged_was_on_the_disk_before(committed_cast, on_sync, tmp_path):
    """Keep only what had been written when the disk was last told to, as after a power cut."""
    live, kept = Path(connection.settings_dict["NAME"]), tmp_path / "after"

    def keep() -> None:
        for ending in ("", "-wal"):
            shutil.copyfile(f"{live}{ending}", f"{kept}{ending}")

    done = on_sync(keep)
    for number in range(1, 31):
        start = DAWN + number * HOUR
        assert Verbs(committed_cast).book(start, start + HOUR) == "done"
        assert len(done) == number
        with closing(sqlite3.connect(kept)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("SELECT count(*) FROM appointments").fetchall() == [(number,)]
            assert database.execute("SELECT count(*) FROM changes WHERE verb = 'booked'").fetchall() == [(number,)]


def level() -> int:
    return query("PRAGMA synchronous")[0][0]


def test_single_statements_wait_for_the_disk_themselves(committed_cast):
    assert level() == FULL
    with transaction.atomic():
        assert level() == NORMAL
    assert level() == FULL
    break_off()
    assert level() == FULL
    fail_to_commit()
    assert level() == FULL


def test_gate_that_cannot_be_entered_leaves_nothing_behind(committed_cast, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    with monkeypatch.context() as failing:
        failing.setattr(fcntl, "flock", refuse)
        with pytest.raises(OperationalError, match="No locks"), transaction.atomic():
            pass
    assert level() == FULL
    assert is_open()


def test_disk_that_refuses_is_no_success_and_closes_nothing(committed_cast, monkeypatch):
    def refuse(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(os, "fdatasync", refuse)
        with pytest.raises(OperationalError, match="Input/output error"):
            Verbs(committed_cast).book(DAWN, DAWN + HOUR)
    assert is_open()
    assert Verbs(committed_cast).book(DAWN + HOUR, DAWN + 2 * HOUR) == "done"


@pytest.mark.parametrize(("journal", "synchronous"), [("WAL", "NORMAL"), ("DELETE", "FULL")])
def test_gate_leaves_other_ways_of_writing_as_they_are(journal, synchronous, tmp_path, on_sync):
    file = tmp_path / "other"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute(f"PRAGMA journal_mode={journal}")
        database.execute(f"PRAGMA synchronous={synchronous}")
        before, done = database.execute("PRAGMA synchronous").fetchall(), on_sync(lambda: None)
        gate = Gate(database, str(file))
        gate.enter()
        assert database.execute("PRAGMA synchronous").fetchall() == before
        gate.leave()
        gate.sync()
        assert not done


@pytest.mark.parametrize("mode", ["DEFERRED", "EXCLUSIVE", None])
def test_any_other_transaction_mode_is_refused(mode, tmp_path):
    settings = connection.settings_dict | {
        "NAME": str(tmp_path / "other"),
        "OPTIONS": {"transaction_mode": mode},
    }
    with pytest.raises(ImproperlyConfigured, match="IMMEDIATE"):
        DatabaseWrapper(settings).get_connection_params()
