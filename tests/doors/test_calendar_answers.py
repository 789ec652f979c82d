"""What connected calendars block, in every answer that says when somebody is free."""

from datetime import UTC, datetime, timedelta

import pytest

from cast import Api
from connected import HOUR, connect
from offered import offer
from slotkeeper.calendars.busy import Freshness, freshness_of
from slotkeeper.calendars.models import CalendarConnection, ConnectedCalendar

DAY = "2027-01-15"
TWO_PM = int(datetime.fromisoformat(f"{DAY}T14:00:00+01:00").timestamp())


@pytest.fixture
def connected(cast, monkeypatch):
    """The owner's calendar, with an event from two to three."""
    connected = connect(cast.owner, monkeypatch)
    connected.enter("dentist", TWO_PM, TWO_PM + HOUR)
    connected.work()
    return connected


def last_read(ago: timedelta) -> None:
    ConnectedCalendar.objects.update(read_at=datetime.now(UTC) - ago)


def freebusy(cast, who="owner", **query):
    asked = {"start": f"{DAY}T13:00:00", "end": f"{DAY}T16:00:00"} | query
    return cast.api(who).get("/api/appointments/freebusy?" + "&".join(f"{k}={v}" for k, v in asked.items())).json()


def test_free_busy_merges_the_calendar_and_says_so(cast, connected):
    cast.api().book(f"{DAY}T13:00:00", f"{DAY}T13:30:00")
    answer = freebusy(cast)
    assert answer["source"] == "calendar_and_internal"
    assert [entry.get("calendar", entry.get("title")) for entry in answer["busy"]] == ["Meeting", "Main"]
    assert answer["busy"][1] == {
        "start": f"{DAY}T14:00:00", "end": f"{DAY}T15:00:00", "reason": "calendar", "calendar": "Main",
    }  # fmt: skip
    assert [slot["start"][11:16] for slot in answer["free"]] == ["13:30", "15:00", "15:30"]
    (standing,) = answer["calendars"]
    assert (standing["name"], standing["status"]) == ("Main", "fresh")


def test_without_a_connected_calendar_nothing_is_said_of_any(cast):
    answer = freebusy(cast)
    assert answer["source"] == "internal_only"
    assert "calendars" not in answer


def test_a_calendar_that_blocks_nothing_has_no_say(cast, connected):
    ConnectedCalendar.objects.update(blocks=False)
    assert freebusy(cast)["source"] == "internal_only"


def test_somebody_who_may_not_see_titles_sees_no_calendars_name(cast, connected):
    answer = freebusy(cast, "colleague", user_id=cast.owner.user_id)
    assert answer["busy"] == [{"start": f"{DAY}T14:00:00", "end": f"{DAY}T15:00:00", "reason": "calendar"}]


def test_a_conflict_with_the_calendar_is_named_and_led_past(cast, connected):
    asked = {"start_time": f"{DAY}T14:45:00", "end_time": f"{DAY}T15:15:00"}
    answer = cast.api().post("/api/appointments/check-conflicts", asked).json()
    assert [one["reason"] for one in answer["conflicts"]] == ["calendar"]
    assert [slot["start"][11:16] for slot in answer["suggested_slots"]] == ["15:00", "15:30", "16:00"]
    assert answer["calendars"][0]["status"] == "fresh"


def test_booking_over_the_calendar_is_refused_unless_it_is_meant(cast, connected):
    refused = cast.api().book(f"{DAY}T14:00:00", f"{DAY}T14:30:00")
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_TAKEN")
    assert refused.json()["conflicts"][0]["reason"] == "calendar"
    assert cast.api().book(f"{DAY}T14:00:00", f"{DAY}T14:30:00", allow_conflicts=True).status_code == 201


def test_moving_into_the_calendar_is_refused_unless_it_is_meant(cast, connected):
    made = cast.api().book(f"{DAY}T10:00:00", f"{DAY}T10:30:00").json()
    into = {"start_time": f"{DAY}T14:00:00", "end_time": f"{DAY}T14:30:00"}
    assert cast.api().put(f"/api/appointments/{made['id']}", into).status_code == 409
    assert cast.api().put(f"/api/appointments/{made['id']}", into | {"allow_conflicts": True}).status_code == 200


@pytest.mark.parametrize(
    ("mode", "ago", "freshness"),
    [
        ("last_known", timedelta(minutes=1), "fresh"),
        ("last_known", timedelta(hours=5), "last_known"),
        ("last_known", timedelta(hours=73), "blocking"),
        ("last_known", None, "blocking"),
        ("block", timedelta(minutes=1), "fresh"),
        ("block", timedelta(minutes=20), "blocking"),
        ("ignore", timedelta(minutes=1), "fresh"),
        ("ignore", timedelta(minutes=20), "ignored"),
        ("ignore", None, "ignored"),
    ],
)
def test_what_a_calendar_means_that_was_last_read_so_long_ago(mode, ago, freshness):
    read_at = None if ago is None else 1_000_000 - int(ago.total_seconds())
    assert freshness_of(mode, 72, read_at, 1_000_000) is Freshness(freshness)


def test_an_unreadable_calendar_blocks_all_time_where_its_owner_chose_so(cast, connected):
    CalendarConnection.objects.update(when_unreadable="block")
    last_read(timedelta(hours=1))
    answer = freebusy(cast)
    assert answer["free"] == []
    assert answer["calendars"][0]["status"] == "blocking"


def test_it_refuses_no_booking_of_a_member(cast, connected):
    CalendarConnection.objects.update(when_unreadable="block")
    last_read(timedelta(hours=1))
    assert cast.api().book(f"{DAY}T14:00:00", f"{DAY}T14:30:00").status_code == 201


def test_an_unreadable_calendar_is_not_looked_at_where_its_owner_chose_so(cast, connected):
    CalendarConnection.objects.update(when_unreadable="ignore")
    last_read(timedelta(hours=1))
    answer = freebusy(cast)
    assert answer["busy"] == []
    assert answer["calendars"][0]["status"] == "ignored"


def standings(cast):
    """Ask for free time in every way there is, and give the source and the calendars' standing of each answer."""
    service, api = offer(cast.owner, hours=((13 * 60, 16 * 60),)), cast.api()
    asked = {"start_time": f"{DAY}T15:00:00", "end_time": f"{DAY}T15:30:00"}
    of_service = f"service_id={service.pk}&start={DAY}"
    answers = [
        freebusy(cast),
        api.post("/api/appointments/check-conflicts", asked).json(),
        api.get(f"/api/slots?{of_service}&end=2027-01-16").json(),
        api.get(f"/api/slots/next?{of_service}").json(),
        api.get(f"/api/slots/why?service_id={service.pk}&at={DAY}T14:00:00").json(),
    ]
    return {(one["source"], *(each["status"] for each in one["calendars"])) for one in answers}


@pytest.mark.parametrize(
    ("mode", "ago", "standing"),
    [
        ("last_known", timedelta(minutes=1), ("calendar_and_internal", "fresh")),
        ("last_known", timedelta(hours=5), ("calendar_and_internal", "last_known")),
        ("last_known", timedelta(hours=73), ("internal_only", "blocking")),
        ("block", timedelta(hours=1), ("internal_only", "blocking")),
        ("ignore", timedelta(hours=1), ("internal_only", "ignored")),
    ],
)
def test_every_answer_says_how_fresh_calendars_are_and_whether_any_is_in_it(cast, connected, mode, ago, standing):
    CalendarConnection.objects.update(when_unreadable=mode)
    last_read(ago)
    assert standings(cast) == {standing}


def test_a_calendar_that_was_never_read_is_in_no_answer(cast, connected):
    ConnectedCalendar.objects.update(read_at=None)
    assert standings(cast) == {("internal_only", "blocking")}


def test_one_readable_calendar_of_several_is_enough(cast, connected):
    connection = CalendarConnection.objects.get()
    ConnectedCalendar.objects.create(
        connection=connection, user=cast.owner.user, external_id="second", name="Second", blocks=True
    )
    assert standings(cast) == {("calendar_and_internal", "fresh", "blocking")}


@pytest.fixture
def service(cast, connected):
    return offer(cast.owner, hours=((13 * 60, 16 * 60),))


def test_slots_leave_the_calendars_time_out_and_say_why(cast, service):
    query = f"service_id={service.pk}&start={DAY}&end=2027-01-16"
    answer = cast.api().get(f"/api/slots?{query}").json()
    assert [slot["start"][11:16] for slot in answer["slots"]] == ["13:00", "15:00"]
    assert [(one["name"], one["status"], one["user_id"]) for one in answer["calendars"]] == [
        ("Main", "fresh", cast.owner.user_id)
    ]
    why = cast.api().get(f"/api/slots/why?service_id={service.pk}&at={DAY}T14:00:00").json()
    assert [reason["code"] for reason in why["reasons"]] == ["calendar_busy"]


def test_a_customer_cannot_book_it_and_learns_nothing_of_it(cast, service):
    business = cast.owner.business.slug
    body = {"service_id": service.pk, "start": f"{DAY}T14:00:00+01:00", "name": "Kim", "email": "kim@x.test"}
    refused = Api(None).post(f"/api/public/{business}/appointments", body)
    assert refused.status_code == 409
    assert "Main" not in refused.content.decode()
    assert "dentist" not in refused.content.decode()


def test_calendars_cost_no_statement_of_their_own(cast, connected, django_assert_num_queries):
    for who in ("colleague", "owner"):
        api = cast.api(who)
        api.get("/api/me")  # the first use of a token in a minute is written down
        with django_assert_num_queries(2):
            api.get(f"/api/appointments/freebusy?start={DAY}T13:00:00&end={DAY}T16:00:00")
