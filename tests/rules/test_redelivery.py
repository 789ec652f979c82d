"""When a webhook that did not arrive is sent again."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.redelivery import GIVE_UP_AFTER_SECONDS, PAUSES_SECONDS, has_failed_too_long, next_try

DAY = 86_400.0
times = st.floats(0, DAY * 2)


def tries(chance: float) -> list[float]:
    """Give the seconds after the event at which it is tried, when every try fails at once."""
    now, found = 0.0, [0.0]
    while (at := next_try(now, len(found), GIVE_UP_AFTER_SECONDS, None, chance)) is not None:
        now = at
        found.append(now)
    return found


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_tries_come_quickly_at_first_then_seldom_and_the_last_after_a_day(chance):
    found = tries(chance)
    pauses = [later - earlier for earlier, later in pairwise(found)]
    assert 4 <= pauses[0] <= 6
    assert 24 <= pauses[1] <= 36
    assert max(pauses) <= PAUSES_SECONDS[-1] * 1.2
    assert found[-1] == GIVE_UP_AFTER_SECONDS
    assert 12 <= len(found) <= 15


def test_two_that_failed_together_do_not_come_back_together():
    assert next_try(0, 3, DAY, None, 0.1) != next_try(0, 3, DAY, None, 0.9)


def test_what_the_receiver_asks_for_wins():
    assert next_try(100, 1, DAY, 600, 0.5) == 700
    assert next_try(100, 1, DAY, 0, 0.5) == 101


def test_whoever_asks_to_wait_longer_than_there_are_tries_is_not_asked_again():
    assert next_try(100, 1, DAY, DAY * 5, 0.5) is None


@given(now=times, attempts=st.integers(1, 10_000), retry_after=st.none() | times, chance=st.floats(0, 0.999))
def test_no_try_comes_before_now_or_after_it_was_given_up(now, attempts, retry_after, chance):
    at = next_try(now, attempts, DAY, retry_after, chance)
    assert at is None or now < at <= DAY
    assert at is not None or now >= DAY or now + (retry_after or 0) > DAY - 1


def test_endpoint_is_switched_off_after_three_days_of_failures():
    assert not has_failed_too_long(3 * DAY - 1, 0)
    assert has_failed_too_long(3 * DAY, 0)
