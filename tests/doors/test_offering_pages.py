"""The pages of what a business offers: services, hours, closed days, settings."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from django.test import Client

from cast import add_member
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Closure, DateOverride, OpeningHours, Service, TimeOff
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Role
from storefront import instant, next_weekday, offer, open_weekdays

PAGES = ["/services", "/services/new", "/hours", "/closures", "/settings"]


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


def service_fields(**fields) -> dict:
    return {
        "name": "Massage", "duration_minutes": "45", "price": "48.50", "price_currency": "EUR", "color": "#3F6F8F",
        "buffer_before_minutes": "0", "buffer_after_minutes": "10", "minimum_notice_minutes_0": "2",
        "minimum_notice_minutes_1": "60", "horizon_days": "60", "assignment": "any", "is_active": "on",
        "questions-TOTAL_FORMS": "3", "questions-INITIAL_FORMS": "0",
        "questions-0-kind": "text", "questions-1-kind": "text", "questions-2-kind": "text",
    } | fields  # fmt: skip


def week_fields(**days: list[tuple[str, str]]) -> dict:
    return {
        f"{day}-{number}-{edge}": text
        for day, ranges in days.items()
        for number, times in enumerate(ranges)
        for edge, text in zip(("from", "until"), times, strict=True)
    }


def anyway(response) -> str:
    return re.search(r'name="anyway"\s+value="([^"]+)"', text_of(response))[1]


# Who may


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.OWNER, PAGES),
        (Role.ADMIN, PAGES),
        (Role.SCHEDULER, ["/hours", "/closures"]),
        (Role.PROVIDER, ["/hours"]),
        (Role.BOOKKEEPER, []),
        (Role.VIEWER, []),
    ],
)
def test_each_role_sees_the_pages_it_may_use_and_no_way_to_the_others(cast, role, seen):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    assert [page for page in PAGES if browser.get(page).status_code == 200] == seen
    frame = text_of(browser.get("/settings/account"))
    for page in ("/services", "/hours", "/settings"):
        assert (f'href="{page}"' in frame) is (page in seen)


def test_provider_changes_their_own_hours_and_nobody_elses(cast):
    browser = browser_of(cast.colleague)
    query = f"?user_id={cast.owner.user_id}"
    assert browser.get(f"/hours{query}").status_code == 403
    assert browser.post(f"/hours/week{query}", week_fields(monday=[("09:00", "12:00")])).status_code == 403
    assert browser.post(f"/hours/time-off{query}", {"first": "2027-03-01"}).status_code == 403
    assert not OpeningHours.objects.exists()


def test_other_businesses_things_are_unknown(cast):
    service = offer(cast, "Massage", [cast.owner])
    closure = Closure.objects.create(business=cast.owner.business, date=date(2027, 5, 1), name="May Day")
    stranger = browser_of(cast.outsider)
    assert stranger.get(f"/services/{service.pk}").status_code == 404
    assert stranger.post(f"/services/{service.pk}/delete").status_code == 404
    assert stranger.get(f"/hours?user_id={cast.owner.user_id}").status_code == 404
    assert stranger.post(f"/closures/{closure.pk}/delete").status_code == 404
    assert "Massage" not in text_of(stranger.get("/services"))
    assert "May Day" not in text_of(stranger.get("/closures"))


@pytest.mark.parametrize(
    "path", ["/services/99999999999999999999", "/hours?user_id=99999999999999999999", "/hours?user_id=x"]
)
def test_unknown_numbers_are_not_found(cast, path):
    assert browser_of(cast.owner).get(path).status_code == 404


# Services


def test_empty_list_teaches_the_next_step(cast):
    assert "Nothing can be booked yet" in text_of(browser_of(cast.owner).get("/services"))


def test_service_is_made_with_everything_and_listed(cast):
    fields = service_fields(
        **{
            "user_ids": [cast.owner.user_id, cast.colleague.user_id], "description": "For tired legs.",
            "step_minutes": "15", "daily_limit_count": "4", "location": "Room 1", "requires_confirmation": "on",
            "questions-0-label": "First visit?", "questions-0-kind": "choice", "questions-0-choices": "Yes\r\nNo\r\n",
            "questions-0-is_required": "on",
        }
    )  # fmt: skip
    browser = browser_of(cast.owner)
    assert browser.post("/services/new", fields)["Location"] == "/services"
    service = Service.objects.get()
    assert (service.slug, service.price_amount, service.price_currency) == ("massage", 4850, "EUR")
    assert (service.minimum_notice_minutes, service.color, service.step_minutes) == (120, "#3f6f8f", 15)
    assert (service.daily_limit_count, service.daily_limit_minutes, service.requires_confirmation) == (4, None, True)
    assert service.questions == [
        {"label": "First visit?", "kind": "choice", "is_required": True, "choices": ["Yes", "No"]}
    ]
    assert service.providers.count() == 2
    page = text_of(browser.get("/services"))
    assert "€48.50" in page
    assert 'href="/practice/massage"' in page
    assert Change.objects.filter(subject_kind="service", verb="created").exists()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"duration_minutes": "0"}, "duration_minutes"),
        ({"duration_minutes": "1441"}, "duration_minutes"),
        ({"price": "much"}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "48.5", "price_currency": "JPY"}, "price"),
        ({"price": "9999999999999"}, "price"),
        ({"price_currency": "XXXX"}, "price_currency"),
        ({"color": "red"}, "color"),
        ({"minimum_notice_minutes_0": "366", "minimum_notice_minutes_1": "1440"}, "minimum_notice_minutes"),
        ({"minimum_notice_minutes_0": "soon"}, "minimum_notice_minutes"),
        ({"horizon_days": "731"}, "horizon_days"),
        ({"assignment": "nobody"}, "assignment"),
        ({"user_ids": ["99999"]}, "user_ids"),
        ({"slug": "no_page"}, "slug"),
        ({"questions-0-label": "Which?", "questions-0-kind": "choice"}, "questions-0-choices"),
        ({"questions-0-choices": "Yes", "questions-0-kind": "choice"}, "questions-0-label"),
    ],
)
def test_impossible_service_is_refused_at_its_field_and_nothing_typed_is_lost(cast, fields, named):
    whole = service_fields(**{"description": "For tired legs."} | fields)
    answer = browser_of(cast.owner).post("/services/new", whole)
    page = text_of(answer)
    assert answer.status_code == 200
    assert f'id="id_{named}_error"' in page
    assert "For tired legs." in page
    assert not Service.objects.exists()


@pytest.mark.parametrize("total", ["", "-3", "x", "100000"])
def test_forged_count_of_questions_does_no_harm(cast, total):
    answer = browser_of(cast.owner).post("/services/new", service_fields(**{"questions-TOTAL_FORMS": total}))
    assert answer.status_code in {200, 302}


def test_more_questions_are_offered_with_everything_kept_and_nothing_stored(cast):
    fields = service_fields(**{"more": "1", "questions-0-label": "First visit?", "questions-0-kind": "text"})
    page = text_of(browser_of(cast.owner).post("/services/new", fields))
    assert 'name="questions-5-label"' in page
    assert 'value="First visit?"' in page
    assert 'class="errors"' not in page
    assert 'value="48.50"' in page
    assert not Service.objects.exists()


def test_service_is_changed_as_its_own_form_shows_it(cast):
    service = offer(cast, "Massage", [cast.owner], price_amount=4800, price_currency="EUR", questions=[
        {"label": "First visit?", "kind": "choice", "is_required": True, "choices": ["Yes", "No"]},
        {"label": "Anything else?", "kind": "text", "is_required": False, "choices": []},
    ])  # fmt: skip
    browser = browser_of(cast.owner)
    shown = browser.get(f"/services/{service.pk}").context
    sent = {
        field.html_name: field.value()
        for field in shown["form"]
        if field.value() not in (None, "") and field.value() is not False
    }
    sent |= {"minimum_notice_minutes_0": "3", "minimum_notice_minutes_1": "1440", "name": "Long massage"}
    for form in shown["questions"]:
        sent |= {field.html_name: field.value() for field in form if field.value()}
    sent |= {"questions-TOTAL_FORMS": "5", "questions-INITIAL_FORMS": "2", "questions-1-label": ""}
    assert browser.post(f"/services/{service.pk}", sent).status_code == 302
    service.refresh_from_db()
    assert (service.name, service.slug, service.price_amount) == ("Long massage", "massage", 4800)
    assert (service.minimum_notice_minutes, service.version) == (3 * 1440, 2)
    assert [question["label"] for question in service.questions] == ["First visit?"]


def test_change_by_somebody_else_meanwhile_is_shown_first(cast):
    service = offer(cast, "Massage", [cast.owner])
    Service.objects.filter(pk=service.pk).update(version=2)
    browser = browser_of(cast.owner)
    fields = service_fields(name="Mine", slug="massage", version="1")
    refused = browser.post(f"/services/{service.pk}", fields)
    assert refused.status_code == 409
    assert 'value="Mine"' in text_of(refused)
    assert re.search(r'name="version" value="2"', text_of(refused))
    assert browser.post(f"/services/{service.pk}", fields | {"version": "2"}).status_code == 302
    assert Service.objects.get().name == "Mine"


def test_taken_address_is_refused_at_its_field(cast):
    offer(cast, "Massage", [cast.owner])
    page = text_of(browser_of(cast.owner).post("/services/new", service_fields(slug="massage")))
    assert 'id="id_slug_error"' in page


def test_deleting_asks_first_and_keeps_what_was_booked(cast):
    free, booked = offer(cast, "Massage", [cast.owner]), offer(cast, "Visit", [cast.owner])
    appointment = book(cast.owner, next_weekday(), "10:00")
    Appointment.objects.filter(pk=appointment.pk).update(service=booked)
    browser = browser_of(cast.owner)
    assert browser.get(f"/services/{free.pk}/delete").status_code == 200
    assert Service.objects.count() == 2
    for service in (free, booked):
        assert browser.post(f"/services/{service.pk}/delete")["Location"] == "/services"
    assert list(Service.objects.values_list("name", "is_active")) == [("Visit", False)]


def test_names_are_never_markup(cast):
    service = offer(cast, "Massage", [cast.owner])
    Service.objects.filter(pk=service.pk).update(name="<b>Massage</b>")
    Closure.objects.create(business=cast.owner.business, date=next_weekday(), name="<b>Fair</b>")
    TimeOff.objects.create(
        user=cast.owner.user, start_time=datetime(2030, 1, 1, tzinfo=UTC), end_time=datetime(2030, 1, 2, tzinfo=UTC),
        reason="<b>Skiing</b>",
    )  # fmt: skip
    browser = browser_of(cast.owner)
    for page in ("/services", "/closures", "/hours"):
        assert "<b>" not in text_of(browser.get(page))


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


# Settings


def settings_fields(**fields) -> dict:
    return {
        "name": "Practice", "slug": "practice", "time_zone": "Europe/Berlin", "locale": "en", "currency": "EUR",
        "introduction": "", "accent_color": "#3F6F8F", "self_service_cutoff_minutes_0": "1",
        "self_service_cutoff_minutes_1": "1440",
    } | fields  # fmt: skip


def test_settings_are_changed_and_the_page_moves(cast):
    browser = browser_of(cast.owner)
    fields = settings_fields(
        name="Praxis", slug="praxis", locale="de", currency="CHF", introduction="Welcome.", has_own_color="on",
        self_service_cutoff_minutes_0="2", self_service_cutoff_minutes_1="60",
    )  # fmt: skip
    assert browser.post("/settings", fields)["Location"] == "/settings"
    business = Business.objects.get(pk=cast.owner.business_id)
    assert (business.name, business.slug, business.locale, business.currency) == ("Praxis", "praxis", "de", "CHF")
    assert (business.accent_color, business.self_service_cutoff_minutes) == ("#3f6f8f", 120)
    assert "Welcome." in text_of(browser.get("/praxis/"))
    page = text_of(browser.get("/settings"))
    assert "data-business=&quot;praxis&quot;" in page
    assert "/praxis/" in page
    browser.post("/settings", fields | {"has_own_color": ""})
    business.refresh_from_db()
    assert business.accent_color == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": "services"},
        {"slug": "garage"},
        {"slug": "No Address"},
        {"name": ""},
        {"time_zone": "Europe/Atlantis"},
        {"locale": "xx"},
        {"currency": "euro"},
        {"accent_color": "red"},
        {"self_service_cutoff_minutes_0": "-1"},
        {"introduction": "x" * 2001},
    ],
)
def test_impossible_settings_are_refused_at_their_field(cast, fields):
    answer = browser_of(cast.owner).post("/settings", settings_fields(**fields))
    (name,) = fields
    assert f'id="id_{name.removesuffix("_0")}_error"' in text_of(answer)
    assert Business.objects.get(pk=cast.owner.business_id).slug == "practice"


def test_pages_list_things_in_order(cast):
    for number, day in enumerate((5, 2, 9)):
        Closure.objects.create(
            business=cast.owner.business, date=next_weekday() + timedelta(days=day), name=f"c{number}"
        )
    page = text_of(browser_of(cast.owner).get("/closures"))
    places = [page.index(name) for name in ("c1", "c0", "c2")]
    assert all(one < other for one, other in pairwise(places))
