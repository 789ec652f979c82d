"""The pages of one quote: write, look at, send, note what was decided, book and invoice it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from slotkeeper.appointments.insert import Booking
from slotkeeper.billing.documents import DocumentTarget, today_of
from slotkeeper.billing.invoices import invoice_quote
from slotkeeper.billing.models import Quote, QuoteStatus
from slotkeeper.billing.quotes import accept_quote, book_quote, decline_quote, delete_quote, is_expired, send_quote
from slotkeeper.changes.record import Actor
from slotkeeper.doors.access import permit
from slotkeeper.doors.asking_live import ask_before_booking
from slotkeeper.doors.dashboard.appointment_form import USUAL_MINUTES, AppointmentForm
from slotkeeper.doors.dashboard.asking import caller_of, number_from, show
from slotkeeper.doors.dashboard.editing import edit_document, new_document
from slotkeeper.doors.dashboard.money_words import (
    REFUSED,
    history_of,
    line_rows,
    say_refusal,
    standing_of,
    sum_rows,
)
from slotkeeper.doors.dashboard.refusals import REFUSED as NOT_BOOKED
from slotkeeper.doors.dashboard.refusals import Asked, refusal_of
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import Service
from slotkeeper.rules.appointment_status import CLAIMING
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Permission

_VERBS: dict[str, Callable[[DocumentTarget, Actor, datetime], Any]] = {
    "send": send_quote,
    "accept": accept_quote,
    "decline": decline_quote,
}


@permit(Permission.MONEY_WRITE)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Write a quote; `?contact_id=` names for whom."""
    return edit_document(request, new_document(Quote, request))


@permit(Permission.MONEY_WRITE)
@never_cache
def edit(request: HttpRequest, quote_id: int) -> HttpResponse:
    """Change a draft."""
    quote = _found(request, quote_id)
    if quote.status != QuoteStatus.DRAFT:
        return redirect("quote", quote.pk)
    return edit_document(request, quote)


@permit(Permission.MONEY_READ)
@never_cache
def page(request: HttpRequest, quote_id: int) -> HttpResponse:
    """Show a quote: how it stands, its lines, what followed from it, and what may be done."""
    caller, quote, now = caller_of(request), _found(request, quote_id), datetime.now(UTC)
    is_booked = quote.appointment is not None and quote.appointment.status in CLAIMING
    is_accepted, may_write = quote.status == QuoteStatus.ACCEPTED, caller.may(Permission.MONEY_WRITE)
    invoices = quote.invoices.filter(corrects=None).order_by("pk")
    context = {
        "document": quote,
        "is_draft": quote.status == QuoteStatus.DRAFT,
        "standing": standing_of(quote, today_of(quote.business, now), now),
        "rows": line_rows(quote),
        "has_discounts": any(row.discount for row in line_rows(quote)),
        "sums": sum_rows(quote),
        "invoices": invoices,
        "history": history_of(quote),
        "may_write": may_write,
        "may_decide": may_write and quote.status == QuoteStatus.SENT,
        "is_expired": is_expired(quote, quote.business, now),
        "may_invoice": may_write and is_accepted and not invoices.exclude(status="credited").exists(),
        "may_book": may_write and is_accepted and not is_booked and caller.may(Permission.APPOINTMENTS_WRITE),
        "may_see_details": caller.may(Permission.CONTACTS_READ_DETAILS),
    }
    return show(request, "dashboard/document.html", context)


@permit(Permission.MONEY_WRITE)
@require_POST
def act(request: HttpRequest, quote_id: int) -> HttpResponse:
    """Send a quote, note what its customer decided, or write its invoice."""
    quote, verb = _found(request, quote_id), request.POST.get("verb", "")
    actor, now, target = caller_of(request).actor, datetime.now(UTC), _target(request, quote)
    try:
        if verb == "invoice":
            made = invoice_quote(target, actor, now)
            messages.success(request, gettext("This is the draft. Look at it, and issue it."))
            return redirect("invoice", made.pk)
        if verb in _VERBS:
            _VERBS[verb](target, actor, now)
            messages.success(request, gettext("Saved."))
    except REFUSED as error:
        say_refusal(request, error)
    return redirect("quote", quote.pk)


@permit(Permission.MONEY_WRITE)
@never_cache
def delete(request: HttpRequest, quote_id: int) -> HttpResponse:
    """Ask whether to delete a draft, and delete it."""
    quote = _found(request, quote_id)
    if request.method != "POST":
        return show(request, "dashboard/document_delete.html", {"document": quote})
    try:
        delete_quote(_target(request, quote), caller_of(request).actor)
    except REFUSED as error:
        say_refusal(request, error)
        return redirect("quote", quote.pk)
    messages.success(request, gettext("The draft is deleted."))
    return redirect("quotes")


@permit(Permission.MONEY_WRITE)
@never_cache
def book(request: HttpRequest, quote_id: int) -> HttpResponse:
    """Choose a time for what was accepted, and book it."""
    caller, quote = caller_of(request), _found(request, quote_id)
    if not caller.may(Permission.APPOINTMENTS_WRITE) or quote.status != QuoteStatus.ACCEPTED:
        return redirect("quote", quote.pk)
    first = quote.lines[0]["description"] if quote.lines else ""
    initial = {"title": first[:200], "minutes": USUAL_MINUTES, "user_id": caller.user_id}
    form = BookingForm(caller, None, _with_alternative(request), initial=initial)
    refusal, now = None, datetime.now(UTC)
    if request.method == "POST" and form.is_valid():
        wanted = {"user_id": caller.user_id} | form.wanted()
        ask_before_booking(caller, wanted["user_id"])
        try:
            target = DocumentTarget(quote.business_id, quote.pk)
            row = book_quote(target, Booking(business_id=caller.business_id, **wanted), caller.actor, now)
        except NOT_BOOKED as error:
            refusal = refusal_of(error, caller, _asked(form, wanted), int(now.timestamp()))
        except REFUSED as error:
            say_refusal(request, error)
            return redirect("quote", quote.pk)
        else:
            messages.success(request, gettext("Booked."))
            return redirect("appointment", row.id)
    context = {"form": form, "quote": quote, "refusal": refusal, "zone": caller.time_zone}
    return show(request, "dashboard/quote_booking.html", context, 409 if refusal else 200)


class BookingForm(AppointmentForm):
    """When, and with whom; for whom it is stands in the quote."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("contact_id", "contact_name", "contact_email", "contact_phone"):
            self.fields.pop(name, None)


def _asked(form: AppointmentForm, wanted: dict[str, Any]) -> Asked:
    service: Service | None = form.services.get(wanted.get("service_id") or 0)
    buffers = (service.buffer_before_minutes * 60, service.buffer_after_minutes * 60) if service else (0, 0)
    return Asked(wanted["user_id"], Interval(wanted["start_time"], wanted["end_time"]), buffers)


def _with_alternative(request: HttpRequest) -> Any:
    """Take the start that one of the suggested times offers, where its button was pressed."""
    chosen = request.POST.get("alternative", "")
    if not chosen or len(chosen) > len("2026-01-15T10:00:00+01:00"):
        return request.POST or None
    data = request.POST.copy()
    data["start"], data["offset"] = chosen[:19], chosen[19:]
    return data


def _target(request: HttpRequest, quote: Quote) -> DocumentTarget:
    version = number_from(request.POST.get("version")) or 0
    return DocumentTarget(quote.business_id, quote.pk, frozenset({version}))


def _found(request: HttpRequest, quote_id: int) -> Quote:
    mine = Quote.objects.select_related("business", "contact", "appointment")
    quote = mine.filter(business_id=caller_of(request).business_id, pk=known_id(quote_id)).first()
    if quote is None:
        raise Http404
    return quote
