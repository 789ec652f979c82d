"""The numbers behind the charts."""

import pytest

from offered import offer
from slotkeeper.appointments.models import Appointment

WEEK = "start=2027-01-11&end=2027-01-18"


def report(api, name, query=WEEK):
    return api.get(f"/api/reports/{name}?{query}")


@pytest.fixture
def practice(cast):
    """A week in which three hours are booked, one of them outside opening hours; one was canceled, one missed."""
    service, api = offer(cast.owner, cast.colleague), cast.api()
    for start, end, fields in (
        ("2027-01-11T09:00:00", "2027-01-11T10:30:00", {"service_id": service.pk}),
        ("2027-01-12T16:30:00", "2027-01-12T18:00:00", {"service_id": service.pk}),
        ("2027-01-13T09:00:00", "2027-01-13T10:00:00", {}),
        ("2027-01-14T09:00:00", "2027-01-14T10:00:00", {}),
    ):
        assert api.book(start, end, **fields).status_code == 201
    canceled, missed = Appointment.objects.order_by("-start_time")[:2]
    api.post(f"/api/appointments/{canceled.pk}/cancel")
    api.post(f"/api/appointments/{missed.pk}/no-show")
    return cast


def test_utilization_counts_booked_time_inside_opening_hours(practice):
    found = report(practice.api(), "utilization").json()
    assert (found["open_minutes"], found["booked_minutes"]) == (2 * 5 * 8 * 60, 90 + 30)
    assert found["utilization"] == "2.50"
    hours = {(hour["weekday"], hour["hour"]): hour["booked_minutes"] for hour in found["hours"]}
    assert (hours["monday", 9], hours["monday", 10], hours["tuesday", 16]) == (60, 30, 30)
    assert ("tuesday", 17) not in hours


def test_utilization_of_one_person_is_theirs_alone(practice):
    colleague = practice.colleague.user_id
    found = report(practice.api(), "utilization", f"{WEEK}&user_id={colleague}").json()
    assert (found["open_minutes"], found["booked_minutes"]) == (5 * 8 * 60, 0)
    found = report(practice.api(), "utilization", f"{WEEK}&user_id={practice.outsider.user_id}").json()
    assert (found["open_minutes"], found["hours"]) == (0, [])


def test_no_shows_are_counted_week_by_week(practice):
    found = report(practice.api(), "no-shows").json()
    assert found["weeks"] == [{"week": "2027-01-11", "appointments": 4, "canceled": 1, "no_shows": 1}]
    assert (found["appointments"], found["no_shows"]) == (4, 1)


def test_services_are_counted_by_how_often_they_were_kept(practice):
    found = report(practice.api(), "services").json()["services"]
    assert [(one["name"], one["appointments"], one["minutes"]) for one in found] == [("Haircut", 2, 180)]


def test_reports_are_for_those_who_may_see_them_and_of_their_own_business(practice):
    assert report(practice.api("colleague"), "utilization").status_code == 403
    assert report(practice.api("outsider"), "no-shows").json()["appointments"] == 0


@pytest.mark.parametrize("query", ["", "start=2027-01-11", "start=2027-01-18&end=2027-01-11", "start=2020&end=x"])
@pytest.mark.parametrize("name", ["utilization", "no-shows", "services"])
def test_bad_ranges_are_refused(cast, name, query):
    assert report(cast.api(), name, query).status_code == 400


def test_a_range_of_a_hundred_years_is_refused(cast):
    assert report(cast.api(), "utilization", "start=2027-01-01&end=2127-01-01").json()["code"] == "TOO_LONG"
