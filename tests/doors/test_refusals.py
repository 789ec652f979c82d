"""What somebody tried and was refused stands in the record, once a minute, and never in the way of the answer."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection
from django.test import Client

from cast import Api, add_member, token_for
from slotkeeper.changes.models import Change
from slotkeeper.doors import refused
from slotkeeper.people.callers import caller_of_membership
from slotkeeper.people.refused_attempts import MOST_IN_AN_HOUR, Attempt, note_refusal
from slotkeeper.rules.permissions import Role, Scope

NOW = 1_800_000_000


def lines():
    return list(Change.objects.filter(subject_kind="refusal").order_by("pk"))


def foreign_service(cast) -> int:
    return cast.api("outsider").post("/api/services", {"name": "Brakes"}).json()["id"]


def test_what_the_role_does_not_allow_is_written_down_with_who_what_and_from_where(cast):
    answer = cast.api("colleague").post("/api/services", {"name": "New"})
    assert answer.status_code == 403
    (line,) = lines()
    assert (line.business_id, line.subject_id) == (cast.colleague.business_id, cast.colleague.pk)
    assert (line.verb, line.actor_kind, line.actor_name) == ("refused", "token", "Colleague")
    assert line.source == "api 127.0.0.1"
    assert line.after == {
        "method": "POST",
        "route": "/api/services",
        "path": "/api/services",
        "status": 403,
        "permission": "services.write",
    }


def test_a_provider_who_moves_a_colleagues_appointment_leaves_one_line(cast):
    row = cast.api().book().json()
    before = cast.api().get(f"/api/appointments/{row['id']}").json()
    api = cast.api("colleague")
    for _ in range(3):
        assert api.put(f"/api/appointments/{row['id']}", {"title": "Mine"}).status_code == 404
    (line,) = lines()
    assert line.after["path"] == f"/api/appointments/{row['id']}"
    assert line.after["route"] == "/api/appointments/<record_id:appointment_id>"
    assert cast.api().get(f"/api/appointments/{row['id']}").json() == before


def test_ids_of_another_business_in_path_and_body_leave_a_line_in_ones_own_trail_only(cast):
    foreign, api = foreign_service(cast), cast.api()
    assert api.put(f"/api/services/{foreign}", {"name": "Mine"}).status_code == 404
    assert api.book(service_id=foreign).status_code == 404
    assert api.book(user_id=cast.outsider.user_id).status_code == 404
    assert [line.after["status"] for line in lines()] == [404, 404]  # the last two are one route
    assert {line.business_id for line in lines()} == {cast.owner.business_id}


def test_a_read_only_token_that_writes_is_written_down(cast):
    assert cast.api("owner", Scope.READ).book().status_code == 403
    assert len(lines()) == 1


def test_reading_what_is_gone_and_bad_fields_and_strangers_leave_nothing(cast):
    api = cast.api()
    assert api.get("/api/appointments/999999").status_code == 404
    assert api.get("/api/nowhere").status_code == 404
    assert api.post("/api/services", {"name": "x", "business_id": 7}).status_code == 400
    assert Api(None).post("/api/services", {"name": "x"}).status_code == 401
    assert Api("nonsense").post("/api/services", {"name": "x"}).status_code == 401
    assert lines() == []


def test_pages_are_told_from_the_api(cast):
    browser = Client(HTTP_HOST="localhost", REMOTE_ADDR="2001:db8::7")
    browser.force_login(cast.colleague.user)
    assert browser.get("/settings").status_code == 403
    (line,) = lines()
    assert (line.actor_kind, line.actor_id, line.source) == ("member", cast.colleague.pk, "dashboard 2001:db8::7")


def test_the_same_attempt_is_a_line_each_minute(cast):
    caller, attempt = caller_of_membership(cast.colleague), Attempt("POST", "/api/services", "/api/services", 403)
    assert note_refusal(caller, attempt, NOW)
    assert not note_refusal(caller, attempt, NOW + 59)
    assert note_refusal(caller, attempt, NOW + 60)
    assert note_refusal(caller, Attempt("PUT", "/api/services", "/api/services", 403), NOW + 60)


def test_one_member_fills_no_disk(cast):
    caller = caller_of_membership(cast.colleague)
    attempts = [Attempt("POST", f"/api/{number}", "/" + "x" * 5000, 404) for number in range(MOST_IN_AN_HOUR + 20)]
    written = [note_refusal(caller, attempt, NOW) for attempt in attempts]
    assert written.count(True) == MOST_IN_AN_HOUR
    assert max(len(line.after["path"]) for line in lines()) == 200
    assert note_refusal(caller_of_membership(cast.owner), attempts[0], NOW)  # others are not silenced by it
    assert note_refusal(caller, attempts[-1], NOW + 3600)


def test_a_refusal_that_cannot_be_written_down_is_answered_all_the_same(cast, monkeypatch):
    def fail(*_arguments):
        raise OperationalError("database is locked")

    monkeypatch.setattr(refused, "note_refusal", fail)
    answer = cast.api("colleague").post("/api/services", {"name": "New"})
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_PERMITTED")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_written_down(committed_cast):
    secret = token_for(add_member(committed_cast.owner, "viewer@practice.test", Role.VIEWER))

    def attempt(_number):
        try:
            return Api(secret).post("/api/services", {"name": "New"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(attempt, range(24))) == {403}
    assert len(lines()) == 1
