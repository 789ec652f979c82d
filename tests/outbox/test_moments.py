"""Days and times in messages, in the reader's language and by the clocks of their zone."""

from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from slotkeeper.outbox.moments import When, when_in_words
from slotkeeper.rules.intervals import Interval

BERLIN, LISBON = "Europe/Berlin", "Europe/Lisbon"
NOW = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp())


def when(start: str, end: str, zone=BERLIN, home=BERLIN, language="en") -> When:
    times = (int(datetime.fromisoformat(one).replace(tzinfo=UTC).timestamp()) for one in (start, end))
    with override(language):
        return when_in_words(Interval(*times), zone, home, NOW)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", When("Thursday 3 December", "14:00–14:30")),
        ("de", When("Donnerstag, 3. Dezember", "14:00–14:30")),
    ],
)
def test_time_is_written_as_people_speak(language, expected):
    assert when("2026-12-03T13:00", "2026-12-03T13:30", language=language) == expected


def test_another_zone_than_the_businesss_is_named():
    found = when("2026-12-03T13:00", "2026-12-03T13:30", LISBON)
    assert found == When("Thursday 3 December", "13:00–13:30", "Lisbon time")
    assert when("2026-12-03T13:00", "2026-12-03T13:30", LISBON, language="de").time_zone == "Ortszeit Lissabon"


def test_day_of_another_year_names_it():
    assert when("2027-01-15T13:00", "2027-01-15T13:30").day == "Friday 15 January 2027"


def test_year_is_that_of_the_readers_zone():
    tonight = int(datetime(2026, 12, 31, 23, 30, tzinfo=UTC).timestamp())
    time = Interval(tonight + 36_000, tonight + 37_800)
    assert when_in_words(time, BERLIN, BERLIN, tonight).day == "Friday 1 January"
    assert when_in_words(time, LISBON, BERLIN, tonight).day == "Friday 1 January 2027"


def test_end_on_another_day_says_which():
    assert when("2026-12-03T21:00", "2026-12-04T01:00").time == "22:00 – Fri 4 Dec, 02:00"
    assert when("2026-12-31T22:00", "2026-12-31T23:30").time == "23:00 – Fri 1 Jan 2027, 00:30"


def test_hour_that_the_clocks_show_twice_says_which():
    assert when("2026-10-25T00:30", "2026-10-25T01:30").time == "02:30 (UTC+0200)–02:30 (UTC+0100)"
    assert when("2026-10-24T23:30", "2026-10-25T00:30").time == "01:30–02:30 (UTC+0200)"
    assert when("2026-03-29T00:30", "2026-03-29T01:30").time == "01:30–03:30"
