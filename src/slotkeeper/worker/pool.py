"""Threads of the worker's, apart from its loop: what one waits for delays nothing else."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections

logger = logging.getLogger("slotkeeper.worker")


class Pool:
    """A few threads, each at one thing at a time, and no two at the same; they start when first needed.

    What fails is written to the log: it was claimed, the claim runs out, and then it is tried again.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name, self._threads = name, threads
        self._executor: ThreadPoolExecutor | None = None
        self._under_way: set[object] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Wait for what is under way."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _is_under_way(self, thing: object) -> bool:
        with self._lock:
            return thing in self._under_way

    def _free(self) -> int:
        with self._lock:
            return self._threads - len(self._under_way)

    def _start(self, thing: object, work: Callable[[], object]) -> None:
        """Let a thread work on something that is not under way; only the worker's loop starts things."""
        with self._lock:
            self._under_way.add(thing)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, self._name)
        self._executor.submit(self._run, thing, work)

    def _run(self, thing: object, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            logger.exception("Work on %s failed: %s", self._name, thing)
            close_old_connections()
        finally:
            with self._lock:
                self._under_way.discard(thing)
