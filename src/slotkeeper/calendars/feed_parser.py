"""Reading a feed in a process of its own, which may take so much time and memory and no more.

Whoever gives us an address decides what is read from it. Our reader is bounded; what it stands on (Python, its regular
expressions, icalendar's tables) is bounded here. The request and the file come in by stdin, what the file blocks goes
out by stdout. No Django, no settings, no secrets.
"""

import resource
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from slotkeeper.calendars.ics_busy import BusyEntry, busy_request, read_busy
from slotkeeper.calendars.ics_values import MOST_PIECES, PIECE_SECONDS, UnreadableCalendar
from slotkeeper.rules.intervals import Interval, union

_CPU_SECONDS, _DEADLINE_SECONDS = 20, 40
_MEMORY_BYTES = 512_000_000  # above what the interpreter needs itself
_MOST_OCCURRENCES = 100_000
_MOST_DAYS_EXAMINED = 1_500_000
_TOO_MUCH = "Reading the feed takes too much time or memory. It may repeat events without end."


class Task(msgspec.Struct):
    """For whom a feed is read, and which window of it."""

    zone: str
    owner_emails: frozenset[str]
    window: Interval


class Outcome(msgspec.Struct, omit_defaults=True):
    """What came of it: the time that the feed blocks, and each event of ours that blocks any; or why that is not known.

    A feed is always read as a whole, so nobody asks which of its other events blocks what.
    """

    busy: list[Interval] = []
    ours: list[BusyEntry] = []
    refusal: str = ""


def read_feed(data: bytes, task: Task) -> Outcome:
    """Say what a feed blocks. Raises UnreadableCalendar."""
    command = [sys.executable, "-I", "-m", "slotkeeper.calendars.feed_parser"]
    given = msgspec.json.encode(task) + b"\n" + data
    try:
        done = subprocess.run(  # noqa: S603 -- our own module
            command, input=given, capture_output=True, timeout=_DEADLINE_SECONDS, check=False, env={}
        )
        outcome = msgspec.json.decode(done.stdout, type=Outcome)
    except (subprocess.TimeoutExpired, msgspec.DecodeError):
        raise UnreadableCalendar(_TOO_MUCH) from None
    if outcome.refusal or done.returncode:
        raise UnreadableCalendar(outcome.refusal or _TOO_MUCH)
    return outcome


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Read a task and a file, and write what came of it."""
    _limit()
    task = msgspec.json.decode(source.readline(), type=Task)
    request = replace(
        busy_request(task.zone, task.owner_emails, task.window),
        max_occurrences=_MOST_OCCURRENCES,
        max_days_examined=_MOST_DAYS_EXAMINED,
    )
    try:
        outcome = _merged(read_busy(source.read(), request))
    except UnreadableCalendar as error:
        outcome = Outcome(refusal=str(error))
    target.write(msgspec.json.encode(outcome))


def _merged(entries: Iterable[BusyEntry]) -> Outcome:
    """Join what is not ours, so that a feed of many events that overlap costs no more than what they block."""
    others: list[Interval] = []
    ours: list[BusyEntry] = []
    for entry in entries:
        if not entry.key:
            others += entry.busy
        elif entry.busy:
            ours.append(entry)
    busy = union(others)
    times = chain(busy, *(entry.busy for entry in ours))
    if sum(-((start - end) // PIECE_SECONDS) for start, end in times) > MOST_PIECES:
        raise UnreadableCalendar(f"There is too much in this calendar: more than {MOST_PIECES:,} times to keep free.")
    return Outcome(busy, ours)


def _limit() -> None:
    """Give up all that reading does not need. Out of memory ends in MemoryError, out of time in SIGXCPU."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) if sys.platform == "linux" else 0
    memory = pages * resource.getpagesize() + _MEMORY_BYTES
    limits = {
        resource.RLIMIT_CPU: _CPU_SECONDS,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
