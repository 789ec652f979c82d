"""Which deliveries follow from changes."""

from collections.abc import Sequence
from datetime import datetime

from slotkeeper.changes.models import Change


def plan_deliveries(changes: Sequence[Change], now: datetime) -> None:
    """Write the deliveries that follow from changes, in the caller's transaction."""
