"""The public booking pages and a customer's own link: what is shown, what is booked, what is refused."""

import dataclasses
import html
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import get_resolver

from slotkeeper.appointments.customer_links import revoke_links
from slotkeeper.appointments.models import Appointment, CustomerLink, Hold, IntakeAnswer
from slotkeeper.changes.models import Change
from slotkeeper.doors.public.accent import accent_rules
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import RequestCount
from slotkeeper.people.sign_up import RESERVED_SLUGS
from storefront import in_utc, instant, next_weekday, offer, open_storefront

NAMED = {"name": "Carla Customer", "email": "carla@customer.test"}


@pytest.fixture
def shop(cast):
    return open_storefront(cast)


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


def text_of(response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def book(visitor, day, clock="10:00", service="massage", query="", **fields):
    return visitor.post(f"/practice/{service}/details?at={in_utc(day, clock)}{query}", NAMED | fields)


def link_of(response) -> str:
    return urlsplit(response["Location"]).path.rsplit("/", 1)[1]


# Services


def test_business_page_lists_its_services(shop, visitor):
    page = visitor.get("/practice/")
    assert page.status_code == 200
    assert all(text in text_of(page) for text in ("Massage", "30 min", "€48", "Room 1", "First visit", "1 h"))
    assert 'href="/practice/massage"' in page.content.decode()


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


def test_hold_that_is_over_still_books_while_the_time_is_free(shop, visitor):
    day = next_weekday()
    held = visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})["Location"]
    Hold.objects.all().delete()
    assert visitor.post(held, NAMED).status_code == 303
    late = visitor.post(held, NAMED | {"email": "late@customer.test"})
    assert late.status_code == 409
    assert "It was kept for you for five minutes." in text_of(late)


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
        name=hostile, description=hostile, location=hostile, color='red" onload="x'
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
        assert 'onload="x' not in page.content.decode()


# Abuse


def test_filled_trap_books_nothing(shop, visitor):
    answer = book(visitor, next_weekday(), website="https://spam.test")
    assert "must stay empty" in text_of(answer)
    assert "spam.test" not in answer.content.decode()
    assert not Appointment.objects.exists()


def limited(settings, **limits):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, **limits)


def test_one_source_books_only_so_often_and_learns_when_again(shop, visitor, settings):
    limited(settings, bookings_per_source_and_hour=2)
    day = next_weekday()
    codes = [book(visitor, day, clock).status_code for clock in ("09:00", "09:30", "10:00")]
    assert codes == [303, 303, 429]
    answer = book(visitor, day, "10:00")
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert "Nothing was changed" in text_of(answer)
    other = visitor.post(f"/practice/massage/details?at={in_utc(day, '10:00')}", NAMED, REMOTE_ADDR="198.51.100.7")
    assert other.status_code == 303


def test_neighbours_in_one_ipv6_network_count_as_one(shop, visitor, settings):
    limited(settings, bookings_per_source_and_hour=1)
    day = next_weekday()
    path = f"/practice/massage/details?at={in_utc(day, '10:00')}"
    codes = [
        visitor.post(path, NAMED, REMOTE_ADDR=address).status_code
        for address in ("2001:db8:1:2::3", "2001:db8:1:2:ffff::4", "2001:db8:1:3::3", "::ffff:192.0.2.1", "192.0.2.1")
    ]
    assert codes == [303, 429, 409, 409, 429]


def test_one_address_books_only_so_often_a_day(shop, visitor, settings):
    limited(settings, bookings_per_address_and_day=1)
    day = next_weekday()
    assert book(visitor, day, "09:00").status_code == 303
    assert book(visitor, day, "09:30", email=" CARLA@customer.test").status_code == 429
    assert book(visitor, day, "09:30", email="dora@customer.test").status_code == 303


def test_counts_hold_no_address_in_readable_form(shop, visitor):
    book(visitor, next_weekday())
    kept = " ".join(RequestCount.objects.values_list("caller", flat=True))
    assert "carla" not in kept
    assert "127.0.0.1" not in kept


def test_who_held_too_often_goes_on_without_a_hold(shop, visitor, settings):
    limited(settings, holds_per_source_and_hour=1)
    day = next_weekday()
    visitor.post("/practice/massage/hold", {"at": in_utc(day, "10:00")})
    answer = visitor.post("/practice/massage/hold", {"at": in_utc(day, "11:00")})
    assert "hold=" not in answer["Location"]
    assert visitor.post(answer["Location"], NAMED).status_code == 303


# Within other sites


def test_only_embedded_booking_pages_may_be_framed(shop, visitor):
    plain, framed = visitor.get("/practice/massage"), visitor.get("/practice/massage?embed=1")
    assert "frame-ancestors 'none'" in plain["Content-Security-Policy"]
    assert plain["X-Frame-Options"] == "DENY"
    assert "frame-ancestors *" in framed["Content-Security-Policy"]
    assert "X-Frame-Options" not in framed
    assert "embed=1" in framed.content.decode()
    answer = book(visitor, next_weekday(), query="&embed=1")
    assert "frame-ancestors *" in visitor.get(answer["Location"])["Content-Security-Policy"]
    own = visitor.get(f"/booking/{link_of(answer)}?embed=1")
    assert "frame-ancestors 'none'" in own["Content-Security-Policy"]
    assert own["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("color", "has_light", "has_dark"),
    [
        ("#1f5fa8", True, True), ("#ffee00", False, True), ("#000000", True, True), ("red", False, False),
        ("", False, False),
    ],
)  # fmt: skip
def test_accent_is_used_only_where_it_can_be_read(color, has_light, has_dark):
    rules = accent_rules(color)
    assert (rules.startswith(":root"), "dark" in rules) == (has_light, has_dark)


def test_accent_is_a_style_sheet_of_its_own(shop, visitor):
    shop.cast.owner.business.accent_color = "#1F5FA8"
    shop.cast.owner.business.save()
    assert 'href="/accent/1f5fa8.css"' in visitor.get("/practice/").content.decode()
    style = visitor.get("/accent/1f5fa8.css")
    assert style["Content-Type"].startswith("text/css")
    assert "--accent: #1f5fa8" in style.content.decode()
    assert visitor.get("/accent/zzz.css").content == b""


# The customer's link


@pytest.fixture
def link(shop, visitor):
    return link_of(book(visitor, next_weekday()))


def test_link_shows_the_appointment_and_nothing_is_indexed_or_referred(link, visitor):
    page = visitor.get(f"/booking/{link}?zone=Europe/Lisbon")
    assert "09:00–09:30" in text_of(page)
    assert page["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page["X-Robots-Tag"]
    assert page["Cache-Control"] == "private, no-store"


def test_following_links_changes_nothing(link, visitor):
    day = next_weekday()
    before = Change.objects.count(), Appointment.objects.values().get()
    for path in ("", "/move", f"/move?at={in_utc(day, '11:00')}", "/cancel", "/appointment.ics"):
        assert visitor.get(f"/booking/{link}{path}").status_code == 200
        visitor.head(f"/booking/{link}{path}")
    assert (Change.objects.count(), Appointment.objects.values().get()) == before


def test_customer_moves_their_appointment(link, visitor):
    day = next_weekday()
    path = f"/booking/{link}/move?at={in_utc(day, '11:00')}"
    assert "Move it to this time?" in text_of(visitor.get(path))
    answer = visitor.post(path)
    assert answer.status_code == 303
    assert "It is moved." in text_of(visitor.get(answer["Location"]))
    assert Appointment.objects.get().start_time == datetime.fromtimestamp(instant(day, "11:00"), UTC)


def test_moving_to_a_time_taken_meanwhile_offers_others_and_changes_nothing(link, visitor):
    day = next_weekday()
    book(visitor, day, "11:00", email="dora@customer.test")
    answer = visitor.post(f"/booking/{link}/move?at={in_utc(day, '11:00')}")
    assert answer.status_code == 409
    assert "Your appointment stays where it is." in text_of(answer)
    assert f'value="{in_utc(day, "11:30")}"' in answer.content.decode()
    answer = visitor.post(f"/booking/{link}/move?at={in_utc(day, '11:00')}", {"instead": in_utc(day, "11:30")})
    assert answer.status_code == 303


def test_customer_cancels_and_the_time_is_free_again(link, visitor):
    answer = visitor.post(f"/booking/{link}/cancel", {"reason": "I am ill."})
    assert answer.status_code == 303
    page = text_of(visitor.get(answer["Location"]))
    assert "It is canceled." in page
    assert Appointment.objects.get().status == "canceled"
    assert visitor.post(f"/booking/{link}/cancel").status_code == 303
    assert book(visitor, next_weekday(), email="dora@customer.test").status_code == 303


def test_after_the_cut_off_nothing_can_be_changed_and_the_page_says_why(shop, link, visitor):
    business = shop.cast.owner.business
    business.self_service_cutoff_minutes = 60 * 24 * 30
    business.save()
    assert "It could be changed here until" in text_of(visitor.get(f"/booking/{link}"))
    for path in ("move", f"move?at={in_utc(next_weekday(), '11:00')}", "cancel"):
        answer = visitor.post(f"/booking/{link}/{path}")
        assert answer.status_code == 409
        assert "can no longer be changed here" in text_of(answer)
    assert Appointment.objects.get().status == "confirmed"


@pytest.mark.parametrize("spoil", ["forged", "expired", "revoked", "cut"])
def test_link_that_is_no_longer_one_is_a_calm_404(shop, link, visitor, spoil):
    row = Appointment.objects.get()
    if spoil == "expired":
        CustomerLink.objects.update(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    elif spoil == "revoked":
        revoke_links(row.pk, row.business_id, 1)
    else:
        link = link[:-1] if spoil == "cut" else "%00" * 10
    for path in ("", "/move", "/cancel", "/appointment.ics"):
        answer = visitor.get(f"/booking/{link}{path}")
        assert answer.status_code == 404
        assert "This link leads nowhere" in text_of(answer)
    assert visitor.post(f"/booking/{link}/cancel").status_code == 404
    assert visitor.get(f"/practice/massage/booked/{link}").status_code == 404
    assert Appointment.objects.get().status == "confirmed"


def test_confirmation_of_another_business_is_404(shop, link, visitor):
    offer_elsewhere = Service.objects.create(
        business=shop.cast.outsider.business, name="Brakes", slug="brakes",
        created_at=datetime.now(UTC), updated_at=datetime.now(UTC),
    )  # fmt: skip
    assert visitor.get(f"/garage/{offer_elsewhere.slug}/booked/{link}").status_code == 404


def test_calendar_file_has_utc_times_and_a_stable_name(link, visitor):
    day = next_weekday()
    answer = visitor.get(f"/booking/{link}/appointment.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    lines = answer.content.decode().replace("\r\n ", "").split("\r\n")
    assert f"DTSTART:{in_utc(day, '10:00').replace('-', '').replace(':', '')}" in lines
    assert "STATUS:CONFIRMED" in lines
    uid = next(line for line in lines if line.startswith("UID:"))
    visitor.post(f"/booking/{link}/move?at={in_utc(day, '11:00')}")
    again = visitor.get(f"/booking/{link}/appointment.ics").content.decode()
    assert uid in again
    assert "SEQUENCE:1" in again


def test_other_sites_calendars_are_not_told_the_secret(shop, visitor):
    answer = book(visitor, next_weekday())
    page = visitor.get(answer["Location"]).content.decode()
    outside = re.findall(r'href="(https://[^"]+)"', page)
    assert len(outside) == 2
    assert all(link_of(answer) not in html.unescape(url) for url in outside)


@pytest.mark.parametrize("path", ["/practice/", "/practice/massage", "/practice/massage/hold", "/accent/1f5fa8.css"])
def test_other_methods_are_refused(shop, visitor, path):
    assert visitor.delete(path).status_code in {403, 405}
