"""Rows as a hand at the sqlite3 shell or psql writes them: plain SQL, no Python of ours."""

import sqlite3
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from race.scratch import address

DAY = "2027-01-15"
OVERLAP = "time_claims_one_per_"
is_postgresql = connection.vendor == "postgresql"
on_sqlite = pytest.mark.skipif(is_postgresql, reason="SQLite's own ways to write")
on_postgresql = pytest.mark.skipif(not is_postgresql, reason="PostgreSQL's own ways to write")


def sql(statement: str) -> list[tuple[Any, ...]]:
    """Run one statement inside the test's transaction; refused, it leaves nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def is_refused(statement: str, because: str = OVERLAP) -> bool:
    """Say that the database refuses the statement for that reason."""
    with pytest.raises(IntegrityError, match=because):
        sql(statement)
    return True


def shell() -> Any:
    """Open a connection of the driver's own: every statement commits, SQLite enforces no foreign keys."""
    if is_postgresql:
        return psycopg.connect(**address(connection.settings_dict["NAME"]), autocommit=True, options="-c TimeZone=UTC")
    return sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=10)


def at(clock: str, minutes: int = 0) -> str:
    """Write a time of the day, some minutes later, as both engines read it."""
    return (datetime.fromisoformat(f"{DAY}T{clock}:00") + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")


COLUMNS = "(business_id, user_id, title, start_time, end_time, status, blocked_from, blocked_until)"


def values(who: Any, start: str = "10:00", end: str = "11:00", status: str = "scheduled", buffer: int = 0) -> str:
    """Write the row of an appointment of a member, with a buffer of minutes on both sides."""
    return (
        f"({who.business_id}, {who.user_id}, 'By hand', '{at(start)}', '{at(end)}', '{status}', "
        f"'{at(start, -buffer)}', '{at(end, buffer)}')"
    )


def insertion(who: Any, *row: str, buffer: int = 0) -> str:
    return f"INSERT INTO appointments {COLUMNS} VALUES {values(who, *row, buffer=buffer)}"


def insert(who: Any, *row: str, buffer: int = 0) -> int:
    """Insert an appointment and return its id."""
    return int(sql(f"{insertion(who, *row, buffer=buffer)} RETURNING id")[0][0])


def moved(appointment_id: int, start: str, end: str) -> str:
    """Write the UPDATE that moves an appointment without buffers."""
    return (
        f"UPDATE appointments SET start_time = '{at(start)}', end_time = '{at(end)}', "
        f"blocked_from = '{at(start)}', blocked_until = '{at(end)}' WHERE id = {appointment_id}"
    )


def claims() -> list[tuple[Any, ...]]:
    """Read every claim: claimant, from, until, the appointment, whether it is its own person's."""
    stamp = "to_char({0} AT TIME ZONE 'UTC', 'HH24:MI')" if is_postgresql else "strftime('%H:%M', {0})"
    return sql(
        "SELECT CASE WHEN user_id IS NULL THEN 'room' ELSE 'person' END, coalesce(user_id, resource_id), "
        f"{stamp.format('claimed_from')}, {stamp.format('claimed_until')}, appointment_id "
        "FROM time_claims ORDER BY 1, 2, 3"
    )
