"""The first-run page: on an empty installation it makes the owner."""

from typing import Any

from django import forms
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.changes.record import Actor
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.dashboard.account import verify_address
from slotkeeper.doors.languages import current_language
from slotkeeper.doors.source import SIGN_UP, named_source
from slotkeeper.doors.zones import TimeZoneField
from slotkeeper.people.models import User
from slotkeeper.people.sign_up import AlreadySetUp, NewOwner, create_first_owner


class FirstOwnerForm(forms.Form):
    """Who runs this installation."""

    business_name = forms.CharField(
        label=_("Business"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(label=_("Email"), max_length=255, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,  # as allauth reads it at sign-in
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters; not one that many people use."),
    )
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Every page shows times in this zone."))

    def clean(self) -> dict[str, Any]:
        """Check the password against the rules that sign-up uses."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "password" in cleaned:
            person = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
            try:
                validate_password(cleaned["password"], person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


@permit(PUBLIC)
@never_cache
def first_run(request: HttpRequest) -> HttpResponse:
    """Make the first owner and sign them in; gone once there is one."""
    if User.objects.exists():
        raise Http404
    form = FirstOwnerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        owner = NewOwner(**form.cleaned_data, locale=current_language())
        try:
            membership = create_first_owner(owner, Actor("member", None, owner.name, named_source(SIGN_UP, request)))
        except AlreadySetUp:
            return redirect("account_login")
        verify_address(membership.user)
        login(request, membership.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return redirect("home")
    return render(request, "welcome.html", {"form": form})
