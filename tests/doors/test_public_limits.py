"""What keeps the public pages from being abused, and where else they may be shown."""

import dataclasses

import pytest
from django.test import Client

from slotkeeper.appointments.models import Appointment
from slotkeeper.doors.public.accent import accent_rules
from slotkeeper.people.models import RequestCount
from storefront import NAMED, book, in_utc, link_of, next_weekday, open_storefront, text_of


@pytest.fixture
def shop(cast):
    return open_storefront(cast)


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


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
