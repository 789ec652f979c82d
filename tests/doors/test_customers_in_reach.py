"""Which customers a member may name, change and erase: those they see, and those they may write; on both doors."""

import re

import pytest

from cast import add_member
from slotkeeper.contacts.models import Contact
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Permission, Role

SERIES = {"every_weeks": 1, "times": 2}
TIMES = {"title": "Meeting", "start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}


@pytest.fixture
def stranger(cast):
    """A customer with no appointment yet; entered by the owner."""
    answer = cast.api().post("/api/contacts", {"name": "Sam Stranger", "email": "sam@customer.test", "notes": "Secret"})
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def limited_scheduler(cast, **limits):
    cast.scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    Membership.objects.filter(pk=cast.scheduler.pk).update(**limits)
    return cast.api("scheduler")


def test_a_provider_cannot_book_for_a_customer_whom_they_do_not_see(cast, stranger):
    api = cast.api("colleague")
    for path, body in (("", TIMES), ("/series", TIMES | SERIES)):
        refused = api.post(f"/api/appointments{path}", body | {"contact_id": stranger})
        unknown = api.post(f"/api/appointments{path}", body | {"contact_id": 987654})
        assert refused.status_code == unknown.status_code == 404
        assert re.sub(rf"\b{stranger}\b", "987654", refused.content.decode()) == unknown.content.decode()
    assert api.get("/api/appointments").json()["appointments"] == []
    assert api.get(f"/api/contacts/{stranger}").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_provider_cannot_give_an_appointment_to_such_a_customer(cast, stranger, method):
    api = cast.api("colleague")
    mine = api.book().json()
    assert api(method, f"/api/appointments/{mine['id']}", {"contact_id": stranger}).status_code == 404
    assert api.get(f"/api/appointments/{mine['id']}").json() == mine
    assert api.get(f"/api/contacts/{stranger}").status_code == 404


def test_sending_back_the_customer_that_an_appointment_has_is_allowed(cast):
    mine = cast.api().book(user_id=cast.colleague.user_id, contact_id=cast.customer.pk).json()
    body = {"contact_id": cast.customer.pk, "title": "Other"}
    answer = cast.api("colleague").put(f"/api/appointments/{mine['id']}", body)
    assert (answer.status_code, answer.json()["title"]) == (200, "Other")


def test_who_enters_a_customer_sees_and_books_for_them(cast):
    api = cast.api("colleague")
    made = api.post("/api/contacts", {"name": "Nina New"}).json()
    assert api.get(f"/api/contacts/{made['id']}").json() == made
    assert [one["id"] for one in api.get("/api/contacts").json()["contacts"]] == [made["id"]]
    assert api.book(contact_id=made["id"]).json()["contact_name"] == "Nina New"


def test_who_enters_a_customer_in_the_dashboard_is_led_to_them(cast, client):
    client.force_login(cast.colleague.user)
    led = client.post("/customers/new", {"name": "Nina New"}, HTTP_HOST="localhost", follow=True)
    assert led.status_code == 200
    assert "Nina New" in led.content.decode()
    assert Contact.objects.get(name="Nina New").created_by_id == cast.colleague.user_id


def test_a_limited_scheduler_neither_books_for_nor_erases_who_is_out_of_reach(cast, stranger, client):
    api = limited_scheduler(cast, limited_to_user_ids=[cast.colleague.user_id])
    assert api.post("/api/appointments", TIMES | {"contact_id": stranger}).status_code == 404
    assert cast.api().book(user_id=cast.colleague.user_id, contact_id=cast.customer.pk).status_code == 201
    client.force_login(cast.scheduler.user)
    for contact_id in (stranger, cast.customer.pk):  # also who is within reach: to erase goes beyond it
        assert api("DELETE", f"/api/contacts/{contact_id}").status_code == 403
        assert client.post(f"/customers/{contact_id}/erase", HTTP_HOST="localhost").status_code == 403
    assert "/erase" not in client.get(f"/customers/{cast.customer.pk}", HTTP_HOST="localhost").content.decode()
    assert Contact.objects.count() == 2


def test_who_may_only_read_everybodys_customers_changes_those_of_their_own(cast, stranger, client):
    Membership.objects.filter(pk=cast.colleague.pk).update(grants=[Permission.CONTACTS_READ_ALL.value])
    api = cast.api("colleague")
    assert api.get(f"/api/contacts/{stranger}").status_code == 200
    assert api.put(f"/api/contacts/{stranger}", {"name": "x"}).status_code == 404
    assert api("PATCH", f"/api/contacts/{stranger}", {"name": "x"}).status_code == 404
    client.force_login(cast.colleague.user)
    page = client.get(f"/customers/{stranger}", HTTP_HOST="localhost")
    assert f"/customers/{stranger}/edit" not in page.content.decode()
    changed = {"name": "x", "version": 1}
    assert client.post(f"/customers/{stranger}/edit", changed, HTTP_HOST="localhost").status_code == 404
    assert Contact.objects.get(pk=stranger).name == "Sam Stranger"
    assert api.book(contact_id=stranger).status_code == 201  # from here on they are a customer of theirs
    assert api.put(f"/api/contacts/{stranger}", {"notes": "x"}).status_code == 200
