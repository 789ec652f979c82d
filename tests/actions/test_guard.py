"""The guard, whoever writes: appointments put in, moved and taken out by plain SQL, on both engines."""

import pytest
from django.db import IntegrityError, connection, transaction

from actions.by_hand import (
    COLUMNS,
    at,
    claims,
    insert,
    insertion,
    is_postgresql,
    is_refused,
    moved,
    sql,
    values,
)
from race.harness import out_of_step, overlaps_stored
from slotkeeper.appointments.models import Appointment
from slotkeeper.people.models import User

LATER = "{0} + interval '{1} minutes'" if is_postgresql else "datetime({0}, '{1} minutes')"


@pytest.fixture
def owner(cast):
    """The owner; whatever a test did, no overlap got in and every claim fits its appointment."""
    yield cast.owner
    assert (overlaps_stored(), out_of_step()) == (0, 0)


@pytest.mark.parametrize(
    ("start", "end"),
    [("10:00", "11:00"), ("10:15", "10:45"), ("09:00", "12:00"), ("09:30", "10:30"), ("10:59", "11:30")],
    ids=["same", "inside", "around", "before", "after"],
)
def test_overlapping_row_is_refused(owner, start, end):
    insert(owner)
    assert is_refused(insertion(owner, start, end))


def test_touching_rows_are_allowed(owner):
    insert(owner)
    insert(owner, "09:00", "10:00")
    insert(owner, "11:00", "12:00")


def test_people_do_not_stand_in_each_others_way(owner, cast):
    insert(owner)
    insert(cast.colleague)


def test_person_in_two_businesses_is_guarded_across_both(owner, cast):
    insert(owner)
    elsewhere = values(owner).replace(f"({owner.business_id},", f"({cast.outsider.business_id},", 1)
    assert is_refused(f"INSERT INTO appointments {COLUMNS} VALUES {elsewhere}")


@pytest.mark.parametrize("status", ["scheduled", "confirmed", "completed"])
@pytest.mark.parametrize("other", ["scheduled", "confirmed", "completed"])
def test_every_status_that_claims_refuses_every_other(owner, status, other):
    insert(owner, "10:00", "11:00", status)
    assert is_refused(insertion(owner, "10:30", "11:30", other))


@pytest.mark.parametrize("status", ["canceled", "no_show"])
def test_status_that_claims_nothing_neither_refuses_nor_is_refused(owner, status):
    insert(owner, "10:00", "11:00", status)
    insert(owner)
    insert(owner, "10:00", "11:00", status)


@pytest.mark.parametrize("status", ["'Scheduled'", "'scheduled '", "''", "NULL", "1"])
def test_status_outside_the_list_is_refused(owner, status):
    assert is_refused(insertion(owner).replace("'scheduled'", status), "status")


def test_buffers_claim_time_too(owner):
    insert(owner, buffer=15)
    assert is_refused(insertion(owner, "11:00", "12:00"))
    assert is_refused(insertion(owner, "09:00", "10:00"))
    insert(owner, "11:15", "12:00")


def test_many_rows_at_once_are_refused_together(owner):
    hours = [("08:00", "09:00"), ("09:00", "10:00"), ("09:30", "11:00")]
    rows = ", ".join(values(owner, start, end) for start, end in hours)
    assert is_refused(f"INSERT INTO appointments {COLUMNS} VALUES {rows}")
    assert Appointment.objects.count() == 0


def test_copying_a_calendar_onto_itself_is_refused(owner, cast):
    insert(owner)
    insert(owner, "11:00", "12:00")
    copied = COLUMNS.strip("()")
    assert is_refused(f"INSERT INTO appointments {COLUMNS} SELECT {copied} FROM appointments")
    for_colleague = copied.replace("user_id", str(cast.colleague.user_id))
    sql(f"INSERT INTO appointments {COLUMNS} SELECT {for_colleague} FROM appointments")
    assert len(claims()) == 4


def test_insert_that_ignores_conflicts_is_refused_all_the_same(owner):
    insert(owner)
    assert is_refused(f"{insertion(owner)} ON CONFLICT DO NOTHING")


def test_upsert_that_moves_a_row_onto_another_is_refused(owner):
    insert(owner)
    later = insert(owner, "12:00", "13:00")
    upsert = (
        f"INSERT INTO appointments (id, {COLUMNS[1:]} VALUES ({later}, {values(owner)[1:]} "
        "ON CONFLICT (id) DO UPDATE SET start_time = excluded.start_time, end_time = excluded.end_time, "
        "blocked_from = excluded.blocked_from, blocked_until = excluded.blocked_until"
    )
    assert is_refused(upsert)
    sql(upsert.replace(at("10:00"), at("14:00")).replace(at("11:00"), at("15:00")))
    assert [claim[2] for claim in claims()] == ["10:00", "14:00"]


def test_move_onto_another_is_refused_and_a_free_move_takes_the_claim_along(owner):
    insert(owner)
    second = insert(owner, "12:00", "13:00")
    assert is_refused(moved(second, "10:30", "11:30"))
    sql(moved(second, "11:00", "12:00"))
    insert(owner, "12:00", "13:00")


def test_row_may_overlap_where_it_stood_itself(owner):
    only = insert(owner)
    sql(moved(only, "10:30", "11:30"))
    sql(moved(only, "10:00", "12:00"))
    assert claims() == [("person", owner.user_id, "10:00", "12:00", only)]


def _shift(minutes: int) -> str:
    columns = ("start_time", "end_time", "blocked_from", "blocked_until")
    return "UPDATE appointments SET " + ", ".join(f"{name} = {LATER.format(name, minutes)}" for name in columns)


def test_shifting_a_full_day_by_an_hour_is_refused_whole_and_works_by_way_of_another_day(owner):
    """Both engines check each row as it is written, so the first row meets the second, though at the end all
    would be well. Nothing is half done."""
    starts = [f"{hour:02}:00" for hour in range(9, 14)]
    for start, end in zip(starts, [*starts[1:], "14:00"], strict=True):
        insert(owner, start, end)
    assert is_refused(_shift(60))
    assert [claim[2] for claim in claims()] == starts
    sql(_shift(24 * 60))
    sql(_shift(60 - 24 * 60))
    assert [claim[2] for claim in claims()] == [*starts[1:], "14:00"]


def test_two_rows_cannot_swap_in_one_statement(owner):
    first, second = insert(owner), insert(owner, "12:00", "13:00")
    swap = f"{{0}} = CASE id WHEN {first} THEN {{1}} ELSE {{2}} END"
    columns = [("start_time", "12:00", "10:00"), ("end_time", "13:00", "11:00")]
    columns += [("blocked_from", "12:00", "10:00"), ("blocked_until", "13:00", "11:00")]
    cast_to = "timestamptz " if is_postgresql else ""
    changes = ", ".join(swap.format(name, f"{cast_to}'{at(a)}'", f"{cast_to}'{at(b)}'") for name, a, b in columns)
    assert is_refused(f"UPDATE appointments SET {changes}")
    assert [claim[4] for claim in claims()] == [first, second]


def test_canceled_row_comes_back_only_into_free_time(owner):
    first = insert(owner)
    sql(f"UPDATE appointments SET status = 'canceled' WHERE id = {first}")
    second = insert(owner, "10:30", "11:30")
    assert is_refused(f"UPDATE appointments SET status = 'scheduled' WHERE id = {first}")
    sql(f"UPDATE appointments SET status = 'no_show' WHERE id = {second}")
    sql(f"UPDATE appointments SET status = 'completed' WHERE id = {first}")
    assert is_refused(insertion(owner))


def test_row_that_comes_back_and_moves_at_once_claims_where_it_goes(owner):
    first = insert(owner, "10:00", "11:00", "canceled")
    insert(owner)
    back = moved(first, "10:30", "11:30").replace("SET ", "SET status = 'scheduled', ")
    assert is_refused(back)
    sql(back.replace(at("10:30"), at("11:00")).replace(at("11:30"), at("12:00")))
    assert [claim[2] for claim in claims()] == ["10:00", "11:00"]


def test_all_rows_set_to_scheduled_at_once_are_refused(owner):
    for _ in range(3):
        insert(owner, "10:00", "11:00", "canceled")
    assert is_refused("UPDATE appointments SET status = 'scheduled'")
    assert claims() == []


def test_row_given_to_somebody_busy_is_refused_and_leaves_time_free_where_it_was(owner, cast):
    first = insert(owner)
    insert(cast.colleague, "10:30", "11:30")
    give = f"UPDATE appointments SET user_id = {cast.colleague.user_id} WHERE id = {first}"
    assert is_refused(give)
    sql(f"UPDATE appointments SET status = 'canceled' WHERE id <> {first}")
    sql(give)
    insert(owner)
    assert is_refused(insertion(cast.colleague))


def test_longer_buffer_may_not_reach_into_a_neighbour(owner):
    insert(owner)
    second = insert(owner, "11:30", "12:30")
    wider = f"UPDATE appointments SET blocked_from = '{{}}' WHERE id = {second}"
    assert is_refused(wider.format(at("10:59")))
    sql(wider.format(at("11:00")))
    assert is_refused(insertion(owner, "11:00", "11:30"))


@pytest.mark.parametrize(
    "change", ["start_time = '{}'", "blocked_until = '{}', end_time = '{}'", "blocked_from = '{}'"]
)
def test_appointment_cannot_leave_the_time_it_blocks(owner, change):
    only = insert(owner, buffer=15)
    outside = at("09:00") if change.startswith("start") else at("10:30")
    changed = change.format(outside, at("11:30")) if "end_time" in change else change.format(outside)
    assert is_refused(f"UPDATE appointments SET {changed} WHERE id = {only}", "appointments_block_their_time")


def test_deleted_row_gives_its_time_back(owner):
    insert(owner)
    sql("DELETE FROM appointments")
    assert claims() == []
    insert(owner)


def test_ids_are_never_given_again(owner):
    last = insert(owner)
    sql("DELETE FROM appointments")
    assert insert(owner) == last + 1


def test_deleting_a_user_in_sql_takes_their_appointments_and_claims_along(owner, cast):
    gone = cast.colleague
    insert(owner)
    insert(gone)
    sql(f"DELETE FROM memberships WHERE id = {gone.pk}")
    sql(f"DELETE FROM users WHERE id = {gone.user_id}")
    assert [claim[1] for claim in claims()] == [owner.user_id]
    assert Appointment.objects.count() == 1
    connection.check_constraints()


def test_deleting_a_customer_in_sql_keeps_the_appointment_and_its_claim(owner, cast):
    only = insert(owner)
    sql(f"UPDATE appointments SET contact_id = {cast.customer.pk} WHERE id = {only}")
    sql(f"DELETE FROM leads WHERE id = {cast.customer.pk}")
    assert sql("SELECT contact_id FROM appointments") == [(None,)]
    assert is_refused(insertion(owner))


def test_deleting_through_the_orm_leaves_no_claim(owner, cast):
    insert(owner)
    insert(owner, "12:00", "13:00")
    insert(cast.colleague)
    Appointment.objects.filter(user=owner.user)[0].delete()
    User.objects.get(pk=cast.colleague.user_id).delete()
    Appointment.objects.all().delete()
    assert claims() == []


def test_refusal_inside_a_transaction_leaves_its_other_rows(owner):
    insert(owner)
    with transaction.atomic():
        insert(owner, "12:00", "13:00")
        with pytest.raises(IntegrityError), transaction.atomic():
            insert(owner)
    assert [claim[2] for claim in claims()] == ["10:00", "12:00"]
