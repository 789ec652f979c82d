"""Rooms and equipment: offered only when free, taken with a booking, moved with it, given back."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from actions.test_self_service import HOUR, NOW, at, nine, reasons, wish  # noqa: F401 -- nine is a fixture
from needed import let_need, make_rooms
from offered import offer
from slotkeeper.appointments import actions, series
from slotkeeper.appointments.actions import SlotTaken, Target
from slotkeeper.appointments.free_busy import BusyKind
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import Appointment, Hold, TimeClaim
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.self_service import NotOffered, book_slot, cancel_by_customer, hold_slot, move_by_customer
from slotkeeper.appointments.slots import SlotQuery, read_next_slots, read_obstacles, read_slots
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.models import Resource
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.slots import Obstacle, Reason


def rooms_of(row) -> list[str]:
    found = TimeClaim.objects.filter(appointment_id=row.id, resource__isnull=False)
    assert {one.claimed_from for one in found} <= {Appointment.objects.get(pk=row.id).blocked_from}
    return sorted(found.values_list("resource__name", flat=True))


def booking(service, start, membership, **fields):
    return Booking(
        service.business_id, membership.user_id, "By a member", start, start + HOUR, service_id=service.pk, **fields
    )


def take(room, membership, start):
    """Book an hour of a room past any service."""
    row = actions.book(
        Booking(membership.business_id, membership.user_id, "Cleaning", start, start + HOUR), COMMAND, NOW
    )
    made = Appointment.objects.get(pk=row.id)
    TimeClaim.objects.create(
        resource=room, appointment=made, claimed_from=made.blocked_from, claimed_until=made.blocked_until
    )
    return row


def change(row, **fields):
    target = Target(Reach(Appointment.objects.get(pk=row.id).business_id), row.id)
    return actions.update(target, fields, COMMAND, NOW)


@pytest.fixture
def practice(cast):
    """Two people who give a massage in the one room there is."""
    service = offer(cast.owner, cast.colleague, name="Massage")
    (room,) = make_rooms(cast.owner.business, "North")
    return let_need(service, kind="room"), room


# Customers


def test_fewer_rooms_than_people_limit_what_is_offered_and_why_says_so(cast, nine, practice):  # noqa: F811
    service, room = practice
    booked = book_slot(wish(service, nine), NOW).row
    assert rooms_of(booked) == ["North"]
    assert booked.resources == ((room.pk, "North"),)
    starts = [
        slot.start
        for slot in read_slots(SlotQuery(service.business_id, service.pk, Interval(nine, nine + 3 * HOUR), NOW))
    ]
    assert starts == [nine + HOUR, nine + 2 * HOUR]
    (obstacle,) = read_obstacles(at(service, nine))
    assert obstacle == (Reason.RESOURCE_BUSY, None, booked.id, room.pk)
    with pytest.raises(NotOffered) as error:
        book_slot(wish(service, nine), NOW)
    assert reasons(error) == {Reason.RESOURCE_BUSY}
    assert [slot.start for slot in error.value.alternatives] == [nine + number * HOUR for number in (1, 2, 3)]


def test_a_hold_takes_the_room_and_gives_it_to_its_booking(cast, nine, practice):  # noqa: F811
    service, _ = practice
    held = hold_slot(at(service, nine))
    assert read_obstacles(at(service, nine))[0].reason is Reason.RESOURCE_BUSY
    booked = book_slot(wish(service, nine), NOW, held.hold).row
    assert rooms_of(booked) == ["North"]
    assert not Hold.objects.exists()
    assert TimeClaim.objects.count() == 2


def test_buffers_keep_the_room_too(cast, nine):  # noqa: F811
    service = offer(cast.owner, cast.colleague, step_minutes=30, buffer_after_minutes=30)
    let_need(service, *make_rooms(cast.owner.business, "North"))
    book_slot(wish(service, nine), NOW)
    assert read_next_slots(at(service, nine), 1)[0].start == nine + HOUR + HOUR // 2


def test_a_certain_room_does_not_count_for_its_kind(cast, nine):  # noqa: F811
    north, *_ = make_rooms(cast.owner.business, "North", "South")
    service = let_need(offer(cast.owner), north, kind="room")
    assert rooms_of(book_slot(wish(service, nine), NOW).row) == ["North", "South"]
    Resource.objects.filter(name="South").update(is_active=False)
    assert read_obstacles(at(service, nine + HOUR)) == [Obstacle(Reason.RESOURCE_BUSY, None)]


def test_of_a_kind_those_go_first_that_no_service_needs_by_name(cast, nine):  # noqa: F811
    north, *_ = make_rooms(cast.owner.business, "North", "South")
    let_need(offer(cast.colleague, name="Laser", slug="laser"), north)
    service = let_need(offer(cast.owner), kind="room")
    assert rooms_of(book_slot(wish(service, nine), NOW).row) == ["South"]


def test_another_business_rooms_do_not_count(cast, nine):  # noqa: F811
    make_rooms(cast.outsider.business, "Garage")
    service = let_need(offer(cast.owner), kind="room")
    assert read_obstacles(at(service, nine)) == [Obstacle(Reason.RESOURCE_BUSY, None)]


def test_canceling_gives_the_room_back(cast, nine, practice):  # noqa: F811
    service, _ = practice
    booked = book_slot(wish(service, nine), NOW)
    cancel_by_customer(booked.link, None, NOW)
    assert not TimeClaim.objects.exists()
    assert read_obstacles(at(service, nine)) == []


def test_a_customer_who_moves_keeps_the_room_or_gets_another(cast, nine):  # noqa: F811
    north, south = make_rooms(cast.owner.business, "North", "South")
    service = let_need(offer(cast.owner), kind="room")
    booked = book_slot(wish(service, nine), NOW)
    take(north, cast.colleague, nine + 2 * HOUR)
    assert rooms_of(move_by_customer(booked.link, nine + HOUR, NOW)) == ["North"]
    moved = move_by_customer(booked.link, nine + 2 * HOUR, NOW)
    assert (rooms_of(moved), moved.resources) == (["South"], ((south.pk, "South"),))
    last = Change.objects.filter(subject_kind="appointment", subject_id=moved.id).latest("pk")
    assert last.before["resources"] == [{"id": north.pk, "name": "North"}]
    assert last.after["resources"] == [{"id": south.pk, "name": "South"}]


def test_everybody_and_the_room_are_taken_at_once_where_all_are_needed(cast, nine):  # noqa: F811
    service = offer(cast.owner, cast.colleague, assignment="all")
    let_need(service, *make_rooms(cast.owner.business, "North"))
    booked = book_slot(wish(service, nine), NOW).row
    assert TimeClaim.objects.filter(appointment_id=booked.id).count() == 3


@pytest.mark.parametrize("has_needs", [False, True])
def test_slots_take_four_statements_with_rooms_or_without(cast, nine, has_needs):  # noqa: F811
    service = offer(cast.owner, cast.colleague)
    if has_needs:
        rooms = make_rooms(cast.owner.business, *(f"Room {number}" for number in range(10)))
        let_need(service, rooms[0], kind="room", quantity=3)
    with CaptureQueriesContext(connection) as captured:
        slots = read_slots(SlotQuery(service.business_id, service.pk, Interval(nine, nine + 60 * 24 * HOUR), NOW))
    assert len(slots) > 300
    assert len(captured) == 4


# Members


def test_a_members_booking_takes_the_room_and_the_change_says_which(cast, nine, practice):  # noqa: F811
    service, room = practice
    row = actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    assert (rooms_of(row), row.resources) == (["North"], ((room.pk, "North"),))
    assert Change.objects.get(verb="booked").after["resources"] == [{"id": room.pk, "name": "North"}]


def test_a_member_is_refused_when_no_room_is_free_and_nothing_is_stored(cast, nine, practice):  # noqa: F811
    service, room = practice
    actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    with pytest.raises(SlotTaken) as error:
        actions.book(booking(service, nine + HOUR // 2, cast.colleague), COMMAND, NOW, allow_conflicts=True)
    (conflict,) = error.value.conflicts
    assert (conflict.kind, conflict.resource_id, conflict.title) == (BusyKind.RESOURCE, room.pk, "North")
    assert (conflict.start, conflict.end) == (nine, nine + HOUR)
    assert [one.start for one in error.value.alternatives] == [nine + number * HOUR for number in (1, 2, 3)]
    assert Appointment.objects.count() == 1


def test_a_member_who_is_taken_and_a_room_that_is_taken_are_both_named(cast, nine, practice):  # noqa: F811
    service, _ = practice
    actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    with pytest.raises(SlotTaken) as error:
        actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    assert {one.kind for one in error.value.conflicts} == {BusyKind.APPOINTMENT, BusyKind.RESOURCE}


def test_a_move_to_where_the_certain_room_is_taken_is_refused_whole(cast, nine):  # noqa: F811
    north, _ = make_rooms(cast.owner.business, "North", "South")
    service = let_need(offer(cast.owner), north)
    row = actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    take(north, cast.colleague, nine + 2 * HOUR)
    with pytest.raises(SlotTaken) as error:
        change(row, start_time=nine + 2 * HOUR, end_time=nine + 3 * HOUR)
    assert [one.kind for one in error.value.conflicts] == [BusyKind.RESOURCE]
    assert (Appointment.objects.get(pk=row.id).version, rooms_of(row)) == (1, ["North"])


def test_a_room_that_was_switched_off_stays_until_the_appointment_moves(cast, nine):  # noqa: F811
    north, _ = make_rooms(cast.owner.business, "North", "South")
    service = let_need(offer(cast.owner), kind="room")
    row = actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    Resource.objects.filter(pk=north.pk).update(is_active=False)
    change(row, title="Still in North")
    assert rooms_of(row) == ["North"]
    change(row, start_time=nine + HOUR, end_time=nine + 2 * HOUR)
    assert rooms_of(row) == ["South"]


def test_another_service_means_what_that_one_needs(cast, nine):  # noqa: F811
    _north, south = make_rooms(cast.owner.business, "North", "South")
    massage = let_need(offer(cast.owner), kind="room")
    laser = let_need(offer(cast.owner, name="Laser", slug="laser"), south)
    talk = offer(cast.owner, name="Talk", slug="talk")
    row = actions.book(booking(massage, nine, cast.owner), COMMAND, NOW)
    assert rooms_of(row) == ["North"]
    assert rooms_of(change(row, service_id=laser.pk)) == ["South"]
    assert rooms_of(change(row, service_id=massage.pk)) == ["South"]  # what it has already goes before others
    assert rooms_of(change(row, service_id=talk.pk)) == []
    take(south, cast.colleague, nine)
    with pytest.raises(SlotTaken):
        change(row, service_id=laser.pk)
    assert Appointment.objects.get(pk=row.id).service_id == talk.pk


def test_giving_an_appointment_to_somebody_else_keeps_its_room(cast, nine, practice):  # noqa: F811
    service, _ = practice
    row = actions.book(booking(service, nine, cast.owner), COMMAND, NOW)
    assert rooms_of(change(row, user_id=cast.colleague.user_id)) == ["North"]


def test_a_series_takes_a_room_on_every_date_or_is_refused_by_date(cast, nine, practice):  # noqa: F811
    service, room = practice
    weekly = series.dates_of(Interval(nine, nine + HOUR), series.Repetition(1, 3, "Europe/Berlin"))
    take(room, cast.colleague, weekly[1].start)
    with pytest.raises(series.SeriesRefused) as error:
        series.book_series(booking(service, nine, cast.owner), weekly, COMMAND, NOW)
    assert [date.number for date in error.value.refused] == [2]
    rows = series.book_series(booking(service, nine, cast.owner), [weekly[0], weekly[2]], COMMAND, NOW)
    assert [rooms_of(row) for row in rows] == [["North"]] * 2
    target = Target(Reach(service.business_id), rows[0].id)
    moved = series.move_from_here(target, Interval(nine + HOUR, nine + 2 * HOUR), "Europe/Berlin", COMMAND, NOW)
    assert [rooms_of(row) for row in moved] == [["North"]] * 2


def test_booking_without_a_service_takes_no_room(cast, nine, practice):  # noqa: F811
    service, _ = practice
    row = actions.book(replace(booking(service, nine, cast.owner), service_id=None), COMMAND, NOW)
    assert (rooms_of(row), row.resources) == ([], ())
