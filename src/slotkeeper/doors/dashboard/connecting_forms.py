"""The forms that connect a calendar by an address."""

from typing import Any, NamedTuple

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from slotkeeper.calendars.connections import Credentials
from slotkeeper.calendars.models import Kind
from slotkeeper.doors.dashboard.asking import refuse_control_characters


class Server(NamedTuple):
    """A kind of CalDAV server that people know by name. `address` is "" where each has its own."""

    name: str | Promise
    address: str
    password_help: str | Promise


SERVERS = {
    "icloud": Server(
        "iCloud",
        "https://caldav.icloud.com",
        _("An app-specific password: make one at account.apple.com under “Sign-In and Security”."),
    ),
    "fastmail": Server(
        "Fastmail",
        "https://caldav.fastmail.com",
        _("An app password: make one in Fastmail’s settings under “Privacy & Security”, with access to calendars."),
    ),
    "nextcloud": Server("Nextcloud", "", _("An app password: make one in your Nextcloud’s settings under “Security”.")),
    "other": Server(
        _("Another CalDAV server"), "", _("Where the server offers passwords for single apps, make one of those.")
    ),
}


class _Address(forms.CharField):
    """An address as people type it: without https://, or with webcal: in its place."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        )
        super().__init__(max_length=2000, widget=widget, validators=[refuse_control_characters], **options)

    def clean(self, value: Any) -> Any:
        """Complete what was typed."""
        typed = str(super().clean(value))
        scheme, mark, rest = typed.partition("://")
        if not mark:
            return f"https://{typed}" if typed else typed
        return f"https://{rest}" if scheme.lower() in {"webcal", "webcals"} else typed


def _password(**options: Any) -> forms.CharField:
    # Never shown again: not even when the page comes back with an error.
    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"})
    return forms.CharField(max_length=1000, strip=True, widget=widget, **options)


class CalDavForm(forms.Form):
    """An account at a CalDAV server."""

    address = _Address(label=_("Address of the server"), help_text=_("Such as cloud.example.com; the rest is found."))
    username = forms.CharField(
        label=_("User name"),
        max_length=255,
        validators=[refuse_control_characters],
        help_text=_("Often your email address."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = _password(label=_("App password"))

    def __init__(self, server: Server, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.server = server
        self.fields["password"].help_text = str(server.password_help)
        if server.address:
            del self.fields["address"]

    def credentials(self) -> Credentials:
        """Give what was typed as the verb takes it."""
        data = self.cleaned_data
        url = self.server.address or data["address"]
        return Credentials(Kind.CALDAV, url, data["username"].strip(), data["password"])


class FeedForm(forms.Form):
    """A calendar that is published under an address and can only be read."""

    address = _Address(
        label=_("Address of the calendar"),
        help_text=_("It often ends in .ics. Calendar programs call it “subscribe”, “publish” or “secret address”."),
    )
    name = forms.CharField(
        label=_("What you call it"),
        max_length=100,
        required=False,
        validators=[refuse_control_characters],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def credentials(self) -> Credentials:
        """Give what was typed as the verb takes it."""
        return Credentials(Kind.ICS_FEED, self.cleaned_data["address"], name=self.cleaned_data["name"])


class PasswordForm(forms.Form):
    """A new password for an account that is connected already."""

    password = _password(label=_("App password"))
