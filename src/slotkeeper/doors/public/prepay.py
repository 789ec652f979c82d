"""The page on which somebody pays for a time that is held for them, and waits for it to be booked.

Looking changes nothing. That it is paid is learned from the payment provider, never from who comes back: until then the
page says that it waits, and asks again by itself.
"""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from slotkeeper.amounts import amount_in_words
from slotkeeper.appointments.customer_links import link_for
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.billing.gateway_models import Prepayment, PrepaymentStatus
from slotkeeper.billing.gateways.base import LinkState
from slotkeeper.billing.pay_links import pay_in_advance
from slotkeeper.billing.prepayments import UnknownPrepayment, open_prepayment, text_of
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.paying import NOT_PAYABLE, pay_policy, told
from slotkeeper.doors.public.booking import private, see_other, too_often
from slotkeeper.doors.public.month import moment_of
from slotkeeper.doors.public.visits import Visit, read_visit
from slotkeeper.doors.rate_limit import changing_limits, wait_seconds

logger = logging.getLogger("slotkeeper.doors")
_AGAIN_SECONDS = 5


@permit(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, business: str, service: str, link: str) -> HttpResponse:
    """Show what is to be paid and until when; the button leads to where it is paid."""
    visit = read_visit(request, business, service)
    try:
        prepayment = open_prepayment(link, visit.business.pk)
    except UnknownPrepayment:
        raise Http404 from None
    if prepayment.status == PrepaymentStatus.BOOKED:
        return _lead_to_confirmation(visit, prepayment)
    if request.method != "POST":
        return _show(request, visit, prepayment)
    wait = wait_seconds(changing_limits(request))
    if wait:
        return too_often(request, visit, wait)
    try:
        made = pay_in_advance(prepayment, datetime.now(UTC))
    except NOT_PAYABLE as error:
        logger.warning("Booking %d cannot be paid: %s", prepayment.pk, str(error) or type(error).__name__)
        prepayment.refresh_from_db()
        return _show(request, visit, prepayment, told(error))
    return private(see_other(made.url))


def _lead_to_confirmation(visit: Visit, prepayment: Prepayment) -> HttpResponse:
    row = find(Reach(prepayment.business_id), prepayment.appointment_id or 0)
    if row is None:
        raise Http404
    return private(HttpResponseRedirect(visit.link("public_booked", link=link_for(row, "paid in advance"))))


def _show(request: HttpRequest, visit: Visit, prepayment: Prepayment, refusal: str = "") -> HttpResponse:
    now = datetime.now(UTC)
    is_waiting = prepayment.status == PrepaymentStatus.WAITING
    states = set(prepayment.payment_links.values_list("status", flat=True))
    is_under_way = is_waiting and LinkState.PROCESSING in states
    is_in_time = is_waiting and prepayment.expires_at > now
    # Who comes back from the payment provider waits for its word.
    is_paid = is_waiting and (LinkState.PAID in states or "paid" in request.GET) and not is_under_way
    start = int(prepayment.starts_at.timestamp())
    seconds = ceil((prepayment.expires_at - now).total_seconds())
    context: dict[str, Any] = {
        "start": moment_of(start),
        "end": moment_of(start + prepayment.service.duration_minutes * 60),
        "amount": amount_in_words(prepayment.amount, prepayment.currency),
        "is_whole": prepayment.is_whole,
        "until": prepayment.expires_at,
        "seconds": seconds,
        "minutes": max(1, ceil(seconds / 60)),
        "is_under_way": is_under_way,
        "is_paid": is_paid,
        "may_pay": is_in_time and not is_under_way,
        "is_missed": prepayment.status in {PrepaymentStatus.MISSED, PrepaymentStatus.REFUNDED},
        "is_refunded": prepayment.status == PrepaymentStatus.REFUNDED,
        "refusal": refusal,
        "action": visit.link("public_pay", link=text_of(prepayment)),
        "times_link": visit.link("public_service"),
    }
    status = HTTPStatus.CONFLICT if refusal else HTTPStatus.OK
    response = private(visit.show(request, "booking/pay.html", context, status))
    if is_paid:
        response["Refresh"] = str(_AGAIN_SECONDS)
    policy = response.headers.get("Content-Security-Policy")
    response["Content-Security-Policy"] = pay_policy(policy)
    return response
