"""What the racers do: the same deeds through the verbs and through plain SQL, each with its outcome."""

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import connection
from msgspec.structs import replace

from cast import Cast
from race.scratch import address
from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.record import COMMAND
from slotkeeper.rules.appointment_status import InvalidTransition, Status

DAWN = 1_800_000_000 - 1_800_000_000 % 86_400  # a midnight in January 2027
NOW = DAWN - 86_400
MINUTE, HOUR, DAY = 60, 3600, 86_400
Deed = Callable[[], Any]


def outcome_of(deed: Deed) -> str:
    """Say how a verb ended; a refusal must name three alternatives."""
    try:
        deed()
    except actions.SlotTaken as refusal:
        return "refused" if len(refusal.alternatives) == 3 else "refused without three alternatives"
    except (InvalidTransition, actions.FixedInFinalStatus):
        return "too late"
    return "done"


class Verbs:
    """Through the verbs, as every door goes."""

    def __init__(self, cast: Cast) -> None:
        self.wish = Booking(cast.owner.business_id, cast.owner.user_id, "Race", DAWN, DAWN + HOUR)

    def book(self, start: int, end: int, user_id: int | None = None) -> str:
        wish = replace(self.wish, start_time=start, end_time=end, user_id=user_id or self.wish.user_id)
        return outcome_of(lambda: actions.book(wish, COMMAND, NOW))

    def change(self, appointment_id: int, **fields: Any) -> str:
        target = Target(Reach(self.wish.business_id), appointment_id)
        return outcome_of(lambda: actions.update(target, fields, COMMAND, NOW))

    def move(self, appointment_id: int, start: int, end: int) -> str:
        return self.change(appointment_id, start_time=start, end_time=end)

    def assign(self, appointment_id: int, user_id: int) -> str:
        return self.change(appointment_id, user_id=user_id)

    def cancel(self, appointment_id: int) -> str:
        return self.change(appointment_id, status=Status.CANCELED)


_own = threading.local()


def own_connection() -> Any:
    """Give this thread's connection of the database's own driver."""
    if not hasattr(_own, "connection"):
        name = connection.settings_dict["NAME"]
        _own.connection = (
            sqlite3.connect(name, isolation_level=None, timeout=60)
            if connection.vendor == "sqlite"
            else psycopg.connect(**address(name), autocommit=True)
        )
    return _own.connection


def close_own_connection() -> None:
    """Close it, so that the database can be dropped."""
    if hasattr(_own, "connection"):
        _own.connection.close()
        del _own.connection


def plain(*statements: str) -> str:
    """Run statements in one transaction of the driver's own connection, without any Python of ours."""
    raw = own_connection()
    try:
        for statement in [
            "BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN",
            *statements,
            "COMMIT",
        ]:
            raw.execute(statement)
    except (sqlite3.IntegrityError, psycopg.errors.ExclusionViolation) as refusal:
        raw.execute("ROLLBACK")
        return "refused" if "time_claims_one_per_" in str(refusal) else str(refusal)
    return "done"


def stamp(instant: int) -> str:
    """Write an instant as SQL."""
    return f"datetime({instant}, 'unixepoch')" if connection.vendor == "sqlite" else f"to_timestamp({instant})"


def times(start: int, end: int) -> str:
    """Write the four times of an appointment without buffers."""
    return f"{stamp(start)}, {stamp(end)}, {stamp(start)}, {stamp(end)}"


class PlainSql:
    """Through the database's own driver, as a hand or another program would."""

    def __init__(self, cast: Cast) -> None:
        self.business_id, self.user_id = cast.owner.business_id, cast.owner.user_id

    def insertion(self, start: int, end: int, user_id: int | None = None) -> str:
        return (
            "INSERT INTO appointments "
            "(business_id, user_id, title, start_time, end_time, blocked_from, blocked_until) "
            f"VALUES ({self.business_id}, {user_id or self.user_id}, 'Race', {times(start, end)})"
        )

    def book(self, start: int, end: int, user_id: int | None = None) -> str:
        return plain(self.insertion(start, end, user_id))

    def move(self, appointment_id: int, start: int, end: int) -> str:
        columns = "(start_time, end_time, blocked_from, blocked_until)"
        return plain(f"UPDATE appointments SET {columns} = ({times(start, end)}) WHERE id = {appointment_id}")

    def assign(self, appointment_id: int, user_id: int) -> str:
        return plain(f"UPDATE appointments SET user_id = {user_id} WHERE id = {appointment_id}")

    def cancel(self, appointment_id: int) -> str:
        return plain(f"UPDATE appointments SET status = 'canceled' WHERE id = {appointment_id}")
