"""What holds after every race, whoever won."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from cast import Cast
from race.contestants import PlainSql, Verbs, close_own_connection
from race.harness import LANES, out_of_step, overlaps_stored, query
from race.scratch import database_url
from servers.slotkeeper_server import Slotkeeper, running_slotkeeper


@pytest.fixture
def rounds(soak: bool) -> Callable[[int], int]:
    """Turn a number of attempts into rounds of sixteen; ten times as many with --soak."""
    return lambda attempts: attempts * (10 if soak else 1) // LANES


@pytest.fixture
def calendar(committed_cast: Cast) -> Iterator[Cast]:
    """The cast with empty calendars. Afterwards nothing overlaps, and PostgreSQL saw no deadlock."""
    before = _deadlocks()
    yield committed_cast
    close_own_connection()
    assert (overlaps_stored(), out_of_step()) == (0, 0)
    assert _deadlocks() == before


def _deadlocks() -> int:
    if connection.vendor == "sqlite":
        return 0
    return int(query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0])


@pytest.fixture(params=[Verbs, PlainSql], ids=["through the verbs", "through plain SQL"])
def way(request, calendar: Cast) -> Verbs | PlainSql:
    """How the racers write."""
    return request.param(calendar)


@pytest.fixture(scope="module")
def server(django_db_setup) -> Iterator[Slotkeeper]:
    """Two web workers with four threads each, on the test's own database."""
    with running_slotkeeper(database_url()) as started:
        yield started
