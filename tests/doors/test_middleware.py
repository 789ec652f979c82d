"""What every request passes: proxies, sessions beside tokens, a database that goes away."""

import dataclasses
from ipaddress import ip_network

import pytest
from django.db import IntegrityError, OperationalError
from django.test import Client, RequestFactory

from cast import PASSWORD
from slotkeeper.doors.middleware import believe_trusted_proxy, client_address


def seen_through(settings, trusted, peer, forwarded, proto="https"):
    networks = tuple(ip_network(text) for text in trusted)
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, trusted_proxies=networks)
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded, HTTP_X_FORWARDED_PROTO=proto)
    believe_trusted_proxy(request)
    return client_address(request), request.is_secure()


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "seen"),
    [
        ([], "127.0.0.1", "9.9.9.9", ("127.0.0.1", False)),
        (["127.0.0.1"], "127.0.0.1", "9.9.9.9", ("9.9.9.9", True)),
        (["127.0.0.1"], "8.8.8.8", "9.9.9.9", ("8.8.8.8", False)),
        (["10.0.0.0/8"], "10.1.1.1", "1.1.1.1, 9.9.9.9, 10.2.2.2", ("9.9.9.9", True)),
        (["127.0.0.1"], "127.0.0.1", "", ("127.0.0.1", True)),
        (["::1"], "::1", "2001:db8::1", ("2001:db8::1", True)),
    ],
)
def test_only_trusted_proxies_are_believed(settings, trusted, peer, forwarded, seen):
    assert seen_through(settings, trusted, peer, forwarded) == seen


@pytest.fixture
def browser(cast):
    client = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    client.get("/accounts/login/")
    signed_in = client.post(
        "/accounts/login/",
        {
            "login": "owner@practice.test",
            "password": PASSWORD,
            "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
        },
    )
    assert signed_in.status_code == 302
    return client


@pytest.mark.parametrize("cookie", ["slotkeeper_session", "csrftoken", "slotkeeper_language"])
@pytest.mark.parametrize("value", [rf'"\000{"a" * 31}"', rf'"{"a" * 31}\377"', "ä" * 32, "x" * 5000, ""])
def test_cookie_that_nobody_gave_out_is_none(cast, cookie, value):
    answer = Client(HTTP_HOST="localhost").get("/", headers={"Cookie": f"{cookie}={value}"})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2F")


BOOKING = '{"title": "Meeting", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}'


def test_the_session_works_on_the_api_with_its_csrf_token_only(browser):
    assert browser.get("/api/me").json()["role"] == "owner"
    refused = browser.post("/api/appointments", BOOKING, "application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    token = browser.cookies["csrftoken"].value
    booked = browser.post("/api/appointments", BOOKING, "application/json", headers={"X-CSRFToken": token})
    assert booked.status_code == 201


def test_a_bad_token_is_not_mended_by_a_session(browser):
    assert browser.get("/api/me", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_requests_with_a_token_set_no_cookie_and_ask_for_no_csrf_token(cast):
    answer = cast.api().book()
    assert answer.status_code == 201
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_public(db, path):
    assert Client(HTTP_HOST="localhost").get(path).status_code == 200


def test_a_database_that_stays_locked_is_503_after_three_tries(committed_cast, monkeypatch):
    tries = []

    def locked(*_arguments):
        tries.append(1)
        raise OperationalError("database is locked")

    monkeypatch.setattr("slotkeeper.appointments.rows.read_listing", locked)
    answer = committed_cast.api().get("/api/appointments")
    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "1", "UNAVAILABLE")
    assert len(tries) == 3


def test_a_form_that_loses_a_race_is_no_server_error(cast, monkeypatch):
    def taken(*_arguments, **_fields):
        raise IntegrityError("UNIQUE constraint failed: users.email")

    monkeypatch.setattr("slotkeeper.people.models.User.save", taken)
    fields = {
        "email": "new@x.test",
        "password1": PASSWORD,
        "name": "N",
        "business_name": "B",
        "time_zone": "Europe/Berlin",
    }
    assert Client(HTTP_HOST="localhost").post("/accounts/signup/", fields).status_code == 409
