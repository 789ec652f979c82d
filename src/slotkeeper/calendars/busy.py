"""What connected calendars block, as far as it is known: one more value in a statement about a person."""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import msgspec

from slotkeeper import hot_sql
from slotkeeper.calendars.ics_values import PIECE_SECONDS
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


class _Known(NamedTuple):
    """What is known of a calendar: when it was read last (epoch seconds), and the pieces of time it blocks."""

    calendar_id: int
    name: str
    when_unreadable: str
    last_known_hours: int
    read_at: int | None
    pieces: list[Interval]


_KNOWN_CALENDARS = msgspec.json.Decoder(list[_Known])


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


@cache
def known_calendars(user_column: str) -> str:
    """Write what is known of a person's calendars that block time, as an SQL value that `readings_of` reads.

    Its parameters are `window_edges`. Stored pieces of busy time are at most 31 days long, so that the index
    bounds the search; it holds all that is read of them.
    """
    pieces = hot_sql.gathered(
        [hot_sql.epoch("b.start_time"), hot_sql.epoch("b.end_time")],
        "FROM calendar_busy_times b "
        "WHERE b.calendar_id = k.id AND b.start_time < %s AND b.start_time > %s AND b.end_time > %s",
    )
    known = hot_sql.gathered(
        ["k.id", "k.name", "n.when_unreadable", "n.last_known_hours", hot_sql.epoch("k.read_at"), pieces],
        "FROM connected_calendars k JOIN calendar_connections n ON n.id = k.connection_id "
        f"WHERE k.user_id = {user_column} AND k.blocks",
    )
    return f"CAST({known} AS text)"


def window_edges(window: Interval) -> list[Any]:
    """Give the parameters of `known_calendars`."""
    return [hot_sql.timestamp(edge) for edge in (window.end, window.start - PIECE_SECONDS, window.start)]


def readings_of(known: str, window: Interval, now: int) -> list[CalendarReading]:
    """Read what `known_calendars` found: each calendar with what it blocks in the window, by start.

    One that cannot be read blocks all of it where its owner chose so.
    """
    if known == "[]":
        return []
    readings = []
    for _, name, when_unreadable, hours, read_at, pieces in sorted(_KNOWN_CALENDARS.decode(known)):
        freshness = freshness_of(when_unreadable, hours, read_at, now)
        busy = sorted(pieces) if freshness in _KNOWN else _unknown(freshness, window)
        readings.append(CalendarReading(name, freshness, read_at, busy))
    return readings


def read_calendars(user_ids: Sequence[int], window: Interval, now: int) -> dict[int, list[CalendarReading]]:
    """Read the calendars of several people, in one statement."""
    marks = ", ".join(["%s"] * len(user_ids))
    found = hot_sql.rows(
        f"SELECT u.id, {known_calendars('u.id')} FROM users u WHERE u.id IN ({marks})",
        [*window_edges(window), *user_ids],
    )
    return {user_id: readings_of(text, window, now) for user_id, text in found}


def _unknown(freshness: Freshness, window: Interval) -> list[Interval]:
    return [window] if freshness is Freshness.BLOCKING and window.start < window.end else []
