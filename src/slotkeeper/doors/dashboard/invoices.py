"""The pages of one invoice: write, look at, issue, enter payments, take back."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from slotkeeper.amounts import amount_in_words
from slotkeeper.appointments.rows import find
from slotkeeper.billing.credit_notes import CreditWish, TakenBack, credit_invoice, left_of
from slotkeeper.billing.documents import DocumentTarget, today_of
from slotkeeper.billing.invoices import delete_invoice, invoice_appointment, issue_invoice, record_payment
from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus, PaymentMethod
from slotkeeper.billing.payments import Money, NewPayment
from slotkeeper.billing.profile import ProfileIncomplete
from slotkeeper.billing.stripe_accounts import is_payable_online
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import caller_of, number_from, readable, show
from slotkeeper.doors.dashboard.document_form import day_field
from slotkeeper.doors.dashboard.editing import edit_document, new_document
from slotkeeper.doors.dashboard.money_fields import DecimalField
from slotkeeper.doors.dashboard.money_words import (
    METHODS,
    REFUSED,
    history_of,
    left_rows,
    line_rows,
    payment_rows,
    say_refusal,
    standing_of,
    sum_rows,
)
from slotkeeper.doors.dashboard.offering_fields import read_amount, write_amount
from slotkeeper.doors.ids import LARGEST_ID, known_id
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.rules.permissions import Permission

_BY_HAND = (PaymentMethod.BANK_TRANSFER, PaymentMethod.CASH, PaymentMethod.CARD, PaymentMethod.OTHER)


class PaymentForm(forms.Form):
    """A payment that came, or went back."""

    amount = forms.CharField(
        label=_("Amount"), max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    is_back = forms.BooleanField(label=_("It went back to the customer"), required=False)
    method = forms.ChoiceField(label=_("How"), choices=[(one.value, METHODS[one]) for one in _BY_HAND])
    received_on = day_field(_("On"))
    external_id = Text(
        _("Reference"), 200,
        help_text=_("Such as the line of the bank statement. The same one is refused a second time."),
    )  # fmt: skip
    reference = Text(_("Remark"), 200, empty_value="")
    version = forms.IntegerField(min_value=1, max_value=LARGEST_ID, widget=forms.HiddenInput)

    def __init__(self, currency: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.currency = currency

    def clean_amount(self) -> int:
        """Read it in minor units."""
        amount = read_amount(self.cleaned_data["amount"], self.currency)
        if amount == 0:
            raise ValidationError(_("It must be more than 0."))
        return amount

    def wanted(self, today: date) -> NewPayment:
        """Give the payment in the verb's words."""
        data = self.cleaned_data
        amount = -data["amount"] if data["is_back"] else data["amount"]
        return NewPayment(
            Money(amount, self.currency), PaymentMethod(data["method"]), data["received_on"] or today,
            external_id=data["external_id"], reference=data["reference"],
        )  # fmt: skip


@permit(Permission.MONEY_WRITE)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Write an invoice; `?contact_id=` names for whom."""
    return edit_document(request, new_document(Invoice, request))


@permit(Permission.MONEY_WRITE)
@never_cache
def edit(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Change a draft."""
    invoice = _found(request, invoice_id)
    if invoice.status != InvoiceStatus.DRAFT:
        return redirect("invoice", invoice.pk)
    return edit_document(request, invoice)


@permit(Permission.MONEY_READ)
@never_cache
def page(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Show an invoice or a credit note: how it stands, its lines, payments, and what may be done."""
    return _page(request, _found(request, invoice_id))


@permit(Permission.MONEY_WRITE)
@require_POST
def issue(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Give a draft its number."""
    invoice = _found(request, invoice_id)
    try:
        issue_invoice(_target(request, invoice), caller_of(request).actor, datetime.now(UTC))
    except ProfileIncomplete:
        messages.error(request, gettext("Nothing was issued: the billing settings lack what an invoice must say."))
        return redirect("billing_settings")
    except REFUSED as error:
        say_refusal(request, error)
    else:
        messages.success(request, gettext("The invoice is issued. It will not change any more."))
    return redirect("invoice", invoice.pk)


@permit(Permission.MONEY_WRITE)
@never_cache
def delete(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Ask whether to delete a draft, and delete it."""
    invoice = _found(request, invoice_id)
    if request.method != "POST":
        return show(request, "dashboard/document_delete.html", {"document": invoice, "is_invoice": True})
    try:
        delete_invoice(_target(request, invoice), caller_of(request).actor)
    except REFUSED as error:
        say_refusal(request, error)
        return redirect("invoice", invoice.pk)
    messages.success(request, gettext("The draft is deleted."))
    return redirect("money")


@permit(Permission.MONEY_WRITE)
@never_cache
def pay(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Enter a payment by hand."""
    invoice = _found(request, invoice_id)
    form = PaymentForm(invoice.currency, request.POST or None, initial=_payment_of(invoice))
    if request.method == "POST" and form.is_valid():
        today = today_of(invoice.business, datetime.now(UTC))
        try:
            target = _target(request, invoice)
            record_payment(target, form.wanted(today), caller_of(request).actor, datetime.now(UTC))
        except InvalidFields as error:
            for name, reason in error.reasons.items():
                form.add_error(name, gettext(reason))
        except REFUSED as error:
            say_refusal(request, error)
            return redirect("invoice", invoice.pk)
        else:
            messages.success(request, gettext("The payment is entered."))
            return redirect("invoice", invoice.pk)
    context = {"form": form, "invoice": invoice, "owed": _owed(invoice)}
    return show(request, "dashboard/invoice_payment.html", context)


@permit(Permission.MONEY_WRITE)
@never_cache
def credit(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Choose what is taken back, and issue the credit note."""
    invoice = _found(request, invoice_id)
    if invoice.kind != InvoiceKind.INVOICE or invoice.status == InvoiceStatus.DRAFT:
        return redirect("invoice", invoice.pk)
    left = left_of(invoice)
    form = _credit_form(left, request.POST or None, invoice)
    if request.method == "POST" and form.is_valid():
        try:
            wish = _credit_wish(left, form.cleaned_data)
            made = credit_invoice(_target(request, invoice), wish, caller_of(request).actor, datetime.now(UTC))
        except InvalidFields as error:
            for reason in error.reasons.values():
                form.add_error(None, gettext(reason))
        except REFUSED as error:
            say_refusal(request, error)
            return redirect("invoice", invoice.pk)
        else:
            messages.success(request, gettext("The credit note is issued."))
            return redirect("invoice", made.pk)
    fields = [form[f"quantity_{row['position']}"] for row in left_rows(invoice, left)]
    context = {"form": form, "invoice": invoice, "rows": zip(left_rows(invoice, left), fields, strict=True)}
    return show(request, "dashboard/invoice_credit.html", context)


@permit(Permission.MONEY_WRITE)
@require_POST
def of_appointment(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Write an invoice for an appointment."""
    caller = caller_of(request)
    row = find(readable(caller), known_id(appointment_id))
    if row is None:
        raise Http404
    try:
        invoice = invoice_appointment(caller.business_id, row.id, caller.actor, datetime.now(UTC))
    except REFUSED as error:
        say_refusal(request, error)
    else:
        messages.success(request, gettext("This is the draft. Look at it, and issue it."))
        return redirect("invoice", invoice.pk)
    return redirect("appointment", row.id)


def _page(request: HttpRequest, invoice: Invoice) -> HttpResponse:
    caller, now = caller_of(request), datetime.now(UTC)
    is_draft, is_credit = invoice.status == InvoiceStatus.DRAFT, invoice.kind == InvoiceKind.CREDIT_NOTE
    may_write = caller.may(Permission.MONEY_WRITE)
    context = {
        "document": invoice,
        "is_invoice": True,
        "is_draft": is_draft,
        "is_credit": is_credit,
        "standing": standing_of(invoice, today_of(invoice.business, now), now),
        "rows": line_rows(invoice),
        "has_discounts": any(row.discount for row in line_rows(invoice)),
        "sums": sum_rows(invoice),
        "owed": "" if is_draft or is_credit else _owed(invoice),
        "is_credit_balance": invoice.open_amount < 0,
        "payments": payment_rows(invoice.payments.select_related("invoice").order_by("pk")),
        "credit_notes": invoice.credit_notes.order_by("pk"),
        "history": history_of(invoice),
        "may_write": may_write,
        "may_pay": may_write and not is_draft and not is_credit,
        "may_pay_online": may_write and not is_draft and not is_credit and _is_owed_online(invoice),
        "may_credit": may_write and not is_credit and invoice.status in {InvoiceStatus.OPEN, InvoiceStatus.PAID},
        "may_see_details": caller.may(Permission.CONTACTS_READ_DETAILS),
    }
    return show(request, "dashboard/document.html", context)


def _is_owed_online(invoice: Invoice) -> bool:
    return invoice.open_amount > 0 and is_payable_online(invoice.business_id)


def _owed(invoice: Invoice) -> str:
    return amount_in_words(abs(invoice.open_amount), invoice.currency)


def _payment_of(invoice: Invoice) -> dict[str, Any]:
    """Fill the form with what is owed, or with the credit that can go back."""
    amount = write_amount(abs(invoice.open_amount) or None, invoice.currency)
    today = today_of(invoice.business, datetime.now(UTC))
    return {
        "amount": amount, "is_back": invoice.open_amount < 0, "received_on": today, "version": invoice.version
    }  # fmt: skip


def _credit_form(left: dict[int, Decimal], data: Any, invoice: Invoice) -> forms.Form:
    fields: dict[str, Any] = {
        f"quantity_{position}": DecimalField(_("How many"), 3, quantity, usual="0")
        for position, quantity in left.items()
        if quantity > 0
    }
    fields["note"] = Text(_("Text on the paper"), 2000, rows=3, empty_value="")
    fields["version"] = forms.IntegerField(min_value=1, max_value=LARGEST_ID, widget=forms.HiddenInput)
    form_class: type[forms.Form] = type("CreditForm", (forms.Form,), fields)
    initial = {f"quantity_{position}": f"{quantity.normalize():f}" for position, quantity in left.items()}
    return form_class(data, initial=initial | {"version": invoice.version})


def _credit_wish(left: dict[int, Decimal], data: dict[str, Any]) -> CreditWish:
    """Read what is taken back. Raises InvalidFields where it is nothing."""
    taken = [
        TakenBack(position, data[f"quantity_{position}"])
        for position in left
        if Decimal(data.get(f"quantity_{position}") or 0)
    ]
    if not taken:
        raise InvalidFields({"lines": gettext_noop("Say of at least one line how much is taken back.")})
    return CreditWish(taken, data["note"])


def _target(request: HttpRequest, invoice: Invoice) -> DocumentTarget:
    version = number_from(request.POST.get("version")) or 0
    return DocumentTarget(invoice.business_id, invoice.pk, frozenset({version}))


def _found(request: HttpRequest, invoice_id: int) -> Invoice:
    mine = Invoice.objects.select_related("business", "contact", "quote", "corrects", "appointment")
    invoice = mine.filter(business_id=caller_of(request).business_id, pk=known_id(invoice_id)).first()
    if invoice is None:
        raise Http404
    return invoice
