"""How allauth makes accounts here: signing up also makes a business."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.http import HttpRequest

from slotkeeper.changes.record import Actor
from slotkeeper.doors.zones import TimeZoneField
from slotkeeper.people.models import User
from slotkeeper.people.sign_up import found_business


class SignUpFields(forms.Form):
    """What sign-up asks beside address and password."""

    name = forms.CharField(label="Your name", max_length=100)
    business_name = forms.CharField(label="Business", max_length=100)
    time_zone = TimeZoneField(label="Time zone")

    def signup(self, request: HttpRequest, user: User) -> None:
        """Make the new user's business; allauth calls this within the sign-up."""
        del request
        user.name, user.time_zone = self.cleaned_data["name"], self.cleaned_data["time_zone"]
        user.save(update_fields=["name", "time_zone"])
        found_business(user, self.cleaned_data["business_name"], Actor("member", None, user.name))


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's hooks."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say whether strangers may sign up."""
        del request
        return bool(settings.CONFIGURATION.is_sign_up_open)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Take the address that our middleware has settled on."""
        return str(request.META.get("REMOTE_ADDR", ""))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an account mail; links in it use SLOTKEEPER_URL, never the Host header."""
        super().send_mail(template_prefix, email, context)


def verify_address(user: User) -> None:
    """Count an address as verified, because its owner or the operator stands behind it."""
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
