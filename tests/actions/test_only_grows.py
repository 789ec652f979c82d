"""The record of changes only grows, whoever writes SQL."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from actions.by_hand import on_postgresql, on_sqlite
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor, Subject, record

CUSTOMER = Actor("customer", 7, "Jörg Größe", "booking page 203.0.113.7")


def is_refused(act) -> bool:
    try:
        with transaction.atomic():
            act()
    except IntegrityError as error:
        return "only grows" in str(error)
    return False


def update(change, **fields):
    return lambda: Change.objects.filter(pk=change.pk).update(**fields)


@pytest.fixture
def change(db) -> Change:
    """A customer's own change of an appointment."""
    before = {"contact_name": "Jörg", "title": "Färben", "tags": ["ä", {"b": 1}]}
    after = {"contact_name": "Jörg Größe", "contact_email": None, "title": "Schnitt", "tags": ["ö"]}
    record(Subject(1, "appointment", 5), "updated", CUSTOMER, before, after)
    return Change.objects.get(subject_id=5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 99), ("business_id", 2), ("subject_kind", "contact"), ("subject_id", 6), ("subject_version", 2),
        ("verb", "booked"), ("actor_kind", "member"), ("actor_id", None), ("actor_name", "Somebody else"),
        ("source", "api 198.51.100.1"), ("at", datetime(2020, 1, 1, tzinfo=UTC)),
        ("before", None), ("before", {}), ("after", None), ("after", {"title": "Schnitt"}),
        ("after", {"contact_name": "Somebody else", "contact_email": None, "title": "Schnitt", "tags": ["ö"]}),
        ("after", {"contact_name": None, "contact_email": None, "title": "Schnitt", "tags": None}),
        ("after", {"contact_name": None, "contact_email": None, "title": "Schnitt", "tags": ["o"]}),
        ("after", {"contact_name": None, "contact_email": None, "title": "Schnitt", "tags": ["ö"], "notes": None}),
    ],
)  # fmt: skip
def test_what_happened_cannot_be_rewritten(change, name, value):
    assert is_refused(update(change, **{name: value}))
    assert is_refused(update(change, handled_at=datetime.now(UTC), **{name: value}))


def test_when_it_was_handled_can_be_written(change):
    assert not is_refused(update(change, handled_at=datetime.now(UTC)))
    assert not is_refused(update(change, handled_at=None))


def test_what_identifies_a_customer_can_be_blanked_and_nothing_put_in_its_place(change):
    blank = {"contact_name": None, "contact_email": None, "title": "Schnitt", "tags": ["ö"]}
    assert not is_refused(update(change, after=blank, actor_name="", source=""))
    assert is_refused(update(change, after=blank | {"contact_name": "Back"}))
    assert is_refused(update(change, actor_name="Back"))


def test_only_changes_of_appointments_and_customers_can_be_blanked(db):
    record(Subject(1, "service", 5), "created", COMMAND, None, {"name": "Cut"})
    made = Change.objects.get(subject_kind="service")
    assert is_refused(update(made, after={"name": None}))
    assert is_refused(update(made, source=""))


def test_nothing_can_be_deleted(change):
    assert is_refused(change.delete)
    assert is_refused(Change.objects.all().delete)


@on_sqlite
def test_nothing_can_be_replaced(change):
    columns = "id, business_id, subject_kind, subject_id, subject_version, verb, actor_kind, actor_name"

    def replace():
        with connection.cursor() as cursor:
            cursor.execute(f"REPLACE INTO changes ({columns}) VALUES ({change.pk}, 1, 'x', 1, 1, 'x', 'x', 'x')")

    assert is_refused(replace)


@on_postgresql
def test_the_record_cannot_be_truncated(change):
    def truncate():
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE changes CASCADE")

    assert is_refused(truncate)


def test_erasing_a_customer_blanks_their_name_and_where_they_came_from(cast):
    contact, business_id = cast.customer, cast.owner.business_id
    customer = Actor("customer", contact.pk, contact.name, "customer link 203.0.113.7")
    record(Subject(business_id, "contact", contact.pk), "updated", customer, {"name": "Karla"}, {"name": "Carla"})
    erase_contact(business_id, contact.pk, COMMAND)
    change = Change.objects.get(subject_kind="contact", verb="updated")
    assert (change.actor_name, change.source) == ("", "")
    assert (change.before, change.after) == ({"name": None}, {"name": None})
    assert Change.objects.get(verb="erased").source == "command"
