"""Invoices and credit notes over HTTP."""

from http import HTTPStatus

from django.http import HttpResponse
from msgspec import UNSET

from slotkeeper.billing import invoices
from slotkeeper.billing.credit_notes import CreditWish, TakenBack, credit_invoice
from slotkeeper.billing.documents import today_of
from slotkeeper.billing.models import Invoice, PaymentMethod
from slotkeeper.billing.payments import Money, NewPayment
from slotkeeper.billing.reading import Narrowing, invoices_of
from slotkeeper.doors.api.appointments import REPEATED, AppointmentPath
from slotkeeper.doors.api.base import (
    NOT_FOUND,
    At,
    Body,
    JsonEndpoint,
    OptionalBody,
    Query,
    answer,
    answer_nothing,
    answers,
)
from slotkeeper.doors.api.document_forms import (
    NOT_ALLOWED_NOW,
    STANDING,
    OnlyVersion,
    found_appointment_id,
    moment_now,
    range_of,
    target_for,
    wanted_fields,
)
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.invoice_forms import (
    DAYS,
    CreditIn,
    InvoiceChanges,
    InvoiceList,
    InvoiceOut,
    InvoicePath,
    InvoiceQuery,
    InvoiceRefusal,
    NewInvoice,
    PaymentIn,
    answer_new_invoice,
    write_invoice,
)
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.problems import bad_field, not_found
from slotkeeper.doors.api.times import read_day
from slotkeeper.doors.api.versions import answer_versioned, refusing_stale
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission


class Invoices(JsonEndpoint):
    """The list of invoices."""

    permissions = {"GET": Permission.MONEY_READ, "POST": Permission.MONEY_WRITE}

    @answers(InvoiceList)
    def get(self, parsed_query: Query[InvoiceQuery]) -> HttpResponse:
        """List invoices and credit notes, newest first."""
        query, caller = parsed_query, self.caller
        business = Business.objects.get(pk=caller.business_id)
        since, until = range_of(query)
        narrowing = Narrowing(
            statuses=[status.value for status in query.status],
            kind=None if query.kind is None else query.kind.value,
            contact_id=None if query.contact_id is None else known_id(query.contact_id),
            appointment_id=None if query.appointment_id is None else known_id(query.appointment_id),
            since=since,
            until=until,
        )
        found = invoices_of(business.pk, narrowing, today_of(business, moment_now())).order_by("-pk")
        after = read_cursor(query.cursor, 1)
        if after:
            found = found.filter(pk__lt=after[0])
        related = found.select_related("business").prefetch_related("credit_notes", "payments")
        page = list(related[: query.limit + 1])
        shown = page[: query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"invoices": [write_invoice(one, caller) for one in shown], "next_cursor": cursor})

    @answers(
        InvoiceOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | NOT_ALLOWED_NOW,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_body: Body[NewInvoice]) -> HttpResponse:
        """Write a draft of an invoice."""
        return once(self.request, self.caller, lambda: self._create(parsed_body))

    def _create(self, body: NewInvoice) -> HttpResponse:
        caller = self.caller
        fields = wanted_fields(body, DAYS, caller)
        return answer_new_invoice(
            invoices.create_invoice(caller.business_id, fields, caller.actor, moment_now()), caller
        )  # fmt: skip


class OneInvoice(JsonEndpoint):
    """One invoice or credit note."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.MONEY_READ,
        "PUT": Permission.MONEY_WRITE,
        "PATCH": Permission.MONEY_WRITE,
        "DELETE": Permission.MONEY_WRITE,
    }

    @answers(InvoiceOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[InvoicePath]) -> HttpResponse:
        """Read one invoice or credit note, with its payments."""
        mine = Invoice.objects.filter(business_id=self.caller.business_id, pk=known_id(parsed_path.invoice_id))
        found = mine.first()
        if found is None:
            raise not_found()
        return _answer_invoice(found, self.caller)

    @answers(InvoiceOut, refusals=NOT_FOUND | STANDING, problem=InvoiceRefusal, headers=("ETag",))
    def put(self, parsed_path: At[InvoicePath], parsed_body: Body[InvoiceChanges]) -> HttpResponse:
        """Change the fields sent of a draft; what was issued stays as it is."""
        return self._change(parsed_path.invoice_id, parsed_body)

    @answers(InvoiceOut, refusals=NOT_FOUND | STANDING, problem=InvoiceRefusal, headers=("ETag",))
    def patch(self, parsed_path: At[InvoicePath], parsed_body: Body[InvoiceChanges]) -> HttpResponse:
        """Change the fields sent of a draft; the same as PUT."""
        return self._change(parsed_path.invoice_id, parsed_body)

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND | STANDING, problem=InvoiceRefusal)
    def delete(self, parsed_path: At[InvoicePath]) -> HttpResponse:
        """Delete a draft."""
        with refusing_stale(self.request, lambda current: write_invoice(current, self.caller)):
            invoices.delete_invoice(target_for(self, parsed_path.invoice_id), self.caller.actor)
        return answer_nothing()

    def _change(self, invoice_id: int, body: InvoiceChanges) -> HttpResponse:
        caller, fields = self.caller, wanted_fields(body, DAYS, self.caller)
        target = target_for(self, invoice_id, body.version)
        with refusing_stale(self.request, lambda current: write_invoice(current, caller)):
            invoice = invoices.update_invoice(target, fields, caller.actor, moment_now())
        return _answer_invoice(invoice, caller)


class IssueInvoice(JsonEndpoint):
    """Issuing an invoice."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(InvoiceOut, refusals=NOT_FOUND | STANDING, problem=InvoiceRefusal, headers=("ETag",))
    def post(self, parsed_path: At[InvoicePath], parsed_body: OptionalBody[OnlyVersion]) -> HttpResponse:
        """Give a draft its number and dates, and fix what it says for good; a second time changes nothing."""
        caller, target = self.caller, target_for(self, parsed_path.invoice_id, parsed_body.version)
        with refusing_stale(self.request, lambda current: write_invoice(current, caller)):
            invoice = invoices.issue_invoice(target, caller.actor, moment_now())
        return _answer_invoice(invoice, caller)


class RecordPayment(JsonEndpoint):
    """Entering a payment by hand."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(
        InvoiceOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | STANDING,
        problem=InvoiceRefusal,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_path: At[InvoicePath], parsed_body: Body[PaymentIn]) -> HttpResponse:
        """Enter what came in cash, by transfer or card; more than is owed is the customer's credit."""
        return once(self.request, self.caller, lambda: self._enter(parsed_path.invoice_id, parsed_body))

    def _enter(self, invoice_id: int, body: PaymentIn) -> HttpResponse:
        caller, target = self.caller, target_for(self, invoice_id, body.version)
        if body.amount.amount == 0:
            raise bad_field("amount", "INVALID_FIELD", "It must not be 0.")
        day = None if body.received_on is None else read_day("received_on", body.received_on)
        payment = NewPayment(
            Money(body.amount.amount, body.amount.currency),
            PaymentMethod(body.method.value),
            day or today_of(Business.objects.get(pk=caller.business_id), moment_now()),
            external_id=body.external_id,
            reference=body.reference,
        )
        with refusing_stale(self.request, lambda current: write_invoice(current, caller)):
            invoice = invoices.record_payment(target, payment, caller.actor, moment_now())
        return answer_new_invoice(invoice, caller)


class CreditInvoice(JsonEndpoint):
    """Taking back what was invoiced."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(
        InvoiceOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | STANDING,
        problem=InvoiceRefusal,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_path: At[InvoicePath], parsed_body: OptionalBody[CreditIn]) -> HttpResponse:
        """Issue a credit note about an invoice or lines of it, and answer the credit note."""
        return once(self.request, self.caller, lambda: self._credit(parsed_path.invoice_id, parsed_body))

    def _credit(self, invoice_id: int, body: CreditIn) -> HttpResponse:
        caller, target = self.caller, target_for(self, invoice_id, body.version)
        lines = [TakenBack(one.position, None if one.quantity is UNSET else one.quantity) for one in body.lines]
        wish = CreditWish(lines, (body.note or "").strip())
        with refusing_stale(self.request, lambda current: write_invoice(current, caller)):
            credit = credit_invoice(target, wish, caller.actor, moment_now())
        return answer_new_invoice(credit, caller)


class InvoiceAppointment(JsonEndpoint):
    """Invoicing an appointment."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(
        InvoiceOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | NOT_ALLOWED_NOW,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_path: At[AppointmentPath]) -> HttpResponse:
        """Write a draft of an invoice for an appointment: its service, at the service's price."""
        return once(self.request, self.caller, lambda: self._create(parsed_path.appointment_id))

    def _create(self, appointment_id: int) -> HttpResponse:
        caller, known = self.caller, found_appointment_id(self.caller, appointment_id)
        return answer_new_invoice(
            invoices.invoice_appointment(caller.business_id, known, caller.actor, moment_now()), caller
        )  # fmt: skip


def _answer_invoice(invoice: Invoice, caller: Caller) -> HttpResponse:
    return answer_versioned(write_invoice(invoice, caller), invoice.version)
