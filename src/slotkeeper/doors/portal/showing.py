"""How the portal's pages are shown: to whoever has the link, to nobody else, and never kept on the way.

The link is the key, so no other proof (such as a CSRF token) is asked. What changes something is a POST; mail scanners
and previews follow links, and they only ever look.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from slotkeeper.billing.models import Document
from slotkeeper.billing.papers import content_of, filename_of, paper_of
from slotkeeper.billing.portal import Purpose, UnknownLink, open_token
from slotkeeper.billing.sheet import Paperwork
from slotkeeper.changes.record import Actor
from slotkeeper.doors.languages import fall_back_to
from slotkeeper.doors.rate_limit import changing_limits, wait_seconds
from slotkeeper.doors.source import CUSTOMER_LINK, named_source
from slotkeeper.people.logo import find_logo
from slotkeeper.people.models import Business
from slotkeeper.rules.contrast import parse_color

_AGAIN_SECONDS = 3
Page = Callable[..., HttpResponse]  # of a request, what the link leads to, and what else the address says


def private(response: HttpResponse) -> HttpResponse:
    """Keep a page whose address is a secret out of search engines, caches and other sites' logs."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "private, no-store"
    return response


def with_link(purpose: Purpose) -> Callable[[Page], Callable[..., HttpResponse]]:
    """Open the link before a page of it; one that is none, was never one or is one no longer has the same answer."""

    def wrapped(page: Page) -> Callable[..., HttpResponse]:
        @wraps(page)
        def answer(request: HttpRequest, token: str, **arguments: Any) -> HttpResponse:
            try:
                opened = open_token(token, purpose, datetime.now(UTC))
            except UnknownLink:
                return unknown(request)
            document = opened.invoice or opened.quote
            fall_back_to(request, (document.locale if document else "") or opened.business.locale)
            return page(request, opened, **arguments)

        return answer

    return wrapped


def unknown(request: HttpRequest) -> HttpResponse:
    """Say that a link leads nowhere, whatever the reason."""
    return private(render(request, "portal/unknown.html", status=HTTPStatus.NOT_FOUND))


def show(
    request: HttpRequest,
    business: Business,
    template: str,
    context: Mapping[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    """Render a page of a business's portal."""
    color = parse_color(business.accent_color)
    common = {
        "business": business,
        "start_link": reverse("public_business", args=[business.slug]),
        "accent": str(color).removeprefix("#") if color else "",
        "logo": find_logo(business.pk),
    }
    with timezone.override(ZoneInfo(business.time_zone)):
        return private(render(request, template, {**common, **context}, status=status))


def too_often(request: HttpRequest, business: Business) -> HttpResponse | None:
    """Count a change from this source; the page that asks to wait, where it is one too many."""
    wait = wait_seconds(changing_limits(request))
    return ask_to_wait(request, business, wait) if wait else None


def ask_to_wait(request: HttpRequest, business: Business, wait: int) -> HttpResponse:
    """Ask to try again later."""
    page = show(request, business, "portal/too_often.html", {"minutes": -(-wait // 60)}, HTTPStatus.TOO_MANY_REQUESTS)
    page["Retry-After"] = str(wait)
    return page


def see_other(address: str) -> HttpResponse:
    """Lead to a page after something was done."""
    return private(HttpResponse(status=HTTPStatus.SEE_OTHER, headers={"Location": address}))


def answer_paper(request: HttpRequest, document: Paperwork, back: str) -> HttpResponse:
    """Give a document as PDF; while it is being written, a page that asks for it again by itself."""
    content = content_of(document)
    if content is not None:
        response = HttpResponse(content, "application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{filename_of(document)}"'
        return private(response)
    paper = paper_of(document)
    context = {"back": back, "is_late": bool(paper and paper.error)}
    page = show(request, document.business, "portal/paper_wanted.html", context, HTTPStatus.ACCEPTED)
    page["Refresh"] = page["Retry-After"] = str(_AGAIN_SECONDS)
    return page


def customer_actor(request: HttpRequest, document: Document) -> Actor:
    """Name a paper's customer in the record of changes."""
    name = (document.buyer or {}).get("name") or "customer"
    return Actor("customer", document.contact_id, name, named_source(CUSTOMER_LINK, request))
