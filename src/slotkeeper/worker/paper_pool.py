"""Writing papers in a thread of its own, each in a child process: a long one delays neither messages nor calendars."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import close_old_connections

from slotkeeper.billing.papers import is_any_wanted, write_next

logger = logging.getLogger("slotkeeper.worker")


class PaperPool:
    """One thread, which writes what is wanted and rests until it is asked again."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._is_busy = threading.Event()
        self._is_stopping = threading.Event()

    def start_due(self) -> None:
        """Start writing where something is wanted and nobody is at it."""
        if self._is_busy.is_set() or not is_any_wanted(datetime.now(UTC)):
            return
        self._is_busy.set()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "papers")
        self._executor.submit(self._run)

    def stop(self) -> None:
        """Wait for the paper that is being written."""
        self._is_stopping.set()
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _run(self) -> None:
        try:
            while not self._is_stopping.is_set() and write_next(lambda: datetime.now(UTC)):
                pass
        except Exception:
            # What it had claimed is claimed again when the claim runs out.
            logger.exception("Papers could not be written")
        finally:
            close_old_connections()
            self._is_busy.clear()
