"""The account page: who you are, how you sign in, and which business you are in."""

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import SIGNED_IN, permit
from slotkeeper.doors.languages import known_language
from slotkeeper.doors.zones import TimeZoneField
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Membership, User
from slotkeeper.people.profile import update_profile
from slotkeeper.rules.permissions import Permission


class ProfileForm(forms.Form):
    """What a person says about themself."""

    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = TimeZoneField(
        label=_("Time zone"), help_text=_("Every page shows times in this zone. Stored appointments do not move.")
    )
    locale = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)


@permit(Permission.SELF_WRITE)
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Show and change the signed-in person's own account."""
    caller: Caller = request.caller  # type: ignore[attr-defined]  # the permission gate has filled it
    user = User.objects.get(pk=caller.user_id)
    form = ProfileForm(request.POST or None, initial=_said_by(user))
    if request.method == "POST" and form.is_valid():
        update_profile(caller.business_id, user.pk, form.cleaned_data, caller.actor)
        with translation.override(form.cleaned_data["locale"]):
            messages.success(request, gettext("Saved."))
        return redirect("account")
    own = Membership.objects.active().filter(user_id=user.pk)
    context = {
        "form": form,
        "address": EmailAddress.objects.filter(user_id=user.pk, primary=True).first(),
        "has_second_step": is_mfa_enabled(user),
        "memberships": own.select_related("business").order_by("pk"),
    }
    return render(request, "dashboard/account.html", context)


def _said_by(user: User) -> dict[str, str | None]:
    return {"name": user.name, "time_zone": user.time_zone, "locale": known_language(user.locale)}


@permit(SIGNED_IN)
def switch_business(request: HttpRequest) -> HttpResponse:
    """Work in another business of one's own from now on; one that is not is as unknown as none."""
    if request.method == "POST" and request.user.is_authenticated:
        own = Membership.objects.active().filter(user_id=request.user.pk)
        try:
            membership = forms.ModelChoiceField(own).clean(request.POST.get("membership"))
        except forms.ValidationError:
            raise Http404 from None
        request.session["membership_id"] = membership.pk
    return redirect("home")
