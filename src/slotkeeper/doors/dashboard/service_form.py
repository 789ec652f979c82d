"""The form of a service."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.offering_fields import (
    ColorField,
    LengthField,
    currency_choices,
    minutes_field,
    read_amount,
    write_amount,
)
from slotkeeper.doors.dashboard.reminder_times import ReminderForm, initial_reminders
from slotkeeper.doors.dashboard.sharing_form import SharingForm, initial_sharing
from slotkeeper.offerings.models import Assignment, PrepaymentKind, Service
from slotkeeper.people.models import Business, Membership

_PLAIN = (
    "name",
    "slug",
    "description",
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "step_minutes",
    "minimum_notice_minutes",
    "horizon_days",
    "daily_limit_count",
    "daily_limit_minutes",
    "prepayment",
    "deposit_percent",
    "location",
    "color",
    "requires_confirmation",
    "assignment",
    "is_active",
)


class ServiceForm(SharingForm, ReminderForm):
    """What a service is, who gives it, and when it can be booked."""

    name = Text(_("Name"), 100, required=True, empty_value="")
    description = Text(
        _("Description"), 2000, rows=3, empty_value="", help_text=_("Customers read it before they choose a time.")
    )
    duration_minutes = minutes_field(_("Duration in minutes"), 1)
    price = Text(_("Price"), 20, empty_value="", help_text=_("Before tax. Empty: no price is shown."))
    price_currency = forms.ChoiceField(label=_("Currency"))
    prepayment = forms.ChoiceField(
        label=_("Paid when it is booked"),
        choices=[
            (PrepaymentKind.NONE.value, _("Nothing")),
            (PrepaymentKind.DEPOSIT.value, _("A deposit")),
            (PrepaymentKind.FULL.value, _("All of it")),
        ],
        initial=PrepaymentKind.NONE.value,
        required=False,
        help_text=_("Customers pay through Stripe, and only then it is booked. Tax comes on top, as on an invoice."),
        widget=forms.RadioSelect,
    )
    deposit_percent = forms.IntegerField(
        label=_("Deposit in per cent of the price"), min_value=1, max_value=99, required=False,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    location = Text(_("Place"), 500, empty_value="", help_text=_("An address, a room, a link, or a phone number."))
    color = ColorField(label=_("Colour"), initial="#b5552b", help_text=_("In the calendar and on the public page."))
    user_ids = forms.TypedMultipleChoiceField(
        label=_("People"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    assignment = forms.ChoiceField(
        label=_("Who takes an appointment"),
        choices=[
            (Assignment.ANY.value, _("Whoever is free")),
            (Assignment.CHOSEN.value, _("The one whom the customer chooses")),
            (Assignment.ALL.value, _("All of them together")),
        ],
        initial=Assignment.ANY.value,
        widget=forms.RadioSelect,
    )
    buffer_before_minutes = minutes_field(
        _("Minutes kept free before"), 0, _("To prepare, or to get there. Customers do not see it.")
    )
    buffer_after_minutes = minutes_field(_("Minutes kept free after"), 0)
    step_minutes = minutes_field(
        _("A start every … minutes"), 1, _("Empty: as long as it takes, one after the other."), required=False
    )
    minimum_notice_minutes = LengthField(label=_("Book at the latest"), help_text=_("Before it begins."))
    horizon_days = forms.IntegerField(
        label=_("Book at most … days ahead"), min_value=1, max_value=730,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    daily_limit_count = forms.IntegerField(
        label=_("At most … a day"), min_value=1, max_value=1000, required=False,
        help_text=_("For each person. Empty: as many as fit."),
    )  # fmt: skip
    daily_limit_minutes = minutes_field(
        _("At most … minutes a day"), 1, _("For each person. Empty: as many as fit."), required=False
    )
    requires_confirmation = forms.BooleanField(
        label=_("I confirm each booking"), required=False,
        help_text=_("Until then its time is kept free, and the customer is told that it is asked for."),
    )  # fmt: skip
    is_active = forms.BooleanField(label=_("Customers can book it"), required=False, initial=True)
    slug = forms.SlugField(
        label=_("Address"), max_length=60, required=False,
        help_text=_("The last part of its page’s address. Empty: made from the name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, business: Business, service: Service | None, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.service = service
        fields: Any = self.fields
        fields["price_currency"].choices = currency_choices(
            service.price_currency if service else "", business.currency
        )
        fields["user_ids"].choices = people = people_to_choose(business.pk, service)
        self.choose_people(people)
        self.choose_resources(business.pk, service)
        if service:
            fields["slug"].required, fields["slug"].help_text = True, _("Links to the old address end when it changes.")

    def clean(self) -> dict[str, Any]:
        """Read the price in the minor units of its currency."""
        data = super().clean()
        if data.get("price") and "price_currency" in data:
            try:
                data["price_amount"] = read_amount(data["price"], data["price_currency"])
            except ValidationError as error:
                self.add_error("price", error)
        return data

    def wanted(self) -> dict[str, Any]:
        """Give the fields in the verb's words, without people and questions."""
        data = self.cleaned_data
        amount = data.get("price_amount")
        price = {"price_amount": amount, "price_currency": "" if amount is None else data["price_currency"]}
        plain = {name: data[name] for name in _PLAIN if name not in {"slug", "prepayment"} or data[name]}
        return plain | price | {"reminder_minutes": data["reminder_minutes"]} | self.sharing_wanted()

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Say at its field what the verb refused."""
        sentences = {
            "slug": _("This address is taken, or is none: use a-z, 0-9 and - between them."),
            "needs": _("There are not so many rooms or so much equipment, or some of it has just been removed."),
        }
        for name, reason in reasons.items():
            field = "needed_resources" if name == "needs" else name
            self.add_error(field if field in self.fields else None, sentences.get(name, gettext(reason)))


def initial_of(service: Service, user_ids: Sequence[int]) -> dict[str, Any]:
    """Say what the form of a service shows first."""
    plain = {name: getattr(service, name) for name in (*_PLAIN, "version")}
    price = write_amount(service.price_amount, service.price_currency)
    plain |= initial_reminders(service.reminder_minutes) | initial_sharing(service) | {"sharing": service.sharing}
    return plain | {"price": price, "price_currency": service.price_currency, "user_ids": list(user_ids)}


def people_to_choose(business_id: int, service: Service | None) -> list[tuple[int, str]]:
    """List the members who could give a service: the active ones, and who gives it already."""
    members = Membership.objects.in_business(business_id).select_related("user").order_by("pk")
    active = set(Membership.objects.in_business(business_id).active().values_list("pk", flat=True))
    giving = set(service.providers.values_list("membership_id", flat=True)) if service else set()
    return [
        (member.user_id, str(member.user) if member.pk in active else _("%(name)s (suspended)") % {"name": member.user})
        for member in members
        if member.pk in active | giving
    ]
