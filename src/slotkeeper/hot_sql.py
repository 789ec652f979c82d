"""SQL for the hot path: written once, run on either engine, integers out.

The ORM costs several times what a request may cost, so token look-up, booking and free/busy
speak SQL. They use Django's own cursors, which transactions and query-count tests see.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from django.db import connection

from slotkeeper.rules.local_time import DAY_SECONDS
from slotkeeper.rules.time_text import clock_text, day_text


@cache  # Django finds the connection of the thread each time, and one booking asks a dozen times
def is_postgresql() -> bool:
    """Say which of the two engines this is."""
    return connection.vendor == "postgresql"


def rows(sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Run a query and fetch all of it; on PostgreSQL in binary, which costs an eighth of reading text."""
    cursor: Any = connection.kept_cursor()  # type: ignore[attr-defined]  # our wrappers have it
    if is_postgresql():
        cursor.cursor.format = 1
    cursor.execute(sql, parameters)
    found: list[Any] = cursor.fetchall()
    return found


def row(sql: str, parameters: Sequence[Any]) -> Any:
    """Run a query of at most one row and fetch it, or None."""
    found = rows(sql, parameters)
    return found[0] if found else None


def epoch(column: str) -> str:
    """Write a time column as whole seconds since 1970, UTC."""
    return f"extract(epoch from {column})::bigint" if is_postgresql() else f"unixepoch({column})"


def gathered(columns: Sequence[str], source: str) -> str:
    """Write a subquery that gives all its rows as one JSON value, which costs a fraction of what fetching them does."""
    listed = ", ".join(columns)
    if is_postgresql():
        return f"(SELECT coalesce(json_agg(json_build_array({listed})), '[]') {source})"
    return f"json((SELECT json_group_array(json_array({listed})) {source}))"


def exact(moment: datetime) -> Any:
    """Turn a moment into a parameter for a time column, to the microsecond."""
    return moment if is_postgresql() else connection.ops.adapt_datetimefield_value(moment)


@lru_cache(maxsize=256)  # one request writes the same few instants several times
def timestamp(instant: int) -> Any:
    """Turn seconds since 1970 into a parameter for a time column."""
    if is_postgresql():
        return datetime.fromtimestamp(instant, UTC)
    day, second = divmod(instant, DAY_SECONDS)
    return f"{day_text(day)[:-1]} {clock_text(second)}"
