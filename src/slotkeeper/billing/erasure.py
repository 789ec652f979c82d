"""Erasing a customer, with what was only being written for them. What was issued stays, by law."""

from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.billing.documents import forget_draft
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.changes.record import Actor
from slotkeeper.contacts.actions import UnknownContact
from slotkeeper.contacts.models import Contact
from slotkeeper.outbox.ledger import forget


def erase_customer(business_id: int, contact_id: int, actor: Actor) -> None:
    """Delete a customer with the drafts and the links that are theirs, and blank what identifies them elsewhere.

    Issued invoices, credit notes and sent quotes keep what they say, as the law on bookkeeping asks, and no longer
    lead to a customer. Raises UnknownContact.
    """
    with transaction.atomic():
        # First, so that nobody writes a new draft for them meanwhile.
        contacts = Contact.objects.in_business(business_id).select_for_update()
        if not contacts.filter(pk=contact_id).exists():
            raise UnknownContact
        for model in (Invoice, Quote):
            mine = model.objects.filter(contact_id=contact_id).values_list("pk", flat=True)
            forget(model.__name__.lower(), list(mine), datetime.now(UTC))
            for draft in model.objects.select_for_update().filter(contact_id=contact_id, status="draft"):
                forget_draft(draft, actor)
        forget("contact", [contact_id], datetime.now(UTC))
        erase_contact(business_id, contact_id, actor)
