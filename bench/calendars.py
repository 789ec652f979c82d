"""What foreign calendars cost: `calendars.py [--quick]`, in one process, on an embedded database of its own.

A feed of 10,000 events, 200 of them series, is served over HTTP by another process and read as the worker reads it:
first all of it, then again unchanged, by its ETag and, from a server that gives none, by its hash. Then a week of
free/busy is asked for with that calendar and without it. Costs are CPU milliseconds, those of the child process that
parses the feed included. Prints a table; exits with 1 if a requirement is missed.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

os.environ |= {
    "SLOTKEEPER_DATA_DIR": tempfile.mkdtemp(prefix="slotkeeper-calendars-", dir="/var/tmp"),
    "DJANGO_SETTINGS_MODULE": "slotkeeper.settings",
    "DATABASE_URL": "",
    "SLOTKEEPER_PRIVATE_HOSTS": "localhost",
}
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import django

django.setup()

from cpu import cpu_ms  # noqa: E402 -- needs the line above, like all that follow
from django.core.management import call_command  # noqa: E402
from in_process import asker  # noqa: E402
from report import Requirement, requirements_table, table  # noqa: E402

from servers.postgresql import free_port  # noqa: E402
from slotkeeper.appointments.calendar_sync import event_of, plan_for_person  # noqa: E402
from slotkeeper.calendars.connections import Credentials, Owner, connect  # noqa: E402
from slotkeeper.calendars.models import BusyTime, CalendarConnection, ConnectedCalendar, Kind  # noqa: E402
from slotkeeper.calendars.runs import work_on  # noqa: E402
from slotkeeper.changes.record import COMMAND  # noqa: E402
from slotkeeper.people.models import Membership  # noqa: E402
from slotkeeper.people.sign_up import NewOwner, create_owner  # noqa: E402
from slotkeeper.people.tokens import TokenWish, create_token  # noqa: E402
from slotkeeper.rules.permissions import Scope  # noqa: E402

EVENTS, SERIES = 10_000, 200
DAY = timedelta(days=1)
QUESTIONS = 50
PORT = free_port()
RULES = ("FREQ=WEEKLY;COUNT=26", "FREQ=MONTHLY;BYDAY=2TU;COUNT=12", "FREQ=YEARLY", "FREQ=WEEKLY;INTERVAL=2;COUNT=20")


def feed() -> bytes:
    """Write the calendar of a busy person: five years of events, two of them ahead, and series old and new."""
    monday = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    monday -= DAY * monday.weekday()
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//EN", "X-WR-CALNAME:Work"]
    for number in range(EVENTS):
        start = monday + DAY * (number * 5 * 365 / EVENTS // 1 - 3 * 365) + timedelta(minutes=30 * (number % 19))
        lines += ["BEGIN:VEVENT", f"UID:{number}@bench", f"SUMMARY:Meeting {number}", f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}"]
        lines += [f"DTSTART:{start:%Y%m%dT%H%M%SZ}", f"DTEND:{start + timedelta(minutes=30):%Y%m%dT%H%M%SZ}"]
        if number % (EVENTS // SERIES) == 0:
            lines.append(f"RRULE:{RULES[number // (EVENTS // SERIES) % len(RULES)]}")
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def serve(content: bytes) -> None:
    """Serve the feed: `/tagged.ics` with an ETag, `/bare.ics` without any validator."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_tagged = self.path.startswith("/tagged")
            is_known = is_tagged and self.headers.get("If-None-Match") == '"1"'
            self.send_response(304 if is_known else 200)
            if is_tagged:
                self.send_header("ETag", '"1"')
            self.send_header("Content-Type", "text/calendar")
            self.send_header("Content-Length", "0" if is_known else str(len(content)))
            self.end_headers()
            self.wfile.write(b"" if is_known else content)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    HTTPServer(("localhost", PORT), Handler).serve_forever()


def main() -> int:
    """Serve, read, ask, print; 1 if a requirement is missed."""
    parser = argparse.ArgumentParser(description="Measure what foreign calendars cost.")
    parser.add_argument("--quick", action="store_true", help="a quarter of the rounds")
    turns, rounds = (5, 5) if parser.parse_args().quick else (20, 15)
    content = feed()
    server = multiprocessing.get_context("fork").Process(target=serve, args=[content], daemon=True)
    server.start()
    call_command("migrate", verbosity=0)
    owner = create_owner(NewOwner("owner@bench.test", "Owner", "Europe/Berlin", "Bench"), COMMAND)
    tagged, bare = (link(owner, name) for name in ("tagged", "bare"))
    first, *_ = read(tagged, 1)
    kept = BusyTime.objects.filter(calendar__connection=tagged).count()
    by_tag, by_hash = (statistics.median(read(one, 1 + rounds)[1:]) for one in (tagged, bare))
    bare.delete()
    without, with_calendar = costs_of_asking(owner, turns)
    figures = [
        (f"reading {EVENTS:,} events, {SERIES} of them series, {len(content) / 1e6:.1f} MB; {kept:,} kept", first),
        ("reading it again, unchanged by its ETag", by_tag),
        ("reading it again, unchanged by its hash", by_hash),
        ("a week of free/busy without a calendar", without),
        ("a week of free/busy with it", with_calendar),
    ]
    print(table(("what", "CPU ms"), [[name, f"{ms:.2f}"] for name, ms in figures]))
    requirements = [
        Requirement("CPU seconds, reading a calendar of 10,000 events", first / 1000, at_most=10),
        Requirement("CPU ms, reading an unchanged calendar, by its ETag", by_tag, at_most=5),
        Requirement("CPU ms, reading an unchanged calendar, by its hash", by_hash, at_most=5),
        Requirement("CPU ms that a calendar adds to a week of free/busy", with_calendar - without, at_most=0.2),
    ]
    print(f"\n{requirements_table(requirements)}")
    return 0 if all(requirement.is_met for requirement in requirements) else 1


def link(owner: Membership, name: str) -> CalendarConnection:
    """Connect a feed, as its owner would."""
    whose = Owner(owner.user_id, owner.business_id)
    return connect(whose, Credentials(Kind.ICS_FEED, f"http://localhost:{PORT}/{name}.ics"), COMMAND, plan_for_person)


def read(connection: CalendarConnection, times: int) -> list[float]:
    """Have it read again and again, as the worker does; give what each time cost."""
    costs = []
    for _ in range(times):
        ConnectedCalendar.objects.filter(connection=connection).update(next_read_at=datetime.now(UTC))
        costs.append(cpu_ms(lambda: work_on(connection.pk, event_of)))
    return costs


def costs_of_asking(owner: Membership, turns: int) -> tuple[float, float]:
    """Ask for a week of free/busy, by turns with the calendar left out and with it blocking time; give both medians."""
    ask = asker(create_token(owner, TokenWish("bench", Scope.READ), COMMAND)[1])
    today = datetime.now(UTC).date()
    path = f"/api/appointments/freebusy?start={today + DAY * 7}&end={today + DAY * 14}&user_id={owner.user_id}"
    costs: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * turns):
        blocks = number % 2 == 1
        ConnectedCalendar.objects.update(blocks=blocks)
        ask(path)
        costs[blocks] += [cpu_ms(lambda: ask(path)) for _ in range(QUESTIONS)]
    return statistics.median(costs[False]), statistics.median(costs[True])


if __name__ == "__main__":
    sys.exit(main())
