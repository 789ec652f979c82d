"""What a calendar file blocks: never less than it says, and what that means for events of ours."""

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from calendars.ics_writing import BERLIN, OWNER, calendar, event, instant, read, reasons
from contracts.radicale_world import RadicaleWorld
from slotkeeper.calendars.ics_busy import busy_request, read_busy
from slotkeeper.calendars.ics_values import LATEST, UnreadableCalendar
from slotkeeper.calendars.providers.base import ChangesRequest, EventDetails, EventPlace, Refused
from slotkeeper.calendars.providers.ics_events import read_event, written
from slotkeeper.rules.intervals import Interval, union

WINDOW = Interval(instant("2026-11-26"), instant("2027-11-28"))
REQUEST = busy_request(BERLIN, frozenset({OWNER}), WINDOW)
KEY = "slk" + "0123456789abcdef" * 2
START, HOUR = instant("2027-03-01T09:00"), 3600
OUR_EVENT = EventDetails(KEY, "Consultation", START, START + HOUR)
OURS = written(OUR_EVENT, datetime(2026, 11, 26, tzinfo=UTC))
TIMES = b"DTSTART:20270301T090000Z\r\nDTEND:20270301T100000Z"


def busy(*blocks, head="", request=REQUEST):
    found = read_busy(calendar(*blocks, head=head), request)
    return union(time for entry in found for time in entry.busy)


def hour(day, of="2027-01-01T10:00"):
    start = instant(of) + day * 86_400
    return Interval(start, start + HOUR)


# However long


@pytest.mark.parametrize(
    "lines",
    [
        ("DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:99991231"),
        ("DTSTART:20260101T000000Z", "DTEND:99991231T235959Z"),
        ("DTSTART;VALUE=DATE:19000101", "DTEND;VALUE=DATE:21000101"),
        ("DTSTART;TZID=Europe/Berlin:19000101T000000", "DTEND;TZID=Europe/Berlin:21000101T000000"),
        ("DTSTART;VALUE=DATE:19700101", "DTEND;VALUE=DATE:22100101"),
        ("DTSTART;VALUE=DATE:00010101", "DTEND;VALUE=DATE:99991231"),
        ("DTSTART;TZID=Asia/Tokyo:00010101T000000", "DTEND;TZID=America/New_York:99991231T235959"),
        ("DTSTART:20260101T000000Z", "DURATION:P999999999999D"),
        ("DTSTART;VALUE=DATE:20260101", "DURATION:P999999999999W"),
        ("DTSTART:20260101T000000Z", "DURATION:PT999999999999999S"),
        ("DTSTART;VALUE=DATE:19000101", "DTEND;VALUE=DATE:99991231", "RRULE:FREQ=YEARLY"),
        ("DTSTART:20260101T000000Z", "DURATION:PT1H", "RDATE;VALUE=PERIOD:20260601T000000Z/99991231T000000Z"),
        ("RECURRENCE-ID:20260101T000000Z", "DTSTART:20260101T000000Z", "DTEND:99991231T000000Z"),
    ],
)
def test_what_reaches_out_of_our_years_blocks_all_of_them_that_it_covers(lines):
    assert busy(event(*lines)) == [WINDOW]


@pytest.mark.parametrize(
    "lines",
    [
        ("DTSTART;VALUE=DATE:99991231",),
        ("DTSTART:99991231T235959Z", "DURATION:PT1H", "RRULE:FREQ=DAILY"),
        ("DTSTART;VALUE=DATE:22010101", "DTEND;VALUE=DATE:22020101"),
        ("DTSTART:18000101T000000Z", "DTEND:19000101T000000Z"),
        ("DTSTART;TZID=Asia/Tokyo:00010101T000000", "DTEND;TZID=Asia/Tokyo:00010101T010000"),
    ],
)
@pytest.mark.parametrize("expand_from", [WINDOW.start, 0])
def test_what_lies_wholly_outside_of_our_years_blocks_nothing_and_harms_nothing(lines, expand_from):
    request = replace(REQUEST, expand_from=expand_from)
    blocks = event(*lines, uid="far"), event("DTSTART:20270101T100000Z", "DURATION:PT1H")
    assert busy(*blocks, head="X-WR-TIMEZONE:Asia/Tokyo", request=request) == [hour(0)]


def test_the_import_still_leaves_out_what_reaches_out_of_our_years():
    file = read(
        event("DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:99991231"),
        event("DTSTART:22010101T000000Z", "DURATION:PT1H", uid="2"),
    )
    assert (file.events, sorted(reasons(file))) == ((), ["out_of_range", "too_long"])


def test_an_added_time_with_a_length_blocks_where_its_series_has_none():
    added = "RDATE;VALUE=PERIOD:20270102T100000Z/PT1H,20270103T100000Z/PT0S"
    assert busy(event("DTSTART:20270101T100000Z", added)) == [hour(1)]


def test_a_change_from_here_on_that_leads_beyond_all_years_blocks_nothing_there():
    daily = event("DTSTART:20270101T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4")
    away = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20270103T100000Z", "DTSTART:99991231T100000Z", "DURATION:PT1H")
    assert busy(daily, away) == [hour(0), hour(1)]


def test_a_changed_instance_of_an_impossible_day_is_not_taken_for_free():
    with pytest.raises(UnreadableCalendar, match="RECURRENCE-ID lies in the year 1"):
        busy(event("SUMMARY:Odd", "RECURRENCE-ID:00010101T000000Z", "DTSTART:20270101T100000Z", "DURATION:PT1H"))


# Several events under one UID


def at(day, *lines):
    return event(f"DTSTART:2027010{day}T100000Z", "DURATION:PT1H", *lines)


def test_all_events_that_share_a_uid_block():
    assert busy(at(1), at(3)) == busy(at(3), at(1)) == [hour(0), hour(2)]


def test_a_series_and_a_single_event_that_share_a_uid_block():
    moved = event("RECURRENCE-ID:20270102T100000Z", "DTSTART:20270102T120000Z", "DURATION:PT1H")
    assert busy(at(1, "RRULE:FREQ=DAILY;COUNT=2"), at(5), moved) == [
        hour(0),
        hour(1, of="2027-01-01T12:00"),
        hour(4),
    ]


def test_a_higher_revision_replaces_all_of_the_lower_ones():
    assert busy(at(1), at(2, "SEQUENCE:2"), at(3, "SEQUENCE:1"), at(4, "SEQUENCE:2")) == [hour(1), hour(3)]


def test_of_two_events_with_one_uid_and_one_start_the_later_counts():
    assert busy(at(1), at(1, "STATUS:CANCELLED")) == []


def test_the_import_still_takes_the_last_of_several_events_with_one_uid():
    file = read(at(1), at(3))
    assert ([one.start for one in file.events], reasons(file)) == ([hour(2).start], ["duplicate"])


def test_thousands_of_series_with_one_uid_and_thousands_of_changes_cost_no_more_than_is_allowed():
    clocks = [f"{number % 24:02}{number // 24 % 60:02}{number // 1440:02}" for number in range(10_000)]
    series = [event(f"DTSTART:20270101T{clock}Z", "RRULE:FREQ=DAILY") for clock in clocks]
    changed = [event(f"RECURRENCE-ID:20270101T{clock}Z", "DTSTART:20270101T100000Z") for clock in clocks]
    began = time.process_time()
    with pytest.raises(UnreadableCalendar, match="too many times"):
        busy(*series, *changed)
    assert time.process_time() - began < 8


def test_a_long_uid_is_one_like_any_other():
    uid = "😀" * 2_000
    cancelled = event("RECURRENCE-ID:20270102T100000Z", "DTSTART:20270102T100000Z", "STATUS:CANCELLED", uid=uid + "a")
    daily = [
        event("DTSTART:20270101T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2", uid=uid + end) for end in "ab"
    ]
    found = read_busy(calendar(*daily, cancelled), REQUEST)
    assert [entry.busy for entry in found] == [(hour(0),), (hour(0), hour(1))]
    assert {len(entry.uid) for entry in found} == {len("long-") + 64}


# What is over


@pytest.mark.parametrize(
    "lines",
    [
        ("DTEND:20200101T110000Z", "RRULE:FREQ=HOURLY;UNTIL=20200105T000000Z"),
        ("DURATION:PT1H", "RRULE:FREQ=MINUTELY;UNTIL=20200105"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=1000"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;INTERVAL=6;BYMINUTE=0,30;COUNT=1000"),
        ("DURATION:PT1H", "RRULE:FREQ=DAILY;BYHOUR=9,17;COUNT=100"),
        ("DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=9,17;COUNT=100"),
        ("DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20200105T000000Z", "EXRULE:FREQ=WEEKLY"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=3", "RRULE:FREQ=HOURLY;UNTIL=20210101"),
    ],
)
def test_what_repeats_too_often_and_is_over_harms_nothing(lines):
    assert busy(event("DTSTART:20200101T100000Z", *lines)) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;UNTIL=20270105T000000Z"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;UNTIL=soon"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=many"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=999999999;INTERVAL=999999999"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=100000"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;BYMONTH=1;BYMONTHDAY=1;COUNT=1000"),
        ("DURATION:P3650D", "RRULE:FREQ=HOURLY;COUNT=3"),
        ("DTEND:20270101T000000Z", "RRULE:FREQ=HOURLY;COUNT=3"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=3", "RRULE:FREQ=HOURLY"),
        ("DURATION:PT1H", "RRULE:FREQ=HOURLY;COUNT=3", "RDATE:20270101T000000Z"),
    ],
)
def test_what_repeats_too_often_and_is_not_evidently_over_is_never_free(lines):
    with pytest.raises(UnreadableCalendar):
        busy(event("DTSTART:20200101T100000Z", *lines))


def test_a_changed_instance_of_long_ago_harms_nothing():
    birthday = event("DTSTART;VALUE=DATE:19600101", "RRULE:FREQ=YEARLY")
    moved = event("RECURRENCE-ID;VALUE=DATE:19650101", "DTSTART;VALUE=DATE:19650102")
    assert busy(birthday, moved) == [Interval(instant("2026-12-31T23:00"), instant("2027-01-01T23:00"))]


def test_an_event_in_a_zone_that_nobody_knows_harms_nothing_once_it_is_over():
    assert busy(event("DTSTART;TZID=Nowhere:20200101T100000", "DURATION:PT1H")) == []


# Events of ours


def own_time(data):
    return read_event("/ada/1.ics", '"1"', data, REQUEST).own_time


def test_our_event_is_known_with_its_time():
    found = read_event("/ada/1.ics", '"1"', OURS, REQUEST)
    assert found == ("/ada/1.ics", (Interval(START, START + HOUR),), KEY, Interval(START, START + HOUR), '"1"')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"TRANSP:OPAQUE", b"TRANSP:TRANSPARENT"),
        (b"TRANSP:OPAQUE", b"X-MICROSOFT-CDO-BUSYSTATUS:FREE"),
        (b"TRANSP:OPAQUE", b"ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.org"),
    ],
)
def test_our_event_stands_where_it_stood_when_its_owner_says_that_it_blocks_nothing(old, new):
    found = read_event("/ada/1.ics", "", OURS.replace(old, new), REQUEST)
    assert (found.key, found.own_time, found.busy) == (KEY, Interval(START, START + HOUR), ())


def test_our_event_that_its_owner_marks_as_free_on_a_real_server_still_stands_there():
    with ExitStack() as stack:
        world = RadicaleWorld(stack)
        made = world.provider.create_event(EventPlace(world.calendar_id, KEY), OUR_EVENT)
        asked = ChangesRequest("", WINDOW, BERLIN)
        asked = asked._replace(cursor=world.provider.read_changes(world.calendar_id, asked).cursor)
        free = OURS.replace(b"TRANSP:OPAQUE", b"TRANSP:TRANSPARENT")
        world.ask("PUT", f"{world.path}{KEY}.ics", free, **{"Content-Type": "text/calendar"})
        (seen,) = world.provider.read_changes(world.calendar_id, asked).events
        there = world.provider.find_event(EventPlace(world.calendar_id, KEY, made.external_id))
    assert (seen.key, seen.own_time, seen.busy) == (KEY, Interval(START, START + HOUR), ())
    assert there == seen


def test_our_event_that_was_canceled_is_gone():
    found = read_event("/ada/1.ics", "", OURS.replace(b"CONFIRMED", b"CANCELLED"), REQUEST)
    assert (found.key, found.own_time) == (KEY, None)


@pytest.mark.parametrize(
    ("times", "own"),
    [
        (b"DTSTART:20270301T090000Z\r\nDTEND:20270301T090000Z", (START, START)),
        (b"DTSTART:20270301T090000Z", (START, START)),
        (b"DTSTART:20200301T090000Z\r\nDURATION:PT1H", (instant("2020-03-01T09:00"), instant("2020-03-01T10:00"))),
        (b"DTSTART;VALUE=DATE:20270301", (instant("2027-02-28T23:00"), instant("2027-03-01T23:00"))),
        (b"DTSTART:23000101T000000Z\r\nDURATION:PT1H", (LATEST, LATEST)),
        (b"DTSTART:00010101T000000Z\r\nDURATION:PT1H", (0, 0)),
        (b"DTSTART:20270301T090000Z\r\nDURATION:PT999999999999999S", (START, LATEST)),
        (TIMES + b"\r\nRRULE:FREQ=WEEKLY", (START, START + HOUR)),
        (TIMES + b"\r\nRRULE:FREQ=DAILY\r\nEXDATE:20270301T090000Z", (START, START + HOUR)),
    ],
)
def test_our_event_that_was_moved_anywhere_is_not_taken_for_deleted(times, own):
    assert own_time(OURS.replace(TIMES, times)) == own


def test_our_event_that_ends_before_it_begins_cannot_be_read():
    with pytest.raises(Refused, match="ends before it begins"):
        own_time(OURS.replace(TIMES, b"DTSTART:20270301T090000Z\r\nDTEND:20270301T080000Z"))


def test_what_its_owner_made_a_series_of_blocks_every_time_of_it():
    found = read_event("/ada/1.ics", "", OURS.replace(TIMES, TIMES + b"\r\nRRULE:FREQ=WEEKLY;COUNT=3"), REQUEST)
    assert [(start - START) / 86_400 for start, _end in found.busy] == [0, 7, 14]
