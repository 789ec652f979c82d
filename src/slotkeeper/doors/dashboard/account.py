"""How allauth makes accounts here: signing up also makes a business."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from axes.utils import reset
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from slotkeeper.changes.record import Actor
from slotkeeper.doors.languages import current_language, known_language
from slotkeeper.doors.source import SIGN_UP, named_source
from slotkeeper.doors.zones import TimeZoneField
from slotkeeper.people.models import User
from slotkeeper.people.sign_up import found_business

# allauth's own German of this is on first-name terms; here our catalogue finds it, and has it politely.
SAID_BY_ALLAUTH = (gettext_noop("You must type the same password each time."),)


class SignUpFields(forms.Form):
    """What sign-up asks beside address and password."""

    field_order = ["business_name", "name", "email", "password1", "time_zone"]

    business_name = forms.CharField(
        label=_("Business"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    name = forms.CharField(label=_("Your name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = TimeZoneField(label=_("Time zone"))

    def signup(self, request: HttpRequest, user: User) -> None:
        """Make the new user's business; allauth calls this within the sign-up."""
        user.name, user.time_zone = self.cleaned_data["name"], self.cleaned_data["time_zone"]
        user.locale = current_language()
        user.save(update_fields=["name", "time_zone", "locale"])
        founder = Actor("member", None, user.name, named_source(SIGN_UP, request))
        found_business(user, self.cleaned_data["business_name"], founder)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's hooks."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This account is switched off."),
        "cannot_remove_primary_email": _("Your main address cannot be removed."),
        "duplicate_email": _("This address is in your account already."),
        "email_password_mismatch": _("This address and password do not belong together."),
        "email_taken": _("There is an account with this address already. Sign in instead."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_code": _("This code is wrong, or no longer valid."),
        "incorrect_password": _("This password is wrong."),
        "max_email_addresses": _("You cannot add more than %d addresses."),
        "rate_limited": _("That was too often in a short time. Please try again in a few minutes."),
        "too_many_login_attempts": _("Too many attempts. Please wait a few minutes."),
        "unverified_primary_email": _("Your main address must be a confirmed one."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say whether strangers may sign up."""
        del request
        return bool(settings.CONFIGURATION.is_sign_up_open)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Take the address that our middleware has settled on."""
        return str(request.META.get("REMOTE_ADDR", ""))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count no wrong passwords: axes does, for all processes. Wrong codes allauth counts."""

    def set_password(self, user: User, password: str) -> None:
        """Set a new password; wrong tries at the old one no longer lock the door."""
        super().set_password(user, password)
        reset(username=user.email)

    def is_safe_url(self, url: str) -> bool:
        """Let `next` lead to this installation only; ALLOWED_HOSTS names the visitor's own machine, too."""
        own = urlsplit(settings.CONFIGURATION.url)
        return url_has_allowed_host_and_scheme(url, {own.netloc}, require_https=own.scheme == "https")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an account mail in its reader's language; links in it use SLOTKEEPER_URL, never the Host header."""
        links = {name: _own_link(value) for name, value in context.items() if name.endswith("_url")}
        with translation.override(_language_of(email)):
            message = self.render_mail(
                template_prefix,
                email,
                {"email": email, "site_url": settings.CONFIGURATION.url} | context | links,
                headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no out-of-office replies
            )
        message.send()


class SecondStepAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's hooks for passkeys, security keys and codes."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": _("Switch your second step off before you add an address, then on again."),
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
        "unverified_email": _("Confirm your address first: its link is in your mail."),
    }

    def generate_authenticator_name(self, user: User, type: Any) -> str:  # noqa: A002 -- allauth's name
        """Suggest a name that tells keys apart."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Key %(number)d") % {"number": number}

    def _get_site_name(self) -> str:
        """Say what the browser's dialog calls us."""
        return "Slotkeeper"


def _language_of(email: str) -> str:
    """Say which language the owner of an address reads; for a stranger's, the page's."""
    owner = User.objects.filter(emailaddress__email__iexact=email).first()
    return (owner and known_language(owner.locale)) or current_language()


def _own_link(url: str) -> str:
    parts = urlsplit(url)
    return f"{settings.CONFIGURATION.url}{parts.path}{'?' if parts.query else ''}{parts.query}"


def verify_address(user: User) -> None:
    """Count an address as verified, because its owner or the operator stands behind it."""
    found = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=found)
