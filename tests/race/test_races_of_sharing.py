"""Races for people and rooms at once: everybody who is free is found, no room is taken twice, turns stay fair.

What must hold after each of them stands in conftest.py. A tenth in CI, the full figures with --soak.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models import Count

from cast import Cast, add_member
from needed import let_need, make_rooms
from offered import offer
from race.contestants import DAY, HOUR, NOW, Verbs, close_own_connection
from race.harness import LANES, overlaps_stored, race, shuffled
from race.scratch import scratch_copy
from race.test_races_of_customers import ALWAYS, NINE, book, hold_and_book, outcome_of, wish
from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.longer_holds import prolong_hold
from slotkeeper.appointments.models import Appointment, Hold, TimeClaim
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.resources import claim
from slotkeeper.appointments.self_service import book_slot, hold_slot, move_by_customer
from slotkeeper.appointments.series import Repetition, book_series, dates_of, move_from_here
from slotkeeper.appointments.slots import SlotQuery
from slotkeeper.changes.record import COMMAND
from slotkeeper.own_constraints import missing_parts
from slotkeeper.people.models import Membership
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Role


def team_of(cast: Cast, number: int) -> list[Membership]:
    """Give so many people of the practice."""
    more = [add_member(cast.owner, f"racer{one}@practice.test", Role.PROVIDER) for one in range(number - 2)]
    return [cast.owner, cast.colleague, *more][:number]


def by_start() -> Counter[int]:
    """Count how many starts were booked how often."""
    counted = Appointment.objects.values("start_time").annotate(times=Count("pk"))
    return Counter(one["times"] for one in counted)


@pytest.mark.parametrize(
    ("way_in", "sharing"),
    [(book, "least_busy"), (book, "priority"), (hold_and_book, "least_busy"), (hold_and_book, "rotation")],
)
def test_every_free_provider_is_filled_before_anybody_is_refused(calendar: Cast, rounds, way_in, sharing):
    service = offer(*team_of(calendar, 5), **ALWAYS, sharing=sharing)
    starts = [NINE + number * DAY for number in range(rounds(32))]
    outcomes = race([partial(way_in, service, start, number) for start in starts for number in range(LANES)])
    assert outcomes == {"done": 5 * len(starts), "refused": (LANES - 5) * len(starts)}
    assert by_start() == {5: len(starts)}
    assert not Hold.objects.exists()


@pytest.mark.parametrize("way_in", [book, hold_and_book])
def test_fewer_rooms_than_people_are_each_taken_once(calendar: Cast, rounds, way_in):
    make_rooms(calendar.owner.business, "North", "South", "East")
    service = let_need(offer(*team_of(calendar, 5), **ALWAYS, buffer_after_minutes=10), kind="room")
    starts = [NINE + number * DAY for number in range(rounds(48))]
    outcomes = race([partial(way_in, service, start, number) for start in starts for number in range(LANES)])
    assert outcomes == {"done": 3 * len(starts), "refused": (LANES - 3) * len(starts)}
    assert by_start() == {3: len(starts)}
    assert TimeClaim.objects.filter(resource__isnull=False).count() == 3 * len(starts)


def test_everybody_and_their_rooms_are_taken_together_or_not_at_all(calendar: Cast, rounds):
    north, south = make_rooms(calendar.owner.business, "North", "South")
    team = let_need(offer(*team_of(calendar, 3), **ALWAYS, assignment="all"), north, south)
    single = let_need(offer(calendar.colleague, **ALWAYS, name="Shave", slug="shave"), kind="room")
    starts = [NINE + number * DAY for number in range(rounds(64))]
    attempts = [
        partial(book, team if number % 2 else single, start, number) for start in starts for number in range(LANES)
    ]
    assert race(attempts)["done"] == len(starts)
    together = Appointment.objects.filter(service=team).count()
    assert TimeClaim.objects.filter(appointment__service=team).count() == 5 * together
    assert TimeClaim.objects.filter(appointment__service=single).count() == 2 * (len(starts) - together)


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (1, 2, 1, 3)])
def test_turns_of_a_rotation_stay_fair_however_many_book_at_once(calendar: Cast, rounds, weights):
    members = team_of(calendar, 4)
    service = offer(*members, **ALWAYS, sharing="rotation")
    for member, weight in zip(members, weights, strict=True):
        service.providers.filter(membership=member).update(weight=weight)
    count = rounds(64) * LANES  # everybody is free at every start, for each is asked for once
    attempts = [partial(book, service, NINE + number * HOUR, number) for number in range(count)]
    assert race(shuffled(3, attempts)) == {"done": count}
    turns = Counter(Appointment.objects.values_list("user_id", flat=True))
    shares = {one.user_id: turns[one.user_id] / weight for one, weight in zip(members, weights, strict=True)}
    assert max(shares.values()) - min(shares.values()) <= 1, turns


def test_members_customers_holds_moves_and_series_cross_over_rooms_without_a_deadlock(calendar: Cast, rounds):
    owner, colleague = calendar.owner, calendar.colleague
    north, south, _ = make_rooms(owner.business, "North", "South", "East")
    # The same rooms in opposite order, by name and by kind.
    first = let_need(offer(owner, colleague, **ALWAYS), south, north)
    second = let_need(offer(owner, colleague, **ALWAYS, name="Second", slug="second"), north, kind="room")
    links = [book_slot(wish(second, NINE + (300 + number) * HOUR), NOW).link for number in range(8)]
    weekly = dates_of(Interval(NINE + 500 * HOUR, NINE + 501 * HOUR), Repetition(1, 3, "Europe/Berlin"))
    wanted = Booking(owner.business_id, owner.user_id, "Series", *weekly[0], service_id=second.pk)
    series = [row.id for row in book_series(wanted, weekly, COMMAND, NOW)]
    chance = random.Random(17)

    def some_start() -> int:
        return NINE + chance.randrange(2 * 24) * HOUR

    def by_member(service_id: int, user_id: int, start: int) -> str:
        one = Booking(owner.business_id, user_id, "Member", start, start + HOUR, service_id=service_id)
        return outcome_of(lambda: actions.book(one, COMMAND, NOW))

    def move_series(start: int) -> str:
        target = actions.Target(Reach(owner.business_id), series[chance.randrange(2)])
        to = Interval(start, start + HOUR)
        return outcome_of(lambda: move_from_here(target, to, "Europe/Berlin", COMMAND, NOW))

    attempts: list[Callable[[], str]] = []
    for number in range(rounds(64) * LANES // 6):
        attempts += [
            partial(book, first, some_start(), number),
            partial(hold_and_book, second, some_start(), number),
            partial(by_member, second.pk, chance.choice([owner, colleague]).user_id, some_start()),
            partial(outcome_of, partial(move_by_customer, chance.choice(links), some_start(), NOW)),
            partial(Verbs(calendar).move, chance.choice(series), start := some_start(), start + HOUR),
            partial(move_series, some_start()),
        ]
    outcomes = race(shuffled(19, attempts))
    assert outcomes.keys() <= {"done", "refused", "too few alternatives", "refused without three alternatives"}
    live = Appointment.objects.filter(service__isnull=False)
    assert TimeClaim.objects.filter(resource__isnull=False).count() == 2 * live.count()


def test_a_hold_that_is_prolonged_while_it_is_booked_waits_for_nobody_who_waits_for_it(calendar: Cast, rounds):
    make_rooms(calendar.owner.business, "North", "South")
    service = let_need(offer(*team_of(calendar, 3), **ALWAYS, assignment="all"), kind="room")
    starts = [NINE + number * DAY for number in range(rounds(64) * 2)]
    now = int(time.time())
    attempts: list[Callable[[], str]] = []
    for number, start in enumerate(starts):
        query = SlotQuery(service.business_id, service.pk, Interval(start, start + 1), now)
        secret = hold_slot(query).hold
        booking = wish(service, start, number)
        attempts += [
            partial(outcome_of, partial(book_slot, booking, now, secret)),
            *[partial(outcome_of, partial(prolong_hold, service.business_id, secret, now + 900, now))] * 7,
        ]
    assert race(attempts) == {"done": len(attempts)}
    assert Appointment.objects.count() == len(starts)
    assert not Hold.objects.exists()


def test_without_the_constraint_the_same_room_is_taken_many_times(committed_cast: Cast):
    members = team_of(committed_cast, LANES)
    (room,) = make_rooms(committed_cast.owner.business, "North")

    def take(member: Membership) -> str:
        with transaction.atomic():
            one = Booking(member.business_id, member.user_id, "Blind", NINE, NINE + HOUR)
            row = actions.book(one, COMMAND, NOW)
            claim(TimeClaim(appointment_id=row.id), Interval(NINE, NINE + HOUR), resource_ids=[room.pk])
        return "done"

    with scratch_copy():
        with connection.cursor() as cursor:
            for statement in _unguarding():
                cursor.execute(statement)
        assert missing_parts([TimeClaim])
        assert race([partial(take, member) for member in members]) == {"done": LANES}
        assert overlaps_stored() == LANES * (LANES - 1) // 2
        close_own_connection()


def _unguarding() -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield from (f"DROP TRIGGER time_claims_one_per_resource_{event}" for event in ("insert", "update"))
    else:
        yield "ALTER TABLE time_claims DROP CONSTRAINT time_claims_one_per_resource"
