"""Where Stripe tells what happened to payments. It is believed by its signature, and by nothing else.

What was taken, or told before, or concerns nobody here, is answered with 200: only what should be told again, because
the database is away, is not.
"""

import logging
import time
from datetime import UTC, datetime
from http import HTTPStatus

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from slotkeeper.billing.gateways.base import Notice
from slotkeeper.billing.gateways.stripe import NAME, BadSignature, StripeAccount, open_event
from slotkeeper.billing.gateways.stripe_objects import Unreadable
from slotkeeper.billing.news import Source, take_notice
from slotkeeper.billing.stripe_accounts import account_of, only_business_id
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.people.models import Business

logger = logging.getLogger("slotkeeper.doors")
MOST_BYTES = 500_000
_TRIES = 3
_PAUSE_SECONDS = 0.05


@permit(PUBLIC)
@csrf_exempt
@require_POST
def only(request: HttpRequest) -> HttpResponse:
    """Hear from Stripe where the installation serves one business."""
    business_id = only_business_id()
    if business_id is None:
        return _plain("Add the business to the address: /webhooks/stripe/<business>.", HTTPStatus.NOT_FOUND)
    return _hear(request, business_id)


@permit(PUBLIC)
@csrf_exempt
@require_POST
def of_business(request: HttpRequest, business: str) -> HttpResponse:
    """Hear from Stripe about one business."""
    business_id = Business.objects.filter(slug=business).values_list("pk", flat=True).first()
    if business_id is None:
        return _plain("There is no such business.", HTTPStatus.NOT_FOUND)
    return _hear(request, business_id)


def _hear(request: HttpRequest, business_id: int) -> HttpResponse:
    account = account_of(business_id)
    if account is None or not account.signing_secret:
        return _plain("No signing secret is set, so no event can be believed.", HTTPStatus.FORBIDDEN)
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return _plain("That is too long for an event.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        notice = open_event(account, body, request.headers.get("Stripe-Signature", ""))
    except BadSignature:
        return _plain("The signature is wrong, or too old.", HTTPStatus.BAD_REQUEST)
    except Unreadable:
        return _plain("This is no event.", HTTPStatus.BAD_REQUEST)
    outcome = _taken(_source(business_id, account), notice)
    logger.info("Stripe told %s (%s) to business %d: %s", notice.external_id, notice.kind, business_id, outcome)
    return _plain(outcome, HTTPStatus.OK)


def _taken(source: Source, notice: Notice) -> str:
    """Take an event; again where the database only had too much to do. The page chain answers 503 for the rest."""
    for number in range(1, _TRIES):
        try:
            return take_notice(source, notice, datetime.now(UTC))
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            time.sleep(_PAUSE_SECONDS * number)
    return take_notice(source, notice, datetime.now(UTC))


def _source(business_id: int, account: StripeAccount) -> Source:
    return Source(business_id, NAME, account.is_live, account.account_id)


def _plain(text: str, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(text, "text/plain; charset=utf-8", status=status)
