"""The form of a webhook endpoint."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.webhook_words import EVENTS, in_words
from slotkeeper.webhooks.addresses import UrlRefused, check_url
from slotkeeper.webhooks.endpoints import EndpointFields
from slotkeeper.webhooks.events import EventType
from slotkeeper.webhooks.models import WebhookEndpoint


class EndpointForm(forms.Form):
    """Where webhooks go, and which."""

    url = Text(
        _("Address"), 2000, required=True,
        help_text=_("Begins with https:// and can be reached from the internet."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "inputmode": "url"}
        ),
    )  # fmt: skip
    description = Text(_("What it is for"), 200, empty_value="")
    events = forms.MultipleChoiceField(
        label=_("What it is told of"),
        required=False,
        choices=[(event.value, format_lazy("{} ({})", EVENTS[event], event.value)) for event in EventType],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everything, also what later versions will tell of."),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def clean_url(self) -> str:
        """Accept an address to which webhooks may go; its host is looked up."""
        try:
            return check_url(self.cleaned_data["url"])
        except UrlRefused as error:
            raise forms.ValidationError(in_words(str(error))) from None

    def wanted(self) -> EndpointFields:
        """Give the fields in the verb's words."""
        data = self.cleaned_data
        return EndpointFields(data["url"], data["description"], [EventType(name) for name in data["events"]])

    def differences(self, stored: WebhookEndpoint) -> list[tuple[Any, str]]:
        """List what an endpoint has otherwise than it was typed, in words."""
        typed = {name: self.cleaned_data[name] for name in ("url", "description")}
        differing = [
            (self[name].label, getattr(stored, name) or gettext("none"))
            for name, value in typed.items()
            if getattr(stored, name) != value
        ]
        if sorted(self.cleaned_data["events"]) != stored.events:
            words = ", ".join(str(EVENTS[name]) for name in stored.events) or gettext("everything")
            differing.append((self["events"].label, words))
        return differing


def form_of(endpoint: WebhookEndpoint, data: Any = None) -> EndpointForm:
    """Make the form of a stored endpoint."""
    initial = {name: getattr(endpoint, name) for name in ("url", "description", "events", "version")}
    return EndpointForm(data, initial=initial)
