"""The guard's own rows: rooms, holds, and claims that somebody changes by hand."""

import pytest
from django.db import transaction

from actions.by_hand import at, claims, insert, insertion, is_postgresql, is_refused, moved, sql
from race.harness import out_of_step, overlaps_stored
from slotkeeper.offerings.models import Resource

NOW = "date_trunc('second', now()) + interval '{} minutes'" if is_postgresql else "datetime('now', '{} minutes')"


@pytest.fixture
def owner(cast):
    """The owner; whatever a test did, no overlap got in and every claim fits its appointment."""
    yield cast.owner
    assert (overlaps_stored(), out_of_step()) == (0, 0)


@pytest.fixture
def rooms(cast) -> list[int]:
    """Two rooms."""
    return [Resource.objects.create(business=cast.owner.business, name=name).pk for name in ("North", "South")]


def taken(room: int, appointment_id: int, start: str = "10:00", end: str = "11:00") -> str:
    """Write the claim of an appointment on a room."""
    return (
        "INSERT INTO time_claims (resource_id, claimed_from, claimed_until, appointment_id) "
        f"VALUES ({room}, '{at(start)}', '{at(end)}', {appointment_id})"
    )


def held(claimant: str, minutes: int, start: str = "10:00", end: str = "11:00") -> str:
    """Write a hold's claim, the newest hold's, that expires in so many minutes."""
    column, number = claimant.split()
    return (
        f"INSERT INTO time_claims ({column}, claimed_from, claimed_until, hold_id, held_until) "
        f"VALUES ({number}, '{at(start)}', '{at(end)}', (SELECT max(id) FROM holds), {NOW.format(minutes)})"
    )


def hold(business_id: int, claimant: str, minutes: int) -> int:
    """Put a hold on 10:00 to 11:00 and return its id."""
    (row,) = sql(
        f"INSERT INTO holds (business_id, expires_at) VALUES ({business_id}, {NOW.format(minutes)}) RETURNING id"
    )
    sql(held(claimant, minutes))
    return int(row[0])


# Rooms


def test_room_is_claimed_once_and_touching_claims_are_allowed(owner, cast, rooms):
    first, second = insert(owner), insert(cast.colleague, "10:30", "11:30")
    sql(taken(rooms[0], first))
    assert is_refused(taken(rooms[0], second, "10:30", "11:30"), "time_claims_one_per_resource")
    sql(taken(rooms[1], second, "10:30", "11:30"))
    sql(taken(rooms[0], second, "11:00", "11:30"))


def test_moving_an_appointment_moves_every_claim_or_none(owner, cast, rooms):
    first, second = insert(owner), insert(cast.colleague, "12:00", "13:00")
    for room in rooms:
        sql(taken(room, first))
    sql(taken(rooms[1], second, "12:00", "13:00"))
    assert is_refused(moved(first, "12:30", "13:30"), "time_claims_one_per_resource")
    assert [claim[2] for claim in claims() if claim[4] == first] == ["10:00"] * 3
    sql(moved(first, "13:00", "14:00"))
    assert [claim[2] for claim in claims() if claim[4] == first] == ["13:00"] * 3
    assert is_refused(taken(rooms[0], second, "13:30", "14:00"), "time_claims_one_per_resource")


def test_reassigning_an_appointment_moves_its_own_claim_only(owner, cast, rooms):
    only = insert(owner)
    sql(taken(rooms[0], only))
    sql(f"UPDATE appointments SET user_id = {cast.colleague.user_id} WHERE id = {only}")
    assert [claim[:2] for claim in claims()] == [("person", cast.colleague.user_id), ("room", rooms[0])]


@pytest.mark.parametrize("end", ["UPDATE appointments SET status = 'canceled'", "DELETE FROM appointments"])
def test_canceling_or_deleting_gives_every_claim_back(owner, rooms, end):
    only = insert(owner)
    for room in rooms:
        sql(taken(room, only))
    sql(end)
    assert claims() == []


def test_deleted_room_gives_up_its_claims_and_the_appointment_keeps_its_own(owner, rooms):
    sql(taken(rooms[0], insert(owner)))
    sql(f"DELETE FROM resources WHERE id = {rooms[0]}")
    assert [claim[0] for claim in claims()] == ["person"]


# Holds


def test_live_hold_refuses_a_booking_and_a_booking_refuses_a_hold(owner, cast):
    hold(owner.business_id, f"user_id {owner.user_id}", 10)
    assert is_refused(insertion(owner, "10:30", "11:30"))
    insert(cast.colleague)
    assert is_refused(held(f"user_id {cast.colleague.user_id}", 10))
    assert is_refused(held(f"user_id {owner.user_id}", 10))


@pytest.mark.parametrize("minutes", [-1, 0])
def test_expired_hold_makes_way_by_the_databases_clock(owner, minutes):
    hold(owner.business_id, f"user_id {owner.user_id}", minutes)
    only = insert(owner, "10:30", "11:30")
    assert claims() == [("person", owner.user_id, "10:30", "11:30", only)]


def test_expired_hold_makes_way_for_a_move_and_for_a_room(owner, rooms):
    first = insert(owner, "12:00", "13:00")
    hold(owner.business_id, f"user_id {owner.user_id}", -1)
    sql(held(f"resource_id {rooms[0]}", -1))
    sql(moved(first, "10:00", "11:00"))
    sql(taken(rooms[0], first))
    assert [claim[:4] for claim in claims()] == [
        ("person", owner.user_id, "10:00", "11:00"), ("room", rooms[0], "10:00", "11:00"),
    ]  # fmt: skip


def test_new_hold_takes_the_expired_ones_away(owner):
    hold(owner.business_id, f"user_id {owner.user_id}", -1)
    sql("UPDATE time_claims SET claimed_from = claimed_from")  # an expired hold does not make way for itself
    sql(held(f"user_id {owner.user_id}", 10, "11:00", "12:00"))
    assert claims() == [("person", owner.user_id, "11:00", "12:00", None)]
    assert is_refused(insertion(owner, "10:00", "11:30"))


def test_hold_becomes_an_appointment_in_one_transaction_or_stays(owner):
    mine = hold(owner.business_id, f"user_id {owner.user_id}", 10)

    def redeem(*, is_interrupted: bool) -> None:
        with transaction.atomic():
            sql(f"DELETE FROM holds WHERE id = {mine}")
            insert(owner)
            transaction.set_rollback(is_interrupted)

    redeem(is_interrupted=True)
    assert sql("SELECT hold_id FROM time_claims") == [(mine,)]
    redeem(is_interrupted=False)
    assert is_refused(insertion(owner))


def test_hold_moved_onto_a_booking_is_refused(owner):
    insert(owner, "12:00", "13:00")
    hold(owner.business_id, f"user_id {owner.user_id}", 10)
    move = f"UPDATE time_claims SET claimed_until = '{at('12:30')}' WHERE hold_id IS NOT NULL"
    assert is_refused(move)


# Claims changed by hand


def test_claim_deleted_from_under_its_appointment_comes_back(owner, cast, rooms):
    only, other = insert(owner), insert(cast.colleague)
    sql(taken(rooms[0], only))
    sql("DELETE FROM time_claims")
    assert [claim[4] for claim in claims()] == [only, other]
    assert is_refused(insertion(owner))


@pytest.mark.parametrize(
    "change",
    [
        f"claimed_from = '{at('10:30')}'",
        f"claimed_until = '{at('10:30')}'",
        f"claimed_from = '{at('20:00')}', claimed_until = '{at('21:00')}'",
        "user_id = (SELECT max(id) FROM users)",
        "user_id = NULL, resource_id = (SELECT max(id) FROM resources)",
        "is_main = (1 = 0)",
        "appointment_id = (SELECT max(id) FROM appointments)",
        "appointment_id = NULL, hold_id = 1, held_until = '2020-01-01 00:00:00'",
    ],
)
def test_appointments_own_claim_cannot_be_changed_alone(owner, cast, rooms, change):
    only = insert(owner)
    insert(owner, "12:00", "13:00")
    assert is_refused(
        f"UPDATE time_claims SET {change} WHERE appointment_id = {only}", "a claim follows its appointment"
    )


@pytest.mark.parametrize(
    ("claim", "because"),
    [
        ("(NULL, '{from}', '{until}', {id}, NULL)", "one_claimant"),
        ("({user}, '{until}', '{from}', {id}, NULL)", "not_empty|range lower bound"),
        ("({user}, '{until}', '{until}', {id}, NULL)", "not_empty"),
        ("({user}, '{until}', '{later}', NULL, NULL)", "one_holder"),
        ("({user}, '{until}', '{later}', {id}, '{later}')", "one_holder"),
    ],
    ids=["nobody's", "backwards", "empty", "held by nothing", "held twice"],
)
def test_claim_that_makes_no_sense_is_refused(owner, claim, because):
    row = claim.format_map(
        {
            "id": insert(owner),
            "user": owner.user_id,
            "from": at("10:00"),
            "until": at("11:00"),
            "later": at("12:00"),
        }
    )
    columns = "(user_id, claimed_from, claimed_until, appointment_id, held_until)"
    with pytest.raises(Exception, match=because), transaction.atomic():
        sql(f"INSERT INTO time_claims {columns} VALUES {row}")
