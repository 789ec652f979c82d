"""What a business's papers say about it: reading it, changing it, and whether it suffices for an invoice."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from slotkeeper.billing.models import BillingProfile
from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.people.models import Business

FIELDS = (
    "legal_name", "street", "postal_code", "city", "country", "vat_id", "tax_number", "exemption_note",
    "account_holder", "iban", "bic", "payment_days", "quote_days", "default_tax_rate", "number_prefix", "footer",
    "has_e_invoices",
)  # fmt: skip
MOST_DAYS = 365
NO_PERCENTAGE = gettext_noop("It must be from 0 to 100, with at most 2 digits after the point.")
# Where EN 16931 and the VAT directive hold: an invoice says by which tax identifier its seller is known.
_EUROPEAN = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_FORMS = {
    "country": (re.compile(r"[A-Z]{2}"), gettext_noop("Write the country’s two letters, such as DE.")),
    "vat_id": (re.compile(r"[A-Z]{2}[A-Z0-9+*-]{2,18}"), gettext_noop("Write a VAT number such as DE123456789.")),
    "bic": (re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?"), gettext_noop("A BIC has 8 or 11 characters.")),
}
_NEEDED = {
    "legal_name": gettext_noop("Say who sends the invoice."),
    "street": gettext_noop("The seller’s address is missing."),
    "city": gettext_noop("The seller’s town is missing."),
    "country": gettext_noop("The seller’s country is missing."),
}


class ProfileVersionConflict(StaleVersion):
    """The billing settings were changed in the meantime."""


class ProfileIncomplete(Exception):
    """The billing settings lack what an invoice must say; `reasons` says what, by field."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = dict(reasons)


def profile_of(business_id: int) -> BillingProfile:
    """Give what a business has set, or what holds until it does."""
    found = BillingProfile.objects.filter(business_id=business_id).first()
    return found or BillingProfile(business_id=business_id, default_tax_rate=Decimal(0), version=1)


def update_profile(
    business_id: int, fields: Mapping[str, Any], actor: Actor, versions: frozenset[int] | None = None
) -> BillingProfile:
    """Change the fields given, of FIELDS. Raises InvalidFields and ProfileVersionConflict."""
    with transaction.atomic():
        Business.objects.select_for_update(no_key=True).get(pk=business_id)  # of two, only one makes the row
        profile = profile_of(business_id)
        if versions is not None and profile.version not in versions:
            raise ProfileVersionConflict(profile)
        wanted = _checked(fields)
        before, after = changed_fields({name: _plain(getattr(profile, name)) for name in FIELDS}, wanted)
        if after:
            for name in after:
                setattr(profile, name, Decimal(wanted[name]) if name == "default_tax_rate" else wanted[name])
            profile.version += 0 if profile.pk is None else 1
            profile.save()
            record(
                Subject(business_id, "billing_profile", profile.pk, profile.version), "updated", actor, before, after
            )
    return profile


def require_complete(profile: BillingProfile, *, is_taxed: bool, has_untaxed: bool) -> None:
    """Refuse to issue with less than an invoice must say. Raises ProfileIncomplete.

    EN 16931: the seller's name (BR-06), address (BR-08) with its country (BR-09), and an identifier (BR-CO-26; BR-S-02
    and its siblings for each kind of tax). Where no tax is charged, its reason (BR-E-10), which only the data needs.
    """
    reasons = {name: sentence for name, sentence in _NEEDED.items() if not getattr(profile, name)}
    is_bound = profile.has_e_invoices or profile.country in _EUROPEAN or not profile.country
    if (is_taxed or is_bound) and not (profile.vat_id or profile.tax_number):
        reasons["vat_id"] = gettext_noop("A VAT number or a tax number is needed.")
    if profile.has_e_invoices and not profile.postal_code:
        reasons["postal_code"] = gettext_noop("E-invoices need the seller’s postal code.")
    if profile.has_e_invoices and has_untaxed and not profile.exemption_note:
        reasons["exemption_note"] = gettext_noop("E-invoices say why no tax is charged.")
    if reasons:
        raise ProfileIncomplete(reasons)


def _plain(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, Decimal) else value


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Write what has one form in that form. Raises InvalidFields."""
    wanted = {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}
    for name in wanted.keys() & {"iban", "bic", "vat_id", "country"}:
        wanted[name] = re.sub(r"[\s.]", "", wanted[name]).upper()
    reasons = {
        name: sentence
        for name, (form, sentence) in _FORMS.items()
        if wanted.get(name) and not form.fullmatch(wanted[name])
    }
    if wanted.get("iban") and not is_iban(wanted["iban"]):
        reasons["iban"] = gettext_noop("This is no IBAN: a character is missing or mistyped.")
    if "default_tax_rate" in wanted:
        rate = percentage_of(wanted["default_tax_rate"])
        wanted["default_tax_rate"] = _plain(rate)
        if rate is None:
            reasons["default_tax_rate"] = NO_PERCENTAGE
    if reasons:
        raise InvalidFields(reasons)
    return wanted


def is_iban(text: str) -> bool:
    """Say whether the check digits of an IBAN are right (ISO 13616)."""
    if not _IBAN.fullmatch(text):
        return False
    return int("".join(str(int(one, 36)) for one in text[4:] + text[:4])) % 97 == 1


def percentage_of(value: Any) -> Decimal | None:
    """Read per cent, from 0 to 100 with at most two digits after the point; None where it is none."""
    try:
        rate = Decimal(str(value))
    except InvalidOperation:
        return None
    return rate if rate.is_finite() and 0 <= rate <= 100 and rate == round(rate, 2) else None
