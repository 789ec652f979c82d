"""Races into an empty calendar: however many come at once, one gets the time and the others are refused.

2,000 attempts on each engine, 20,000 with --soak. What must hold after each of them stands in conftest.py.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from msgspec.structs import replace

from cast import Cast
from race.contestants import DAWN, DAY, HOUR, MINUTE, NOW, PlainSql, Verbs, plain
from race.harness import LANES, next_free_by_minutes, query, race, shuffled
from slotkeeper.appointments import actions, guard
from slotkeeper.appointments.actions import SlotTaken
from slotkeeper.appointments.models import Appointment, Hold, TimeClaim
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.models import Resource
from slotkeeper.people.models import Membership


def hours(count: int) -> list[tuple[int, int]]:
    """Give that many hours that do not touch."""
    return [(DAWN + 2 * number * HOUR, DAWN + (2 * number + 1) * HOUR) for number in range(count)]


def ids() -> list[int]:
    """Read the appointments' ids, by start."""
    return list(Appointment.objects.order_by("start_time", "id").values_list("id", flat=True))


def outcome_of_writing(write: Callable[[], object]) -> str:
    """Say how rows written in one transaction fared."""
    try:
        with transaction.atomic():
            write()
    except IntegrityError as error:
        return "refused" if guard.is_overlap(error) else str(error)
    return "done"


def insert(start: int, user_id: int, end: int) -> Appointment:
    business_id = Membership.objects.get(user_id=user_id).business_id
    at = {"start_time": start, "end_time": end, "blocked_from": start, "blocked_until": end}
    moments = {name: datetime.fromtimestamp(instant, UTC) for name, instant in at.items()}
    return Appointment.objects.create(business_id=business_id, user_id=user_id, title="Race", **moments)


def book_with_rooms(user_id: int, rooms: list[int], start: int) -> str:
    """Take a person's time and then the rooms, in whatever order they come."""

    def write() -> None:
        guard.lock_claimants([user_id], rooms)
        made = insert(start, user_id, start + HOUR)
        for room in rooms:
            TimeClaim.objects.create(
                resource_id=room,
                appointment=made,
                claimed_from=made.blocked_from,
                claimed_until=made.blocked_until,
            )

    return outcome_of_writing(write)


def hold(calendar: Cast, slot: tuple[int, int], expires_in: int) -> int:
    """Keep the owner's time for somebody."""
    start, end, expiry = (datetime.fromtimestamp(instant, UTC) for instant in (*slot, int(time.time()) + expires_in))
    made = Hold.objects.create(business=calendar.owner.business, expires_at=expiry, created_at=expiry)
    TimeClaim.objects.create(
        user=calendar.owner.user, claimed_from=start, claimed_until=end, hold=made, held_until=expiry
    )
    return made.pk


def redeem(calendar: Cast, slot: tuple[int, int]) -> str:
    """Turn the hold on that time into an appointment."""

    def write() -> None:
        guard.lock_claimants([calendar.owner.user_id])
        Hold.objects.filter(timeclaim__claimed_from=datetime.fromtimestamp(slot[0], UTC)).delete()
        insert(slot[0], calendar.owner.user_id, slot[1])

    return outcome_of_writing(write)


def test_of_many_who_want_the_same_hour_one_gets_it(way, rounds):
    slots = hours(rounds(192))
    outcomes = race([partial(way.book, *slot) for slot in slots for _ in range(LANES)])
    assert outcomes == {"done": len(slots), "refused": len(slots) * (LANES - 1)}


def test_times_that_overlap_by_chance_never_both_get_in(way, rounds):
    chance = random.Random(1)
    starts = [DAWN + chance.randrange(288) * 5 * MINUTE for _ in range(rounds(192) * LANES)]
    outcomes = race([partial(way.book, start, start + chance.randint(1, 24) * 5 * MINUTE) for start in starts])
    assert outcomes["done"] == len(ids())


def test_hours_that_touch_are_all_booked(way, rounds):
    starts = [DAWN + number * HOUR for number in range(rounds(96) * LANES)]
    outcomes = race(shuffled(2, [partial(way.book, start, start + HOUR) for start in starts]))
    assert outcomes == {"done": len(starts)}


def test_of_many_who_move_into_one_hour_one_arrives(way, rounds):
    for start, end in hours(LANES):
        way.book(start, end)
    goals = [(start + 60 * DAY, end + 60 * DAY) for start, end in hours(rounds(96))]
    moves = [partial(way.move, mine, *goal) for goal in goals for mine in ids()]
    assert race(moves)["done"] == len(goals)


def test_canceled_time_goes_to_one_of_those_who_wait_for_it(way, rounds):
    slots = hours(rounds(96))
    for slot in slots:
        way.book(*slot)
    attempts = []
    for number, (mine, slot) in enumerate(zip(ids(), slots, strict=True)):
        others = [partial(way.book, *slot) for _ in range(LANES - 2)]
        attempts += shuffled(
            number,
            [partial(way.cancel, mine), partial(way.move, mine, slot[0] + 30 * MINUTE, slot[1]), *others],
        )
    race(attempts)
    assert Appointment.objects.filter(status="canceled").count() == len(slots)


def test_two_who_swap_by_chance_never_sit_on_each_other(way, calendar, rounds):
    """Appointments of two people wander over four hours, each into where another may still be."""
    people = [calendar.owner.user_id, calendar.colleague.user_id]
    for slot in hours(2):
        for person in people:
            way.book(*slot, user_id=person)
    chance, mine = random.Random(3), ids()
    attempts = [
        partial(way.move, chance.choice(mine), *chance.choice(hours(4)))
        if chance.random() < 0.5
        else partial(way.assign, chance.choice(mine), chance.choice(people))
        for _ in range(rounds(192) * LANES)
    ]
    assert race(attempts)["done"] > 0
    assert len(ids()) == 4


def test_rooms_wanted_in_any_order_are_shared_by_nobody(calendar, rounds):
    """Each booking takes its person and two of three rooms, while others are moved with theirs."""
    rooms = [Resource.objects.create(business=calendar.owner.business, name=name).pk for name in "ABC"]
    people = [calendar.owner.user_id, calendar.colleague.user_id, calendar.outsider.user_id]
    chance = random.Random(4)
    starts = [DAWN + number * 30 * MINUTE for number in range(12 * rounds(192))]
    first = [
        partial(book_with_rooms, chance.choice(people), chance.sample(rooms, 2), chance.choice(starts))
        for _ in range(rounds(96) * LANES)
    ]
    race(first)
    moves = [
        partial(PlainSql(calendar).move, mine, start, start + HOUR)
        for mine in ids()
        for start in chance.sample(starts, 2)
    ]
    outcomes = race(shuffled(5, first + moves)[: rounds(96) * LANES])
    assert outcomes["done"] > 0
    assert query("SELECT count(*) FROM time_claims WHERE resource_id IS NOT NULL") == [(2 * len(ids()),)]


def test_hold_keeps_its_time_until_it_becomes_the_appointment(calendar, rounds):
    slots = hours(rounds(96))
    attempts = []
    for number, slot in enumerate(slots):
        hold(calendar, slot, expires_in=600)
        others = [partial(Verbs(calendar).book, *slot) for _ in range(LANES - 2)]
        rival = partial(outcome_of_writing, lambda slot=slot: hold(calendar, slot, expires_in=600))
        attempts += shuffled(number, [partial(redeem, calendar, slot), rival, *others])
    assert race(attempts) == {"done": len(slots), "refused": len(slots) * (LANES - 1)}
    assert len(ids()) == len(slots)


def test_expired_hold_makes_way_for_one_of_many(calendar, rounds):
    slots = hours(rounds(96))
    attempts = []
    for number, slot in enumerate(slots):
        expired = hold(calendar, slot, expires_in=-1)
        others = [partial(Verbs(calendar).book, *slot) for _ in range(LANES - 1)]
        attempts += shuffled(number, [partial(plain, f"DELETE FROM holds WHERE id = {expired}"), *others])
    assert race(attempts)["refused"] == len(slots) * (LANES - 2)
    assert len(ids()) == len(slots)


def test_alternatives_are_the_next_free_times_and_can_be_booked(calendar, soak):
    """A sample of refusals in a crowded week, checked minute by minute against what stands in the table."""
    verbs, chance = Verbs(calendar), random.Random(6)
    for _ in range(300):
        start = DAWN + chance.randrange(2016) * 5 * MINUTE
        verbs.book(start, start + chance.choice([10, 25, 30, 45, 90]) * MINUTE)
    for _ in range(200 if soak else 20):
        taken = Appointment.objects.get(pk=chance.choice(ids()))
        start = int(taken.start_time.timestamp()) + chance.randrange(10) * MINUTE
        with pytest.raises(SlotTaken) as refused:
            actions.book(replace(verbs.wish, start_time=start, end_time=start + HOUR), COMMAND, NOW)
        assert refused.value.alternatives == next_free_by_minutes(verbs.wish.user_id, start)
        assert verbs.book(*chance.choice(refused.value.alternatives)) == "done"


def test_every_booking_that_got_in_is_recorded_once_and_no_other(calendar, rounds):
    chance = random.Random(7)
    starts = [DAWN + chance.randrange(96) * 15 * MINUTE for _ in range(rounds(96) * LANES)]
    done = race([partial(Verbs(calendar).book, start, start + HOUR) for start in starts])["done"]
    recorded = Change.objects.filter(subject_kind="appointment", verb="booked").values_list("subject_id", flat=True)
    assert sorted(recorded) == sorted(ids())
    assert len(recorded) == done
