"""Slots over HTTP: what is offered can be booked, and why the rest is not."""

import pytest

from offered import keep_hours, offer

DAY = "start=2027-01-11&end=2027-01-12"


def starts(answer):
    return [slot["start"] for slot in answer.json()["slots"]]


def test_slots_of_a_day_stand_on_the_grid_inside_opening_hours(cast):
    service = offer(cast.owner, hours=((9 * 60, 12 * 60), (13 * 60, 15 * 60)))
    answer = cast.api().get(f"/api/slots?service_id={service.pk}&{DAY}")
    assert answer.json()["time_zone"] == "Europe/Berlin"
    assert [text[11:16] for text in starts(answer)] == ["09:00", "10:00", "11:00", "13:00", "14:00"]
    assert answer.json()["slots"][0] == {
        "start": "2027-01-11T09:00:00+01:00",
        "end": "2027-01-11T10:00:00+01:00",
        "user_ids": [cast.owner.user_id],
    }


def test_the_viewers_zone_changes_labels_not_slots(cast):
    service = offer(cast.owner)
    window = "start=2027-01-11T00:00:00%2B01:00&end=2027-01-12T00:00:00%2B01:00"
    ours = cast.api().get(f"/api/slots?service_id={service.pk}&{window}")
    theirs = cast.api().get(f"/api/slots?service_id={service.pk}&{window}&time_zone=America/New_York")
    assert len(starts(ours)) == len(starts(theirs)) == 8
    assert starts(theirs)[0] == "2027-01-11T03:00:00-05:00"


def test_next_is_the_first_free_slot_and_why_tells_what_is_in_the_way(cast):
    service, api = offer(cast.owner, buffer_after_minutes=30, step_minutes=30), cast.api()
    booked = api.book("2027-01-11T09:00:00", "2027-01-11T10:00:00", service_id=service.pk).json()
    after = api.get(f"/api/slots/next?service_id={service.pk}&start=2027-01-11T09:00:00").json()
    assert after["slot"]["start"] == "2027-01-11T10:30:00+01:00"

    def why(at):
        return api.get(f"/api/slots/why?service_id={service.pk}&at={at}").json()

    assert why("2027-01-11T10:30:00") == {"bookable": True, "reasons": []}
    found = why("2027-01-11T09:00:00")
    assert (found["bookable"], found["reasons"][0]["code"]) == (False, "booked")
    assert found["reasons"][0]["appointment_id"] == booked["id"]
    assert [reason["code"] for reason in why("2027-01-11T10:00:00")["reasons"]] == ["buffer"]
    assert [reason["code"] for reason in why("2027-01-11T10:45:00")["reasons"]] == ["off_grid"]
    assert [reason["code"] for reason in why("2027-01-10T10:00:00")["reasons"]] == ["outside_hours"]
    assert "past" in [reason["code"] for reason in why("2020-01-06T10:00:00")["reasons"]]


def test_a_provider_learns_that_a_colleague_is_busy_and_nothing_more(cast):
    service = offer(cast.owner, cast.colleague)
    cast.api().book("2027-01-11T09:00:00", "2027-01-11T10:00:00")
    query = f"service_id={service.pk}&at=2027-01-11T09:00:00&user_id={cast.owner.user_id}"
    (reason,) = cast.api("colleague").get(f"/api/slots/why?{query}").json()["reasons"]
    assert (reason["code"], "appointment_id" in reason) == ("booked", False)


def test_without_hours_nothing_is_offered_and_the_reason_says_so(cast):
    service = offer(cast.owner, hours=())
    assert starts(cast.api().get(f"/api/slots?service_id={service.pk}&{DAY}")) == []
    why = cast.api().get(f"/api/slots/why?service_id={service.pk}&at=2027-01-11T09:00:00").json()
    assert [reason["code"] for reason in why["reasons"]] == ["no_hours"]
    assert cast.api().get(f"/api/slots/next?service_id={service.pk}").json()["slot"] is None


def test_members_book_past_the_rules_and_are_told(cast):
    service, api = offer(cast.owner), cast.api()
    inside = api.book("2027-01-11T09:00:00", "2027-01-11T10:00:00", service_id=service.pk).json()
    assert "warnings" not in inside
    odd = api.book("2027-01-11T19:15:00", "2027-01-11T20:15:00", service_id=service.pk).json()
    assert odd["warnings"] == [{"code": "outside_hours"}]
    plain = api.book("2027-01-11T20:15:00", "2027-01-11T20:45:00").json()
    assert plain["warnings"] == [{"code": "outside_hours"}]
    moved = api.put(
        f"/api/appointments/{inside['id']}", {"start_time": "2027-01-11T10:10:00", "end_time": "2027-01-11T11:10:00"}
    )
    assert moved.json()["warnings"] == [{"code": "off_grid"}]


def test_a_refused_booking_of_a_service_suggests_its_own_slots(cast):
    service, api = offer(cast.owner), cast.api()
    api.book("2027-01-11T09:00:00", "2027-01-11T10:00:00", service_id=service.pk)
    refused = api.book("2027-01-11T09:30:00", "2027-01-11T10:30:00", service_id=service.pk)
    assert refused.status_code == 409
    assert [slot["start"][11:16] for slot in refused.json()["suggested_slots"]] == ["10:00", "11:00", "12:00"]


def test_free_time_and_alternatives_keep_to_opening_hours(cast):
    keep_hours(cast.owner)
    api = cast.api()
    api.book("2027-01-11T16:00:00", "2027-01-11T17:00:00")
    free = api.get("/api/appointments/freebusy?start=2027-01-11T15:00:00&end=2027-01-11T20:00:00").json()["free"]
    assert [slot["start"][11:16] for slot in free] == ["15:00", "15:30"]
    check = {"start_time": "2027-01-11T16:30:00", "end_time": "2027-01-11T17:30:00"}
    found = api.post("/api/appointments/check-conflicts", check).json()
    assert [slot["start"] for slot in found["suggested_slots"]] == [
        "2027-01-12T09:00:00",
        "2027-01-12T09:30:00",
        "2027-01-12T10:00:00",
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("service_id=1&start=2027-01-11&end=2127-01-11", 400),
        ("service_id=1&start=2027-01-11&end=2027-01-11", 400),
        ("service_id=1&start=2027-01-11&end=2027-01-12&time_zone=Moon/Base", 400),
        ("service_id=999999&start=2027-01-11&end=2027-01-12", 404),
        ("service_id=99999999999999999999&start=2027-01-11&end=2027-01-12", 404),
        ("service_id=x&start=2027-01-11&end=2027-01-12", 400),
        ("start=2027-01-11&end=2027-01-12", 400),
        ("service_id=1&start=now&end=2027-01-12", 400),
    ],
)
def test_bad_queries_are_refused(cast, query, status):
    assert cast.api().get(f"/api/slots?{query}").status_code == status


def test_another_businesss_service_is_unknown(cast):
    service = offer(cast.outsider)
    for path in (f"slots?service_id={service.pk}&{DAY}", f"slots/why?service_id={service.pk}&at=2027-01-11T09:00:00"):
        assert cast.api().get(f"/api/{path}").status_code == 404
