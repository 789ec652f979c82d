"""Whole files: what the big programs export, what is no calendar, and what is meant to hurt."""

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
import x_wr_timezone

from calendars.ics_writing import BERLIN, REQUEST, calendar, event, observance, read, reasons, spans, zone
from slotkeeper.calendars.ics_file import UnreadableCalendar, read_calendar_file

SAMPLES = {path.stem: path.read_bytes() for path in (Path(__file__).parent / "samples").glob("*.ics")}
TEN = ("DTSTART:20260310T100000Z", "DTEND:20260310T110000Z")

EXPECTED = {
    "google": {
        "2026-03-10 09:30 45m Dentist 🦷",
        "2026-03-16 09:00 60m Team meeting",
        "2026-03-24 14:00 60m Team meeting (moved)",
        "2026-03-28 00:00 2820m Weekend away",
        "2026-03-30 09:00 60m Team meeting",
    },
    "outlook": {
        "2026-03-23 10:30 5820m Messe Köln",
        "2026-03-25 09:00 30m Jour fixe",
        "2026-04-02 16:30 30m Jour fixe (verschoben)",
        "2026-04-15 09:00 30m Jour fixe",
        "2026-07-01 14:00 60m Call from an Exchange room",
        "2026-07-02 06:30 30m Call with Pune",
    },
    "apple": {
        "2026-03-06 15:15 15m Standup",
        "2026-03-09 14:15 15m Standup",
        "2026-03-16 14:15 15m Standup",
        "2026-03-20 14:15 15m Standup",
        "2026-03-20 17:00 60m Lunch with Claire",
        "2026-03-31 00:00 1440m Inventory",
        "2026-04-10 14:00 30m Morning run",
        "2026-04-30 00:00 1440m Inventory",
        "2026-05-29 00:00 1440m Inventory",
    },
}
SKIPPED = {
    "google": {"Team meeting": "canceled", "Sales webinar": "declined", "Ben's birthday": "transparent"},
    "outlook": {"Tag der Arbeit": "transparent", "Mittagspause": "transparent"},
    "apple": {},
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_export_of_a_big_program_is_read_as_its_owner_sees_it(name):
    file = read_calendar_file(SAMPLES[name], REQUEST)
    shown = [f"{span} {one.title}" for span, one in zip(spans(file), file.events, strict=True)]
    assert shown == sorted(EXPECTED[name])
    assert {one.title: one.reason.value for one in file.skipped} == SKIPPED[name]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_two_independent_libraries_expand_the_samples_to_the_same_events(name):
    theirs = x_wr_timezone.to_standard(icalendar.Calendar.from_ical(SAMPLES[name]))
    window = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    def instant(moment):
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, datetime.min.time(), ZoneInfo(BERLIN))
        return int(moment.timestamp())

    free = {title for title, reason in SKIPPED[name].items() if reason != "canceled"}
    expanded = {
        (instant(one.start), instant(one.end), str(one["SUMMARY"]))
        for one in recurring_ical_events.of(theirs).between(*window)
        if one.get("STATUS") != "CANCELLED" and one["SUMMARY"] not in free
    }
    ours = {(one.start, one.end, one.title) for one in read_calendar_file(SAMPLES[name], REQUEST).events}
    assert ours == expanded


def test_texts_are_unfolded_and_unescaped():
    dentist = read_calendar_file(SAMPLES["google"], REQUEST).events[0]
    assert dentist.location == "Praxis Dr. Weiß, Hauptstraße 5, 10827 Berlin, Germany"
    assert dentist.description.startswith("Bring the X-rays, please.\n\n-::~")


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("cp1252"),
        lambda text: text.replace("\r\n", "\n").encode(),
        lambda text: text.replace("\r\n", "\r").encode(),
        lambda text: text.replace("\r\n", "\r\r\n").encode(),
        lambda text: text.encode().replace("ü".encode(), "ü".encode()[:1] + b"\r\n " + "ü".encode()[1:]),
    ],
    ids=["utf-8 mark", "utf-16", "utf-16 be", "cp1252", "lf", "cr", "cr cr lf", "folded in a letter"],
)
def test_every_usual_encoding_is_understood(encoded):
    text = calendar(event("SUMMARY:Frühstück für alle", *TEN)).decode()
    file = read_calendar_file(encoded(text), REQUEST)
    assert [one.title for one in file.events] == ["Frühstück für alle"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no line BEGIN:VCALENDAR"),
        (b"<!DOCTYPE html>\n<html>Sign in</html>", "no line BEGIN:VCALENDAR"),
        (b"Subject,Start Date\nLunch,3/10/2026", "no line BEGIN:VCALENDAR"),
        (b"PK\x03\x04\n\x00\x00\x00", "line 2 holds a NUL byte"),
        (calendar(event(*TEN)).decode().encode("utf-16-le"), "holds a NUL byte"),
        (b"\xff\xfeB\x00E", "claims to be UTF-16"),
        (calendar(event(*TEN))[:-15], "VCALENDAR of line 1 has no END"),
        (calendar(event(*TEN))[:-27], "VEVENT of line 4 has no END"),
        (b"BEGIN:VEVENT\nEND:VEVENT", "Line 1 begins VEVENT outside"),
        (b"END:VCALENDAR", "nothing is open"),
        (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VTODO\n", "Line 3 ends VTODO, but VEVENT of line 2 is open"),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * 100_000, "Line 9 nests more than 8"),
    ],
)
def test_file_that_is_no_whole_calendar_is_refused_with_a_sentence(data, sentence):
    with pytest.raises(UnreadableCalendar, match=sentence):
        read_calendar_file(data, REQUEST)


def test_files_beyond_the_limits_are_refused():
    data = calendar(*[event(*TEN, uid=str(number)) for number in range(4)])
    with pytest.raises(UnreadableCalendar, match="at most 100 are read"):
        read_calendar_file(data, replace(REQUEST, max_bytes=100))
    with pytest.raises(UnreadableCalendar, match="more than 3 events"):
        read_calendar_file(data, replace(REQUEST, max_events=3))


def test_several_calendars_in_one_file_are_all_read():
    data = calendar(event(*TEN, uid="1")) + calendar(event(*TEN, uid="2"))
    assert [one.uid for one in read_calendar_file(data, REQUEST).events] == ["1", "2"]


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        (["DTEND:20260310T110000Z"], "it has no DTSTART"),
        (["DTSTART:tomorrow"], "DTSTART is no date or time: 'TOMORROW'"),
        (["DTSTART:20260230T100000Z"], "DTSTART is 20260230T100000Z: day is out of range for month"),
        ([TEN[0], "DTEND:20260310T090000Z"], "it ends before it begins"),
        ([TEN[0], "DURATION:-PT1H"], "it ends before it begins"),
        ([TEN[0], "DURATION:PT"], "DURATION cannot be read"),
        ([TEN[0], "DTEND;VALUE=DATE:20260311"], "is a day, the other a time"),
        (["DTSTART;TZID=Mars/Olympus:20260310T100000"], "unknown time zone 'Mars/Olympus'"),
        ([*TEN, "RRULE:FREQ=DAILY;INTERVAL=0"], "INTERVAL=0 of the rule is not positive"),
        ([*TEN, "RRULE:FREQ=DAILY;COUNT=-1"], "COUNT=-1 of the rule is not positive"),
        ([*TEN, "RRULE:FREQ=DAILY;BYEASTER=1"], "unknown part BYEASTER"),
        ([*TEN, "RRULE:FREQ=SOMETIMES"], "no FREQ we know"),
        ([*TEN, "RRULE:FREQ=DAILY;UNTIL=tomorrow"], "UNTIL of the rule is no date"),
        ([*TEN, "RRULE:FREQ=WEEKLY;BYDAY=XX"], "unknown weekday 'XX'"),
        ([*TEN, "RRULE:FREQ=MONTHLY;BYMONTHDAY=0"], "BYMONTHDAY of the rule is out of range"),
        ([*TEN, "EXRULE:FREQ=DAILY"], "EXRULE"),
        ([*TEN, "DESCRIPTION:" + "x" * 1_000_001], "DESCRIPTION has more than 1,000,000 bytes"),
        ([*TEN, *["ATTENDEE:mailto:x@example.org"] * 20_001], "it has more than 20,000 lines"),
    ],
)
def test_one_bad_event_is_skipped_and_the_rest_is_read(lines, detail):
    file = read(event("SUMMARY:Bad", *lines, uid="bad"), event(*TEN, uid="good"))
    assert [one.uid for one in file.events] == ["good"]
    [skipped] = file.skipped
    assert (skipped.uid, skipped.title, skipped.reason) == ("bad", "Bad", "unreadable")
    assert skipped.detail.startswith("line 4: ")
    assert detail in skipped.detail


def test_event_without_uid_is_skipped():
    file = read("\r\n".join(["BEGIN:VEVENT", *TEN, "END:VEVENT"]), event(*TEN, uid="x" * 1_001))
    assert [one.detail for one in file.skipped] == [
        "line 4: it has no UID",
        "line 8: its UID has more than 1,000 characters",
    ]


def test_long_texts_are_cut_and_control_characters_removed():
    [one] = read(
        event(
            "SUMMARY:Be\x07ll\\n" + "x" * 300,
            "DESCRIPTION:one\\ntwo\x1b" + "y" * 3_000,
            "LOCATION:" + "z" * 600,
            *TEN,
        )
    ).events
    assert one.title == "Bell " + "x" * 194 + "…"
    assert one.description == "one\ntwo" + "y" * 1_992 + "…"
    assert one.location == "z" * 499 + "…"


def test_event_without_texts_has_none():
    [one] = read(event(*TEN, "DESCRIPTION:", "LOCATION: ")).events
    assert (one.title, one.description, one.location) == ("", None, None)


def _timed(lines, uid="1"):
    return event("DTSTART:20260105T090000Z", "DURATION:PT1H", *lines, uid=uid)


def _evil_zone(*lines):
    start = ("DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200")
    return zone("evil", observance("STANDARD", *start, *lines)), event(
        "DTSTART;TZID=evil:20260101T000000", "DURATION:PT1H"
    )


HOSTILE = {
    "secondly": ([_timed(["RRULE:FREQ=SECONDLY"])], "sub_daily_recurrence"),
    "minutely": ([_timed(["RRULE:FREQ=MINUTELY;COUNT=2"])], "sub_daily_recurrence"),
    "hourly once a day": ([_timed(["RRULE:FREQ=HOURLY;INTERVAL=24"])], "sub_daily_recurrence"),
    "hours listed": (
        [_timed(["RRULE:FREQ=YEARLY;BYDAY=MO,TU;BYHOUR=1,2;BYSETPOS=1"])],
        "sub_daily_recurrence",
    ),
    "minutes listed": ([_timed(["RRULE:FREQ=DAILY;BYMINUTE=0,30"])], "sub_daily_recurrence"),
    "seconds listed": ([_timed(["RRULE:FREQ=YEARLY;BYSECOND=0,1"])], "sub_daily_recurrence"),
    "huge interval": ([_timed(["RRULE:FREQ=DAILY;INTERVAL=" + "9" * 5_000])], "unreadable"),
    "huge rule": ([_timed(["RRULE:FREQ=DAILY;BYMONTHDAY=" + "1," * 400_000])], "unreadable"),
    "million dates in a line": ([_timed(["RDATE:" + "20260105T090000Z," * 1_000_000])], "unreadable"),
    "many dates in a line": ([_timed(["RDATE:" + "20260105T090000Z," * 50_000])], "too_many_occurrences"),
    "many dates in lines": ([_timed(["RDATE:20260105T090000Z"] * 100_000)], "unreadable"),
    "many exceptions": (
        [_timed(["RRULE:FREQ=DAILY", "EXDATE:" + "20260105T090000Z," * 50_000])],
        "too_many_occurrences",
    ),
    "thousands of endless series": (
        [_timed(["RRULE:FREQ=DAILY"], str(number)) for number in range(3_000)],
        "too_many_occurrences",
    ),
    "thousands that never happen": (
        [_timed(["RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"], str(number)) for number in range(3_000)],
        "too_many_occurrences",
    ),
    "counting from the year 1": (
        [event("DTSTART:00010101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=999999999")],
        "too_many_occurrences",
    ),
    "year 9999": ([event("DTSTART:99991231T235959Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")], "out_of_range"),
    "giant duration": ([event("DTSTART:20260105T090000Z", "DURATION:P999999999999D")], "too_long"),
    "endless duration": ([event("DTSTART:20260105T090000Z", f"DURATION:P{'9' * 9_000}D")], "unreadable"),
    "giant period": (
        [_timed(["RDATE;VALUE=PERIOD:20260106T090000Z/P999999999999D"])],
        "too_long",
    ),
    "zone of slashes": ([event(f"DTSTART;TZID={'/' * 900_000}:20260101T000000")], "unreadable"),
    "zone that changes every second": (_evil_zone("RRULE:FREQ=SECONDLY"), "unreadable"),
    "zone that changes every day": (_evil_zone("RRULE:FREQ=DAILY"), "unreadable"),
    "zone of many dates": (_evil_zone(*["RDATE:" + "20260105T090000," * 50_000] * 5), "unreadable"),
    "one event many times": ([_timed([])] * 20_000, "duplicate"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_file_is_read_in_bounded_time_and_its_events_are_skipped(name):
    blocks, reason = HOSTILE[name]
    began = time.process_time()
    file = read(*blocks, request=replace(REQUEST, expand_from=0))
    assert set(reasons(file)) == {reason}
    assert time.process_time() - began < 8  # 2 s on the slowest machine we tried


@pytest.mark.parametrize("text", ["FREQ=DAILY;COUNT=999999999", "FREQ=DAILY;UNTIL=99991231T235959Z"])
def test_rule_far_into_the_future_is_read_up_to_the_window(text):
    file = read(_timed([f"RRULE:{text}"]))
    assert (len(file.events), spans(file)[-1], file.skipped) == (726, "2027-12-31 10:00 60m", ())


TOKENS = (
    *(b"RRULE:FREQ=", b"YEARLY;BYWEEKNO=-53", b";BYDAY=-5MO", b"BYSETPOS=-1;", b"COUNT=2;", b"WKST=XX;"),
    *(b"DTSTART:00010101T000000\r\n", b"DTEND:99991231T235959\r\n", b"DTSTART:20260101\r\n", b"RDATE:,\r\n"),
    *(b"DTSTART;TZID=Asia/Tokyo:00010101T000000\r\n", b"DURATION:P1D\r\n", b"EXDATE:00010101\r\n"),
    *(b"RECURRENCE-ID;RANGE=THISANDFUTURE:19700101T000000Z\r\n", b"RECURRENCE-ID:20260316\r\n"),
    *(b"RDATE;VALUE=PERIOD:20260101T000000Z/P9999999999D\r\n", b"UNTIL=00010101T000000Z;", b"99991231"),
    *(b"\r\n", b"\r\n ", b'"', b";", b":", b",", b"=", b"\\", b"\xff", b"\x00", b"/", b"9" * 20, b"-2359"),
)


def _mutated(chance, data):
    mutant = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(mutant))
        match chance.randrange(4):
            case 0:
                mutant[at] = chance.randrange(256)
            case 1:
                del mutant[at : at + chance.randint(1, 40)]
            case 2:
                mutant[at:at] = chance.choice(TOKENS)
            case _:
                line = mutant.find(b"\n", at) + 1
                mutant[line:line] = chance.choice(TOKENS)
    return bytes(mutant)


@pytest.mark.parametrize("rounds", [200, pytest.param(5_000, marks=pytest.mark.soak)])
def test_damaged_files_raise_nothing_but_unreadable_calendar(rounds):
    chance = random.Random(20_260_310)
    read_files = 0
    for _ in range(rounds):
        data = _mutated(chance, SAMPLES[chance.choice(sorted(SAMPLES))])
        try:
            file = read_calendar_file(data, REQUEST)
        except UnreadableCalendar:
            continue
        read_files += 1
        assert all(one.start < one.end for one in file.events)
        assert all(one.reason.sentence for one in file.skipped)
    assert read_files > rounds / 4


def test_an_event_of_the_year_one_leaves_the_others_as_they_are():
    tokyo = ("DTSTART;TZID=Asia/Tokyo:00010101T000000", "DTEND;TZID=Asia/Tokyo:00010101T010000")
    first = event(*tokyo, "RRULE:FREQ=WEEKLY;COUNT=3", uid="first")
    file = read_calendar_file(calendar(first, event(*TEN)), REQUEST)
    assert len(file.events) == 1
    assert set(reasons(file)) <= {"out_of_range", "too_many_occurrences"}
