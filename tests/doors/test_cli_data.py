"""`slotkeeper backup`, `restore`, `export` and `demo`, as commands in processes of their own, on either engine."""

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from icalendar import Calendar

from slotkeeper.doors.cli.export import CONTENTS, LEFT_OUT

SERVER = os.environ.get("TEST_POSTGRESQL_URL")
BERLIN = ZoneInfo("Europe/Berlin")
AWKWARD = "Kühn; \\n, \"Ölgemälde\" " + "ä" * 80 + "\nsecond line"
SEVERAL = """
import contextlib, django, io, json, sys
django.setup()
from django.db import connection
from slotkeeper.doors.cli.main import main
answers = []
for arguments in json.loads(sys.argv[1]):
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        if arguments[0] == "django":
            from django.core.management import call_command
            code = call_command(*arguments[1:], verbosity=0)
        else:
            code = main(arguments)
    answers.append([code, output.getvalue(), errors.getvalue()])
    connection.close()
print(json.dumps(answers))
"""
WRITER = """
import sys, time, django
django.setup()
from slotkeeper.appointments.actions import book
from slotkeeper.appointments.insert import Booking
from slotkeeper.changes.record import COMMAND
start = 4_000_000_000
print("ready", flush=True)
while True:
    start += 3600
    book(Booking(1, 2, "Written meanwhile", start, start + 3600), COMMAND, int(time.time()))
    print(start, flush=True)
"""
TORN = """
SELECT a.id FROM appointments a WHERE
    a.version <> (SELECT count(*) FROM changes c WHERE c.subject_kind = 'appointment' AND c.subject_id = a.id)
    OR (a.status IN ('scheduled', 'confirmed', 'completed')) <> EXISTS (
        SELECT 1 FROM time_claims t WHERE t.appointment_id = a.id AND t.user_id = a.user_id AND t.is_main
        AND t.claimed_from = a.blocked_from AND t.claimed_until = a.blocked_until)
"""


class Installation:
    """A data directory and a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"slotkeeper_{folder.name}_{os.getpid()}_{random.randrange(10**9)}".lower()
        folder.mkdir()
        self.file = folder / "slotkeeper.sqlite3"
        self.url = f"{SERVER}/{self.name}" if SERVER else f"sqlite:///{self.file}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLOTKEEPER_", "DJANGO_"))}
        self.environ = kept | {
            "SLOTKEEPER_DATA_DIR": str(folder),
            "DATABASE_URL": self.url,
            "SLOTKEEPER_URL": "https://praxis.test",
            "DJANGO_SETTINGS_MODULE": "slotkeeper.settings",
        }

    def create(self, template: str = "template1") -> "Installation":
        if SERVER:
            with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
                server.execute(f"CREATE DATABASE {self.name} TEMPLATE {template}")
        return self

    def drop(self) -> None:
        if SERVER:
            with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
                server.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def copy(self, folder: Path) -> "Installation":
        twin = Installation(folder).create(self.name)
        if not SERVER:
            shutil.copyfile(self.file, twin.file)
        return twin

    def start(self, *command: str, **options) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, *command], env=self.environ, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def run(self, *arguments: object, **options) -> tuple[int, str, str]:
        process = self.start("-m", "slotkeeper", *map(str, arguments), **options)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def run_several(self, *commands: list) -> list[tuple[int, str, str]]:
        process = self.start("-c", SEVERAL, json.dumps([[str(word) for word in command] for command in commands]))
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        return [tuple(answer) for answer in json.loads(output)]

    def rows(self, sql: str) -> list[tuple]:
        if SERVER:
            with psycopg.connect(self.url) as database:
                cursor = database.execute(sql)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.file)) as database:
            found = database.execute(sql).fetchall()
            database.commit()
            return found

    def fingerprint(self) -> list[tuple]:
        return self.rows("SELECT * FROM appointments ORDER BY id") + self.rows("SELECT * FROM sending_holds")

    def assert_is_sound(self) -> None:
        assert self.rows(TORN) == []
        if not SERVER:
            assert self.rows("PRAGMA integrity_check") == [("ok",)]
            assert self.rows("PRAGMA foreign_key_check") == []


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    """An installation with a demo, a backup of it and its export; others copy it."""
    made = Installation(tmp_path_factory.mktemp("cli") / "practice").create()
    made.demo, again, silent = made.run_several(["migrate"], ["demo"], ["demo"], ["demo", "--if-empty"])[1:]
    made.demo_again, made.demo_if_empty = again, silent
    rewrite = "UPDATE appointments SET title = {0}, description = {0}, location = 'a\nb' WHERE id = 1"
    made.rows(rewrite.format("'" + AWKWARD.replace("'", "''") + "'"))
    made.backup = made.folder / "b.slotkeeper"
    token = ["create-token", "--email", "henrike.vossberg@example.org", "--name", "till"]
    made.exports = made.folder / "exports"
    made.exports.mkdir()
    made.backed_up, made.exported = made.run_several(token, ["backup", made.backup], ["export", "--to", made.exports])[1:]
    yield made
    made.drop()


@pytest.fixture
def copied(practice, tmp_path):
    """A copy of the practice, in which something was entered since its backup."""
    made = practice.copy(tmp_path / "copied")
    made.rows("UPDATE businesses SET name = 'Renamed since'")
    yield made
    made.drop()


def test_demo_prints_a_sign_in_that_works_and_prints_it_again(practice):
    code, output, _ = practice.demo
    address, password = output.split()[3], output.split()[-1]
    ((stored,),) = practice.rows(f"SELECT password FROM users WHERE email = '{address}'")
    assert code == 0
    assert PBKDF2PasswordHasher().verify(password, stored)
    assert practice.demo_if_empty == (0, output, "")
    assert (practice.folder / "demo").stat().st_mode & 0o077 == 0


def test_demo_refuses_a_database_that_is_not_empty(practice):
    code, _, errors = practice.demo_again
    assert code == 1
    assert "not empty" in errors


def test_demo_is_a_believable_practice(practice):
    now = datetime.now(UTC)
    visits = [
        (_moment(start).astimezone(BERLIN), _moment(end).astimezone(BERLIN), status)
        for start, end, status in practice.rows("SELECT start_time, end_time, status FROM appointments")
    ]
    lunch = [start for start, end, _ in visits if (start.hour, start.minute) < (13, 0) and end.hour >= 12 and end.minute]
    past = Counter(status for start, _, status in visits if start < now - timedelta(hours=1))
    future = Counter(status for start, _, status in visits if start > now)
    assert len(visits) > 400
    assert {start.weekday() for start, _, _ in visits} == {0, 1, 2, 3, 4}
    assert lunch == []
    assert min(visits)[0] < now - timedelta(days=26)
    assert max(visits)[0] > now + timedelta(days=26)
    assert past.keys() == {"completed", "canceled", "no_show"}
    assert past["completed"] > 0.8 * past.total()
    assert future.keys() == {"scheduled", "confirmed", "canceled"}
    assert practice.rows("SELECT count(*) FROM leads") == [(60,)]
    assert practice.rows("SELECT id FROM users WHERE email NOT LIKE '%@example.org'") == []
    assert practice.rows("SELECT count(DISTINCT user_id) FROM appointments") == [(3,)]
    practice.assert_is_sound()


def test_demo_history_lies_in_the_past_and_asks_nothing_of_the_worker(practice):
    before, after = practice.rows(
        "SELECT min(at), max(at) FROM changes WHERE subject_kind = 'appointment' AND verb IN ('confirmed', 'completed')"
    )[0]
    assert _moment(before) < datetime.now(UTC) - timedelta(days=20)
    assert _moment(after) < datetime.now(UTC)
    assert practice.rows("SELECT id FROM changes WHERE subject_kind = 'appointment' AND handled_at IS NULL") == []


def test_backup_is_private_and_says_what_else_to_keep(practice):
    code, output, _ = practice.backed_up
    assert code == 0
    assert "slotkeeper.env" in output
    assert practice.backup.stat().st_mode & 0o777 == 0o600


def test_backup_and_restore_while_others_book(copied, practice, tmp_path):
    backup = tmp_path / "live.slotkeeper"
    writer = copied.start("-c", WRITER)
    assert writer.stdout.readline() == "ready\n"
    written, restored = copied.run_several(["backup", backup], ["restore", backup, "--yes"])
    before_it_stops = len(copied.rows("SELECT id FROM appointments WHERE title = 'Written meanwhile'"))
    time.sleep(0.3)
    assert writer.poll() is None, writer.stderr.read()  # it never noticed
    writer.kill()
    writer.wait()
    assert (written[0], restored[0]) == (0, 0), (written, restored)
    copied.assert_is_sound()
    assert len(copied.rows("SELECT id FROM appointments WHERE title = 'Written meanwhile'")) > before_it_stops

    elsewhere = Installation(tmp_path / "elsewhere").create()
    restored, released, again, checked = elsewhere.run_several(
        ["restore", backup, "--yes"], ["release-sending"], ["release-sending"], ["check"]
    )
    try:
        assert restored[0] == 0, restored
        assert "release-sending" in restored[1]
        assert "Restored from live.slotkeeper" in released[1]
        assert "was not held" in again[1]
        assert checked[0] == 0, checked
        elsewhere.assert_is_sound()
        assert elsewhere.rows("SELECT count(*) FROM appointments WHERE title = 'Written meanwhile'") > [(0,)]
        assert elsewhere.rows("SELECT name FROM businesses") == [("Renamed since",)]
    finally:
        elsewhere.drop()


def test_restore_brings_back_the_rows_and_holds_sending(copied, practice):
    highest = copied.rows("SELECT max(id) FROM appointments")[0][0]
    copied.rows("DELETE FROM appointments WHERE id > 5")
    refused, restored = copied.run_several(["restore", practice.backup], ["restore", practice.backup, "--yes"])
    assert refused[0] == 1
    assert "--yes" in refused[2]
    assert restored[0] == 0, restored
    assert copied.rows("SELECT * FROM appointments ORDER BY id") == practice.rows("SELECT * FROM appointments ORDER BY id")
    assert copied.rows("SELECT reason FROM sending_holds") == [("Restored from b.slotkeeper",)]
    copied.assert_is_sound()
    copied.rows(
        "INSERT INTO appointments (business_id, user_id, title, start_time, end_time, blocked_from, blocked_until) "
        "SELECT business_id, user_id, 'next', '2099-01-01 10:00:00', '2099-01-01 11:00:00', '2099-01-01 10:00:00', "
        "'2099-01-01 11:00:00' FROM appointments WHERE id = 1"
    )
    assert copied.rows("SELECT id FROM appointments WHERE title = 'next'") == [(highest + 1,)]


def test_restore_refuses_what_is_no_backup_and_changes_nothing(copied, practice, tmp_path):
    whole = practice.backup.read_bytes()
    files = {
        "garbage": b"\x00garbage" * 999,
        "empty": b"",
        "header": whole[:16] + b"\xff" * 5000,
        "truncated": whole[: len(whole) * 2 // 3],
        "cut": whole[: len(whole) // 40],
        "flipped": whole[: len(whole) // 2] + b"\xff" * 8192 + whole[len(whole) // 2 + 8192 :],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with closing(sqlite3.connect(tmp_path / "sqlite")) as other:
        other.executescript("CREATE TABLE shop (id); CREATE TABLE django_migrations (app, name)")
    before = copied.fingerprint()
    names = [*files, "sqlite", "missing", "."]
    answers = copied.run_several(*(["restore", tmp_path / name, "--yes"] for name in names))
    for name, (code, output, errors) in zip(names, answers, strict=True):
        assert (code, output) == (1, ""), name
        assert errors.startswith("slotkeeper: "), errors
        assert errors.count("\n") == 1, errors
    assert copied.fingerprint() == before
    assert copied.rows("SELECT name FROM businesses") == [("Renamed since",)]


def test_restore_refuses_a_backup_of_a_newer_version_and_a_tampered_one(copied, practice, tmp_path):
    newer, overlapping = practice.copy(tmp_path / "newer"), practice.copy(tmp_path / "overlapping")
    newer.rows("INSERT INTO django_migrations (app, name, applied) VALUES ('appointments', '0999_later', '2030-01-01 00:00:00')")
    overlapping.rows("UPDATE time_claims SET claimed_until = '2099-01-01 00:00:00' WHERE false")
    _overlap(overlapping)
    try:
        for made in (newer, overlapping):
            assert made.run("backup", made.folder / "b")[0] == 0
        before = copied.fingerprint()
        answers = copied.run_several(*(["restore", made.folder / "b", "--yes"] for made in (newer, overlapping)))
        assert [code for code, _, _ in answers] == [1, 1], answers
        assert "appointments.0999_later" in answers[0][2]
        assert copied.fingerprint() == before
    finally:
        newer.drop()
        overlapping.drop()


def test_backup_of_an_older_version_is_brought_up_to_date(copied, practice, tmp_path):
    backup = tmp_path / "older"
    _, written, restored = copied.run_several(
        ["django", "migrate", "axes", "0008"], ["backup", backup], ["restore", backup, "--yes"]
    )
    assert (written[0], restored[0]) == (0, 0), (written, restored)
    migrations = "SELECT app, name FROM django_migrations ORDER BY app, name"
    assert copied.rows(migrations) == practice.rows(migrations)
    copied.assert_is_sound()


def test_killed_commands_leave_a_usable_database(copied, practice, tmp_path, soak):
    for number in range(60 if soak else 4):
        command = ["restore", practice.backup, "--yes"] if number % 2 else ["backup", tmp_path / f"killed-{number}"]
        process = copied.start("-m", "slotkeeper", *map(str, command))
        while process.poll() is None and not _is_at_work(copied, tmp_path):
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.05 if command[0] == "backup" else 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert copied.rows("SELECT name FROM businesses")[0][0] in {"Renamed since", "Physiotherapie Sonnenkiez"}
        copied.assert_is_sound()
        for part in tmp_path.glob("*.part*"):
            part.unlink()
    for written in tmp_path.glob("killed-*"):
        assert copied.run("restore", written, "--yes")[::2] == (0, "")
    assert copied.run("restore", practice.backup, "--yes")[::2] == (0, "")
    assert copied.rows("SELECT name FROM businesses") == [("Physiotherapie Sonnenkiez",)]
    assert not list(copied.folder.glob("*-restoring"))


def test_backup_refuses_to_overwrite_and_to_write_nowhere(copied, practice, tmp_path):
    existing = tmp_path / "mine.txt"
    existing.write_text("mine")
    live = copied.file if not SERVER else existing
    answers = copied.run_several(
        ["backup", existing], ["backup", tmp_path / "no" / "folder"], ["backup", tmp_path],
        ["backup", live, *(["--force"] if not SERVER else [])], ["backup", existing, "--force"],
    )  # fmt: skip
    assert [code for code, _, _ in answers] == [1, 1, 1, 1, 0], answers
    assert "--force" in answers[0][2]
    assert "No such file or directory" in answers[1][2]
    assert existing.read_bytes() != b"mine"
    copied.assert_is_sound()


@pytest.mark.skipif(bool(SERVER), reason="pg_dump is killed by the limit, and says nothing")
def test_full_disk_leaves_no_half_backup(practice, tmp_path):
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (300_000, 300_000))
    code, _, errors = practice.run("backup", tmp_path / "full", preexec_fn=limit)
    assert code == 1
    assert "was not written" in errors
    assert list(tmp_path.iterdir()) == []


def test_exported_json_holds_everything_but_secrets(practice):
    (path,) = practice.exports.glob("slotkeeper-*.json")
    text = path.read_text()
    exported = json.loads(text)
    assert path.stat().st_mode & 0o777 == 0o600
    for name, (model, _) in CONTENTS.items():
        expected = [key for (key,) in practice.rows(f"SELECT id FROM {model._meta.db_table} ORDER BY id")]
        assert [row["id"] for row in exported[name]] == expected, name
    assert exported["appointments"][0]["title"] == AWKWARD
    assert exported["appointments"][0]["start_time"].endswith("Z")
    assert exported["tokens"][0]["name"] == "till"
    assert "pbkdf2" not in text
    assert "secret_hash" not in text


def test_exported_ics_reads_back_as_it_was(practice):
    (path,) = practice.exports.glob("slotkeeper-*.ics")
    content = path.read_bytes()
    rows = practice.rows("SELECT id, start_time, end_time, title, version, status, updated_at FROM appointments ORDER BY id")
    events = Calendar.from_ical(content).walk("VEVENT")
    assert path.stat().st_mode & 0o777 == 0o600
    assert max(map(len, content.split(b"\r\n"))) <= 75
    assert len(events) == len(rows)
    for event, (number, start, end, title, version, status, updated_at) in zip(events, rows, strict=True):
        assert event["UID"] == f"appointment-{number}@praxis.test"
        assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (_moment(start), _moment(end))
        assert event["SUMMARY"] == title
        assert event["SEQUENCE"] == version - 1
        assert (event["STATUS"] == "CANCELLED") == (status in {"canceled", "no_show"})
        assert event.decoded("LAST-MODIFIED") == _moment(updated_at)
    assert events[0]["LOCATION"] == "a\nb"
    assert events[0]["DESCRIPTION"] == AWKWARD


def test_every_table_is_exported_or_left_out_on_purpose():
    ours = {model._meta.db_table for model in apps.get_models() if model.__module__.startswith("slotkeeper.")}
    exported = {model._meta.db_table for model, _ in CONTENTS.values()}
    assert ours == exported | LEFT_OUT
    columns = [field.name for model, omitted in CONTENTS.values() for field in model._meta.fields if field.name not in omitted]
    assert [name for name in columns if any(word in name for word in ("password", "secret", "hash", "token"))] == []


def _moment(value) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _overlap(made: Installation) -> None:
    """Make two claims overlap behind the guard's back."""
    if SERVER:
        made.rows("ALTER TABLE time_claims DROP CONSTRAINT time_claims_one_per_user")
        made.rows("ALTER TABLE time_claims DISABLE TRIGGER USER")
        switch_back = "ALTER TABLE time_claims ENABLE TRIGGER USER"
    triggers = [] if SERVER else made.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'time_claims'")
    for name, _ in triggers:
        made.rows(f"DROP TRIGGER {name}")
    made.rows("UPDATE time_claims SET claimed_until = '2099-01-01 00:00:00' WHERE id = (SELECT min(id) FROM time_claims)")
    for sql in [sql for _, sql in triggers] or [switch_back]:
        made.rows(sql)


def _is_at_work(made: Installation, folder: Path) -> bool:
    if list(folder.glob("*.part")) or list(made.folder.glob("*-restoring")):
        return True
    busy = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
    return bool(SERVER and made.rows(busy))
