"""Many processes with many threads, all let go at once; and counts that know nothing of the guard."""

import multiprocessing
import random
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from multiprocessing.connection import Connection
from typing import Any

from django.db import connection, connections

from slotkeeper.rules.intervals import Interval

PROCESSES, THREADS = 4, 4
LANES = PROCESSES * THREADS
Attempt = Callable[[], str]


def race(attempts: Sequence[Attempt]) -> Counter[str]:
    """Run the attempts, dealt out to threads in several processes, and count their outcomes.

    They run in rounds of sixteen: all threads wait at one barrier before each, so that neighbours
    in the list really meet. Whatever an attempt raises fails the race.
    """
    connections.close_all()  # a fork may not share them
    forks = multiprocessing.get_context("fork")
    barrier = forks.Barrier(LANES)
    runners: list[tuple[Any, Connection]] = []
    for number in range(PROCESSES):
        lanes = [attempts[lane::LANES] for lane in range(number * THREADS, (number + 1) * THREADS)]
        receiver, sender = forks.Pipe(duplex=False)
        runner = forks.Process(target=_run, args=(lanes, -(-len(attempts) // LANES), barrier, sender), daemon=True)
        runner.start()
        sender.close()
        runners.append((runner, receiver))
    outcomes: Counter[str] = Counter()
    try:
        for _, receiver in runners:
            assert receiver.poll(300), "the race does not end"
            outcomes.update(receiver.recv())
    finally:
        for runner, _ in runners:
            runner.join(5)
            runner.kill()
    failures = [outcome for outcome in outcomes if outcome.startswith("Traceback")]
    assert not failures, f"{len(failures)} kinds of failure, such as:\n{failures[0]}"
    assert outcomes.total() == len(attempts)
    return outcomes


def _run(lanes: list[Sequence[Attempt]], rounds: int, barrier: Any, sender: Connection) -> None:
    outcomes: list[str] = []

    def run(lane: Sequence[Attempt]) -> None:
        for _, attempt in zip_longest(range(rounds), lane):
            try:
                barrier.wait(60)
                if attempt is not None:
                    outcomes.append(attempt())
            except Exception:  # noqa: BLE001 -- whatever it is, the race has failed
                outcomes.append(traceback.format_exc())
        connection.close()

    threads = [threading.Thread(target=run, args=[lane]) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sender.send(outcomes)


def shuffled(seed: int, attempts: Iterable[Attempt]) -> list[Attempt]:
    """Bring the attempts into a random order that is the same in every run."""
    mixed = list(attempts)
    random.Random(seed).shuffle(mixed)
    return mixed


# What is checked afterwards knows nothing of the guard.

_CLAIMING = "status IN ('scheduled', 'confirmed', 'completed')"
_OVERLAPS = f"""
SELECT count(*) FROM appointments a JOIN appointments b ON a.user_id = b.user_id AND a.id < b.id
AND a.blocked_from < b.blocked_until AND b.blocked_from < a.blocked_until
WHERE a.{_CLAIMING} AND b.{_CLAIMING}
"""
_ROOM_OVERLAPS = """
SELECT count(*) FROM time_claims a JOIN time_claims b ON a.resource_id = b.resource_id AND a.id < b.id
AND a.claimed_from < b.claimed_until AND b.claimed_from < a.claimed_until
"""
# Every appointment that claims has its own claim, and no such claim is without its appointment.
_OUT_OF_STEP = f"""
SELECT count(*) FROM (SELECT * FROM appointments WHERE {_CLAIMING}) a
FULL JOIN (SELECT * FROM time_claims WHERE is_main) c ON c.appointment_id = a.id AND c.user_id = a.user_id
AND c.claimed_from = a.blocked_from AND c.claimed_until = a.blocked_until WHERE a.id IS NULL OR c.id IS NULL
"""


def query(sql: str) -> list[tuple[Any, ...]]:
    """Read rows with the test's own connection."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def overlaps_stored() -> int:
    """Count the pairs of appointments of one person, and of claims of one room, that overlap."""
    return int(query(_OVERLAPS)[0][0]) + int(query(_ROOM_OVERLAPS)[0][0])


def out_of_step() -> int:
    """Count the appointments without their claim, and the claims without their appointment."""
    return int(query(_OUT_OF_STEP)[0][0])


def next_free_by_minutes(user_id: int, start: int, minutes: int = 30) -> list[Interval]:
    """Find the next three free half hours minute by minute; everything stored stands on whole minutes."""
    epoch = "extract(epoch from {0})::bigint" if connection.vendor == "postgresql" else "unixepoch({0})"
    blocked = f"{epoch.format('blocked_from')} / 60, {epoch.format('blocked_until')} / 60"
    rows = query(f"SELECT {blocked} FROM appointments WHERE {_CLAIMING} AND user_id = {user_id}")
    taken = {minute for row in rows for minute in range(*row)}
    found: list[Interval] = []
    minute = start // 60
    while len(found) < 3:
        is_free = taken.isdisjoint(range(minute, minute + minutes))
        found += [Interval(minute * 60, (minute + minutes) * 60)] if is_free else []
        minute += minutes if is_free else 1
    return found
