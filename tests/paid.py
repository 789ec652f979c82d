"""A business that is paid through Stripe, and a real fake of Stripe behind it."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.test import Client

from servers.fake_http import running
from servers.stripe_fake import ACCOUNT, KEY, SECRET, StripeFake, signed
from slotkeeper.billing.gateway_models import GatewayEvent, PaymentLink
from slotkeeper.billing.models import BillingProfile, Invoice
from slotkeeper.outbound.secret_box import secret_box
from slotkeeper.people.models import Business

# What an invoice must say, and what keeps the tests' sums as they are.
SELLER = {
    "legal_name": "Practice GmbH", "street": "Main Street 1", "postal_code": "10115", "city": "Berlin",
    "country": "DE", "vat_id": "DE123456789",
}  # fmt: skip


@dataclass
class Paid:
    """A business, and Stripe."""

    business: Business
    stripe: StripeFake

    @property
    def door(self) -> str:
        return f"/webhooks/stripe/{self.business.slug}"

    def tell(self, event: Any, **options: Any) -> Any:
        """Post an event as Stripe does."""
        body, signature = signed(event, **options)
        client = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
        return client.generic("POST", self.door, body, "application/json", headers={"Stripe-Signature": signature})

    def tell_all(self) -> None:
        for event in self.stripe.events:
            assert self.tell(event).status_code == 200

    def outcome(self, event: dict[str, Any]) -> str:
        return GatewayEvent.objects.get(business=self.business, external_id=event["id"]).outcome


def set_up_stripe(business: Business, **fields: Any) -> BillingProfile:
    box = secret_box()
    wish = {
        "stripe_sealed_key": box.seal(KEY),
        "stripe_sealed_signing_secret": box.seal(SECRET),
        "stripe_account_id": ACCOUNT,
    }
    profile, _ = BillingProfile.objects.update_or_create(business=business, defaults=SELLER | wish | fields)
    return profile


def point_to(settings: Any, url: str) -> None:
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, stripe_url=url)


@contextmanager
def paid_through_stripe(business: Business, settings: Any) -> Iterator[Paid]:
    with running(StripeFake()) as stripe:
        point_to(settings, stripe.url)
        set_up_stripe(business)
        yield Paid(business, stripe)


def link_to(invoice: Invoice) -> PaymentLink:
    return PaymentLink.objects.filter(invoice=invoice).latest("pk")
