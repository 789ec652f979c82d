"""The pages of the dashboard without a browser: who may what, and what a form says when a verb refuses."""

import re
from datetime import UTC, datetime

import pytest
from django.urls import URLResolver, get_resolver

from cast import ZONE, add_member
from desk import WEEK, book, browser_of, text_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.contacts.models import Contact
from slotkeeper.offerings.models import OpeningHours, Service
from slotkeeper.people.sign_up import RESERVED_SLUGS
from slotkeeper.rules.permissions import Role

START = "2027-01-13T14:00"
NEW = {"title": "Visit", "start": START, "minutes": "60"}


def save(browser, fields, path="/appointments/new"):
    return browser.post(path, fields)


def the_one() -> Appointment:
    return Appointment.objects.get()


# Booking


def test_form_books_in_the_callers_zone_and_leads_to_the_appointment(cast):
    answer = save(browser_of(cast.owner), NEW | {"user_id": cast.colleague.user_id, "contact_name": "Carla"})
    booked = the_one()
    assert answer["Location"] == f"/appointments/{booked.pk}"
    assert booked.start_time == datetime(2027, 1, 13, 13, tzinfo=UTC)
    assert booked.end_time == datetime(2027, 1, 13, 14, tzinfo=UTC)
    assert (booked.user_id, booked.contact_name) == (cast.colleague.user_id, "Carla")
    assert Change.objects.get(subject_kind="appointment").actor_name == "Olga Owner"


def test_form_takes_the_length_of_the_service_where_none_is_given(cast):
    service = Service.objects.create(business=cast.owner.business, name="Massage", slug="massage", duration_minutes=50)
    save(browser_of(cast.owner), NEW | {"minutes": "", "service_id": service.pk, "user_id": cast.owner.user_id})
    assert (the_one().end_time - the_one().start_time).seconds == 50 * 60


def test_time_outside_the_hours_is_booked_and_said_so(cast):
    OpeningHours.objects.create(membership=cast.owner, weekday=2, start_minute=480, end_minute=720)
    browser, sentence = browser_of(cast.owner), "It does not fit into the opening hours."
    mine = NEW | {"user_id": cast.owner.user_id}
    inside = browser.post("/appointments/new", mine | {"start": "2027-01-13T10:00"}, follow=True)
    assert sentence not in text_of(inside)
    path = f"/appointments/{the_one().pk}/edit"
    moved = browser.post(path, mine | {"version": 1}, follow=True)
    assert sentence in text_of(moved)
    renamed = browser.post(path, mine | {"title": "Other", "version": 2}, follow=True)
    assert "Saved." in text_of(renamed)
    assert sentence not in text_of(renamed)
    late = browser.post("/appointments/new", mine | {"start": "2027-01-13T20:00"}, follow=True)
    assert sentence in text_of(late)


def test_taken_time_keeps_what_was_typed_and_books_an_alternative_with_one_press(cast):
    browser = browser_of(cast.owner)
    mine = NEW | {"user_id": cast.owner.user_id}
    save(browser, mine | {"title": "First"})
    answer = save(browser, mine | {"title": "Second", "notes": "Bring the file"})
    page = text_of(answer)
    assert answer.status_code == 409
    assert "First" in page
    assert "Bring the file" in page
    offered = re.findall(r'value="(2027-01-13T[^"]+)"', page)
    assert offered[:1] == ["2027-01-13T15:00:00+01:00"]
    assert Appointment.objects.count() == 1
    save(browser, mine | {"title": "Second", "notes": "Bring the file", "alternative": offered[0]})
    second = Appointment.objects.get(title="Second")
    assert second.start_time == datetime(2027, 1, 13, 14, tzinfo=UTC)
    assert second.notes == "Bring the file"


def test_alternatives_are_as_long_as_what_was_asked(cast):
    browser = browser_of(cast.owner)
    mine = {"user_id": cast.owner.user_id}
    save(browser, NEW | mine | {"start": "2027-01-13T15:00"})
    page = text_of(save(browser, NEW | mine | {"start": "2027-01-13T14:30"}))
    assert re.findall(r'value="2027-01-13T([0-9:]{5})', page)[0] == "16:00"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "a\x07b"}, "title"),
        ({"start": ""}, "start"),
        ({"start": "soon"}, "start"),
        ({"start": "2027-01-13"}, "start"),
        ({"start": "9999-01-01T00:00"}, "start"),
        ({"start": "2027-03-28T02:30"}, "start"),
        ({"minutes": "0"}, "minutes"),
        ({"minutes": "44641"}, "minutes"),
        ({"minutes": "9" * 40}, "minutes"),
        ({"user_id": "0"}, "user_id"),
        ({"user_id": "x"}, "user_id"),
        ({"contact_email": "nobody"}, "contact_email"),
        ({"contact_phone": "1" * 21}, "contact_phone"),
    ],
)
def test_impossible_field_is_refused_at_its_place(cast, fields, name):
    answer = save(browser_of(cast.owner), NEW | {"user_id": cast.owner.user_id} | fields)
    assert f'id="id_{name}_error"' in text_of(answer)
    assert not Appointment.objects.exists()


def test_time_that_the_clocks_show_twice_is_asked_about(cast):
    browser = browser_of(cast.owner)
    twice = NEW | {"start": "2027-10-31T02:30", "user_id": cast.owner.user_id}
    page = text_of(save(browser, twice))
    assert 'value="+02:00"' in page
    assert 'value="+01:00"' in page
    save(browser, twice | {"offset": "+01:00"})
    assert the_one().start_time == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_past_time_is_refused_with_times_to_come(cast):
    answer = save(browser_of(cast.owner), NEW | {"start": "2020-01-01T10:00", "user_id": cast.owner.user_id})
    assert answer.status_code == 409
    assert 'name="alternative"' in text_of(answer)


def test_provider_books_their_own_time_only(cast):
    save(browser_of(cast.colleague), NEW | {"user_id": cast.owner.user_id})
    assert the_one().user_id == cast.colleague.user_id


def test_foreign_customer_or_service_is_unknown(cast):
    browser = browser_of(cast.outsider)
    service = Service.objects.create(business=cast.owner.business, name="Massage", slug="massage")
    save(browser, NEW | {"contact_id": cast.customer.pk})
    save(browser, NEW | {"service_id": service.pk})
    assert not Appointment.objects.filter(contact=cast.customer).exists()
    assert not Appointment.objects.filter(service=service).exists()


# Changing


def test_form_moves_and_names_what_changed_in_the_history(cast):
    booked = book(cast.owner, "Visit")
    browser = browser_of(cast.owner)
    whole = {"title": "Visit", "start": "2027-01-14T09:00", "minutes": "30", "user_id": cast.owner.user_id}
    answer = save(browser, whole | {"version": 1}, f"/appointments/{booked.pk}/edit")
    assert answer["Location"] == f"/appointments/{booked.pk}"
    assert the_one().start_time == datetime(2027, 1, 14, 8, tzinfo=UTC)
    page = text_of(browser.get(f"/appointments/{booked.pk}"))
    assert "moved it" in page
    assert "Thu 14 Jan 2027, 09:00" in page


def test_stale_form_stores_nothing_and_shows_the_row_as_it_is(cast):
    booked = book(cast.owner, "Visit")
    Appointment.objects.update(version=2, title="Visit of the other")
    whole = {"title": "Mine", "start": START, "minutes": "30", "user_id": cast.owner.user_id}
    answer = save(browser_of(cast.owner), whole | {"version": 1}, f"/appointments/{booked.pk}/edit")
    page = text_of(answer)
    assert answer.status_code == 409
    assert "Visit of the other" in page
    assert 'value="Mine"' in page
    assert 'name="version" value="2"' in page
    assert the_one().title == "Visit of the other"


def test_form_without_its_version_stores_nothing(cast):
    booked = book(cast.owner, "Visit")
    whole = {"title": "Mine", "start": START, "minutes": "30", "user_id": cast.owner.user_id}
    assert save(browser_of(cast.owner), whole, f"/appointments/{booked.pk}/edit").status_code == 409
    assert the_one().title == "Visit"


def test_status_moves_by_its_buttons_and_no_further(cast):
    booked = book(cast.owner, "Visit")
    browser, path = browser_of(cast.owner), f"/appointments/{booked.pk}/status"
    browser.post(path, {"status": "confirmed", "version": 1})
    assert the_one().status == "confirmed"
    browser.post(path, {"status": "canceled", "version": 1})
    assert the_one().status == "confirmed"
    browser.post(path, {"status": "canceled", "version": 2, "reason": "Is ill."})
    assert the_one().status == "canceled"
    page = text_of(browser.get(f"/appointments/{booked.pk}"))
    assert "Is ill." in page
    assert "Cancel it" not in page
    browser.post(path, {"status": "confirmed", "version": 3})
    assert the_one().status == "canceled"
    for nonsense in ({}, {"status": "gone", "version": 3}, {"status": "confirmed", "version": "9" * 30}):
        assert browser.post(path, nonsense).status_code == 302


# Who sees what


def test_everything_of_others_is_as_unknown_as_nothing(cast):
    theirs = book(cast.owner, "Visit")
    for browser in (browser_of(cast.colleague), browser_of(cast.outsider)):
        for number in (theirs.pk, theirs.pk + 1, 10**30):
            assert browser.get(f"/appointments/{number}").status_code == 404
            assert browser.get(f"/appointments/{number}/edit").status_code == 404
            status = {"status": "canceled", "version": 1}
            assert browser.post(f"/appointments/{number}/status", status).status_code == 404
            assert browser.get(f"/calendar/free/{number}?start={START}&end=2027-01-13T15:00").status_code == 404
        assert "Visit" not in text_of(browser.get("/appointments?start=2027-01-01"))
        for number in (cast.customer.pk, 10**30):
            assert browser.get(f"/customers/{number}").status_code == 404
    assert the_one().status == "scheduled"


def test_viewer_reads_without_addresses_and_changes_nothing(cast):
    booked = book(cast.owner, "Visit", contact_email="carla@customer.test", contact=cast.customer)
    browser = browser_of(add_member(cast.owner, "viewer@practice.test", Role.VIEWER))
    for path in (f"/appointments/{booked.pk}", "/customers", f"/customers/{cast.customer.pk}", WEEK):
        page = text_of(browser.get(path))
        assert "carla@customer.test" not in page
        assert "New appointment" not in page
    for path in (f"/appointments/{booked.pk}/edit", "/appointments/new", "/customers/new"):
        assert browser.get(path).status_code == 403


@pytest.mark.parametrize("path", ["/appointments", "/customers", "/calendar/latest"])
def test_strangers_are_led_to_sign_in(cast, client, path):
    assert client.get(path, HTTP_HOST="localhost").status_code == 302


# The calendar's feed


def test_feed_gives_the_week_as_the_zone_shows_it(cast):
    book(cast.owner, "Visit")
    book(cast.owner, "Gone", 2, status="canceled")
    book(cast.outsider, "Brakes")
    answer = browser_of(cast.owner).get("/calendar/feed?start=2027-01-11&end=2027-01-18").json()
    assert [entry["title"] for entry in answer["entries"]] == ["Visit"]
    (entry,) = answer["entries"]
    assert entry["start"] == "2027-01-13T11:00:00+01:00"
    assert (entry["status_name"], entry["is_movable"], entry["version"]) == ("Scheduled", True, 1)


def test_feed_of_a_provider_has_their_own_only_whoever_they_ask_for(cast):
    book(cast.owner, "Visit")
    browser = browser_of(cast.colleague)
    query = "/calendar/feed?start=2027-01-11&end=2027-01-18"
    assert browser.get(query).json()["entries"] == []
    assert browser.get(f"{query}&user_id={cast.owner.user_id}").json()["entries"] == []


@pytest.mark.parametrize(
    "query",
    ["", "start=x&end=y", "start=2027-01-11", "start=2027-01-11&end=2027-01-10", "start=1970-01-01&end=2200-01-01"],
)
def test_feed_refuses_what_is_no_stretch_of_time(cast, query):
    assert browser_of(cast.owner).get(f"/calendar/feed?{query}").status_code == 400


def test_every_change_moves_the_mark_that_the_calendar_watches(cast):
    browser = browser_of(cast.owner)
    before = browser.get("/calendar/latest").json()["latest"]
    save(browser, NEW | {"user_id": cast.owner.user_id})
    assert browser.get("/calendar/latest").json()["latest"] > before


def test_times_that_fit_are_as_long_as_asked_and_leave_the_appointment_itself_aside(cast):
    booked = book(cast.owner, "Visit")
    answer = browser_of(cast.owner).get(f"/calendar/free/{booked.pk}?start=2027-01-13T11:00&end=2027-01-13T12:30")
    assert answer.json()["suggested_slots"][0] == {
        "start": "2027-01-13T11:00:00+01:00",
        "end": "2027-01-13T12:30:00+01:00",
    }


@pytest.mark.parametrize("date", ["x", "0001-01-01", "9999-12-31", "2027-13-01", "", "2027-01-13T10:00"])
def test_week_of_no_date_is_this_week(cast, date):
    assert browser_of(cast.owner).get("/", {"date": date, "user_id": "9" * 30}).status_code == 200


def test_calendar_page_allows_no_script_or_style_but_its_own(cast):
    policy = browser_of(cast.owner).get("/")["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_opening_hours_past_midnight_are_shaded_on_both_days(cast):
    OpeningHours.objects.create(membership=cast.owner, weekday=6, start_minute=1320, end_minute=120)
    page = text_of(browser_of(cast.owner).get("/"))
    assert '"day": 0, "start": "22:00", "end": "24:00"' in page
    assert '"day": 1, "start": "00:00", "end": "02:00"' in page


# Lists and customers


def test_list_is_narrowed_by_day_status_person_and_text(cast):
    book(cast.owner, "Massage", 0, contact_name="Carla Customer")
    book(cast.colleague, "Talk", 1, status="confirmed")
    book(cast.owner, "Later", 24 * 30)
    browser = browser_of(cast.owner)

    def shown(**query):
        page = text_of(browser.get("/appointments", query))
        return [title for title in ("Massage", "Talk", "Later") if f">{title}<" in page]

    assert shown(start="2027-01-01") == ["Massage", "Talk", "Later"]
    assert shown(end="2027-01-20") == ["Massage", "Talk"]
    assert shown(start="2027-02-01") == ["Later"]
    assert shown(status="confirmed") == ["Talk"]
    assert shown(user_id=cast.colleague.user_id) == ["Talk"]
    assert shown(q="carla") == ["Massage"]
    assert shown(q="%") == []
    assert browser.get("/appointments?start=x&status=y&user_id=z&page=99999999999999999999").status_code == 200
    assert browser.get("/appointments?start=0001-01-01&end=9999-12-31").status_code == 200


def test_customer_is_stored_found_changed_and_erased(cast):
    browser = browser_of(cast.owner)
    answer = browser.post("/customers/new", {"name": "Nora <b>", "email": "nora@customer.test"})
    nora = Contact.objects.get(name="Nora <b>")
    assert answer["Location"] == f"/customers/{nora.pk}"
    page = text_of(browser.get("/customers", {"q": "nora@"}))
    assert "Nora &lt;b&gt;" in page
    assert "Carla" not in page
    booked = book(cast.owner, "Visit", contact=nora, contact_name="Nora <b>")
    assert "Visit" in text_of(browser.get(f"/customers/{nora.pk}"))
    browser.post(f"/customers/{nora.pk}/edit", {"name": "Nora", "phone": "123", "version": 1})
    nora.refresh_from_db()
    assert (nora.name, nora.email, nora.phone) == ("Nora", None, "123")
    stale = browser.post(f"/customers/{nora.pk}/edit", {"name": "Other", "version": 1})
    assert stale.status_code == 409
    assert "Nora" in text_of(stale)
    assert "Their name" in text_of(browser.get(f"/customers/{nora.pk}/erase"))
    assert browser.post(f"/customers/{nora.pk}/erase")["Location"] == "/customers"
    assert not Contact.objects.filter(pk=nora.pk).exists()
    booked.refresh_from_db()
    assert booked.contact_name is None


def test_provider_sees_the_customers_of_their_own_appointments(cast):
    browser = browser_of(cast.colleague)
    assert "Carla" not in text_of(browser.get("/customers"))
    book(cast.colleague, "Visit", contact=cast.customer)
    assert "Carla" in text_of(browser.get("/customers"))
    assert browser.post(f"/customers/{cast.customer.pk}/erase").status_code == 403


def test_booking_from_a_customers_page_fills_the_form(cast):
    page = text_of(browser_of(cast.owner).get(f"/appointments/new?contact_id={cast.customer.pk}&start={START}"))
    assert 'value="carla@customer.test"' in page
    assert f'value="{START}"' in page


# Around every page


def first_segments(patterns, prefix="") -> set[str]:
    found = set()
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= first_segments(pattern.url_patterns, route)
        else:
            found.add(route.lstrip("^").split("/")[0].rstrip("$"))
    return found


def test_no_business_may_take_a_name_that_an_address_begins_with():
    fixed = {one for one in first_segments(get_resolver().url_patterns) if one and not re.search(r"[<(?]", one)}
    assert fixed <= RESERVED_SLUGS, fixed - RESERVED_SLUGS


@pytest.mark.parametrize("path", ["/appointments/new", "/customers/new"])
def test_forms_need_their_token(cast, path):
    assert browser_of(cast.owner, enforce_csrf_checks=True).post(path, NEW | {"name": "x"}).status_code == 403


def test_zone_of_the_cast_is_what_these_tests_count_with():
    assert ZONE == "Europe/Berlin"
