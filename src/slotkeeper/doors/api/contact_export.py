"""All there is about one customer, over HTTP."""

from typing import Any, TypeVar

import msgspec
from django.db.models import QuerySet
from django.http import HttpResponse

from slotkeeper.appointments.messages import ENTITY
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.changes.models import Change
from slotkeeper.doors.api.appointment_forms import AppointmentOut, write_appointment
from slotkeeper.doors.api.appointments import write_change
from slotkeeper.doors.api.base import NOT_FOUND, At, JsonEndpoint, answer, answers
from slotkeeper.doors.api.contacts import ContactOut, ContactPath, appointments_of, found_contact, write_contact
from slotkeeper.doors.api.invoice_forms import InvoiceOut, write_invoice
from slotkeeper.doors.api.message_forms import MessageOut, write_message
from slotkeeper.doors.api.quote_forms import QuoteOut, write_quote
from slotkeeper.outbox.reading import written_to_customer
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

PaperT = TypeVar("PaperT", Quote, Invoice)


class ContactExport(msgspec.Struct):
    """All there is about one customer; quotes and invoices only for callers who may read money."""

    contact: ContactOut
    appointments: list[AppointmentOut]
    messages: list[MessageOut]
    quotes: list[QuoteOut]
    invoices: list[InvoiceOut]
    changes: list[dict[str, Any]]


class ExportContact(JsonEndpoint):
    """All there is about one customer."""

    permissions = {"GET": Permission.CONTACTS_READ_DETAILS}

    @answers(ContactExport, refusals=NOT_FOUND)
    def get(self, parsed_path: At[ContactPath]) -> HttpResponse:
        """Export a customer with their appointments, papers, the messages to them and the record of their changes."""
        caller = self.caller
        contact = found_contact(caller, parsed_path.contact_id)
        form = TimeForm.with_offset(caller.time_zone)
        appointments = appointments_of(caller, contact.pk, 10_000, None)
        messages = written_to_customer(caller.business_id, ENTITY, [row.id for row in appointments])
        changes = Change.objects.filter(
            business_id=caller.business_id, subject_kind="contact", subject_id=contact.pk
        ).order_by("id")
        return answer(
            {
                "contact": write_contact(contact, caller),
                "appointments": [write_appointment(row, form, caller) for row in appointments],
                "messages": [write_message(message, caller) for message in messages],
                "quotes": [write_quote(one, caller) for one in _papers(Quote, contact.pk, caller)],
                "invoices": [write_invoice(one, caller) for one in _papers(Invoice, contact.pk, caller)],
                "changes": [write_change(change, form, may_see_details=True) for change in changes],
            }
        )


def _papers(kind: type[PaperT], contact_id: int, caller: Caller) -> QuerySet[PaperT]:
    """Give a customer's quotes or invoices; none to callers who may not read money."""
    papers: QuerySet[PaperT] = QuerySet(kind).filter(business_id=caller.business_id, contact_id=contact_id)
    return papers.order_by("pk") if caller.may(Permission.MONEY_READ) else papers.none()
