"""Races by every way of booking at once: customers, holds, moves by link, series, teams, members.

What must hold after each of them stands in conftest.py. 500 attempts on each engine, 5,000 with --soak.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import RequestFactory
from msgspec.structs import replace

from cast import Cast
from offered import offer
from race.contestants import DAWN, DAY, HOUR, NOW, Verbs
from race.harness import LANES, query, race, shuffled
from slotkeeper.appointments import series
from slotkeeper.appointments.actions import SlotTaken
from slotkeeper.appointments.models import Appointment, Hold, TimeClaim
from slotkeeper.appointments.self_service import (
    CustomerBooking,
    HoldExpired,
    NotOffered,
    book_slot,
    cancel_by_customer,
    hold_slot,
    move_by_customer,
)
from slotkeeper.appointments.series import Repetition, SeriesRefused
from slotkeeper.appointments.slots import SlotQuery
from slotkeeper.changes.record import COMMAND
from slotkeeper.doors.public.sent_forms import book_once
from slotkeeper.offerings.models import Service
from slotkeeper.rules.intervals import Interval

ALWAYS = {"hours": ((0, 24 * 60),), "weekdays": range(7), "step_minutes": 60}
NINE = DAWN + 8 * HOUR


def outcome_of(deed: Callable[[], Any]) -> str:
    """Say how a deed ended; a refusal names the next three."""
    try:
        deed()
    except (NotOffered, HoldExpired, SlotTaken) as refusal:
        return "refused" if len(refusal.alternatives) == 3 else "refused without three alternatives"
    except SeriesRefused as refusal:
        return "refused" if all(len(date.alternatives) == 3 for date in refusal.refused) else "too few alternatives"
    return "done"


def wish(service: Service, start: int, number: int = 0, user_id: int | None = None) -> CustomerBooking:
    email = f"racer{number}@customer.test"
    return CustomerBooking(service.business_id, service.pk, start, f"Racer {number}", email, user_id=user_id)


def book(service: Service, start: int, number: int = 0) -> str:
    return outcome_of(lambda: book_slot(wish(service, start, number), NOW))


def hold_and_book(service: Service, start: int, number: int) -> str:
    def deed() -> None:
        query = SlotQuery(service.business_id, service.pk, Interval(start, start + 1), NOW)
        book_slot(wish(service, start, number), NOW, hold_slot(query).hold)

    return outcome_of(deed)


def send_form(service: Service, start: int) -> str:
    """Book as the public page does when a form arrives: every form of one start is the same."""
    wanted = wish(service, start)
    request = RequestFactory().post(f"/?at={start}", {"form_key": "k" * 32, "name": wanted.contact_name})
    return outcome_of(lambda: book_once(request, service.business_id, lambda: book_slot(wanted, NOW)))


@pytest.mark.parametrize("way_in", [book, hold_and_book])
def test_of_many_customers_who_want_the_same_hour_one_gets_it(calendar: Cast, rounds, way_in):
    service = offer(calendar.owner, **ALWAYS)
    starts = [NINE + number * DAY for number in range(rounds(96))]
    outcomes = race([partial(way_in, service, start, number) for start in starts for number in range(LANES)])
    assert outcomes["done"] == len(starts) == Appointment.objects.count()
    assert outcomes.keys() == {"done", "refused"}


def test_two_providers_are_booked_once_each(calendar: Cast, rounds):
    service = offer(calendar.owner, calendar.colleague, **ALWAYS)
    starts = [NINE + number * DAY for number in range(rounds(96))]
    outcomes = race([partial(book, service, start, number) for start in starts for number in range(LANES)])
    assert outcomes["done"] == 2 * len(starts)


def test_a_form_that_arrives_many_times_at_once_books_once_and_is_never_refused(calendar: Cast, rounds):
    service = offer(calendar.owner, calendar.colleague, **ALWAYS)
    starts = [NINE + number * DAY for number in range(rounds(96))]
    outcomes = race([partial(send_form, service, start) for start in starts for _ in range(LANES)])
    assert outcomes.keys() == {"done"}
    assert Appointment.objects.count() == len(starts)


def test_a_daily_limit_is_never_passed_however_many_come_at_once(calendar: Cast, rounds):
    service = offer(calendar.owner, **ALWAYS, daily_limit_count=2)
    days = [DAWN + number * DAY for number in range(rounds(96))]
    outcomes = race(
        [partial(book, service, day + (8 + number) * HOUR, number) for day in days for number in range(LANES - 8)]
    )
    assert outcomes["done"] == 2 * len(days)


def test_a_service_that_needs_everybody_gets_all_or_none(calendar: Cast, rounds):
    team = offer(calendar.owner, calendar.colleague, **ALWAYS, assignment="all")
    single = offer(calendar.colleague, **ALWAYS, name="Shave", slug="shave")
    starts = [NINE + number * DAY for number in range(rounds(96))]
    attempts = [
        partial(book, team if number % 2 else single, start, number) for start in starts for number in range(LANES)
    ]
    assert race(attempts)["done"] == len(starts)
    together = Appointment.objects.filter(service=team).count()
    assert TimeClaim.objects.filter(appointment__service=team).count() == 2 * together
    overlapping = (
        "SELECT count(*) FROM time_claims a JOIN time_claims b ON a.user_id = b.user_id AND a.id < b.id "
        "AND a.claimed_from < b.claimed_until AND b.claimed_from < a.claimed_until"
    )
    assert query(overlapping) == [(0,)]


def test_moves_by_link_into_one_hour_let_one_arrive(calendar: Cast, rounds):
    service = offer(calendar.owner, **ALWAYS)
    links = [book_slot(wish(service, NINE + number * HOUR), NOW).link for number in range(LANES)]
    goals = [NINE + (30 + number) * DAY for number in range(rounds(64))]
    moves = [partial(outcome_of, partial(move_by_customer, link, goal, NOW)) for goal in goals for link in links]
    assert race(moves).keys() == {"done", "refused"}
    assert Appointment.objects.count() == LANES


def test_series_that_cross_are_booked_whole_or_not_at_all(calendar: Cast, rounds):
    verbs = Verbs(calendar)

    def repeat(day: int) -> str:
        first = replace(verbs.wish, start_time=NINE + day * DAY, end_time=NINE + day * DAY + HOUR)
        weekly = Repetition(1, 4, "Europe/Berlin")
        dates = series.dates_of(Interval(first.start_time, first.end_time), weekly)
        return outcome_of(lambda: series.book_series(first, dates, COMMAND, NOW))

    chance = random.Random(7)
    outcomes = race([partial(repeat, 7 * chance.randrange(rounds(96) * 4)) for _ in range(rounds(96) * LANES)])
    assert Appointment.objects.count() == 4 * outcomes["done"]


def test_every_way_of_booking_at_once_never_overlaps(calendar: Cast, rounds):
    service, verbs = offer(calendar.owner, calendar.colleague, **ALWAYS, buffer_after_minutes=15), Verbs(calendar)
    team = offer(calendar.owner, calendar.colleague, **ALWAYS, name="Team", slug="team", assignment="all")
    links = [book_slot(wish(service, NINE + (200 + 2 * number) * HOUR), NOW).link for number in range(16)]
    chance = random.Random(11)

    def some_start() -> int:
        return NINE + chance.randrange(4 * 24) * HOUR

    attempts: list[Callable[[], str]] = []
    for number in range(rounds(48) * LANES // 6):
        attempts += [
            partial(book, service, some_start(), number),
            partial(hold_and_book, service, some_start(), number),
            partial(book, team, some_start(), number),
            partial(outcome_of, partial(move_by_customer, chance.choice(links), some_start(), NOW)),
            partial(verbs.book, (start := some_start()) + 600, start + HOUR),
            partial(verbs.book, start, start + HOUR, calendar.colleague.user_id),
        ]
    outcomes = race(shuffled(13, attempts))
    assert outcomes.keys() <= {"done", "refused"}
    cancel_by_customer(links[0], None, NOW)
    assert not Hold.objects.filter(timeclaim=None).exists()
