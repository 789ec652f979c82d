"""The button of an invoice's page that leads to where it is paid."""

import logging
from datetime import UTC, datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from slotkeeper.billing.pay_links import pay_invoice
from slotkeeper.billing.portal import Opened, Purpose
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.paying import NOT_PAYABLE, told
from slotkeeper.doors.portal.showing import see_other, show, too_often, with_link

logger = logging.getLogger("slotkeeper.doors")


@permit(PUBLIC)
@csrf_exempt
@require_POST
@with_link(Purpose.INVOICE)
def pay(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Lead to the payment provider's page for what is owed now."""
    assert opened.invoice is not None
    wait = too_often(request, opened.business)
    if wait is not None:
        return wait
    try:
        link = pay_invoice(opened.business.pk, opened.invoice.pk, datetime.now(UTC))
    except NOT_PAYABLE as error:
        logger.warning("Invoice %d cannot be paid online: %s", opened.invoice.pk, str(error) or type(error).__name__)
        context = {"reason": told(error), "back": reverse("portal_invoice", args=[opened.text])}
        return show(request, opened.business, "portal/not_payable.html", context, HTTPStatus.CONFLICT)
    return see_other(link.url)
