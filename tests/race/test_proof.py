"""The proof that the races can fail: in a copy of the database without the guard, they double-book."""

from collections.abc import Iterator
from functools import partial

import pytest
from django.db import connection

from cast import Cast
from race.contestants import DAWN, HOUR, NOW, PlainSql, Verbs, close_own_connection
from race.harness import LANES, overlaps_stored, race
from race.scratch import scratch_copy
from slotkeeper.appointments.free_busy import Person, read_busy
from slotkeeper.appointments.models import TimeClaim
from slotkeeper.own_constraints import missing_parts
from slotkeeper.rules.intervals import Interval

ROUNDS = 8
SLOTS = [Interval(DAWN + 2 * number * HOUR, DAWN + (2 * number + 1) * HOUR) for number in range(ROUNDS)]


@pytest.fixture
def unguarded(committed_cast: Cast) -> Iterator[Cast]:
    """The cast in a copy whose claims may overlap."""
    with scratch_copy():
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                for event in ("insert", "update"):
                    cursor.execute(f"DROP TRIGGER time_claims_one_per_user_{event}")
            else:
                cursor.execute("ALTER TABLE time_claims DROP CONSTRAINT time_claims_one_per_user")
        assert missing_parts([TimeClaim])
        yield committed_cast
        close_own_connection()


@pytest.mark.parametrize("way", [Verbs, PlainSql])
def test_without_the_guard_the_same_race_double_books(unguarded, way):
    outcomes = race([partial(way(unguarded).book, *slot) for slot in SLOTS for _ in range(LANES)])
    assert outcomes == {"done": ROUNDS * LANES}
    assert overlaps_stored() == ROUNDS * LANES * (LANES - 1) // 2


def test_looking_before_booking_is_no_guard(unguarded):
    """The racers really meet: each looks first and books only what it saw to be free."""
    verbs, person = Verbs(unguarded), Person(unguarded.owner.business_id, unguarded.owner.user_id)

    def look_and_book(slot: Interval) -> str:
        busy = read_busy(person, slot, NOW).entries
        return "refused" if busy else verbs.book(*slot)

    outcomes = race([partial(look_and_book, slot) for slot in SLOTS for _ in range(LANES)])
    assert outcomes["done"] > ROUNDS
    assert overlaps_stored() > 0
