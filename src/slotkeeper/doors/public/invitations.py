"""The page behind the link of an invitation: whoever has it reads the mail at its address, and joins, once."""

from datetime import UTC, datetime
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.dashboard.account import verify_address
from slotkeeper.doors.languages import current_language, fall_back_to
from slotkeeper.doors.source import SIGN_UP, named_source
from slotkeeper.doors.zones import TimeZoneField
from slotkeeper.people.invitations import (
    AccountExists,
    AlreadyMember,
    NewPerson,
    OtherAddress,
    UnknownInvitation,
    accept_as,
    accept_as_new,
    account_of,
    open_invitation,
)
from slotkeeper.people.models import Invitation, Membership, User


class NewPersonForm(forms.Form):
    """What somebody says who has no account yet. The address is the invitation's."""

    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        strip=False,  # as allauth reads it at sign-in
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters; not one that many people use."),
    )
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Every page shows times in this zone."))

    def __init__(self, email: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.email = email

    def clean(self) -> dict[str, Any]:
        """Check the password against the rules that sign-up uses."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "password" in cleaned:
            try:
                validate_password(cleaned["password"], User(email=self.email, name=cleaned.get("name", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


@permit(PUBLIC)
@never_cache
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Show an invitation, and accept it: nothing happens by opening the link alone."""
    try:
        found = open_invitation(secret, datetime.now(UTC))
    except UnknownInvitation:
        return _unknown(request)
    fall_back_to(request, found.business.locale)
    try:
        if request.user.is_authenticated:
            return _for_signed_in(request, secret, found, request.user)
        return _for_visitor(request, secret, found)
    except UnknownInvitation:
        return _unknown(request)  # accepted or revoked since the line above


def _for_signed_in(request: HttpRequest, secret: str, found: Invitation, user: User) -> HttpResponse:
    if account_of(found.email) != user:
        return _page(request, "other", found, status=403)
    if request.method != "POST":
        return _page(request, "join", found)
    try:
        member = accept_as(secret, user, datetime.now(UTC), named_source(SIGN_UP, request))
    except OtherAddress:
        return _page(request, "other", found, status=403)
    except AlreadyMember:
        messages.info(request, gettext("You belong to this team already."))
        return redirect("home")
    return _enter(request, member)


def _for_visitor(request: HttpRequest, secret: str, found: Invitation) -> HttpResponse:
    if account_of(found.email) is not None:
        return _page(request, "sign_in", found)
    form = NewPersonForm(found.email, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "new", found, form)
    person = NewPerson(**form.cleaned_data, locale=current_language())
    try:
        member = accept_as_new(secret, person, datetime.now(UTC), named_source(SIGN_UP, request))
    except AccountExists:
        return _page(request, "sign_in", found)
    if settings.CONFIGURATION.mail_server:
        verify_address(member.user)
    else:  # the link was handed over by somebody: it proves nothing about who reads mails to the address
        EmailAddress.objects.create(user=member.user, email=member.user.email, primary=True, verified=False)
    login(request, member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return _enter(request, member)


def _enter(request: HttpRequest, member: Membership) -> HttpResponse:
    request.session["membership_id"] = member.pk
    messages.success(request, gettext("Welcome to the team of %(name)s.") % {"name": member.business.name})
    return redirect("home")


def _page(
    request: HttpRequest, state: str, found: Invitation, form: NewPersonForm | None = None, status: int = 200
) -> HttpResponse:
    context = {"state": state, "invitation": found, "business": found.business, "form": form}
    return render(request, "invitation.html", context, status=status)


def _unknown(request: HttpRequest) -> HttpResponse:
    return render(request, "invitation.html", {"state": "unknown"}, status=404)
