"""A customer's own link: see, move and cancel one appointment; and links that are none."""

import html
import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from slotkeeper.appointments.customer_links import revoke_links
from slotkeeper.appointments.models import Appointment, CustomerLink
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import Service
from storefront import book, in_utc, instant, link_of, next_weekday, open_storefront, text_of


@pytest.fixture
def shop(cast):
    return open_storefront(cast)


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


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
