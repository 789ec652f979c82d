"""When a service's customers are reminded, in the form of a service: the usual times, others, or never."""

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override

from desk import browser_of, text_of
from slotkeeper.doors.dashboard.reminder_times import read_times, write_times
from slotkeeper.offerings.models import Service

FORM = {
    "name": "Massage", "duration_minutes": "45", "price_currency": "EUR", "color": "#3F6F8F", "slug": "massage",
    "buffer_before_minutes": "0", "buffer_after_minutes": "10", "minimum_notice_minutes_0": "2",
    "minimum_notice_minutes_1": "60", "horizon_days": "60", "assignment": "any", "is_active": "on", "version": "1",
    "questions-TOTAL_FORMS": "0", "questions-INITIAL_FORMS": "0",
}  # fmt: skip


@pytest.fixture
def service(cast):
    return Service.objects.create(business=cast.owner.business, name="Massage", slug="massage")


def save(cast, service, **fields):
    answer = browser_of(cast.owner).post(f"/services/{service.pk}", FORM | fields)
    service.refresh_from_db()
    return answer


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("24 h, 2 h, 30 min", [1440, 120, 30]),
        ("30min;24H", [1440, 30]),
        ("2 days and 90 minutes", [2880, 90]),
        ("2 Tage und 3 Std., 45 Minuten", [2880, 180, 45]),
        ("1 h 30 min", [90]),
        ("1 week, 14 days", [20_160, 10_080]),
        ("60 min, 1 h,, 60 Min.", [60]),
        ("", []),
    ],
)
def test_times_are_read_as_people_write_them(text, minutes):
    assert read_times(text) == minutes


@pytest.mark.parametrize(
    "text",
    ["24", "soon", "1.5 h", "-2 h", "2 moons", "14 min", "15 days", "999999 w", "1 h 30", "²h", "1h,2h,3h,4h,5h,6h"],
)
def test_what_is_no_time_is_refused_with_a_sentence(text):
    with pytest.raises(ValidationError) as refused:
        read_times(text)
    assert refused.value.messages[0].endswith(".")


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_written_is_read_as_the_same(language):
    minutes = [20_160, 2880, 1440, 90, 15]
    with override(language):
        assert read_times(write_times(minutes)) == minutes


def test_usual_times_own_ones_and_none_are_stored_and_shown_again(cast, service):
    assert save(cast, service, reminders="own", reminder_times="3 days, 2 h")["Location"] == "/services"
    assert service.reminder_minutes == [4320, 120]
    page = text_of(browser_of(cast.owner).get(f"/services/{service.pk}"))
    assert 'value="3 days, 2 hours"' in page
    kept = {"reminder_times": "3 days, 2 hours"}
    save(cast, service, reminders="never", version="2", **kept)
    assert service.reminder_minutes == []
    save(cast, service, reminders="usual", version="3")
    assert service.reminder_minutes is None


@pytest.mark.parametrize(
    "fields",
    [
        {"reminders": "own", "reminder_times": ""},
        {"reminders": "own", "reminder_times": "soon"},
        {"reminders": "own", "reminder_times": "2 h\x00"},
        {"reminders": "usual", "reminder_times": "3 days"},  # written, but not chosen
    ],
)
def test_times_that_cannot_be_are_refused_at_their_field_and_nothing_is_stored(cast, service, fields):
    answer = save(cast, service, **fields)
    assert 'id="id_reminder_times_error"' in text_of(answer)
    assert (service.version, service.reminder_minutes) == (1, None)
