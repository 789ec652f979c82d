"""The public booking pages: what is shown, what is booked, what is refused."""

import html
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import get_resolver

from slotkeeper.appointments.models import Appointment, Hold, IntakeAnswer
from slotkeeper.billing.models import BillingProfile
from slotkeeper.offerings.models import OpeningHours, Service
from slotkeeper.people.sign_up import RESERVED_SLUGS
from storefront import NAMED, book, in_utc, instant, link_of, next_weekday, offer, open_storefront, text_of


@pytest.fixture
def shop(cast):
    return open_storefront(cast)


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


def last_sunday_of_october() -> date:
    """Give the next day on which Berlin's clocks go back."""
    today = datetime.now(UTC).date()
    ends = (date(year, 10, 31) for year in (today.year, today.year + 1))
    return next(one for one in (end - timedelta(days=(end.weekday() + 1) % 7) for end in ends) if one > today)


# Services


def test_business_page_lists_its_services(shop, visitor):
    page = visitor.get("/practice/")
    assert page.status_code == 200
    assert all(text in text_of(page) for text in ("Massage", "30 min", "€48", "Room 1", "First visit", "1 h"))
    assert 'href="/practice/massage"' in page.content.decode()


def test_tax_that_is_added_to_a_price_stands_beside_it(shop, visitor):
    assert "tax" not in text_of(visitor.get("/practice/"))
    BillingProfile.objects.create(business=shop.cast.owner.business, default_tax_rate=19)
    assert "€48 plus 19% tax" in text_of(visitor.get("/practice/"))
    assert "48 € zzgl. 19 % Steuer" in text_of(visitor.get("/practice/massage", headers={"Accept-Language": "de"}))


def test_what_cannot_be_booked_is_not_listed(shop, visitor):
    offer(shop.cast, "Secret", [])
    offer(shop.cast, "Old", [shop.cast.owner], is_active=False)
    page = text_of(visitor.get("/practice/"))
    assert "Secret" not in page
    assert "Old" not in page
    assert visitor.get("/practice/old").status_code == 404


def test_business_without_services_says_so(cast, visitor):
    assert "Nothing can be booked online yet" in text_of(visitor.get("/garage/"))


@pytest.mark.parametrize("path", ["/nobody/", "/nobody/massage", "/practice/nothing", "/practice/first_visit/hold"])
def test_unknown_names_are_404(shop, visitor, path):
    assert visitor.get(path).status_code in {404, 405}


def test_service_of_another_business_is_404(shop, visitor):
    assert visitor.get("/garage/massage").status_code == 404


def test_no_page_of_ours_can_be_a_businesss_name():
    first = {str(pattern.pattern).split("/", maxsplit=1)[0] for pattern in get_resolver().url_patterns}
    for resolver in get_resolver().url_patterns:
        if str(resolver.pattern) == "":
            first |= {str(one.pattern).split("/", maxsplit=1)[0] for one in resolver.url_patterns}
    words = {word for word in first if word and "<" not in word and "." not in word}
    assert words <= RESERVED_SLUGS


def test_public_pages_set_no_cookie(shop, visitor):
    for path in ("/practice/", "/practice/massage"):
        assert not visitor.get(path).cookies


# Times


def test_month_shows_the_times_of_the_chosen_day_in_the_businesss_zone(shop, visitor):
    day = next_weekday()
    page = text_of(visitor.get(f"/practice/massage?day={day}"))
    assert all(clock in page for clock in ("09:00", "11:30", "13:00", "16:30"))
    assert "12:00" not in page
    assert "Times in Berlin time" in page


def test_visitors_zone_changes_labels_only(shop, visitor):
    day = next_weekday()
    page = visitor.get(f"/practice/massage?day={day}&zone=Europe/Lisbon")
    assert "Times in Lisbon time" in text_of(page)
    assert f'value="{in_utc(day, "09:00")}">08:00<' in page.content.decode()


def test_unknown_zone_is_named_and_the_businesss_used(shop, visitor):
    page = text_of(visitor.get("/practice/massage?zone=Mars/Olympus"))
    assert "The time zone asked for is not known" in page
    assert "Berlin time" in page


def test_zone_can_be_chosen_without_script(shop, visitor):
    page = visitor.get("/practice/massage?day=2026-12-03&change=zone").content.decode()
    assert '<option value="Europe/Berlin" selected>' in page
    assert '<input type="hidden" name="day" value="2026-12-03">' in page


def test_page_without_wishes_opens_on_the_first_free_day(shop, visitor):
    assert 'aria-current="date"' in visitor.get("/practice/massage").content.decode()


def test_day_without_free_time_offers_the_next_free_one(shop, visitor):
    saturday, monday = next_weekday(5), next_weekday(0, 2)
    page = visitor.get(f"/practice/massage?day={saturday}")
    assert "There is no free time on this day." in text_of(page)
    assert f"day={monday}" in page.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "month=9999-12", "month=0001-01", "month=2126-01", "month=x", "day=2126-01-01", "day=%00", "day=2026-02-31",
        "zone=%00", "with=-1", "with=99999999999999999999999", "with=1;drop", "embed=2", "month=2200-12&day=9999-12-31",
        "day=1969-12-31", "at=x", "month[]=1", "day=%ED%A0%80",
    ],
)  # fmt: skip
def test_nonsense_in_the_address_is_left_aside(shop, visitor, query):
    for service in ("massage", "first-visit"):
        assert visitor.get(f"/practice/{service}?{query}").status_code == 200


def test_customer_chooses_the_person_where_the_service_says_so(shop, visitor):
    page = visitor.get("/practice/first-visit")
    assert "Olga Owner" in text_of(page)
    assert f"with={shop.cast.colleague.user_id}" in page.content.decode()
    assert "Whoever is free first" in text_of(page)
    assert "With Colleague" in text_of(visitor.get(f"/practice/first-visit?with={shop.cast.colleague.user_id}"))


def test_service_that_nobody_gives_any_more_says_so(shop, visitor):
    shop.massage.providers.all().delete()
    assert "Nobody gives this service just now" in text_of(visitor.get("/practice/massage"))


def test_times_that_the_clocks_show_twice_carry_their_offset(shop, visitor):
    autumn = last_sunday_of_october()
    OpeningHours.objects.create(membership=shop.cast.owner, weekday=6, start_minute=60, end_minute=240)
    Service.objects.filter(pk=shop.massage.pk).update(horizon_days=400)
    page = text_of(visitor.get(f"/practice/massage?day={autumn}"))
    assert all(text in page for text in ("01:30", "02:00 (UTC+0200)", "02:00 (UTC+0100)", "03:30"))
    assert "01:30 (" not in page


# Booking


def test_choosing_a_time_holds_it_and_leads_to_the_details(shop, visitor):
    day = next_weekday()
    answer = visitor.post("/practice/massage/hold?zone=Europe/Lisbon", {"at": in_utc(day, "10:00")})
    assert answer.status_code == 303
    asked = parse_qs(urlsplit(answer["Location"]).query)
    assert (asked["zone"], asked["at"]) == (["Europe/Lisbon"], [in_utc(day, "10:00")])
    page = visitor.get(answer["Location"])
    assert "This time is kept for you for five minutes." in text_of(page)
    assert "09:00–09:30" in text_of(page)
    assert Hold.objects.count() == 1
    assert "10:00" not in text_of(visitor.get(f"/practice/massage?day={day}"))


def test_booking_leads_to_a_confirmation_that_can_be_reloaded(shop, visitor):
    day = next_weekday()
    held = visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})
    answer = visitor.post(held["Location"], NAMED | {"phone": "+49 30 1", "notes": "Two\nlines"})
    assert answer.status_code == 303
    page = visitor.get(answer["Location"])
    assert "Your appointment is booked" in text_of(page)
    assert "You can move or cancel it yourself until" in text_of(page)
    assert page["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page["X-Robots-Tag"]
    row = Appointment.objects.get()
    assert (row.contact_name, row.contact_email, row.contact_phone) == (*NAMED.values(), "+49 30 1")
    assert (row.status, row.notes.split()) == ("confirmed", ["Two", "lines"])
    assert row.start_time == datetime.fromtimestamp(instant(day, "10:00"), UTC)
    assert Hold.objects.count() == 0


def test_service_to_be_confirmed_is_asked_for_with_its_questions(shop, visitor):
    day = next_weekday()
    query = f"&with={shop.cast.colleague.user_id}"
    incomplete = book(visitor, day, service="first-visit", query=query)
    assert incomplete.status_code == 200
    assert "This field is required." in text_of(incomplete)
    forged = book(visitor, day, service="first-visit", query=query, answer_0="Perhaps", answer_2="on")
    assert "Perhaps is not one of the available choices" in text_of(forged)
    answer = book(visitor, day, service="first-visit", query=query, answer_0="Yes", answer_1="My back", answer_2="on")
    assert "Your request is in" in text_of(visitor.get(answer["Location"]))
    row = Appointment.objects.get()
    assert (row.status, row.user_id) == ("scheduled", shop.cast.colleague.user_id)
    assert list(IntakeAnswer.objects.order_by("position").values_list("question", "answer")) == [
        ("Is this your first visit?", "Yes"),
        ("What troubles you?", "My back"),
        ("I have read the terms", "yes"),
    ]


def test_lost_race_keeps_the_form_and_offers_the_next_three(shop, visitor):
    day = next_weekday()
    assert book(visitor, day).status_code == 303
    answer = book(visitor, day, name="Dora <b>Duck</b>", notes="Keep this")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "has just been taken" in text_of(answer)
    assert "Dora &lt;b&gt;Duck&lt;/b&gt;" in page
    assert "Keep this" in page
    assert re.findall(r'name="instead"\s+value="([^"]+)"', page) == [
        in_utc(day, clock) for clock in ("10:30", "11:00", "11:30")
    ]
    assert "Carla" not in page
    one_tap = book(visitor, day, name="Dora", instead=in_utc(day, "11:00"))
    assert one_tap.status_code == 303
    assert Appointment.objects.filter(start_time=datetime.fromtimestamp(instant(day, "11:00"), UTC)).exists()


def form_on(page) -> dict[str, str]:
    """Fill in the form of a details page, with the secret that stands in it."""
    return NAMED | {"form_key": re.search(r'name="form_key" value="([^"]+)"', page.content.decode())[1]}


def details_held(visitor, day, clock="10:00") -> str:
    return visitor.post("/practice/massage/hold", {"at": in_utc(day, clock)})["Location"]


def test_form_sent_twice_books_once_and_leads_to_the_same_appointment(shop, visitor):
    path = details_held(visitor, next_weekday())
    form = form_on(visitor.get(path))
    first, second = visitor.post(path, form), visitor.post(path, form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert Appointment.objects.count() == 1
    for answer in (first, second):
        assert "Your appointment is booked" in text_of(visitor.get(answer["Location"]))
        assert "Carla Customer" in text_of(visitor.get(f"/booking/{link_of(answer)}"))


def test_form_sent_twice_books_one_of_several_who_are_free(shop, visitor):
    path = f"/practice/first-visit/details?at={in_utc(next_weekday(), '10:00')}&with=any"
    form = form_on(visitor.get(path)) | {"answer_0": "Yes", "answer_2": "on"}
    assert [visitor.post(path, form).status_code for _ in range(2)] == [303, 303]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize("other", [{"form_key": "x" * 32}, {"form_key": ""}, {"email": "dora@customer.test"}])
def test_who_sends_anything_else_learns_nothing_of_what_was_booked(shop, visitor, other):
    path = details_held(visitor, next_weekday())
    form = form_on(visitor.get(path))
    visitor.post(path, form)
    answer = visitor.post(path, form | other)
    assert answer.status_code == 409
    assert "/booked/" not in answer.content.decode()


def test_every_page_has_a_form_of_its_own_which_a_refusal_keeps(shop, visitor):
    path = f"/practice/massage/details?at={in_utc(next_weekday(), '10:00')}"
    mine, theirs = form_on(visitor.get(path)), form_on(visitor.get(path))
    assert mine["form_key"] != theirs["form_key"]
    visitor.post(path, mine)
    assert form_on(visitor.post(path, theirs)) == theirs
    instead = theirs | {"instead": in_utc(next_weekday(), "11:00")}
    assert [visitor.post(path, instead).status_code for _ in range(2)] == [303, 303]
    assert Appointment.objects.count() == 2


def test_hold_that_is_over_still_books_while_the_time_is_free(shop, visitor):
    day = next_weekday()
    held = visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})["Location"]
    Hold.objects.all().delete()
    assert visitor.post(held, NAMED).status_code == 303
    late = visitor.post(held, NAMED | {"email": "late@customer.test"})
    assert late.status_code == 409
    assert "It was kept for you for five minutes." in text_of(late)


def test_who_goes_back_gives_up_the_time_that_was_kept_for_them(shop, visitor):
    day = next_weekday()
    held = visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})["Location"]
    back = re.search(r'href="([^"]+)">← Other times', visitor.get(held).content.decode())
    response = visitor.get(html.unescape(back[1]))
    assert "10:00 is still kept for you" in text_of(response)
    page = response.content.decode()
    action = html.unescape(re.search(r'<form method="post" action="([^"]+/hold[^"]*)"', page)[1])
    again = visitor.post(action, {"at": in_utc(day, "11:00")})
    assert again.status_code == 303
    assert Hold.objects.count() == 1
    secret = parse_qs(urlsplit(again["Location"]).query)["hold"][0]
    same = visitor.post("/practice/massage/hold", {"at": in_utc(day, "11:00"), "former": secret})
    assert same.status_code == 303


def test_time_held_by_somebody_else_is_refused_with_others(shop, visitor):
    day = next_weekday()
    visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})
    refused = visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})
    assert refused.status_code == 409
    assert in_utc(day, "10:30") in refused.content.decode()


@pytest.mark.parametrize("clock", ["10:10", "12:00", "08:00", "23:30"])
def test_forged_slot_is_refused_and_nothing_is_stored(shop, visitor, clock):
    day = next_weekday()
    answer = book(visitor, day, clock)
    assert answer.status_code == 409
    assert "cannot be booked" in text_of(answer)
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("at", ["", "x", "2026-12-03", "9999-12-31T23:59:59-12:00", "1970-01-01T00:00:00Z", "%00"])
def test_forged_start_never_books(shop, visitor, at):
    answer = visitor.post(f"/practice/massage/details?at={at}", NAMED)
    assert answer.status_code in {302, 409}
    assert visitor.post("/practice/massage/hold", {"at": at}).status_code in {302, 409}
    assert not Appointment.objects.exists()


def test_person_who_does_not_give_the_service_cannot_be_booked(shop, visitor):
    answer = book(visitor, next_weekday(), query=f"&with={shop.cast.outsider.user_id}")
    assert answer.status_code == 404
    assert not Appointment.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""}, {"name": "  "}, {"name": "x" * 101}, {"name": "a\x00b"}, {"name": "two\nlines"},
        {"email": "nobody"}, {"email": "a@b.test\nBcc: c@d.test"}, {"email": f"{'x' * 250}@b.test"},
        {"phone": "1" * 21}, {"notes": "x" * 2001}, {"notes": "bell \x07"},
    ],
)  # fmt: skip
def test_bad_details_come_back_with_a_word_and_book_nothing(shop, visitor, fields):
    answer = book(visitor, next_weekday(), **fields)
    assert answer.status_code == 200
    assert 'class="errors"' in answer.content.decode()
    assert not Appointment.objects.exists()


def test_hostile_texts_are_shown_as_text(shop, visitor):
    hostile = '"><script>alert(1)</script>{{ 7|add:7 }}'
    Service.objects.filter(pk=shop.massage.pk).update(
        name=hostile, description=hostile, location=hostile, color='red"x=y'
    )
    business = shop.cast.owner.business
    business.name = business.introduction = hostile
    business.accent_color = "red;}"
    business.save()
    answer = book(visitor, next_weekday(), name=hostile, notes=hostile)
    pages = [visitor.get(path) for path in ("/practice/", "/practice/massage", answer["Location"])]
    pages += [visitor.get(f"/booking/{link_of(answer)}"), visitor.get(f"/booking/{link_of(answer)}/move")]
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
        assert 'red"x=y' not in page.content.decode()
