"""The pages of rooms and equipment, and what a service's form and an appointment's page say about them."""

from datetime import UTC, datetime

import pytest

from cast import add_member
from desk import browser_of, text_of
from needed import let_need, make_rooms
from offered import offer
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.self_service import CustomerBooking, book_slot
from slotkeeper.changes.models import Change
from slotkeeper.offerings.actions import providers_of
from slotkeeper.offerings.models import Resource, Service
from slotkeeper.offerings.needs import needs_of
from slotkeeper.rules.permissions import Role
from storefront import instant, next_weekday

DAY = "2027-01-15"


def book_massage(cast, service, **fields):
    api = cast.api()
    return api.book(service_id=service.pk, **fields).json()


@pytest.fixture
def rooms(cast):
    return make_rooms(cast.owner.business, "North", "South")


# The list, and one of it


def test_a_room_is_added_renamed_switched_off_and_deleted(cast):
    browser = browser_of(cast.owner)
    assert "Add a room" in text_of(browser.get("/resources"))
    browser.post("/resources", {"name": "Room 1", "kind": " room "})
    room = Resource.objects.get()
    assert (room.name, room.kind, room.is_active) == ("Room 1", "room", True)
    assert 'value="room"' in text_of(browser.get("/resources"))  # the kinds that there are
    path = f"/resources/{room.pk}"
    assert browser.post(f"{path}/edit", {"name": "Laser room", "kind": "room"})["Location"] == path
    room.refresh_from_db()
    assert (room.name, room.is_active) == ("Laser room", False)
    assert "switched off" in text_of(browser.get(path))
    assert browser.post(f"{path}/delete")["Location"] == "/resources"
    assert not Resource.objects.exists()
    assert Change.objects.filter(subject_kind="resource").count() == 3


@pytest.mark.parametrize("fields", [{"name": " "}, {"name": "a\x00b"}, {"name": "x" * 101}, {"kind": "x" * 61}])
def test_a_bad_name_is_refused_at_its_field_and_nothing_is_stored(cast, fields):
    answer = browser_of(cast.owner).post("/resources", {"name": "Room 1", "kind": ""} | fields)
    assert answer.status_code == 200
    assert 'class="errors"' in text_of(answer)
    assert not Resource.objects.exists()


def test_what_is_booked_or_needed_is_not_deleted_and_the_page_says_why(cast, rooms):
    massage = let_need(offer(cast.owner), rooms[0])
    browser = browser_of(cast.owner)
    assert "A service needs it" in text_of(browser.post(f"/resources/{rooms[0].pk}/delete", follow=True))
    book_massage(cast, massage)
    assert "It is booked" in text_of(browser.post(f"/resources/{rooms[0].pk}/delete", follow=True))
    assert Resource.objects.count() == 2


def test_a_day_shows_what_takes_a_room_as_far_as_the_reader_may_see(cast, rooms):
    massage = let_need(offer(cast.owner), rooms[0])
    booked = book_massage(cast, massage, title="Mrs Miller")
    path = f"/resources/{rooms[0].pk}?date={DAY}"
    page = text_of(browser_of(cast.owner).get(path))
    assert "Mrs Miller" in page
    assert f"/appointments/{booked['id']}" in page
    assert "Free all day" in text_of(browser_of(cast.owner).get(f"/resources/{rooms[0].pk}?date=2027-01-16"))
    theirs = text_of(browser_of(cast.colleague).get(path))
    assert "Busy" in theirs
    assert "Mrs Miller" not in theirs
    for wrong in ("yesterday", "0001-01-01", "9999-12-31", "2200-12-31"):
        assert browser_of(cast.owner).get(f"/resources/{rooms[0].pk}?date={wrong}").status_code == 200


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.PROVIDER, Role.BOOKKEEPER, Role.VIEWER])
def test_who_may_not_change_services_looks_and_changes_nothing(cast, rooms, role):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    page = text_of(browser.get("/resources"))
    assert "North" in page
    assert "Add a room" not in page
    browser.post("/resources", {"name": "Mine"})
    assert browser.post(f"/resources/{rooms[0].pk}/edit", {"name": "Mine"}).status_code == 403
    assert browser.post(f"/resources/{rooms[0].pk}/delete").status_code == 403
    assert sorted(Resource.objects.values_list("name", flat=True)) == ["North", "South"]


def test_strangers_rooms_are_unknown(cast, rooms):
    browser = browser_of(cast.outsider)
    for path in (f"/resources/{rooms[0].pk}", f"/resources/{rooms[0].pk}/edit", "/resources/99999999999999999999"):
        assert browser.get(path).status_code == 404
    assert "North" not in text_of(browser.get("/resources"))


# The form of a service


def service_form(browser, service) -> dict:
    """Give what the form of a service would send as it stands."""
    context = browser.get(f"/services/{service.pk}").context
    fields = {}
    for form in (context["form"], context["questions"].management_form, *context["questions"].forms):
        for bound in form:
            value = bound.value()
            if bound.name.startswith("minimum_notice"):
                fields |= {f"{bound.html_name}_0": "0", f"{bound.html_name}_1": "60"}
            elif value is not None and value is not False and value != "":
                fields[bound.html_name] = "on" if value is True else value
    return fields


def quantity_field(browser, service, kind="room") -> str:
    kinds = browser.get(f"/services/{service.pk}").context["form"].kinds
    return next(name for name, one in kinds.items() if one == kind)


def test_a_service_is_given_a_method_places_and_needs_and_shows_them_again(cast, rooms):
    service = offer(cast.owner, cast.colleague, horizon_days=60)
    browser = browser_of(cast.owner)
    fields = service_form(browser, service) | {
        "sharing": "rotation", f"priority_{cast.owner.user_id}": "1", f"weight_{cast.colleague.user_id}": "3",
        "needed_resources": [rooms[0].pk], quantity_field(browser, service): "1",
    }  # fmt: skip
    assert browser.post(f"/services/{service.pk}", fields)["Location"] == "/services"
    stored = Service.objects.get()
    assert (stored.sharing, needs_of(stored)) == (
        "rotation", [{"resource_id": rooms[0].pk}, {"kind": "room", "quantity": 1}]
    )  # fmt: skip
    assert sorted((one["priority"], one["weight"]) for one in providers_of(stored)) == [(1, 1), (5, 3)]
    again = service_form(browser, service)
    assert (again["sharing"], again["needed_resources"]) == ("rotation", [rooms[0].pk])
    assert again[quantity_field(browser, service)] == 1
    assert again[f"weight_{cast.colleague.user_id}"] == 3
    browser.post(f"/services/{service.pk}", again)
    assert Service.objects.get().version == 2  # nothing changed


@pytest.mark.parametrize(
    ("name", "value"),
    [("sharing", "lottery"), ("priority", "0"), ("priority", "10"), ("weight", "11"), ("needed_resources", "99999")],
)
def test_what_cannot_be_is_refused_at_its_field(cast, rooms, name, value):
    service = offer(cast.owner, cast.colleague, horizon_days=60)
    browser = browser_of(cast.owner)
    field = f"{name}_{cast.owner.user_id}" if name in {"priority", "weight"} else name
    answer = browser.post(f"/services/{service.pk}", service_form(browser, service) | {field: value})
    assert list(answer.context["form"].errors) == [field]
    assert Service.objects.get().version == 1


def test_more_rooms_than_there_are_is_refused_in_words(cast, rooms):
    service = offer(cast.owner, horizon_days=60)
    browser = browser_of(cast.owner)
    fields = service_form(browser, service) | {quantity_field(browser, service): "3"}
    answer = browser.post(f"/services/{service.pk}", fields)
    assert "There are not so many rooms" in text_of(answer)
    assert needs_of(Service.objects.get()) == []


# The page of an appointment


def test_an_appointment_shows_its_room_and_is_given_another(cast, rooms):
    massage = let_need(offer(cast.owner), rooms[0])
    booked = book_massage(cast, massage)
    browser, path = browser_of(cast.owner), f"/appointments/{booked['id']}"
    assert ">North</a>" in text_of(browser.get(path))
    page = text_of(browser.get(f"{path}/resources"))
    assert "South" in page
    sent = {"resource_ids": [rooms[1].pk], "version": booked["version"]}
    assert browser.post(f"{path}/resources", sent)["Location"] == path
    page = text_of(browser.get(path))
    assert ">South</a>" in page
    assert "<del>North</del>" in page
    assert "just changed" in text_of(browser.post(f"{path}/resources", sent | {"resource_ids": []}, follow=True))


def test_a_room_that_is_taken_says_so_and_is_refused(cast, rooms):
    massage = let_need(offer(cast.owner, cast.colleague), kind="room")
    first = book_massage(cast, massage)
    book_massage(cast, massage, user_id=cast.colleague.user_id)
    browser, path = browser_of(cast.owner), f"/appointments/{first['id']}/resources"
    assert "South (taken)" in text_of(browser.get(path))
    answer = browser.post(path, {"resource_ids": [rooms[1].pk], "version": 1})
    assert answer.status_code == 409
    assert "Not free at that time: South" in text_of(answer)
    assert browser.post(path, {"resource_ids": ["99999"], "version": 1}).status_code == 409
    assert Appointment.objects.get(pk=first["id"]).version == 1


def test_booking_into_a_taken_room_names_it_in_the_form(cast, rooms):
    massage = let_need(offer(cast.owner, cast.colleague), rooms[0])
    book_massage(cast, massage)
    answer = browser_of(cast.owner).post(
        "/appointments/new",
        {"title": "Second", "start": f"{DAY}T14:00", "service_id": massage.pk, "user_id": cast.colleague.user_id},
    )
    assert answer.status_code == 409
    assert "North" in text_of(answer)


def test_the_history_says_in_words_why_this_person(cast):
    service = offer(cast.owner, cast.colleague)
    start = instant(next_weekday(), "10:00")
    wish = CustomerBooking(service.business_id, service.pk, start, "Nina", "nina@customer.test")
    now = int(datetime.now(UTC).timestamp())
    first, second = (book_slot(wish, now).row for _ in range(2))
    page = text_of(browser_of(cast.owner).get(f"/appointments/{second.id}"))
    assert "Nobody else was free." in page
    third = book_slot(CustomerBooking(service.business_id, service.pk, start + 3600, "Nina", "n@x.test"), now).row
    page = text_of(browser_of(cast.owner).get(f"/appointments/{third.id}"))
    assert "Was given this service longest ago." in page
    assert third.user_id == first.user_id
    cast.api().book(f"{next_weekday(2)}T10:00:00", f"{next_weekday(2)}T11:00:00")
    busy = instant(next_weekday(2), "13:00")
    fourth = book_slot(CustomerBooking(service.business_id, service.pk, busy, "Nina", "n@x.test"), now).row
    page = text_of(browser_of(cast.owner).get(f"/appointments/{fourth.id}"))
    assert "Least booked that day. (Colleague 0 min, Olga Owner 1 h)" in page


def test_why_not_names_the_room(cast, rooms):
    massage = let_need(offer(cast.owner, cast.colleague), rooms[0])
    book_massage(cast, massage)
    query = f"service={massage.pk}&person={cast.colleague.user_id}&at={DAY}T14:00"
    page = text_of(browser_of(cast.owner).get(f"/why-not?{query}"))
    assert "<strong>North</strong>: A room or a piece of equipment that it needs is not free." in page
