"""The page of connected calendars: who sees what, what the forms store, and what errors say."""

import re

import pytest
from django.utils.translation import override

from cast import add_member
from connected import NOW, connect
from desk import browser_of, text_of
from slotkeeper.calendars import accounts
from slotkeeper.calendars.models import CalendarConnection, CalendarFeed, ConnectedCalendar
from slotkeeper.calendars.providers.base import RemoteCalendar
from slotkeeper.changes.models import Change
from slotkeeper.doors.dashboard.calendar_words import in_words
from slotkeeper.people.models import User
from slotkeeper.rules.permissions import Role

CALDAV = "/calendars/connect/caldav/other"
ACCOUNT = {"address": "cloud.example.com", "username": "olga", "password": "correct horse"}


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


@pytest.fixture
def browser(cast):
    return browser_of(cast.owner)


@pytest.fixture
def asked(monkeypatch):
    """Let accounts be reached; give what they were asked with."""
    seen = []

    def open_account(account):
        seen.append(account)
        return AnyAccount()

    monkeypatch.setitem(accounts.PROVIDERS, "caldav", open_account)
    monkeypatch.setitem(accounts.PROVIDERS, "ics_feed", open_account)
    return seen


class AnyAccount:
    def list_calendars(self):
        return [RemoteCalendar("a", "Work", is_primary=True), RemoteCalendar("b", "Birthdays", is_writable=False)]


def choose(browser, connected, **choices):
    name = f"connection-{connected.connection.pk}"
    sent = {f"{name}-when_unreadable": choices.pop("when_unreadable", "last_known")}
    if choices.pop("asks_live", False):
        sent[f"{name}-asks_live"] = "on"
    return browser.post(f"/calendars/{connected.connection.pk}", sent | choices)


# Who sees what


def test_nothing_connected_teaches_the_next_step(browser):
    page = text_of(browser.get("/calendars"))
    assert "Connect your first calendar" in page
    assert all(name in page for name in ("iCloud", "Fastmail", "Nextcloud", "Another CalDAV server"))
    assert "Google" not in page
    assert "Microsoft" not in page


def test_an_account_shows_its_calendars_and_how_it_is_doing(connected, browser):
    page = text_of(browser.get("/calendars"))
    assert "Being read for the first time" in page
    connected.work_later()
    page = text_of(browser.get("/calendars"))
    assert re.search(r'<svg [^>]*aria-hidden="true">.*?</svg>\s*Connected\s', page, re.DOTALL)
    assert "Last read or written:" in page
    assert f'id="blocks-{connected.calendar.pk}"' in page


def test_an_account_that_is_away_says_so_in_the_readers_language(connected, browser):
    connected.twin.fault = "away"
    connected.work_later()
    page = text_of(browser.get("/calendars"))
    assert "Out of reach, tried again soon" in page
    assert "The server cannot be reached." in page
    User.objects.filter(pk=connected.member.user_id).update(locale="de")
    assert "Der Server ist nicht zu erreichen." in text_of(browser.get("/calendars"))


def test_an_account_that_lets_us_in_no_more_is_to_be_connected_again_here_and_on_the_home_page(connected, browser):
    connected.twin.fault = "locked_out"
    connected.work_later()
    page = text_of(browser.get("/calendars"))
    assert "Has to be connected again" in page
    assert f"/calendars/{connected.connection.pk}/reconnect" in page
    assert "Twin has to be connected again." in text_of(browser.get("/"))


def test_a_calendar_that_refuses_to_be_read_is_not_called_well(connected, browser):
    connected.work_later()
    ConnectedCalendar.objects.update(last_error="The calendar is no longer there.")
    page = text_of(browser.get("/calendars"))
    assert "Connected, but not all is read" in page
    assert "Main: The calendar is no longer there." in page


def test_who_looks_after_the_business_sees_how_everybodys_are_doing_and_no_more(cast, browser, monkeypatch):
    connect(cast.colleague, monkeypatch, url="https://secret.example.com", username="c", last_error="Something odd")
    page = text_of(browser.get("/calendars"))
    assert "Everybody else’s calendars" in page
    assert str(cast.colleague.user) in page
    for detail in ("Twin", ">Main<", "secret.example.com", "Something odd"):
        assert detail not in page
    assert "Everybody else’s calendars" not in text_of(browser_of(cast.colleague).get("/calendars"))
    assert "Everybody else’s calendars" not in text_of(browser_of(cast.outsider).get("/calendars"))


@pytest.mark.parametrize("role", [Role.BOOKKEEPER, Role.VIEWER])
def test_who_only_reads_has_no_calendars(cast, role):
    browser = browser_of(add_member(cast.owner, "reader@practice.test", role))
    assert browser.get("/calendars").status_code == 403
    assert browser.post(CALDAV, ACCOUNT).status_code == 403
    assert browser.post("/calendars/feeds/new").status_code == 403
    assert browser.get("/calendars/proposals").status_code == 403
    assert "/calendars" not in text_of(browser.get("/settings/account"))
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("who", ["colleague", "outsider"])
@pytest.mark.parametrize("part", ["", "/read", "/disconnect", "/reconnect"])
def test_somebody_elses_account_does_not_exist(connected, cast, who, part):
    browser = browser_of(getattr(cast, who))
    assert browser.post(f"/calendars/{connected.connection.pk}{part}").status_code == 404
    assert browser.post(f"/calendars/{2**63}{part}").status_code == 404
    assert CalendarConnection.objects.exists()


def test_the_way_there_stands_on_the_account_page(browser):
    assert 'href="/calendars"' in text_of(browser.get("/settings/account"))


# What it is for


def test_choices_are_stored_and_what_lies_ahead_is_planned_anew(connected, browser):
    connected.book()
    connected.work()
    answer = choose(browser, connected, when_unreadable="block", asks_live=True)
    assert answer["Location"] == f"/calendars#connection-{connected.connection.pk}"
    connected.calendar.refresh_from_db()
    connected.connection.refresh_from_db()
    assert (connected.calendar.blocks, connected.calendar.receives) == (False, False)
    assert (connected.connection.when_unreadable, connected.connection.asks_live) == ("block", True)
    connected.work()
    assert connected.titles() == []
    choose(browser, connected, receives=connected.calendar.pk)
    connected.work()
    assert connected.titles() == ["Consultation"]


def test_a_calendar_that_can_only_be_read_receives_nothing(connected, browser):
    ConnectedCalendar.objects.update(is_writable=False, receives=False)
    assert "can only be read" in text_of(browser.get("/calendars"))
    choose(browser, connected, receives=connected.calendar.pk)
    assert not ConnectedCalendar.objects.get().receives


def test_what_is_no_choice_stores_nothing(connected, browser):
    choose(browser, connected, when_unreadable="whatever", blocks="x")
    assert ConnectedCalendar.objects.get().blocks


def test_read_now_wakes_the_worker(connected, browser):
    connected.work_later()
    browser.post(f"/calendars/{connected.connection.pk}/read")
    connected.enter("dentist", NOW + 3600, NOW + 7200)
    connected.work()
    assert connected.connection.calendars.get().read_at is not None


def test_disconnecting_asks_first_and_says_what_stays(connected, browser):
    path = f"/calendars/{connected.connection.pk}/disconnect"
    assert "Appointments that were written there stay there" in text_of(browser.get(path))
    assert CalendarConnection.objects.exists()
    answer = browser.post(path, follow=True)
    assert "Twin is disconnected." in text_of(answer)
    assert not CalendarConnection.objects.exists()


# Connecting by an address


def test_a_caldav_account_is_connected(browser, asked):
    answer = browser.post(CALDAV, ACCOUNT, follow=True)
    assert "olga is connected. It blocks your time and receives your appointments" in text_of(answer)
    (account,) = asked
    assert (account.url, account.username, account.secret) == ("https://cloud.example.com", "olga", "correct horse")
    assert list(ConnectedCalendar.objects.order_by("pk").values_list("name", "blocks", "receives")) == [
        ("Work", True, True), ("Birthdays", False, False),
    ]  # fmt: skip
    assert Change.objects.filter(subject_kind="calendar_connection").count() == 1


@pytest.mark.parametrize(
    ("server", "url"), [("icloud", "https://caldav.icloud.com"), ("fastmail", "https://caldav.fastmail.com")]
)
def test_a_server_that_is_known_needs_no_address(browser, asked, server, url):
    page = text_of(browser.get(f"/calendars/connect/caldav/{server}"))
    assert 'name="address"' not in page
    browser.post(f"/calendars/connect/caldav/{server}", {"username": "olga", "password": "x"})
    assert asked[0].url == url


def test_a_server_that_nobody_knows_is_404(browser):
    assert browser.get("/calendars/connect/caldav/unheard-of").status_code == 404


def test_an_address_that_may_not_be_asked_is_refused_with_what_was_typed_but_the_password(browser):
    answer = browser.post(CALDAV, ACCOUNT | {"address": "http://127.0.0.1:5232/"})
    page = text_of(answer)
    assert answer.status_code == 200
    assert "127.0.0.1 is no public address." in page
    assert "What you typed is kept, except the password." in page
    assert 'value="http://127.0.0.1:5232/"' in page
    assert 'value="olga"' in page
    assert "correct horse" not in page
    assert not CalendarConnection.objects.exists()


@pytest.mark.parametrize("fields", [{"username": ""}, {"password": ""}, {"address": ""}, {"username": "a\0b"}])
def test_a_form_that_is_not_filled_in_asks_nobody(browser, asked, fields):
    assert 'class="errors"' in text_of(browser.post(CALDAV, ACCOUNT | fields))
    assert asked == []


def test_a_feed_is_connected_by_its_address_which_is_never_shown(browser, asked):
    sent = {"address": "webcal://feeds.example.com/very-secret.ics", "name": "School"}
    answer = browser.post("/calendars/connect/ics_feed", sent, follow=True)
    assert asked[0].url == "https://feeds.example.com/very-secret.ics"
    assert "School is connected." in text_of(answer)
    assert "very-secret" not in text_of(answer)


def test_a_new_password_connects_again(connected, browser):
    connected.twin.fault = "locked_out"
    connected.work_later()
    path = f"/calendars/{connected.connection.pk}/reconnect"
    refused = browser.post(path, {"password": "old one"})
    assert "The password is no longer accepted." in text_of(refused)
    assert "old one" not in text_of(refused)
    connected.twin.fault = ""
    assert "Twin is connected again." in text_of(browser.post(path, {"password": "new one"}, follow=True))
    connected.connection.refresh_from_db()
    assert connected.connection.status == "connected"


def test_a_feed_that_was_lost_is_tried_again_without_a_password(connected, browser, monkeypatch):
    monkeypatch.setitem(accounts.PROVIDERS, "ics_feed", accounts.PROVIDERS["caldav"])
    CalendarConnection.objects.update(provider="ics_feed", status="reconnect")
    path = f"/calendars/{connected.connection.pk}/reconnect"
    assert 'name="password"' not in text_of(browser.get(path))
    assert "Twin is connected again." in text_of(browser.post(path, follow=True))


def test_what_providers_say_is_translated_with_what_it_carries(cast):
    with override("de"):
        assert in_words("Google is busy or has a fault (503).") == "Google ist überlastet oder gestört (503)."
        assert in_words("Nobody has translated this.") == "Nobody has translated this."


# Feeds out


def test_the_address_of_a_feed_is_shown_once(cast, browser):
    page = text_of(browser.post("/calendars/feeds/new", {"details": "hidden"}))
    address = re.search(r'value="(http[^"]+/feeds/[^"]+\.ics)"', page)[1]
    assert "sees when you are busy, and nothing else" in page
    assert CalendarFeed.objects.get().hides_details
    assert browser.get(address.removeprefix("http://localhost:8000")).status_code == 200
    listed = text_of(browser.get("/calendars"))
    assert "Only when you are busy" in listed
    assert "/feeds/slk" not in listed


def test_a_feed_is_revoked_after_a_question(cast, browser):
    browser.post("/calendars/feeds/new", {"details": "shown"})
    feed = CalendarFeed.objects.get()
    path = f"/calendars/feeds/{feed.pk}/revoke"
    assert browser_of(cast.colleague).post(path).status_code == 404
    assert "Revoke the address made on" in text_of(browser.get(path))
    browser.post(path)
    feed.refresh_from_db()
    assert feed.revoked_at is not None
    assert browser.post(path).status_code == 404
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/calendars/feeds/new", CALDAV, "/calendars/connect/ics_feed"])
def test_forms_need_their_token(cast, path):
    assert browser_of(cast.owner, enforce_csrf_checks=True).post(path, ACCOUNT).status_code == 403
