"""Sending webhooks side by side: a receiver that is slow or dead keeps nobody waiting but itself."""

import time
from datetime import UTC, datetime
from functools import partial

from slotkeeper.webhooks.claims import due_endpoints
from slotkeeper.webhooks.sending import work_on
from slotkeeper.worker.pool import Pool

_THREADS = 6
_THREADS_FOR_SLOW_ONES = 3


class WebhookPool(Pool):
    """A few threads, each on one endpoint at a time; some are never given to endpoints that were slow of late."""

    def __init__(self, threads: int = _THREADS, for_slow_ones: int = _THREADS_FOR_SLOW_ONES) -> None:
        super().__init__("webhooks", threads)
        self._for_slow_ones = for_slow_ones
        self._slow: set[int] = set()
        self._served: dict[int, float] = {}  # when each was last worked on: who has waited longest comes first

    def start_due(self) -> int:
        """Start on the endpoints that are due, as far as threads are free; say how many."""
        due = due_endpoints(datetime.now(UTC)) if self._free() > 0 else []
        with self._lock:
            chosen = self._chosen(due)
        for endpoint_id in chosen:
            self._start(endpoint_id, partial(self._serve, endpoint_id))
        return len(chosen)

    def _chosen(self, due: list[int]) -> list[int]:
        free = self._threads - len(self._under_way)
        free_for_slow_ones = self._for_slow_ones - len(self._under_way & self._slow)
        waiting = sorted(set(due) - self._under_way, key=lambda endpoint_id: self._served.get(endpoint_id, 0.0))
        slow = [endpoint_id for endpoint_id in waiting if endpoint_id in self._slow][: max(0, free_for_slow_ones)]
        return [endpoint_id for endpoint_id in waiting if endpoint_id not in self._slow or endpoint_id in slow][:free]

    def _serve(self, endpoint_id: int) -> None:
        is_prompt = False
        try:
            is_prompt = work_on(endpoint_id)
        finally:
            with self._lock:
                self._served[endpoint_id] = time.monotonic()
                (self._slow.discard if is_prompt else self._slow.add)(endpoint_id)
