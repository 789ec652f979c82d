"""Writing what the database keeps as moments."""

from datetime import datetime

from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm


def written_moment(moment: datetime | None, caller: Caller) -> str | None:
    """Write a moment with the offset of the caller's zone; None stays None."""
    return None if moment is None else TimeForm.with_offset(caller.time_zone).write(int(moment.timestamp()))
