"""The pages of appointments that repeat."""

import re

import pytest
from django.test import Client

from connected import connect
from slotkeeper.appointments.models import Appointment

WEEKLY = {"title": "Training", "start": "2027-10-18T09:00", "minutes": "60", "every_weeks": "1", "times": "4"}


@pytest.fixture
def pages(cast):
    def client_of(who):
        client = Client(HTTP_HOST="localhost")
        client.force_login(getattr(cast, who).user, "allauth.account.auth_backends.AuthenticationBackend")
        return client

    return client_of


def repeat(client, user_id, **fields):
    return client.post("/appointments/repeat", WEEKLY | {"user_id": user_id} | fields)


def starts():
    return [
        f"{start:%Y-%m-%d %H:%M}"
        for start in Appointment.objects.order_by("start_time").values_list("start_time", flat=True)
    ]


def test_a_series_is_booked_from_the_form_and_shown(cast, pages):
    client = pages("owner")
    assert client.get("/appointments/repeat?start=2027-10-18T09:00").status_code == 200
    answer = repeat(client, cast.owner.user_id)
    assert starts() == ["2027-10-18 07:00", "2027-10-25 07:00", "2027-11-01 08:00", "2027-11-08 08:00"]
    shown = client.get(answer["Location"]).content.decode()
    assert shown.count("09:00") >= 4
    first = Appointment.objects.earliest("start_time").pk
    assert f'href="/appointments/{first}/series"' in client.get(f"/appointments/{first}").content.decode()


@pytest.mark.parametrize("chosen", [{"sync_to_calendar": "on"}, {}])
def test_whether_a_series_goes_into_the_calendar_is_chosen_where_one_receives(cast, pages, monkeypatch, chosen):
    connect(cast.owner, monkeypatch)
    assert repeat(pages("owner"), cast.owner.user_id, **chosen).status_code == 302
    assert set(Appointment.objects.values_list("sync_to_calendar", flat=True)) == {bool(chosen)}


def test_a_refused_date_comes_with_its_alternatives_and_can_be_exchanged(cast, pages):
    client = pages("owner")
    cast.api().book("2027-10-25T09:00:00", "2027-10-25T10:00:00")
    refused = repeat(client, cast.owner.user_id)
    text = refused.content.decode()
    assert (refused.status_code, Appointment.objects.count()) == (409, 1)
    offered = re.findall(r'name="date-2"\s+value="([^"]+)"', text)
    assert [one[:16] for one in offered] == ["2027-10-25T10:00", "2027-10-25T11:00", "2027-10-25T12:00", "skip"]
    assert 'value="Training"' in text
    assert repeat(client, cast.owner.user_id, **{"date-2": offered[1]}).status_code == 302
    assert "2027-10-25 09:00" in starts()


def test_a_refused_date_can_be_left_out(cast, pages):
    cast.api().book("2027-10-25T09:00:00", "2027-10-25T10:00:00")
    assert repeat(pages("owner"), cast.owner.user_id, **{"date-2": "skip"}).status_code == 302
    assert len(starts()) == 4


def test_later_ones_are_moved_and_canceled(cast, pages):
    client = pages("owner")
    repeat(client, cast.owner.user_id)
    first, second, *_ = Appointment.objects.order_by("start_time")
    moved = client.post(
        f"/appointments/{second.pk}/series/move", {"start": "2027-10-26T10:00", "minutes": "60", "version": "1"}
    )
    assert moved.status_code == 302
    assert starts() == ["2027-10-18 07:00", "2027-10-26 08:00", "2027-11-02 09:00", "2027-11-09 09:00"]
    client.post(f"/appointments/{second.pk}/series/cancel", {"version": "2", "reason": "ill"})
    assert list(Appointment.objects.order_by("start_time").values_list("status", flat=True)) == [
        "scheduled",
        "canceled",
        "canceled",
        "canceled",
    ]
    assert first.pk


def test_a_stale_version_moves_nothing(cast, pages):
    client = pages("owner")
    repeat(client, cast.owner.user_id)
    first = Appointment.objects.earliest("start_time")
    client.post(f"/appointments/{first.pk}/series/move", {"start": "2027-10-19T10:00", "minutes": "60", "version": "9"})
    client.post(f"/appointments/{first.pk}/series/cancel", {"version": "9"})
    assert starts()[0] == "2027-10-18 07:00"
    assert not Appointment.objects.filter(status="canceled").exists()


def test_a_move_that_meets_something_names_the_date_and_moves_none(cast, pages):
    client = pages("owner")
    repeat(client, cast.owner.user_id)
    cast.api().book("2027-11-08T11:00:00", "2027-11-08T12:00:00")
    first = Appointment.objects.earliest("start_time")
    refused = client.post(
        f"/appointments/{first.pk}/series/move", {"start": "2027-10-18T11:00", "minutes": "60", "version": "1"}
    )
    assert refused.status_code == 409
    assert "Meeting" in refused.content.decode()
    assert starts()[0] == "2027-10-18 07:00"


def test_series_of_others_are_not_found(cast, pages):
    repeat(pages("owner"), cast.owner.user_id)
    pk = Appointment.objects.earliest("start_time").pk
    for who in ("outsider", "colleague"):
        assert pages(who).get(f"/appointments/{pk}/series").status_code == 404
        assert pages(who).post(f"/appointments/{pk}/series/cancel", {"version": "1"}).status_code == 404
    single = cast.api().book().json()["id"]
    assert pages("owner").get(f"/appointments/{single}/series").status_code == 404


@pytest.mark.parametrize(
    "bad",
    [
        {"times": "1"},
        {"times": "9999999999"},
        {"every_weeks": "x"},
        {"start": "never"},
        {"start": "2020-01-01T09:00"},
        {"title": "\x00"},
    ],
)
def test_bad_input_stores_nothing_and_keeps_the_form(cast, pages, bad):
    answer = repeat(pages("owner"), cast.owner.user_id, **bad)
    assert answer.status_code in {200, 409}
    assert not Appointment.objects.exists()
