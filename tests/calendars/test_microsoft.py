"""What is Microsoft's own: deltas that tell little of series, ids that stay, transaction ids that count once."""

from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from contracts.graph_world import GraphWorld, id_of
from slotkeeper.calendars.providers import json_api
from slotkeeper.calendars.providers.base import (
    ChangesRequest,
    CursorExpired,
    EventChanged,
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
KEY = "slk" + "0123456789abcdef" * 2
MINE = "calendar="
OURS = EventPlace(MINE, KEY)
SERIES = id_of("weekly")


@pytest.fixture
def world():
    with ExitStack() as stack:
        yield GraphWorld(stack)


def read(world, cursor=""):
    return world.provider.read_changes(MINE, ChangesRequest(cursor, WINDOW, "Europe/Berlin"))


def busy(changes):
    return union(time for event in changes.events for time in event.busy)


def hours(*starts):
    return [Interval(start, start + HOUR) for start in starts]


def details(start=MONDAY, **changes):
    return EventDetails(KEY, "Consultation", start, start + HOUR, **changes)


def put_weekly(world, start=MONDAY, rule="FREQ=WEEKLY;COUNT=3"):
    world.put("weekly", start, start + HOUR, rrule=rule, zone="Europe/Berlin")


def test_a_deleted_instance_is_noticed_though_nothing_tells_of_it(world):
    put_weekly(world)
    cursor = read(world).cursor
    world.server.change_instance(SERIES, MONDAY + WEEK, deleted=True)
    changes = read(world, cursor)
    assert [event.external_id for event in changes.events] == [SERIES]
    assert busy(changes) == busy(read(world)) == hours(MONDAY, MONDAY + 2 * WEEK)


def test_a_moved_instance_and_a_free_one_are_read_with_their_series(world):
    put_weekly(world)
    cursor = read(world).cursor
    world.server.change_instance(SERIES, MONDAY, start=MONDAY + DAY, end=MONDAY + DAY + HOUR)
    world.server.change_instance(SERIES, MONDAY + WEEK, showAs="free")
    assert busy(read(world, cursor)) == busy(read(world)) == hours(MONDAY + DAY, MONDAY + 2 * WEEK)


def test_a_series_that_is_set_to_free_blocks_nothing(world):
    put_weekly(world)
    cursor = read(world).cursor
    world.server.touch(world.server.events[SERIES], showAs="free")
    assert busy(read(world, cursor)) == []


def test_a_series_that_began_before_the_window_blocks(world):
    begin = at("2030-12-16T09:00")
    put_weekly(world, begin)
    assert busy(read(world)) == []
    put_weekly(world, begin, "FREQ=WEEKLY;COUNT=4")
    assert busy(read(world)) == hours(begin + 3 * WEEK)


def test_a_series_is_removed_by_its_id(world):
    put_weekly(world)
    first = read(world)
    assert [event.external_id for event in first.events] == [SERIES]
    world.remove(SERIES)
    assert read(world, first.cursor).removed == (SERIES,)


def test_an_event_that_leaves_the_window_is_told_of(world):
    world.put("meeting", MONDAY, MONDAY + HOUR)
    cursor = read(world).cursor
    world.move(id_of("meeting"), MONDAY + 60 * WEEK, MONDAY + 60 * WEEK + HOUR)
    assert read(world, cursor).removed == (id_of("meeting"),)


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
        world.server.add_calendar(f"team{number}", canEdit=False)
    first = read(world)
    assert len(first.events) == 8
    listed = world.provider.list_calendars()
    assert len(listed) == 9
    assert [one.external_id for one in listed if one.is_writable and one.is_primary] == [MINE]
    for number in range(8):
        world.put(f"meeting{number}", MONDAY + number * DAY, MONDAY + number * DAY + HOUR)
    assert len(read(world, first.cursor).events) == 8


@pytest.mark.parametrize(
    ("status", "blocks"),
    [
        ("free", False),
        ("workingElsewhere", False),
        ("tentative", True),
        ("oof", True),
        ("busy", True),
        ("unknown", True),
    ],
)
def test_what_is_not_known_to_be_free_blocks(world, status, blocks):
    world.put("meeting", MONDAY, MONDAY + HOUR)
    world.server.touch(world.server.events[id_of("meeting")], showAs=status)
    assert bool(busy(read(world))) == blocks


@pytest.mark.parametrize(("response", "blocks"), [("declined", False), ("notResponded", True), ("accepted", True)])
def test_who_declined_is_free(world, response, blocks):
    world.put("meeting", MONDAY, MONDAY + HOUR)
    answer = {"response": response, "time": "2031-01-01T00:00:00Z"}
    world.server.touch(world.server.events[id_of("meeting")], responseStatus=answer)
    assert bool(busy(read(world))) == blocks


def test_a_sabbatical_blocks_all_of_it(world):
    world.put_all_day("sabbatical", "2031-04-01", 91)
    assert busy(read(world)) == [Interval(at("2031-04-01T00:00"), at("2031-07-01T00:00"))]


def test_what_people_write_into_their_calendars_is_not_asked_for(world):
    world.put("secret", MONDAY, MONDAY + HOUR)
    read(world)
    (asked,) = world.server.asked_for("GET", "/calendarView")
    assert {"subject", "body", "bodyPreview"}.isdisjoint(asked.query["$select"].split(","))


@pytest.mark.parametrize("cursor", ["https://elsewhere.example.com/v1.0/me?$deltatoken=1", "nonsense"])
def test_a_link_to_anywhere_else_is_not_followed_with_our_token(world, cursor):
    with pytest.raises(CursorExpired):
        read(world, cursor)
    assert world.server.asked == []


def test_a_link_that_graph_never_gave_means_to_read_everything(world):
    with pytest.raises(CursorExpired):
        read(world, f"{world.server.base}/me/calendars/calendar%3D/calendarView/delta?$deltatoken=mistaken")


@pytest.mark.parametrize("fault", ["lost_answer", "cut", "twice"])
def test_an_event_whose_answer_was_lost_is_not_written_twice(world, fault):
    with world.broken(fault):
        try:
            world.provider.create_event(OURS, details())
        except Unavailable:
            assert fault != "twice"
    world.provider.create_event(OURS, details(MONDAY + WEEK))
    assert [event.own_time for event in read(world).events] == hours(MONDAY + WEEK)


def test_an_event_whose_answer_was_lost_is_found_and_deleted(world):
    with world.broken("lost_answer"), pytest.raises(Unavailable):
        world.provider.create_event(OURS, details())
    world.provider.delete_event(OURS)
    assert world.titles() == []


def test_a_deleted_event_is_written_anew_though_its_transaction_was_used(world):
    written = world.provider.create_event(OURS, details())
    world.provider.delete_event(EventPlace(MINE, KEY, *written))
    again = world.provider.create_event(OURS, details(MONDAY + DAY))
    assert again.external_id != written.external_id
    (event,) = read(world).events
    assert (event.key, event.own_time) == (KEY, hours(MONDAY + DAY)[0])
    world.provider.update_event(EventPlace(MINE, KEY, again.external_id), details(MONDAY + WEEK, version=2))
    assert [event.own_time for event in read(world).events] == hours(MONDAY + WEEK)


def test_an_event_among_the_deleted_items_is_gone_though_its_id_is_still_good(world):
    written = world.provider.create_event(OURS, details())
    world.remove(written.external_id)
    with pytest.raises(EventGone):
        world.provider.update_event(EventPlace(MINE, KEY, written.external_id), details(version=2))
    with pytest.raises(EventChanged):
        world.provider.update_event(EventPlace(MINE, KEY, *written), details(version=2))
    assert world.provider.find_event(EventPlace(MINE, KEY, *written)) is None


def test_a_copy_of_our_event_is_its_owners_own(world):
    written = world.provider.create_event(OURS, details())
    event = world.server.events[written.external_id]
    kept = {name: event[name] for name in ("subject", "singleValueExtendedProperties")}
    world.server.store(MINE, "copy=", MONDAY + DAY, MONDAY + DAY + HOUR, **kept)
    assert {one.external_id: one.key for one in read(world).events} == {written.external_id: KEY, "copy=": ""}
    assert world.provider.find_event(OURS).external_id == written.external_id
    world.provider.delete_event(EventPlace(MINE, KEY, *written))
    world.provider.delete_event(OURS)
    assert world.titles() == ["Consultation"]


def test_an_update_leaves_what_the_owner_added(world):
    written = world.provider.create_event(OURS, details())
    world.server.touch(world.server.events[written.external_id], categories=["Work"], isAllDay=True)
    world.provider.update_event(EventPlace(MINE, KEY, written.external_id), details(MONDAY + WEEK, is_tentative=True))
    event = world.server.events[written.external_id]
    assert (event["categories"], event["isAllDay"], event["showAs"]) == (["Work"], False, "tentative")


def test_a_token_that_microsoft_no_longer_takes_is_refreshed_once(world):
    world.server.oauth.access_tokens.clear()
    world.server.oauth.rotates = True
    assert read(world).is_full
    assert len(world.server.asked_for("POST", "/token")) == 1
    assert len(world.account.kept) == 2


def test_a_conflict_in_passing_is_for_later(world):
    with world.broken("conflict"), pytest.raises(Unavailable):
        read(world)


def test_a_calendar_that_is_not_there_is_refused(world):
    with pytest.raises(Refused):
        world.provider.read_changes("other", ChangesRequest("", WINDOW, "Europe/Berlin"))
    with pytest.raises(Refused):
        world.provider.create_event(EventPlace("other", KEY), details())


def test_a_page_of_something_in_between_does_not_mean_that_an_event_is_gone(world):
    written = world.provider.create_event(OURS, details())
    with world.broken("lost_way"):
        for etag in (written.etag, ""):
            with pytest.raises(Unavailable):
                world.provider.update_event(EventPlace(MINE, KEY, written.external_id, etag), details(version=2))
        with pytest.raises(Unavailable):
            world.provider.find_event(OURS)


@pytest.mark.parametrize("fault", ["slow", "cut_text"])
def test_slow_and_cut_answers_are_for_later(world, fault, monkeypatch):
    monkeypatch.setattr(json_api, "_LIMITS", Limits(seconds=0.3))
    with world.broken(fault), pytest.raises(Unavailable):
        read(world)


def test_microsoft_is_asked_to_tell_of_changes_and_not_to_any_more(world):
    assert isinstance(world.provider, PushingProvider)
    watch = world.provider.watch(MINE, "https://booking.example.com/callbacks/microsoft", "a secret")
    wish = world.server.subscriptions[watch.channel_id]
    assert (wish["clientState"], wish["resource"]) == ("a secret", "me/calendars/calendar=/events")
    assert watch.expires_at > datetime.now().timestamp() + 5 * DAY  # noqa: DTZ005 -- a point in time is one in every zone
    for _ in range(2):
        world.provider.unwatch(watch)
    assert world.server.subscriptions == {}


def test_an_address_that_microsoft_cannot_reach_is_refused(world):
    with pytest.raises(Refused):
        world.provider.watch(MINE, "http://localhost:8000/callbacks/microsoft", "a secret")


def test_the_fake_holds_requests_to_the_published_schema(world):
    headers = {"Authorization": f"Bearer {next(iter(world.server.oauth.access_tokens))}"}
    httpx.patch(f"{world.server.base}/me/events/x", json={"title": "wrong"}, headers=headers)
    assert [complaint.partition(":")[0] for complaint in world.server.complaints] == [
        'Prefer lacks IdType="ImmutableId"',
        'Prefer lacks outlook.timezone="UTC"',
        "changed event []",
    ]
    world.server.complaints.clear()
