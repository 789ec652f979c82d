"""The `slotkeeper` command, run as people run it: in a process of its own."""

import os
import shutil
import signal
import socket
import sqlite3
import time
import urllib.error
from functools import partial
from pathlib import Path

import pytest

from servers.command import Server, environment_of, gone, is_worker, run_in
from servers.migrated import copy_data
from servers.postgresql import free_port
from slotkeeper.outbound.secret_box import SecretBox

SAMPLES = Path(__file__).resolve().parents[1] / "calendars" / "samples"


@pytest.fixture
def folder(tmp_path):
    """The data directory of an installation of its own, on the embedded database."""
    return tmp_path / "data"


@pytest.fixture
def slotkeeper(folder):
    """Runs a command in that installation."""
    return partial(run_in, folder)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An installation with an owner, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("template") / "data"
    copy_data(folder)
    owner = ("create-owner", "--email", "o@x.test", "--name", "Olga", "--time-zone", "Europe/Berlin")
    made = run_in(folder, *owner, given="a long password\n")
    assert (made.returncode, made.stderr) == (0, "")
    return folder


@pytest.fixture
def installation(template, folder, slotkeeper):
    """Runs a command in an installation that has an owner."""
    shutil.copytree(template, folder)
    return slotkeeper


@pytest.fixture
def serve(folder):
    servers = []

    def start(*arguments, **changes):
        servers.append(Server(environment_of(folder) | changes, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def test_a_token_from_the_command_opens_the_api_and_nothing_else_is_printed(installation, serve):
    made = installation("create-token", "--email", "o@x.test", "--name", "till", "--scope", "read")
    assert made.stdout.startswith("slk_")
    assert len(made.stdout.split()) == 1
    server = serve()
    server.wait()
    assert '"scope":"read"' in server.get("/api/me", Authorization=f"Bearer {made.stdout.strip()}")


def test_serve_restarts_its_worker_and_ends_everything_on_sigterm(serve):
    server = serve()
    server.wait()
    worker = server.worker()
    os.kill(worker, signal.SIGKILL)
    assert server.worker(other_than=worker)
    family = server.descendants()
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(15) == 0
    assert gone(family)
    assert time.monotonic() - started < 8


def test_kill_9_leaves_no_process_behind(serve):
    server = serve()
    server.wait()
    family = server.descendants()
    assert len(family) >= 3
    server.process.kill()
    assert gone(family)


def test_without_worker_there_is_none_and_loopback_is_served_by_any_name(serve):
    server = serve("--no-worker")
    server.wait()
    assert not any(is_worker(pid) for pid in server.descendants())
    for host in ("localhost", "Practice.localhost:1", "127.0.0.1", "127.8.9.10:8000", "[::1]:80", "[0:0:0::1]"):
        assert server.get("/healthz", Host=host)
    for host in ("evil.example", "128.0.0.1", "127.0.0.1.evil.example", "[::2]", "127.1", "0.0.0.0"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            server.get("/healthz", Host=host)


def test_a_taken_port_is_one_clear_line(slotkeeper):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = slotkeeper("serve", "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "is not free" in refused.stderr


def test_serve_refuses_a_database_without_its_guard(installation, folder):
    path = folder / "slotkeeper.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("DROP TRIGGER time_claims_one_per_user_insert")
    for command in (["serve", "--port", str(free_port())], ["check"]):
        refused = installation(*command)
        assert refused.returncode == 1
        assert "time_claims_one_per_user_insert" in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "mysql://x/y", "postgresql://"),
        ("SLOTKEEPER_URL", "booking.example.com", "https://"),
        ("SLOTKEEPER_SECRET_KEY", "short", "32"),
        ("SLOTKEEPER_TRUSTED_PROXIES", "localhost", "addresses"),
        ("SLOTKEEPER_WEB_WORKERS", "many", "whole number"),
        ("SLOTKEEPER_MAIL_SERVER", "mail.example.com", "smtp"),
        ("SLOTKEEPER_COLOUR", "red", "no setting"),
    ],
)
def test_a_bad_setting_stops_start_up_with_a_sentence(slotkeeper, name, value, words):
    refused = slotkeeper("check", **{name: value})
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert name in refused.stderr
    assert words in refused.stderr


def test_an_unreachable_database_is_one_clear_line_without_the_password(slotkeeper):
    refused = slotkeeper("migrate", DATABASE_URL="postgresql://me:secret@127.0.0.1:1/none")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "secret" not in refused.stderr


def test_the_env_file_is_private_and_the_environment_wins(installation, folder):
    path = folder / "slotkeeper.env"
    assert path.stat().st_mode & 0o777 == 0o600
    unset = installation("reset-password", "--email", "o@x.test")
    assert unset.stdout.startswith("http://localhost:8000/accounts/password/reset/key/")
    assert "set SLOTKEEPER_URL" in unset.stderr
    with path.open("a") as file:
        file.write("SLOTKEEPER_URL=https://from.file.test\n")
    assert "https://from.file.test/" in installation("reset-password", "--email", "o@x.test").stdout
    link = installation("reset-password", "--email", "o@x.test", SLOTKEEPER_URL="https://from.environment.test").stdout
    assert link.startswith("https://from.environment.test/accounts/password/reset/key/")


def test_an_owner_is_made_once_and_a_missing_password_is_printed(installation):
    arguments = ("create-owner", "--email", "o@x.test", "--name", "Olga", "--time-zone", "Europe/Berlin")
    again = installation(*arguments)
    assert (again.returncode, "already" in again.stderr) == (1, True)
    other = installation("create-owner", "--email", "p@x.test", "--name", "Paul", "--time-zone", "Europe/Berlin")
    assert "Password: " in other.stdout
    wrong = installation("create-owner", "--email", "q@x.test", "--name", "Q", "--time-zone", "Mars/Olympus")
    assert (wrong.returncode, "IANA" in wrong.stderr) == (1, True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"--name": ""}, "--name"), ({"--name": "x" * 101}, "--name"), ({"--name": "a\nb"}, "--name"),
     ({"--email": f"{'x' * 250}@x.test"}, "e-mail"), ({"--business": " "}, "--business")],
)  # fmt: skip
def test_an_owner_who_cannot_be_is_refused_in_a_line(installation, changed, words):
    wish = {"--email": "r@x.test", "--name": "Rita", "--time-zone": "Europe/Berlin"} | changed
    refused = installation("create-owner", *(part for pair in wish.items() for part in pair))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert words in refused.stderr


def test_a_short_password_is_refused_for_an_owner_too(installation):
    arguments = ("create-owner", "--email", "r@x.test", "--name", "Rita", "--time-zone", "Europe/Berlin")
    refused = installation(*arguments, given="short\n")
    assert (refused.returncode, "password" in refused.stderr.lower()) == (1, True)


@pytest.mark.parametrize("extra", [("--name", ""), ("--name", "till", "--expires-days", "999999999")])
def test_a_token_that_cannot_be_is_refused_in_a_line(installation, extra):
    refused = installation("create-token", "--email", "o@x.test", *extra)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)


def test_a_database_that_is_nowhere_is_told_line_by_line(slotkeeper):
    found = slotkeeper("check", DATABASE_URL="sqlite:////nonexistent/folder/x.sqlite3")
    assert found.returncode == 1
    assert "Traceback" not in found.stdout + found.stderr
    unknown = slotkeeper("check", DATABASE_URL="postgresql://me@127.0.0.1:1/x?bogus=1")
    assert "Traceback" not in unknown.stdout + unknown.stderr


def test_an_export_of_each_program_is_imported_once(installation):
    for sample in sorted(SAMPLES.glob("*.ics")):
        first = installation("import", str(sample), "--email", "o@x.test", "--with-past")
        assert first.returncode == 0, first.stderr
        assert "Booked" in first.stdout
        again = installation("import", str(sample), "--email", "o@x.test", "--with-past")
        assert "Imported before" in again.stdout
        assert "Stored" not in again.stdout


def test_past_events_are_counted_and_overlaps_are_reported(installation, tmp_path):
    def event(uid, start, end):
        return f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:{start}\r\nDTEND:{end}\r\nSUMMARY:{uid}\r\nEND:VEVENT\r\n"

    events = (
        event("past", "20200101T100000Z", "20200101T110000Z")
        + event("first", "20310101T100000Z", "20310101T110000Z")
        + event("second", "20310101T103000Z", "20310101T113000Z")
    )
    path = tmp_path / "own.ics"
    path.write_text(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n")
    report = installation("import", str(path), "--email", "o@x.test").stdout
    assert "Booked 1 of 3 events." in report
    assert "Past, skipped: 1" in report
    assert "second: in the way: first" in report


@pytest.mark.parametrize("content", [b"", b"not a calendar", b"\x00" * 100, b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"])
def test_a_file_that_is_no_calendar_imports_nothing(installation, tmp_path, content):
    path = tmp_path / "wrong.ics"
    path.write_bytes(content)
    refused = installation("import", str(path), "--email", "o@x.test")
    assert refused.returncode == 1
    assert "Nothing was imported" in refused.stderr


def test_a_huge_file_is_refused_at_once(installation, tmp_path):
    path = tmp_path / "huge.ics"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    refused = installation("import", str(path), "--email", "o@x.test")
    assert (refused.returncode, "25 MB" in refused.stderr) == (1, True)


def test_commands_make_the_embedded_database_ready_by_themselves(slotkeeper):
    owner = ("create-owner", "--email", "o@x.test", "--name", "Olga", "--time-zone", "Europe/Berlin")
    assert slotkeeper(*owner, given="a long password\n").returncode == 0
    unknown = slotkeeper("create-token", "--email", "nobody@x.test", "--name", "t")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (1, 1)


def test_secrets_are_sealed_with_the_first_key_after_a_new_one_was_put_in_front(installation, folder):
    old, new = "o" * 40, "n" * 40
    with sqlite3.connect(folder / "slotkeeper.sqlite3") as database:
        (user_id,) = database.execute("SELECT id FROM users").fetchone()
        names = "user_id, provider, name, url, username, sealed_secret, when_unreadable, last_known_hours, asks_live"
        database.execute(
            f"INSERT INTO calendar_connections ({names}, status, last_error, failures, lease) "
            "VALUES (?, 'caldav', 'x', '', '', ?, 'last_known', 72, 0, 'connected', '', 0, '')",
            [user_id, SecretBox([old]).seal("app password")],
        )
        database.execute(
            "INSERT INTO webhook_endpoints (business_id, url, events, sealed_secret, sealed_former_secret) "
            "SELECT id, 'https://x.test', '[]', ?, ? FROM businesses LIMIT 1",
            [SecretBox([old]).seal("whsec_now"), SecretBox([old]).seal("whsec_before")],
        )
        database.execute(
            "INSERT INTO billing_profiles (business_id, stripe_sealed_key, stripe_sealed_signing_secret) "
            "SELECT id, ?, ? FROM businesses LIMIT 1",
            [SecretBox([old]).seal("sk_test_key"), SecretBox([old]).seal("whsec_stripe")],
        )
    lost = installation("reseal-secrets", SLOTKEEPER_ENCRYPTION_KEYS=new)
    assert (lost.returncode, "open with none of the keys" in lost.stdout) == (1, True)
    assert installation("reseal-secrets", SLOTKEEPER_ENCRYPTION_KEYS=f"{new},{old}").returncode == 0
    with sqlite3.connect(folder / "slotkeeper.sqlite3") as database:
        (sealed,) = database.execute("SELECT sealed_secret FROM calendar_connections").fetchone()
        names = "sealed_secret, sealed_former_secret"
        webhook = database.execute(f"SELECT {names} FROM webhook_endpoints").fetchone()
        names = "stripe_sealed_key, stripe_sealed_signing_secret"
        stripe = database.execute(f"SELECT {names} FROM billing_profiles").fetchone()
    assert [SecretBox([new]).open(one) for one in stripe] == ["sk_test_key", "whsec_stripe"]
    assert SecretBox([new]).open(sealed) == "app password"
    assert [SecretBox([new]).open(one) for one in webhook] == ["whsec_now", "whsec_before"]
