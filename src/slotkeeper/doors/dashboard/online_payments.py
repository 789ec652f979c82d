"""What is done about an invoice through the payment provider: a link to pay it, and giving money back."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from slotkeeper.amounts import amount_in_words
from slotkeeper.billing.gateways.base import GatewayAway, GatewayRefused
from slotkeeper.billing.models import Invoice
from slotkeeper.billing.pay_links import pay_invoice
from slotkeeper.billing.payments import NotIssued, NotPayable
from slotkeeper.billing.refunds import NothingPaid, RefundOrder, refund_invoice
from slotkeeper.billing.stripe_accounts import PaymentsOff
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.offering_fields import read_amount, write_amount
from slotkeeper.doors.ids import known_id
from slotkeeper.doors.paying import NOT_PAYABLE, told
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.rules.permissions import Permission


class RefundForm(forms.Form):
    """How much goes back, and why."""

    amount = forms.CharField(
        label=_("Amount"), max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    reason = Text(_("Reason"), 200, empty_value="", help_text=_("For your own records; the customer does not see it."))

    def __init__(self, currency: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.currency = currency

    def clean_amount(self) -> int:
        """Read it in minor units."""
        amount = read_amount(self.cleaned_data["amount"], self.currency)
        if amount == 0:
            raise ValidationError(_("It must be more than 0."))
        return amount


@permit(Permission.MONEY_WRITE)
@require_POST
@never_cache
def link(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Give a link on which an invoice can be paid, to send it on."""
    invoice = _found(request, invoice_id)
    try:
        made = pay_invoice(invoice.business_id, invoice.pk, datetime.now(UTC))
    except NOT_PAYABLE as error:
        messages.error(request, _said(error))
        return redirect("invoice", invoice.pk)
    context = {"invoice": invoice, "link": made, "amount": amount_in_words(made.amount, made.currency)}
    return show(request, "dashboard/payment_link.html", context)


@permit(Permission.MONEY_WRITE)
@never_cache
def refund(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Ask how much goes back, and give it back."""
    invoice = _found(request, invoice_id)
    if invoice.paid_amount <= 0:
        return redirect("invoice", invoice.pk)
    usual = {"amount": write_amount(invoice.paid_amount, invoice.currency)}
    form = RefundForm(invoice.currency, request.POST or None, initial=usual)
    if request.method == "POST" and form.is_valid():
        order = RefundOrder(form.cleaned_data["amount"], form.cleaned_data["reason"])
        try:
            refund_invoice(invoice.business_id, invoice.pk, order, caller_of(request).actor, datetime.now(UTC))
        except InvalidFields as error:
            for name, reason in error.reasons.items():
                form.add_error(name, gettext(reason))
        except (GatewayAway, GatewayRefused, NotIssued, NotPayable, NothingPaid, PaymentsOff) as error:
            form.add_error(None, _said(error))
        else:
            messages.success(request, gettext("The money goes back."))
            return redirect("invoice", invoice.pk)
    paid = amount_in_words(invoice.paid_amount, invoice.currency)
    is_online = invoice.payments.filter(method="stripe").exists()
    context = {"form": form, "invoice": invoice, "paid": paid, "is_online": is_online}
    return show(request, "dashboard/invoice_refund.html", context)


def _said(error: Exception) -> str:
    """Say to a member what went wrong; they may read what the provider says."""
    if isinstance(error, PaymentsOff):
        return gettext("Online payment is not set up: see Settings → Stripe.")
    return str(error) if isinstance(error, GatewayRefused) and str(error) else told(error)


def _found(request: HttpRequest, invoice_id: int) -> Invoice:
    mine = Invoice.objects.select_related("business").filter(business_id=caller_of(request).business_id)
    invoice = mine.filter(pk=known_id(invoice_id)).first()
    if invoice is None:
        raise Http404
    return invoice
