"""Writing papers in a thread of its own, each in a child process: a long one delays neither messages nor calendars."""

import threading
from datetime import UTC, datetime

from django.db import close_old_connections

from slotkeeper.billing.papers import is_any_wanted, write_next
from slotkeeper.reminders.job import now_utc
from slotkeeper.worker.pool import Pool

_WRITING = "what is wanted"


class PaperPool(Pool):
    """One thread, which writes what is wanted and rests until it is asked again."""

    def __init__(self) -> None:
        super().__init__("papers", 1)
        self._is_stopping = threading.Event()

    def start_due(self) -> None:
        """Start writing where something is wanted and nobody is at it."""
        if not self._is_under_way(_WRITING) and is_any_wanted(datetime.now(UTC)):
            self._start(_WRITING, self._write)

    def stop(self) -> None:
        """Wait for the paper that is being written."""
        self._is_stopping.set()
        super().stop()

    def _write(self) -> None:
        try:
            while not self._is_stopping.is_set() and write_next(now_utc):
                pass
        finally:
            close_old_connections()
