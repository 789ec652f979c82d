"""Working on calendar connections side by side: one slow provider keeps nobody waiting but its own people."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import close_old_connections

from slotkeeper.appointments.calendar_sync import event_of
from slotkeeper.calendars.leases import due_connections
from slotkeeper.calendars.runs import work_on

logger = logging.getLogger("slotkeeper.worker")
_THREADS = 4


class CalendarPool:
    """A few threads, each on one connection at a time."""

    def __init__(self, threads: int = _THREADS) -> None:
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self._under_way: set[int] = set()
        self._lock = threading.Lock()

    def start_due(self) -> int:
        """Start on the connections that are due, as far as threads are free; say how many."""
        with self._lock:
            free = self._threads - len(self._under_way)
        due = due_connections(datetime.now(UTC), self._threads) if free else []
        with self._lock:
            chosen = [connection_id for connection_id in due if connection_id not in self._under_way][:free]
            self._under_way.update(chosen)
        if chosen and self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, "calendars")
        for connection_id in chosen:
            assert self._executor is not None
            self._executor.submit(self._run, connection_id)
        return len(chosen)

    def stop(self) -> None:
        """Wait for what is under way."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _run(self, connection_id: int) -> None:
        try:
            work_on(connection_id, event_of)
        except Exception:
            # Its lease runs out, and then it is tried again.
            logger.exception("Calendar connection %d could not be worked on", connection_id)
            close_old_connections()
        finally:
            with self._lock:
                self._under_way.discard(connection_id)
