"""CPU time as the operating system counts it: of a process and of all its descendants."""

import ctypes
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

_TICKS_PER_SECOND = 100
_libc = ctypes.CDLL(None)


def cpu_seconds(root: int) -> float:
    """Sum the CPU time that a process, its children and theirs have used, those that ended included.

    The clock of a living process counts nanoseconds; those that ended stand in /proc/PID/stat of the
    parent that waited for them, in hundredths of a second.
    """
    stats = _read_stats()
    children = defaultdict(list)
    for pid, (parent, _) in stats.items():
        children[parent].append(pid)
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        if pid in stats:
            total += _clock(pid) + stats[pid][1]
    return total


def _read_stats() -> dict[int, tuple[int, float]]:
    """Read of every process its parent and the seconds of its ended children (proc(5): ppid, cutime, cstime)."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        stats[int(path.parent.name)] = int(fields[1]), (int(fields[13]) + int(fields[14])) / _TICKS_PER_SECOND
    return stats


def _clock(pid: int) -> float:
    """Read the process's own CPU clock, all threads together."""
    clock = ctypes.c_int()
    if _libc.clock_getcpuclockid(pid, ctypes.byref(clock)):
        return 0.0
    try:
        return time.clock_gettime(clock.value)
    except OSError:
        return 0.0


def cpu_ms(act: Callable[[], object]) -> float:
    """Give the CPU milliseconds that something took: of this process, and of its children that ended meanwhile."""
    before = _spent()
    act()
    return (_spent() - before) * 1000


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
