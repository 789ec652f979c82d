"""Accounts at Stripe: each business's own, whose keys are kept sealed, or the installation's where it serves one."""

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from slotkeeper.billing.gateways.base import GatewayAway, GatewayRefused, WrongKey
from slotkeeper.billing.gateways.stripe import StripeAccount, StripeGateway
from slotkeeper.billing.models import BillingProfile
from slotkeeper.billing.profile import profile_of
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.configuration import STRIPE_KEY, STRIPE_SIGNER
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.outbound.secret_box import SealBroken, secret_box
from slotkeeper.people.models import Business

_SUBJECT = "billing_profile"
_SHOWN = 4  # characters of a secret
_KEY, _SIGNING_SECRET = "stripe_sealed_key", "stripe_sealed_signing_secret"


class PaymentsOff(Exception):
    """Online payment is not set up: Stripe’s secret key and signing secret are needed."""


class StillPrepaid(Exception):
    """Services are paid in advance through Stripe. Change them first."""


@dataclass(frozen=True, slots=True)
class ShownKeys:
    """What may be shown of the keys: their last characters, and whose they are."""

    key_ending: str = ""
    signing_secret_ending: str = ""
    is_live: bool = False
    is_installations: bool = False  # set in the environment, for an installation with one business
    is_seal_broken: bool = False  # sealed with a key that this installation no longer has
    account_id: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether payment links work."""
        return bool(self.key_ending and self.signing_secret_ending)


def account_of(business_id: int) -> StripeAccount | None:
    """Give the account through which a business is paid; None where no key is set."""
    url = settings.CONFIGURATION.stripe_url
    profile = BillingProfile.objects.filter(business_id=business_id).first()
    if profile is not None and profile.stripe_sealed_key:
        try:
            key, signing_secret = _opened(profile.stripe_sealed_key), _opened(profile.stripe_sealed_signing_secret)
        except SealBroken:
            return None
        return StripeAccount(key, signing_secret, url, profile.stripe_account_id)
    key = settings.CONFIGURATION.stripe_secret_key
    if not key or only_business_id() != business_id:
        return None
    return StripeAccount(key, settings.CONFIGURATION.stripe_webhook_secret, url)


def only_business_id() -> int | None:
    """Name the business of an installation that serves one; None where there are several, or none."""
    found = list(Business.objects.order_by("pk").values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


def is_payable_online(business_id: int) -> bool:
    """Say whether customers of a business can pay by a link."""
    account = account_of(business_id)
    return account is not None and bool(account.signing_secret)


def payable_business_ids() -> set[int]:
    """Name the businesses whose customers can pay by a link."""
    profiles = BillingProfile.objects.exclude(stripe_sealed_key="").exclude(stripe_sealed_signing_secret="")
    candidates = set(profiles.values_list("business_id", flat=True))
    only = only_business_id() if settings.CONFIGURATION.stripe_secret_key else None
    return {one for one in candidates | ({only} if only else set()) if is_payable_online(one)}


def gateway_of(business_id: int) -> StripeGateway:
    """Give the way to a business's account. Raises PaymentsOff: without a signing secret no payment is believed."""
    account = account_of(business_id)
    if account is None or not account.signing_secret:
        raise PaymentsOff
    return StripeGateway(account)


def shown_keys(business_id: int) -> ShownKeys:
    """Say what is set, and no more than the last characters of it."""
    profile = profile_of(business_id)
    account = account_of(business_id)
    if account is None:
        return ShownKeys(is_seal_broken=bool(profile.stripe_sealed_key))
    return ShownKeys(
        key_ending=account.key[-_SHOWN:],
        signing_secret_ending=account.signing_secret[-_SHOWN:],
        is_live=account.is_live,
        is_installations=not profile.stripe_sealed_key,
        account_id=account.account_id,
    )


def keep_keys(business_id: int, key: str, signing_secret: str, actor: Actor) -> None:
    """Keep a business's keys, sealed; "" keeps the one there is. The key is tried first, outside of a transaction.

    Raises InvalidFields, which says of each what is wrong with it.
    """
    key, signing_secret = key.strip(), signing_secret.strip()
    account_id = _checked(business_id, key, signing_secret)
    box, after = secret_box(), {}
    with transaction.atomic():
        profile = _locked(business_id)
        if key:
            profile.stripe_sealed_key, profile.stripe_account_id = box.seal(key), account_id
            after["stripe_key"] = f"…{key[-_SHOWN:]}"
        if signing_secret:
            profile.stripe_sealed_signing_secret = box.seal(signing_secret)
            after["stripe_signing_secret"] = f"…{signing_secret[-_SHOWN:]}"
        _store(profile, "stripe keys set", actor, after)


def forget_keys(business_id: int, actor: Actor) -> None:
    """Forget a business's keys; links that are open can then not be paid. Raises StillPrepaid."""
    with transaction.atomic():
        profile = _locked(business_id)
        prepaid = Service.objects.filter(business_id=business_id, is_active=True).exclude(prepayment="none")
        if prepaid.exists():
            raise StillPrepaid
        if profile.stripe_sealed_key or profile.stripe_sealed_signing_secret:
            profile.stripe_sealed_key = profile.stripe_sealed_signing_secret = profile.stripe_account_id = ""
            _store(profile, "stripe keys forgotten", actor, {})


def _checked(business_id: int, key: str, signing_secret: str) -> str:
    reasons = {}
    has_key = bool(key or profile_of(business_id).stripe_sealed_key)
    if not key and not (signing_secret and has_key):
        reasons["stripe_key"] = gettext_noop("Paste the secret key.")
    if key and not re.fullmatch(STRIPE_KEY, key, re.ASCII):
        reasons["stripe_key"] = gettext_noop("A secret key begins with sk_live_, sk_test_, rk_live_ or rk_test_.")
    if signing_secret and not re.fullmatch(STRIPE_SIGNER, signing_secret, re.ASCII):
        reasons["stripe_signing_secret"] = gettext_noop("A signing secret begins with whsec_.")
    if reasons:
        raise InvalidFields(reasons)
    return _tried(key) if key else ""


def _tried(key: str) -> str:
    """Ask Stripe whose key it is."""
    try:
        return StripeGateway(StripeAccount(key, url=settings.CONFIGURATION.stripe_url)).account_id()
    except WrongKey:
        sentence = gettext_noop("Stripe does not know this key.")
    except (GatewayAway, GatewayRefused):
        sentence = gettext_noop("Stripe cannot be asked about this key at the moment. Please try again.")
    raise InvalidFields({"stripe_key": sentence})


def _locked(business_id: int) -> BillingProfile:
    Business.objects.select_for_update(no_key=True).get(pk=business_id)  # of two, only one makes the row
    return profile_of(business_id)


def _store(profile: BillingProfile, verb: str, actor: Actor, after: dict[str, Any]) -> None:
    profile.version += 0 if profile.pk is None else 1
    profile.save()
    record(Subject(profile.business_id, _SUBJECT, profile.pk, profile.version), verb, actor, None, after)


def _opened(sealed: str) -> str:
    return secret_box().open(sealed) if sealed else ""
