"""The pages of hours and closed days: the week, dates that differ, time off, public holidays."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from slotkeeper.appointments.models import Appointment
from slotkeeper.offerings.models import Closure, DateOverride, OpeningHours, TimeOff
from storefront import instant, next_weekday, open_weekdays


def browser_of(membership) -> Client:
    client = Client(HTTP_HOST="localhost")
    client.force_login(membership.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def text_of(response) -> str:
    return response.content.decode()


def book(membership, day: date, clock: str, title="Visit") -> Appointment:
    start = datetime.fromtimestamp(instant(day, clock), UTC)
    end = start + timedelta(minutes=30)
    return Appointment.objects.create(
        business=membership.business, user=membership.user, title=title, start_time=start, end_time=end,
        blocked_from=start, blocked_until=end,
    )  # fmt: skip


def week_fields(**days: list[tuple[str, str]]) -> dict:
    return {
        f"{day}-{number}-{edge}": text
        for day, ranges in days.items()
        for number, times in enumerate(ranges)
        for edge, text in zip(("from", "until"), times, strict=True)
    }


def anyway(response) -> str:
    return re.search(r'name="anyway"\s+value="([^"]+)"', text_of(response))[1]


# The week


def test_usual_week_comes_with_one_press(cast):
    browser = browser_of(cast.owner)
    assert "Open Monday to Friday" in text_of(browser.get("/hours"))
    assert browser.post("/hours/week", {"usual": "1"}).status_code == 302
    stored = OpeningHours.objects.filter(membership=cast.owner).order_by("weekday")
    assert [(one.weekday, one.start_minute, one.end_minute) for one in stored] == [(d, 540, 1020) for d in range(5)]
    assert "Open Monday to Friday" not in text_of(browser.get("/hours"))


def test_week_takes_several_ranges_midnight_and_nights(cast):
    fields = week_fields(
        monday=[("13:00", "17:00"), ("09:00", "12:00"), ("", "")], friday=[("18:00", "24:00")],
        saturday=[("10:00", "00:00")], tuesday=[("22:00", "02:00")],
    )  # fmt: skip
    assert browser_of(cast.owner).post("/hours/week", fields).status_code == 302
    stored = OpeningHours.objects.order_by("weekday", "start_minute")
    assert [(one.weekday, one.start_minute, one.end_minute) for one in stored] == [
        (0, 540, 720), (0, 780, 1020), (1, 1320, 120), (4, 1080, 1440), (5, 600, 1440),
    ]  # fmt: skip
    page = text_of(browser_of(cast.owner).get("/hours"))
    assert re.search(r'name="friday-0-until"\s+value="00:00"', page)


@pytest.mark.parametrize(
    "ranges",
    [
        [("09:00", "")],
        [("nine", "17:00")],
        [("25:00", "26:00")],
        [("24:00", "03:00")],
        [("09:00", "09:00")],
        [("09:00", "12:00"), ("11:00", "13:00")],
    ],
)
def test_impossible_day_is_refused_beside_it_and_kept(cast, ranges):
    answer = browser_of(cast.owner).post("/hours/week", week_fields(tuesday=ranges, friday=[("08:00", "12:00")]))
    page = text_of(answer)
    assert 'id="tuesday_error"' in page
    assert 'value="08:00"' in page
    assert f'value="{ranges[0][0]}"' in page
    assert not OpeningHours.objects.exists()


def test_more_times_a_day_keep_what_was_typed(cast):
    fields = week_fields(monday=[("09:00", "10:00"), ("11:00", "12:00")]) | {"more": "1"}
    page = text_of(browser_of(cast.owner).post("/hours/week", fields))
    assert 'name="monday-3-from"' in page
    assert 'value="11:00"' in page
    assert not OpeningHours.objects.exists()


def test_change_of_hours_shows_first_what_it_leaves_outside(cast):
    open_weekdays(cast.colleague)
    outside = book(cast.colleague, next_weekday(1), "16:00", "Late visit")
    book(cast.colleague, next_weekday(1), "09:30", "Early visit")
    book(cast.colleague, next_weekday(5), "09:30", "Saturday, outside already")
    browser, path = browser_of(cast.owner), f"/hours/week?user_id={cast.colleague.user_id}"
    fields = week_fields(**{day: [("09:00", "12:00")] for day in ("monday", "tuesday", "wednesday")})
    shown = browser.post(path, fields)
    assert shown.status_code == 200
    assert "Late visit" in text_of(shown)
    assert "Early visit" not in text_of(shown)
    assert "Saturday" not in text_of(shown).split('class="weekdays"')[0]
    assert OpeningHours.objects.filter(membership=cast.colleague).count() == 10
    # What was shown is what is agreed to: another appointment that came meanwhile is shown, too.
    agreed = fields | {"anyway": anyway(shown)}
    another = book(cast.colleague, next_weekday(1), "14:00", "Just booked")
    assert "Just booked" in text_of(browser.post(path, agreed))
    another.delete()
    assert browser.post(path, agreed).status_code == 302
    assert OpeningHours.objects.filter(membership=cast.colleague).count() == 3
    outside.refresh_from_db()
    assert outside.status == "scheduled"


# Dates that differ, and time off


def test_date_gets_other_hours_and_its_weekdays_again(cast):
    day = next_weekday(2)
    browser = browser_of(cast.owner)
    fields = {"date": day.isoformat(), "kind": "open"} | week_fields(override=[("10:00", "15:00")])
    assert browser.post("/hours/dates", fields).status_code == 302
    assert DateOverride.objects.get().ranges == [[600, 900]]
    assert "10:00–15:00" in text_of(browser.get("/hours"))
    assert browser.post("/hours/dates", fields | {"kind": "closed"}).status_code == 302
    assert DateOverride.objects.get().ranges == []
    assert browser.post("/hours/dates/clear", {"date": day.isoformat()}).status_code == 302
    assert not DateOverride.objects.exists()
    assert browser.post("/hours/dates/clear", {"date": day.isoformat()}).status_code == 302
    assert browser.post("/hours/dates/clear", {"date": "x"}).status_code == 302


@pytest.mark.parametrize(
    "fields",
    [
        {"date": ""},
        {"date": "2027-02-30"},
        {"date": "0001-01-01"},
        {"date": "9999-12-31"},
        {"kind": "sometimes"},
        {"override-0-until": ""},
        {"override-0-from": "", "override-0-until": ""},
        {"override-0-until": "10:00"},
    ],
)
def test_impossible_date_is_refused_and_kept(cast, fields):
    whole = {"date": "2030-03-04", "kind": "open"} | week_fields(override=[("10:00", "15:00")]) | fields
    answer = browser_of(cast.owner).post("/hours/dates", whole)
    assert answer.status_code == 200
    assert re.search(r'id="(id_date|id_kind|override)_error"', text_of(answer))
    assert not DateOverride.objects.exists()


def test_closing_a_date_and_opening_it_again_show_what_they_leave_outside(cast):
    open_weekdays(cast.owner)
    day, evening = next_weekday(2), next_weekday(3)
    book(cast.owner, day, "10:00", "Morning visit")
    browser = browser_of(cast.owner)
    shown = browser.post("/hours/dates", {"date": day.isoformat(), "kind": "closed"})
    assert shown.status_code == 200
    assert "Morning visit" in text_of(shown)
    assert not DateOverride.objects.exists()
    DateOverride.objects.create(membership=cast.owner, date=evening, ranges=[[1080, 1320]])
    book(cast.owner, evening, "19:00", "Evening visit")
    shown = browser.post("/hours/dates/clear", {"date": evening.isoformat()})
    assert "Evening visit" in text_of(shown)
    again = {"date": evening.isoformat(), "anyway": anyway(shown)}
    assert browser.post("/hours/dates/clear", again).status_code == 302
    assert not DateOverride.objects.exists()


def test_time_off_of_whole_days_ends_with_the_last_one(cast):
    browser = browser_of(cast.owner)
    assert browser.post("/hours/time-off", {"first": "2027-03-27", "last": "2027-03-28"}).status_code == 302
    stored = TimeOff.objects.get()
    # The clocks go forward on the 28th in Berlin.
    assert stored.start_time == datetime(2027, 3, 26, 23, tzinfo=UTC)
    assert stored.end_time == datetime(2027, 3, 28, 22, tzinfo=UTC)
    assert "<strong>Sat 27 Mar 2027 – Sun 28 Mar 2027</strong>" in text_of(browser.get("/hours"))
    assert browser.post(f"/hours/time-off/{stored.pk}/delete").status_code == 302
    assert not TimeOff.objects.exists()
    assert browser.post(f"/hours/time-off/{stored.pk}/delete").status_code == 404


def test_time_off_of_hours_covers_a_time_that_the_clocks_show_twice(cast):
    fields = {"first": "2027-10-31", "first_time": "02:30", "last_time": "02:45", "reason": "Sleep"}
    assert browser_of(cast.owner).post("/hours/time-off", fields).status_code == 302
    stored = TimeOff.objects.get()
    assert stored.start_time == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert stored.end_time == datetime(2027, 10, 31, 1, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"first": ""},
        {"first": "1969-12-31"},
        {"last": "2027-02-28"},
        {"last": "2047-02-28"},
        {"first_time": "12:00", "last_time": "11:00"},
        {"first_time": "noon"},
        {"reason": "x" * 201},
    ],
)
def test_impossible_time_off_is_refused_and_kept(cast, fields):
    answer = browser_of(cast.owner).post("/hours/time-off", {"first": "2027-03-01", "reason": "Skiing"} | fields)
    assert answer.status_code == 200
    assert 'class="errors"' in text_of(answer)
    assert not TimeOff.objects.exists()


def test_time_off_shows_first_what_it_meets(cast):
    day = next_weekday(2)
    book(cast.owner, day, "10:00", "Morning visit")
    browser = browser_of(cast.owner)
    shown = browser.post("/hours/time-off", {"first": day.isoformat()})
    assert "Morning visit" in text_of(shown)
    assert not TimeOff.objects.exists()
    assert browser.post("/hours/time-off", {"first": day.isoformat(), "anyway": anyway(shown)}).status_code == 302
    assert TimeOff.objects.count() == 1


# Closed days


def test_public_holidays_of_the_own_country_come_with_one_press(cast):
    browser = browser_of(cast.owner)
    assert '<option value="DE" selected>' in text_of(browser.get("/closures"))
    assert browser.post("/closures/holidays", {"calendar": "DE-BE"}).status_code == 302
    assert Closure.objects.filter(holiday_calendar="DE-BE").count() > 20
    page = text_of(browser.get("/closures"))
    assert "Berlin" in page
    assert browser.post("/closures/holidays", {"calendar": "DE-BE", "open": "1"}).status_code == 302
    assert not Closure.objects.exists()
    assert '<option value="AT-1">' in text_of(browser.get("/closures?country=AT"))


@pytest.mark.parametrize("code", ["", "XX", "DE-XX", "DE\x00", "D" * 500])
def test_unknown_calendar_is_not_found(cast, code):
    browser = browser_of(cast.owner)
    assert browser.post("/closures/holidays", {"calendar": code}).status_code == 404
    assert browser.get("/closures", {"country": code}).status_code == 200


def test_one_day_is_closed_and_opened_again(cast):
    browser = browser_of(cast.owner)
    fields = {"date": next_weekday().isoformat(), "name": "Team outing"}
    assert browser.post("/closures/new", fields).status_code == 302
    assert "Team outing" in text_of(browser.get("/closures"))
    assert 'id="id_date_error"' in text_of(browser.post("/closures/new", fields))
    assert browser.post(f"/closures/{Closure.objects.get().pk}/delete").status_code == 302
    assert not Closure.objects.exists()


@pytest.mark.parametrize("fields", [{"date": ""}, {"date": "9999-01-01"}, {"name": ""}, {"name": "x" * 101}])
def test_impossible_closed_day_is_refused(cast, fields):
    answer = browser_of(cast.owner).post("/closures/new", {"date": "2030-05-02", "name": "Fair"} | fields)
    assert 'class="errors"' in text_of(answer)
    assert not Closure.objects.exists()


def test_closing_a_day_shows_first_who_is_booked(cast):
    day = next_weekday(2)
    book(cast.colleague, day, "10:00", "Morning visit")
    browser, fields = browser_of(cast.owner), {"date": day.isoformat(), "name": "Fair"}
    shown = browser.post("/closures/new", fields)
    assert shown.status_code == 200
    assert "Morning visit" in text_of(shown)
    assert not Closure.objects.exists()
    assert browser.post("/closures/new", fields | {"anyway": anyway(shown)}).status_code == 302
    assert "booked on a closed day" in text_of(browser.get("/closures"))
