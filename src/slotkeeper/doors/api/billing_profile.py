"""What a business's papers say about it, over HTTP; never its secrets."""

from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.billing.models import BillingProfile
from slotkeeper.billing.profile import FIELDS, MOST_DAYS, profile_of, update_profile
from slotkeeper.doors.api.base import Body, JsonEndpoint, answers
from slotkeeper.doors.api.document_forms import Percentage, Text
from slotkeeper.doors.api.problems import Problem
from slotkeeper.doors.api.versions import STALE_VERSION, accepted_versions, answer_versioned, refusing_stale
from slotkeeper.rules.permissions import Permission

Days = Annotated[int, Meta(ge=0, le=MOST_DAYS)]


class ProfileChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing the billing settings takes: fields left out stay, an empty text clears."""

    legal_name: Text | UnsetType = UNSET
    street: Text | UnsetType = UNSET
    postal_code: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    city: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
    country: Annotated[str, Meta(max_length=2, examples=["DE"])] | UnsetType = UNSET
    vat_id: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    tax_number: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET
    exemption_note: Annotated[str, Meta(max_length=300, description="Why no tax is charged.")] | UnsetType = UNSET
    account_holder: Annotated[str, Meta(max_length=70)] | UnsetType = UNSET
    iban: Annotated[str, Meta(max_length=42)] | UnsetType = UNSET
    bic: Annotated[str, Meta(max_length=11)] | UnsetType = UNSET
    payment_days: Days | UnsetType = UNSET
    quote_days: Days | UnsetType = UNSET
    default_tax_rate: Percentage | UnsetType = UNSET
    number_prefix: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    footer: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    has_e_invoices: bool | UnsetType = UNSET
    version: int | UnsetType = UNSET


class ProfileOut(msgspec.Struct):
    """The billing settings. Whether there is a key for Stripe is told; the key is not."""

    legal_name: str
    street: str
    postal_code: str
    city: str
    country: str
    vat_id: str
    tax_number: str
    exemption_note: str
    account_holder: str
    iban: str
    bic: str
    payment_days: int
    quote_days: int
    default_tax_rate: str
    number_prefix: str
    footer: str
    has_e_invoices: bool
    has_stripe_key: bool
    has_stripe_signing_secret: bool
    version: int


class ProfileRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the billing settings as they are now."""

    current: ProfileOut | UnsetType = UNSET


class BillingProfileEndpoint(JsonEndpoint):
    """The billing settings."""

    permissions = {"GET": Permission.MONEY_READ, "PUT": Permission.MONEY_WRITE, "PATCH": Permission.MONEY_WRITE}

    @answers(ProfileOut, headers=("ETag",))
    def get(self) -> HttpResponse:
        """Read the billing settings."""
        profile = profile_of(self.caller.business_id)
        return answer_versioned(write_profile(profile), profile.version)

    @answers(ProfileOut, refusals=STALE_VERSION, problem=ProfileRefusal, headers=("ETag",))
    def put(self, parsed_body: Body[ProfileChanges]) -> HttpResponse:
        """Change the fields sent; papers that were issued stay as they are."""
        return self._change(parsed_body)

    @answers(ProfileOut, refusals=STALE_VERSION, problem=ProfileRefusal, headers=("ETag",))
    def patch(self, parsed_body: Body[ProfileChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_body)

    def _change(self, body: ProfileChanges) -> HttpResponse:
        sent = msgspec.structs.asdict(body)
        fields = {name: value for name, value in sent.items() if value is not UNSET and name != "version"}
        versions = accepted_versions(self, body.version)
        with refusing_stale(self.request, write_profile):
            profile = update_profile(self.caller.business_id, fields, self.caller.actor, versions)
        return answer_versioned(write_profile(profile), profile.version)


def write_profile(profile: BillingProfile) -> dict[str, Any]:
    """Write the billing settings as ProfileOut describes them."""
    written: dict[str, Any] = {name: getattr(profile, name) for name in FIELDS}
    return written | {
        "default_tax_rate": f"{profile.default_tax_rate:.2f}",
        "has_stripe_key": bool(profile.stripe_sealed_key),
        "has_stripe_signing_secret": bool(profile.stripe_sealed_signing_secret),
        "version": profile.version,
    }
