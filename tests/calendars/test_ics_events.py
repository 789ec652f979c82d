"""Single events: when they are, and whether they block time."""

from dataclasses import replace

import pytest

from calendars.ics_writing import (
    BERLIN,
    REQUEST,
    calendar,
    event,
    instant,
    observance,
    read,
    reasons,
    spans,
    zone,
)
from slotkeeper.calendars.ics_file import read_calendar_file

HOUR = "DURATION:PT1H"
TEN_UTC = ("DTSTART:20260310T100000Z", HOUR)
# Clocks change as in Berlin, but under a name nobody knows.
OFFICE = zone(
    "Office",
    observance(
        "STANDARD",
        *("DTSTART:16011028T030000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
        *("TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"),
    ),
    observance(
        "DAYLIGHT",
        *("DTSTART:16010325T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
        *("TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"),
    ),
)


def at(start, head="", *blocks):
    """Return the UTC span of an hour with that DTSTART."""
    return spans(read(*blocks, event(f"DTSTART{start}", HOUR), head=head), "UTC")


@pytest.mark.parametrize(
    ("start", "utc"),
    [
        (":20260310T100000Z", "2026-03-10 10:00"),
        (":20260310T100000.999Z", "2026-03-10 10:00"),
        (":20260310T100000", "2026-03-10 09:00"),
        (";TZID=America/New_York:20260310T100000", "2026-03-10 14:00"),
        (";TZID=America/New_York:20260310T100000Z", "2026-03-10 10:00"),
        (";TZID=W. Europe Standard Time:20260310T100000", "2026-03-10 09:00"),
        (';TZID="Eastern Standard Time":20260310T100000', "2026-03-10 14:00"),
        (";TZID=/freeassociation.sourceforge.net/Europe/Helsinki:20260310T100000", "2026-03-10 08:00"),
        (
            ";TZID=/mozilla.org/20050126_1/America/Argentina/Buenos_Aires:20260310T100000",
            "2026-03-10 13:00",
        ),
    ],
)
def test_time_is_read_in_the_zone_it_names_and_cut_to_seconds(start, utc):
    assert at(start) == [f"{utc} 60m"]


def test_floating_time_is_read_in_the_calendars_zone_or_else_in_the_persons():
    assert at(":20260310T100000", "X-WR-TIMEZONE:Asia/Tokyo") == ["2026-03-10 01:00 60m"]
    assert at(":20260310T100000", "X-WR-TIMEZONE:Middle/Earth") == ["2026-03-10 09:00 60m"]


def test_time_the_clocks_skip_keeps_the_offset_before_and_a_doubled_one_is_the_first():
    assert at(";TZID=Europe/Berlin:20260329T023000") == ["2026-03-29 01:30 60m"]
    assert at(";TZID=Europe/Berlin:20261025T023000") == ["2026-10-25 00:30 60m"]


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ("20260115T120000", "2026-01-15 11:00"),
        ("20260715T120000", "2026-07-15 10:00"),
        ("20260329T015959", "2026-03-29 00:59"),
        ("20260329T023000", "2026-03-29 01:30"),
        ("20260329T030000", "2026-03-29 01:00"),
        ("20261025T023000", "2026-10-25 00:30"),
        ("20261025T030000", "2026-10-25 02:00"),
        ("21990715T120000", "2199-07-15 10:00"),
    ],
)
def test_zone_that_the_file_spells_out_is_followed_through_its_changes(wall, utc):
    assert at(f";TZID=Office:{wall}", "", OFFICE) == [f"{utc} 60m"]
    assert at(f";TZID=Office:{wall}") == []


def test_series_in_a_zone_that_the_file_spells_out_understands_utc():
    series = event("DTSTART;TZID=Office:20260323T090000", HOUR, "RRULE:FREQ=DAILY;UNTIL=20260330T070000Z")
    moved = event("RECURRENCE-ID:20260329T070000Z", "DTSTART:20260329T120000Z", HOUR)
    file = read(OFFICE, series, moved)
    assert spans(file)[-2:] == ["2026-03-29 14:00 60m", "2026-03-30 09:00 60m"]
    assert len(file.events) == 8


def test_zone_may_stand_behind_the_events_that_use_it():
    file = read(event("DTSTART;TZID=Office:20260715T120000", HOUR), OFFICE)
    assert spans(file, "UTC") == ["2026-07-15 10:00 60m"]


def test_zones_of_one_file_are_forgotten_before_the_next():
    assert at(";TZID=Office:20260715T120000", "", OFFICE) == ["2026-07-15 10:00 60m"]
    other = zone("Office", observance("STANDARD", "DTSTART:19700101T000000", *_offsets("+0900", "+0900")))
    assert at(";TZID=Office:20260715T120000", "", other) == ["2026-07-15 03:00 60m"]


def _offsets(before, after):
    return f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}"


def test_zone_may_list_its_changes_instead_of_a_rule():
    listed = zone(
        "Listed",
        observance("STANDARD", "DTSTART;VALUE=DATE:20250101", *_offsets("+0000", "+0000")),
        observance("DAYLIGHT", "DTSTART:20260201T000000", "RDATE:20270201T000000", *_offsets("+0000", "+0100")),
        observance("STANDARD", "DTSTART:20260401T000000", *_offsets("+0100", "+0000")),
    )
    walls = ["20260115T120000", "20260301T120000", "20260501T120000", "20270301T120000"]
    assert [at(f";TZID=Listed:{wall}", "", listed)[0][11:16] for wall in walls] == [
        "12:00",
        "11:00",
        "12:00",
        "11:00",
    ]


@pytest.mark.parametrize(
    ("broken", "detail"),
    [
        (zone("Office"), "neither STANDARD nor DAYLIGHT"),
        (zone("Office", observance("STANDARD", *_offsets("+0100", "+0200"))), "no DTSTART"),
        (zone("Office", observance("STANDARD", "DTSTART:19700101T000000")), "TZOFFSETFROM is missing"),
        (
            zone("Office", observance("STANDARD", "DTSTART:19700101T000000", *_offsets("+9900", "x"))),
            "TZOFFSETFROM is missing or no offset",
        ),
        (
            zone("Office", observance("STANDARD", "DTSTART:00010101T000000", *_offsets("+0100", "+0100"))),
            "date value out of range",
        ),
    ],
)
def test_event_in_a_broken_zone_is_skipped_with_the_reason(broken, detail):
    [skipped] = read(broken, event("DTSTART;TZID=Office:20260310T100000", HOUR)).skipped
    assert "unreadable time zone 'Office': " in skipped.detail
    assert detail in skipped.detail


@pytest.mark.parametrize(
    ("lines", "span"),
    [
        (["DTSTART;VALUE=DATE:20260310"], "2026-03-10 00:00 1440m"),
        (["DTSTART:20260310"], "2026-03-10 00:00 1440m"),
        (["DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260310"], "2026-03-10 00:00 1440m"),
        (["DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260312"], "2026-03-10 00:00 2880m"),
        (["DTSTART;VALUE=DATE:20260310", "DURATION:P1W"], "2026-03-10 00:00 10080m"),
        (["DTSTART;VALUE=DATE:20260329"], "2026-03-29 00:00 1380m"),
        (["DTSTART;VALUE=DATE:20261025"], "2026-10-25 00:00 1500m"),
    ],
)
def test_all_day_event_blocks_the_days_of_the_person_whatever_the_calendars_zone(lines, span):
    file = read(event(*lines), head="X-WR-TIMEZONE:America/New_York")
    assert spans(file) == [span]
    assert file.events[0].is_all_day


def test_day_that_the_persons_zone_skipped_has_no_length():
    request = replace(REQUEST, zone="Pacific/Apia", expand_from=0)
    assert reasons(read(event("DTSTART;VALUE=DATE:20111230"), request=request)) == ["zero_length"]


def test_all_day_event_begins_when_the_clocks_have_skipped_midnight():
    request = replace(REQUEST, zone="Africa/Cairo")
    file = read(event("DTSTART;VALUE=DATE:20260424"), request=request)
    assert spans(file, "Africa/Cairo") == ["2026-04-24 01:00 1380m"]


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        (["DTEND:20260310T113000Z"], 90),
        (["DTEND;TZID=Europe/Berlin:20260310T120000"], 60),
        (["DURATION:PT45M30S"], 45),
        (["DURATION:+P1DT1H"], 25 * 60),
        (["DURATION:P31D"], 31 * 24 * 60),
        (["DTEND:20260310T110000Z", "DURATION:PT5H"], 60),
    ],
)
def test_length_is_read_from_end_or_duration(lines, minutes):
    [one] = read(event("DTSTART:20260310T100000Z", *lines)).events
    assert (one.end - one.start) // 60 == minutes


def test_hours_are_exact_and_days_are_nominal_when_the_clocks_change():
    night = "DTSTART;TZID=Europe/Berlin:20260328T220000"
    assert spans(read(event(night, "DTEND;TZID=Europe/Berlin:20260329T060000"))) == ["2026-03-28 22:00 420m"]
    assert spans(read(event(night, "DURATION:PT8H"))) == ["2026-03-28 22:00 480m"]
    assert spans(read(event(night, "DURATION:P1D"))) == ["2026-03-28 22:00 1380m"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([*TEN_UTC, "STATUS:CANCELLED"], "canceled"),
        ([*TEN_UTC, "STATUS:cancelled"], "canceled"),
        ([*TEN_UTC, "TRANSP:TRANSPARENT"], "transparent"),
        ([*TEN_UTC, "TRANSP:OPAQUE", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"], "transparent"),
        ([*TEN_UTC, "ATTENDEE;PARTSTAT=DECLINED;CN=Ada:mailto:ADA@example.org"], "declined"),
        ([*TEN_UTC, 'ATTENDEE;CN="Ada: me";EMAIL=ada@example.org;PARTSTAT=DECLINED:urn:uuid:1'], "declined"),
        (["DTSTART:20260310T100000Z"], "zero_length"),
        (["DTSTART:20260310T100000Z", "DTEND:20260310T100000Z"], "zero_length"),
        (["DTSTART:20260310T100000Z", "DURATION:P31DT1S"], "too_long"),
        (["DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:20270101"], "too_long"),
        (["DTSTART;VALUE=DATE:20261001", "DTEND;VALUE=DATE:20261101"], "too_long"),
        (["DTSTART:22010101T000000Z", HOUR], "out_of_range"),
        (["DTSTART:22001231T233000Z", HOUR], "out_of_range"),
        (["DTSTART:19691231T233000Z", HOUR], "out_of_range"),
        (["DTSTART;VALUE=DATE:19700101"], "out_of_range"),
        (["DTSTART;VALUE=DATE:99991231"], "out_of_range"),
        ([*TEN_UTC, "RECURRENCE-ID:00010101T000000Z"], "out_of_range"),
    ],
)
def test_event_that_blocks_no_time_we_can_book_is_skipped_with_its_reason(lines, reason):
    file = read(event("SUMMARY:Lunch", *lines), request=replace(REQUEST, expand_from=-86_400 * 9))
    assert (file.events, reasons(file), file.skipped[0].title) == ((), [reason], "Lunch")
    assert file.skipped[0].reason.sentence.endswith(".")


@pytest.mark.parametrize(
    "line",
    [
        "STATUS:TENTATIVE",
        "TRANSP:OPAQUE",
        "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.org",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ada@example.org",
    ],
)
def test_event_that_may_take_place_blocks_time(line):
    assert spans(read(event(*TEN_UTC, line))) == ["2026-03-10 11:00 60m"]


def test_an_invitation_to_any_of_their_addresses_may_be_declined():
    request = replace(REQUEST, owner_emails=frozenset({"ada@example.org", "Ada@Private.example"}))
    (skipped,) = read(event(*TEN_UTC, "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@private.example"), request=request).skipped
    assert (skipped.reason, skipped.detail) == ("declined", "line 4: ada@private.example declined")


def test_nobodys_address_declines_nothing():
    file = read(event(*TEN_UTC, "ATTENDEE;PARTSTAT=DECLINED:"), request=replace(REQUEST, owner_emails=frozenset({""})))
    assert len(file.events) == 1


def test_skipped_event_says_when_it_would_have_been():
    [skipped] = read(event(*TEN_UTC, "STATUS:CANCELLED")).skipped
    assert (skipped.start, skipped.recurrence_id) == (instant("2026-03-10T10:00"), "")
    assert skipped.detail == "line 4: STATUS is CANCELLED"


def test_what_was_over_when_the_window_begins_is_left_out_silently():
    request = replace(REQUEST, expand_from=instant("2026-03-10T11:00"))
    assert read(event(*TEN_UTC), request=request) == read(request=request)
    assert len(read(event(*TEN_UTC), request=replace(request, expand_from=request.expand_from - 1)).events) == 1


def test_single_event_is_read_however_far_ahead_it_lies():
    assert spans(read(event("DTSTART:21990310T100000Z", HOUR))) == ["2199-03-10 11:00 60m"]


@pytest.mark.parametrize(
    "line",
    [
        'DTSTART;TZID="(UTC+01:00) Amsterdam, Berlin":20260715T120000',
        "DTSTART;TZID=(UTC+01:00) Amsterdam, Berlin:20260715T120000",
    ],
)
def test_outlooks_zone_names_with_colons_are_found_quoted_or_not(line):
    file = read(OFFICE.replace("TZID:Office", "TZID:(UTC+01:00) Amsterdam\\, Berlin"), event(line, HOUR))
    assert spans(file) == ["2026-07-15 12:00 60m"]


def test_lines_that_are_no_properties_harm_nothing():
    noise = ["a line without a colon", "SUMMARY;foo", 'DESCRIPTION;X="unclosed:text', ":", "=;:", "X-:"]
    file = read(event(*TEN_UTC, *noise))
    assert spans(file) == ["2026-03-10 11:00 60m"]


def test_person_without_a_zone_of_ours_is_the_callers_mistake():
    with pytest.raises(FileNotFoundError):
        read_calendar_file(calendar(), replace(REQUEST, zone="Middle/Earth"))
    assert read_calendar_file(calendar(), replace(REQUEST, zone=BERLIN)).events == ()
