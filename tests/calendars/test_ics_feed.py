"""Feeds: what they cost, and what hostile ones cannot do."""

import os
import resource
import time
from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from contracts.feed_world import FeedWorld
from slotkeeper.calendars import feed_parser
from slotkeeper.calendars.providers import ics_feed
from slotkeeper.calendars.providers.base import (
    Account,
    ChangesRequest,
    CursorExpired,
    EventDetails,
    EventPlace,
    Refused,
    RemoteEvent,
)
from slotkeeper.calendars.providers.ics_feed import BUSY_ID, CALENDAR_ID, IcsFeedProvider
from slotkeeper.outbound.client import Client, Limits
from slotkeeper.rules.intervals import Interval

BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = Interval(*(int(datetime(year, 1, 1, tzinfo=BERLIN).timestamp()) for year in (2031, 2032)))
MONDAY, HOUR = int(datetime(2031, 3, 3, 9, tzinfo=BERLIN).timestamp()), 3600
NEVER = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5"
KEY = "slk" + "0123456789abcdef" * 2


@pytest.fixture
def world():
    with ExitStack() as stack:
        yield FeedWorld(stack)


def read(world, cursor=""):
    return world.provider.read_changes(CALENDAR_ID, ChangesRequest(cursor, WINDOW, "Europe/Berlin"))


def calendar(*events, head=()):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *head]
    for event in events:
        lines += ["BEGIN:VEVENT", *event, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def series(rule, uid="beat", year=2031):
    return f"UID:{uid}", "SUMMARY:Beat", f"DTSTART:{year}0101T000000Z", "DURATION:PT1M", f"RRULE:{rule}"


def connect(world, url):
    return IcsFeedProvider(Account(world.provider._http, url, "", "", lambda _secret: None))


@pytest.mark.parametrize("etag", ['"1"', ""], ids=["told by the server", "found by us"])
def test_a_feed_that_did_not_change_is_not_read_again(world, etag, monkeypatch):
    world.put("one", MONDAY, MONDAY + HOUR)
    world.server.etag = etag
    first = read(world)
    monkeypatch.setattr(ics_feed, "read_feed", None)
    later = read(world, first.cursor)
    assert (later.events, later.removed, later.cursor, later.is_full) == ((), (), first.cursor, False)
    assert world.server.answers[-1] == (304 if etag else 200)


def test_the_time_of_asking_in_every_event_is_no_change(world):
    event = ("UID:one", "DTSTART:20310303T080000Z", "DURATION:PT1H")
    world.server.body = calendar((*event, "DTSTAMP:20310101T000000Z"))
    cursor = read(world).cursor
    world.server.body = calendar((*event, "DTSTAMP:20310101T000500Z"))
    assert not read(world, cursor).is_full


def test_all_entries_of_one_uid_are_one(world):
    moved = ("UID:beat", "RECURRENCE-ID:20310102T000000Z", "DTSTART:20310102T120000Z", "DURATION:PT1M")
    world.server.body = calendar(series("FREQ=DAILY;COUNT=3"), moved)
    (event,) = read(world).events
    assert [start % 86_400 for start, _end in event.busy] == [0, 43_200, 0]


def test_what_events_block_together_is_told_once(world):
    for number in range(4):
        world.put(f"event-{number}", MONDAY + number * 1_800, MONDAY + number * 1_800 + HOUR)
    world.put("apart", MONDAY + 86_400, MONDAY + 86_400 + HOUR)
    (event,) = read(world).events
    later = MONDAY + 86_400
    assert event == RemoteEvent(BUSY_ID, (Interval(MONDAY, MONDAY + 9_000), Interval(later, later + HOUR)))


def test_an_event_of_ours_that_comes_back_is_known(world):
    ours = (f"UID:{KEY}@slotkeeper", "DTSTART:20310303T080000Z", "DURATION:PT1H")
    world.server.body = calendar(ours, ("UID:other", "DTSTART:20310303T083000Z", "DURATION:PT1H"))
    event, other = read(world).events
    whole = Interval(MONDAY, MONDAY + HOUR)
    assert event == RemoteEvent(f"{KEY}@slotkeeper", (whole,), KEY, whole)
    assert other == RemoteEvent(BUSY_ID, (Interval(MONDAY + 1_800, MONDAY + 1_800 + HOUR),))


def test_a_hundred_thousand_events_that_overlap_are_one_time_and_cost_little_memory_here(world):
    world.server.body = many("DTSTART:20260101\nDTEND:20990101", 135_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read(world).events == (RemoteEvent(BUSY_ID, (WINDOW,)),)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB; the file itself has 9,000


def test_a_feed_of_too_many_pieces_is_refused(world):
    world.server.body = many("DTSTART:20310101\nDTEND:20320101", 5_000, "@slotkeeper")
    with pytest.raises(Refused, match="more than 20,000 times"):
        read(world)
    days = (f"2031{month:02}{day:02}" for month in range(1, 13) for day in range(1, 29))
    minutes = [f"{day}T{number // 60:02}{number % 60:02}00Z" for day in days for number in range(0, 1_440, 9)]
    world.server.body = calendar(*((f"UID:{start}", f"DTSTART:{start}", "DURATION:PT1M") for start in minutes))
    with pytest.raises(Refused, match="more than 20,000 times"):
        read(world)


def many(lines, number, suffix=""):
    events = (f"BEGIN:VEVENT\nUID:{one:05}{suffix}\n{lines}\nEND:VEVENT\n" for one in range(number))
    return "".join(["BEGIN:VCALENDAR\n", *events, "END:VCALENDAR\n"]).encode()


def test_an_event_without_end_in_our_years_blocks_all_of_the_window(world):
    world.server.body = calendar(("UID:gone", "DTSTART;VALUE=DATE:20300101", "DTEND;VALUE=DATE:99991231"))
    assert read(world).events == (RemoteEvent(BUSY_ID, (WINDOW,)),)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("foo\0bar", "foobar"),
        ("a\x01\x7f\x85b", "a b"),
        ("  Holidays \t in\u2028Bavaria ", "Holidays in Bavaria"),
        ("👨‍👩‍👧 family", "👨‍👩‍👧 family"),
        ("\0\x1b", "127.0.0.1"),
        ("x" * 300, "x" * 255),
    ],
)
def test_the_name_of_a_feed_is_one_line_that_every_database_takes(world, written, shown):
    world.server.body = calendar(head=(f"X-WR-CALNAME:{written}",))
    assert world.provider.list_calendars()[0].name == shown


def test_the_name_of_a_feed_in_broken_characters_is_shown_as_far_as_it_goes(world):
    world.server.body = calendar(head=("X-WR-CALNAME:ab",)).replace(b"ab", b"a\xed\xa0\x80\xffb")
    name = world.provider.list_calendars()[0].name
    assert name.encode().startswith(b"a")
    assert name.endswith("b")


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{}", b"Subject,Start\nLunch,3/10/2026", b"<rss/>", b"%PDF-1.7", b"\xff\xfeB\0E\0"]
)
def test_what_is_no_calendar_is_not_connected(world, body):
    world.server.body = body
    with pytest.raises(Refused, match="not a calendar"):
        world.provider.list_calendars()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_empty_calendar_can_be_connected_in_any_usual_encoding(world, encoding):
    world.server.body = calendar(head=("X-WR-CALNAME:Träume",)).decode().encode(encoding)
    assert world.provider.list_calendars()[0].name == "Träume"
    assert read(world).events == ()


def test_a_feed_is_called_what_it_calls_itself_and_cannot_be_written(world):
    world.server.body = calendar(head=("X-WR-CALNAME:School holidays",))
    (listed,) = world.provider.list_calendars()
    assert (listed.name, listed.is_writable) == ("School holidays", False)
    place = EventPlace(CALENDAR_ID, KEY)
    details = EventDetails(KEY, "x", MONDAY, MONDAY + HOUR)
    for write in (world.provider.create_event, world.provider.update_event):
        with pytest.raises(Refused):
            write(place, details)
    for act in (world.provider.delete_event, world.provider.find_event):
        with pytest.raises(Refused):
            act(place)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("webcal://example.com/a.ics", "https://example.com/a.ics"),
        ("WEBCALS://example.com/a.ics", "https://example.com/a.ics"),
        ("http://example.com/a.ics", "http://example.com/a.ics"),
        ("example.com/a.ics", "https://example.com/a.ics"),
    ],
)
def test_an_address_may_be_typed_as_calendar_programs_show_it(world, typed, url):
    assert connect(world, typed)._url == url


def test_a_cursor_that_is_none_is_said_so(world):
    with pytest.raises(CursorExpired):
        read(world, "nonsense")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (calendar(series("FREQ=SECONDLY")), "more often than once a day"),
        (calendar(*(series("FREQ=DAILY", f"{number}") for number in range(3_000))), "too many times"),
        (calendar(*(series(NEVER, f"{number}", 1970) for number in range(3_000))), "too many times"),
        (b"<!DOCTYPE html><html><body>Sign in", "web page"),
        (b'<?xml version="1.0"?><rss/>', "no iCalendar file"),
        (b"\x00\x01\x02" * 1000, "not text"),
        (b"BEGIN:VCALENDAR\r\n" * 100_000, "nests more"),
        (b"", "no iCalendar file"),
    ],
    ids=["by the second", "a million instances", "days that never come", "HTML", "XML", "binary", "deep", "empty"],
)
def test_a_hostile_feed_is_refused_in_a_sentence_and_in_bounded_time(world, body, sentence):
    world.server.body = body
    used, started = os.times(), time.monotonic()
    with pytest.raises(Refused, match=sentence):
        read(world)
    spent = os.times()
    assert spent.children_user + spent.children_system - used.children_user - used.children_system < 22
    assert time.monotonic() - started < feed_parser._DEADLINE_SECONDS


def test_a_feed_of_a_gigabyte_is_left_early(world):
    world.server.is_endless = True
    with pytest.raises(Refused, match="larger than"):
        connect(world, world.server.url).read_changes(CALENDAR_ID, ChangesRequest("", WINDOW, "UTC"))
    assert world.server.sent < 30_000_000


def test_a_feed_that_drips_is_left_at_the_deadline(world, monkeypatch):
    world.put("one", MONDAY, MONDAY + HOUR)
    world.server.pause = 0.1
    monkeypatch.setattr(ics_feed, "_LIMITS", Limits(seconds=0.5))
    started = time.monotonic()
    with pytest.raises(Refused, match="does not end"):
        connect(world, world.server.url).read_changes(CALENDAR_ID, ChangesRequest("", WINDOW, "UTC"))
    assert time.monotonic() - started < 2


def run_in_the_parser(monkeypatch, code):
    """Let the process that reads feeds do something else, within the limits it has given itself."""
    whole = f"from slotkeeper.calendars import feed_parser; feed_parser._limit(); {code}"
    real = feed_parser.subprocess.run
    monkeypatch.setattr(
        feed_parser.subprocess, "run", lambda command, **given: real([command[0], "-I", "-c", whole], **given)
    )


@pytest.mark.parametrize(
    "code", ["bytearray(2_000_000_000)", "import time; time.sleep(60)", "open('/tmp/slotkeeper-x', 'w').write('x')"]
)
def test_a_parser_gone_wild_is_ended(world, monkeypatch, code):
    monkeypatch.setattr(feed_parser, "_DEADLINE_SECONDS", 2)
    run_in_the_parser(monkeypatch, code)
    with pytest.raises(Refused, match="too much time or memory"):
        read(world)


def test_a_parser_that_computes_without_end_is_ended_by_the_kernel(world, monkeypatch):
    run_in_the_parser(monkeypatch, "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass")
    started = time.monotonic()
    with pytest.raises(Refused, match="too much time or memory"):
        read(world)
    assert time.monotonic() - started < 10


def test_the_parser_knows_no_secret_and_nothing_of_the_site(world, monkeypatch):
    monkeypatch.setenv("SLOTKEEPER_SECRET_KEY", "x" * 50)
    code = "import os, sys; sys.stdout.write(chr(123) + chr(34) + 'refusal' + chr(34) + ':' + chr(34) + "
    code += "' '.join([*os.environ, *({'django', 'httpx'} & set(sys.modules))]) + chr(34) + chr(125))"
    run_in_the_parser(monkeypatch, code)
    with pytest.raises(Refused) as raised:
        read(world)
    assert not {"SLOTKEEPER_SECRET_KEY", "django", "httpx"} & set(str(raised.value).split())


def test_a_private_address_is_refused_in_a_sentence():
    with Client() as http, pytest.raises(Refused, match="no public address"):
        IcsFeedProvider(Account(http, "http://127.0.0.1:1/", "", "", lambda _secret: None)).list_calendars()


def test_a_feed_whose_server_asks_for_a_password_is_refused(world):
    for act in (lambda: read(world), world.provider.list_calendars):
        with world.broken("locked_out"), pytest.raises(Refused, match="401"):
            act()


def test_a_feed_that_is_no_longer_there_is_refused(world):
    with world.broken("missing"), pytest.raises(Refused, match="404"):
        read(world)
