"""The API without a token: what strangers can see and book, and what they cannot."""

import dataclasses
import json
from datetime import timedelta

import pytest

from cast import Api
from slotkeeper.appointments.models import Appointment, Hold, IntakeAnswer
from slotkeeper.doors.public.month import moment_of
from slotkeeper.offerings.models import TimeOff
from storefront import in_utc, instant, next_weekday, open_storefront

PLACE = "/api/public/practice"
NAMED = {"name": "Carla Customer", "email": "carla@customer.test"}


@pytest.fixture
def shop(cast):
    return open_storefront(cast)


@pytest.fixture
def api():
    return Api(None)


def slots_of(api, service, start, end, **query):
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    return api.get(f"{PLACE}/slots?service_id={service.pk}&start={start}&end={end}{asked}")


def book(api, shop, day, clock="10:00", **fields):
    body = {"service_id": shop.massage.pk, "start": f"{day}T{clock}:00"} | NAMED | fields
    return api.post(f"{PLACE}/appointments", body)


def test_services_are_listed_with_people_only_where_one_is_chosen(shop, api):
    answer = api.get(f"{PLACE}/services")
    assert answer.status_code == 200
    massage, visit = answer.json()["services"]
    assert massage["price"] == {"amount": 4800, "currency": "EUR"}
    assert massage["users"] == []
    assert [person["name"] for person in visit["users"]] == ["Colleague", "Olga Owner"]
    assert visit["questions"][0] == {
        "question": "Is this your first visit?", "kind": "choice", "is_required": True, "choices": ["Yes", "No"],
    }  # fmt: skip


def test_slots_are_those_of_the_opening_hours_with_the_zones_offset(shop, api):
    day = next_weekday()
    answer = slots_of(api, shop.massage, day, day + timedelta(days=1))
    assert [slot["start"][11:16] for slot in answer.json()["slots"]] == [
        "09:00", "09:30", "10:00", "10:30", "11:00", "11:30",
        "13:00", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00", "16:30",
    ]  # fmt: skip
    assert answer.json()["time_zone"] == "Europe/Berlin"
    lisbon = slots_of(api, shop.massage, in_utc(day, "09:00"), in_utc(day, "10:00"), time_zone="Europe/Lisbon")
    assert [slot["start"][11:16] for slot in lisbon.json()["slots"]] == ["08:00", "08:30"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("start=2027-01-01&end=2127-01-01", "TOO_LONG"), ("start=2027-01-02&end=2027-01-01", "END_BEFORE_START"),
        ("start=x&end=y", "INVALID_DATE"), ("start=2027-01-01", "MISSING_FIELDS"),
        ("start=2027-01-01&end=2027-01-02&time_zone=Mars/Olympus", "INVALID_FIELD"),
        ("start=2027-01-01&end=2027-01-02&what=1", "UNKNOWN_FIELD"),
    ],
)  # fmt: skip
def test_bad_ranges_are_refused_by_name(shop, api, query, code):
    answer = api.get(f"{PLACE}/slots?service_id={shop.massage.pk}&{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("path", ["nobody/services", "garage/slots?service_id={id}&start=2027-01-01&end=2027-01-02"])
def test_unknown_business_and_foreign_service_are_404(shop, api, path):
    assert api.get(f"/api/public/{path.format(id=shop.massage.pk)}").status_code == 404


def test_whatever_is_offered_can_be_booked_at_once(shop, api):
    day = next_weekday()
    slot = slots_of(api, shop.massage, day, day + timedelta(days=1)).json()["slots"][0]
    answer = api.post(f"{PLACE}/appointments", {"service_id": shop.massage.pk, "start": slot["start"]} | NAMED)
    assert answer.status_code == 201
    booked = answer.json()
    assert (booked["start"], booked["end"], booked["status"]) == (slot["start"], slot["end"], "confirmed")
    assert "/booking/" in booked["manage_url"]
    assert api.client.get(booked["manage_url"].split("localhost:8000")[-1]).status_code == 200
    assert slots_of(api, shop.massage, day, day + timedelta(days=1)).json()["slots"][0] != slot


def test_hold_keeps_the_time_for_whoever_has_it(shop, api):
    day = next_weekday()
    start = f"{day}T10:00:00"
    held = api.post(f"{PLACE}/holds", {"service_id": shop.massage.pk, "start": start})
    assert held.status_code == 201
    assert held.json()["start"].startswith(start)
    refused = book(api, shop, day)
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_OFFERED")
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["held"]
    assert book(api, shop, day, hold=held.json()["hold"]).status_code == 201
    assert not Hold.objects.exists()


def test_taken_time_gives_reasons_and_the_next_three(shop, api):
    day = next_weekday()
    book(api, shop, day)
    answer = book(api, shop, day, email="dora@customer.test")
    assert [slot["start"][11:16] for slot in answer.json()["suggested_slots"]] == ["10:30", "11:00", "11:30"]
    assert answer.json()["reasons"][0]["code"] == "booked"


def test_expired_hold_books_while_free_and_says_so_when_gone(shop, api):
    day = next_weekday()
    assert book(api, shop, day, hold="never given").status_code == 201
    gone = book(api, shop, day, hold="never given")
    assert (gone.status_code, gone.json()["code"]) == (409, "HOLD_EXPIRED")
    assert len(gone.json()["suggested_slots"]) == 3


@pytest.mark.parametrize(("clock", "reason"), [("10:10", "off_grid"), ("12:00", "outside_hours")])
def test_forged_slot_is_refused_with_its_reason(shop, api, clock, reason):
    answer = book(api, shop, next_weekday(), clock)
    assert [one["code"] for one in answer.json()["reasons"]] == [reason]
    assert not Appointment.objects.exists()


def test_strangers_learn_neither_of_customers_nor_of_anybodys_day(shop, api):
    day = next_weekday()
    shop.cast.api().book(f"{day}T10:00:00", f"{day}T11:00:00", contact_name="Secret Person")
    start = instant(day, "14:00")
    TimeOff.objects.create(
        user=shop.cast.owner.user, start_time=moment_of(start), end_time=moment_of(start + 3600),
        reason="Secret operation", created_at=moment_of(start),
    )  # fmt: skip
    for clock in ("10:00", "14:00"):
        answer = book(api, shop, day, clock)
        assert [one["code"] for one in answer.json()["reasons"]] == ["booked"]
        assert "ecret" not in answer.content.decode()
        assert "appointment_id" not in answer.content.decode()


def test_questions_must_be_answered_as_asked(shop, api):
    day = next_weekday()

    def ask(**answers):
        labels = {"first": "Is this your first visit?", "terms": "I have read the terms", "why": "What troubles you?"}
        given = [{"question": labels.get(name, name), "answer": answer} for name, answer in answers.items()]
        return book(api, shop, day, service_id=shop.visit.pk, answers=given)

    assert ask().json()["code"] == "MISSING_FIELDS"
    assert ask(first="Yes", terms="no").json()["code"] == "MISSING_FIELDS"
    for wrong in [{"first": "Perhaps"}, {"other": "x"}, {"why": "a\x07"}, {"terms": "of course"}]:
        answer = ask(**({"first": "Yes", "terms": "yes"} | wrong))
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FIELD")
    twice = [{"question": "I have read the terms", "answer": "yes"}] * 2
    assert book(api, shop, day, service_id=shop.visit.pk, answers=twice).status_code == 400
    answer = ask(first="Yes", terms="yes", why="My back\nand more")
    assert (answer.status_code, answer.json()["status"]) == (201, "scheduled")
    assert IntakeAnswer.objects.count() == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "}, {"name": "a\nb"}, {"name": "x" * 101}, {"email": "nobody"}, {"phone": "1" * 21},
        {"start": "2027-01-15"}, {"start": "soon"}, {"start": "2027-03-28T02:30:00"}, {"service_id": "1"},
        {"hold": "x" * 201}, {"time_zone": "Mars/Olympus"}, {"answers": [{"question": "x"}]}, {"answers": "x"},
        {"notes": "\x00"}, {"title": "x"},
    ],
)  # fmt: skip
def test_bad_fields_are_refused_and_nothing_is_stored(shop, api, fields):
    answer = book(api, shop, next_weekday(), **fields)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not Appointment.objects.exists()


@pytest.mark.parametrize("fields", [{"service_id": 2**70}, {"service_id": -1}, {"user_id": 2**70}])
def test_ids_that_no_row_has_are_404(shop, api, fields):
    assert book(api, shop, next_weekday(), **fields).status_code == 404


def test_too_many_bookings_of_one_source_are_429_with_the_time_to_wait(shop, api, settings):
    settings.CONFIGURATION = dataclasses.replace(
        settings.CONFIGURATION, bookings_per_source_and_hour=1, holds_per_source_and_hour=1
    )
    day = next_weekday()
    assert book(api, shop, day).status_code == 201
    refused = book(api, shop, day, "11:00")
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(refused["Retry-After"]) <= 3600
    hold = {"service_id": shop.massage.pk, "start": f"{day}T11:00:00"}
    assert api.post(f"{PLACE}/holds", hold).status_code == 201
    assert api.post(f"{PLACE}/holds", hold).status_code == 429


def test_browser_needs_neither_token_nor_cookie(shop):
    api = Api(None)
    api.client.handler.enforce_csrf_checks = True
    answer = book(api, shop, next_weekday())
    assert answer.status_code == 201
    assert not answer.cookies


def test_documentation_asks_for_no_token(shop, api):
    document = json.loads(api.get("/api/openapi.json").content)
    operation = document["paths"]["/api/public/{business}/appointments"]["post"]
    assert operation["security"] == []
    assert "409" in operation["responses"]


def test_pages_of_other_sites_may_ask_and_book(shop, api):
    asked = api("OPTIONS", f"{PLACE}/appointments", Origin="https://elsewhere.test")
    assert asked.status_code == 204
    assert asked["Access-Control-Allow-Headers"] == "Content-Type"
    for answer in (
        asked,
        api.get(f"{PLACE}/services"),
        book(api, shop, next_weekday()),
        api.get("/api/public/no/slots"),
    ):
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer
    assert "Access-Control-Allow-Origin" not in shop.cast.api().get("/api/me")
