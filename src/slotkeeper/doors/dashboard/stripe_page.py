"""The page on which a business pastes its keys at Stripe, and sees whether payments arrive."""

from typing import Any

from django import forms
from django.conf import settings as installation
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from slotkeeper.billing.gateway_models import GatewayEvent, GatewayReading, Prepayment, PrepaymentStatus
from slotkeeper.billing.gateways.stripe_objects import EVENTS
from slotkeeper.billing.stripe_accounts import StillPrepaid, forget_keys, keep_keys, shown_keys
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission

_LAST_EVENTS = 10
_LONGEST = 600


def _secret_field(label: Any, example: str) -> forms.CharField:
    # A password field, so that nobody reads along; it never holds what is stored.
    attributes = {"autocomplete": "off", "spellcheck": "false", "placeholder": example}
    return forms.CharField(
        label=label, max_length=_LONGEST, required=False, widget=forms.PasswordInput(attrs=attributes)
    )


class KeysForm(forms.Form):
    """The keys, as they are pasted; what is left empty stays as it is."""

    stripe_key = _secret_field(_("Secret key"), "sk_live_…")
    stripe_signing_secret = _secret_field(_("Signing secret of the webhook"), "whsec_…")


@permit(Permission.SETTINGS_WRITE)
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """Show how Stripe is set up, and keep the keys that are pasted."""
    if request.method != "POST":
        return _page(request, KeysForm())
    form, caller = KeysForm(request.POST), caller_of(request)
    if not form.is_valid():
        return _page(request, form)
    data = form.cleaned_data
    try:
        keep_keys(caller.business_id, data["stripe_key"], data["stripe_signing_secret"], caller.actor)
    except InvalidFields as error:
        for name, reason in error.reasons.items():
            form.add_error(name, gettext(reason))
        return _page(request, form)
    messages.success(request, gettext("Saved."))
    return redirect("stripe")


@permit(Permission.SETTINGS_WRITE)
@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Forget the keys."""
    caller = caller_of(request)
    try:
        forget_keys(caller.business_id, caller.actor)
    except StillPrepaid:
        sentence = gettext("Services are paid in advance through Stripe. Change them first, then forget the keys.")
        messages.error(request, sentence)
    else:
        messages.success(request, gettext("The keys are forgotten."))
    return redirect("stripe")


def _page(request: HttpRequest, form: KeysForm) -> HttpResponse:
    business_id = caller_of(request).business_id
    slug = Business.objects.values_list("slug", flat=True).get(pk=business_id)
    events = GatewayEvent.objects.filter(business_id=business_id).order_by("-pk")[:_LAST_EVENTS]
    missed = Prepayment.objects.filter(business_id=business_id, status=PrepaymentStatus.MISSED)
    context = {
        "form": form,
        "keys": shown_keys(business_id),
        "door": f"{installation.CONFIGURATION.url}/webhooks/stripe/{slug}",
        "events": EVENTS,
        "told": [(event, gettext(event.outcome) if event.outcome else "") for event in events],
        "reading": GatewayReading.objects.filter(business_id=business_id).first(),
        "missed": missed.select_related("service").order_by("pk"),
    }
    return show(request, "dashboard/stripe.html", context)
