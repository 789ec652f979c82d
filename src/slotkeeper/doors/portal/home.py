"""A customer's home at one business: all their appointments, quotes and invoices, by a link that is mailed to them.

Who asks for a link gets the same answer whether the address is known or not. What is theirs is whatever belongs to
their address: who reads its mails has shown that it is theirs.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from django import forms
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from slotkeeper.amounts import amount_in_words
from slotkeeper.appointments.customer_links import KEPT_SECONDS, link_for, open_link
from slotkeeper.appointments.customer_links import UnknownLink as UnknownBooking
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.billing.documents import today_of
from slotkeeper.billing.messages import owe_portal_link
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.billing.portal import Opened, Purpose, make_token
from slotkeeper.billing.quotes import is_expired
from slotkeeper.billing.sheet import Paperwork, title_of
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.ids import known_id
from slotkeeper.doors.languages import fall_back_to
from slotkeeper.doors.portal.showing import ask_to_wait, private, see_other, show, unknown, with_link
from slotkeeper.doors.portal.words import Standing, standing_of_invoice, standing_of_quote
from slotkeeper.doors.rate_limit import portal_limits, wait_seconds
from slotkeeper.people.models import Business

_MOST = 100  # of each kind; what is older is asked for in person


class AddressForm(forms.Form):
    """To which address the link is mailed."""

    email = forms.EmailField(
        label=_("Your email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class PaperLine(NamedTuple):
    """A quote, invoice or credit note in the list."""

    title: str
    number: str
    amount: str
    standing: Standing
    link: str


class AppointmentLine(NamedTuple):
    """An appointment in the list; `link` is empty where it is long over."""

    appointment: Appointment
    link: str


@permit(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, business: str) -> HttpResponse:
    """Ask for an address, and mail the link there if it is a customer's."""
    found = Business.objects.filter(slug=business).first()
    if found is None:
        raise Http404
    fall_back_to(request, found.locale)
    form = AddressForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        status = HTTPStatus.OK if request.method != "POST" else HTTPStatus.UNPROCESSABLE_ENTITY
        return show(request, found, "portal/ask.html", {"form": form, "action": request.path}, status)
    email = form.cleaned_data["email"]
    wait = wait_seconds(portal_limits(request, found.pk, email))
    if wait:
        return ask_to_wait(request, found, wait)
    contact = Contact.objects.in_business(found.pk).filter(email__iexact=email).order_by("-pk").first()
    if contact is not None:
        with transaction.atomic():
            owe_portal_link(contact, datetime.now(UTC))
    return show(request, found, "portal/asked.html", {"email": email})


@permit(PUBLIC)
@require_safe
@with_link(Purpose.HOME)
def view(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Show all that is a customer's."""
    now = datetime.now(UTC)
    theirs = _appointments(opened).select_related("service", "user")
    ahead = theirs.filter(end_time__gt=now).order_by("start_time", "pk")[:_MOST]
    over = theirs.filter(end_time__lte=now).order_by("-start_time", "-pk")[:_MOST]
    context = {
        "contact": opened.contact,
        "ahead": [_appointment_line(one, opened, now) for one in ahead],
        "over": [_appointment_line(one, opened, now) for one in over],
        "papers": list(_papers(opened, now)),
    }
    return show(request, opened.business, "portal/home.html", context)


@permit(PUBLIC)
@require_safe
@with_link(Purpose.HOME)
def appointment(request: HttpRequest, opened: Opened, record_id: int) -> HttpResponse:
    """Lead to one of their appointments."""
    theirs = _appointments(opened).filter(pk=known_id(record_id)).exists()
    row = find(Reach(opened.business.pk), known_id(record_id)) if theirs else None
    if row is None:
        return unknown(request)
    # Another one after it was moved: a link ends some time after the appointment.
    return see_other(reverse("booking", args=[link_for(row, f"portal {row.end_time}")]))


@permit(PUBLIC)
@require_safe
@with_link(Purpose.HOME)
def invoice(request: HttpRequest, opened: Opened, record_id: int) -> HttpResponse:
    """Lead to one of their invoices."""
    found = _invoices(opened).filter(pk=known_id(record_id)).first()
    return unknown(request) if found is None else _lead_to_invoice(found)


@permit(PUBLIC)
@require_safe
@with_link(Purpose.HOME)
def quote(request: HttpRequest, opened: Opened, record_id: int) -> HttpResponse:
    """Lead to one of their quotes."""
    found = _quotes(opened).filter(pk=known_id(record_id)).first()
    if found is None:
        return unknown(request)
    return see_other(reverse("portal_quote", args=[make_token(Purpose.QUOTE, quote=found, occasion="portal")]))


@permit(PUBLIC)
@require_safe
def booking(request: HttpRequest, link: str) -> HttpResponse:
    """Lead to the page of one appointment, where it is seen, moved and canceled."""
    del request
    return private(HttpResponse(status=HTTPStatus.FOUND, headers={"Location": reverse("booking", args=[link])}))


@permit(PUBLIC)
@require_safe
def invoice_of_booking(request: HttpRequest, link: str, record_id: int) -> HttpResponse:
    """Lead from the page of an appointment to an invoice of it."""
    try:
        linked = open_link(link, int(time.time()))
    except UnknownBooking:
        return unknown(request)
    mine = Invoice.objects.filter(business_id=linked.business_id, appointment_id=linked.row.id)
    found = mine.exclude(status="draft").filter(pk=known_id(record_id)).first()
    return unknown(request) if found is None else _lead_to_invoice(found)


def _lead_to_invoice(found: Invoice) -> HttpResponse:
    return see_other(reverse("portal_invoice", args=[make_token(Purpose.INVOICE, invoice=found, occasion="portal")]))


def _contacts(opened: Opened) -> QuerySet[Contact]:
    """Find whom the business knows by this customer's address."""
    contact = opened.contact
    assert contact is not None
    mine = Contact.objects.in_business(opened.business.pk)
    return mine.filter(email__iexact=contact.email) if contact.email else mine.filter(pk=contact.pk)


def _appointments(opened: Opened) -> QuerySet[Appointment]:
    return Appointment.objects.in_business(opened.business.pk).filter(contact__in=_contacts(opened))


def _invoices(opened: Opened) -> QuerySet[Invoice]:
    mine = Invoice.objects.filter(business=opened.business, contact__in=_contacts(opened))
    return mine.exclude(status="draft").order_by("-issued_on", "-pk")


def _quotes(opened: Opened) -> QuerySet[Quote]:
    mine = Quote.objects.filter(business=opened.business, contact__in=_contacts(opened))
    return mine.exclude(status="draft").order_by("-sent_at", "-pk")


def _papers(opened: Opened, now: datetime) -> Iterator[PaperLine]:
    today = today_of(opened.business, now)
    for one in _quotes(opened)[:_MOST]:
        standing = standing_of_quote(one, is_expired=is_expired(one, opened.business, now))
        yield _paper_line(one, standing, reverse("portal_home_quote", args=[opened.text, one.pk]))
    for bill in _invoices(opened)[:_MOST]:
        link = reverse("portal_home_invoice", args=[opened.text, bill.pk])
        yield _paper_line(bill, standing_of_invoice(bill, today), link)


def _paper_line(document: Paperwork, standing: Standing, link: str) -> PaperLine:
    return PaperLine(
        title_of(document), document.number, amount_in_words(document.gross, document.currency), standing, link
    )


def _appointment_line(one: Appointment, opened: Opened, now: datetime) -> AppointmentLine:
    is_linked: Any = one.end_time.timestamp() + KEPT_SECONDS > now.timestamp()
    return AppointmentLine(one, reverse("portal_home_appointment", args=[opened.text, one.pk]) if is_linked else "")
