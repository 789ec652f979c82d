"""Calendar connections, links and proposals over the API."""

import time
from datetime import UTC, datetime

import pytest

from cast import Api
from connected import HOUR, SOON, connect
from contracts.memory_world import FAULTS, MemoryCalendar, MemoryProvider
from offered import offer
from slotkeeper.calendars import accounts, live
from slotkeeper.calendars.leases import take_lease
from slotkeeper.calendars.models import CalendarConnection, CalendarProposal, ConnectedCalendar
from slotkeeper.calendars.providers.base import RemoteCalendar
from slotkeeper.changes.models import Change
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Scope

PLACE = "/api/calendar-connections"
ACCOUNT = {"provider": "caldav", "url": "https://dav.example.com", "username": "olga", "password": "app password"}


@pytest.fixture
def twin(monkeypatch):
    """What stands behind every CalDAV account."""
    twin = MemoryCalendar()
    monkeypatch.setitem(accounts.PROVIDERS, "caldav", lambda _account: MemoryProvider(twin))
    return twin


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


def test_connecting_an_account_takes_its_main_calendar_into_use(cast, twin):
    made = cast.api().post(PLACE, ACCOUNT)
    assert made.status_code == 201
    body = made.json()
    assert (body["name"], body["status"], body["when_unreadable"]) == ("olga", "connected", "last_known")
    (calendar,) = body["calendars"]
    assert (calendar["name"], calendar["blocks"], calendar["receives"]) == ("Main", True, True)
    assert cast.api().get(made["Location"]).json() == body


def test_the_password_is_sealed_and_shown_nowhere(cast, twin):
    made = cast.api().post(PLACE, ACCOUNT)
    assert "app password" not in made.content.decode()
    assert "app password" not in CalendarConnection.objects.get().sealed_secret
    assert "app password" not in str(list(Change.objects.values_list("before", "after")))


def test_the_same_account_twice_is_one_connection(cast, twin):
    first, second = (cast.api().post(PLACE, ACCOUNT).json() for _ in range(2))
    assert first["id"] == second["id"]
    assert CalendarConnection.objects.count() == 1


def test_an_account_that_cannot_be_reached_is_not_stored(cast, twin):
    twin.fault = "locked_out"
    refused = cast.api().post(PLACE, ACCOUNT)
    assert (refused.status_code, refused.json()["code"]) == (409, "CANNOT_CONNECT")
    assert refused.json()["detail"] == "The password is no longer accepted."
    assert not CalendarConnection.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {}, ACCOUNT | {"provider": "google"}, ACCOUNT | {"provider": "outlook"}, ACCOUNT | {"password": 1},
        ACCOUNT | {"unknown": "field"}, ACCOUNT | {"url": "x" * 2001}, ACCOUNT | {"username": "a\nb"},
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(cast, twin, body):
    assert cast.api().post(PLACE, body).status_code == 400
    assert not CalendarConnection.objects.exists()


def test_calendars_are_chosen(cast, connected):
    place = f"{PLACE}/{connected.connection.pk}/calendars/{connected.calendar.pk}"
    answer = cast.api().put(place, {"blocks": False})
    assert (answer.status_code, answer.json()["blocks"], answer.json()["receives"]) == (200, False, True)


def test_a_calendar_that_can_only_be_read_receives_nothing(cast, connected):
    ConnectedCalendar.objects.update(is_writable=False, receives=False)
    place = f"{PLACE}/{connected.connection.pk}/calendars/{connected.calendar.pk}"
    assert cast.api().put(place, {"receives": True}).status_code == 400


def test_choosing_a_receiver_brings_what_lies_ahead(cast, connected):
    ConnectedCalendar.objects.update(receives=False)
    connected.book()
    connected.work()
    place = f"{PLACE}/{connected.connection.pk}/calendars/{connected.calendar.pk}"
    assert cast.api().put(place, {"receives": True}).status_code == 200
    connected.work()
    assert connected.titles() == ["Consultation"]


def test_what_an_unreadable_calendar_means_is_changed(cast, connected):
    place = f"{PLACE}/{connected.connection.pk}"
    assert cast.api().put(place, {"when_unreadable": "block", "asks_live": True}).json()["when_unreadable"] == "block"
    assert cast.api().put(place, {"when_unreadable": "never"}).status_code == 400


def test_reading_now_is_accepted_and_done_by_the_worker(cast, connected):
    connected.work()
    connected.enter("dentist", SOON, SOON + HOUR)
    assert cast.api().post(f"{PLACE}/{connected.connection.pk}/sync").status_code == 202
    connected.work()
    asked = {"start_time": iso(SOON), "end_time": iso(SOON + HOUR)}
    assert cast.api().post("/api/appointments/check-conflicts", asked).json()["has_conflicts"]


def test_a_dead_connection_lives_again_with_a_new_password(cast, connected):
    connected.twin.fault = "locked_out"
    connected.work()
    place = f"{PLACE}/{connected.connection.pk}"
    assert cast.api().get(place).json()["status"] == "reconnect"
    assert cast.api().post(f"{place}/reconnect", {"password": "still wrong"}).status_code == 409
    connected.twin.fault = ""
    assert cast.api().post(f"{place}/reconnect", {"password": "right"}).json()["status"] == "connected"


def test_disconnecting_forgets_what_was_read_and_leaves_what_was_written(cast, connected):
    connected.book()
    connected.enter("dentist", SOON + 2 * HOUR, SOON + 3 * HOUR)
    connected.work()
    assert cast.api()("DELETE", f"{PLACE}/{connected.connection.pk}").status_code == 204
    assert connected.titles() == ["Consultation", "dentist"]
    asked = {"start_time": iso(SOON + 2 * HOUR), "end_time": iso(SOON + 3 * HOUR)}
    assert not cast.api().post("/api/appointments/check-conflicts", asked).json()["has_conflicts"]


def test_the_owner_sees_the_health_of_a_colleagues_connection_and_no_more(cast, monkeypatch):
    connection = connect(cast.colleague, monkeypatch, url="https://dav.example.com", username="colin").connection
    (shown,) = cast.api().get(PLACE).json()["calendar_connections"]
    assert (shown["user_id"], shown["status"]) == (cast.colleague.user_id, "connected")
    assert (shown["url"], shown["username"], shown["calendars"]) == (None, None, None)
    assert cast.api().get(f"{PLACE}/{connection.pk}").status_code == 404
    assert cast.api("outsider").get(PLACE).json()["calendar_connections"] == []


def test_a_feeds_address_is_not_shown_again(cast, monkeypatch):
    class Feed(MemoryProvider):
        def list_calendars(self):
            return [RemoteCalendar("feed", "Feed", is_writable=False)]

    monkeypatch.setitem(accounts.PROVIDERS, "ics_feed", lambda _account: Feed(MemoryCalendar()))
    secret = {"provider": "ics_feed", "url": "https://calendar.example.com/private-5ecret/basic.ics"}
    made = cast.api().post(PLACE, secret)
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["calendars"][0]["receives"]) == ("calendar.example.com", False)
    assert "5ecret" not in made.content.decode()
    assert "5ecret" not in str(list(Change.objects.values_list("before", "after")))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/sync"), ("POST", "/reconnect"), ("PUT", "/calendars/1"),
    ],
)  # fmt: skip
def test_a_foreign_connection_does_not_exist(cast, connected, method, path):
    body = {"password": "x"} if path == "/reconnect" else {} if method not in {"GET", "DELETE"} else None
    for who in ("outsider", "colleague"):
        answer = cast.api(who)(method, f"{PLACE}/{connected.connection.pk}{path}", body)
        assert answer.status_code == 404


def test_a_read_only_token_changes_nothing(cast, connected):
    api = cast.api(scope=Scope.READ)
    assert api.get(PLACE).status_code == 200
    assert api.post(PLACE, ACCOUNT).status_code == 403
    assert api("DELETE", f"{PLACE}/{connected.connection.pk}").status_code == 403


def test_an_appointment_says_where_it_stands(cast, connected):
    made = cast.api().book(iso(SOON), iso(SOON + HOUR), sync_to_calendar=True).json()
    place = f"/api/appointments/{made['id']}/calendar-links"
    connected.work()
    (link,) = cast.api().get(place).json()["calendar_links"]
    assert (link["calendar"], link["state"], link["synced_version"]) == ("Main", "synced", 1)
    assert cast.api("outsider").get(place).status_code == 404


@pytest.fixture
def proposal(connected):
    connected.book()
    connected.work_later()
    (name,) = connected.twin.events
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(SOON + HOUR, SOON + 2 * HOUR),), key=there.key)
    connected.work_later()
    return CalendarProposal.objects.get().pk


def test_a_proposal_is_listed_and_accepted(cast, proposal):
    (listed,) = cast.api().get("/api/calendar-proposals").json()["calendar_proposals"]
    assert (listed["id"], listed["kind"], listed["title"]) == (proposal, "move", "Consultation")
    accepted = cast.api().post(f"/api/calendar-proposals/{proposal}/accept")
    assert accepted.json()["start_time"] == listed["proposed_start_time"]
    assert cast.api().get("/api/calendar-proposals").json()["calendar_proposals"] == []
    assert cast.api().post(f"/api/calendar-proposals/{proposal}/accept").status_code == 404


def test_a_proposal_into_a_taken_time_is_refused_with_alternatives(cast, proposal):
    cast.api().book(iso(SOON + HOUR), iso(SOON + 2 * HOUR))
    refused = cast.api().post(f"/api/calendar-proposals/{proposal}/accept")
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_TAKEN")
    assert len(refused.json()["suggested_slots"]) == 3


def test_a_proposal_is_dismissed(cast, proposal, connected):
    assert cast.api().post(f"/api/calendar-proposals/{proposal}/dismiss").status_code == 204
    connected.work_later()
    assert cast.api().get("/api/calendar-proposals").json()["calendar_proposals"] == []


def test_proposals_of_others_do_not_exist(cast, proposal):
    for who in ("outsider", "colleague"):
        assert cast.api(who).get("/api/calendar-proposals").json()["calendar_proposals"] == []
        for verb in ("accept", "dismiss"):
            assert cast.api(who).post(f"/api/calendar-proposals/{proposal}/{verb}").status_code == 404


def test_nobody_reaches_calendars_without_a_token():
    assert Api(None).get(PLACE).status_code == 401


@pytest.fixture
def asked_live(connected, monkeypatch):
    """A calendar that is asked at every booking, and was last read before its owner entered something."""
    connected.work()
    CalendarConnection.objects.update(asks_live=True)
    monkeypatch.setattr(live, "_known", (float("-inf"), frozenset()))
    connected.enter("dentist", SOON, SOON + HOUR)
    return connected


def test_a_calendar_that_is_asked_live_refuses_what_was_entered_a_moment_ago(cast, asked_live):
    refused = cast.api().book(iso(SOON), iso(SOON + HOUR))
    assert (refused.status_code, refused.json()["conflicts"][0]["reason"]) == (409, "calendar")


def test_one_that_does_not_answer_in_time_holds_nobody_up(cast, asked_live, monkeypatch):
    def too_late(_self):
        time.sleep(0.1)
        error = FAULTS["away"]()
        raise error

    monkeypatch.setattr(MemoryProvider, "_check", too_late)
    started = time.monotonic()
    assert cast.api().book(iso(SOON), iso(SOON + HOUR)).status_code == 201
    assert time.monotonic() - started < 1


def test_one_that_the_worker_is_at_is_not_asked_twice(cast, asked_live):
    assert take_lease(asked_live.connection.pk, datetime.now(UTC))
    assert cast.api().book(iso(SOON), iso(SOON + HOUR)).status_code == 201


def iso(instant):
    return datetime.fromtimestamp(instant, UTC).isoformat()


def test_a_customer_is_kept_from_what_was_entered_a_moment_ago(cast, asked_live):
    service = offer(cast.owner, hours=((0, 24 * 60),), weekdays=range(7))
    body = {"service_id": service.pk, "start": iso(SOON)}
    place = f"/api/public/{cast.owner.business.slug}"
    assert Api(None).post(f"{place}/holds", body).status_code == 409
    assert Api(None).post(f"{place}/appointments", body | {"name": "Kim", "email": "kim@x.test"}).status_code == 409


@pytest.mark.parametrize("provider", ["caldav", "ics_feed"])
@pytest.mark.parametrize(
    "url",
    ["", " ", "x", "http://[::1", "https://xn--a", "https://w\U00074952", "//", "https://a:b:c", "ftp://x.test", "%00"],
)
def test_an_address_that_is_none_is_refused_in_words(cast, provider, url):
    refused = cast.api().post(PLACE, {"provider": provider, "url": url})
    assert (refused.status_code, refused.json()["code"]) == (409, "CANNOT_CONNECT")
    assert not CalendarConnection.objects.exists()
