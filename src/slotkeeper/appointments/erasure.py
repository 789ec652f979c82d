"""Erasing a person: what identifies them goes, the times stay."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.append_only import PERSONAL_FIELDS
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.contacts.actions import UnknownContact
from slotkeeper.contacts.models import Contact
from slotkeeper.outbox.ledger import forget
from slotkeeper.webhooks.deliveries import blank_deliveries

_SNAPSHOT = ("contact_name", "contact_email", "contact_phone")


def erase_contact(business_id: int, contact_id: int, actor: Actor) -> None:
    """Delete a customer, and blank their name and addresses in appointments and in the record of changes.

    What they did themselves stays in the record, without their name and where they came from.

    Raises UnknownContact.
    """
    with transaction.atomic():
        contact = Contact.objects.in_business(business_id).select_for_update().filter(pk=contact_id).first()
        if contact is None:
            raise UnknownContact
        appointments = Appointment.objects.in_business(business_id).filter(contact_id=contact_id)
        appointment_ids = list(appointments.values_list("pk", flat=True))
        appointments.update(**dict.fromkeys(_SNAPSHOT), contact=None)
        forget("appointment", appointment_ids, datetime.now(UTC))
        changes = Change.objects.filter(business_id=business_id)
        _blank(changes.filter(subject_kind="appointment", subject_id__in=appointment_ids), set(_SNAPSHOT))
        _blank(changes.filter(subject_kind="contact", subject_id=contact_id), set(PERSONAL_FIELDS) - set(_SNAPSHOT))
        version = contact.version + 1
        contact.delete()
        record(Subject(business_id, "contact", contact_id, version), "erased", actor, None, None)


def _blank(changes: Any, names: set[str]) -> None:
    """Blank personal fields in old records, and in what webhooks tell of them: the law outranks append-only."""
    for change in changes.iterator():
        for state in (change.before, change.after):
            for name in names & set(state or ()):
                state[name] = None
        if change.actor_kind == "customer":
            change.actor_name = change.source = ""
        change.save(update_fields=["actor_name", "source", "before", "after"])
    blank_deliveries(changes, names)
