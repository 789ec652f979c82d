"""`slotkeeper backup`, `restore`, `export` and `demo`, as commands in processes of their own."""

import json
import random
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from icalendar import Calendar

from servers.installation import SERVER, Installation
from servers.postgresql import binary
from slotkeeper.doors.cli.export import CONTENTS, LEFT_OUT

BERLIN = ZoneInfo("Europe/Berlin")
AWKWARD = 'Kühn; \\n, "Ölgemälde" ' + "ä" * 80 + "\nsecond line"
WRITER = """
import time
from slotkeeper.appointments.actions import book
from slotkeeper.appointments.insert import Booking
from slotkeeper.changes.record import COMMAND
start = 4_000_000_000
while True:
    start += 3600
    book(Booking(1, 2, "Written meanwhile", start, start + 3600), COMMAND, int(time.time()))
    print(start, flush=True)
"""
MIGRATE_BACK = """
from django.core.management import call_command
call_command("migrate", "axes", "0008", verbosity=0)
"""
SMALL_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
raise SystemExit(main({}))
"""
WRITTEN_MEANWHILE = "SELECT count(*) FROM appointments WHERE title = 'Written meanwhile'"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A demo practice with an awkward title, a backup of it and its export."""
    folder = tmp_path_factory.mktemp("cli")
    made = Installation(folder)
    made.run("migrate")
    made.demo = made.run("demo")
    made.run("create-token", "--email", "henrike.vossberg@example.org", "--name", "till")
    quoted = "'" + AWKWARD.replace("'", "''") + "'"
    made.rows(f"UPDATE appointments SET title = {quoted}, description = {quoted}, location = 'a\nb' WHERE id = 1")
    made.rows(r"UPDATE appointments SET title = 'C:\New' WHERE id = 2")
    made.rows("DELETE FROM appointments WHERE id = (SELECT max(id) FROM appointments)")
    made.backup = folder / "b.slotkeeper"
    made.backed_up = made.run("backup", made.backup)
    made.exports = folder / "exports"
    made.exports.mkdir()
    made.exported = made.run("export", "--to", made.exports)
    made.snapshot()
    yield made
    made.remove()


@pytest.fixture
def practice(installed):
    """The practice as it was first."""
    installed.reset()
    return installed


@pytest.fixture
def changed(practice):
    """The practice, in which something was entered since its backup."""
    practice.rows("UPDATE businesses SET name = 'Renamed since'")
    return practice


def test_demo_prints_a_sign_in_that_works_and_prints_it_again(practice):
    address, password = practice.demo.output.split()[3], practice.demo.output.split()[-1]
    ((stored,),) = practice.rows(f"SELECT password FROM users WHERE email = '{address}'")
    assert practice.demo.code == 0
    assert PBKDF2PasswordHasher().verify(password, stored)
    assert practice.run("demo", "--if-empty").output == practice.demo.output
    assert (practice.folder / "demo").stat().st_mode & 0o077 == 0


def test_demo_leaves_a_database_alone_that_is_not_empty(practice):
    before = _fingerprint(practice)
    refused = practice.run("demo")
    assert refused.code == 1
    assert "not empty" in refused.errors
    practice.rows("UPDATE users SET email = 'somebody@practice.test' WHERE id = 1")
    silent = practice.run("demo", "--if-empty")
    assert (silent.code, silent.output, silent.errors) == (0, "", "")
    assert _fingerprint(practice) == before


def test_demo_is_a_believable_practice(practice):
    now = datetime.now(UTC)
    visits = [
        (_moment(start).astimezone(BERLIN), _moment(end).astimezone(BERLIN), status)
        for start, end, status in practice.rows("SELECT start_time, end_time, status FROM appointments")
    ]
    past = Counter(status for start, _, status in visits if start < now - timedelta(hours=1))
    future = Counter(status for start, _, status in visits if start > now)
    assert len(visits) > 400
    assert {start.weekday() for start, _, _ in visits} == {0, 1, 2, 3, 4}
    assert [start for start, end, _ in visits if start.hour < 13 and end > start.replace(hour=12, minute=0)] == []
    assert min(visits)[0] < now - timedelta(days=26)
    assert max(visits)[0] > now + timedelta(days=26)
    assert past.keys() == {"completed", "canceled", "no_show"}
    assert past["completed"] > 0.8 * past.total()
    assert future.keys() == {"scheduled", "confirmed", "canceled"}
    assert practice.rows("SELECT count(*) FROM leads") == [(60,)]
    assert practice.rows("SELECT id FROM users WHERE email NOT LIKE '%@example.org'") == []
    assert practice.rows("SELECT count(DISTINCT user_id), count(DISTINCT resource_id) FROM time_claims") == [(3, 3)]
    assert practice.rows("SELECT DISTINCT status FROM invoices ORDER BY 1") == [("open",), ("paid",)]
    assert practice.rows("SELECT count(DISTINCT status) FROM quotes") == [(3,)]
    practice.assert_is_sound()


def test_demo_history_lies_in_the_past_and_asks_nothing_of_the_worker(practice):
    moves = "FROM changes WHERE subject_kind IN ('appointment', 'invoice', 'quote') AND verb <> 'booked'"
    ((first, last),) = practice.rows(f"SELECT min(at), max(at) {moves}")
    assert _moment(first) < datetime.now(UTC) - timedelta(days=20)
    assert _moment(last) < datetime.now(UTC)
    assert practice.rows(f"SELECT id {moves} AND handled_at IS NULL") == []


def test_demo_shows_what_its_customers_were_told_and_leaves_nothing_waiting(practice):
    counts = dict(practice.rows("SELECT state, count(*) FROM messages GROUP BY state"))
    assert counts.keys() == {"sent", "undeliverable"}
    assert counts["sent"] > 500
    assert counts["undeliverable"] == 2
    assert practice.rows("SELECT id FROM messages WHERE address NOT LIKE '%@example.org'") == []
    told = practice.rows("SELECT created_at, finished_at FROM messages ORDER BY id")
    assert [_moment(at) for at, _ in told] == sorted(_moment(at) for at, _ in told)
    assert max(_moment(at) for _, at in told) < datetime.now(UTC) + timedelta(minutes=1)
    flagged = "SELECT id FROM appointments WHERE reminder_24h_sent ORDER BY id"
    reminded = "SELECT subject_id FROM messages WHERE kind = 'reminder_24h' AND state = 'sent' ORDER BY subject_id"
    assert practice.rows(flagged) == practice.rows(reminded) != []


def test_backup_is_private_and_says_what_else_to_keep(practice):
    assert practice.backed_up.code == 0
    assert "slotkeeper.env" in practice.backed_up.output
    assert practice.backup.stat().st_mode & 0o777 == 0o600


def test_backup_and_restore_while_others_book(practice, tmp_path):
    file = tmp_path / "live.slotkeeper"
    writer = practice.start("-c", WRITER)
    try:
        while not writer.output:
            assert writer.is_running, writer.errors
            time.sleep(0.01)
        assert practice.run("backup", file).errors == ""
        booked = len(writer.output.split())
        assert practice.run("restore", file, "--yes").errors == ""
        time.sleep(0.2)
        assert writer.is_running, writer.errors  # it never noticed
    finally:
        writer.kill()
    practice.assert_is_sound()
    assert practice.rows(WRITTEN_MEANWHILE) < [(len(writer.output.split()),)]

    practice.clear()
    assert "slotkeeper release-sending" in practice.run("restore", file, "--yes").output
    practice.assert_is_sound()
    assert practice.run("check").code == 0
    assert "Restored from live.slotkeeper" in practice.run("release-sending").output
    assert "was not held" in practice.run("release-sending").output
    assert [(0,)] < practice.rows(WRITTEN_MEANWHILE) <= [(booked,)]


def test_restore_brings_back_every_row_goes_on_counting_and_holds_sending(practice):
    before = _fingerprint(practice)
    practice.rows("DELETE FROM appointments WHERE start_time > CURRENT_TIMESTAMP")
    assert practice.run("restore", practice.backup, "--yes").errors == ""
    assert _fingerprint(practice) == before
    practice.assert_is_sound()
    assert practice.rows("SELECT reason FROM sending_holds") == [("Restored from b.slotkeeper",)]
    columns = "business_id, user_id, title, start_time, end_time, blocked_from, blocked_until"
    times = ", ".join(["'2099-01-01 10:00:00', '2099-01-01 11:00:00'"] * 2)
    practice.rows(f"INSERT INTO appointments ({columns}) VALUES (1, 2, 'next', {times})")
    ((newest, count),) = practice.rows("SELECT max(id), count(*) FROM appointments")
    assert newest == count + 1  # the fixture deleted the last one; its id is not given again


def test_restore_asks_first(changed):
    refused = changed.run("restore", changed.backup)
    assert refused.code == 1
    assert "--yes" in refused.errors
    assert changed.rows("SELECT name FROM businesses") == [("Renamed since",)]


def test_restore_of_a_real_practice_ends_a_demo(practice, tmp_path):
    marker = practice.folder / "demo"
    kept = marker.read_text()
    practice.rows("UPDATE users SET email = 'somebody@practice.test' WHERE id = 1")
    practice.run("backup", tmp_path / "real")
    practice.run("restore", tmp_path / "real", "--yes")
    assert not marker.exists()
    marker.write_text(kept)


def test_restore_refuses_what_is_no_backup_and_changes_nothing(changed, tmp_path):
    whole = changed.backup.read_bytes()
    half = len(whole) // 2
    files = {
        "garbage": b"\x00garbage" * 999,
        "empty": b"",
        "header": whole[:16] + b"\xff" * 5000,
        "truncated": whole[: len(whole) * 2 // 3],
        "cut": whole[: len(whole) // 40],
        "flipped": whole[:half] + b"\xff" * 8192 + whole[half + 8192 :],
        "other-engine": b"SQLite format 3\0" if SERVER else b"PGDMP" + b"\0" * 99,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with closing(sqlite3.connect(tmp_path / "shop")) as other:
        other.executescript("CREATE TABLE shop (id); CREATE TABLE django_migrations (app, name)")
    before = _fingerprint(changed)
    for name in [*files, "shop", "missing", "."]:
        refused = changed.run("restore", tmp_path / name, "--yes")
        assert (refused.code, refused.output) == (1, ""), name
        assert refused.errors.startswith("slotkeeper: "), refused.errors
        assert refused.errors.count("\n") == 1, refused.errors
    assert _fingerprint(changed) == before
    assert changed.rows("SELECT name FROM businesses") == [("Renamed since",)]


@pytest.mark.parametrize(
    ("tampering", "reason"),
    [
        (
            "UPDATE django_migrations SET name = '0999_later' WHERE app = 'sessions'",
            "a newer version",
        ),
        ("DELETE FROM django_migrations WHERE app = 'appointments'", "no backup of Slotkeeper"),
        ("DELETE FROM time_claims WHERE is_main AND appointment_id % 2 = 0", "hold no time"),
        ("UPDATE time_claims SET claimed_until = '2099-01-01 00:00:00' WHERE is_main", "overlap"),
    ],
)
def test_restore_refuses_tampered_rows(practice, tmp_path, tampering, reason):
    before = _fingerprint(practice)
    practice.write_past_the_guard(tampering)
    if SERVER:
        subprocess.run([binary("pg_dump"), "-Fc", "-f", tmp_path / "tampered", practice.url], check=True)
    else:
        practice.rows(f"VACUUM INTO '{tmp_path / 'tampered'}'")
    practice.reset()
    refused = practice.run("restore", tmp_path / "tampered", "--yes")
    assert refused.code == 1
    assert reason in refused.errors or (SERVER and "time_claims_one_per_user" in refused.errors), refused.errors
    assert _fingerprint(practice) == before
    practice.assert_is_sound()


@pytest.mark.skipif(bool(SERVER), reason="of a PostgreSQL backup only rows are used")
def test_restore_refuses_triggers_of_others(practice, tmp_path):
    with closing(sqlite3.connect(practice.file)) as database:
        database.execute(f"VACUUM INTO '{tmp_path / 'hostile'}'")
    with closing(sqlite3.connect(tmp_path / "hostile")) as database:
        database.executescript(
            "CREATE TRIGGER let_go AFTER INSERT ON sending_holds BEGIN DELETE FROM sending_holds; END"
        )
    refused = practice.run("restore", tmp_path / "hostile", "--yes")
    assert refused.code == 1
    assert "let_go" in refused.errors


@pytest.mark.skipif(not SERVER, reason="SQLite has no such things")
def test_restore_on_a_server_leaves_alone_what_is_not_ours(practice, tmp_path):
    practice.rows("CREATE TABLE shop (id int)")
    practice.rows("INSERT INTO shop VALUES (7)")
    assert practice.run("restore", practice.backup, "--yes").errors == ""
    assert practice.rows("SELECT * FROM shop") == [(7,)]
    practice.rows("CREATE VIEW report AS SELECT title FROM appointments")
    refused = practice.run("restore", practice.backup, "--yes")
    assert "view report depends on table appointments" in refused.errors
    practice.rows("DROP VIEW report")
    practice.rows("INSERT INTO django_migrations (app, name, applied) VALUES ('bookshop', '0001_initial', now())")
    assert "Make an empty database" in practice.run("restore", practice.backup, "--yes").errors


def test_backup_of_an_older_version_is_brought_up_to_date(practice, tmp_path):
    migrations = "SELECT app, name FROM django_migrations ORDER BY app, name"
    before = practice.rows(migrations)
    assert practice.run("-c", MIGRATE_BACK).errors == ""
    assert practice.rows(migrations) != before
    assert practice.run("backup", tmp_path / "older").errors == ""
    assert practice.run("restore", tmp_path / "older", "--yes").errors == ""
    assert practice.rows(migrations) == before
    practice.assert_is_sound()


def test_killed_commands_leave_a_usable_database(changed, tmp_path, soak):
    for number in range(60 if soak else 4):
        words = ["restore", changed.backup, "--yes"] if number % 2 else ["backup", tmp_path / f"killed-{number}"]
        command = changed.start(*words)
        time.sleep(random.uniform(0, 1.0 if words[0] == "restore" else 0.1))
        command.kill()
        ((name,),) = changed.rows("SELECT name FROM businesses")
        assert name in {"Renamed since", "Physiotherapie Sonnenkiez"}
        changed.assert_is_sound()
    for written in tmp_path.glob("killed-*"):
        if ".part" not in written.name:
            assert changed.run("restore", written, "--yes").errors == ""
    assert changed.run("restore", changed.backup, "--yes").errors == ""
    assert changed.rows("SELECT name FROM businesses") == [("Physiotherapie Sonnenkiez",)]
    assert list(changed.folder.glob("*-restoring")) == []


def test_backup_overwrites_only_what_it_is_told_to(practice, tmp_path):
    existing = tmp_path / "mine.txt"
    existing.write_text("mine")
    assert "--force" in practice.run("backup", existing).errors
    assert "No such file or directory" in practice.run("backup", tmp_path / "no" / "folder").errors
    assert "is a folder" in practice.run("backup", tmp_path).errors
    assert existing.read_text() == "mine"
    assert practice.run("backup", existing, "--force").code == 0
    assert existing.stat().st_size > 10_000
    if not SERVER:
        for own in (practice.file, Path(f"{practice.file}-gate")):
            assert "belongs to the database" in practice.run("backup", own, "--force").errors
    assert list(tmp_path.iterdir()) == [existing]


def test_backup_of_nothing_is_refused(practice, tmp_path):
    practice.clear()
    assert "nothing to back up" in practice.run("backup", tmp_path / "b").errors


def test_full_disk_leaves_no_half_backup(practice, tmp_path):
    refused = practice.run("-c", SMALL_DISK.format(["backup", str(tmp_path / "b")]))
    assert refused.code == 1
    assert refused.errors.count("\n") == 1, refused.errors
    assert list(tmp_path.iterdir()) == []


def test_exported_json_holds_everything_but_secrets(practice):
    (path,) = practice.exports.glob("slotkeeper-*.json")
    text = path.read_text()
    exported = json.loads(text)
    assert practice.exported.code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    for name, (model, _) in CONTENTS.items():
        expected = [key for (key,) in practice.rows(f"SELECT id FROM {model._meta.db_table} ORDER BY id")]
        assert [row["id"] for row in exported[name]] == expected, name
    assert exported["appointments"][0]["title"] == AWKWARD
    assert exported["appointments"][0]["start_time"].endswith("Z")
    assert exported["changes"][-1]["after"]["name"] == exported["tokens"][0]["name"] == "till"
    assert "pbkdf2" not in text
    assert "secret_hash" not in text


def test_exported_ics_reads_back_as_it_was(practice):
    (path,) = practice.exports.glob("slotkeeper-*.ics")
    content = path.read_bytes()
    columns = "id, start_time, end_time, title, version, status, updated_at"
    events = Calendar.from_ical(content).walk("VEVENT")
    rows = practice.rows(f"SELECT {columns} FROM appointments ORDER BY id")
    assert path.stat().st_mode & 0o777 == 0o600
    assert max(map(len, content.split(b"\r\n"))) <= 75
    for event, (number, start, end, title, version, status, updated_at) in zip(events, rows, strict=True):
        assert event["UID"] == f"appointment-{number}@praxis.test"
        assert (event.decoded("DTSTART"), event.decoded("DTEND")) == (_moment(start), _moment(end))
        assert event["SUMMARY"] == title
        assert event["SEQUENCE"] == version - 1
        assert (event["STATUS"] == "CANCELLED") == (status in {"canceled", "no_show"})
        assert event.decoded("LAST-MODIFIED") == _moment(updated_at)
    assert events[0]["LOCATION"] == "a\nb"
    assert b"SUMMARY:C:\\\\New" in content
    assert events[0]["DESCRIPTION"] == AWKWARD


def test_every_table_is_exported_or_left_out_on_purpose():
    ours = {model._meta.db_table for model in apps.get_models() if model.__module__.startswith("slotkeeper.")}
    exported = {model._meta.db_table for model, _ in CONTENTS.values()}
    columns = {
        field.name for model, omitted in CONTENTS.values() for field in model._meta.fields if field.name not in omitted
    }
    assert ours == exported | LEFT_OUT
    assert {name for name in columns if any(word in name for word in ("password", "secret", "hash", "token"))} == set()


def _fingerprint(practice: Installation) -> list[tuple]:
    return practice.rows("SELECT * FROM appointments ORDER BY id") + practice.rows("SELECT * FROM changes ORDER BY id")


def _moment(value) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
