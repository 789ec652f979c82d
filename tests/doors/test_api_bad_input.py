"""Bad input gets its documented error, and the database is unchanged."""

import json

import pytest

from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change

GOOD = {"title": "Meeting", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "MISSING_BODY"),
        (b"   ", 400, "MISSING_BODY"),
        (b"{", 400, "MALFORMED_JSON"),
        (b"[1]", 400, "MALFORMED_JSON"),
        (b'"text"', 400, "MALFORMED_JSON"),
        (b"\xff\xfe", 400, "MALFORMED_JSON"),
        (b'{"a": NaN}', 400, "MALFORMED_JSON"),
        (b"[" * 100_000 + b"]" * 100_000, 400, "MALFORMED_JSON"),
        (b'{"title": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}", 400, "MALFORMED_JSON"),
        (b'{"title": "a", "title": "b"}', 400, "INVALID_FIELD"),
        (b'{"title": "\\ud800"}', 400, "MALFORMED_JSON"),
        (b'{"\\ud800": 1}', 400, "MALFORMED_JSON"),
        (b"x" * 10_000_000, 413, "TOO_LARGE"),
        (json.dumps({"title": "x"}).encode(), 400, "MISSING_FIELDS"),
        (json.dumps(GOOD | {"surprise": 1}).encode(), 400, "UNKNOWN_FIELD"),
        (json.dumps(GOOD | {"status": "confirmed"}).encode(), 400, "UNKNOWN_FIELD"),
        (json.dumps(GOOD | {"business_id": 2}).encode(), 400, "UNKNOWN_FIELD"),
        (json.dumps(GOOD | {"title": 5}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"title": ""}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"title": " \t "}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"title": None}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"title": "x" * 201}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"title": "nul\x00"}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"title": "two\nlines"}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"notes": "bell\x07"}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"notes": "bell"}).encode().replace(b"bell", b"\x07"), 400, "MALFORMED_JSON"),
        (json.dumps(GOOD | {"notes": "delete"}).encode().replace(b"delete", b"\x7f"), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"description": "x" * 2001}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"contact_email": "nobody"}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"sync_to_calendar": "yes"}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"contact_id": 1.5}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"contact_id": 2**70}).encode(), 404, "NOT_FOUND"),
        (json.dumps(GOOD | {"user_id": -1}).encode(), 404, "NOT_FOUND"),
        (json.dumps(GOOD | {"service_id": 0}).encode(), 404, "NOT_FOUND"),
        (json.dumps(GOOD | {"time_zone": "Mars/Olympus"}).encode(), 400, "INVALID_FIELD"),
        (json.dumps(GOOD | {"time_zone": "../../etc/passwd"}).encode(), 400, "INVALID_FIELD"),
    ],
)
def test_bad_bodies_are_refused_and_nothing_is_stored(cast, body, status, code):
    answer = cast.api().post("/api/appointments", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Appointment.objects.exists()
    assert not Change.objects.filter(subject_kind="appointment").exists()


def test_several_lines_are_welcome_where_people_write_them(cast):
    assert cast.api().book(notes="one\ntwo\tthree").status_code == 201


def test_every_bad_field_is_listed(cast):
    answer = cast.api().post("/api/appointments", {"title": 5, "surprise": 1, "end_time": "2027-01-15T15:00:00"})
    listed = {(error["field"], error["code"]) for error in answer.json()["errors"]}
    assert listed == {
        ("start_time", "MISSING_FIELDS"),
        ("surprise", "UNKNOWN_FIELD"),
        ("title", "INVALID_FIELD"),
    }


def test_a_body_that_is_no_json_by_its_type_is_415(cast):
    api = cast.api()
    answer = api.client.generic(
        "POST", "/api/appointments", b"title=x", "application/x-www-form-urlencoded", headers=api.headers
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("start=2027-01-01&start=2027-01-02", "INVALID_FIELD"),
        ("status=lost", "INVALID_FIELD"),
        ("limit=0", "INVALID_FIELD"),
        ("limit=201", "INVALID_FIELD"),
        ("limit=x", "INVALID_FIELD"),
        ("cursor=x", "INVALID_FIELD"),
        ("cursor=%00", "INVALID_FIELD"),
        ("start=0", "INVALID_DATE"),
        ("start=2027-01-02&end=2027-01-01", "END_BEFORE_START"),
        ("colour=red", "UNKNOWN_FIELD"),
        ("time_zone=Nowhere", "INVALID_FIELD"),
    ],
)
def test_bad_queries_are_refused(cast, query, code):
    answer = cast.api().get(f"/api/appointments?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_405_and_say_which_there_are(cast, method):
    answer = cast.api()(method, "/api/appointments/1")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, PATCH, PUT"
    assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "path", ["/api/appointments/0", "/api/appointments/9223372036854775808", "/api/nothing", "/api/"]
)
def test_what_is_not_there_is_404_in_one_form(cast, path):
    answer = cast.api().get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "NOT_FOUND"


def test_a_foreign_id_looks_exactly_like_an_unknown_one(cast):
    theirs = cast.api("outsider").book().json()["id"]
    foreign, unknown = (cast.api().get(f"/api/appointments/{number}") for number in (theirs, 999_999))
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    for method, path, body in (
        ("PUT", f"/api/appointments/{theirs}", {"title": "mine"}),
        ("POST", f"/api/appointments/{theirs}/cancel", None),
        ("POST", "/api/appointments", GOOD | {"user_id": cast.outsider.user_id}),
        (
            "GET",
            f"/api/appointments/freebusy?start=2027-01-01&end=2027-01-02&user_id={cast.outsider.user_id}",
            None,
        ),
    ):
        assert cast.api()(method, path, body).status_code == 404
    theirs_contact = cast.api("outsider").post("/api/contacts", {"name": "Theirs"}).json()["id"]
    assert cast.api().book(contact_id=theirs_contact).status_code == 404
    assert cast.api().get(f"/api/contacts/{theirs_contact}").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1"])
def test_foreign_hosts_are_not_served(cast, host):
    api = cast.api()
    answer = api.client.get("/api/me", headers=api.headers | {"Host": host})
    assert answer.status_code == 400
    assert {"X-Request-Id", "X-Content-Type-Options"} <= set(answer.headers)


def test_every_answer_carries_a_request_id_and_protective_headers(cast):
    answer = cast.api().get("/api/me")
    assert len(answer["X-Request-Id"]) == 16
    assert answer["X-Content-Type-Options"] == "nosniff"
