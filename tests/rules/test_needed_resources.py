from rules.hours_oracle import HOUR
from rules.test_slots import ANN, BEN, HALF_HOURS, HOURS, LONG_AGO, at, blocked, nine_to, starts
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.needed_resources import Need, ResourceTime, Taken
from slotkeeper.rules.slots import Obstacle, Reason, Terms, obstacles

NORTH, SOUTH = 7, 8


def room(resource_id, *hours, appointment_id=None):
    """Make a room that is taken from each of some hours to another."""
    return ResourceTime(resource_id, [Taken(at(start), at(end), appointment_id) for start, end in hours])


def hours_with(*needs, **fields):
    return Terms(duration_seconds=HOUR, step_seconds=HOUR, needs=needs, **fields)


def test_slot_is_offered_only_when_the_needed_room_is_free_with_the_buffers():
    terms = hours_with(Need(1, [room(NORTH, (10, 11))]))
    assert starts([nine_to(13)], terms) == [(9, 0), (11, 0), (12, 0)]
    after = hours_with(Need(1, [room(NORTH, (11, 12))]), buffer_after_seconds=60, buffer_before_seconds=60)
    assert starts([nine_to(14)], after) == [(9, 0), (13, 0)]


def test_any_one_of_several_rooms_is_enough_until_all_are_taken():
    rooms = [room(NORTH, (9, 11)), room(SOUTH, (10, 12))]
    assert starts([nine_to(13)], hours_with(Need(1, rooms))) == [(9, 0), (11, 0), (12, 0)]
    assert starts([nine_to(13)], hours_with(Need(2, rooms))) == [(12, 0)]


def test_a_room_taken_twice_in_a_row_counts_once():
    rooms = [room(NORTH, (9, 10), (10, 11)), room(SOUTH)]
    assert starts([nine_to(11)], Terms(2 * HOUR, HOUR, needs=[Need(1, rooms)])) == [(9, 0)]


def test_room_and_provider_must_be_free_at_once():
    terms = hours_with(Need(1, [room(NORTH, (9, 10))]))
    assert starts([nine_to(12, busy=[blocked(at(10), at(11))])], terms) == [(11, 0)]


def test_fewer_rooms_than_needed_offer_nothing_and_say_so():
    terms = hours_with(Need(2, [room(NORTH)]))
    assert starts([nine_to(12)], terms) == []
    assert obstacles([nine_to(12)], terms, at(9), LONG_AGO) == [Obstacle(Reason.RESOURCE_BUSY, None)]


def test_a_missing_room_is_the_only_obstacle_where_somebody_is_free():
    terms = hours_with(Need(1, [room(NORTH, (9, 10), appointment_id=3)]))
    people = [nine_to(12, busy=[blocked(at(9), at(10))]), nine_to(12, user_id=BEN)]
    missing = Obstacle(Reason.RESOURCE_BUSY, None, 3, NORTH)
    assert obstacles(people, terms, at(9), LONG_AGO) == [missing]
    assert obstacles(people[:1], terms, at(9), LONG_AGO) == [Obstacle(Reason.BOOKED, ANN), missing]
    assert obstacles(people, terms, at(10), LONG_AGO) == []


def test_what_a_slot_blocks_includes_its_buffers():
    terms = Terms(HOUR, HOUR, buffer_before_seconds=60, buffer_after_seconds=120)
    assert terms.blocked_by(at(9)) == Interval(at(9) - 60, at(10) + 120)
    assert HALF_HOURS.needs == HOURS.needs == ()
