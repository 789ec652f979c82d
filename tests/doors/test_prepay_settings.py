"""Asking for money in advance: where it can be switched on, and what the API says of it."""

import pytest
from django.test import Client

from desk import browser_of
from paid import paid_through_stripe, set_up_stripe
from slotkeeper.appointments.models import Appointment
from slotkeeper.billing.models import BillingProfile
from storefront import in_utc, next_weekday, open_storefront


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


@pytest.fixture
def store(practice, cast):
    store = open_storefront(cast)
    store.massage.prepayment, store.massage.deposit_percent = "deposit", 25
    store.massage.save()
    return store


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


def test_api_says_what_is_paid_in_advance_and_does_not_book_it(practice, store, cast, visitor):
    listed = visitor.get("/api/public/practice/services").json()["services"]
    assert [(one["prepayment"], one["deposit_percent"]) for one in listed] == [("deposit", 25), ("none", None)]
    body = {
        "service_id": store.massage.pk,
        "start": in_utc(next_weekday(), "10:00"),
        "name": "Carla",
        "email": "carla@c.test",
    }
    answer = visitor.post("/api/public/practice/appointments", body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "PREPAYMENT_REQUIRED")
    assert "/practice/massage" in answer.json()["detail"]
    assert Appointment.objects.count() == 0


def test_service_is_paid_in_advance_only_where_it_can_be(practice, store, cast):
    api, place = cast.api(), f"/api/services/{store.visit.pk}"
    price = {"amount": 10_000, "currency": "EUR"}
    assert _refused(api.put(place, {"prepayment": "full"})) == "prepayment"  # no price
    assert _refused(api.put(place, {"price": price, "prepayment": "deposit"})) == "deposit_percent"
    assert _refused(api.put(place, {"price": price, "prepayment": "deposit", "deposit_percent": 100})) == (
        "deposit_percent"
    )
    answer = api.put(place, {"price": price, "prepayment": "deposit", "deposit_percent": 30})
    assert (answer.json()["prepayment"], answer.json()["deposit_percent"]) == ("deposit", 30)
    set_up_stripe(practice.business, stripe_sealed_key="")
    assert api.put(place, {"prepayment": "deposit", "description": "x"}).status_code == 200  # as it was
    assert _refused(api.put(place, {"prepayment": "full"})) == "prepayment"
    new = {"name": "Course", "price": price, "prepayment": "full"}
    assert _refused(api.post("/api/services", new)) == "prepayment"
    assert api.put(place, {"prepayment": "none"}).status_code == 200


def test_service_is_not_paid_in_advance_where_no_invoice_could_be_written(practice, store, cast):
    BillingProfile.objects.update(legal_name="")
    answer = cast.api().put(f"/api/services/{store.massage.pk}", {"prepayment": "full"})
    assert _refused(answer) == "prepayment"


def _refused(answer):
    assert answer.status_code == 400, answer.content
    return answer.json()["errors"][0]["field"]


def test_form_of_a_service_says_what_stands_in_the_way(practice, store, cast):
    browser = browser_of(cast.owner)
    form = {
        "name": "Massage", "slug": "massage", "duration_minutes": "45", "price": "48.50", "price_currency": "EUR",
        "color": "#3F6F8F", "buffer_before_minutes": "0", "buffer_after_minutes": "10", "horizon_days": "60",
        "minimum_notice_minutes_0": "2", "minimum_notice_minutes_1": "60", "assignment": "any", "is_active": "on",
        "questions-TOTAL_FORMS": "3", "questions-INITIAL_FORMS": "0", "questions-0-kind": "text",
        "questions-1-kind": "text", "questions-2-kind": "text", "version": "1", "prepayment": "full",
    }  # fmt: skip
    page = browser.get(f"/services/{store.massage.pk}").content.decode()
    assert 'value="deposit"' in page
    assert 'name="deposit_percent" value="25"' in page
    set_up_stripe(practice.business, stripe_sealed_key="")
    page = browser.post(f"/services/{store.massage.pk}", form).content.decode()
    assert "Set up Stripe first" in page
    store.massage.refresh_from_db()
    assert store.massage.prepayment == "deposit"
