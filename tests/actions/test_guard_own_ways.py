"""Ways to write that only one engine has: OR REPLACE on SQLite; COPY, MERGE, isolation on PostgreSQL."""

import contextlib
import itertools
import sqlite3
import threading
from contextlib import closing

import pytest
from django.db import connection

from actions.by_hand import COLUMNS, at, insert, insertion, moved, on_postgresql, on_sqlite, shell, values
from race.harness import out_of_step, overlaps_stored

OVERLAP = "time_claims_one_per_user"


@pytest.fixture
def owner(committed_cast):
    """The owner, committed; whatever a test did, no overlap got in and every claim fits its appointment."""
    yield committed_cast.owner
    assert (overlaps_stored(), out_of_step()) == (0, 0)


@pytest.fixture
def by_hand():
    """A connection as the shell has it: on SQLite without foreign keys enforced."""
    with closing(shell()) as opened:
        yield opened


# SQLite


@on_sqlite
@pytest.mark.parametrize("policy", ["REPLACE", "IGNORE", "FAIL", "ABORT", "ROLLBACK"])
def test_no_conflict_policy_lets_an_overlap_in(owner, by_hand, policy):
    insert(owner)
    second = insert(owner, "12:00", "13:00")
    row = insertion(owner, "10:30", "11:30").replace("INSERT INTO", f"INSERT OR {policy} INTO")
    move = moved(second, "10:30", "11:30").replace("UPDATE", f"UPDATE OR {policy}")
    with_id = row.replace("(business_id", "(id, business_id").replace("VALUES (", f"VALUES ({second}, ")
    for pragmas in itertools.product(
        ("foreign_keys = ON", "foreign_keys = OFF"), ("recursive_triggers = ON", "recursive_triggers = OFF")
    ):
        for pragma in pragmas:
            by_hand.execute(f"PRAGMA {pragma}")
        for statement in (row, move):
            with pytest.raises(sqlite3.IntegrityError, match=OVERLAP):
                by_hand.execute(statement)
        with contextlib.suppress(sqlite3.IntegrityError):  # IGNORE skips a row whose id is there
            by_hand.execute(with_id)
        assert _rows(by_hand) == 2
        assert (overlaps_stored(), out_of_step()) == (0, 0)


def _rows(by_hand) -> int:
    return int(by_hand.execute("SELECT count(*) FROM appointments").fetchone()[0])


@on_sqlite
@pytest.mark.parametrize("foreign_keys", ["OFF", "ON"])
@pytest.mark.parametrize("status", ["scheduled", "canceled"])
def test_replaced_row_gives_up_its_old_time_and_claims_its_new(owner, by_hand, foreign_keys, status):
    by_hand.execute(f"PRAGMA foreign_keys = {foreign_keys}")
    only = insert(owner)
    row = values(owner, "14:00", "15:00", status)[1:]
    by_hand.execute(f"REPLACE INTO appointments (id, {COLUMNS[1:]} VALUES ({only}, {row}")
    claims = by_hand.execute("SELECT claimed_from, is_main FROM time_claims").fetchall()
    assert claims == ([(at("14:00"), 1)] if status == "scheduled" else [])
    insert(owner)


@on_sqlite
@pytest.mark.parametrize("column", ["id", "rowid", "_rowid_"])
@pytest.mark.parametrize("policy", ["", "OR REPLACE"])
def test_appointment_keeps_its_id(owner, by_hand, column, policy):
    first, second = insert(owner), insert(owner, "12:00", "13:00")
    for other in (second, 4711):
        with pytest.raises(sqlite3.IntegrityError, match="an appointment keeps its id"):
            by_hand.execute(f"UPDATE {policy} appointments SET {column} = {other} WHERE id = {first}")


@on_sqlite
def test_no_other_row_can_take_the_id_of_an_appointments_claim(owner, committed_cast, by_hand):
    first = insert(owner)
    insert(committed_cast.colleague)
    low, high = by_hand.execute("SELECT min(id), max(id) FROM time_claims").fetchone()
    for change in (
        "INSERT OR REPLACE INTO time_claims (id, user_id, claimed_from, claimed_until, appointment_id) "
        f"VALUES ({low}, {committed_cast.outsider.user_id}, '{at('10:00')}', '{at('11:00')}', {first})",
        f"UPDATE OR REPLACE time_claims SET id = {low} WHERE id = {high}",
        f"UPDATE OR REPLACE time_claims SET rowid = {low} WHERE id = {high}",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="a claim follows its appointment"):
            by_hand.execute(change)


@on_sqlite
def test_shell_that_deletes_a_user_leaves_no_hole(owner, committed_cast, by_hand):
    """Without foreign keys the appointments stay, and so do their claims; ids are never given again."""
    insert(committed_cast.colleague)
    by_hand.execute(f"DELETE FROM memberships WHERE user_id = {committed_cast.colleague.user_id}")
    by_hand.execute(f"DELETE FROM users WHERE id = {committed_cast.colleague.user_id}")
    with pytest.raises(sqlite3.IntegrityError, match=OVERLAP):
        by_hand.execute(insertion(committed_cast.colleague))
    by_hand.execute("DELETE FROM appointments")
    assert by_hand.execute("SELECT count(*) FROM time_claims").fetchone() == (0,)


@on_sqlite
def test_guard_holds_through_an_attached_database(owner):
    insert(owner)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        other.execute("ATTACH ? AS main_copy", [connection.settings_dict["NAME"]])
        other.execute("CREATE TABLE time_claims (id)")
        with pytest.raises(sqlite3.IntegrityError, match=OVERLAP):
            other.execute(insertion(owner).replace("INTO appointments", "INTO main_copy.appointments"))


@on_sqlite
def test_guard_survives_dump_and_restore(owner, by_hand):
    insert(owner)
    with closing(sqlite3.connect(":memory:")) as restored:
        restored.executescript("\n".join(by_hand.iterdump()))
        with pytest.raises(sqlite3.IntegrityError, match=OVERLAP):
            restored.execute(insertion(owner))


@on_sqlite
def test_transaction_that_read_before_another_wrote_cannot_write(owner, by_hand):
    by_hand.execute("BEGIN DEFERRED")
    by_hand.execute("SELECT count(*) FROM appointments").fetchone()
    insert(owner)
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        by_hand.execute(insertion(owner))
    by_hand.execute("ROLLBACK")


# PostgreSQL


@on_postgresql
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_old_snapshot_does_not_let_an_overlap_in(owner, by_hand, level):
    by_hand.execute(f"BEGIN ISOLATION LEVEL {level}")
    assert by_hand.execute("SELECT count(*) FROM appointments").fetchone() == (0,)
    insert(owner)
    with pytest.raises(Exception, match=OVERLAP):
        by_hand.execute(insertion(owner))
    by_hand.execute("ROLLBACK")


@on_postgresql
def test_deferring_constraints_defers_no_refusal(owner, by_hand):
    insert(owner)
    by_hand.execute("BEGIN")
    by_hand.execute("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(Exception, match=OVERLAP):
        by_hand.execute(insertion(owner))
    by_hand.execute("ROLLBACK")


@on_postgresql
def test_copied_rows_are_guarded(owner, by_hand):
    insert(owner)
    row = values(owner).strip("()").replace("'", "").replace(", ", "\t")
    with (
        pytest.raises(Exception, match=OVERLAP),
        by_hand.cursor().copy(f"COPY appointments {COLUMNS} FROM STDIN") as copy,
    ):
        copy.write(f"{row}\n")


@on_postgresql
def test_merged_rows_are_guarded(owner, by_hand):
    only = insert(owner)
    insert(owner, "12:00", "13:00")
    merge = (
        f"MERGE INTO appointments USING (SELECT {only} AS id) AS given ON appointments.id = given.id "
        f"WHEN MATCHED THEN UPDATE SET start_time = '{at('12:30')}', end_time = '{at('13:30')}', "
        f"blocked_from = '{at('12:30')}', blocked_until = '{at('13:30')}'"
    )
    with pytest.raises(Exception, match=OVERLAP):
        by_hand.execute(merge)


@on_postgresql
def test_appointment_and_claim_part_ways_in_no_transaction(owner, by_hand):
    only = insert(owner)
    with pytest.raises(Exception, match="time_claims_appointment_fk"):
        by_hand.execute(f"UPDATE appointments SET id = 4711 WHERE id = {only}")


@on_postgresql
def test_truncated_claims_come_back(owner, by_hand):
    insert(owner)
    by_hand.execute("TRUNCATE time_claims")
    with pytest.raises(Exception, match=OVERLAP):
        by_hand.execute(insertion(owner))
    with pytest.raises(Exception, match="what was issued never changes"):  # the cascade would reach invoices
        by_hand.execute("TRUNCATE appointments CASCADE")
    assert _rows(by_hand) == 1


@on_postgresql
def test_booking_waits_for_a_cancellation_and_takes_its_time(owner, by_hand):
    """Meanwhile it holds no lock that the canceling transaction, which books again, may want next."""
    only = insert(owner)
    by_hand.execute("BEGIN")
    by_hand.execute(f"UPDATE appointments SET status = 'canceled' WHERE id = {only}")
    waiting = threading.Thread(target=_run, args=[insertion(owner, "10:30", "11:30")])
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    by_hand.execute(insertion(owner, "12:00", "13:00"))
    by_hand.execute("COMMIT")
    waiting.join(5)
    assert not waiting.is_alive()
    assert _rows(by_hand) == 3


def _run(statement: str) -> None:
    with closing(shell()) as other:
        other.execute(statement)
