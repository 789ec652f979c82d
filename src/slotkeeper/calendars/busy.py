"""What connected calendars block, as far as it is known: one statement, whatever the range and however many people."""

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from slotkeeper import hot_sql
from slotkeeper.calendars.mirror import PIECE_SECONDS
from slotkeeper.calendars.models import WhenUnreadable
from slotkeeper.rules.intervals import Interval

FRESH_SECONDS = 15 * 60  # three readings may fail before anybody calls what is known old


class Freshness(StrEnum):
    """How what is known of a calendar is used."""

    FRESH = "fresh"
    LAST_KNOWN = "last_known"
    BLOCKING = "blocking"  # it cannot be read, so all of its time counts as taken
    IGNORED = "ignored"  # it cannot be read, and its owner prefers to be booked


_KNOWN = {Freshness.FRESH, Freshness.LAST_KNOWN}


class CalendarReading(NamedTuple):
    """A calendar that blocks time: how fresh it is, as of when (epoch seconds), and what it blocks in the window."""

    name: str
    freshness: Freshness
    as_of: int | None
    busy: list[Interval]


def has_calendars(user_column: str) -> str:
    """Write the SQL condition that a person has calendars that block time."""
    return f"EXISTS (SELECT 1 FROM connected_calendars k WHERE k.user_id = {user_column} AND k.blocks)"


def freshness_of(when_unreadable: str, last_known_hours: int, read_at: int | None, now: int) -> Freshness:
    """Say how what was last read of a calendar is used now. Not to know never means free, unless its owner says so."""
    age = None if read_at is None else now - read_at
    if age is not None and age <= FRESH_SECONDS:
        return Freshness.FRESH
    if when_unreadable == WhenUnreadable.IGNORE:
        return Freshness.IGNORED
    if when_unreadable == WhenUnreadable.LAST_KNOWN and age is not None and age <= last_known_hours * 3600:
        return Freshness.LAST_KNOWN
    return Freshness.BLOCKING


def read_calendars(user_ids: Sequence[int], window: Interval, now: int) -> dict[int, list[CalendarReading]]:
    """Read the calendars that block people's time, and what they block in a window, by start.

    A calendar that cannot be read blocks the whole window where its owner chose so. Stored pieces of busy time are
    at most 31 days long, so that the index bounds the search.
    """
    stamp, marks = hot_sql.timestamp, ", ".join(["%s"] * len(user_ids))
    found = hot_sql.rows(
        f"SELECT k.user_id, k.name, n.when_unreadable, n.last_known_hours, {hot_sql.epoch('k.read_at')}, "
        f"(SELECT {hot_sql.gathered('b.start_time', 'b.end_time')} FROM calendar_busy_times b "
        "WHERE b.calendar_id = k.id AND b.user_id = k.user_id "
        "AND b.start_time < %s AND b.start_time > %s AND b.end_time > %s) "
        "FROM connected_calendars k JOIN calendar_connections n ON n.id = k.connection_id "
        f"WHERE k.user_id IN ({marks}) AND k.blocks ORDER BY k.id",
        [stamp(window.end), stamp(window.start - PIECE_SECONDS), stamp(window.start), *user_ids],
    )
    readings: dict[int, list[CalendarReading]] = defaultdict(list)
    for user_id, name, when_unreadable, hours, read_at, known in found:
        freshness = freshness_of(when_unreadable, hours, read_at, now)
        busy = hot_sql.stretches(known) if freshness in _KNOWN else _unknown(freshness, window)
        readings[user_id].append(CalendarReading(name, freshness, read_at, busy))
    return readings


def _unknown(freshness: Freshness, window: Interval) -> list[Interval]:
    return [window] if freshness is Freshness.BLOCKING and window.start < window.end else []
