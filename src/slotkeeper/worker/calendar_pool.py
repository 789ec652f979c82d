"""Working on calendar connections side by side: one slow provider keeps nobody waiting but its own people."""

from datetime import UTC, datetime
from functools import partial

from slotkeeper.appointments.calendar_sync import event_of
from slotkeeper.calendars.leases import due_connections
from slotkeeper.calendars.runs import work_on
from slotkeeper.worker.pool import Pool

_THREADS = 4


class CalendarPool(Pool):
    """A few threads, each on one connection at a time."""

    def __init__(self, threads: int = _THREADS) -> None:
        super().__init__("calendars", threads)

    def start_due(self) -> int:
        """Start on the connections that are due, as far as threads are free; say how many."""
        free = self._free()
        most_failing = max(free - self._threads // 2, 1)  # the others are kept for those that answer
        due = due_connections(datetime.now(UTC), self._threads, most_failing) if free else []
        chosen = [connection_id for connection_id in due if not self._is_under_way(connection_id)][:free]
        for connection_id in chosen:
            self._start(connection_id, partial(work_on, connection_id, event_of))
        return len(chosen)
