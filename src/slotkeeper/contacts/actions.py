"""The verbs that change customers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.contacts.models import Contact

FIELDS = ("name", "email", "phone", "notes", "time_zone", "locale")


class UnknownContact(Exception):
    """There is no such customer."""


class ContactVersionConflict(StaleVersion):
    """The customer was changed in the meantime."""


def create_contact(
    business_id: int, fields: Mapping[str, Any], actor: Actor, now: int, created_by_id: int | None = None
) -> Contact:
    """Store a customer of a business, entered by one of its people or, with None, by themselves."""
    moment = datetime.fromtimestamp(now, UTC)
    with transaction.atomic():
        contact = Contact.objects.create(
            business_id=business_id, created_by_id=created_by_id, created_at=moment, updated_at=moment, **fields
        )
        given = {name: value for name, value in fields.items() if value is not None}
        record(Subject(business_id, "contact", contact.pk), "created", actor, None, given)
    return contact


def update_contact(
    contact_id: int,
    business_id: int,
    fields: Mapping[str, Any],
    actor: Actor,
    versions: frozenset[int] | None,
) -> Contact:
    """Change the fields given. Raises UnknownContact and ContactVersionConflict."""
    with transaction.atomic():
        contact = Contact.objects.in_business(business_id).select_for_update().filter(pk=contact_id).first()
        if contact is None:
            raise UnknownContact
        if versions is not None and contact.version not in versions:
            raise ContactVersionConflict(contact)
        before, after = changed_fields({name: getattr(contact, name) for name in FIELDS}, fields)
        if after:
            for name, value in after.items():
                setattr(contact, name, value)
            contact.version += 1
            contact.updated_at = datetime.now(UTC)
            contact.save(force_update=True)
            record(Subject(business_id, "contact", contact.pk, contact.version), "updated", actor, before, after)
    return contact
