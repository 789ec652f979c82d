"""Stripe: Checkout Sessions as pages to pay on, refunds, and what is asked where an event may be lost.

Its library is imported when it is needed: that takes longer than most requests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from slotkeeper.billing.gateways import stripe_objects as objects
from slotkeeper.billing.gateways.base import (
    GatewayAway,
    GatewayRefused,
    KeyReused,
    LinkNews,
    LinkWish,
    MadeLink,
    MayNot,
    MoneyNews,
    Notice,
    RefundWish,
    UnknownThere,
    WrongKey,
)

if TYPE_CHECKING:
    from stripe import StripeClient

NAME = "stripe"
TOLERANCE_SECONDS = 300
_PATIENCE_SECONDS = 12.0  # somebody waits at a page, and a web worker with them
_RETRIES = 1  # the keys make it safe
_PAGE = 100
_MOST_EVENTS = 10_000
_LONGEST_REASON = 200
_LONGEST_DESCRIPTION = 250
# https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-locale
_LOCALES = "bg cs da de el en es et fi fil fr hr hu id it ja ko lt lv ms mt nb nl pl pt ro ru sk sl sv th tr vi zh"
Found = TypeVar("Found")


class BadSignature(Exception):
    """The event is not signed by Stripe with this secret, or too long ago."""


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """How to reach the account of a business, and what its events are signed with ("": nothing is set)."""

    key: str = field(repr=False)
    signing_secret: str = field(default="", repr=False)
    url: str = "https://api.stripe.com"
    account_id: str = ""

    @property
    def is_live(self) -> bool:
        """Whether real money moves."""
        return "_live_" in self.key[:8]


class StripeGateway:
    """One account; see Gateway."""

    name = NAME

    def __init__(self, account: StripeAccount, seconds: float = _PATIENCE_SECONDS) -> None:
        self._account, self._seconds = account, seconds
        self.is_live = account.is_live
        self._client: StripeClient | None = None

    def create_link(self, wish: LinkWish) -> MadeLink:
        """Make a Checkout Session; see Gateway."""
        try:
            amount = objects.to_stripe(wish.money)
        except ValueError:
            raise GatewayRefused(f"Stripe cannot charge this amount of {wish.money.currency}.") from None
        params, options = _session(wish, amount), _once(wish.key)
        return self._ask(lambda client: client.v1.checkout.sessions.create(params, options), objects.read_made)

    def expire_link(self, external_id: str) -> LinkNews:
        """End a Checkout Session; one that is paid or over stays as it is."""
        try:
            return self._ask(lambda client: client.v1.checkout.sessions.expire(external_id), objects.read_session)
        except (UnknownThere, WrongKey, MayNot):
            raise
        except GatewayRefused:
            return self.read_link(external_id)  # only an open one can be ended

    def read_link(self, external_id: str) -> LinkNews:
        """Read a Checkout Session."""
        return self._ask(lambda client: client.v1.checkout.sessions.retrieve(external_id), objects.read_session)

    def notices_since(self, moment: datetime) -> list[Notice]:
        """List events; Stripe keeps them for 30 days, and lists the newest first."""
        found: list[Notice] = []
        about: dict[str, Any] = {"types": objects.EVENTS, "created": {"gte": int(moment.timestamp())}, "limit": _PAGE}
        while len(found) < _MOST_EVENTS:
            page = self._page(about)
            found += page.notices
            if not page.has_more or not page.notices:
                break
            about["starting_after"] = page.notices[-1].external_id
        return found[::-1]

    def refund(self, wish: RefundWish) -> MoneyNews:
        """Refund a payment, or a part of it."""
        try:
            amount = objects.to_stripe(wish.money)
        except ValueError:
            raise GatewayRefused(f"Stripe cannot refund this amount of {wish.money.currency}.") from None
        params: Any = {"payment_intent": wish.payment_id, "amount": amount, "metadata": dict(wish.notes)}
        options = _once(wish.key)
        return self._ask(lambda client: client.v1.refunds.create(params, options), objects.read_refund)

    def account_id(self) -> str:
        """Name the account; restricted keys may not know."""
        try:
            return self._ask(lambda client: client.v1.accounts.retrieve_current(), objects.read_id)
        except MayNot:
            return ""

    def _page(self, about: Any) -> objects.Page:
        return self._ask(lambda client: client.v1.events.list(about), objects.read_events)

    def _ask(self, ask: "Callable[[StripeClient], Any]", read: Callable[[Any], Found]) -> Found:
        stripe = _library()
        if self._client is None:
            self._client = stripe.StripeClient(
                self._account.key,
                base_addresses={"api": self._account.url},
                http_client=stripe.RequestsClient(timeout=self._seconds),
                max_network_retries=_RETRIES,
            )
        try:
            return read(ask(self._client).to_dict())
        except stripe.StripeError as error:
            raise _refusal(error) from None
        except objects.Unreadable:
            raise GatewayAway("Stripe answers what it should not.") from None  # a page of whoever stands in between


def open_event(account: StripeAccount, body: bytes, signature: str) -> Notice:
    """Check an event's signature and age, and read it. Raises BadSignature and Unreadable."""
    stripe = _library()
    if not signature.isascii():
        raise BadSignature
    try:
        stripe.WebhookSignature.verify_header(body, signature, account.signing_secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise BadSignature from None
    return objects.read_event(body)


def _library() -> Any:
    import stripe  # noqa: PLC0415 -- it takes longer than most requests, and most processes never need it

    stripe.enable_telemetry = False
    return stripe


def _once(key: str) -> Any:
    """https://docs.stripe.com/api/idempotent_requests."""
    return {"idempotency_key": key}


def _session(wish: LinkWish, amount: int) -> Any:
    notes = {objects.ABOUT: wish.about, objects.BUSINESS: str(wish.business_id), objects.LINK: wish.key}
    description = wish.description[:_LONGEST_DESCRIPTION]
    price = {"currency": wish.money.currency.lower(), "unit_amount": amount, "product_data": {"name": description}}
    session = {
        "mode": "payment",
        "client_reference_id": wish.key,
        "line_items": [{"quantity": 1, "price_data": price}],
        "metadata": notes,
        "payment_intent_data": {"metadata": notes, "description": description},
        "success_url": wish.done_url or wish.return_url,
        "cancel_url": wish.return_url,
        "expires_at": wish.expires_at,
        "locale": wish.locale if wish.locale in _LOCALES.split() else "auto",
    }
    return session | ({"customer_email": wish.email} if wish.email else {})


def _refusal(error: Any) -> GatewayAway | GatewayRefused:
    """Say what an error of Stripe's comes to (https://docs.stripe.com/error-handling)."""
    stripe = _library()
    reason = " ".join(str(error.user_message or error).split())[:_LONGEST_REASON]
    if error.code == "idempotency_key_in_use":
        return GatewayAway(reason)
    if isinstance(error, stripe.IdempotencyError):
        return KeyReused(reason)
    if isinstance(error, stripe.PermissionError):
        return MayNot(f"Stripe does not let us: {reason}")
    if isinstance(error, stripe.AuthenticationError):
        return WrongKey(f"Stripe does not know the key: {reason}")
    if error.code == "resource_missing":
        return UnknownThere(f"Stripe does not know it: {reason}")
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError):
        return GatewayRefused(f"Stripe refuses: {reason}")
    return GatewayAway(f"Stripe gives no answer: {reason}")
