"""The form of a quote or an invoice: whom it is for, its lines, and its dates."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from slotkeeper.billing.documents import BUYER_FIELDS
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.appointment_list import FIRST_DAY, LAST_DAY
from slotkeeper.doors.dashboard.money_fields import percent_field, write_decimal
from slotkeeper.doors.dashboard.offering_fields import currency_choices
from slotkeeper.doors.disclosure import customers_of
from slotkeeper.doors.ids import LARGEST_ID
from slotkeeper.people.callers import Caller
from slotkeeper.rules.money import LARGEST_AMOUNT
from slotkeeper.rules.permissions import Permission

# What billing/lines.py says of a whole paper, marked for translation here: it knows no language.
_OF_ALL_LINES = (
    gettext_noop("There must be at least one line."),
    gettext_noop("Together they come to more than 100,000,000,000 minor units."),
)
assert _OF_ALL_LINES[1] == f"Together they come to more than {LARGEST_AMOUNT:,} minor units."
_PLACES = ("street", "postal_code", "city", "country", "vat_id")


def day_field(label: Any, help_text: Any = "") -> forms.DateField:
    """Ask for a day, of the years we know."""
    return forms.DateField(
        label=label, required=False, help_text=help_text, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        validators=[_within_the_years_we_know],
    )  # fmt: skip


def _within_the_years_we_know(day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(_("Write a day of the years 1970 to 2200."))


class DocumentForm(forms.Form):
    """What a quote and an invoice have in common."""

    contact_id = forms.IntegerField(required=False, widget=forms.HiddenInput, max_value=LARGEST_ID, min_value=1)
    contact_name = Text(_("Customer"), 200, empty_value="")
    contact_email = Text(
        _("Customer’s email"), 255, empty_value="", widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    street = Text(_("Street and number"), 200, empty_value="")
    postal_code = Text(_("Postal code"), 20, empty_value="")
    city = Text(_("Town"), 100, empty_value="")
    country = Text(_("Country"), 2, empty_value="", help_text=_("Its two letters, such as DE."))
    vat_id = Text(_("VAT number"), 20, empty_value="")
    currency = forms.ChoiceField(label=_("Currency"))
    locale = forms.ChoiceField(label=_("Language of the paper"))
    discount = percent_field(_("Discount on the whole, %"))
    note = Text(_("Text on the paper"), 2000, rows=3, empty_value="")
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    days: tuple[str, ...] = ()

    def __init__(self, caller: Caller, document: Quote | Invoice, data: Any = None) -> None:
        super().__init__(data, initial=initial_of(document, self.days))
        self.caller, self.document = caller, document
        fields: Any = self.fields
        fields["contact_email"].validators.append(RegexValidator(r"^[^@\s]+@[^@\s]+$", _("Enter an email address.")))
        fields["country"].validators.append(
            RegexValidator(r"^[A-Za-z]{2}\Z", _("Write the country’s two letters, such as DE."))
        )
        fields["currency"].choices = currency_choices(document.currency)
        languages = dict(settings.LANGUAGES)
        fields["locale"].choices = [*({document.locale: document.locale} | languages).items()]
        if not caller.may(Permission.CONTACTS_READ_DETAILS):
            del fields["contact_email"]

    def clean_contact_id(self) -> int | None:
        """Accept only customers that the caller sees, and the one it has."""
        contact_id: int | None = self.cleaned_data["contact_id"]
        if contact_id is None or contact_id == self.document.contact_id:
            return contact_id
        if not customers_of(self.caller).filter(pk=contact_id).exists():
            self.add_error("contact_name", _("There is no such customer."))  # its own field is hidden
            return None
        return contact_id

    def clean_country(self) -> str:
        """Keep countries in capitals."""
        return str(self.cleaned_data["country"]).upper()

    def wanted(self) -> dict[str, Any]:
        """Give the fields in the verbs' words, without the lines."""
        data = self.cleaned_data
        known = customers_of(self.caller).filter(pk=data["contact_id"] or 0).first()
        # Only what differs from the customer is the paper's own: who marries before it is issued has the new name.
        name = data["contact_name"] if known is None or known.name != data["contact_name"] else ""
        email = data.get("contact_email", (self.document.buyer or {}).get("email", ""))
        email = email if known is None or (known.email or "") != email else ""
        buyer = {"name": name, "email": email} | {one: data[one] for one in _PLACES}
        names = ("contact_id", "currency", "locale", "discount", "note", *self.days)
        return {one: data[one] for one in names} | {"buyer": buyer}

    def refuse(self, reasons: Mapping[str, str]) -> None:
        """Say at its field what a verb refused."""
        elsewhere = {"due_date": "due_on", "contact_id": "contact_name", "buyer": "country"}
        for name, reason in reasons.items():
            field = elsewhere.get(name, name)
            self.add_error(field if field in self.fields else None, gettext(reason))


class InvoiceForm(DocumentForm):
    """An invoice."""

    performed_on = day_field(_("Given on"), _("The day of what is invoiced. Empty: the day on which it is issued."))
    due_on = day_field(_("To be paid until"), _("Empty: as the billing settings say."))

    days = ("performed_on", "due_on")


class QuoteForm(DocumentForm):
    """A quote."""

    valid_until = day_field(_("Valid until"), _("Empty: as the billing settings say."))

    days = ("valid_until",)


def initial_of(document: Quote | Invoice, days: tuple[str, ...]) -> dict[str, Any]:
    """Fill the form from a document, stored or not."""
    buyer, contact = document.buyer or {}, document.contact
    shown = {name: buyer.get(name, "") for name in BUYER_FIELDS}
    names = ("contact_id", "currency", "locale", "note", "version", *days)
    return {name: getattr(document, name) for name in names} | {
        **{name: shown[name] for name in _PLACES},
        "contact_name": shown["name"] or (contact.name if contact else ""),
        "contact_email": shown["email"] or (contact.email or "" if contact else ""),
        "discount": write_decimal(str(document.discount)),
    }
