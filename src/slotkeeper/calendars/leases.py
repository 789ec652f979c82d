"""One process at a time works on a connection: whoever holds its lease.

So events are written in order, tokens are refreshed by one, and a process that is killed is followed by another
when its lease runs out, or, on the same machine, as soon as a worker starts there. Who wants something done sets
`due_at`, also while somebody is at it: that is not lost.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from slotkeeper import hot_sql
from slotkeeper.calendars.models import CalendarConnection, Health
from slotkeeper.processes import is_of_the_dead, new_claim

LEASE = timedelta(minutes=3)  # longer than all that a run asks of the network may take
_OF_ONE_PERSON = 2
_LOOKED_AT = 500


class LeaseLost(Exception):
    """Another process works on this connection."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a connection, until it runs out."""

    connection_id: int
    token: str

    def renew(self, **noted: Any) -> None:
        """Keep it for another while, and write down what is noted of the connection. Raises LeaseLost."""
        if not self._held().update(leased_until=datetime.now(UTC) + LEASE, **noted):
            raise LeaseLost

    def release(self, due_at: datetime, last_success_at: datetime | None = None) -> None:
        """Give it back, and say when to work on the connection next, unless somebody wants it sooner."""
        due, success = (moment and hot_sql.exact(moment) for moment in (due_at, last_success_at))
        hot_sql.rows(
            "UPDATE calendar_connections SET lease = '', leased_until = NULL, "
            "due_at = CASE WHEN due_at < %s THEN due_at ELSE %s END, "
            "last_success_at = coalesce(%s, last_success_at) WHERE id = %s AND lease = %s RETURNING id",
            [due, due, success, self.connection_id, self.token],
        )

    def _held(self) -> QuerySet[CalendarConnection]:
        return CalendarConnection.objects.filter(pk=self.connection_id, lease=self.token)


def take_lease(connection_id: int, now: datetime) -> Lease | None:
    """Take the lease of a connection, if it is free."""
    token = new_claim()
    taken = hot_sql.row(
        "UPDATE calendar_connections SET lease = %s, leased_until = %s, due_at = NULL "
        "WHERE id = %s AND (leased_until IS NULL OR leased_until < %s) RETURNING id",
        [token, hot_sql.exact(now + LEASE), connection_id, hot_sql.exact(now)],
    )
    return Lease(connection_id, token) if taken else None


def free_leases_of_the_dead(now: datetime) -> None:
    """Free what processes of this machine held that were killed: nobody need wait until it runs out."""
    for connection in CalendarConnection.objects.exclude(leased_until=None):
        if is_of_the_dead(connection.lease):
            Lease(connection.pk, connection.lease).release(now)


def due_connections(now: datetime, limit: int, most_failing: int) -> list[int]:
    """List connections to work on, those that have waited longest first; one whose worker died is among them.

    Few of each person at a time, and few that failed last: whoever has slow calendars waits for themselves.
    """
    under_way = CalendarConnection.objects.filter(leased_until__gte=now)
    of_person = Counter(under_way.values_list("user_id", flat=True))
    due = CalendarConnection.objects.exclude(status=Health.RECONNECT).exclude(leased_until__gte=now)
    due = due.filter(Q(due_at__lte=now) | Q(leased_until__lt=now)).order_by("due_at", "pk")
    chosen = _some_of(due.filter(failures=0), limit, of_person)
    most = min(limit - len(chosen), most_failing)
    return chosen + _some_of(due.filter(failures__gt=0), most, of_person)


def _some_of(due: QuerySet[CalendarConnection], most: int, of_person: Counter[int]) -> list[int]:
    """Choose the first of them, and count them with what is under way of each person."""
    chosen: list[int] = []
    for user_id, connection_id in due.values_list("user_id", "pk")[:_LOOKED_AT]:
        if len(chosen) < most and of_person[user_id] < _OF_ONE_PERSON:
            chosen.append(connection_id)
            of_person[user_id] += 1
    return chosen


def wake(connections: QuerySet[CalendarConnection], now: datetime) -> None:
    """Have connections worked on now; one that is failing keeps to its pause and gets one probe, not many."""
    connections.filter(failures=0).update(due_at=now)
