"""The public booking pages: a business's services, free times, the customer's details, and the confirmation."""

from dataclasses import replace
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from slotkeeper.amounts import amount_in_words
from slotkeeper.appointments.customer_links import UnknownLink, open_link
from slotkeeper.appointments.self_service import HoldExpired, NotOffered, ask_calendars, book_slot, hold_slot
from slotkeeper.appointments.slots import UnknownService
from slotkeeper.billing.prepayments import PrepaymentOff, asked_for, begin_prepayment, is_prepaid
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.disclosure import TAKEN, told_reasons
from slotkeeper.doors.languages import current_language
from slotkeeper.doors.public.booking_form import BookingForm
from slotkeeper.doors.public.calendar_entry import calendar_links
from slotkeeper.doors.public.month import moment_of, read_month, read_wish
from slotkeeper.doors.public.sent_forms import book_once, prepay_once
from slotkeeper.doors.public.visits import ANYBODY, Visit, read_start, read_visit, write_start
from slotkeeper.doors.rate_limit import booking_limits, holding_limits, wait_seconds
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.doors.source import BOOKING_PAGE, named_source
from slotkeeper.doors.zones import zone_choices
from slotkeeper.offerings.models import Assignment
from slotkeeper.offerings.on_offer import read_givers, read_services
from slotkeeper.rules.contrast import parse_color
from slotkeeper.rules.local_time import local_day

DEFAULT_COLOR = "#b5552b"  # of a service whose own cannot be read

# Forms here carry no CSRF token: they act for nobody who is signed in, and within another
# site's frame browsers send no cookie that could match one. See docs/public-page.md.


@permit(PUBLIC)
@require_safe
def services(request: HttpRequest, business: str) -> HttpResponse:
    """Show a business and what can be booked there."""
    visit = read_visit(request, business)
    offers = [
        {
            "service": one,
            "link": replace(visit, service=one).link("public_service"),
            "color": parse_color(one.color) or parse_color(DEFAULT_COLOR),
        }
        for one in read_services(visit.business.pk)
    ]
    return visit.show(request, "booking/services.html", {"services": offers})


@permit(PUBLIC)
@require_safe
def times(request: HttpRequest, business: str, service: str) -> HttpResponse:
    """Show the free times of a service; before them, where the customer chooses, the people who give it."""
    visit = read_visit(request, business, service)
    if request.GET.get("change") == "zone":
        return visit.show(request, "booking/zone.html", zone_choice(request))
    return _show_times(request, visit)


@permit(PUBLIC)
@csrf_exempt
@require_POST
def hold(request: HttpRequest, business: str, service: str) -> HttpResponse:
    """Keep the chosen time free for a short while, and lead on to the details."""
    visit = read_visit(request, business, service)
    start = read_start(request.POST.get("at"))
    if start is None:
        return HttpResponseRedirect(visit.link("public_service"))
    asked = {"at": write_start(start)}
    former = request.POST.get("former") or visit.hold  # what the page's script remembers, or its address
    # Who has had many times kept free goes on without: the form books whatever is free when it is sent.
    if wait_seconds(holding_limits(request)) == 0:
        try:
            ask_calendars(visit.slots_within(start, start + 1))
            asked["hold"] = hold_slot(visit.slots_within(start, start + 1), former).hold
        except NotOffered as refusal:
            return _show_times(request, visit, start, refusal)
        except UnknownService:
            raise Http404 from None
    return see_other(visit.link("public_details", **asked))


@permit(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest, business: str, service: str) -> HttpResponse:
    """Ask who the customer is, and book; the same form sent again leads to what it has booked."""
    visit = read_visit(request, business, service)
    # After a refusal each of the next free times is a button of its own.
    start = read_start(request.POST.get("instead") or request.GET.get("at"))
    if start is None:
        return HttpResponseRedirect(visit.link("public_service"))
    if request.method != "POST":
        return _show_details(request, visit, start, BookingForm(visit))
    assert visit.service is not None
    form = BookingForm(visit, request.POST)
    if not form.is_valid():
        return _show_details(request, visit, start, form)
    wait = wait_seconds(booking_limits(request, form.cleaned_data["email"]))
    if wait:
        return too_often(request, visit, wait)
    wanted = replace(form.booking(visit, start, current_language()), source=named_source(BOOKING_PAGE, request))
    try:
        if not visit.hold:
            ask_calendars(visit.slots_within(start, start + 1))
        if is_prepaid(visit.service):
            text = prepay_once(request, lambda: begin_prepayment(wanted, visit.now, visit.hold))
            return see_other(visit.link("public_pay", link=text))
        link = book_once(request, visit.business.pk, lambda: book_slot(wanted, visit.now, visit.hold))
    except PrepaymentOff:
        return _show_details(request, visit, start, form)
    except NotOffered as refusal:
        return _show_details(request, visit, start, form, refusal)
    except UnknownService:
        raise Http404 from None
    return see_other(visit.link("public_booked", link=link))


@permit(PUBLIC)
@require_safe
def booked(request: HttpRequest, business: str, service: str, link: str) -> HttpResponse:
    """Confirm a booking: what happens next, and how to keep it in a calendar."""
    visit = read_visit(request, business, service)
    try:
        linked = open_link(link, visit.now)
    except UnknownLink:
        raise Http404 from None
    if linked.business_id != visit.business.pk:
        raise Http404
    row = linked.row
    context = {
        "row": row,
        "manage_link": reverse("booking", args=[link]),
        "file_link": reverse("booking_file", args=[link]),
        "start": moment_of(row.start_time),
        "end": moment_of(row.end_time),
        "may_change_until": moment_of(linked.may_change_until),
        "may_change": visit.now <= linked.may_change_until,
        "calendars": calendar_links(row, visit.business, visit.service),
    }
    return private(visit.show(request, "booking/booked.html", context))


def too_often(request: HttpRequest, visit: Visit, wait: int) -> HttpResponse:
    """Answer that this was too often, and when to try again."""
    minutes = -(-wait // 60)
    response = visit.show(request, "booking/too_often.html", {"minutes": minutes}, HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(wait)
    return response


def private(response: HttpResponse) -> HttpResponse:
    """Keep a page whose address is a secret out of search engines and of other sites' logs."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def zone_choice(request: HttpRequest) -> dict[str, object]:
    """Offer every time zone; what else the address says is kept."""
    kept = [(name, value) for name, value in request.GET.items() if name not in {"zone", "change"}]
    return {"zones": zone_choices(), "kept": kept, "action": request.path, "detects_zone": False}


def refusal_words(start: int, refusal: NotOffered | None) -> dict[str, object]:
    """Say why a time was refused, and which are the next ones."""
    if refusal is None:
        return {}
    reasons = told_reasons(refusal.obstacles)
    return {
        "refused": moment_of(start),
        "is_taken": not reasons or reasons[0] in TAKEN,
        "is_hold_over": isinstance(refusal, HoldExpired),
        "reasons": [SENTENCES[reason] for reason in reasons],
        "alternatives": [(write_start(slot.start), moment_of(slot.start)) for slot in refusal.alternatives],
    }


def _show_times(
    request: HttpRequest, visit: Visit, refused_start: int = 0, refusal: NotOffered | None = None
) -> HttpResponse:
    assert visit.service is not None
    givers = read_givers(visit.service) if visit.service.assignment == Assignment.CHOSEN else []
    if len(givers) > 1 and "with" not in visit.wish:
        people = [(giver.name, visit.link("public_service", **{"with": str(giver.user_id)})) for giver in givers]
        anybody = visit.link("public_service", **{"with": ANYBODY})
        return visit.show(request, "booking/people.html", {"people": people, "anybody": anybody})
    # After a refusal the day asked for stays open.
    asked = request.GET.dict() if refusal is None else {"day": str(local_day(visit.zone, refused_start))}
    wish = read_wish(asked, visit.zone, visit.service.horizon_days)
    try:
        month = read_month(visit.slots_within(visit.now, visit.now), wish)
    except UnknownService:
        month = None
    kept = read_start(request.GET.get("kept")) if visit.hold else None
    context = {
        "kept": moment_of(kept) if kept else None,
        "kept_link": visit.link("public_details", at=write_start(kept or 0)),
        "month": month,
        "giver": next((giver.name for giver in givers if giver.user_id == visit.user_id), ""),
        "has_givers": len(givers) > 1,
        "people_link": visit.without("with").link("public_service"),
        "page": visit.link("public_service"),
        "hold_link": visit.link("public_hold"),
        "zone_link": visit.link("public_service", change="zone"),
        "back": request.get_full_path() if refusal is None else visit.link("public_service"),
    }
    status = HTTPStatus.OK if refusal is None else HTTPStatus.CONFLICT
    return visit.show(request, "booking/times.html", context | refusal_words(refused_start, refusal), status)


def _paid_in_advance(visit: Visit, start: int) -> str | None:
    """Say what is to be paid before it is booked: "" for nothing, None where it cannot be paid now."""
    assert visit.service is not None
    if not is_prepaid(visit.service):
        return ""
    try:
        asked = asked_for(visit.service, current_language(), start)
    except PrepaymentOff:
        return None
    return amount_in_words(asked.amount, asked.currency)


def _show_details(
    request: HttpRequest,
    visit: Visit,
    start: int,
    form: BookingForm,
    refusal: NotOffered | None = None,
) -> HttpResponse:
    assert visit.service is not None
    end = start + visit.service.duration_minutes * 60
    if isinstance(refusal, HoldExpired):
        visit = visit.without("hold")
    kept = {"kept": write_start(start)} if visit.hold and refusal is None else {}
    in_advance = _paid_in_advance(visit, start)
    context = {
        "form": form,
        "start": moment_of(start),
        "end": moment_of(end),
        "action": visit.link("public_details", at=write_start(start)),
        "times_link": visit.link("public_service", **kept),
        "is_held": visit.hold is not None and not form.is_bound,
        "in_advance": in_advance,
    }
    status = HTTPStatus.CONFLICT if refusal or (in_advance is None and form.is_bound) else HTTPStatus.OK
    response = visit.show(request, "booking/details.html", context | refusal_words(start, refusal), status)
    response["X-Robots-Tag"] = "noindex"
    return response


def see_other(address: str) -> HttpResponse:
    """Lead on after a POST, so that reloading sends nothing again."""
    response = HttpResponseRedirect(address)
    response.status_code = HTTPStatus.SEE_OTHER
    return response
