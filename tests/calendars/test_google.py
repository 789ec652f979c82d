"""What is Google's own: series whose instances change alone, its limits, its way of naming events."""

from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from contracts.google_world import GoogleWorld, id_of
from servers.google_fake import moment
from slotkeeper.calendars.providers import json_api
from slotkeeper.calendars.providers.base import (
    AccessLost,
    ChangesRequest,
    CursorExpired,
    EventDetails,
    EventGone,
    EventPlace,
    PushingProvider,
    Refused,
    Unavailable,
)
from slotkeeper.outbound.client import Limits
from slotkeeper.rules.intervals import Interval, union


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp())


WINDOW = Interval(at("2031-01-01T00:00"), at("2032-01-01T00:00"))
MONDAY, HOUR, DAY, WEEK = at("2031-03-03T09:00"), 3600, 86_400, 7 * 86_400
LAST_YEAR = at("2030-03-04T09:00")
KEY = "slk" + "0123456789abcdef" * 2
MINE = "ann@example.com"
OURS = EventPlace(MINE, KEY)
SERIES = id_of("weekly")


@pytest.fixture
def world():
    with ExitStack() as stack:
        yield GoogleWorld(stack)


def read(world, cursor=""):
    return world.provider.read_changes(MINE, ChangesRequest(cursor, WINDOW, "Europe/Berlin"))


def busy(changes):
    return union(time for event in changes.events for time in event.busy)


def hours(*starts):
    return [Interval(start, start + HOUR) for start in starts]


def details(start=MONDAY, **changes):
    return EventDetails(KEY, "Consultation", start, start + HOUR, **changes)


def put_weekly(world, count=3, start=MONDAY):
    world.put("weekly", start, start + HOUR, rrule=f"FREQ=WEEKLY;COUNT={count}", zone="Europe/Berlin")


def test_a_changed_instance_that_is_told_alone_leaves_its_series_whole(world):
    put_weekly(world)
    cursor = read(world).cursor
    world.server.change_instance(
        MINE, SERIES, MONDAY + WEEK, start=moment(MONDAY + DAY), end=moment(MONDAY + DAY + HOUR)
    )
    changes = read(world, cursor)
    assert [event.external_id for event in changes.events] == [SERIES]
    assert busy(changes) == hours(MONDAY, MONDAY + DAY, MONDAY + 2 * WEEK)


def test_changes_of_several_instances_add_up(world):
    put_weekly(world)
    world.server.change_instance(MINE, SERIES, MONDAY, status="cancelled")
    cursor = read(world).cursor
    world.server.change_instance(MINE, SERIES, MONDAY + WEEK, transparency="transparent")
    assert busy(read(world, cursor)) == busy(read(world)) == hours(MONDAY + 2 * WEEK)


def test_a_changed_series_keeps_its_changed_instances(world):
    put_weekly(world)
    world.server.change_instance(MINE, SERIES, MONDAY + WEEK, status="cancelled")
    cursor = read(world).cursor
    world.server.change(MINE, SERIES, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    assert busy(read(world, cursor)) == hours(MONDAY, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK)


def test_a_series_that_is_deleted_or_made_a_single_event_is_told_by_its_id(world):
    put_weekly(world)
    world.server.change_instance(MINE, SERIES, MONDAY + WEEK, start=moment(MONDAY), end=moment(MONDAY + HOUR))
    cursor = read(world).cursor
    world.server.change(MINE, SERIES, recurrence=[])
    assert busy(read(world, cursor)) == hours(MONDAY)
    world.remove(SERIES)
    later = read(world, cursor)
    assert (later.events, SERIES in later.removed) == ((), True)


def test_an_exdate_and_a_rule_of_days_are_understood(world):
    put_weekly(world)
    world.server.change(
        MINE,
        SERIES,
        recurrence=["EXDATE;TZID=Europe/Berlin:20310310T090000", "RRULE:FREQ=WEEKLY;UNTIL=20310317T080000Z"],
    )
    assert busy(read(world)) == hours(MONDAY, MONDAY + 2 * WEEK)


def test_an_instance_of_a_series_that_is_not_in_the_calendar_blocks_by_itself(world):
    put_weekly(world)
    invited = world.server.change_instance(MINE, SERIES, MONDAY + WEEK)
    del world.server.events[MINE][SERIES]
    first = read(world)
    assert [(event.external_id, list(event.busy)) for event in first.events] == [(invited["id"], hours(MONDAY + WEEK))]
    world.server.change(MINE, invited["id"], status="cancelled")
    assert read(world, first.cursor).removed == (invited["id"],)


def test_an_instance_that_was_moved_out_of_a_series_of_the_past_blocks(world):
    put_weekly(world, start=LAST_YEAR)
    world.server.change_instance(MINE, SERIES, LAST_YEAR, start=moment(MONDAY), end=moment(MONDAY + HOUR))
    assert [event.external_id for event in read(world).events] == [SERIES]
    assert busy(read(world)) == hours(MONDAY)


def test_when_many_series_changed_at_once_everything_is_read(world):
    cursor = read(world).cursor
    for number in range(30):
        world.put(f"weekly{number}", MONDAY, MONDAY + HOUR, rrule="FREQ=WEEKLY;COUNT=2")
    with pytest.raises(CursorExpired):
        read(world, cursor)
    assert len(read(world).events) == 30


def test_everything_is_read_page_by_page(world):
    for number in range(8):
        world.put(f"meeting{number}", MONDAY + number * DAY, MONDAY + number * DAY + HOUR)
        world.server.add_calendar(f"team{number}@group.calendar.google.com", role="reader")
    assert len(read(world).events) == 8
    listed = world.provider.list_calendars()
    assert len(listed) == 9
    assert [one.external_id for one in listed if one.is_writable] == [MINE]


def test_who_declined_is_free_and_who_did_not_answer_is_not(world):
    me, other = ({"email": f"{name}@example.com", "self": name == "ann"} for name in ("ann", "bob"))
    for name, mine, theirs in (("one", "declined", "accepted"), ("two", "needsAction", "declined")):
        world.put(name, MONDAY, MONDAY + HOUR)
        attendees = [{**me, "responseStatus": mine}, {**other, "responseStatus": theirs}]
        world.server.change(MINE, id_of(name), attendees=attendees)
    assert [event.external_id for event in read(world).events if event.busy] == [id_of("two")]


@pytest.mark.parametrize(
    ("kind", "blocks"),
    [("workingLocation", False), ("birthday", False), ("focusTime", True), ("outOfOffice", True), ("fromGmail", True)],
)
def test_where_somebody_works_blocks_nothing_but_what_they_do_does(world, kind, blocks):
    world.put("special", MONDAY, MONDAY + HOUR)
    world.server.change(MINE, id_of("special"), eventType=kind)
    assert bool(busy(read(world))) == blocks


def test_a_sabbatical_blocks_all_of_it(world):
    world.put_all_day("sabbatical", "2031-04-01", 91)
    assert busy(read(world)) == [Interval(at("2031-04-01T00:00"), at("2031-07-01T00:00"))]


def test_a_series_of_days_blocks_the_days_of_the_person(world):
    world.put_all_day("weekly", "2031-03-29", 1)
    world.server.change(MINE, SERIES, recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    assert busy(read(world)) == [Interval(at("2031-03-29T00:00"), at("2031-03-31T00:00"))]


def test_what_people_write_into_their_calendars_is_not_asked_for(world):
    world.put("secret", MONDAY, MONDAY + HOUR)
    read(world)
    (asked,) = world.server.asked_for("GET", "/events")
    assert "summary" not in asked.query["fields"]
    assert "description" not in asked.query["fields"]


def test_a_sync_token_that_google_never_gave_means_to_read_everything(world):
    with pytest.raises(CursorExpired):
        read(world, "from another server")


@pytest.mark.parametrize("fault", ["lost_answer", "cut", "twice"])
def test_an_event_whose_answer_was_lost_is_not_written_twice(world, fault):
    with world.broken(fault):
        try:
            world.provider.create_event(OURS, details())
        except Unavailable:
            assert fault != "twice"
    world.provider.create_event(OURS, details(MONDAY + WEEK))
    assert [event.own_time for event in read(world).events] == hours(MONDAY + WEEK)


def test_a_deleted_event_comes_back_under_its_key(world):
    world.provider.create_event(OURS, details())
    world.provider.delete_event(OURS)
    world.provider.create_event(OURS, details(MONDAY + DAY))
    assert [event.own_time for event in read(world).events] == hours(MONDAY + DAY)


def test_an_update_leaves_what_the_owner_added(world):
    written = world.provider.create_event(OURS, details())
    world.server.change(MINE, KEY, colorId="4", attendees=[{"email": "bob@example.com"}])
    world.provider.update_event(EventPlace(MINE, KEY, written.external_id), details(MONDAY + WEEK, version=2))
    assert world.server.events[MINE][KEY]["colorId"] == "4"
    assert world.server.events[MINE][KEY]["attendees"] == [{"email": "bob@example.com"}]


def test_an_event_that_its_owner_made_a_day_becomes_an_hour_again(world):
    world.provider.create_event(OURS, details())
    world.server.change(MINE, KEY, start={"date": "2031-03-05"}, end={"date": "2031-03-06"})
    assert read(world).events[0].own_time == Interval(at("2031-03-05T00:00"), at("2031-03-06T00:00"))
    world.provider.update_event(OURS, details(MONDAY + WEEK, version=2))
    assert [event.own_time for event in read(world).events] == hours(MONDAY + WEEK)


def test_a_copy_of_our_event_is_its_owners_own(world):
    world.provider.create_event(OURS, details())
    copy = {name: one for name, one in world.server.events[MINE][KEY].items() if name not in {"id", "iCalUID"}}
    world.server.store(MINE, "copy0123", **copy)
    assert {event.external_id: event.key for event in read(world).events} == {KEY: KEY, "copy0123": ""}


def test_tentative_appointments_are_tentative_there(world):
    world.provider.create_event(OURS, details(is_tentative=True))
    assert world.server.events[MINE][KEY]["status"] == "tentative"


def test_a_token_that_google_no_longer_takes_is_refreshed_once(world):
    world.server.oauth.access_tokens.clear()
    assert read(world).is_full
    assert len(world.server.asked_for("POST", "/token")) == 1
    assert len(world.account.kept) == 2


def test_a_rate_limit_is_kept_to(world):
    with world.broken("quota"), pytest.raises(Unavailable) as raised:
        read(world)
    assert raised.value.retry_after == 11


def test_a_permission_that_was_taken_back_has_to_be_given_again(world):
    with world.broken("scope_lost"), pytest.raises(AccessLost):
        read(world)


def test_a_calendar_that_is_not_there_is_refused(world):
    with pytest.raises(Refused):
        world.provider.read_changes("other@example.com", ChangesRequest("", WINDOW, "Europe/Berlin"))
    with pytest.raises(Refused):
        world.provider.create_event(EventPlace("other@example.com", KEY), details())


def test_a_page_of_something_in_between_does_not_mean_that_an_event_is_gone(world):
    written = world.provider.create_event(OURS, details())
    with world.broken("lost_way"):
        for etag in (written.etag, ""):
            with pytest.raises(Unavailable):
                world.provider.update_event(EventPlace(MINE, KEY, KEY, etag), details(version=2))
        with pytest.raises(Unavailable):
            world.provider.find_event(OURS)


@pytest.mark.parametrize("fault", ["slow", "cut_text"])
def test_slow_and_cut_answers_are_for_later(world, fault, monkeypatch):
    monkeypatch.setattr(json_api, "_LIMITS", Limits(seconds=0.3))
    with world.broken(fault), pytest.raises(Unavailable):
        read(world)


def test_an_update_says_that_an_event_is_gone_though_it_could_revive_it(world):
    written = world.provider.create_event(OURS, details())
    world.remove(KEY)
    with pytest.raises(EventGone):
        world.provider.update_event(EventPlace(MINE, KEY, written.external_id), details(version=2))


def test_google_is_asked_to_tell_of_changes_and_not_to_any_more(world):
    assert isinstance(world.provider, PushingProvider)
    watch = world.provider.watch(MINE, "https://booking.example.com/callbacks/google", "a secret")
    assert world.server.channels[watch.channel_id]["token"] == "a secret"
    assert watch.expires_at > datetime.now().timestamp() + DAY  # noqa: DTZ005 -- a point in time is one in every zone
    for _ in range(2):
        world.provider.unwatch(watch)
    assert world.server.channels == {}


def test_an_address_that_google_cannot_reach_is_refused(world):
    with pytest.raises(Refused):
        world.provider.watch(MINE, "http://localhost:8000/callbacks/google", "a secret")


def test_the_fake_holds_requests_to_googles_own_description(world):
    headers = {"Authorization": f"Bearer {next(iter(world.server.oauth.access_tokens))}"}
    address = f"{world.server.url}/calendar/v3/calendars/{MINE}/events"
    httpx.get(address, params={"since": "yesterday"}, headers=headers)
    httpx.post(address, json={"id": "abcde", "title": "wrong"}, headers=headers)
    assert [complaint.partition(":")[0] for complaint in world.server.complaints[:2]] == [
        "calendar.events.list knows no parameter since",
        "Event []",
    ]
    world.server.complaints.clear()


def test_a_series_that_cannot_be_read_is_never_free(world):
    world.put("every minute", MONDAY, MONDAY + 60, rrule="FREQ=MINUTELY", zone="Europe/Berlin")
    with pytest.raises(Refused, match="more often than once a day"):
        read(world)
