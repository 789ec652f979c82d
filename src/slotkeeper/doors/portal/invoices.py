"""The page of an invoice: what it says, how it stands, how it is paid, its PDF and what was paid."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from slotkeeper.amounts import amount_in_words
from slotkeeper.billing.documents import today_of
from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus
from slotkeeper.billing.portal import Opened, Purpose
from slotkeeper.billing.sheet import sheet_of, transfer_of
from slotkeeper.billing.stripe_accounts import is_payable_online
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.paying import pay_policy
from slotkeeper.doors.portal.showing import answer_paper, show, with_link
from slotkeeper.doors.portal.words import payment_in_words, standing_of_invoice


@permit(PUBLIC)
@require_safe
@with_link(Purpose.INVOICE)
def view(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Show an invoice, and how to pay it."""
    invoice = opened.invoice
    assert invoice is not None
    owed = _owed(invoice)
    is_online = owed > 0 and is_payable_online(opened.business.pk)
    response = show(
        request,
        opened.business,
        "portal/invoice.html",
        {
            "invoice": invoice,
            "sheet": sheet_of(invoice),
            "standing": standing_of_invoice(invoice, today_of(opened.business, datetime.now(UTC))),
            "owed": amount_in_words(owed, invoice.currency) if owed > 0 else "",
            "credit": amount_in_words(-owed, invoice.currency) if owed < 0 else "",
            "pay_link": reverse("portal_invoice_pay", args=[opened.text]) if is_online else "",
            "is_under_way": owed > 0 and invoice.payment_links.filter(status="processing").exists(),
            "transfer": transfer_of(invoice, owed),
            "payments": [payment_in_words(one) for one in invoice.payments.order_by("received_on", "pk")],
            "credit_notes": list(invoice.credit_notes.exclude(number="").order_by("pk")),
            "paper_link": reverse("portal_invoice_paper", args=[opened.text]),
        },
    )
    if is_online:
        response["Content-Security-Policy"] = pay_policy()
    return response


@permit(PUBLIC)
@require_safe
@with_link(Purpose.INVOICE)
def paper(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Give an invoice as PDF."""
    assert opened.invoice is not None
    return answer_paper(request, opened.invoice, reverse("portal_invoice", args=[opened.text]))


def _owed(invoice: Invoice) -> int:
    """Say what is left to pay; negative where more came than was asked for."""
    if invoice.kind == InvoiceKind.CREDIT_NOTE or invoice.status == InvoiceStatus.DRAFT:
        return 0
    return invoice.open_amount
