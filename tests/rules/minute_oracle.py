"""Find free time the slow way: look at every minute and keep no cleverness that could be wrong."""

from collections.abc import Sequence

from slotkeeper.rules.intervals import Interval

MINUTE = 60


def is_free(minute: int, busy: Sequence[Interval], open_hours: Sequence[Interval] | None) -> bool:
    is_open = open_hours is None or any(hours.start <= minute < hours.end for hours in open_hours)
    return is_open and not any(block.start <= minute < block.end for block in busy)


def slow_gaps(window: Interval, busy: Sequence[Interval], open_hours: Sequence[Interval] | None) -> list[Interval]:
    gaps = []
    start = None
    for minute in range(window.start, window.end, MINUTE):
        if not is_free(minute, busy, open_hours):
            start = None
        elif start is None:
            start = minute
            gaps.append(Interval(start, minute + MINUTE))
        else:
            gaps[-1] = Interval(start, minute + MINUTE)
    return gaps


def slow_slots(
    window: Interval, busy: Sequence[Interval], open_hours: Sequence[Interval] | None, slot_seconds: int
) -> list[Interval]:
    slots = []
    start = None
    for minute in range(window.start, window.end, MINUTE):
        if not is_free(minute, busy, open_hours):
            start = None
            continue
        if start is None:
            start = minute
        if minute + MINUTE - start == slot_seconds:
            slots.append(Interval(start, minute + MINUTE))
            start = None
    return slots
