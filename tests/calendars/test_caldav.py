"""What CalDAV asks for beyond the contract of every calendar, against a real Radicale."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from contracts.radicale_world import RadicaleWithoutSyncWorld, RadicaleWorld
from servers.fault_proxy import fault_proxy
from slotkeeper.calendars.providers.base import (
    Account,
    ChangesRequest,
    CursorExpired,
    EventChanged,
    EventDetails,
    EventPlace,
    Refused,
    Unavailable,
)
from slotkeeper.calendars.providers.caldav import CalDavProvider
from slotkeeper.calendars.providers.dav_cursor import Cursor, pack, read_cursor, unpack, witnesses_among, write_cursor
from slotkeeper.calendars.providers.dav_session import may_know_password
from slotkeeper.calendars.providers.ics_events import written
from slotkeeper.outbound.client import Client
from slotkeeper.rules.intervals import Interval

BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = Interval(*(int(datetime(year, 1, 1, tzinfo=BERLIN).timestamp()) for year in (2031, 2032)))
MONDAY, HOUR, DAY = int(datetime(2031, 3, 3, 9, tzinfo=BERLIN).timestamp()), 3600, 86_400
KEY = "slk" + "0123456789abcdef" * 2
EVENT = EventDetails(KEY, "Consultation", MONDAY, MONDAY + HOUR)


@pytest.fixture(params=[RadicaleWorld, RadicaleWithoutSyncWorld], ids=["by token", "by listing"])
def world(request):
    with ExitStack() as stack:
        yield request.param(stack)


@pytest.fixture
def synced():
    with ExitStack() as stack:
        yield RadicaleWorld(stack)


def read(world, cursor=""):
    return world.provider.read_changes(world.calendar_id, ChangesRequest(cursor, WINDOW, "Europe/Berlin"))


def put_text(world, name, *lines):
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", f"UID:{name}", *lines])
    text += "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    world.ask("PUT", f"{world.path}{name}.ics", text.encode(), **{"Content-Type": "text/calendar"})


def connect(world, url, password="secret words"):
    return CalDavProvider(Account(world.account.http, url, "ada", password, lambda _secret: None))


def test_calendars_are_found_from_the_host_alone(world):
    listed = connect(world, world.proxy.url).list_calendars()
    assert world.calendar_id in {calendar.external_id for calendar in listed}


@pytest.mark.parametrize("path", ["/", "/.well-known/caldav", "/ada/", "the calendar", "/nowhere/at/all/"])
def test_calendars_are_found_from_any_address_of_the_server(synced, path):
    listed = connect(synced, synced.proxy.url + (synced.path if path == "the calendar" else path)).list_calendars()
    assert synced.calendar_id in {calendar.external_id for calendar in listed}


def test_a_server_that_is_no_calendar_server_is_said_so(synced):
    synced.proxy.edit = lambda _method, headers, _content: (headers, b'<multistatus xmlns="DAV:"/>')
    with pytest.raises(Refused, match="no CalDAV server"):
        synced.provider.list_calendars()


def test_the_names_of_calendars_are_shown(synced):
    synced.ask("PROPPATCH", synced.path, b'<propertyupdate xmlns="DAV:"><set><prop><displayname>Work &amp; play'
               b"</displayname></prop></set></propertyupdate>")  # fmt: skip
    assert "Work & play" in {calendar.name for calendar in synced.provider.list_calendars()}


def test_lists_of_tasks_are_no_calendars(synced):
    synced.ask("MKCALENDAR", f"{synced.path[:-1]}-tasks/", b'<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns'
               b':caldav"><set><prop><C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-'
               b"component-set></prop></set></C:mkcalendar>")  # fmt: skip
    assert not [one for one in synced.provider.list_calendars() if one.external_id.endswith("-tasks/")]


def test_a_calendar_without_changes_costs_one_request(world):
    world.put("one", MONDAY, MONDAY + HOUR)
    cursor = read(world).cursor
    world.proxy.asked.clear()
    changes = read(world, cursor)
    assert (changes.events, changes.removed, changes.cursor) == ((), (), cursor)
    assert len(world.proxy.asked) == 1


def test_many_entries_come_in_batches(world):
    for number in range(60):
        world.put(f"event-{number}", MONDAY + number * DAY, MONDAY + number * DAY + HOUR)
    world.proxy.asked.clear()
    assert len(read(world).events) == 60
    assert len(world.proxy.asked) == 4


def test_an_event_whose_first_answer_was_lost_is_written_once(world):
    place = EventPlace(world.calendar_id, KEY)
    with world.broken("cut"), pytest.raises(Unavailable):
        world.provider.create_event(place, EVENT)
    assert world.titles() == ["Consultation"]
    world.provider.create_event(place, EVENT)
    assert world.titles() == ["Consultation"]


def test_a_server_that_gives_no_etag_is_asked_for_it(synced):
    def without_etag(method, headers, content):
        return [one for one in headers if method != "PUT" or one[0].lower() != "etag"], content

    synced.proxy.edit = without_etag
    written_event = synced.provider.create_event(EventPlace(synced.calendar_id, KEY), EVENT)
    assert written_event.etag == read(synced).events[0].etag


@pytest.mark.parametrize("mark", ["W/{}", "{}-gzip"], ids=["weakened", "marked"])
def test_an_etag_that_a_compressing_proxy_changed_is_understood(synced, mark):
    def changed(_method, headers, content):
        mend = {
            name: mark.format(value).replace('"-gzip', '-gzip"') for name, value in headers if name.lower() == "etag"
        }
        return [(name, mend.get(name, value)) for name, value in headers], content

    synced.proxy.edit = changed
    made = synced.provider.create_event(EventPlace(synced.calendar_id, KEY), EVENT)
    assert made.etag.startswith("W/") or made.etag.endswith('-gzip"')
    place = EventPlace(synced.calendar_id, KEY, made.external_id, made.etag)
    later = synced.provider.update_event(place, replace(EVENT, title="New", version=2))
    assert synced.titles() == ["New"]
    synced.provider.update_event(place._replace(etag=later.etag), replace(EVENT, title="Newer", version=3))
    with pytest.raises(EventChanged):
        synced.provider.update_event(place._replace(etag=later.etag), replace(EVENT, title="Late", version=4))


def test_a_calendar_that_may_not_be_read_is_refused_and_the_account_goes_on(synced):
    with synced.broken("forbidden"), pytest.raises(Refused, match="403"):
        read(synced)


def test_a_token_forgotten_in_silence_is_noticed(synced):
    for name in ("one", "two", "three", "four"):
        synced.put(name, MONDAY, MONDAY + HOUR)
    first = read(synced)
    synced.remove(f"{synced.path}two.ics")
    synced.put("one", MONDAY + HOUR, MONDAY + 2 * HOUR)
    synced.proxy.forgets_silently = True
    with pytest.raises(CursorExpired):
        read(synced, first.cursor)


def test_changes_that_come_in_pages_are_read_to_the_end(synced):
    cursor = read(synced).cursor
    synced.put("one", MONDAY, MONDAY + HOUR)
    etag = '<propstat><prop><getetag>"1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat>'
    entry = f"<response><href>{synced.path}one.ics</href>{etag}</response>"
    full = f"<response><href>{synced.path}</href><status>HTTP/1.1 507 Insufficient Storage</status></response>"
    pages = [f"{full}<sync-token>b</sync-token>", f"{entry}<sync-token>c</sync-token>"]

    def edit(_method, headers, content):
        return headers, f'<multistatus xmlns="DAV:">{pages.pop(0)}</multistatus>'.encode() if pages else content

    synced.proxy.edit = edit
    synced.proxy.forgets_silently = True  # the real server knows no token named b
    changes = read(synced, cursor)
    assert [event.external_id for event in changes.events] == [f"{synced.path}one.ics"]
    assert read_cursor(changes.cursor).token == "c"


def test_a_long_absence_blocks_all_of_the_window(world):
    put_text(world, "sabbatical", "DTSTART;VALUE=DATE:20300601", "DTEND;VALUE=DATE:20330601")
    assert read(world).events[0].busy == (WINDOW,)


@pytest.mark.parametrize(
    "lines",
    [
        ("SUMMARY:Beat", "DTSTART:20310303T090000Z", "DURATION:PT1S", "RRULE:FREQ=MINUTELY"),
        ("SUMMARY:Beat", "DTSTART;TZID=Nowhere/Land:20310303T090000", "DURATION:PT1H"),
    ],
)
def test_what_cannot_be_read_is_never_free(synced, lines):
    put_text(synced, "odd", *lines)
    with pytest.raises(Refused, match="Beat"):
        read(synced)


def test_what_cannot_be_read_and_is_long_over_does_not_matter(synced):
    put_text(synced, "odd", "DTSTART;TZID=Nowhere/Land:20090303T090000", "DTEND;TZID=Nowhere/Land:20090303T100000")
    assert [event.busy for event in read(synced).events] == [()]


def test_a_password_is_not_told_to_where_the_server_leads(synced):
    with fault_proxy(synced.server) as other:
        synced.proxy.elsewhere = f"{other.url}/ada/"
        with synced.broken("elsewhere"):
            with pytest.raises(Refused):
                synced.provider.list_calendars()
            with pytest.raises(Unavailable):
                synced.provider.create_event(EventPlace(synced.calendar_id, KEY), EVENT)
        assert other.asked
        assert {authorization for _method, _path, authorization in other.asked} == {None}


def test_a_password_is_not_told_to_a_host_that_only_the_answer_names(synced):
    with fault_proxy(synced.server) as other:
        synced.proxy.edit = lambda _method, headers, content: (
            headers,
            content.replace(b"/ada/", f"{other.url}/ada/".encode()),
        )
        with pytest.raises(Refused, match="may not see the password"):
            synced.provider.list_calendars()
        assert other.asked == []


@pytest.mark.parametrize(
    ("url", "home", "may"),
    [
        ("https://caldav.icloud.com/1/", "https://caldav.icloud.com", True),
        ("https://p42-caldav.icloud.com/1/", "https://caldav.icloud.com", True),
        ("https://p42-caldav.icloud.com:443/", "https://caldav.icloud.com/", True),
        ("https://caldav.fastmail.com/dav/", "https://fastmail.com", True),
        ("http://p42-caldav.icloud.com/", "https://caldav.icloud.com", False),
        ("https://caldav.icloud.com.evil.example/", "https://caldav.icloud.com", False),
        ("https://evilicloud.com/", "https://caldav.icloud.com", False),
        ("https://p42-caldav.icloud.com:8443/", "https://caldav.icloud.com", False),
        ("https://evil.co.uk/", "https://example.co.uk", False),
        ("https://sub.example.co.uk/", "https://example.co.uk", True),
        ("https://evil.com/", "https://example.com", False),
        ("https://127.0.0.2/", "https://127.0.0.1", False),
        ("http://other.example.com/", "http://cal.example.com", False),
        ("https://cal.example.com/", "http://cal.example.com", False),
    ],
)
def test_a_password_is_for_one_server_and_its_https_siblings(url, home, may):
    assert may_know_password(url, home) is may


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no xml", b"<html/>", b"<multistatus/>", b"\xff\xfe<", b'<?xml version="1.0" encoding="nonsense"?><a/>',
        b'<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><multistatus xmlns="DAV:">&b;</multistatus>',
        b'<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><multistatus xmlns="DAV:">&a;</multistatus>',
    ],
)  # fmt: skip
def test_nonsense_for_an_answer_is_a_passing_trouble(synced, body):
    synced.proxy.edit = lambda _method, headers, _content: (headers, body)
    with pytest.raises(Unavailable):
        read(synced)


def test_a_character_that_no_xml_may_hold_does_not_spoil_the_calendar(synced):
    synced.put("one", MONDAY, MONDAY + HOUR)
    synced.proxy.edit = lambda _method, headers, content: (headers, content.replace(b"SUMMARY:one", b"SUMMARY:\x0bone"))
    assert [event.busy for event in read(synced).events] == [(Interval(MONDAY, MONDAY + HOUR),)]


def test_an_entry_that_an_answer_leaves_out_is_fetched_alone(synced):
    synced.put("one", MONDAY, MONDAY + HOUR)

    def edit(_method, headers, content):
        return headers, b'<multistatus xmlns="DAV:"/>' if b"BEGIN:VEVENT" in content and b"<" in content[
            :1
        ] else content

    synced.proxy.edit = edit
    assert [event.busy for event in read(synced).events] == [(Interval(MONDAY, MONDAY + HOUR),)]


def test_a_calendar_that_was_deleted_is_refused(world):
    cursor = read(world).cursor
    world.ask("DELETE", world.path)
    with pytest.raises((CursorExpired, Refused)):
        read(world, cursor)
    with pytest.raises(Refused):
        read(world)


def test_a_private_address_is_refused_in_a_sentence():
    with Client() as http, pytest.raises(Refused, match="no public address"):
        CalDavProvider(Account(http, "http://127.0.0.1:1", "ada", "x", lambda _secret: None)).list_calendars()


def test_a_cursor_survives_its_writing():
    etags = {f"/path/{number}.ics": f'"{number}"' for number in range(5_000)}
    again = read_cursor(write_cursor(Cursor(ctag="c", packed=pack(etags))))
    assert (again.ctag, unpack(again.packed)) == ("c", etags)
    for broken in (lambda: read_cursor("nonsense"), lambda: unpack("nonsense"), lambda: unpack("")):
        with pytest.raises(CursorExpired):
            broken()


KNOWN = dict.fromkeys("abcd", "old")


@pytest.mark.parametrize(
    ("witnesses", "told", "is_forgotten"),
    [
        (KNOWN, {"a": "new"}, False),
        (KNOWN, {"a": "old", "e": "new"}, False),  # the last entry that was written before, as DAViCal tells it
        (KNOWN, {"a": None, "b": None}, False),
        (KNOWN, KNOWN | {"e": "new"}, True),
        (KNOWN, {"a": "old", "b": "old", "c": "new"}, True),  # d is gone, and is not told
        ({"a": "old"}, {"a": "old", "b": "new"}, False),  # nothing that was known is hidden
        ({"a": "old", "b": "old"}, {"a": "old"}, True),
        ({}, {"a": "new"}, False),
    ],
)
def test_a_forgotten_token_is_told_from_a_few_that_are_told_twice(witnesses, told, is_forgotten):
    assert Cursor(token="t", witnesses=witnesses).is_forgotten(told) is is_forgotten


def test_witnesses_are_few_and_spread():
    chosen = witnesses_among({f"{number:03}": "etag" for number in range(100)}, {})
    assert len(chosen) == 8
    assert max(chosen) > "090"


def test_an_event_is_written_in_utc_with_its_version():
    text = written(EVENT, datetime(2031, 1, 1, tzinfo=BERLIN)).decode()
    for line in ("DTSTART:20310303T080000Z", "DTSTAMP:20301231T230000Z", "SEQUENCE:1", "STATUS:CONFIRMED"):
        assert f"\r\n{line}\r\n" in text
