"""Changing appointments and contacts over HTTP: versions, repetition, lists, history, erasure."""

import pytest

from slotkeeper.appointments.models import Appointment, IntakeAnswer
from slotkeeper.changes.models import Change
from slotkeeper.people.models import IdempotentAnswer


def test_absent_fields_stay_and_null_clears(cast):
    api = cast.api()
    made = api.book(notes="keep", location="Room 1").json()
    changed = api.put(f"/api/appointments/{made['id']}", {"location": None}).json()
    assert (changed["notes"], changed["location"], changed["version"]) == ("keep", None, 2)


def test_a_stale_version_is_refused_with_the_current_row(cast):
    api = cast.api()
    made = api.book()
    path = made["Location"]
    api.put(path, {"title": "second"})
    by_header = api.put(path, {"title": "third"}, If_Match=made["ETag"])
    by_body = api.put(path, {"title": "third", "version": 1})
    assert (by_header.status_code, by_body.status_code) == (412, 409)
    for answer in (by_header, by_body):
        assert answer.json()["code"] == "VERSION_CONFLICT"
        assert answer.json()["current"]["title"] == "second"
    assert api.put(path, {"title": "third"}, If_Match='"1", "2"').status_code == 200
    assert api.put(path, {"title": "fourth"}, If_Match="*").status_code == 200
    assert api.put(path, {"title": "fifth"}, If_Match="nonsense").status_code == 412
    assert api.post(f"{path}/cancel", If_Match='"1"').status_code == 412


def test_etag_follows_the_version(cast):
    api = cast.api()
    made = api.book()
    assert made["ETag"] == '"1"'
    assert api.put(made["Location"], {"title": "x"})["ETag"] == '"2"'
    assert api.get(made["Location"])["ETag"] == '"2"'
    assert api.put(made["Location"], {"title": "x"})["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("moves", "status"),
    [
        (["confirm", "complete"], "completed"),
        (["confirm", "cancel"], "canceled"),
        (["cancel", "cancel"], "canceled"),
        (["no-show"], "no_show"),
    ],
)
def test_the_verbs_move_along_the_table(cast, moves, status):
    api = cast.api()
    path = api.book()["Location"]
    for move in moves:
        answer = api.post(f"{path}/{move}")
        assert answer.status_code == 200
    assert answer.json()["status"] == status


def test_illegal_moves_are_409_by_sub_path_and_by_put(cast):
    api = cast.api()
    path = api.book()["Location"]
    for answer in (api.post(f"{path}/complete"), api.put(path, {"status": "completed"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
    assert api.put(path, {"status": "lost"}).status_code == 400
    api.post(f"{path}/cancel", {"reason": "ill"})
    assert api.put(path, {"start_time": "2027-01-16T10:00:00"}).json()["code"] == "INVALID_TRANSITION"
    assert api.put(path, {"notes": "still editable"}).status_code == 200


def test_moving_into_a_taken_slot_is_refused_and_moving_away_frees_it(cast):
    api = cast.api()
    first, second = api.book()["Location"], api.book("2027-01-15T16:00:00", "2027-01-15T17:00:00")["Location"]
    refused = api.put(second, {"start_time": "2027-01-15T14:30:00", "end_time": "2027-01-15T15:30:00"})
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_TAKEN")
    assert api.get(second).json()["start_time"] == "2027-01-15T16:00:00+01:00"
    api.put(first, {"start_time": "2027-01-20T14:00:00", "end_time": "2027-01-20T15:00:00"})
    assert api.put(second, {"start_time": "2027-01-15T14:30:00"}).status_code == 200


def test_a_repeated_request_gets_the_first_answer_and_books_once(cast):
    api = cast.api()
    body = {"title": "Meeting", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}
    first, second = (api.post("/api/appointments", body, Idempotency_Key="one") for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content) == (201, first.content)
    assert (first["Location"], first["ETag"]) == (second["Location"], second["ETag"])
    assert Appointment.objects.count() == 1
    other = api.post("/api/appointments", body | {"title": "Other"}, Idempotency_Key="one")
    assert other.status_code == 422
    for key in ("x" * 256, "ümlaut", ""):
        assert api.post("/api/appointments", {}, Idempotency_Key=key).status_code == 400


def test_a_refused_request_keeps_no_answer_under_its_key(cast):
    api = cast.api()
    blocker = api.book()["Location"]
    body = {"title": "Meeting", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}
    assert api.post("/api/appointments", body, Idempotency_Key="k").status_code == 409
    api.post(f"{blocker}/cancel")
    assert api.post("/api/appointments", body, Idempotency_Key="k").status_code == 201


def test_keys_of_two_callers_do_not_meet(cast):
    body = {"title": "Meeting", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}
    statuses = {
        cast.api(who).post("/api/appointments", body, Idempotency_Key="k").json()["id"]
        for who in ("owner", "colleague")
    }
    assert len(statuses) == 2


def test_lists_are_narrowed_and_paged_without_loss(cast):
    api = cast.api()
    for hour in range(8, 18):
        api.book(
            f"2027-01-15T{hour:02}:00:00",
            f"2027-01-15T{hour:02}:30:00",
            contact_id=cast.customer.pk if hour % 2 else None,
        )
    seen, cursor = [], None
    while True:
        page = api.get(f"/api/appointments?limit=3{f'&cursor={cursor}' if cursor else ''}").json()
        seen += [row["start_time"] for row in page["appointments"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(seen) == 10
    inside = api.get("/api/appointments?start=2027-01-15T09:15:00&end=2027-01-15T11:00:00").json()["appointments"]
    assert [row["start_time"][11:16] for row in inside] == ["09:00", "10:00"]
    assert len(api.get(f"/api/appointments?contact_id={cast.customer.pk}").json()["appointments"]) == 5
    api.post(f"/api/appointments/{inside[0]['id']}/cancel")
    canceled = api.get("/api/appointments?status=canceled&status=no_show").json()["appointments"]
    assert [row["id"] for row in canceled] == [inside[0]["id"]]


def test_history_tells_who_changed_what(cast):
    api = cast.api()
    path = api.book()["Location"]
    api.put(path, {"start_time": "2027-01-15T13:00:00"})
    api.post(f"{path}/cancel", {"reason": "ill"})
    changes = api.get(f"{path}/history").json()["changes"]
    assert [change["verb"] for change in changes] == ["booked", "rescheduled", "canceled"]
    assert changes[1]["before"] == {"start_time": "2027-01-15T13:00:00Z"}
    assert changes[2]["after"]["reason"] == "ill"
    assert {change["actor"] for change in changes} == {"Olga Owner"}


def test_erasing_a_person_blanks_them_everywhere_and_keeps_the_times(cast):
    api = cast.api()
    contact = api.post("/api/contacts", {"name": "Erna Erased", "email": "erna@x.test", "phone": "123"}).json()
    path = api.book(contact_id=contact["id"])["Location"]
    api.put(f"/api/contacts/{contact['id']}", {"phone": "456"})
    assert "Erna" in api.get(f"/api/contacts/{contact['id']}/export").content.decode()
    assert api("DELETE", f"/api/contacts/{contact['id']}").status_code == 204
    kept = api.get(path).json()
    assert (kept["contact_id"], kept["contact_name"], kept["contact_email"]) == (None, None, None)
    assert kept["start_time"] == "2027-01-15T14:00:00+01:00"
    recorded = str(list(Change.objects.values_list("before", "after")))
    assert not any(word in recorded for word in ("Erna", "erna@x.test", "123", "456"))
    assert api("DELETE", f"/api/contacts/{contact['id']}").status_code == 404


@pytest.mark.parametrize("later", ["nobody", "somebody else"])
def test_erasing_a_person_reaches_what_was_theirs_before(cast, later):
    api = cast.api()
    contact = api.post("/api/contacts", {"name": "Erna Erased", "email": "erna@x.test"}, Idempotency_Key="c").json()
    booked = {"title": "x", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}
    row = api.post("/api/appointments", booked | {"contact_id": contact["id"]}, Idempotency_Key="a").json()
    IntakeAnswer.objects.create(appointment_id=row["id"], position=1, question="Born?", answer="1980, Erna")
    other = None if later == "nobody" else cast.customer.pk
    relinked = {"contact_id": other} | ({"contact_name": "Carla", "contact_email": "carla@x.test"} if other else {})
    assert api.put(f"/api/appointments/{row['id']}", relinked).status_code == 200
    assert api("DELETE", f"/api/contacts/{contact['id']}").status_code == 204
    assert "erna" not in str(list(Change.objects.values_list("before", "after"))).lower()
    assert "erna" not in api.get(f"/api/appointments/{row['id']}").content.decode().lower()
    assert not any(b"Erna" in bytes(kept.body) for kept in IdempotentAnswer.objects.all())
    assert IntakeAnswer.objects.exists() is (other is not None)
    if other:
        assert api.get(f"/api/appointments/{row['id']}").json()["contact_name"] == "Carla"
        assert "Carla" in api.get(f"/api/appointments/{row['id']}/history").content.decode()


def test_contacts_are_found_changed_and_paged(cast):
    api = cast.api()
    for number in range(5):
        api.post("/api/contacts", {"name": f"Person {number}", "email": f"p{number}@x.test"})
    page = api.get("/api/contacts?limit=4").json()
    rest = api.get(f"/api/contacts?limit=4&cursor={page['next_cursor']}").json()
    assert (len(page["contacts"]), len(rest["contacts"]), rest["next_cursor"]) == (4, 2, None)
    assert [found["name"] for found in api.get("/api/contacts?q=p3@x").json()["contacts"]] == ["Person 3"]
    one = api.get(f"/api/contacts/{page['contacts'][0]['id']}")
    assert api.put(f"/api/contacts/{one.json()['id']}", {"notes": "x"}, If_Match=one["ETag"]).status_code == 200
    stale = api.put(f"/api/contacts/{one.json()['id']}", {"notes": "y"}, If_Match=one["ETag"])
    assert (stale.status_code, stale.json()["current"]["notes"]) == (412, "x")
