"""What may stand in the columns: times in one form, and the users' own table as they know it."""

import pytest
from django.db import IntegrityError, connection, transaction

from actions.by_hand import (
    DAY,
    at,
    insert,
    insertion,
    is_postgresql,
    is_refused,
    on_postgresql,
    on_sqlite,
    sql,
)
from slotkeeper.appointments.models import Appointment


def with_start(owner, start: str) -> str:
    """Write a row whose start and blocked range begin with this SQL."""
    return insertion(owner).replace(f"'{at('10:00')}'", start)


@on_sqlite
@pytest.mark.parametrize(
    "start",
    [
        f"'{DAY}T10:00:00'", f"'{DAY} 10:00:00Z'", f"'{DAY} 10:00:00+00:00'", f"'{DAY} 10:00:00.5'",
        f"'{DAY} 10:00:00.000'", f"'{DAY} 10:00'", f"'{DAY}'", f"' {DAY} 10:00:00'", f"'{DAY} 10:00:00 '",
        "'2027-02-30 10:00:00'", f"'{DAY} 24:00:00'", f"'{DAY} 10:00:60'", f"'{DAY}' || char(0)",
        "'infinity'", "'now'",
        "''", "'2461421.5'", "1800000000", "2461421.5", f"CAST('{at('10:00')}' AS BLOB)", "1e308", "-1",
    ],
)  # fmt: skip
def test_sqlite_takes_no_time_that_would_sort_wrongly(cast, start):
    assert is_refused(with_start(cast.owner, start), "appointments_")


@on_postgresql
@pytest.mark.parametrize("start", [f"'{DAY} 10:00:00.5'", f"'{DAY} 10:59:59.999999'", "'-infinity'"])
def test_postgresql_takes_no_fraction_and_no_infinity(cast, start):
    assert is_refused(with_start(cast.owner, start), "appointments_whole_seconds")


@on_postgresql
def test_postgresql_takes_no_endless_appointment(cast):
    assert is_refused(insertion(cast.owner).replace(at("11:00"), "infinity"), "appointments_whole_seconds")


@on_postgresql
@pytest.mark.parametrize(
    "start", [f"{DAY}T10:30:00Z", f"{DAY} 12:30:00+02:00", f"{DAY} 10:30:00.000 UTC", "20270115T103000Z"]
)
def test_postgresql_reads_every_form_as_the_same_instant(cast, start):
    insert(cast.owner)
    assert is_refused(insertion(cast.owner, "10:30", "11:30").replace(at("10:30"), start))


@pytest.mark.parametrize("column", ["start_time", "end_time", "blocked_from", "blocked_until", "user_id", "status"])
def test_no_appointment_goes_without_times_person_or_status(cast, column):
    only = insert(cast.owner)
    assert is_refused(f"UPDATE appointments SET {column} = NULL WHERE id = {only}", f"{column}|status")


@pytest.mark.parametrize(("start", "end"), [("10:00", "10:00"), ("11:00", "10:00")], ids=["empty", "backwards"])
def test_appointment_ends_after_it_starts(cast, start, end):
    assert is_refused(insertion(cast.owner, start, end), "end_after_start|block_their_time|not_empty")


def test_empty_time_with_buffers_is_refused_too(cast):
    assert is_refused(insertion(cast.owner, "10:00", "10:00", buffer=15), "appointments_end_after_start")


# name: (nullable, default in the database), as in the users' own CREATE TABLE
USERS_TABLE = {
    "id": (False, None),
    "user_id": (False, None),
    "title": (False, None),
    "description": (True, None),
    "start_time": (False, None),
    "end_time": (False, None),
    "status": (False, "scheduled"),
    "contact_id": (True, None),
    "contact_name": (True, None),
    "contact_email": (True, None),
    "contact_phone": (True, None),
    "location": (True, None),
    "notes": (True, None),
    "sync_to_calendar": (True, "false"),
    "reminder_24h_sent": (True, "false"),
    "reminder_2h_sent": (True, "false"),
    "created_at": (True, "current_timestamp"),
    "updated_at": (True, "current_timestamp"),
}
OURS = {
    "business_id": (False, None),
    "service_id": (True, None),
    "blocked_from": (False, None),
    "blocked_until": (False, None),
    "version": (False, "1"),
}


def _columns() -> dict[str, tuple[bool, str | None]]:
    if is_postgresql:
        rows = sql(
            "SELECT column_name, is_nullable = 'YES', CASE WHEN is_identity = 'NO' THEN column_default END "
            "FROM information_schema.columns WHERE table_name = 'appointments'"
        )
    else:
        rows = [(row[1], not row[3], row[4]) for row in sql("PRAGMA table_info(appointments)")]
    same = {"0": "false", "'scheduled'": "scheduled", "'scheduled'::text": "scheduled"}
    return {name: (bool(is_null), default and same.get(default, default.lower())) for name, is_null, default in rows}


def test_users_table_has_their_columns_and_ours(db):
    assert _columns() == USERS_TABLE | OURS


def test_users_table_has_their_indexes_and_foreign_key(db):
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "appointments")
    indexed = {tuple(found["columns"]) for found in constraints.values() if found["index"]}
    assert {("start_time",), ("end_time",), ("status",)} <= indexed
    references = {
        tuple(found["columns"]): found["foreign_key"] for found in constraints.values() if found["foreign_key"]
    }
    assert references["user_id",] == ("users", "id")
    assert references["contact_id",] == ("leads", "id")


def test_columns_left_out_take_the_databases_defaults(cast):
    insert(cast.owner)
    row = Appointment.objects.get()
    assert (row.status, row.version, row.sync_to_calendar) == ("scheduled", 1, False)
    assert (row.reminder_24h_sent, row.reminder_2h_sent, row.description) == (False, False, None)
    assert row.created_at is not None
    assert row.updated_at is not None


def test_unknown_user_is_refused_when_the_transaction_ends(cast):
    sql(insertion(cast.owner).replace(f", {cast.owner.user_id}, 'By", ", 4711, 'By"))
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), transaction.atomic():
        connection.check_constraints()
    transaction.set_rollback(True)
