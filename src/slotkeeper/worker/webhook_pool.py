"""Sending webhooks side by side: a receiver that is slow or dead keeps nobody waiting but itself."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import close_old_connections

from slotkeeper.webhooks.claims import due_endpoints
from slotkeeper.webhooks.sending import work_on

logger = logging.getLogger("slotkeeper.worker")
_THREADS = 6
_THREADS_FOR_SLOW_ONES = 3


class WebhookPool:
    """A few threads, each on one endpoint at a time; some are never given to endpoints that were slow of late."""

    def __init__(self, threads: int = _THREADS, for_slow_ones: int = _THREADS_FOR_SLOW_ONES) -> None:
        self._threads, self._for_slow_ones = threads, for_slow_ones
        self._executor: ThreadPoolExecutor | None = None
        self._under_way: set[int] = set()
        self._slow: set[int] = set()
        self._served: dict[int, float] = {}  # when each was last worked on: who has waited longest comes first
        self._lock = threading.Lock()

    def start_due(self) -> int:
        """Start on the endpoints that are due, as far as threads are free; say how many."""
        with self._lock:
            is_full = len(self._under_way) >= self._threads
        due = [] if is_full else due_endpoints(datetime.now(UTC))
        with self._lock:
            chosen = self._chosen(due)
            self._under_way.update(chosen)
        if chosen and self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, "webhooks")
        for endpoint_id in chosen:
            assert self._executor is not None
            self._executor.submit(self._run, endpoint_id)
        return len(chosen)

    def stop(self) -> None:
        """Wait for what is under way."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _chosen(self, due: list[int]) -> list[int]:
        free = self._threads - len(self._under_way)
        free_for_slow_ones = self._for_slow_ones - len(self._under_way & self._slow)
        waiting = sorted(set(due) - self._under_way, key=lambda endpoint_id: self._served.get(endpoint_id, 0.0))
        slow = [endpoint_id for endpoint_id in waiting if endpoint_id in self._slow][: max(0, free_for_slow_ones)]
        return [endpoint_id for endpoint_id in waiting if endpoint_id not in self._slow or endpoint_id in slow][:free]

    def _run(self, endpoint_id: int) -> None:
        is_prompt = False
        try:
            is_prompt = work_on(endpoint_id)
        except Exception:
            # Its claim runs out, and then it is tried again.
            logger.exception("Webhooks to endpoint %d could not be sent", endpoint_id)
            close_old_connections()
        finally:
            with self._lock:
                self._under_way.discard(endpoint_id)
                self._served[endpoint_id] = time.monotonic()
                (self._slow.discard if is_prompt else self._slow.add)(endpoint_id)
