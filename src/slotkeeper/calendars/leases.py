"""One process at a time works on a connection: whoever holds its lease.

So events are written in order, tokens are refreshed by one, and a process that is killed is followed by another
when its lease runs out, or, on the same machine, as soon as a worker starts there. Who wants something done sets
`due_at`, also while somebody is at it: that is not lost.
"""

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Least

from slotkeeper.calendars.models import CalendarConnection, Health

LEASE = timedelta(minutes=3)  # longer than one request to a provider, with all its pages, may take


class LeaseLost(Exception):
    """Another process works on this connection."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a connection, until it runs out."""

    connection_id: int
    token: str

    def renew(self) -> None:
        """Keep it for another while. Raises LeaseLost."""
        if not self._held().update(leased_until=datetime.now(UTC) + LEASE):
            raise LeaseLost

    def release(self, due_at: datetime) -> None:
        """Give it back, and say when to work on the connection next, unless somebody wants it sooner."""
        next_time = Least(Coalesce(F("due_at"), due_at), due_at)
        self._held().update(lease="", leased_until=None, due_at=next_time)

    def _held(self) -> QuerySet[CalendarConnection]:
        return CalendarConnection.objects.filter(pk=self.connection_id, lease=self.token)


def take_lease(connection_id: int, now: datetime) -> Lease | None:
    """Take the lease of a connection, if it is free."""
    token = f"{_this_process()} {secrets.token_hex(8)}"
    free = CalendarConnection.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), pk=connection_id)
    is_taken = free.update(lease=token, leased_until=now + LEASE, due_at=None)
    return Lease(connection_id, token) if is_taken else None


def free_leases_of_the_dead(now: datetime) -> None:
    """Free what processes of this machine held that were killed: nobody need wait until it runs out."""
    for connection in CalendarConnection.objects.exclude(leased_until=None):
        if _is_dead(connection.lease):
            Lease(connection.pk, connection.lease).release(now)


def due_connections(now: datetime, limit: int) -> list[int]:
    """List connections to work on, those that have waited longest first; one whose worker died is among them."""
    due = CalendarConnection.objects.exclude(status=Health.RECONNECT).exclude(leased_until__gte=now)
    due = due.filter(Q(due_at__lte=now) | Q(leased_until__lt=now))
    return list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:limit])


def wake(connections: QuerySet[CalendarConnection], now: datetime) -> None:
    """Have connections worked on now; one that is failing keeps to its pause and gets one probe, not many."""
    connections.filter(failures=0).update(due_at=now)


def _machine() -> str:
    """Name this machine, or this container of it: process ids mean something only within."""
    return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino}"


def _started(pid: int) -> str | None:
    """Say when a process started, in clock ticks since boot (proc(5), starttime); None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def _this_process() -> str:
    try:
        return f"{_machine()} {os.getpid()} {_started(os.getpid())}"
    except OSError:
        return "elsewhere 0 0"  # no Linux: then leases simply run out


def _is_dead(lease: str) -> bool:
    """Say whether a lease's holder is known to be gone: it was of this machine, and is not there any more."""
    words = lease.split(" ")
    if len(words) != 4 or words[0] == "elsewhere" or not _this_process().startswith(f"{words[0]} "):
        return False
    return _started(int(words[1])) != words[2]
