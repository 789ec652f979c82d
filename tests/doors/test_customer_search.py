"""Finding customers while somebody types, and which of them an appointment may name."""

from datetime import UTC, datetime

from cast import add_member
from desk import book, browser_of, text_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.contacts.models import Contact
from slotkeeper.rules.permissions import Role

NEW = {"title": "Visit", "start": "2027-01-13T14:00", "minutes": "60"}


def store(membership, name: str, **fields) -> Contact:
    now = datetime.now(UTC)
    return Contact.objects.create(business=membership.business, name=name, created_at=now, updated_at=now, **fields)


def found(membership, text: str) -> list[dict]:
    return browser_of(membership).get("/customers/search", {"q": text}).json()["customers"]


def names(membership, text: str) -> list[str]:
    return [one["name"] for one in found(membership, text)]


def test_names_that_begin_with_the_text_come_first(cast):
    store(cast.owner, "Anna Carlsson")
    store(cast.owner, "Dora", email="dora@customer.test")
    assert names(cast.owner, "carl") == ["Carla Customer", "Anna Carlsson"]
    assert names(cast.owner, "dora@") == ["Dora"]
    assert names(cast.owner, "nobody") == names(cast.owner, " ") == names(cast.owner, "") == []
    assert names(cast.owner, "\x00carla\n") == ["Carla Customer"]


def test_few_are_suggested_and_their_number_is_told(cast):
    for number in range(12):
        store(cast.owner, f"Many {number}")
    answer = browser_of(cast.owner).get("/customers/search", {"q": "many"}).json()
    assert len(answer["customers"]) == 8
    assert answer["words"] == "8 customers found."


def test_other_businesses_find_nothing(cast):
    assert names(cast.outsider, "carla") == []


def test_provider_finds_the_customers_of_their_own_appointments(cast):
    assert names(cast.colleague, "carla") == []
    book(cast.colleague, "Visit", contact=cast.customer)
    assert names(cast.colleague, "carla") == ["Carla Customer"]


def test_viewer_finds_by_name_and_sees_no_addresses(cast):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    assert found(viewer, "carla") == [{"id": cast.customer.pk, "name": "Carla Customer"}]
    assert found(viewer, "carla@") == []


def test_nobody_finds_anybody_without_signing_in(client, cast):
    answer = client.get("/customers/search?q=carla", headers={"Host": "localhost"})
    assert answer.status_code == 302


def test_provider_names_no_customer_that_they_do_not_see(cast):
    browser = browser_of(cast.colleague)
    answer = browser.post("/appointments/new", NEW | {"contact_id": cast.customer.pk})
    assert "There is no such customer." in text_of(answer)
    assert "Carla" not in text_of(answer)
    assert not Appointment.objects.exists()


def test_appointment_keeps_the_customer_it_has(cast):
    booked = book(cast.colleague, "Visit", contact=cast.customer)
    fields = NEW | {"title": "Renamed", "contact_id": cast.customer.pk, "version": 1}
    browser_of(cast.colleague).post(f"/appointments/{booked.pk}/edit", fields)
    booked.refresh_from_db()
    assert (booked.title, booked.contact_id) == ("Renamed", cast.customer.pk)
