"""Many processes with many threads, all let go at once; and the count of overlaps, independent of the guard."""

import itertools
import multiprocessing
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from threading import Barrier, Thread
from typing import Any

from django.db import connection, connections

PROCESSES = 4
THREADS = 4
Attempt = Callable[[], str]


def race(attempts: Sequence[Attempt], processes: int = PROCESSES, threads: int = THREADS) -> Counter[str]:
    """Run the attempts dealt out to threads in processes, each with a connection of its own.

    All wait at one barrier before every round of one attempt each, so that neighbours in the
    list really meet. Each attempt returns the name of its outcome; anything it raises fails the race.
    """
    connections.close_all()  # a fork may not share them
    context = multiprocessing.get_context("fork")
    everyone = context.Barrier(processes * threads)
    lanes = [list(attempts[lane :: processes * threads]) for lane in range(processes * threads)]
    rounds = max(map(len, lanes))
    runners, ends = [], []
    for number in range(processes):
        mine = lanes[number * threads : (number + 1) * threads]
        receiver, sender = context.Pipe(duplex=False)
        runner = context.Process(target=_run, args=(mine, rounds, everyone, sender), daemon=True)
        runner.start()
        sender.close()
        runners.append(runner)
        ends.append(receiver)
    outcomes: Counter[str] = Counter()
    try:
        for receiver in ends:
            outcomes.update(receiver.recv())
    finally:
        for runner in runners:
            runner.join(5)
            runner.kill()
    failures = [outcome for outcome in outcomes if outcome.startswith("Traceback")]
    assert not failures, f"{len(failures)} kinds of failure, such as:\n{failures[0]}"
    return outcomes


def _run(lanes: list[list[Attempt]], rounds: int, everyone: Any, sender: Connection) -> None:
    outcomes: list[str] = []
    threads = [Thread(target=_lane, args=(lane, rounds, everyone, outcomes), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sender.send(outcomes)


def _lane(lane: list[Attempt], rounds: int, everyone: Barrier, outcomes: list[str]) -> None:
    for attempt in itertools.islice(itertools.chain(lane, itertools.repeat(None)), rounds):
        try:
            everyone.wait(60)
            if attempt is not None:
                outcomes.append(attempt())
        except Exception:  # noqa: BLE001 -- whatever it is, the race has failed
            outcomes.append(traceback.format_exc())
    connection.close()


_OVERLAPS = """
SELECT count(*) FROM appointments a JOIN appointments b
ON a.user_id = b.user_id AND a.id < b.id AND a.blocked_from < b.blocked_until AND b.blocked_from < a.blocked_until
WHERE a.status IN ('scheduled', 'confirmed', 'completed') AND b.status IN ('scheduled', 'confirmed', 'completed')
"""
_ROOM_OVERLAPS = """
SELECT count(*) FROM time_claims a JOIN time_claims b
ON a.resource_id = b.resource_id AND a.id < b.id AND a.claimed_from < b.claimed_until AND b.claimed_from < a.claimed_until
"""
# Every appointment that claims has its one claim, and no other claim is anybody's own.
_OUT_OF_STEP = """
SELECT count(*) FROM (SELECT id, user_id, blocked_from, blocked_until FROM appointments
WHERE status IN ('scheduled', 'confirmed', 'completed')) a
FULL JOIN (SELECT * FROM time_claims WHERE is_main) c ON c.appointment_id = a.id AND c.user_id = a.user_id
AND c.claimed_from = a.blocked_from AND c.claimed_until = a.blocked_until WHERE a.id IS NULL OR c.id IS NULL
"""


def count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchall()[0][0])


def overlaps() -> int:
    """Count the pairs of appointments of one person, and of claims of one room, that overlap."""
    return count(_OVERLAPS) + count(_ROOM_OVERLAPS)


def out_of_step() -> int:
    """Count the appointments without their claim, and the claims without their appointment."""
    return count(_OUT_OF_STEP)
