"""Asking payment providers in a thread of its own: one that is slow delays no message, and no calendar."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import close_old_connections

from slotkeeper.billing.reconciling import work

logger = logging.getLogger("slotkeeper.worker")


class PaymentPool:
    """A thread that asks for what was not heard of, and rests until it is started again."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._is_under_way = False
        self._lock = threading.Lock()

    def start_due(self) -> None:
        """Start, unless it is at it."""
        with self._lock:
            if self._is_under_way:
                return
            self._is_under_way = True
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "payments")
        self._executor.submit(self._run)

    def stop(self) -> None:
        """Wait for what is under way."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _run(self) -> None:
        try:
            work(lambda: datetime.now(UTC))
        except Exception:
            # Its lease runs out, and then it is tried again.
            logger.exception("Payment providers could not be asked")
            close_old_connections()
        finally:
            with self._lock:
                self._is_under_way = False
