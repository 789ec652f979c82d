"""What people did to our events in their calendars: told, listed and decided; and how an appointment stands there."""

import pytest

from connected import HOUR, SOON, connect
from desk import browser_of, text_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.calendars.models import CalendarEventLink, CalendarProposal, ConnectedCalendar
from slotkeeper.rules.intervals import Interval


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


@pytest.fixture
def browser(cast):
    return browser_of(cast.owner)


@pytest.fixture
def moved(connected):
    """An appointment whose event its owner has moved by an hour."""
    row = connected.book()
    connected.work_later()
    (name,) = connected.twin.events
    there = connected.twin.events[name]
    connected.twin.store(name, title=there.title, times=(Interval(SOON + HOUR, SOON + 2 * HOUR),), key=there.key)
    connected.work_later()
    return row


def remove_there(connected):
    (name,) = connected.twin.events
    connected.twin.events[name].is_gone = True
    connected.twin.events[name].changed_at = next(connected.twin.clock)
    connected.work_later()


def decide(browser, **sent):
    return browser.post(f"/calendars/proposals/{CalendarProposal.objects.get().pk}", sent, follow=True)


def start_of(connected, row):
    return find(Reach(connected.member.business_id), row.id).start_time


def test_nothing_waits_and_nothing_is_said(connected, browser):
    assert "waits for your decision." not in text_of(browser.get("/")).replace("Nothing waits", "")
    assert "Nothing waits for your decision." in text_of(browser.get("/calendars/proposals"))


def test_a_change_there_is_told_quietly_and_listed_with_both_times(connected, moved, browser):
    for path in ("/", "/calendars"):
        assert "1 change in your calendar waits for your decision." in text_of(browser.get(path))
    page = text_of(browser.get("/calendars/proposals"))
    assert "You moved it in Main." in page
    assert "Consultation" in page
    assert page.index("<dt>Here</dt>") < page.index("<dt>There</dt>")
    assert 'href="/calendars/proposals"' in text_of(browser.get(f"/appointments/{moved.id}"))


def test_accepting_moves_the_appointment(connected, moved, browser):
    assert "“Consultation” is changed." in text_of(decide(browser, accept=1))
    assert start_of(connected, moved) == SOON + HOUR
    assert "waits for your decision." not in text_of(browser.get("/"))


def test_keeping_it_writes_the_event_again(connected, moved, browser):
    assert "It stays as it was" in text_of(decide(browser, keep=1))
    connected.work_later()
    assert start_of(connected, moved) == SOON
    (event,) = connected.twin.events.values()
    assert event.times == (Interval(SOON, SOON + HOUR),)


def test_a_time_that_was_taken_meanwhile_is_refused_with_others(connected, moved, browser):
    connected.book(SOON + HOUR, title="Meanwhile", sync_to_calendar=False)
    answer = decide(browser, accept=1)
    page = text_of(answer)
    assert answer.status_code == 409
    assert "This time is not free. Nothing was stored." in page
    assert "Meanwhile" in page
    assert page.count('name="instead"') == 3
    assert start_of(connected, moved) == SOON
    offered = page.split('name="instead"')[1].split('value="')[1].split('"')[0]
    assert "“Consultation” is changed." in text_of(decide(browser, instead=offered))
    connected.work_later()
    there = next(one for one in connected.twin.events.values() if one.title == "Consultation")
    assert there.times == (Interval(start_of(connected, moved), start_of(connected, moved) + HOUR),)
    assert start_of(connected, moved) not in {SOON, SOON + HOUR}
    assert "Nothing waits for your decision." in text_of(browser.get("/calendars/proposals"))


@pytest.mark.parametrize("instead", ["", "yesterday", "2027-01-15", "2027-13-45T10:00:00+01:00", "9" * 40])
def test_what_is_no_time_moves_nothing(connected, moved, browser, instead):
    decide(browser, instead=instead)
    assert start_of(connected, moved) == SOON


def test_a_deletion_there_is_a_cancellation_that_somebody_confirms(connected, browser):
    row = connected.book()
    connected.work_later()
    remove_there(connected)
    page = text_of(browser.get("/calendars/proposals"))
    assert "You deleted it in Main. Accepting cancels the appointment." in page
    decide(browser, accept=1)
    assert Appointment.objects.get(pk=row.id).status == "canceled"


def test_what_was_decided_already_is_said_to_be(connected, moved, browser):
    path = f"/calendars/proposals/{CalendarProposal.objects.get().pk}"
    browser.post(path, {"keep": 1})
    for sent in ({"keep": 1}, {"accept": 1}, {"instead": "2027-01-15T10:00:00+01:00"}):
        assert "This has been decided already." in text_of(browser.post(path, sent, follow=True))


def test_another_persons_proposal_is_theirs_and_their_schedulers(cast, monkeypatch):
    connected = connect(cast.colleague, monkeypatch)
    connected.book()
    connected.work_later()
    remove_there(connected)
    mine, theirs, strange = (browser_of(one) for one in (cast.owner, cast.colleague, cast.outsider))
    assert "deleted it in their calendar" in text_of(mine.get("/calendars/proposals"))
    assert "in Main" not in text_of(mine.get("/calendars/proposals"))
    assert "in your calendar waits" not in text_of(mine.get("/"))
    assert "in your calendar waits" in text_of(theirs.get("/"))
    assert "Nothing waits" in text_of(strange.get("/calendars/proposals"))
    assert "This has been decided already." in text_of(decide(strange, accept=1))
    assert Appointment.objects.get().status == "scheduled"


# An appointment in calendars


def test_an_appointment_says_how_it_stands_in_calendars(connected, browser, cast):
    row = connected.book()
    connected.work()
    path = f"/appointments/{row.id}"
    assert "Main (Twin):" in text_of(browser.get(path))
    assert "Stands there" in text_of(browser.get(path))
    CalendarEventLink.objects.update(state="failing", last_error="The calendar is no longer there.")
    assert "Could not be written" in text_of(browser.get(path))
    assert "The calendar is no longer there." in text_of(browser.get(path))
    CalendarEventLink.objects.update(state="pending")
    assert "Waits to be written" in text_of(browser.get(path))
    CalendarEventLink.objects.update(state="gone")
    assert "Taken out" in text_of(browser.get(path))


def test_the_names_of_somebodys_calendars_are_their_own_business(cast, monkeypatch, browser):
    connected = connect(cast.colleague, monkeypatch)
    row = connected.book()
    connected.work()
    page = text_of(browser.get(f"/appointments/{row.id}"))
    assert "A connected calendar:" in page
    assert "Twin" not in page


FORM = {"title": "By hand", "start": "2027-01-13T10:00", "minutes": "30"}


def test_the_switch_is_on_where_a_calendar_receives_and_can_be_turned_off(connected, browser):
    assert 'name="sync_to_calendar"' in text_of(browser.get("/appointments/new"))
    assert "checked" in text_of(browser.get("/appointments/new")).split('name="sync_to_calendar"')[1][:120]
    user = {"user_id": connected.member.user_id}
    browser.post("/appointments/new", FORM | user | {"sync_to_calendar": "on"})
    browser.post("/appointments/new", FORM | user | {"start": "2027-01-13T12:00"})
    rows = Appointment.objects.order_by("pk")
    assert list(rows.values_list("sync_to_calendar", flat=True)) == [True, False]


def test_the_switch_of_an_appointment_stays_as_it_was_until_it_is_changed(connected, browser):
    user = {"user_id": connected.member.user_id}
    browser.post("/appointments/new", FORM | user | {"sync_to_calendar": "on"})
    row = Appointment.objects.get()
    ConnectedCalendar.objects.update(receives=False)
    path = f"/appointments/{row.pk}/edit"
    assert 'name="sync_to_calendar"' in text_of(browser.get(path))
    browser.post(path, FORM | user | {"version": 1})
    row.refresh_from_db()
    assert row.sync_to_calendar is False
    assert 'name="sync_to_calendar"' not in text_of(browser.get(path))


def test_without_a_receiving_calendar_there_is_no_switch(browser):
    assert 'name="sync_to_calendar"' not in text_of(browser.get("/appointments/new"))
