"""What the permission check costs a request: finding out what a route needs, and whether the caller may.

Without a database: the caller comes with the token's one statement, which a request needs anyway. Prints the CPU time
of one check and exits with 1 if it is more than the 20 µs that it may cost.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
os.environ.setdefault("SLOTKEEPER_DATA_DIR", tempfile.mkdtemp(prefix="slotkeeper-bench-"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import django

django.setup()

from django.urls import resolve  # noqa: E402 -- models exist after setup()

from slotkeeper.appointments.reach import reach_of  # noqa: E402
from slotkeeper.doors.access import access_to  # noqa: E402
from slotkeeper.people.callers import Caller  # noqa: E402
from slotkeeper.rules.permissions import Permission, Role  # noqa: E402

ROUNDS, CHECKS = 7, 20_000
MOST_MICROSECONDS = 20.0


def callers() -> dict[str, Caller]:
    """Give an ordinary caller, and one with all that can make the check longer."""
    plain = Caller(1, 1, 1, Role.PROVIDER, "Europe/Berlin", "Ada", token_id=1)
    everything = {
        "grants": frozenset(permission.value for permission in Permission),
        "limited_to_user_ids": frozenset(range(200)),
        "limited_to_service_ids": frozenset(range(200)),
    }
    laden = Caller(1, 1, 1, Role.VIEWER, "Europe/Berlin", "Ada", token_id=1, **everything)  # type: ignore[arg-type]
    return {"a provider": plain, "with grants and limits to 200 people and services": laden}


def cpu_microseconds(check: Callable[[], object]) -> float:
    """Measure the CPU time of one check: the best of some rounds, as others use the machine too."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = time.process_time_ns()
        for _ in range(CHECKS):
            check()
        best = min(best, (time.process_time_ns() - before) / CHECKS / 1000)
    return best


def figures() -> dict[str, float]:
    """Measure the gate's check, and with it what a handler asks about its rows."""
    match = resolve("/api/appointments")
    found = {}
    for name, caller in callers().items():

        def check(caller: Caller = caller) -> bool:
            access = access_to(match.func, match.view_name, "POST")
            return isinstance(access, Permission) and caller.may(access)

        def reach(caller: Caller = caller) -> object:
            return check(caller) and reach_of(caller, Permission.APPOINTMENTS_READ_ALL).covers(7, 7)

        found[f"the gate, {name}"] = cpu_microseconds(check)
        found[f"the gate and the reach, {name}"] = cpu_microseconds(reach)
    return found


def main() -> int:
    """Print a line for each figure."""
    measured = figures()
    for name, microseconds in measured.items():
        print(f"{name}: {microseconds:.2f} µs of CPU (at most {MOST_MICROSECONDS:.0f})")
    return int(max(measured.values()) > MOST_MICROSECONDS)


if __name__ == "__main__":
    sys.exit(main())
