"""`make bench`: what a booking and a week of free/busy cost, through HTTP, against a real `slotkeeper serve`.

Costs are CPU time as the operating system counts it, so they hold on a busy machine too; rates are wall time
and stand only beside a rate of the same run. Exits with 1 if a requirement is missed.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from engine_limits import PostgresqlLimit, SqliteLimit  # noqa: E402 -- found through the line above
from installation import Installation  # noqa: E402
from measuring import BOOKING, FREE_BUSY, Case, run_round  # noqa: E402
from report import Requirement, figures_table, load_average, machine, requirements_table, table, write_document  # noqa: E402
from week import BUSIEST, HTTP, IDLE, Plan  # noqa: E402

from servers.postgresql import binary, running_postgresql  # noqa: E402

# Like a server with some memory; the tests' own defaults switch fsync off. Autovacuum would burden whichever
# round it happens to meet: the tables are vacuumed once, after they are filled.
POSTGRESQL = {"fsync": "on", "shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum": "off"}
GATE, SLOTS, CALENDARS, PERMISSIONS = (HERE / f"{name}.py" for name in ("gate", "slots", "calendars", "permissions"))


@dataclass(frozen=True)
class Size:
    """How much is stored and sent."""

    rounds: int
    requests: int
    shared: int
    on_busiest: int


FULL = Size(rounds=5, requests=800, shared=900_000, on_busiest=100_000)
QUICK = Size(rounds=3, requests=200, shared=18_000, on_busiest=2_000)
SMALL = 1_000


def next_monday_but_three() -> int:
    """Choose the measured week: all of it in the future."""
    day = int(time.time()) // 86400 + 28
    return (day + (4 - day) % 7) * 86400  # 1970-01-05, day 4, was a Monday


def cases_of(small: Installation, large: Installation) -> list[Case]:
    """List what is measured; in each round all of them take turns."""
    few, many = f"{small.plan.stored:,}", f"{large.plan.stored:,}"
    on_one = f"{many}, {large.plan.on_busiest:,} on this one provider"
    busiest = range(BUSIEST, BUSIEST + 1)
    return [
        Case(BOOKING, few, small, HTTP),
        Case(BOOKING, many, large, HTTP),
        Case(BOOKING, on_one, large, busiest),
        Case(FREE_BUSY, few, small, HTTP),
        Case(FREE_BUSY, many, large, HTTP),
        Case(FREE_BUSY, on_one, large, busiest),
        Case(FREE_BUSY, f"{few}, an empty week", small, range(IDLE, IDLE + 1)),
    ]


def measure(engine: str, size: Size, folder: Path, stack: ExitStack) -> list[Case]:
    """Fill two databases on one engine, serve both, and measure round after round."""
    monday = next_monday_but_three()
    plans = {"small": Plan(SMALL, 0, monday), "large": Plan(size.shared, size.on_busiest, monday)}
    server = stack.enter_context(running_postgresql(**POSTGRESQL)) if engine == "PostgreSQL" else None
    installations = []
    for name, plan in plans.items():
        place = folder / f"{engine}-{name}"
        place.mkdir()
        url = f"sqlite:///{place / 'bench.sqlite3'}"
        if server:
            url = f"{server}/bench_{name}"
            subprocess.run([binary("psql"), "-qc", f"CREATE DATABASE bench_{name}", f"{server}/postgres"], check=True)
        installations.append(Installation(plan, place, url))
        say(f"{engine}: storing {plan.stored:,} appointments")
        installations[-1].fill()
        stack.enter_context(installations[-1].serving())
    postmaster = postmaster_of(server) if server else None
    limits = {id(one): PostgresqlLimit(one, postmaster) if postmaster else SqliteLimit(one) for one in installations}
    cases = cases_of(*installations)
    client = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
    for case in cases:
        run_round(case, size.requests // 2, postmaster, client)  # warm
    for number in range(size.rounds):
        say(f"{engine}: round {number + 1} of {size.rounds}")
        for case in cases:
            case.rounds.append(run_round(case, size.requests, postmaster, client))
            if case.providers == HTTP:
                limit = limits[id(case.installation)].measure(case.kind, 2 * size.requests)
                case.limits += [limit] if limit else []
    return cases


def postmaster_of(server: str) -> int:
    """Ask PostgreSQL for its first process."""
    command = [
        binary("psql"),
        "-Atc",
        "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)",
        f"{server}/postgres",
    ]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def requirements_of(engine: str, cases: Sequence[Case]) -> list[Requirement]:
    """State what must hold on an engine, with what was found."""
    found = []
    if engine == "PostgreSQL":
        found += [
            Requirement(
                f"{engine}: application CPU ms, {case.kind}, {case.title}",
                case.median("application_ms"),
                at_most=1.0,
            )
            for case in cases
        ]
    else:
        found += [
            Requirement(
                f"{engine}: bookings a second beside the tight loop's, {case.title}",
                case.share_of_limit,
                at_least=0.4,
            )
            for case in cases
            if case.share_of_limit is not None
        ]
    for kind in (BOOKING, FREE_BUSY):
        first, *others = (case for case in cases if case.kind == kind)
        found += [
            Requirement(
                f"{engine}: CPU beside that with {first.title}, {kind}, {case.title}",
                case.cpu_ms / first.cpu_ms,
                at_most=1.25,
            )
            for case in others
            if case.installation is not first.installation
        ]
    return found


def reminders_table(found: dict[str, float]) -> str:
    """Write what reminders cost; times of day, since the database works for it, too."""
    return table(
        ("what", "found"),
        [
            ["finding that no reminder is due: both queries, ms", f"{found['query_ms']:.2f}"],
            ["the whole pass, ms", f"{found['pass_ms']:.2f}"],
            [f"application ms a mail, of {found['sent']:.0f}", f"{found['mail_ms']:.2f}"],
            ["mails a second, one sender", f"{found['mails_per_second']:.0f}"],
        ],
    )


def requirements_of_reminders(engine: str, found: dict[str, float]) -> list[Requirement]:
    """State what must hold of reminders."""
    return [
        Requirement(f"{engine}: ms to find which reminders are due, 1,000,000", found["query_ms"], at_most=5.0),
        Requirement(f"{engine}: mails a second to a local server", found["mails_per_second"], at_least=50.0),
    ]


def measure_apart(script: Path, *options: str) -> tuple[str, bool]:
    """Run one of the scripts that measure by themselves; give its tables and whether its requirements are met."""
    say(script.stem)
    ran = subprocess.run([sys.executable, str(script), *options], check=False, stdout=subprocess.PIPE, text=True)
    return ran.stdout.strip(), ran.returncode == 0


def measure_gate(*options: str) -> tuple[str, Requirement]:
    """Measure what the gate before SQLite's writers is worth; give its table and what must hold."""
    shown, _ = measure_apart(GATE, *options)
    share = float(re.search(r"p99 with the gate is ([\d.]+) of", shown)[1])
    return shown, Requirement("SQLite: p99 of a booking through the gate beside that without it", share, at_most=0.3)


def measure_permissions() -> Requirement:
    """Measure the permission check of one request, the dearest of several callers."""
    shown, _ = measure_apart(PERMISSIONS)
    found = max(float(one) for one in re.findall(r": ([\d.]+) µs", shown))
    return Requirement("the permission check of a request, µs of CPU", found, at_most=20.0)


def say(line: str) -> None:
    """Tell whoever waits what happens."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print the report, keep it, and say by the exit code whether every requirement is met."""
    parser = argparse.ArgumentParser(description="Measure what a booking and a week of free/busy cost.")
    parser.add_argument("--quick", action="store_true", help="a minute instead of several; writes no document")
    parser.add_argument("--engine", choices=["PostgreSQL", "SQLite"], help="only one of them; writes no document")
    options = parser.parse_args()
    size, started, load_before = QUICK if options.quick else FULL, time.monotonic(), load_average()
    parts, requirements, are_met = [], [measure_permissions()], True
    quickly = ["--quick"] if options.quick else []
    for engine in [options.engine] if options.engine else ["PostgreSQL", "SQLite"]:
        # Not /tmp, which may be memory: a commit must reach a disk.
        with tempfile.TemporaryDirectory(prefix="slotkeeper-bench-", dir="/var/tmp") as folder, ExitStack() as stack:
            cases = measure(engine, size, Path(folder), stack)
            say(f"{engine}: reminders")
            reminded = cases[1].installation.inside("messages.py", {"monday": cases[1].installation.plan.monday})
        parts.append(f"## {engine}\n\n{figures_table(cases)}\n")
        parts.append(f"### Reminders on {engine}\n\n{reminders_table(reminded)}\n")
        requirements += requirements_of(engine, cases) + requirements_of_reminders(engine, reminded)
        if engine == "SQLite":
            shown, requirement = measure_gate(*quickly)
            parts.append(f"## The gate before SQLite's writers\n\n{shown}\n")
            requirements.append(requirement)
            for script, title in ((SLOTS, "Slots"), (CALENDARS, "Foreign calendars")):
                shown, is_quick_enough = measure_apart(script, *quickly)
                parts.append(f"## {title}\n\n{shown}\n")
                are_met = are_met and is_quick_enough
    how = f"{machine()}; load average {load_before} before and {load_average()} after"
    text = "\n".join([*parts, f"## Requirements\n\n{requirements_table(requirements)}"])
    print(f"{text}\n\nMeasured {how}, in {time.monotonic() - started:.0f} s.")
    if not options.quick and not options.engine:
        write_document(text, how)
    return 0 if are_met and all(requirement.is_met for requirement in requirements) else 1


if __name__ == "__main__":
    sys.exit(main())
