"""SQL for the hot path: written once, run on either engine, integers out.

The ORM costs several times what a request may cost, so token look-up, booking and free/busy
speak SQL. They use Django's own cursor, which transactions and query-count tests see.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper

from slotkeeper.rules.intervals import Interval


@cache  # Django finds the connection of the thread each time, and one booking asks a dozen times
def is_postgresql() -> bool:
    """Say which of the two engines this is."""
    return connection.vendor == "postgresql"


def hot_cursor() -> AbstractContextManager[CursorWrapper]:
    """Open a cursor; on PostgreSQL it reads binary, which costs an eighth of reading text."""
    cursor: Any = connection.cursor()
    if is_postgresql():
        cursor.cursor.format = 1
    return cursor  # type: ignore[no-any-return]  # untyped in psycopg


def rows(sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Run a query and fetch all of it."""
    with hot_cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[Any] = cursor.fetchall()
        return found


def row(sql: str, parameters: Sequence[Any]) -> Any:
    """Run a query and fetch its first row, or None."""
    with hot_cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()


def epoch(column: str) -> str:
    """Write a time column as whole seconds since 1970, UTC."""
    return f"extract(epoch from {column})::bigint" if is_postgresql() else f"unixepoch({column})"


def gathered(start_column: str, end_column: str) -> str:
    """Write an aggregate of stretches of time as one text, `start,end,start,end`; `stretches` reads it.

    A row for each would cost several times what its two numbers do.
    """
    both = f"{epoch(start_column)} || ',' || {epoch(end_column)}"
    return f"string_agg({both}, ',')" if is_postgresql() else f"group_concat({both})"


def stretches(text: str | None) -> list[Interval]:
    """Read what `gathered` wrote, by start; NULL is none."""
    edges = msgspec.json.decode(f"[{text or ''}]", type=list[int])
    return sorted(map(Interval, edges[::2], edges[1::2]))


@lru_cache(maxsize=256)  # one request writes the same few instants several times
def timestamp(instant: int) -> Any:
    """Turn seconds since 1970 into a parameter for a time column."""
    moment = datetime.fromtimestamp(instant, UTC)
    return moment if is_postgresql() else moment.isoformat(" ")[:19]
