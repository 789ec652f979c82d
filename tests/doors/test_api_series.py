"""Appointments that repeat, over HTTP."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from slotkeeper.appointments.models import Appointment
from slotkeeper.rules.permissions import Scope

WEEKLY = {"title": "Training", "start_time": "2027-10-18T09:00:00", "end_time": "2027-10-18T10:00:00", "every_weeks": 1}


def book(api, times=4, **fields):
    return api.post("/api/appointments/series", WEEKLY | {"times": times} | fields)


def starts(answer):
    return [row["start_time"] for row in answer.json()["appointments"]]


def test_a_series_keeps_its_wall_clock_when_the_clocks_change(cast):
    answer = book(cast.api())
    assert answer.status_code == 201
    assert starts(answer) == [
        "2027-10-18T09:00:00+02:00",
        "2027-10-25T09:00:00+02:00",
        "2027-11-01T09:00:00+01:00",
        "2027-11-08T09:00:00+01:00",
    ]


def test_one_taken_date_refuses_the_whole_series_and_names_it(cast):
    api = cast.api()
    api.book("2027-10-25T09:30:00", "2027-10-25T10:30:00")
    api.book("2027-11-08T08:00:00", "2027-11-08T09:30:00")
    refused = book(api)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "SLOT_TAKEN")
    assert [date["number"] for date in problem["refused"]] == [2, 4]
    assert [len(date["suggested_slots"]) for date in problem["refused"]] == [3, 3]
    assert problem["refused"][0]["conflicts"][0]["title"] == "Meeting"
    assert Appointment.objects.count() == 2


def test_a_series_that_meets_itself_is_refused(cast):
    refused = book(cast.api(), end_time="2027-10-26T10:00:00")
    assert refused.status_code == 409
    assert [date["number"] for date in refused.json()["refused"]] == [2, 4]
    assert not Appointment.objects.exists()


def test_later_dates_are_canceled_from_one_of_them_on(cast):
    api = cast.api()
    ids = [row["id"] for row in book(api).json()["appointments"]]
    canceled = api.post(f"/api/appointments/{ids[2]}/series/cancel", {"reason": "moved away"})
    assert [row["id"] for row in canceled.json()["appointments"]] == ids[2:]
    read = api.get(f"/api/appointments/{ids[0]}/series").json()["appointments"]
    assert [row["status"] for row in read] == ["scheduled", "scheduled", "canceled", "canceled"]


@pytest.mark.parametrize(("hour", "later"), [("10", "11"), ("08", "09")])
def test_later_dates_are_moved_by_as_much_on_the_wall_clock(cast, hour, later):
    api = cast.api()
    ids = [row["id"] for row in book(api).json()["appointments"]]
    body = {"start_time": f"2027-10-25T{hour}:00:00", "end_time": f"2027-10-25T{later}:00:00"}
    moved = api.post(f"/api/appointments/{ids[1]}/series/move", body)
    assert [text[11:16] for text in starts(moved)] == [f"{hour}:00"] * 3
    assert api.get(f"/api/appointments/{ids[0]}").json()["start_time"][11:16] == "09:00"


def test_a_move_by_a_week_does_not_meet_the_series_itself(cast):
    api = cast.api()
    ids = [row["id"] for row in book(api).json()["appointments"]]
    body = {"start_time": "2027-10-25T09:00:00", "end_time": "2027-10-25T10:00:00"}
    moved = api.post(f"/api/appointments/{ids[0]}/series/move", body)
    assert [text[:10] for text in starts(moved)] == ["2027-10-25", "2027-11-01", "2027-11-08", "2027-11-15"]


def test_a_move_that_one_date_refuses_moves_none(cast):
    api = cast.api()
    ids = [row["id"] for row in book(api).json()["appointments"]]
    api.book("2027-11-08T10:00:00", "2027-11-08T11:00:00")
    body = {"start_time": "2027-10-18T10:00:00", "end_time": "2027-10-18T11:00:00"}
    refused = api.post(f"/api/appointments/{ids[0]}/series/move", body)
    assert (refused.status_code, [date["number"] for date in refused.json()["refused"]]) == (409, [4])
    nine = datetime(2027, 10, 18, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    assert Appointment.objects.get(pk=ids[0]).start_time == nine


def test_a_repeated_key_books_one_series(cast):
    api = cast.api()
    first, second = (
        api.post("/api/appointments/series", WEEKLY | {"times": 2}, Idempotency_Key="one") for _ in range(2)
    )
    assert first.content == second.content
    assert Appointment.objects.count() == 2


def test_a_series_is_for_those_who_may_see_it(cast):
    ids = [row["id"] for row in book(cast.api()).json()["appointments"]]
    assert cast.api("outsider").get(f"/api/appointments/{ids[0]}/series").status_code == 404
    assert cast.api("colleague").post(f"/api/appointments/{ids[0]}/series/cancel").status_code == 404
    assert book(cast.api(scope=Scope.READ)).status_code == 403
    single = cast.api().book().json()["id"]
    assert cast.api().get(f"/api/appointments/{single}/series").status_code == 404


@pytest.mark.parametrize(
    "bad",
    [
        {"times": 1},
        {"times": 53},
        {"every_weeks": 0},
        {"every_weeks": 13},
        {"times": "4"},
        {"end_time": "2027-10-18T08:00:00"},
        {"start_time": "2020-01-01T09:00:00", "end_time": "2020-01-01T10:00:00"},
        {"surprise": 1},
    ],
)
def test_bad_series_are_refused_and_nothing_is_stored(cast, bad):
    assert cast.api().post("/api/appointments/series", WEEKLY | {"times": 4} | bad).status_code == 400
    assert not Appointment.objects.exists()
