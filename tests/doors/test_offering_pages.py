"""The pages of what a business offers: who may use them, services, settings."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from cast import add_member
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Closure, OpeningHours, Service, TimeOff
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Role
from storefront import instant, next_weekday, offer

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
    assert browser.post(f"/hours/week{query}", {"monday-0-from": "09:00", "monday-0-until": "12:00"}).status_code == 403
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
    assert '<input type="number" name="minimum_notice_minutes_0"' in page
    assert 'value="48.50"' in page
    assert not Service.objects.exists()


def asked_in_order(page: str) -> list[str]:
    return re.findall(r'name="questions-[0-9]-label" value="([^"]+)"', page)


def test_questions_are_put_in_order_by_buttons_and_stored_with_the_form(cast):
    fields = service_fields(
        **{"questions-0-label": "First?", "questions-1-label": "Second?", "questions-2-label": "Third?"},
        **{"questions-2-kind": "choice", "questions-2-choices": "Yes\nNo", "questions-2-is_required": "on"},
    )
    browser = browser_of(cast.owner)
    page = text_of(browser.post("/services/new", fields | {"move": "2-up"}))
    assert asked_in_order(page) == ["First?", "Third?", "Second?"]
    assert "The new order is not stored yet." in page
    assert re.search(r'value="1-up"[^>]*autofocus', page)  # one can press on
    assert not Service.objects.exists()
    moved = fields | {
        "questions-1-label": "Third?", "questions-1-kind": "choice", "questions-1-choices": "Yes\nNo",
        "questions-1-is_required": "on", "questions-2-label": "Second?", "questions-2-kind": "text",
        "questions-2-choices": "",
    }  # fmt: skip
    del moved["questions-2-is_required"]
    page = text_of(browser.post("/services/new", moved | {"move": "0-down"}))
    assert asked_in_order(page) == ["Third?", "First?", "Second?"]
    assert re.search(r'name="questions-0-is_required"[^>]*checked', page)
    assert not re.search(r'name="questions-1-is_required"[^>]*checked', page)
    assert browser.post("/services/new", moved).status_code == 302
    assert [one["label"] for one in Service.objects.get().questions] == ["First?", "Third?", "Second?"]


def test_only_questions_with_a_text_move_and_only_among_themselves(cast):
    fields = service_fields(**{"questions-0-label": "First?", "questions-1-label": "Second?"})
    page = text_of(browser_of(cast.owner).post("/services/new", fields | {"more": "1"}))
    assert re.findall(r'value="([0-9]+-(?:up|down))"', page) == ["0-down", "1-up"]


@pytest.mark.parametrize("move", ["0-up", "2-down", "99-up", "x", "-1-up", "1-sideways", ""])
def test_forged_move_of_a_question_changes_nothing(cast, move):
    fields = service_fields(**{"questions-0-label": "First?", "questions-1-label": "Second?"})
    answer = browser_of(cast.owner).post("/services/new", fields | {"move": move})
    assert asked_in_order(text_of(answer)) == ["First?", "Second?"]
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
        self_service_cutoff_minutes_0="2", self_service_cutoff_minutes_1="60", contact_email="desk@practice.test",
    )  # fmt: skip
    assert browser.post("/settings", fields)["Location"] == "/settings"
    business = Business.objects.get(pk=cast.owner.business_id)
    assert (business.name, business.slug, business.locale, business.currency) == ("Praxis", "praxis", "de", "CHF")
    assert (business.accent_color, business.self_service_cutoff_minutes) == ("#3f6f8f", 120)
    assert business.contact_email == "desk@practice.test"
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
        {"contact_email": "desk, boss@practice.test"},
    ],
)
def test_impossible_settings_are_refused_at_their_field(cast, fields):
    answer = browser_of(cast.owner).post("/settings", settings_fields(**fields))
    (name,) = fields
    assert f'id="id_{name.removesuffix("_0")}_error"' in text_of(answer)
    assert Business.objects.get(pk=cast.owner.business_id).slug == "practice"
