"""How many statements the hot paths cost; BEGIN and COMMIT are not counted."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cast import Cast
from slotkeeper import hot_sql
from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.calendars.live import is_anybody_asked_live
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Membership

MARCH = 1_930_000_000 - 1_930_000_000 % 3600


@contextmanager
def statements(at_most: int):
    with CaptureQueriesContext(connection) as captured:
        yield
    work = [query["sql"] for query in captured if not query["sql"].startswith(("BEGIN", "COMMIT"))]
    assert 0 < len(work) <= at_most, "\n".join(work)


@pytest.fixture(autouse=True)
def known(committed_cast: Cast) -> None:
    """Let be known what is looked up twice a minute: who wants to be asked at every booking."""
    is_anybody_asked_live()


@pytest.fixture
def service(committed_cast: Cast) -> Service:
    return Service.objects.create(business=committed_cast.owner.business, name="Cut", buffer_after_minutes=5)


def test_booking_with_contact_and_service_takes_four_statements(committed_cast, service):
    owner = committed_cast.owner
    wish = Booking(
        owner.business_id, owner.user_id, "Cut", MARCH, MARCH + 3600,
        contact_id=committed_cast.customer.pk, service_id=service.pk,
    )  # fmt: skip
    with statements(at_most=4):
        actions.book(wish, COMMAND, MARCH - 3600)


def test_booking_over_http_takes_four_statements_with_its_token(committed_cast):
    api = committed_cast.api()
    api.get("/api/appointments")  # the first use of a token in a minute is written down
    with statements(at_most=4):
        assert api.book(contact_id=committed_cast.customer.pk).status_code == 201


def test_booking_a_service_over_http_takes_one_more_to_see_who_offers_it(committed_cast, service):
    api = committed_cast.api()
    api.get("/api/appointments")
    with statements(at_most=5):
        assert api.book(contact_id=committed_cast.customer.pk, service_id=service.pk).status_code == 201


def test_grants_and_limits_cost_the_permission_check_no_statement(committed_cast):
    limits = {"grants": ["appointments.read.all"], "limited_to_user_ids": [committed_cast.owner.user_id]}
    Membership.objects.filter(pk=committed_cast.colleague.pk).update(**limits)
    api = committed_cast.api("colleague")
    api.get("/api/appointments")
    with statements(at_most=1):
        assert api.get("/api/slots?nothing=1").status_code == 400  # past the gate: with the token's statement alone
    with statements(at_most=2):
        assert api.get("/api/appointments").status_code == 200


def test_where_a_booking_came_from_costs_no_statement(committed_cast):
    api = committed_cast.api()
    api.get("/api/appointments")
    with CaptureQueriesContext(connection) as captured:
        assert api.book().status_code == 201
    about = [query["sql"] for query in captured if "INTO changes" in query["sql"]]
    assert len(about) == 1
    assert "api 127.0.0.1" in about[0]


def test_free_busy_over_http_takes_two_statements_with_its_token(committed_cast):
    api = committed_cast.api()
    api.book()
    with statements(at_most=2):
        answer = api.get("/api/appointments/freebusy?start=2027-01-15T00:00:00&end=2027-01-16T00:00:00")
    assert len(answer.json()["busy"]) == 1


def test_a_kept_cursor_is_made_anew_with_its_connection(committed_cast):
    for _ in range(2):
        assert hot_sql.row("SELECT name FROM users WHERE id = %s", [committed_cast.owner.user_id])
        connection.close()
