"""Quotes over HTTP."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from django.http import HttpResponse
from msgspec import UnsetType

from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.reach import reach_of
from slotkeeper.billing import quotes
from slotkeeper.billing.documents import DocumentTarget, today_of
from slotkeeper.billing.invoices import invoice_quote
from slotkeeper.billing.models import Quote
from slotkeeper.billing.reading import Narrowing, quotes_of
from slotkeeper.changes.record import Actor
from slotkeeper.doors.api.appointment_forms import AppointmentOut, refusals
from slotkeeper.doors.api.appointments import REPEATED, person_of, with_warnings
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
    STANDING,
    OnlyVersion,
    moment_now,
    range_of,
    target_for,
    wanted_fields,
)
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.invoice_forms import InvoiceOut, answer_new_invoice
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.problems import not_found, not_permitted
from slotkeeper.doors.api.quote_forms import (
    NewQuote,
    QuoteBooking,
    QuoteBookingRefusal,
    QuoteChanges,
    QuoteList,
    QuoteOut,
    QuotePath,
    QuoteQuery,
    QuoteRefusal,
    write_quote,
)
from slotkeeper.doors.api.times import TimeReader, zone_of
from slotkeeper.doors.api.versions import answer_created, answer_versioned, refusing_stale
from slotkeeper.doors.asking_live import ask_before_booking
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Business
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

Verb = Callable[[DocumentTarget, Actor, datetime], Quote]
_DAYS = {"valid_until": "valid_until"}


class Quotes(JsonEndpoint):
    """The list of quotes."""

    permissions = {"GET": Permission.MONEY_READ, "POST": Permission.MONEY_WRITE}

    @answers(QuoteList)
    def get(self, parsed_query: Query[QuoteQuery]) -> HttpResponse:
        """List quotes, newest first."""
        query, caller = parsed_query, self.caller
        business = Business.objects.get(pk=caller.business_id)
        since, until = range_of(query)
        narrowing = Narrowing(
            statuses=[status.value for status in query.status],
            contact_id=None if query.contact_id is None else known_id(query.contact_id),
            appointment_id=None if query.appointment_id is None else known_id(query.appointment_id),
            since=since,
            until=until,
        )
        found = quotes_of(business, narrowing, today_of(business, moment_now())).order_by("-pk")
        after = read_cursor(query.cursor, 1)
        if after:
            found = found.filter(pk__lt=after[0])
        page = list(found.select_related("business").prefetch_related("invoices")[: query.limit + 1])
        shown = page[: query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"quotes": [write_quote(one, caller) for one in shown], "next_cursor": cursor})

    @answers(
        QuoteOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
        headers=("Location", "ETag"),
    )
    def post(self, parsed_body: Body[NewQuote]) -> HttpResponse:
        """Write a draft of a quote."""
        return once(self.request, self.caller, lambda: self._create(parsed_body))

    def _create(self, body: NewQuote) -> HttpResponse:
        caller = self.caller
        fields = wanted_fields(body, _DAYS, caller)
        quote = quotes.create_quote(caller.business_id, fields, caller.actor, moment_now())
        return answer_created(write_quote(quote, caller), f"/api/quotes/{quote.pk}", quote.version)


class OneQuote(JsonEndpoint):
    """One quote."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.MONEY_READ,
        "PUT": Permission.MONEY_WRITE,
        "PATCH": Permission.MONEY_WRITE,
        "DELETE": Permission.MONEY_WRITE,
    }

    @answers(QuoteOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[QuotePath]) -> HttpResponse:
        """Read one quote."""
        found = Quote.objects.filter(business_id=self.caller.business_id, pk=known_id(parsed_path.quote_id)).first()
        if found is None:
            raise not_found()
        return _answer_quote(found, self.caller)

    @answers(QuoteOut, refusals=NOT_FOUND | STANDING, problem=QuoteRefusal, headers=("ETag",))
    def put(self, parsed_path: At[QuotePath], parsed_body: Body[QuoteChanges]) -> HttpResponse:
        """Change the fields sent of a draft; what was sent to its customer stays as it is."""
        return self._change(parsed_path.quote_id, parsed_body)

    @answers(QuoteOut, refusals=NOT_FOUND | STANDING, problem=QuoteRefusal, headers=("ETag",))
    def patch(self, parsed_path: At[QuotePath], parsed_body: Body[QuoteChanges]) -> HttpResponse:
        """Change the fields sent of a draft; the same as PUT."""
        return self._change(parsed_path.quote_id, parsed_body)

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND | STANDING, problem=QuoteRefusal)
    def delete(self, parsed_path: At[QuotePath]) -> HttpResponse:
        """Delete a draft."""
        with refusing_stale(self.request, lambda current: write_quote(current, self.caller)):
            quotes.delete_quote(target_for(self, parsed_path.quote_id), self.caller.actor)
        return answer_nothing()

    def _change(self, quote_id: int, body: QuoteChanges) -> HttpResponse:
        caller, fields = self.caller, wanted_fields(body, _DAYS, self.caller)
        target = target_for(self, quote_id, body.version)
        with refusing_stale(self.request, lambda current: write_quote(current, caller)):
            quote = quotes.update_quote(target, fields, caller.actor, moment_now())
        return _answer_quote(quote, caller)


class SendQuote(JsonEndpoint):
    """Sending a quote."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(QuoteOut, refusals=NOT_FOUND | STANDING, problem=QuoteRefusal, headers=("ETag",))
    def post(self, parsed_path: At[QuotePath], parsed_body: OptionalBody[OnlyVersion]) -> HttpResponse:
        """Give a draft its number and send it to its customer; a second time changes nothing."""
        return _act(self, quotes.send_quote, parsed_path.quote_id, parsed_body.version)


class AcceptQuote(JsonEndpoint):
    """Accepting a quote in its customer's name."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(QuoteOut, refusals=NOT_FOUND | STANDING, problem=QuoteRefusal, headers=("ETag",))
    def post(self, parsed_path: At[QuotePath], parsed_body: OptionalBody[OnlyVersion]) -> HttpResponse:
        """Note that the customer accepts; a second time changes nothing."""
        return _act(self, quotes.accept_quote, parsed_path.quote_id, parsed_body.version)


class DeclineQuote(JsonEndpoint):
    """Declining a quote in its customer's name."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(QuoteOut, refusals=NOT_FOUND | STANDING, problem=QuoteRefusal, headers=("ETag",))
    def post(self, parsed_path: At[QuotePath], parsed_body: OptionalBody[OnlyVersion]) -> HttpResponse:
        """Note that the customer declines; a second time changes nothing."""
        return _act(self, quotes.decline_quote, parsed_path.quote_id, parsed_body.version)


class InvoiceQuote(JsonEndpoint):
    """Invoicing what was accepted."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(
        InvoiceOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | STANDING,
        problem=QuoteRefusal,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_path: At[QuotePath], parsed_body: OptionalBody[OnlyVersion]) -> HttpResponse:
        """Write a draft of an invoice with the lines of an accepted quote."""
        return once(self.request, self.caller, lambda: self._create(parsed_path.quote_id, parsed_body.version))

    def _create(self, quote_id: int, version: int | UnsetType) -> HttpResponse:
        caller = self.caller
        with refusing_stale(self.request, lambda current: write_quote(current, caller)):
            invoice = invoice_quote(target_for(self, quote_id, version), caller.actor, moment_now())
        return answer_new_invoice(invoice, caller)


class BookQuote(JsonEndpoint):
    """Booking what was accepted."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(
        AppointmentOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | STANDING,
        problem=QuoteBookingRefusal,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_path: At[QuotePath], parsed_body: Body[QuoteBooking]) -> HttpResponse:
        """Book an appointment for an accepted quote, with its customer; it takes the right to book as well."""
        ask_before_booking(self.caller, person_of(parsed_body.user_id, self.caller))
        return once(self.request, self.caller, lambda: self._book(parsed_path.quote_id, parsed_body))

    def _book(self, quote_id: int, body: QuoteBooking) -> HttpResponse:
        caller, zone = self.caller, zone_of(self.caller, body.time_zone)
        booking = _booking_of(body, caller, zone)
        target, form = target_for(self, quote_id, body.version), TimeForm.with_offset(zone)
        with (
            refusals(form, caller),
            refusing_stale(self.request, lambda one: write_quote(one, caller)),
        ):
            row = quotes.book_quote(target, booking, caller.actor, moment_now())
        return answer_created(with_warnings(row, form, caller), f"/api/appointments/{row.id}", row.version)


def _booking_of(body: QuoteBooking, caller: Caller, zone: str) -> Booking:
    """Read what is to be booked. Raises ApiProblem, and OutOfReach for somebody whom the caller may not book."""
    if not caller.may(Permission.APPOINTMENTS_WRITE):
        raise not_permitted("Your role may not book.")
    user_id = person_of(body.user_id, caller)
    service_id = None if body.service_id is None else known_id(body.service_id)
    reach_of(caller, Permission.APPOINTMENTS_WRITE_ALL).require(user_id, service_id)
    times = TimeReader(zone)
    start, end = times.instant("start_time", body.start_time), times.instant("end_time", body.end_time)
    times.check()
    return Booking(caller.business_id, user_id, body.title, start, end, service_id=service_id)


def _act(endpoint: JsonEndpoint, verb: Verb, quote_id: int, version: int | UnsetType) -> HttpResponse:
    caller = endpoint.caller
    with refusing_stale(endpoint.request, lambda current: write_quote(current, caller)):
        quote = verb(target_for(endpoint, quote_id, version), caller.actor, moment_now())
    return _answer_quote(quote, caller)


def _answer_quote(quote: Quote, caller: Caller) -> HttpResponse:
    return answer_versioned(write_quote(quote, caller), quote.version)
