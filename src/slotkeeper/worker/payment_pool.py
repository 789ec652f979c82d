"""Asking payment providers in a thread of its own: one that is slow delays no message, and no calendar."""

from functools import partial

from slotkeeper.billing.reconciling import work
from slotkeeper.reminders.job import now_utc
from slotkeeper.worker.pool import Pool

_PROVIDERS = "providers"


class PaymentPool(Pool):
    """A thread that asks for what was not heard of, and rests until it is started again."""

    def __init__(self) -> None:
        super().__init__("payments", 1)

    def start_due(self) -> None:
        """Start, unless it is at it."""
        if not self._is_under_way(_PROVIDERS):
            self._start(_PROVIDERS, partial(work, now_utc))
