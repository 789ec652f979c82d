"""The page of a business's own settings, and of its public page's, with the logo."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.offering_fields import ColorField, LengthField, currency_choices
from slotkeeper.doors.templatetags.moments import notice
from slotkeeper.doors.zones import TimeZoneField
from slotkeeper.offerings.actions import is_slug
from slotkeeper.people.business import (
    BusinessVersionConflict,
    OwnSecondFactorMissing,
    SlugTaken,
    UnusableContactEmail,
    update_business,
)
from slotkeeper.people.logo import MOST_BYTES, UnusableLogo, find_logo, remove_logo, set_logo
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission

# What stands in the field where a business has no colour of its own: look.css's accent.
OUR_COLOR = "#a8451f"
KINDS = ("image/png", "image/jpeg", "image/webp")
# What the verb says, marked for translation here: it knows no language.
_REASONS = (
    gettext_noop("It is no PNG, JPEG or WebP picture, or was cut off."),
    gettext_noop("The file is larger than 500 kB."),
    gettext_noop("The picture has more than 2,000 pixels on a side."),
)
_PLAIN = (
    "name", "slug", "time_zone", "locale", "currency", "introduction", "self_service_cutoff_minutes", "contact_email",
    "requires_second_factor",
)  # fmt: skip


class BusinessForm(forms.Form):
    """What a business is called, where it is, and how its public page looks."""

    name = Text(_("Name"), 100, required=True)
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("For closed days and for new members."))
    locale = forms.ChoiceField(
        label=_("Language"), help_text=_("Visitors whose language Slotkeeper does not speak see this one.")
    )
    currency = forms.ChoiceField(label=_("Currency"), help_text=_("For new services."))
    slug = forms.CharField(
        label=_("Address"), max_length=60,
        help_text=_("The public page stands under it. Links to the old address end when it changes."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    introduction = Text(
        _("Introduction"), 2000, rows=4, empty_value="", help_text=_("Stands at the top of the public page.")
    )
    contact_email = Text(
        _("Customers’ answers to messages go to"), 255, empty_value="",
        help_text=_("An email address. Empty: to the server’s own address, which nobody may be reading."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )  # fmt: skip
    has_own_color = forms.BooleanField(
        label=_("A colour of our own"), required=False,
        help_text=_("On the public page. Where nobody could read it, Slotkeeper’s own stays."),
    )  # fmt: skip
    accent_color = ColorField(label=_("Colour"), required=False)
    requires_second_factor = forms.BooleanField(
        label=_("Ask everybody for a second step at sign-in"), required=False,
        help_text=_("A passkey or an app’s codes. Whoever has none sets it up first; you need one of your own."),
    )  # fmt: skip
    self_service_cutoff_minutes = LengthField(
        label=_("Customers may move and cancel until"), help_text=_("Before it begins; 0 is until the last moment.")
    )

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, business: Business, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        fields: Any = self.fields
        fields["currency"].choices = currency_choices(business.currency)
        languages = dict(settings.LANGUAGES)
        fields["locale"].choices = [*({business.locale: business.locale} | languages).items()]

    def clean_slug(self) -> str:
        """Accept what can stand in an address."""
        slug = str(self.cleaned_data["slug"]).strip()
        if not is_slug(slug):
            raise forms.ValidationError(_("Use a-z, 0-9 and - between them."))
        return slug

    def wanted(self) -> dict[str, Any]:
        """Give the fields in the verb's words."""
        data = self.cleaned_data
        color = data["accent_color"] if data["has_own_color"] else ""
        return {name: data[name] for name in _PLAIN} | {"accent_color": color}

    def differences(self) -> list[tuple[Any, str]]:
        """List what the business has otherwise than it was typed, in words."""
        stored = {name: str(self.initial[name]) or gettext("none") for name in _PLAIN}
        stored["locale"] = dict(settings.LANGUAGES).get(stored["locale"], stored["locale"])
        stored["self_service_cutoff_minutes"] = notice(self.initial["self_service_cutoff_minutes"])
        stored["requires_second_factor"] = gettext("yes") if self.initial["requires_second_factor"] else gettext("no")
        stored["accent_color"] = self.initial["accent_color"] if self.initial["has_own_color"] else gettext("none")
        changed = {"accent_color" if name == "has_own_color" else name for name in self.changed_data}
        return [(self[name].label, words) for name, words in stored.items() if name in changed]


class LogoForm(forms.Form):
    """A picture for the public page; the verb decides by its content whether it is one."""

    logo = forms.FileField(
        label=_("Picture"),
        allow_empty_file=True,
        max_length=None,
        error_messages={"required": _("Choose a file first.")},
        help_text=_("PNG, JPEG or WebP, at most 500 kB and 2,000 pixels on a side. It stands on white."),
        widget=forms.FileInput(
            attrs={
                "accept": ",".join(KINDS),
                "data-most-bytes": MOST_BYTES,
                "data-too-large": _("The file is larger than 500 kB."),
            }
        ),
    )


@permit(Permission.SETTINGS_WRITE)
@never_cache
def business(request: HttpRequest) -> HttpResponse:
    """Show and change the business."""
    caller = caller_of(request)
    found = Business.objects.get(pk=caller.business_id)
    form = BusinessForm(found, request.POST or None, initial=_initial(found))
    stored = None
    if request.method == "POST" and form.is_valid():
        version = form.cleaned_data["version"]
        try:
            update_business(
                caller.business_id, form.wanted(), caller.actor, None if version is None else frozenset({version})
            )
        except BusinessVersionConflict as error:
            found, data = error.current, request.POST.copy()
            data["version"] = str(found.version)
            form = BusinessForm(found, data, initial=_initial(found))
            stored = form.differences()
        except SlugTaken:
            form.add_error("slug", gettext("This address is taken. Choose another one."))
        except OwnSecondFactorMissing as error:
            form.add_error("requires_second_factor", gettext(str(error.__doc__)))
        except UnusableContactEmail:
            form.add_error("contact_email", gettext("Enter exactly one email address, such as name@example.com."))
        else:
            messages.success(request, gettext("Saved."))
            return redirect("settings")
    return _page(request, found, form, LogoForm(), stored)


@permit(Permission.SETTINGS_WRITE)
@never_cache
def logo(request: HttpRequest) -> HttpResponse:
    """Show another picture on the public page, or none."""
    caller = caller_of(request)
    if request.method != "POST":
        return redirect("settings")
    if "remove" in request.POST:
        remove_logo(caller.business_id, caller.actor)
        messages.success(request, gettext("The logo is removed."))
        return redirect("settings")
    form = LogoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            set_logo(caller.business_id, form.cleaned_data["logo"].read(MOST_BYTES + 1), caller.actor)
        except UnusableLogo as error:
            form.add_error("logo", gettext(str(error.__doc__)))
        else:
            messages.success(request, gettext("The logo is on the public page."))
            return redirect("settings")
    found = Business.objects.get(pk=caller.business_id)
    return _page(request, found, BusinessForm(found, initial=_initial(found)), form)


def _initial(found: Business) -> dict[str, Any]:
    initial = {name: getattr(found, name) for name in (*_PLAIN, "version")}
    return initial | {"has_own_color": bool(found.accent_color), "accent_color": found.accent_color or OUR_COLOR}


def _page(
    request: HttpRequest,
    found: Business,
    form: BusinessForm,
    logo_form: LogoForm,
    stored: list[tuple[Any, str]] | None = None,
) -> HttpResponse:
    """Show the page; `stored` is what stands otherwise in the database since somebody else changed it."""
    site = settings.CONFIGURATION.url.rstrip("/")
    script = site + static("slotkeeper/embed.js")
    context = {
        "form": form,
        "logo_form": logo_form,
        "stored": stored,
        "business": found,
        "logo": find_logo(found.pk),
        "public_url": site + reverse("public_business", args=[found.slug]),
        "snippet": format_html('<script src="{}" data-business="{}" async></script>', script, found.slug),
    }
    return show(request, "dashboard/business.html", context, 200 if stored is None else 409)
