"""Whether there can be anything to do."""

from typing import Any

_seen: dict[int, Any] = {}


def has_database_changed(connection: Any) -> bool:
    """Say whether any other connection has written since the last call; PostgreSQL is simply asked for rows.

    `PRAGMA data_version` is a read of a few bytes (sqlite.org/pragma.html#pragma_data_version).
    """
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        version = cursor.fetchone()
    handle = id(connection.connection)
    if _seen.get(handle) == version:
        return False
    _seen.clear()
    _seen[handle] = version
    return True
