"""What the gate before SQLite's write transactions is worth: `gate.py [--quick]`.

Several processes with several threads book through the verb, each as fast as it can, every acknowledged
booking on disk (synchronous=FULL): in turn with the gate and with the gate taken out. Prints how long a
booking took; exits with 1 if its 99th percentile with the gate is above 0.3 of the one without.
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import astuple, dataclass
from multiprocessing.queues import Queue
from typing import Any

os.environ |= {
    "SLOTKEEPER_DATA_DIR": tempfile.mkdtemp(prefix="slotkeeper-gate-"),
    "DJANGO_SETTINGS_MODULE": "slotkeeper.settings",
    "DATABASE_URL": "",
}

import django
from msgspec.structs import replace

django.setup()

from django.core.management import call_command  # noqa: E402 -- needs the line above, like all that follow
from django.db import OperationalError, connection, connections  # noqa: E402

from slotkeeper.appointments import actions  # noqa: E402
from slotkeeper.appointments.insert import Booking  # noqa: E402
from slotkeeper.changes.record import COMMAND  # noqa: E402
from slotkeeper.people.sign_up import NewOwner, create_owner  # noqa: E402
from slotkeeper.sqlite.gate import Gate  # noqa: E402

PROCESSES, THREADS = 4, 4
LIMIT = 0.3
WITH, WITHOUT = "with the gate", "without it"
DAY = 86_400


@dataclass(frozen=True)
class Round:
    """Everybody books for some seconds; places are free minutes, counted from tomorrow."""

    way: str
    seconds: float
    first_place: int
    wish: Booking

    def lane(self, number: int, barrier: Any, took: list[float], failures: list[int]) -> None:
        """Book one free minute after the other; note how many milliseconds each took."""
        place, now = self.first_place + number, int(time.time())
        barrier.wait()
        end = time.perf_counter() + self.seconds
        while (started := time.perf_counter()) < end:
            start = self.wish.start_time + place * 60
            try:
                actions.book(replace(self.wish, start_time=start, end_time=start + 60), COMMAND, now)
            except OperationalError:  # database is locked: it has waited for all of its five seconds
                failures.append(place)
            took.append((time.perf_counter() - started) * 1000)
            place += PROCESSES * THREADS
        connection.close()

    def process(self, number: int, barrier: Any, results: "Queue[tuple[list[float], int]]") -> None:
        """Book in several threads."""
        if self.way == WITHOUT:
            Gate.enter = Gate.leave = Gate.sync = lambda _self: None  # type: ignore[method-assign]
        took: list[float] = []
        failures: list[int] = []
        numbers = range(number * THREADS, (number + 1) * THREADS)
        threads = [threading.Thread(target=self.lane, args=[lane, barrier, took, failures]) for lane in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        results.put((took, len(failures)))


@dataclass(frozen=True)
class Outcome:
    """How many milliseconds bookings took in one round, how many a second there were, how many failed."""

    median: float
    p99: float
    longest: float
    per_second: float
    failures: int


def run_round(planned: Round) -> tuple[Outcome, int]:
    """Let all processes book; return the outcome and how many bookings there were."""
    connections.close_all()
    forks = multiprocessing.get_context("fork")
    barrier, results = forks.Barrier(PROCESSES * THREADS), forks.Queue()
    runners = [forks.Process(target=planned.process, args=[number, barrier, results]) for number in range(PROCESSES)]
    for runner in runners:
        runner.start()
    parts = [results.get() for _ in runners]
    for runner in runners:
        runner.join()
    took = sorted(one for part, _ in parts for one in part)
    p99, failures = took[int(len(took) * 0.99)], sum(failed for _, failed in parts)
    return Outcome(statistics.median(took), p99, took[-1], len(took) / planned.seconds, failures), len(took)


def measure(rounds: int, seconds: float) -> dict[str, list[Outcome]]:
    """Measure both ways in turn, in an installation with one owner."""
    call_command("migrate", verbosity=0)
    owner = create_owner(NewOwner("owner@bench.test", "Owner", "UTC", "Bench"), COMMAND)
    tomorrow = (int(time.time()) // DAY + 1) * DAY
    wish = Booking(owner.business_id, owner.user_id, "Bench", tomorrow, tomorrow + 60)
    outcomes: dict[str, list[Outcome]] = {WITH: [], WITHOUT: []}
    place = 0
    for _ in range(rounds):
        for way, done in outcomes.items():
            outcome, count = run_round(Round(way, seconds, place, wish))
            done.append(outcome)
            place += (count + 1) * PROCESSES * THREADS  # no lane can have come further
    return outcomes


def main() -> int:
    """Measure, and print the medians over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three short rounds")
    rounds, seconds = (3, 1.5) if parser.parse_args().quick else (5, 4.0)
    try:
        outcomes = measure(rounds, seconds)
    finally:
        shutil.rmtree(os.environ["SLOTKEEPER_DATA_DIR"], ignore_errors=True)
    middle = {
        way: [statistics.median(figures) for figures in zip(*map(astuple, done), strict=True)]
        for way, done in outcomes.items()
    }
    threads = f"{PROCESSES} processes x {THREADS} threads"
    print(f"{threads}, synchronous=FULL, medians of {rounds} rounds of {seconds:g} s\n")
    print("| | median ms | p99 ms | longest ms | bookings/s | locked |\n|---|---|---|---|---|---|")
    for way, (median, p99, longest, per_second, _) in middle.items():
        locked = sum(one.failures for one in outcomes[way])
        print(f"| {way} | {median:.1f} | {p99:.1f} | {longest:.0f} | {per_second:.0f} | {locked} |")
    share = middle[WITH][1] / middle[WITHOUT][1]
    print(f"\np99 with the gate is {share:.2f} of the one without; at most {LIMIT} is required")
    return 0 if share <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
