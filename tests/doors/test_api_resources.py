"""Rooms and equipment over HTTP: when they are taken, and which ones an appointment has."""

import pytest

from asking import bad_names, role_api
from cast import ZONE
from needed import let_need, make_rooms
from offered import offer
from slotkeeper.appointments.models import TimeClaim
from slotkeeper.rules.permissions import Role

DAY = "start=2027-01-15T08:00:00&end=2027-01-15T18:00:00"


@pytest.fixture
def rooms(cast):
    return make_rooms(cast.owner.business, "North", "South")


@pytest.fixture
def massage(cast, rooms):
    return let_need(offer(cast.owner, cast.colleague), rooms[0])


def resources_of(answer):
    return [one["name"] for one in answer.json()["resources"]]


def put_resources(api, booked, *rooms, **headers):
    path = f"/api/appointments/{booked.json()['id']}/resources"
    return api("PUT", path, {"resource_ids": [room.pk for room in rooms]}, **headers)


def test_a_booking_says_which_room_it_has_in_every_answer(cast, massage, rooms):
    api = cast.api()
    booked = api.book(service_id=massage.pk)
    assert booked.status_code == 201
    assert booked.json()["resources"] == [{"id": rooms[0].pk, "name": "North"}]
    assert resources_of(api.get(booked["Location"])) == ["North"]
    assert api.get("/api/appointments").json()["appointments"][0]["resources"] == booked.json()["resources"]
    assert api.book("2027-01-15T16:00:00", "2027-01-15T17:00:00").json()["resources"] == []
    history = api.get(f"{booked['Location']}/history").json()["changes"]
    assert history[0]["after"]["resources"] == booked.json()["resources"]


def test_a_taken_room_is_a_conflict_with_its_name_and_the_next_times(cast, massage, rooms):
    api = cast.api()
    api.book(service_id=massage.pk)
    refused = api.book(service_id=massage.pk, user_id=cast.colleague.user_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_TAKEN")
    assert refused.json()["conflicts"] == [
        {
            "start": "2027-01-15T14:00:00+01:00", "end": "2027-01-15T15:00:00+01:00",
            "reason": "resource", "resource_id": rooms[0].pk, "name": "North",
        }
    ]  # fmt: skip
    assert len(refused.json()["suggested_slots"]) == 3


def test_free_busy_of_a_room_shows_what_the_caller_may_see(cast, massage, rooms):
    booked = cast.api().book(service_id=massage.pk)
    path = f"/api/resources/{rooms[0].pk}/freebusy?{DAY}&slot_minutes=60"
    seen = cast.api().get(path).json()
    times = {"start": "2027-01-15T14:00:00", "end": "2027-01-15T15:00:00"}
    assert seen["busy"] == [times | {"appointment_id": booked.json()["id"], "title": "Meeting"}]
    assert [slot["start"][11:16] for slot in seen["free"]] == [
        "08:00", "09:00", "10:00", "11:00", "12:00", "13:00", "15:00", "16:00", "17:00",
    ]  # fmt: skip
    assert cast.api("colleague").get(path).json()["busy"] == [times | {"reason": "appointment"}]
    assert cast.api("outsider").get(path).status_code == 404
    assert cast.api().get(f"/api/resources/{rooms[0].pk}/freebusy?start=x&end=2027-01-15").status_code == 400


def test_an_appointment_is_given_another_free_room_and_the_history_says_so(cast, massage, rooms):
    api = cast.api()
    booked = api.book(service_id=massage.pk)
    changed = put_resources(api, booked, rooms[1])
    assert (changed.status_code, resources_of(changed), changed.json()["version"]) == (200, ["South"], 2)
    assert TimeClaim.objects.get(resource__isnull=False).claimed_from.isoformat() == "2027-01-15T13:00:00+00:00"
    last = api.get(f"{booked['Location']}/history").json()["changes"][-1]
    assert (last["verb"], [one["name"] for one in last["before"]["resources"]]) == ("updated", ["North"])
    assert put_resources(api, booked, rooms[1]).json()["version"] == 2
    assert resources_of(put_resources(api, booked)) == []
    assert resources_of(put_resources(api, booked, *rooms)) == ["North", "South"]


def test_a_room_that_is_taken_is_refused_and_the_old_one_stays(cast, massage, rooms):
    api = cast.api()
    booked = api.book(service_id=massage.pk)
    other = api.book(user_id=cast.colleague.user_id)
    put_resources(api, other, rooms[1])
    refused = put_resources(api, booked, rooms[1])
    assert (refused.status_code, refused.json()["conflicts"][0]["name"]) == (409, "South")
    assert resources_of(api.get(booked["Location"])) == ["North"]


def test_unknown_foreign_and_inactive_rooms_are_refused_by_field(cast, massage, rooms):
    api = cast.api()
    booked = api.book(service_id=massage.pk)
    (garage,) = make_rooms(cast.outsider.business, "Garage")
    rooms[1].is_active = False
    rooms[1].save()
    for room in (garage, rooms[1]):
        assert bad_names(put_resources(api, booked, room)) == ["resource_ids"]
    path = f"/api/appointments/{booked.json()['id']}/resources"
    assert bad_names(api.put(path, {"resource_ids": [10**30]})) == ["resource_ids"]
    assert resources_of(api.get(booked["Location"])) == ["North"]


def test_versions_and_final_statuses_are_respected(cast, massage, rooms):
    api = cast.api()
    booked = api.book(service_id=massage.pk)
    path = f"/api/appointments/{booked.json()['id']}/resources"
    assert api.put(path, {"resource_ids": []}, If_Match='"7"').status_code == 412
    assert api.put(path, {"resource_ids": [], "version": 7}).status_code == 409
    api.post(f"{booked['Location']}/cancel")
    refused = put_resources(api, booked, rooms[1])
    assert (refused.status_code, refused.json()["code"]) == (409, "INVALID_TRANSITION")


@pytest.mark.parametrize(("role", "status"), [(Role.SCHEDULER, 200), (Role.PROVIDER, 404), (Role.VIEWER, 403)])
def test_who_may_change_an_appointment_may_change_its_rooms(cast, massage, rooms, role, status):
    booked = cast.api().book(service_id=massage.pk)
    assert put_resources(role_api(cast, role), booked, rooms[1]).status_code == status
    assert cast.api("outsider")("PUT", f"{booked['Location']}/resources", {"resource_ids": []}).status_code == 404


def test_why_names_the_room_and_shows_its_appointment_to_those_who_may_see_it(cast, massage, rooms):
    booked = cast.api().book("2027-01-15T14:00:00", "2027-01-15T15:00:00", service_id=massage.pk)
    path = f"/api/slots/why?service_id={massage.pk}&at=2027-01-15T14:00:00&user_id={cast.colleague.user_id}"
    (reason,) = cast.api().get(path).json()["reasons"]
    assert (reason["code"], reason["user_id"], reason["resource_id"]) == ("resource_busy", None, rooms[0].pk)
    assert reason["appointment_id"] == booked.json()["id"]
    (reason,) = cast.api("colleague").get(path).json()["reasons"]
    assert "appointment_id" not in reason


def test_strangers_learn_only_that_the_time_is_booked(cast, massage):
    cast.api().book("2027-01-15T14:00:00", "2027-01-15T15:00:00", service_id=massage.pk)
    body = {
        "service_id": massage.pk, "start": "2027-01-15T14:00:00", "name": "Nina", "email": "nina@customer.test",
        "time_zone": ZONE,
    }  # fmt: skip
    refused = cast.api().client.post("/api/public/practice/appointments", body, content_type="application/json")
    assert [one["code"] for one in refused.json()["reasons"]] == ["booked"]
