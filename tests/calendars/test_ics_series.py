"""Events that repeat: what was taken out, added, moved, and changed from there on."""

from dataclasses import replace

import pytest

from calendars.ics_writing import REQUEST, event, identities, instant, read, reasons, spans

MONDAYS = (
    "SUMMARY:Jour fixe",
    "DTSTART;TZID=Europe/Berlin:20260316T090000",
    "DTEND;TZID=Europe/Berlin:20260316T100000",
    "RRULE:FREQ=WEEKLY;COUNT=4",
)
ALL_MONDAYS = [
    "2026-03-16 09:00 60m",
    "2026-03-23 09:00 60m",
    "2026-03-30 09:00 60m",
    "2026-04-06 09:00 60m",
]
SECOND = "RECURRENCE-ID;TZID=Europe/Berlin:20260323T090000"


def test_series_keeps_its_wall_clock_when_the_clocks_change():
    file = read(event(*MONDAYS))
    assert spans(file) == ALL_MONDAYS
    assert identities(file) == [
        "20260316T080000Z",
        "20260323T080000Z",
        "20260330T070000Z",
        "20260406T070000Z",
    ]


def test_series_in_utc_keeps_the_wall_clock_of_the_calendars_zone():
    lines = ("DTSTART:20260316T080000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=4")
    assert spans(read(event(*lines), head="X-WR-TIMEZONE:Europe/Berlin")) == ALL_MONDAYS
    assert spans(read(event(*lines)))[-1] == "2026-04-06 10:00 60m"


def test_instances_of_a_night_shift_all_last_the_same_exact_time():
    lines = ("DTSTART;TZID=Europe/Berlin:20260327T220000", "DTEND;TZID=Europe/Berlin:20260328T060000")
    file = read(event(*lines, "RRULE:FREQ=DAILY;COUNT=3"))
    assert [one.end - one.start for one in file.events] == [8 * 3600] * 3


def test_all_day_series_is_identified_by_its_days():
    file = read(event("DTSTART;VALUE=DATE:20260328", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260330"))
    assert spans(file) == ["2026-03-28 00:00 1440m", "2026-03-29 00:00 1380m"]
    assert identities(file) == ["20260328", "20260329"]


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE;TZID=Europe/Berlin:20260323T090000",
        "EXDATE:20260323T080000Z",
        "EXDATE:20260323T090000",
        "EXDATE;TZID=America/New_York:20260323T040000",
        "EXDATE;VALUE=DATE:20260323",
        "EXDATE;TZID=Europe/Berlin:20250101T090000,20260323T090000,",
    ],
)
def test_excluded_instance_is_left_out_however_it_is_written(line):
    assert spans(read(event(*MONDAYS, line))) == [*ALL_MONDAYS[:1], *ALL_MONDAYS[2:]]


def test_excluded_time_of_an_all_day_series_means_its_day():
    file = read(event("DTSTART;VALUE=DATE:20260328", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260329T000000Z"))
    assert identities(file) == ["20260328", "20260330"]


def test_dates_are_added_and_those_named_twice_count_once():
    added = "RDATE;TZID=Europe/Berlin:20260318T150000,20260316T090000"
    assert spans(read(event(*MONDAYS[:3], added))) == ["2026-03-16 09:00 60m", "2026-03-18 15:00 60m"]


def test_added_period_has_a_length_of_its_own():
    periods = "RDATE;VALUE=PERIOD:20260318T080000Z/PT2H,20260319T080000Z/20260319T083000Z"
    assert spans(read(event(*MONDAYS[:3], periods))) == [
        "2026-03-16 09:00 60m",
        "2026-03-18 09:00 120m",
        "2026-03-19 09:00 30m",
    ]


@pytest.mark.parametrize(
    "original",
    [
        "RECURRENCE-ID;TZID=Europe/Berlin:20260323T090000",
        "RECURRENCE-ID:20260323T080000Z",
        "RECURRENCE-ID:20260323T090000",
        "RECURRENCE-ID;VALUE=DATE:20260323",
    ],
)
def test_moved_instance_keeps_the_identity_of_its_original_start(original):
    moved = event(original, "SUMMARY:Moved", "DTSTART;TZID=Europe/Berlin:20260324T140000", "DURATION:PT30M")
    file = read(event(*MONDAYS), moved)
    assert spans(file) == [ALL_MONDAYS[0], "2026-03-24 14:00 30m", *ALL_MONDAYS[2:]]
    assert (file.events[1].title, file.events[1].recurrence_id) == ("Moved", "20260323T080000Z")


def test_changed_instance_may_stand_before_its_series_or_without_it():
    moved = event(SECOND, "DTSTART;TZID=Europe/Berlin:20260324T140000", "DURATION:PT30M")
    assert read(moved, event(*MONDAYS)).events == read(event(*MONDAYS), moved).events
    assert identities(read(moved)) == ["20260323T080000Z"]


def test_day_of_an_all_day_series_may_become_a_time():
    moved = event("RECURRENCE-ID;VALUE=DATE:20260329", "DTSTART:20260329T100000Z", "DURATION:PT1H")
    file = read(event("DTSTART;VALUE=DATE:20260328", "RRULE:FREQ=DAILY;COUNT=2"), moved)
    assert spans(file) == ["2026-03-28 00:00 1440m", "2026-03-29 12:00 60m"]
    assert identities(file) == ["20260328", "20260329"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("STATUS:CANCELLED", "canceled"),
        ("TRANSP:TRANSPARENT", "transparent"),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.org", "declined"),
    ],
)
def test_instance_that_does_not_take_place_leaves_its_time_free(line, reason):
    gone = event(SECOND, "DTSTART;TZID=Europe/Berlin:20260323T090000", "DURATION:PT1H", line)
    file = read(event(*MONDAYS), gone)
    assert spans(file) == [*ALL_MONDAYS[:1], *ALL_MONDAYS[2:]]
    assert [(one.recurrence_id, one.reason.value) for one in file.skipped] == [("20260323T080000Z", reason)]


def test_accepted_instance_of_a_declined_series_blocks_its_time():
    declined = event(*MONDAYS, "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.org")
    file = read(declined, event(SECOND, "DTSTART:20260323T080000Z", "DURATION:PT1H"))
    assert (spans(file), reasons(file)) == ([ALL_MONDAYS[1]], ["declined"])


def test_change_of_this_and_following_moves_renames_and_resizes_the_rest():
    following = SECOND.replace(";", ";RANGE=THISANDFUTURE;", 1)
    later = event(following, "SUMMARY:Later", "DTSTART;TZID=Europe/Berlin:20260324T140000", "DURATION:PT30M")
    third = event("RECURRENCE-ID:20260330T070000Z", "DTSTART:20260401T100000Z", "DURATION:PT1H")
    file = read(event(*MONDAYS), later, third)
    assert spans(file) == [
        ALL_MONDAYS[0],
        "2026-03-24 14:00 30m",
        "2026-04-01 12:00 60m",
        "2026-04-07 14:00 30m",
    ]
    assert identities(file) == [
        "20260316T080000Z",
        "20260323T080000Z",
        "20260330T070000Z",
        "20260406T070000Z",
    ]
    assert [one.title for one in file.events] == ["Jour fixe", "Later", "", "Later"]


def test_the_last_change_of_this_and_following_counts():
    changes = [
        event(f"RECURRENCE-ID;RANGE=THISANDFUTURE:{day}", f"DTSTART:{day}", f"DURATION:PT{hours}H")
        for day, hours in [("20260330T070000Z", 3), ("20260323T080000Z", 2)]
    ]
    file = read(event(*MONDAYS), *changes)
    assert [(one.end - one.start) // 3600 for one in file.events] == [1, 2, 3, 3]


def test_cancelling_this_and_following_ends_the_series():
    following = SECOND.replace(";", ";RANGE=THISANDFUTURE;", 1)
    file = read(event(*MONDAYS), event(following, *MONDAYS[1:3], "STATUS:CANCELLED"))
    assert (spans(file), reasons(file)) == (ALL_MONDAYS[:1], ["canceled"])


def test_of_two_entries_with_one_uid_the_newest_counts_and_the_other_is_reported():
    old = event("SUMMARY:Old", "DTSTART:20260310T100000Z", "DURATION:PT1H", "SEQUENCE:1")
    new = event("SUMMARY:New", "DTSTART:20260311T100000Z", "DURATION:PT1H", "SEQUENCE:2")
    for file in (read(old, new), read(new, old)):
        assert [one.title for one in file.events] == ["New"]
        assert [(one.title, one.reason.value) for one in file.skipped] == [("Old", "duplicate")]


def test_of_two_entries_for_one_instance_the_newest_counts_and_the_other_is_reported():
    moves = [event(SECOND, f"DTSTART:20260324T{hour}0000Z", "DURATION:PT1H") for hour in (10, 12)]
    file = read(event(*MONDAYS), *moves)
    assert spans(file)[1] == "2026-03-24 13:00 60m"
    assert [(one.recurrence_id, one.reason.value) for one in file.skipped] == [("20260323T080000Z", "duplicate")]


def test_series_that_cannot_be_read_leaves_its_changed_instances_readable():
    file = read(event(*MONDAYS[:3], "RRULE:FREQ=HOURLY"), event(SECOND, *MONDAYS[1:3]))
    assert (len(file.events), reasons(file)) == (1, ["sub_daily_recurrence"])


def test_endless_series_is_read_within_the_window():
    request = replace(REQUEST, expand_from=instant("2026-03-18T08:30"), expand_until=instant("2026-03-20T08:00"))
    endless = event("DTSTART:20100316T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")
    assert spans(read(endless, request=request), "UTC") == ["2026-03-18 08:00 60m", "2026-03-19 08:00 60m"]


def test_series_that_began_before_our_years_is_read_from_then_on():
    birthday = event("DTSTART;VALUE=DATE:16040511", "RRULE:FREQ=YEARLY")
    assert identities(read(birthday)) == ["20250511", "20260511", "20270511"]


def test_series_is_read_whole_or_not_at_all():
    request = replace(REQUEST, max_occurrences=5)
    file = read(event(*MONDAYS), event(*MONDAYS, uid="2"), request=request)
    assert [one.uid for one in file.events] == ["1"] * 4
    assert reasons(file) == ["too_many_occurrences"]
    assert "may have 5 instances" in file.skipped[0].detail


def test_series_too_long_for_us_is_reported_once():
    file = read(event("DTSTART;VALUE=DATE:20260101", "DURATION:P40D", "RRULE:FREQ=MONTHLY;COUNT=9"))
    assert (file.events, reasons(file)) == ((), ["too_long"])


def test_day_that_the_persons_zone_skipped_blocks_nothing():
    request = replace(REQUEST, zone="Pacific/Apia", expand_from=0)
    file = read(event("DTSTART;VALUE=DATE:20111229", "RRULE:FREQ=DAILY;COUNT=3"), request=request)
    assert identities(file) == ["20111229", "20111231"]
    assert file.skipped == ()


def test_first_instance_counts_even_where_the_rule_misses_it():
    file = read(event("DTSTART:20260310T100000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=2"))
    assert spans(file, "UTC") == ["2026-03-10 10:00 60m", "2026-03-11 10:00 60m", "2026-03-18 10:00 60m"]


def test_several_rules_of_one_event_are_united():
    file = read(event(*MONDAYS[:3], "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2"))
    assert [span[:10] for span in spans(file)] == ["2026-03-16", "2026-03-17", "2026-03-23"]
