"""Which message a customer is owed."""

import itertools

import pytest

from slotkeeper.rules.appointment_status import TRANSITIONS, Status
from slotkeeper.rules.news import News, Standing, news

TEN = Standing(36_000, 39_600, Status.SCHEDULED)
TEN_CONFIRMED = Standing(36_000, 39_600, Status.CONFIRMED)
NOON = Standing(43_200, 46_800, Status.SCHEDULED)
CANCELED = Standing(36_000, 39_600, Status.CANCELED)


@pytest.mark.parametrize(
    ("known", "current", "needs_confirmation", "owed"),
    [
        (None, TEN, False, News.BOOKED),
        (None, TEN, True, News.AWAITING_CONFIRMATION),
        (None, TEN_CONFIRMED, True, News.BOOKED),
        (None, CANCELED, False, News.CANCELED),
        (None, Standing(0, 1, Status.COMPLETED), False, None),
        (TEN, TEN, True, None),
        (TEN, NOON, False, News.RESCHEDULED),
        (TEN, Standing(36_000, 41_400, Status.SCHEDULED), False, News.RESCHEDULED),
        (TEN, TEN_CONFIRMED, True, News.CONFIRMED),
        (TEN, TEN_CONFIRMED, False, News.CONFIRMED),
        (TEN, Standing(43_200, 46_800, Status.CONFIRMED), True, News.RESCHEDULED),
        (TEN_CONFIRMED, CANCELED, False, News.CANCELED),
        (CANCELED, CANCELED, False, None),
        (TEN_CONFIRMED, Standing(36_000, 39_600, Status.NO_SHOW), False, None),
    ],
)
def test_what_is_owed_follows_from_what_is_known_and_how_it_stands(known, current, needs_confirmation, owed):
    assert news(known, current, needs_confirmation=needs_confirmation) == owed


def test_whoever_knows_how_it_stands_is_told_nothing_more():
    for status, needs_confirmation in itertools.product(Status, (True, False)):
        standing = Standing(0, 60, status)
        assert news(standing, standing, needs_confirmation=needs_confirmation) is None


def test_after_one_message_nothing_is_owed_whatever_happened_before():
    for first, steps in itertools.product(Status, itertools.product(Status, repeat=2)):
        path = [first, *steps]
        if any(later not in TRANSITIONS[earlier] for earlier, later in itertools.pairwise(path)):
            continue
        known, current = Standing(0, 60, first), Standing(600, 660, steps[-1])
        if news(known, current, needs_confirmation=True):
            assert news(current, current, needs_confirmation=True) is None
