"""What calendars and accounts are called, where they are, and what their provider says: told to their owner alone."""

from datetime import UTC, datetime

import pytest

from cast import Api, add_member, token_for
from connected import HOUR, SOON, connect
from desk import browser_of, text_of
from offered import offer
from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.reach import Reach
from slotkeeper.calendars.models import (
    CalendarConnection,
    CalendarEventLink,
    CalendarProposal,
    ConnectedCalendar,
    LinkState,
)
from slotkeeper.changes.record import COMMAND
from slotkeeper.rules.permissions import Role

PRIVATE = "therapy"


def utc(instant):
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


RANGE = f"start={utc(SOON)}&end={utc(SOON + 3 * HOUR)}"


@pytest.fixture
def connected(cast, monkeypatch):
    """The owner's calendar: an appointment in it, an event beside it, and every text of it private."""
    connected = connect(cast.owner, monkeypatch, username=f"{PRIVATE}@gmail.test", url=f"https://dav.test/{PRIVATE}")
    CalendarConnection.objects.update(name=f"{PRIVATE}@gmail.test", last_error=f"{PRIVATE} is away.")
    ConnectedCalendar.objects.update(name=PRIVATE)
    connected.row = connected.book()
    connected.enter("dentist", SOON + HOUR, SOON + 2 * HOUR)
    connected.work_later()
    CalendarConnection.objects.update(last_error=f"{PRIVATE} is away.")
    ConnectedCalendar.objects.update(last_error=f"{PRIVATE} is gone.")
    CalendarEventLink.objects.update(
        external_calendar_id=f"https://dav.test/{PRIVATE}/", external_event_id=f"https://dav.test/{PRIVATE}/1.ics",
        last_error=f"The entry {PRIVATE}/1.ics cannot be read.", state=LinkState.FAILING,
    )  # fmt: skip
    CalendarProposal.objects.create(link=CalendarEventLink.objects.get(), kind="delete", seen_at=datetime.now(UTC))
    return connected


def pages_of(cast, connected):
    """Every page of the API that tells of calendars."""
    service = offer(cast.owner, weekdays=range(7), hours=((0, 24 * 60),))
    return [
        f"/api/appointments/{connected.row.id}/calendar-links",
        "/api/calendar-proposals",
        "/api/calendar-connections",
        f"/api/appointments/freebusy?{RANGE}&user_id={cast.owner.user_id}",
        f"/api/slots?{RANGE}&service_id={service.pk}",
        f"/api/slots/next?service_id={service.pk}",
        f"/api/slots/why?service_id={service.pk}&at={utc(SOON + HOUR)}",
    ]


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SCHEDULER, Role.PROVIDER, Role.VIEWER])
def test_nobody_else_learns_of_names_addresses_or_errors(cast, connected, role):
    api = Api(token_for(add_member(cast.owner, "other@practice.test", role)))
    for page in pages_of(cast, connected):
        answer = api.get(page)
        assert answer.status_code in {200, 403, 404}
        assert PRIVATE not in answer.content.decode(), page


def test_their_owner_does(cast, connected):
    for page in pages_of(cast, connected)[:5]:
        assert PRIVATE in cast.api().get(page).content.decode(), page


def test_others_learn_how_an_appointment_stands_and_what_waits(cast, connected):
    admin = Api(token_for(add_member(cast.owner, "admin@practice.test", Role.ADMIN)))
    (link,) = admin.get(f"/api/appointments/{connected.row.id}/calendar-links").json()["calendar_links"]
    assert (link["state"], link["synced_version"]) == ("failing", 1)
    assert {link[name] for name in ("calendar", "external_calendar_id", "external_event_id", "last_error")} == {""}
    (proposal,) = admin.get("/api/calendar-proposals").json()["calendar_proposals"]
    assert (proposal["kind"], proposal["title"], proposal["calendar"]) == ("delete", "Consultation", "")
    (account,) = admin.get("/api/calendar-connections").json()["calendar_connections"]
    assert (account["name"], account["provider"], account["status"]) == ("caldav", "caldav", "connected")
    assert (account["last_error"], account["username"], account["url"]) == ("", None, None)
    assert account["last_success_at"]


def test_others_learn_how_fresh_calendars_are(cast, connected):
    colleague, user_id = cast.api("colleague"), cast.owner.user_id
    answer = colleague.get(f"/api/appointments/freebusy?{RANGE}&user_id={user_id}").json()
    (standing,) = answer["calendars"]
    assert (answer["source"], standing["name"], standing["status"]) == ("calendar_and_internal", "", "fresh")
    assert standing["as_of"]


def test_who_sees_all_appointments_sees_that_a_calendar_is_in_the_way_and_not_which(cast, connected):
    scheduler = Api(token_for(add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)))
    asked = {"user_id": cast.owner.user_id, "start_time": utc(SOON + HOUR), "end_time": utc(SOON + 2 * HOUR)}
    refused = scheduler.post("/api/appointments", {"title": "Visit"} | asked)
    checked = scheduler.post("/api/appointments/check-conflicts", asked)
    for answer, status in ((refused, 409), (checked, 200)):
        assert answer.status_code == status
        assert [one["reason"] for one in answer.json()["conflicts"]] == ["calendar"]
        assert PRIVATE not in answer.content.decode()


def test_who_takes_an_appointment_over_learns_nothing_of_the_former_calendar(cast, connected):
    target = Target(Reach(cast.owner.business_id), connected.row.id)
    actions.update(target, {"user_id": cast.colleague.user_id}, COMMAND, SOON - 24 * HOUR)
    place = f"/appointments/{connected.row.id}"
    assert PRIVATE not in cast.api("colleague").get(f"/api{place}/calendar-links").content.decode()
    page = text_of(browser_of(cast.colleague).get(place))
    assert "Could not be written" in page
    assert PRIVATE not in page


def test_a_page_names_whoever_changed_the_event_and_not_where(cast, connected):
    times = {"start_time": utc(SOON), "end_time": utc(SOON + HOUR)}
    theirs = cast.api("colleague").post("/api/appointments", {"title": "Together"} | times).json()
    CalendarEventLink.objects.update(internal_entity_id=theirs["id"])
    page = text_of(browser_of(cast.colleague).get("/calendars/proposals"))
    assert "Olga Owner deleted it in their calendar." in page
    assert PRIVATE not in page
