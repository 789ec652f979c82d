"""The page of the billing settings: what papers say about the business, and how it wants to be paid."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.billing.models import BillingProfile
from slotkeeper.billing.profile import (
    FIELDS,
    MOST_DAYS,
    ProfileIncomplete,
    ProfileVersionConflict,
    profile_of,
    require_complete,
    update_profile,
)
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.money_fields import percent_field, write_decimal
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.rules.permissions import Permission


def _days_field(label: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=MOST_DAYS, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )


class BillingForm(forms.Form):
    """The billing settings."""

    legal_name = Text(_("Name on papers"), 200, empty_value="", help_text=_("The business’s full legal name."))
    street = Text(_("Street and number"), 200, empty_value="")
    postal_code = Text(_("Postal code"), 20, empty_value="")
    city = Text(_("Town"), 100, empty_value="")
    country = Text(_("Country"), 2, empty_value="", help_text=_("Its two letters, such as DE."))
    vat_id = Text(_("VAT number"), 20, empty_value="")
    tax_number = Text(
        _("Tax number"), 40, empty_value="", help_text=_("One of the two is needed where tax is charged.")
    )
    default_tax_rate = percent_field(_("Usual tax, %"))
    exemption_note = Text(
        _("Why no tax is charged"), 300, empty_value="", help_text=_("It stands on papers without tax.")
    )
    payment_days = _days_field(_("Days to pay"))
    quote_days = _days_field(_("Days that a quote is valid"))
    number_prefix = Text(
        _("What stands before an invoice’s number"), 20, empty_value="", help_text=_("Such as RE- for RE-0001.")
    )
    account_holder = Text(_("Account holder"), 70, empty_value="")
    iban = Text(_("IBAN"), 42, empty_value="")
    bic = Text(_("BIC"), 11, empty_value="")
    footer = Text(_("Foot of papers"), 500, empty_value="")
    has_e_invoices = forms.BooleanField(
        label=_("E-invoices: the data of EN 16931 within the PDF"), required=False,
        help_text=_("They then need the country of each customer."),
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


@permit(Permission.MONEY_READ)
@never_cache
def settings(request: HttpRequest) -> HttpResponse:
    """Show the billing settings, or change them; a change by somebody else meanwhile is shown first."""
    caller = caller_of(request)
    profile = profile_of(caller.business_id)
    may_write, stored = caller.may(Permission.MONEY_WRITE), None
    form = BillingForm(request.POST if may_write and request.method == "POST" else None, initial=_initial(profile))
    if form.is_valid():
        fields = {name: form.cleaned_data[name] for name in FIELDS}
        try:
            update_profile(caller.business_id, fields, caller.actor, frozenset({form.cleaned_data["version"] or 0}))
        except ProfileVersionConflict as error:
            stored = _initial(error.current)
            data = request.POST.copy()
            data["version"] = str(error.current.version)
            form = BillingForm(data, initial=stored)
        except InvalidFields as error:
            for name, reason in error.reasons.items():
                form.add_error(name, gettext(reason))
        else:
            messages.success(request, gettext("Saved."))
            return redirect("billing_settings")
    context = {
        "form": form,
        "stored": None if stored is None else _differences(form, stored),
        "missing": _missing(profile),
        "may_write": may_write,
    }
    return show(request, "dashboard/billing_settings.html", context, 200 if stored is None else 409)


def _initial(profile: BillingProfile) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(profile, name) for name in (*FIELDS, "version")}
    return values | {"default_tax_rate": write_decimal(str(profile.default_tax_rate))}


def _differences(form: BillingForm, stored: dict[str, Any]) -> list[tuple[Any, str]]:
    """List what the business has otherwise than it was typed, in words."""
    changed = set(form.changed_data) - {"version", "has_e_invoices"}
    return [(form[name].label, str(stored[name]) or gettext("none")) for name in form.fields if name in changed]


def _missing(profile: BillingProfile) -> list[str]:
    """Say what stands between the business and its first invoice."""
    try:
        require_complete(profile, is_taxed=profile.default_tax_rate > 0, has_untaxed=not profile.default_tax_rate)
    except ProfileIncomplete as error:
        return [gettext(reason) for reason in error.reasons.values()]
    return []
