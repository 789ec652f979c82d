"""What every kind of calendar must do alike: real servers, fakes and the twin."""

from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from contracts.davical_world import DavicalWorld
from contracts.feed_world import FeedWorld
from contracts.google_world import GoogleWorld
from contracts.graph_world import GraphWorld
from contracts.memory_world import MemoryWorld
from contracts.radicale_world import RadicaleWithoutSyncWorld, RadicaleWorld
from contracts.xandikos_world import XandikosWorld
from slotkeeper.calendars.providers.base import (
    AccessLost,
    ChangesRequest,
    CursorExpired,
    EventChanged,
    EventDetails,
    EventGone,
    EventPlace,
    Unavailable,
)
from slotkeeper.rules.intervals import Interval, union

BERLIN = ZoneInfo("Europe/Berlin")


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


WINDOW = Interval(at("2031-01-01T00:00"), at("2032-01-01T00:00"))
MONDAY, HOUR, WEEK = at("2031-03-03T09:00"), 3600, 7 * 86_400
KEY = "slk" + "0123456789abcdef" * 2
# Each makes a world inside an ExitStack; further kinds are added beside their modules.
WORLDS = {
    "davical": DavicalWorld,
    "feed": FeedWorld,
    "google": GoogleWorld,
    "microsoft": GraphWorld,
    "twin": lambda _stack: MemoryWorld(),
    "radicale": RadicaleWorld,
    "radicale without sync": RadicaleWithoutSyncWorld,
    "xandikos": XandikosWorld,
}


@pytest.fixture(params=sorted(WORLDS))
def world(request):
    with ExitStack() as stack:
        yield WORLDS[request.param](stack)


def needs(world, *abilities):
    for ability in abilities:
        if ability in getattr(world, "lacks", ()):
            pytest.skip(f"this kind of calendar has no {ability}")


def read(world, cursor=""):
    return world.provider.read_changes(world.calendar_id, ChangesRequest(cursor, WINDOW, "Europe/Berlin"))


def busy(world):
    return union(time for event in read(world).events for time in event.busy)


def details(start=MONDAY, version=1, title="Consultation", key=KEY):
    return EventDetails(key, title, start, start + HOUR, version, "First visit", "Room 2")


def place(world, written=None, key=KEY):
    needs(world, "writing")
    return EventPlace(world.calendar_id, key, *(written or ()))


def test_the_calendar_is_listed_as_writable(world):
    needs(world, "writing")
    listed = {one.external_id: one for one in world.provider.list_calendars()}
    assert listed[world.calendar_id].is_writable


def test_an_empty_calendar_blocks_nothing(world):
    changes = read(world)
    assert (changes.events, changes.is_full) == ((), True)


def test_an_event_blocks_its_time(world):
    world.put("meeting", MONDAY, MONDAY + HOUR)
    assert busy(world) == [Interval(MONDAY, MONDAY + HOUR)]


def test_a_series_blocks_every_instance_on_the_wall_clock(world):
    world.put("weekly", MONDAY, MONDAY + HOUR, rrule="FREQ=WEEKLY;COUNT=6", zone="Europe/Berlin")
    starts = [at(f"2031-{day}T09:00") for day in ("03-03", "03-10", "03-17", "03-24", "03-31", "04-07")]
    assert busy(world) == [Interval(start, start + HOUR) for start in starts]


def test_all_day_blocks_the_days_of_the_person(world):
    world.put_all_day("holiday", "2031-03-29", 2)  # one of them has 23 hours
    assert busy(world) == [Interval(at("2031-03-29T00:00"), at("2031-03-31T00:00"))]


@pytest.mark.parametrize("field", ["transparent", "canceled"])
def test_what_is_free_or_canceled_blocks_nothing(world, field):
    world.put("maybe", MONDAY, MONDAY + HOUR, **{field: "yes"})
    assert busy(world) == []


def test_tentative_time_is_blocked(world):
    world.put("perhaps", MONDAY, MONDAY + HOUR, tentative="yes")
    assert busy(world) == [Interval(MONDAY, MONDAY + HOUR)]


def test_only_what_changed_is_told_after_the_first_time(world):
    world.put("one", MONDAY, MONDAY + HOUR)
    first = read(world)
    assert read(world, first.cursor).events == ()
    world.put("two", MONDAY + WEEK, MONDAY + WEEK + HOUR)
    needs(world, "single changes")
    later = read(world, first.cursor)
    assert [event.busy for event in later.events] == [(Interval(MONDAY + WEEK, MONDAY + WEEK + HOUR),)]
    assert not later.is_full


def test_a_removed_event_is_told_by_the_id_it_came_with(world):
    world.put("one", MONDAY, MONDAY + HOUR)
    first = read(world)
    world.remove(first.events[0].external_id)
    needs(world, "single changes")
    later = read(world, first.cursor)
    gone = {*later.removed, *(event.external_id for event in later.events if not event.busy)}
    assert gone == {first.events[0].external_id}


def test_a_forgotten_cursor_is_said_so_and_a_full_reading_has_everything(world):
    for name in ("one", "another"):
        world.put(name, MONDAY, MONDAY + HOUR)
    cursor = read(world).cursor
    world.put("two", MONDAY + WEEK, MONDAY + WEEK + HOUR)
    needs(world, "forgetting")
    world.forget_cursors()
    try:
        changes = read(world, cursor)
    except CursorExpired:
        changes = read(world)
    assert changes.is_full
    assert union(time for event in changes.events for time in event.busy) == [
        Interval(start, start + HOUR) for start in (MONDAY, MONDAY + WEEK)
    ]


def test_our_event_is_known_by_its_key(world):
    world.provider.create_event(place(world), details())
    (event,) = read(world).events
    assert (event.key, event.own_time) == (KEY, Interval(MONDAY, MONDAY + HOUR))
    assert world.titles() == ["Consultation"]


def test_creating_twice_makes_one_event(world):
    first = world.provider.create_event(place(world), details())
    second = world.provider.create_event(place(world), details(MONDAY + WEEK, 2, "Moved"))
    assert first.external_id == second.external_id
    assert world.titles() == ["Moved"]
    assert read(world).events[0].own_time == Interval(MONDAY + WEEK, MONDAY + WEEK + HOUR)


def test_an_update_moves_the_event(world):
    written = world.provider.create_event(place(world), details())
    again = world.provider.update_event(place(world, written), details(MONDAY + WEEK, 2))
    assert again.external_id == written.external_id
    assert read(world).events[0].own_time == Interval(MONDAY + WEEK, MONDAY + WEEK + HOUR)


def test_two_updates_in_a_row_need_no_reading_in_between(world):
    written = world.provider.create_event(place(world), details())
    written = world.provider.update_event(place(world, written), details(MONDAY + WEEK, 2))
    world.provider.update_event(place(world, written), details(MONDAY + 2 * WEEK, 3))
    assert read(world).events[0].own_time == Interval(MONDAY + 2 * WEEK, MONDAY + 2 * WEEK + HOUR)


def test_an_update_does_not_overwrite_what_its_owner_changed(world):
    written = world.provider.create_event(place(world), details())
    (seen,) = read(world).events
    world.move(written.external_id, MONDAY + HOUR, MONDAY + 2 * HOUR)
    with pytest.raises(EventChanged):
        world.provider.update_event(place(world, (written.external_id, seen.etag)), details(MONDAY + WEEK, 2))
    there = world.provider.find_event(place(world, (written.external_id, "")))
    assert there.own_time == Interval(MONDAY + HOUR, MONDAY + 2 * HOUR)


def test_an_update_without_an_etag_overwrites(world):
    written = world.provider.create_event(place(world), details())
    world.move(written.external_id, MONDAY + HOUR, MONDAY + 2 * HOUR)
    world.provider.update_event(place(world, (written.external_id, "")), details(MONDAY + WEEK, 2))
    assert read(world).events[0].own_time == Interval(MONDAY + WEEK, MONDAY + WEEK + HOUR)


def test_an_update_of_a_deleted_event_says_that_it_is_gone(world):
    written = world.provider.create_event(place(world), details())
    world.remove(written.external_id)
    with pytest.raises(EventGone):
        world.provider.update_event(place(world, (written.external_id, "")), details(version=2))
    assert world.provider.find_event(place(world, (written.external_id, ""))) is None


@pytest.mark.parametrize("is_id_known", [True, False])
def test_deleting_finds_the_event_and_a_second_time_is_fine(world, is_id_known):
    written = world.provider.create_event(place(world), details())
    where = place(world, written if is_id_known else None)
    world.provider.delete_event(where)
    assert world.titles() == []
    world.provider.delete_event(where)


def test_our_own_moved_event_is_told_with_its_new_time(world):
    written = world.provider.create_event(place(world), details())
    cursor = read(world).cursor
    world.move(written.external_id, MONDAY + HOUR, MONDAY + 2 * HOUR)
    (event,) = read(world, cursor).events
    assert (event.key, event.own_time) == (KEY, Interval(MONDAY + HOUR, MONDAY + 2 * HOUR))


def test_words_of_every_kind_arrive(world):
    title = 'Ünïcode "quotes", commas; semicolons\\ and <b>tags</b> 🎉'
    world.provider.create_event(place(world), details(title=title))
    assert world.titles() == [title]


@pytest.mark.parametrize("fault", ["away", "error", "busy", "nonsense", "cut"])
def test_a_server_in_trouble_is_unavailable(world, fault):
    needs(world, fault)
    with world.broken(fault):
        with pytest.raises(Unavailable) as raised:
            read(world)
        if fault == "busy":
            assert raised.value.retry_after == 7
    assert read(world).is_full


@pytest.mark.parametrize("fault", ["away", "error", "busy", "nonsense", "cut"])
def test_an_event_is_not_taken_for_written_while_the_server_is_in_trouble(world, fault):
    where = place(world)
    with world.broken(fault), pytest.raises(Unavailable):
        world.provider.create_event(where, details())
    assert read(world).is_full


def test_being_locked_out_is_no_passing_trouble(world):
    needs(world, "passwords")
    with world.broken("locked_out"), pytest.raises(AccessLost):
        read(world)
