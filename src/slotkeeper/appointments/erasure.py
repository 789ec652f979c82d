"""Erasing a person: what identifies them goes, the times stay."""

import re
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from slotkeeper.appointments.calendar_sync import rewrite_events
from slotkeeper.appointments.models import Appointment, IntakeAnswer
from slotkeeper.changes.append_only import PERSONAL_FIELDS
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.contacts.actions import UnknownContact
from slotkeeper.contacts.models import Contact
from slotkeeper.outbox.ledger import forget
from slotkeeper.people.kept_answers import forget_answers_naming
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
        changes = Change.objects.filter(business_id=business_id)
        about = changes.filter(subject_kind="appointment")
        named = about.filter(Q(before__contact_id=contact_id) | Q(after__contact_id=contact_id))
        once_theirs = set(named.values_list("subject_id", flat=True))
        # Where nobody took their place, what an appointment says of its customer is still about them.
        theirs = Q(contact_id=contact_id) | Q(contact_id=None, pk__in=once_theirs)
        appointments = Appointment.objects.in_business(business_id).filter(theirs)
        appointment_ids = list(appointments.values_list("pk", flat=True))
        titled_after_them = _take_name_out_of_titles(appointments)
        Appointment.objects.filter(pk__in=appointment_ids).update(**dict.fromkeys(_SNAPSHOT), contact=None)
        rewrite_events(appointment_ids, datetime.now(UTC))
        IntakeAnswer.objects.filter(appointment_id__in=appointment_ids).delete()
        forget("appointment", appointment_ids, datetime.now(UTC))
        forget_answers_naming(contact_id)
        _blank(about.filter(subject_id__in=appointment_ids), set(_SNAPSHOT))
        _blank(about.filter(subject_id__in=titled_after_them), {"title"})
        for appointment_id in once_theirs.difference(appointment_ids):
            _blank_while_theirs(about.filter(subject_id=appointment_id), contact_id)
        _blank(changes.filter(subject_kind="contact", subject_id=contact_id), set(PERSONAL_FIELDS) - set(_SNAPSHOT))
        version = contact.version + 1
        contact.delete()
        record(Subject(business_id, "contact", contact_id, version), "erased", actor, None, None)


def _take_name_out_of_titles(appointments: QuerySet[Appointment]) -> list[int]:
    """Leave of `Haircut: Carla Customer`, as whoever books for themselves is entered, the service; say of which."""
    titled = []
    for appointment in appointments.exclude(contact_name=None).exclude(contact_name=""):
        name = re.compile(rf"(?<!\w){re.escape(appointment.contact_name or '')}(?!\w)")
        if name.search(appointment.title):
            title = name.sub("", appointment.title).strip(" :,-") or "-"
            Appointment.objects.filter(pk=appointment.pk).update(title=title)
            titled.append(appointment.pk)
    return titled


def _blank_while_theirs(changes: QuerySet[Change], contact_id: int) -> None:
    """Blank a customer in the history of an appointment that was given to another one later."""
    holder = None
    for change in changes.order_by("pk"):
        touched = False
        for state in filter(None, (change.before, change.after)):
            holder = state.get("contact_id") or holder
            for name in set(_SNAPSHOT).intersection(state) if holder == contact_id else ():
                state[name], touched = None, True
        if touched:
            change.save(update_fields=["before", "after"])
            blank_deliveries(changes.filter(pk=change.pk), _SNAPSHOT)


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
