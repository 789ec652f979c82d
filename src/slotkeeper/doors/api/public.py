"""Booking without a token: what a business offers, its free times, a short hold, a booking."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

from slotkeeper.appointments.self_service import (
    CustomerBooking,
    HoldExpired,
    NotOffered,
    ask_calendars,
    book_slot,
    hold_slot,
)
from slotkeeper.appointments.slots import MAX_RANGE_DAYS, SlotQuery, read_slots
from slotkeeper.billing.prepayments import is_prepaid
from slotkeeper.doors.access import PUBLIC
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.problems import ApiProblem, FieldError, bad_fields, not_found
from slotkeeper.doors.api.public_forms import (
    AnswerIn,
    AssignmentName,
    BusinessPath,
    GiverOut,
    HoldOut,
    NewBooking,
    NewHold,
    PrepaymentName,
    PriceOut,
    PublicBooking,
    PublicRefusal,
    PublicService,
    PublicServices,
    PublicSlot,
    PublicSlots,
    PublicSlotsQuery,
    QuestionOut,
)
from slotkeeper.doors.api.times import TimeReader, chosen_zone, read_range
from slotkeeper.doors.disclosure import told_reasons
from slotkeeper.doors.ids import known_id
from slotkeeper.doors.rate_limit import booking_limits, holding_limits, too_many_requests, wait_seconds
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.doors.source import PUBLIC_API, named_source
from slotkeeper.offerings.models import Assignment, PrepaymentKind, Service
from slotkeeper.offerings.on_offer import find_business, read_givers, read_services
from slotkeeper.offerings.questions import questions_of
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.slots import Slot

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


class PublicEndpoint(JsonEndpoint):
    """A path for anybody: no token, no session, so nothing that a foreign page could misuse."""

    is_abstract = True
    csrf_exempt = True
    security = []

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer pages of other sites, too: browsers ask first (OPTIONS), and send no credentials."""
        if request.method == "OPTIONS":
            asked: HttpResponseBase = HttpResponse(status=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)
        else:
            asked = super().dispatch(request, *args, **kwargs)
        asked["Access-Control-Allow-Origin"] = "*"
        asked["Access-Control-Expose-Headers"] = "Retry-After"
        return asked

    def business_at(self, place: BusinessPath) -> Business:
        """Find the business of the path. Raises ApiProblem."""
        business = find_business(place.business)
        if business is None:
            raise not_found()
        return business


class Services(PublicEndpoint):
    """What can be booked."""

    permissions = {"GET": PUBLIC}

    @answers(PublicServices, refusals=NOT_FOUND)
    def get(self, parsed_path: At[BusinessPath]) -> HttpResponse:
        """List a business's services."""
        business = self.business_at(parsed_path)
        services = [_write_service(service) for service in read_services(business.pk)]
        return answer(PublicServices(business.name, business.time_zone, services))


class PublicSlotsEndpoint(PublicEndpoint):
    """When it can be booked."""

    permissions = {"GET": PUBLIC}

    @answers(PublicSlots, refusals=NOT_FOUND)
    def get(self, parsed_path: At[BusinessPath], parsed_query: Query[PublicSlotsQuery]) -> HttpResponse:
        """List the times at which a service can be booked, in at most 92 days."""
        business, query = self.business_at(parsed_path), parsed_query
        zone = chosen_zone(business.time_zone, query.time_zone)
        _, within = read_range(zone, query.start, query.end, MAX_RANGE_DAYS)
        slots = read_slots(_slot_query(business, query, within))
        return answer(PublicSlots(zone, _write_slots(slots, zone)))


class Holds(PublicEndpoint):
    """Keeping a time free."""

    permissions = {"POST": PUBLIC}

    @answers(
        HoldOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | {HTTPStatus.CONFLICT: "The time is not offered."},
        problem=PublicRefusal,
    )
    def post(self, parsed_path: At[BusinessPath], parsed_body: Body[NewHold]) -> HttpResponse:
        """Keep a time free for five minutes, while the customer fills in a form."""
        business, body = self.business_at(parsed_path), parsed_body
        zone = chosen_zone(business.time_zone, body.time_zone)
        start = _start(zone, body.start)
        _refuse_too_often(wait_seconds(holding_limits(self.request)))
        with _refusals(zone):
            query = _slot_query(business, body, Interval(start, start + 1))
            ask_calendars(query)
            held = hold_slot(query, body.hold)
        form = TimeForm.with_offset(zone)
        begins, ends, expires = form.write_all((held.slot.start, held.slot.end, held.expires_at))
        return answer(HoldOut(held.hold, begins, ends, expires), HTTPStatus.CREATED)


class Bookings(PublicEndpoint):
    """Booking."""

    permissions = {"POST": PUBLIC}

    @answers(
        PublicBooking,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | {HTTPStatus.CONFLICT: "The time is not offered, or its hold is over and it is gone."},
        problem=PublicRefusal,
    )
    def post(self, parsed_path: At[BusinessPath], parsed_body: Body[NewBooking]) -> HttpResponse:
        """Book a time that is offered; a hold that is over still books while the time is free."""
        business, body = self.business_at(parsed_path), parsed_body
        zone = chosen_zone(business.time_zone, body.time_zone)
        start = _start(zone, body.start)
        service_id = known_id(body.service_id)
        booking = CustomerBooking(
            business_id=business.pk,
            service_id=service_id,
            start=start,
            contact_name=body.name.strip(),
            contact_email=body.email,
            contact_phone=body.phone or None,
            notes=body.notes or None,
            user_id=None if body.user_id is None else known_id(body.user_id),
            answers=_answers(business, service_id, body.answers),
            time_zone=zone,
            locale=business.locale,
            source=named_source(PUBLIC_API, self.request),
        )
        _refuse_prepaid(business, service_id)
        _refuse_too_often(wait_seconds(booking_limits(self.request, body.email)))
        with _refusals(zone):
            if body.hold is None:
                ask_calendars(_slot_query(business, body, Interval(start, start + 1)))
            booked = book_slot(booking, int(time.time()), body.hold)
        begins, ends = TimeForm.with_offset(zone).write_all((booked.row.start_time, booked.row.end_time))
        manage_url = settings.CONFIGURATION.url + reverse("booking", args=[booked.link])
        written = PublicBooking(service_id, begins, ends, Status(booked.row.status), booked.row.location, manage_url)
        return answer(written, HTTPStatus.CREATED)


def _start(zone: str, text: str) -> int:
    times = TimeReader(zone)
    start = times.instant("start", text)
    times.check()
    return start


def _slot_query(business: Business, asked: PublicSlotsQuery | NewHold | NewBooking, within: Interval) -> SlotQuery:
    user_id = None if asked.user_id is None else known_id(asked.user_id)
    return SlotQuery(business.pk, known_id(asked.service_id), within, int(time.time()), user_id)


def _answers(business: Business, service_id: int, given: list[AnswerIn]) -> tuple[tuple[str, str], ...]:
    """Check the answers against the service's questions and put them in order. Raises ApiProblem."""
    service = Service.objects.in_business(business.pk).filter(pk=service_id, is_active=True).first()
    if service is None:
        raise not_found()
    asked = {question.text: question for question in questions_of(service.questions)}
    answers = {one.question: one.answer.strip() for one in given}
    errors = []
    if len(answers) < len(given) or answers.keys() - asked.keys():
        errors.append(FieldError("answers", "INVALID_FIELD", "There is no such question, or it is answered twice."))
    for text, question in asked.items():
        refusal = question.refusal(answers.get(text, ""))
        if refusal == "required":
            errors.append(FieldError("answers", "MISSING_FIELDS", f"{text}: It is required."))
        elif refusal:
            errors.append(FieldError("answers", "INVALID_FIELD", f"{text}: This answer is not possible."))
    if errors:
        raise bad_fields(errors)
    return tuple((text, answers[text]) for text in asked if answers.get(text))


def _refuse_prepaid(business: Business, service_id: int) -> None:
    """Refuse to book what is only booked when it is paid, and say where it is."""
    service = Service.objects.in_business(business.pk).filter(pk=service_id).first()
    if service is not None and is_prepaid(service):
        page = settings.CONFIGURATION.url + reverse("public_service", args=[business.slug, service.slug])
        detail = f"It is paid in advance, and booked when it is paid: {page}"
        raise ApiProblem(HTTPStatus.CONFLICT, "PREPAYMENT_REQUIRED", detail)


def _refuse_too_often(wait: int) -> None:
    if wait:
        raise too_many_requests("Too many bookings from this address; see Retry-After.", wait)


@contextmanager
def _refusals(zone: str) -> Iterator[None]:
    """Say why a time is not offered as far as strangers may know, with the next ones."""
    try:
        yield
    except NotOffered as error:
        is_over = isinstance(error, HoldExpired)
        detail = str(HoldExpired.__doc__ if is_over else NotOffered.__doc__)
        reasons = [{"code": reason.value, "detail": str(SENTENCES[reason])} for reason in told_reasons(error.obstacles)]
        extra: dict[str, Any] = {"reasons": reasons, "suggested_slots": _write_slots(error.alternatives, zone)}
        raise ApiProblem(
            HTTPStatus.CONFLICT, "HOLD_EXPIRED" if is_over else "NOT_OFFERED", detail, extra=extra
        ) from None


def _write_slots(slots: list[Slot], zone: str) -> list[PublicSlot]:
    texts = TimeForm.with_offset(zone).write_all(edge for slot in slots for edge in (slot.start, slot.end))
    return list(map(PublicSlot, texts[::2], texts[1::2]))


def _write_service(service: Service) -> PublicService:
    has_price = service.price_amount is not None and service.price_currency
    # Whom one cannot choose need not be known.
    givers = read_givers(service) if service.assignment == Assignment.CHOSEN else []
    return PublicService(
        id=service.pk,
        name=service.name,
        slug=service.slug,
        description=service.description,
        duration_minutes=service.duration_minutes,
        price=PriceOut(service.price_amount or 0, service.price_currency) if has_price else None,
        location=service.location,
        color=service.color,
        requires_confirmation=service.requires_confirmation,
        prepayment=cast("PrepaymentName", service.prepayment),
        deposit_percent=service.deposit_percent if service.prepayment == PrepaymentKind.DEPOSIT else None,
        assignment=cast("AssignmentName", service.assignment),
        users=[GiverOut(giver.user_id, giver.name) for giver in givers],
        questions=[
            QuestionOut(question.text, question.kind, question.is_required, list(question.possible))
            for question in questions_of(service.questions)
        ],
    )
