"""Services, closures, resources and the business over HTTP."""

from datetime import UTC, datetime

import pytest

from asking import bad_names, role_api
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Closure, Resource, Service
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Role

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


def test_a_service_says_how_it_is_shared_out_and_what_it_needs(cast):
    api = cast.api()
    room = api.post("/api/resources", {"name": "Laser room", "kind": " room "}).json()
    api.post("/api/resources", {"name": "Room 2", "kind": "room"})
    places = [
        {"user_id": cast.owner.user_id, "priority": 1, "weight": 2},
        {"user_id": cast.colleague.user_id, "priority": 5, "weight": 1},
    ]
    needs = [{"resource_id": room["id"]}, {"kind": "room", "quantity": 1}]
    made = api.post("/api/services", {"name": "Laser", "sharing": "rotation", "providers": places, "needs": needs})
    assert made.status_code == 201
    read = api.get(made["Location"]).json()
    assert (read["sharing"], read["needs"]) == ("rotation", needs)
    assert sorted(read["providers"], key=lambda one: one["priority"]) == places
    changed = api.put(made["Location"], {"needs": [{"kind": "room"}], "user_ids": [cast.owner.user_id]}).json()
    assert (changed["needs"], changed["providers"]) == ([{"kind": "room", "quantity": 1}], places[:1])
    refused = api("DELETE", f"/api/resources/{room['id']}")
    assert refused.status_code == 204
    api.put(made["Location"], {"needs": [{"resource_id": api.get("/api/resources").json()["resources"][0]["id"]}]})
    refused = api("DELETE", f"/api/resources/{api.get('/api/resources').json()['resources'][0]['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "STILL_IN_USE")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sharing", "lottery"),
        ("needs", [{"kind": "room"}]),
        ("needs", [{"resource_id": 1, "kind": "room"}]),
        ("needs", [{"resource_id": 99_999}]),
        ("needs", [{"resource_id": 10**30}]),
        ("needs", [{}]),
        ("needs", [{"quantity": 2}]),
    ],
)
def test_needs_and_methods_that_cannot_be_are_refused_by_field(cast, field, value):
    api = cast.api()
    assert bad_names(api.post("/api/services", {"name": "Laser", field: value})) == [field]
    assert not Service.objects.exists()


@pytest.mark.parametrize("fault", [{"priority": 0}, {"priority": 10}, {"weight": 0}, {"weight": 11}])
def test_a_place_beyond_its_bounds_is_refused(cast, fault):
    places = [{"user_id": cast.owner.user_id} | fault]
    answer = cast.api().post("/api/services", {"name": "Laser", "providers": places})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELD")


def test_providers_that_contradict_user_ids_are_refused(cast):
    api, owner = cast.api(), {"user_id": cast.owner.user_id}
    for body in ({"providers": [owner, owner]}, {"providers": [owner], "user_ids": [cast.colleague.user_id]}):
        assert bad_names(api.post("/api/services", {"name": "Laser"} | body)) == ["providers"]


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
        expected = {"price": None, "description": None, "step_minutes": None, "user_ids": [], "providers": []}
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
        ({"reminder_minutes": [14]}, ["reminder_minutes"]),
        ({"reminder_minutes": [20_161]}, ["reminder_minutes"]),
        ({"reminder_minutes": [60, 120, 60]}, ["reminder_minutes"]),
        ({"reminder_minutes": [15, 16, 17, 18, 19, 20]}, ["reminder_minutes"]),
        ({"reminder_minutes": ["60"]}, ["reminder_minutes"]),
        ({"reminder_minutes": [60.5]}, ["reminder_minutes"]),
        ({"reminder_minutes": 60}, ["reminder_minutes"]),
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


def test_a_service_says_when_its_customers_are_reminded(cast):
    api = cast.api()
    made = api.post("/api/services", {"name": "Cut"})
    assert made.json()["reminder_minutes"] is None
    own = api.put(made["Location"], {"reminder_minutes": [15, 20_160, 60]}).json()
    assert own["reminder_minutes"] == [20_160, 60, 15]
    assert api.put(made["Location"], {"name": "Trim"}).json()["reminder_minutes"] == [20_160, 60, 15]
    assert api.put(made["Location"], {"reminder_minutes": []}).json()["reminder_minutes"] == []
    assert api.put(made["Location"], {"reminder_minutes": None}).json()["reminder_minutes"] is None
    assert api.post("/api/services", {"name": "Dye", "reminder_minutes": [30]}).json()["reminder_minutes"] == [30]


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
    assert (made.json()["kind"], made.json()["is_active"]) == (None, True)
    assert api.put(made["Location"], {"name": "Room 2"}).json()["name"] == "Room 2"
    off = api.put(made["Location"], {"kind": "room", "is_active": False}).json()
    assert (off["name"], off["kind"], off["is_active"]) == ("Room 2", "room", False)
    assert bad_names(api.put(made["Location"], {"kind": "x" * 61})) == ["kind"]
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
        "contact_email": "desk@practice.example",
    }
    changed = cast.api().put("/api/business", fields).json()
    assert {name: changed[name] for name in fields} == fields
    assert cast.api().get("/api/business").json() == changed
    cleared = cast.api()("PATCH", "/api/business", {"introduction": None, "accent_color": None}).json()
    assert (cleared["introduction"], cleared["accent_color"]) == (None, None)
    assert cast.api().put("/api/business", {"contact_email": None}).json()["contact_email"] is None
    (change, *_) = Change.objects.filter(subject_kind="business").order_by("-pk")
    assert change.before == {"contact_email": "desk@practice.example"}


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
        {"contact_email": "nobody"},
        {"contact_email": "desk@practice.example, boss@practice.example"},
        {"contact_email": "Desk <desk@practice.example>"},
        {"contact_email": "desk@practice.example\nBcc: all@practice.example"},
        {"contact_email": "x" * 250 + "@practice.example"},
    ],
)
def test_a_business_refuses_what_cannot_be(fields, cast):
    before = Business.objects.filter(pk=cast.owner.business_id).values().get()
    assert bad_names(cast.api().put("/api/business", {"name": "Other", **fields})) == list(fields)
    assert Business.objects.filter(pk=cast.owner.business_id).values().get() == before
