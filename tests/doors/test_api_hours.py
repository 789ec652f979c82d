"""Opening hours, what a change of them would mean, and time off over HTTP."""

import pytest

from asking import bad_names, role_api
from cast import Api, add_member, token_for
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Closure, DateOverride, OpeningHours, TimeOff
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Role, Scope

WEEKLY = {"monday": [["09:00", "12:00"], ["13:00", "17:00"]], "friday": [["22:00", "02:00"]], "sunday": []}
# A Friday.
BOOKED = {"start": "2027-01-15T14:00:00", "end": "2027-01-15T15:00:00"}


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


def test_closure_shows_what_is_booked_on_its_date_and_stores_nothing(cast):
    api, colleague = cast.api(), cast.api("colleague")
    first = api.book().json()["id"]
    night = api.book("2027-01-15T23:30:00", "2027-01-16T00:30:00").json()["id"]
    theirs = colleague.book("2027-01-15T09:00:00", "2027-01-15T10:00:00").json()["id"]
    canceled = api.book("2027-01-15T18:00:00", "2027-01-15T19:00:00").json()["id"]
    api.post(f"/api/appointments/{canceled}/cancel")
    cast.api("outsider").book()

    def booked_on(day):
        return [one["id"] for one in api.post("/api/closures/impact", {"date": day}).json()["appointments"]]

    assert booked_on("2027-01-15") == [theirs, first, night]
    assert booked_on("2027-01-16") == [night]
    assert booked_on("2027-01-17") == []
    own_hours = {"ranges": [["08:00", "12:00"]]}
    assert api.put(f"/api/users/{cast.colleague.user_id}/hours/overrides/2027-01-15", own_hours).status_code == 200
    assert booked_on("2027-01-15") == [first, night]
    assert not Closure.objects.exists()
    assert bad_names(api.post("/api/closures/impact", {"date": "soon"})) == ["date"]
    assert colleague.post("/api/closures/impact", {"date": "2027-01-15"}).status_code == 403


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
