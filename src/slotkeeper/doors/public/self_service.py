"""The pages behind a customer's link: see one appointment, move it, cancel it.

The link is the key: whoever has it may do these things, so no other proof (such as a CSRF token) is asked. What
changes something is a POST; mail scanners and previews follow links, and they only ever look.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from slotkeeper.appointments.calendar_entry import calendar_file
from slotkeeper.appointments.customer_links import LinkedAppointment, UnknownLink, open_link
from slotkeeper.appointments.self_service import (
    NotOffered,
    TooLate,
    ask_calendars,
    cancel_by_customer,
    move_by_customer,
)
from slotkeeper.appointments.slots import SlotQuery, UnknownService
from slotkeeper.billing.models import Invoice
from slotkeeper.billing.sheet import title_of
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.languages import fall_back_to
from slotkeeper.doors.public.booking import private, refusal_words, see_other, zone_choice
from slotkeeper.doors.public.booking_form import ReasonForm
from slotkeeper.doors.public.calendar_entry import calendar_links
from slotkeeper.doors.public.month import Month, moment_of, read_month, read_wish
from slotkeeper.doors.public.visits import accent_of, read_start, write_start
from slotkeeper.doors.rate_limit import changing_limits, wait_seconds
from slotkeeper.doors.source import CUSTOMER_LINK, named_source
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.offerings.models import Service
from slotkeeper.people.logo import find_logo
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import is_zone

_DONE = {"moved", "canceled"}


@dataclass(frozen=True, slots=True)
class Errand:
    """What a customer's link leads to, and in whose zone it is shown."""

    link: str
    linked: LinkedAppointment
    business: Business
    service: Service | None
    zone: str
    is_zone_chosen: bool
    now: int

    def url(self, name: str, **parameters: str) -> str:
        """Write the address of one of the link's pages."""
        query = urlencode(({"zone": self.zone} if self.is_zone_chosen else {}) | parameters)
        return reverse(name, args=[self.link]) + (f"?{query}" if query else "")

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to change: it is canceled, or was held."""
        return Status(self.linked.row.status) in TERMINAL

    @property
    def may_change(self) -> bool:
        """Whether its customer may still move or cancel it."""
        return not self.is_over and self.now <= self.linked.may_change_until

    def show(self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """Render a page of the link, for its customer's eyes only."""
        row = self.linked.row
        common = {
            "business": self.business,
            "service": self.service,
            "errand": self,
            "row": row,
            "start": moment_of(row.start_time),
            "end": moment_of(row.end_time),
            "may_change_until": moment_of(self.linked.may_change_until),
            "zone": self.zone,
            "zone_words": zone_in_words(self.zone),
            "start_link": reverse("public_business", args=[self.business.slug]),
            "accent": accent_of(self.business),
            "logo": find_logo(self.business.pk),
            "view": self.url("booking"),
            "detects_zone": request.method == "GET" and not request.GET.get("zone"),
        }
        with timezone.override(ZoneInfo(self.zone)):
            return private(render(request, template, common | context, status=status))


Page = Callable[[HttpRequest, Errand], HttpResponse]


def with_errand(page: Page) -> Callable[[HttpRequest, str], HttpResponse]:
    """Open the link before a page of it; where it is no link, or too late, say so calmly."""

    @wraps(page)
    def answer(request: HttpRequest, link: str) -> HttpResponse:
        try:
            errand = open_errand(request, link)
            try:
                return page(request, errand)
            except TooLate:
                return _show(request, errand, {"is_refused": True}, HTTPStatus.CONFLICT)
        except UnknownLink:
            return private(render(request, "self_service/unknown.html", status=HTTPStatus.NOT_FOUND))

    return answer


@permit(PUBLIC)
@require_safe
@with_errand
def view(request: HttpRequest, errand: Errand) -> HttpResponse:
    """Show an appointment, and what its customer may do with it."""
    if request.GET.get("change") == "zone":
        return errand.show(request, "booking/zone.html", zone_choice(request))
    done = request.GET.get("done", "")
    return _show(request, errand, {"done": done if done in _DONE else ""})


@permit(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@with_errand
def move(request: HttpRequest, errand: Errand) -> HttpResponse:
    """Choose another time, and move there."""
    if not errand.may_change:
        raise TooLate
    if request.GET.get("change") == "zone":
        return errand.show(request, "booking/zone.html", zone_choice(request))
    start = read_start(request.POST.get("instead") or request.GET.get("at"))
    if start is None:
        return _show_times(request, errand)
    if request.method != "POST":
        return _ask(request, errand, start)
    wait = wait_seconds(changing_limits(request))
    if wait:
        return _too_often(request, errand, wait)
    _ask_calendars(errand)
    try:
        move_by_customer(errand.link, start, errand.now, named_source(CUSTOMER_LINK, request))
    except NotOffered as refusal:
        return _ask(request, errand, start, refusal)
    return private(see_other(errand.url("booking", done="moved")))


@permit(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@with_errand
def cancel(request: HttpRequest, errand: Errand) -> HttpResponse:
    """Ask once more, and cancel."""
    is_canceled = errand.linked.row.status == Status.CANCELED  # a second time changes nothing
    if not errand.may_change and not is_canceled:
        raise TooLate
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return errand.show(request, "self_service/cancel.html", {"form": form, "action": errand.url("booking_cancel")})
    wait = wait_seconds(changing_limits(request))
    if wait:
        return _too_often(request, errand, wait)
    reason, source = form.cleaned_data["reason"] or None, named_source(CUSTOMER_LINK, request)
    cancel_by_customer(errand.link, reason, errand.now, source)
    return private(see_other(errand.url("booking", done="canceled")))


@permit(PUBLIC)
@require_safe
@with_errand
def file(request: HttpRequest, errand: Errand) -> HttpResponse:
    """Give the appointment as a calendar file."""
    del request
    manage_url = settings.CONFIGURATION.url + reverse("booking", args=[errand.link])
    content = calendar_file(errand.linked.row, errand.business, errand.service, manage_url)
    response = HttpResponse(content, "text/calendar; charset=utf-8; method=PUBLISH")
    response["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    response["Cache-Control"] = "private, no-store"
    return private(response)


def open_errand(request: HttpRequest, link: str) -> Errand:
    """Find what a link leads to. Raises UnknownLink."""
    now = int(time.time())
    linked = open_link(link, now)
    business = Business.objects.get(pk=linked.business_id)
    fall_back_to(request, business.locale)
    services = Service.objects.in_business(business.pk)
    service = services.filter(pk=linked.row.service_id).first() if linked.row.service_id else None
    zone = request.GET.get("zone", "")
    is_chosen = is_zone(zone)
    return Errand(link, linked, business, service, zone if is_chosen else business.time_zone, is_chosen, now)


def _show(
    request: HttpRequest, errand: Errand, context: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    common = {
        "move_link": errand.url("booking_move"),
        "cancel_link": errand.url("booking_cancel"),
        "file_link": reverse("booking_file", args=[errand.link]),
        "zone_link": errand.url("booking", change="zone"),
        "calendars": calendar_links(errand.linked.row, errand.business, errand.service),
        "papers": _papers(errand),
    }
    return errand.show(request, "self_service/view.html", common | context, status)


def _papers(errand: Errand) -> list[tuple[str, str]]:
    """Name the invoices of an appointment, and where its customer finds each."""
    mine = Invoice.objects.filter(business=errand.business, appointment_id=errand.linked.row.id).exclude(status="draft")
    return [
        (f"{title_of(one)} {one.number}", reverse("portal_appointment_invoice", args=[errand.link, one.pk]))
        for one in mine.order_by("pk")
    ]


def _show_times(request: HttpRequest, errand: Errand) -> HttpResponse:
    row, service = errand.linked.row, errand.service
    month = None
    if service is not None:
        query = SlotQuery(
            business_id=errand.business.pk,
            service_id=service.pk,
            within=Interval(errand.now, errand.now),
            now=errand.now,
            user_id=row.user_id,
            besides_appointment_id=row.id,
        )
        try:
            month = read_month(query, read_wish(request.GET.dict(), errand.zone, service.horizon_days))
        except UnknownService:
            month = None
    return errand.show(request, "self_service/move.html", _choice(errand, month))


def _choice(errand: Errand, month: Month | None) -> dict[str, Any]:
    links = {"page": errand.url("booking_move"), "zone_link": errand.url("booking_move", change="zone")}
    return {"month": month, **links}


def _ask(request: HttpRequest, errand: Errand, start: int, refusal: NotOffered | None = None) -> HttpResponse:
    """Show where the appointment is and where it would go, before anything moves."""
    row = errand.linked.row
    context = {
        "to_start": moment_of(start),
        "to_end": moment_of(start + row.end_time - row.start_time),
        "action": errand.url("booking_move", at=write_start(start)),
        "times_link": errand.url("booking_move"),
    }
    status = HTTPStatus.OK if refusal is None else HTTPStatus.CONFLICT
    return errand.show(request, "self_service/move_ask.html", context | refusal_words(start, refusal), status)


def _ask_calendars(errand: Errand) -> None:
    """Ask the calendars of those who give the service; whether it is offered at all, moving says."""
    row, now = errand.linked.row, errand.now
    with suppress(UnknownService):
        ask_calendars(SlotQuery(errand.business.pk, row.service_id or 0, Interval(now, now), now, row.user_id))


def _too_often(request: HttpRequest, errand: Errand, wait: int) -> HttpResponse:
    context = {"minutes": -(-wait // 60)}
    response = errand.show(request, "booking/too_often.html", context, HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(wait)
    return response
