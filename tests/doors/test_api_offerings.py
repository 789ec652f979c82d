"""Services, hours, closures, time off, resources and the business over HTTP."""

from datetime import UTC, datetime

import pytest

from cast import Api, add_member, token_for
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Closure, DateOverride, OpeningHours, Resource, Service, TimeOff
from slotkeeper.people.models import Business, Membership
from slotkeeper.rules.permissions import Role, Scope

FULL = {
    "name": "Colour & cut",
    "slug": "colour",
    "description": "Two hours\nof your life",
    "duration_minutes": 120,
    "buffer_before_minutes": 5,
    "buffer_after_minutes": 15,
    "step_minutes": 30,
    "minimum_notice_minutes": 60,
    "horizon_days": 90,
    "daily_limit_count": 4,
    "daily_limit_minutes": 480,
    "price": {"amount": 12_000, "currency": "EUR"},
    "location": "First floor",
    "color": "#336699",
    "requires_confirmation": True,
    "assignment": "chosen",
    "questions": [
        {"label": "Allergies?", "kind": "long_text", "is_required": True, "choices": []},
        {"label": "Length", "kind": "choice", "is_required": False, "choices": ["short", "long"]},
    ],
    "is_active": True,
}
WEEKLY = {"monday": [["09:00", "12:00"], ["13:00", "17:00"]], "friday": [["22:00", "02:00"]], "sunday": []}
# A Friday.
BOOKED = {"start": "2027-01-15T14:00:00", "end": "2027-01-15T15:00:00"}


def role_api(cast, role: Role, scope: Scope = Scope.WRITE) -> Api:
    return Api(token_for(add_member(cast.owner, f"some-{role}@practice.test", role), scope))


def bad_names(answer) -> list[str]:
    assert answer.status_code == 400, answer.content
    return sorted(error["field"] for error in answer.json()["errors"])


# Services


def test_a_service_is_stored_and_read_back_as_it_was_sent(cast):
    api, user_ids = cast.api(), sorted([cast.owner.user_id, cast.colleague.user_id])
    made = api.post("/api/services", FULL | {"user_ids": user_ids})
    assert made.status_code == 201
    assert made["ETag"] == '"1"'
    read = api.get(made["Location"]).json()
    assert read == made.json()
    assert {name: read[name] for name in FULL} == FULL
    assert read["user_ids"] == user_ids


def test_a_service_needs_only_a_name(cast):
    made = cast.api().post("/api/services", {"name": "Check-up"}).json()
    assert made["slug"] == "check-up"
    assert (made["duration_minutes"], made["step_minutes"], made["price"]) == (30, None, None)
    assert (made["description"], made["questions"], made["user_ids"]) == (None, [], [])


def test_services_are_listed_page_by_page(cast):
    api = cast.api()
    for number in range(3):
        api.post("/api/services", {"name": f"Service {number}"})
    cast.api("outsider").post("/api/services", {"name": "Tyres"})
    first = api.get("/api/services?limit=2").json()
    second = api.get(f"/api/services?limit=2&cursor={first['next_cursor']}").json()
    names = [service["name"] for page in (first, second) for service in page["services"]]
    assert names == ["Service 0", "Service 1", "Service 2"]
    assert second["next_cursor"] is None
    assert api.get("/api/services?cursor=x").status_code == 400


def test_services_cost_the_same_statements_however_many_there_are(cast, django_assert_max_num_queries):
    api = cast.api()
    for number in range(5):
        api.post("/api/services", {"name": f"Service {number}", "user_ids": [cast.owner.user_id]})
    api.get("/api/services")
    with django_assert_max_num_queries(5):
        api.get("/api/services")


def test_a_change_of_a_service_writes_only_what_is_sent(cast):
    api = cast.api()
    made = api.post("/api/services", FULL | {"user_ids": [cast.owner.user_id]})
    path = made["Location"]
    for method in ("PUT", "PATCH"):
        changed = api(method, path, {"price": None, "description": None, "step_minutes": None, "user_ids": []})
        assert changed.status_code == 200
        expected = {"price": None, "description": None, "step_minutes": None, "user_ids": []}
        assert changed.json() | {"updated_at": ""} == made.json() | expected | {"version": 2, "updated_at": ""}
        assert changed["ETag"] == '"2"'


def test_a_stale_version_of_a_service_is_refused_with_the_current_row(cast):
    api = cast.api()
    path = api.post("/api/services", {"name": "Cut"})["Location"]
    assert api.put(path, {"name": "Trim"}, If_Match='"1"').status_code == 200
    by_header = api.put(path, {"name": "Shave"}, If_Match='"1"')
    assert (by_header.status_code, by_header.json()["code"]) == (412, "VERSION_CONFLICT")
    assert by_header.json()["current"]["name"] == "Trim"
    by_body = api.put(path, {"name": "Shave", "version": 1})
    assert (by_body.status_code, by_body.json()["current"]["version"]) == (409, 2)
    assert api.put(path, {"name": "Shave", "version": 2}).json()["version"] == 3


def test_a_repeated_request_makes_one_service(cast):
    api = cast.api()
    answers = [api.post("/api/services", {"name": "Cut"}, Idempotency_Key="k") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Location"] == answers[0]["Location"]
    assert Service.objects.count() == 1
    assert api.post("/api/services", {"name": "Trim"}, Idempotency_Key="k").status_code == 422


def test_a_booked_service_is_taken_off_offer_and_an_unused_one_is_gone(cast):
    api = cast.api()
    paths = [api.post("/api/services", {"name": "Cut"})["Location"] for _ in range(2)]
    api.book(service_id=int(paths[0].rsplit("/", 1)[1]))
    for path in paths:
        answer = api("DELETE", path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(paths[0]).json()["is_active"] is False
    assert api.get(paths[1]).status_code == 404
    assert api("DELETE", paths[1]).status_code == 404


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "a\x00b"}, ["name"]),
        ({"name": "two\nlines"}, ["name"]),
        ({"slug": "No Slug"}, ["slug"]),
        ({"slug": "-x"}, ["slug"]),
        ({"slug": "x\n"}, ["slug"]),
        ({"duration_minutes": 0, "horizon_days": 0, "color": "red"}, ["color", "duration_minutes", "horizon_days"]),
        ({"duration_minutes": 1441}, ["duration_minutes"]),
        ({"duration_minutes": 30.5}, ["duration_minutes"]),
        ({"duration_minutes": None}, ["duration_minutes"]),
        ({"buffer_before_minutes": -1, "step_minutes": 0}, ["buffer_before_minutes", "step_minutes"]),
        ({"daily_limit_count": 0, "daily_limit_minutes": 10**30}, ["daily_limit_count", "daily_limit_minutes"]),
        ({"price": {"amount": -1, "currency": "EUR"}}, ["price"]),
        ({"price": {"amount": 1, "currency": "euro"}}, ["price"]),
        ({"price": {"amount": 1}}, ["price"]),
        ({"price": 12}, ["price"]),
        ({"assignment": "some"}, ["assignment"]),
        ({"user_ids": ["1"]}, ["user_ids"]),
        ({"questions": [{"label": ""}]}, ["questions"]),
        ({"questions": [{"label": "a\x00b"}]}, ["questions"]),
        ({"questions": [{"label": "Which?", "kind": "choice"}]}, ["questions"]),
        ({"questions": [{"label": "Which?", "kind": "choice", "choices": ["a\x07"]}]}, ["questions"]),
        ({"questions": [{"label": "Which?", "kind": "text", "choices": ["a"]}]}, ["questions"]),
        ({"questions": [{"label": "Which?", "more": 1}]}, ["questions"]),
        ({"questions": [{"label": "Which?"}] * 21}, ["questions"]),
        ({"id": 5, "business_id": 1}, ["business_id", "id"]),
    ],
)
def test_bad_services_are_refused_by_field_and_nothing_is_stored(fields, named, cast):
    api = cast.api()
    assert bad_names(api.post("/api/services", {"name": "Cut"} | fields)) == named
    assert not Service.objects.exists()
    path = api.post("/api/services", {"name": "Cut"})["Location"]
    assert bad_names(api.put(path, fields)) == named
    assert Service.objects.get().version == 1


def test_a_slug_that_is_taken_is_refused(cast):
    api = cast.api()
    api.post("/api/services", {"name": "Cut"})
    assert bad_names(api.post("/api/services", {"name": "Other", "slug": "cut"})) == ["slug"]


def test_nobody_reaches_the_services_of_another_business(cast):
    path = cast.api().post("/api/services", {"name": "Cut"})["Location"]
    outsider = cast.api("outsider")
    assert outsider.get("/api/services").json()["services"] == []
    unknown = outsider.get("/api/services/999999").json()
    for answer in (outsider.get(path), outsider.put(path, {"name": "Mine"}), outsider("DELETE", path)):
        assert (answer.status_code, answer.json()) == (404, unknown)
    foreign = outsider.post("/api/services", {"name": "Tyres", "user_ids": [cast.owner.user_id]})
    assert foreign.status_code == 404
    assert outsider.post("/api/services", {"name": "Tyres", "user_ids": [2**70]}).status_code == 404


@pytest.mark.parametrize("role", list(Role))
def test_services_are_read_by_all_and_changed_by_owners_and_admins(role, cast):
    path = cast.api().post("/api/services", {"name": "Cut"})["Location"]
    api = role_api(cast, role)
    is_allowed = role in {Role.OWNER, Role.ADMIN}
    assert api.get(path).status_code == 200
    assert api.put(path, {"name": "Trim"}).status_code == (200 if is_allowed else 403)
    assert api.post("/api/resources", {"name": "Room"}).status_code == (201 if is_allowed else 403)
    assert api("DELETE", path).status_code == (204 if is_allowed else 403)


# Hours


def test_weekly_hours_are_replaced_day_by_day(cast):
    api, path = cast.api(), f"/api/users/{cast.owner.user_id}/hours"
    empty = api.get(path).json()
    assert empty["time_zone"] == "Europe/Berlin"
    assert set(empty["weekly"]) == {
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    }  # fmt: skip
    assert not any(empty["weekly"].values())
    assert api.put(path, {"weekly": WEEKLY}).json()["weekly"] == empty["weekly"] | WEEKLY
    changed = api.put(path, {"weekly": {"monday": [["00:00", "00:00"]]}}).json()["weekly"]
    assert changed == empty["weekly"] | WEEKLY | {"monday": [["00:00", "24:00"]]}
    assert api.get(path).json()["weekly"] == changed


@pytest.mark.parametrize(
    ("weekly", "named"),
    [
        ({"monday": [["09:00", "12:00"], ["11:00", "13:00"]], "friday": [["10:00", "10:00"]]},
         ["weekly.friday", "weekly.monday"]),
        ({"monday": [["24:00", "12:00"]]}, ["weekly.monday"]),
        ({"sunday": [["22:00", "10:00"]], "monday": [["09:00", "12:00"]]}, ["weekly.sunday"]),
        ({"monday": [["9:00", "12:00"]]}, ["weekly"]),
        ({"monday": [["09:00", "25:00"]]}, ["weekly"]),
        ({"monday": [["09:00\n", "12:00"]]}, ["weekly"]),
        ({"monday": [["09:00"]]}, ["weekly"]),
        ({"monday": [["09:00", "10:00", "11:00"]]}, ["weekly"]),
        ({"monday": ["09:00", "12:00"]}, ["weekly"]),
        ({"monday": [[f"{hour:02}:00", f"{hour:02}:30"] for hour in range(21)]}, ["weekly"]),
        ({"monday": None}, ["weekly"]),
        ({"mondays": []}, ["weekly"]),
        ([], ["weekly"]),
    ],
)  # fmt: skip
def test_bad_hours_are_refused_by_day_and_nothing_is_stored(weekly, named, cast):
    path = f"/api/users/{cast.owner.user_id}/hours"
    assert bad_names(cast.api().put(path, {"weekly": weekly})) == named
    assert bad_names(cast.api().post(f"{path}/impact", {"weekly": weekly})) == named
    assert not OpeningHours.objects.exists()


def test_overrides_come_and_go_by_date(cast):
    api, path = cast.api(), f"/api/users/{cast.owner.user_id}/hours/overrides"
    assert api.put(f"{path}/2027-12-24", {"ranges": []}).json() == {"date": "2027-12-24", "ranges": []}
    api.put(f"{path}/2027-12-23", {"ranges": [["12:00", "13:00"]]})
    api.put(f"{path}/2027-12-23", {"ranges": [["10:00", "15:00"], ["16:00", "24:00"]]})
    first = api.get(f"{path}?limit=1").json()
    assert first["overrides"] == [{"date": "2027-12-23", "ranges": [["10:00", "15:00"], ["16:00", "24:00"]]}]
    second = api.get(f"{path}?limit=1&cursor={first['next_cursor']}").json()
    assert second == {"overrides": [{"date": "2027-12-24", "ranges": []}], "next_cursor": None}
    assert api("DELETE", f"{path}/2027-12-24").status_code == 204
    assert api("DELETE", f"{path}/2027-12-24").status_code == 404


@pytest.mark.parametrize(
    "day", ["tomorrow", "2027-02-30", "1969-12-31", "2201-01-01", "2027-1-1", "20270101", "٢٠٢٧-٠١-٠١"]
)
def test_a_date_that_is_none_is_refused(day, cast):
    api, path = cast.api(), f"/api/users/{cast.owner.user_id}/hours"
    answer = api.put(f"{path}/overrides/{day}", {"ranges": []})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATE")
    assert api("DELETE", f"{path}/overrides/{day}").status_code == 400
    assert api.post("/api/closures", {"date": day, "name": "x"}).json()["code"] == "INVALID_DATE"
    proposed = api.post(f"{path}/impact", {"override": {"date": day, "ranges": []}})
    assert proposed.json()["code"] == "INVALID_DATE"
    assert not DateOverride.objects.exists()
    assert not Closure.objects.exists()


def writes_of_hours(api: Api, user_id: int) -> list[int]:
    path = f"/api/users/{user_id}"
    away = {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00"}
    return [
        api.put(f"{path}/hours", {"weekly": WEEKLY}).status_code,
        api.put(f"{path}/hours/overrides/2027-12-24", {"ranges": []}).status_code,
        api("DELETE", f"{path}/hours/overrides/2027-12-24").status_code,
        api.post(f"{path}/hours/impact", {"weekly": WEEKLY}).status_code,
        api.post(f"{path}/time-off", away).status_code,
    ]


@pytest.mark.parametrize("role", list(Role))
def test_who_may_change_whose_hours(role, cast):
    member = add_member(cast.owner, f"some-{role}@practice.test", role)
    api, done = Api(token_for(member)), [200, 200, 204, 200, 201]
    own = role in {Role.OWNER, Role.ADMIN, Role.SCHEDULER, Role.PROVIDER}
    others = own and role is not Role.PROVIDER
    assert writes_of_hours(api, member.user_id) == (done if own else [403] * 5)
    assert writes_of_hours(api, cast.colleague.user_id) == (done if others else [403] * 5)
    assert api.post("/api/closures", {"date": "2027-12-24", "name": "Christmas"}).status_code == (
        201 if others else 403
    )
    assert api.post("/api/holiday-calendars/DE/close").status_code == (200 if others else 403)
    reading = Api(token_for(member, Scope.READ))
    assert writes_of_hours(reading, member.user_id) == [403] * 5
    for path in ("hours", "hours/overrides", "time-off"):
        assert reading.get(f"/api/users/{cast.colleague.user_id}/{path}").status_code == 200


def test_members_of_other_businesses_have_no_hours_here(cast):
    outsider = cast.api("outsider")
    unknown = outsider.get("/api/users/999999/hours").json()
    for user_id in (cast.owner.user_id, 999_999, 2**70):
        assert writes_of_hours(outsider, user_id) == [404] * 5
        for path in ("hours", "hours/overrides", "time-off"):
            answer = outsider.get(f"/api/users/{user_id}/{path}")
            assert (answer.status_code, answer.json()) == (404, unknown)
    assert not Change.objects.filter(business_id=cast.owner.business_id, subject_kind="opening_hours").exists()


# Impact


def impact(api: Api, membership: Membership, **proposal) -> list[int]:
    answer = api.post(f"/api/users/{membership.user_id}/hours/impact", proposal)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["appointments"]]


def test_hours_show_first_which_appointments_they_would_leave_outside(cast):
    api, owner = cast.api(), cast.owner
    afternoon = api.book().json()["id"]
    morning = api.book("2027-01-15T09:30:00", "2027-01-15T10:00:00").json()["id"]
    canceled = api.book("2027-01-15T20:00:00", "2027-01-15T21:00:00").json()["id"]
    api.post(f"/api/appointments/{canceled}/cancel")
    of_colleague = api.book(user_id=cast.colleague.user_id).json()["id"]
    assert impact(api, owner, weekly={"friday": [["09:00", "17:00"]]}) == []
    assert impact(api, owner, weekly={"friday": [["09:00", "12:00"]]}) == [afternoon]
    assert impact(api, owner, weekly={"friday": [["14:30", "17:00"]]}) == [morning, afternoon]
    assert impact(api, owner, weekly={"monday": [["09:00", "12:00"]]}) == [morning, afternoon]
    assert impact(api, owner, override={"date": "2027-01-15", "ranges": []}) == [morning, afternoon]
    assert impact(api, owner, override={"date": "2027-01-15", "ranges": [["14:00", "15:00"]]}) == [morning]
    assert impact(api, owner, override={"date": "2027-01-16", "ranges": []}) == []
    assert impact(api, owner, time_off={"start": "2027-01-15T10:00:00", "end": "2027-01-15T14:00:01"}) == [afternoon]
    assert impact(api, owner, time_off={"start": "2027-01-15T15:00:00", "end": "2028-01-15T15:00:00"}) == []
    assert impact(api, cast.colleague, weekly={"monday": [["09:00", "12:00"]]}) == [of_colleague]
    assert not OpeningHours.objects.exists()
    assert not TimeOff.objects.exists()


def test_what_lies_outside_already_is_not_left_outside_by_a_change(cast):
    api, owner = cast.api(), cast.owner
    path = f"/api/users/{owner.user_id}/hours"
    api.put(path, {"weekly": {"friday": [["09:00", "12:00"]], "monday": [["09:00", "12:00"]]}})
    api.book()
    morning = api.book("2027-01-15T09:30:00", "2027-01-15T10:00:00").json()["id"]
    assert impact(api, owner, weekly={"friday": []}) == [morning]
    api.put(f"{path}/overrides/2027-01-15", {"ranges": []})
    assert impact(api, owner, weekly={"friday": []}) == []
    assert impact(api, owner, override={"date": "2027-01-15", "ranges": None}) == []
    api.put(f"{path}/overrides/2027-01-15", {"ranges": [["09:00", "12:00"]]})
    assert impact(api, owner, weekly={"friday": []}) == []
    api.post("/api/closures", {"date": "2027-01-15", "name": "Works outing"})
    assert impact(api, owner, override={"date": "2027-01-15", "ranges": None}) == [morning]


@pytest.mark.parametrize(
    ("proposal", "code", "named"),
    [
        ({}, "MISSING_FIELDS", ["weekly"]),
        ({"override": {"date": "2027-01-15", "ranges": [["09:00", "11:00"], ["10:00", "12:00"]]}},
         "INVALID_FIELD", ["override.ranges"]),
        ({"time_off": {"start": "2027-03-28T02:30:00", "end": "soon"}},
         "NONEXISTENT_TIME", ["time_off.end", "time_off.start"]),
        ({"time_off": BOOKED | {"end": BOOKED["start"]}}, "END_BEFORE_START", ["end"]),
        ({"weekly": {}, "time_zone": "Mars/Base"}, "INVALID_FIELD", ["time_zone"]),
    ],
)  # fmt: skip
def test_bad_proposals_are_refused(proposal, code, named, cast):
    answer = cast.api().post(f"/api/users/{cast.owner.user_id}/hours/impact", proposal)
    assert bad_names(answer) == named
    assert answer.json()["code"] == code


# Time off


def test_time_off_is_stored_changed_and_taken_back(cast):
    api, path = cast.api(), f"/api/users/{cast.owner.user_id}/time-off"
    made = api.post(path, {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00", "reason": "Dentist"})
    assert made.status_code == 201
    expected = {"start": "2027-03-01T00:00:00+01:00", "end": "2027-03-02T00:00:00+01:00", "reason": "Dentist"}
    assert made.json() == expected | {"id": made.json()["id"], "user_id": cast.owner.user_id}
    changed = api.put(made["Location"], {"end": "2027-03-05T00:00:00", "reason": None}).json()
    assert changed == made.json() | {"end": "2027-03-05T00:00:00+01:00", "reason": None}
    assert api.get(made["Location"]).json() == changed
    assert bad_names(api.put(made["Location"], {"end": "2027-02-01T00:00:00"})) == ["end"]
    assert api("DELETE", made["Location"]).status_code == 204
    assert api.get(made["Location"]).status_code == 404


def test_time_off_is_listed_by_start(cast):
    api, path = cast.api(), f"/api/users/{cast.owner.user_id}/time-off"
    for day in (3, 1, 2, 2):
        api.post(path, {"start": f"2027-03-0{day}T00:00:00", "end": "2027-03-09T00:00:00"})
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"{path}?limit=1{cursor and '&cursor='}{cursor}").json()
        seen += [one["start"][8:10] for one in page["time_off"]]
        cursor = page["next_cursor"]
    assert seen == ["01", "02", "02", "03"]


def test_why_somebody_is_away_is_told_to_those_who_plan_their_hours(cast):
    path = f"/api/users/{cast.owner.user_id}/time-off"
    cast.api().post(path, {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00", "reason": "Dentist"})
    seen = {role: role_api(cast, role).get(path).json()["time_off"][0]["reason"] for role in Role}
    told = {role for role, reason in seen.items() if reason}
    assert told == {Role.OWNER, Role.ADMIN, Role.SCHEDULER}


def test_time_off_belongs_to_one_person(cast):
    made = cast.api().post(
        f"/api/users/{cast.owner.user_id}/time-off", {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00"}
    )
    wrong = made["Location"].replace(f"/{cast.owner.user_id}/", f"/{cast.colleague.user_id}/")
    assert cast.api().get(wrong).status_code == 404
    assert cast.api("colleague").put(wrong, {"reason": "x"}).status_code == 404
    assert cast.api("colleague")("DELETE", wrong).status_code == 404
    assert cast.api("outsider")("DELETE", made["Location"]).status_code == 404
    assert cast.api("colleague")("DELETE", made["Location"]).status_code == 403
    assert TimeOff.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"end": "2027-03-01T00:00:00"}, "END_BEFORE_START", ["end"]),
        ({"end": "2127-03-01T00:00:00"}, "TOO_LONG", ["end"]),
        ({"start": "2027-03-28T02:30:00", "end": "never"}, "NONEXISTENT_TIME", ["end", "start"]),
        ({"start": "2027-03-01"}, "INVALID_DATE", ["start"]),
        ({"reason": "x" * 201}, "INVALID_FIELD", ["reason"]),
        ({"reason": "\x00"}, "INVALID_FIELD", ["reason"]),
        ({"time_zone": "Nowhere"}, "INVALID_FIELD", ["time_zone"]),
    ],
)
def test_bad_time_off_is_refused_and_nothing_is_stored(fields, code, named, cast):
    body = {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00"} | fields
    answer = cast.api().post(f"/api/users/{cast.owner.user_id}/time-off", body)
    assert bad_names(answer) == named
    assert answer.json()["code"] == code
    assert not TimeOff.objects.exists()


# Closures


def test_a_date_is_closed_and_opened_again(cast):
    api = cast.api()
    made = api.post("/api/closures", {"date": "2027-12-24", "name": "Christmas"})
    assert made.status_code == 201
    assert made.json()["holiday_calendar"] is None
    assert bad_names(api.post("/api/closures", {"date": "2027-12-24", "name": "Again"})) == ["date"]
    assert cast.api("outsider").get("/api/closures").json()["closures"] == []
    assert cast.api("outsider")("DELETE", f"/api/closures/{made.json()['id']}").status_code == 404
    assert api("DELETE", f"/api/closures/{made.json()['id']}").status_code == 204
    assert api.get("/api/closures").json() == {"closures": [], "next_cursor": None}


def test_closures_are_listed_by_date(cast):
    api = cast.api()
    for day in ("2027-12-26", "2027-12-24", "2027-12-25"):
        api.post("/api/closures", {"date": day, "name": "Christmas"})
    first = api.get("/api/closures?limit=2").json()
    second = api.get(f"/api/closures?limit=2&cursor={first['next_cursor']}").json()
    assert [one["date"][-2:] for page in (first, second) for one in page["closures"]] == ["24", "25", "26"]


def test_one_call_closes_on_public_holidays_and_one_opens_again(cast):
    api = cast.api()
    closed = api.post("/api/holiday-calendars/DE-BE/close")
    assert closed.status_code == 200
    year = datetime.now(UTC).year
    dates = {closure["date"] for closure in closed.json()["closures"]}
    assert {f"{year}-10-03", f"{year + 2}-03-08", f"{year + 1}-12-25"} <= dates
    assert {closure["holiday_calendar"] for closure in closed.json()["closures"]} == {"DE-BE"}
    germany = next(one for one in api.get("/api/holiday-calendars").json()["calendars"] if one["code"] == "DE")
    assert germany["name"] == "Germany"
    assert germany["is_closed"] is False
    assert {"code": "DE-BE", "name": "Berlin", "is_closed": True} in germany["subdivisions"]
    assert api.post("/api/holiday-calendars/DE-BE/open", {}).json() == {"code": "DE-BE", "closures": []}
    assert not Closure.objects.exists()


@pytest.mark.parametrize("code", ["XX", "de", "DE-XX", "HolidayBase", "%00", "%C3%BC", "DE%20", "x" * 300])
def test_a_holiday_calendar_that_does_not_exist_is_not_found(code, cast):
    for verb in ("close", "open"):
        assert cast.api().post(f"/api/holiday-calendars/{code}/{verb}").status_code == 404


# Resources


def test_resources_are_made_renamed_and_deleted(cast):
    api = cast.api()
    made = api.post("/api/resources", {"name": "Room 1"})
    assert made.status_code == 201
    assert api.put(made["Location"], {"name": "Room 2"}).json()["name"] == "Room 2"
    assert [one["name"] for one in api.get("/api/resources").json()["resources"]] == ["Room 2"]
    outsider = cast.api("outsider")
    assert outsider.get("/api/resources").json()["resources"] == []
    for answer in (
        outsider.get(made["Location"]),
        outsider.put(made["Location"], {"name": "x"}),
        outsider("DELETE", made["Location"]),
    ):
        assert answer.status_code == 404
    assert bad_names(api.put(made["Location"], {"name": ""})) == ["name"]
    room, appointment_id = Resource.objects.get(), api.book().json()["id"]
    later = datetime(2027, 1, 15, tzinfo=UTC), datetime(2027, 1, 16, tzinfo=UTC)
    room.timeclaim_set.create(claimed_from=later[0], claimed_until=later[1], appointment_id=appointment_id)
    refused = api("DELETE", made["Location"])
    assert (refused.status_code, refused.json()["code"]) == (409, "STILL_IN_USE")
    room.timeclaim_set.all().delete()
    assert api("DELETE", made["Location"]).status_code == 204
    assert api.get(made["Location"]).status_code == 404


# The business


def test_a_business_describes_its_public_page(cast):
    fields = {
        "slug": "olgas-practice",
        "locale": "de",
        "currency": "CHF",
        "introduction": "Welcome.\nWe are glad.",
        "accent_color": "#0055aa",
        "self_service_cutoff_minutes": 0,
    }
    changed = cast.api().put("/api/business", fields).json()
    assert {name: changed[name] for name in fields} == fields
    assert cast.api().get("/api/business").json() == changed
    cleared = cast.api()("PATCH", "/api/business", {"introduction": None, "accent_color": None}).json()
    assert (cleared["introduction"], cleared["accent_color"]) == (None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": "garage"},
        {"slug": "api"},
        {"slug": "welcome"},
        {"slug": "Big"},
        {"slug": ""},
        {"slug": None},
        {"slug": "x" * 61},
        {"accent_color": "blue"},
        {"accent_color": "#12345"},
        {"accent_color": ""},
        {"introduction": "x" * 2001},
        {"introduction": "\x00"},
        {"self_service_cutoff_minutes": -1},
        {"self_service_cutoff_minutes": 10**9},
        {"self_service_cutoff_minutes": None},
    ],
)
def test_a_business_refuses_what_cannot_be(fields, cast):
    before = Business.objects.filter(pk=cast.owner.business_id).values().get()
    assert bad_names(cast.api().put("/api/business", {"name": "Other", **fields})) == list(fields)
    assert Business.objects.filter(pk=cast.owner.business_id).values().get() == before
