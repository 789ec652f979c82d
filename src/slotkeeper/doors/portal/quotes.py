"""The page of a quote: what it says, and the customer's answer to it."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.models import Quote, QuoteStatus
from slotkeeper.billing.portal import Opened, Purpose
from slotkeeper.billing.quotes import AlreadyDecided, NotSent, QuoteExpired, accept_quote, decline_quote, is_expired
from slotkeeper.billing.sheet import sheet_of
from slotkeeper.changes.record import Actor
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.portal.showing import answer_paper, customer_actor, see_other, show, too_often, with_link
from slotkeeper.doors.portal.words import standing_of_quote

_Verb = Callable[[DocumentTarget, Actor, datetime], Quote]


@permit(PUBLIC)
@require_safe
@with_link(Purpose.QUOTE)
def view(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Show a quote."""
    return _show(request, opened)


@permit(PUBLIC)
@csrf_exempt
@require_POST
@with_link(Purpose.QUOTE)
def accept(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Take the offer."""
    return _decide(request, opened, accept_quote)


@permit(PUBLIC)
@csrf_exempt
@require_POST
@with_link(Purpose.QUOTE)
def decline(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Turn the offer down."""
    return _decide(request, opened, decline_quote)


@permit(PUBLIC)
@require_safe
@with_link(Purpose.QUOTE)
def paper(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Give a quote as PDF."""
    assert opened.quote is not None
    return answer_paper(request, opened.quote, reverse("portal_quote", args=[opened.text]))


def _decide(request: HttpRequest, opened: Opened, verb: _Verb) -> HttpResponse:
    quote = opened.quote
    assert quote is not None
    wait = too_often(request, opened.business)
    if wait is not None:
        return wait
    try:
        verb(DocumentTarget(quote.business_id, quote.pk), customer_actor(request, quote), datetime.now(UTC))
    except (AlreadyDecided, NotSent, QuoteExpired):
        quote.refresh_from_db()
        return _show(request, opened, gettext("It can no longer be answered here. Nothing was changed."))
    return see_other(reverse("portal_quote", args=[opened.text]))


def _show(request: HttpRequest, opened: Opened, refusal: str = "") -> HttpResponse:
    quote = opened.quote
    assert quote is not None
    is_over = is_expired(quote, opened.business, datetime.now(UTC))
    context = {
        "quote": quote,
        "sheet": sheet_of(quote),
        "standing": standing_of_quote(quote, is_expired=is_over),
        "may_answer": quote.status == QuoteStatus.SENT and not is_over,
        "accept_link": reverse("portal_quote_accept", args=[opened.text]),
        "decline_link": reverse("portal_quote_decline", args=[opened.text]),
        "paper_link": reverse("portal_quote_paper", args=[opened.text]),
        "refusal": refusal,
    }
    return show(
        request, opened.business, "portal/quote.html", context, HTTPStatus.CONFLICT if refusal else HTTPStatus.OK
    )
