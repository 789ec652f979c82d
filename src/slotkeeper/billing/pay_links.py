"""Payment links: pages of the payment provider on which an invoice, or a booking in advance, is paid.

The row comes first, with the key that makes the page once however often it is asked for; then the provider is asked,
outside of any transaction; then what it answered is noted. An open page with the right amount is used again.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from slotkeeper.billing.gateway_models import PaymentLink, Prepayment, PrepaymentStatus
from slotkeeper.billing.gateways.base import Gateway, GatewayRefused, KeyReused, LinkState, LinkWish, UnknownThere
from slotkeeper.billing.gateways.stripe import NAME
from slotkeeper.billing.models import InvoiceKind, InvoiceStatus
from slotkeeper.billing.news import Source, take_news
from slotkeeper.billing.payments import Money, NotIssued, NotPayable, lock_invoice
from slotkeeper.billing.portal import Purpose, make_token
from slotkeeper.billing.prepayments import TimeIsOver, keep_waiting, text_of
from slotkeeper.billing.stripe_accounts import account_of, gateway_of

OPEN_FOR = timedelta(hours=23)  # Stripe: at most a day
_STILL_GOOD = timedelta(minutes=3)  # long enough to type a card's number
_TRIED_AGAIN = timedelta(minutes=30)  # a page whose making was never answered
_TRIES = 2


class NothingOwed(Exception):
    """Nothing is left to pay."""


class PaymentUnderWay(Exception):
    """A payment is under way already; a bank can take days for it."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """A row of ours and what to ask the provider for it; `wish` is None where its page is there already."""

    link: PaymentLink
    wish: LinkWish | None


def pay_invoice(business_id: int, invoice_id: int, now: datetime) -> PaymentLink:
    """Give a page on which an issued invoice is paid now.

    Raises UnknownInvoice, NotIssued, NotPayable, NothingOwed, PaymentUnderWay, PaymentsOff, GatewayAway and
    GatewayRefused.
    """
    gateway = gateway_of(business_id)
    links = PaymentLink.objects.filter(invoice_id=invoice_id, invoice__business_id=business_id, status=LinkState.OPEN)
    for link in links.exclude(external_id="").select_related("invoice"):
        # On an open page of another amount nobody may pay any more; what was paid there meanwhile is taken.
        if link.invoice and link.amount != link.invoice.open_amount:
            end_link(gateway, business_id, link, now)
    return _made(gateway, lambda: _asked_for_invoice(business_id, invoice_id, now), now)


def pay_in_advance(prepayment: Prepayment, now: datetime) -> PaymentLink:
    """Give a page on which a booking is paid that waits for it.

    Raises TimeIsOver, PaymentUnderWay, PaymentsOff, GatewayAway and GatewayRefused.
    """
    gateway = gateway_of(prepayment.business_id)
    return _made(gateway, lambda: _asked_in_advance(prepayment.pk, now), now)


def end_link(gateway: Gateway, business_id: int, link: PaymentLink, now: datetime) -> None:
    """End a page, and take what the provider says of it then."""
    try:
        news = gateway.expire_link(link.external_id)
    except UnknownThere:
        note_state(link, LinkState.EXPIRED)
    else:
        take_news(source_of(business_id, gateway), news, now, now)


def source_of(business_id: int, gateway: Gateway) -> Source:
    """Say whose account it is whose news are taken."""
    account = account_of(business_id)
    return Source(business_id, gateway.name, gateway.is_live, account.account_id if account else "")


def note_state(link: PaymentLink, state: LinkState) -> None:
    """Write where a link stands of which the provider knows nothing."""
    PaymentLink.objects.filter(pk=link.pk).exclude(status=LinkState.PAID).update(status=state)


def page_of(prepayment: Prepayment) -> str:
    """Give the address of the page on which somebody waits for their booking."""
    places = f"{prepayment.business.slug}/{prepayment.service.slug}"
    return f"{settings.CONFIGURATION.url}/{places}/pay/{text_of(prepayment)}"


def _made(gateway: Gateway, ask: Callable[[], _Ask], now: datetime) -> PaymentLink:
    for _ in range(_TRIES):
        with transaction.atomic():
            asked = ask()
        link = asked.link
        if asked.wish is None:
            return link
        try:
            made = gateway.create_link(asked.wish)
        except KeyReused:
            # What the page says has changed since it was asked for the first time; nobody was ever led there.
            note_state(link, LinkState.FAILED)
            continue
        except GatewayRefused:
            note_state(link, LinkState.FAILED)
            raise
        link.external_id, link.url = made.external_id, made.url
        link.expires_at, link.checked_at = datetime.fromtimestamp(made.expires_at, UTC), now
        link.save(update_fields=["external_id", "url", "expires_at", "checked_at"])
        return link
    raise GatewayRefused("The payment page could not be made. Please try again.")


def _asked_for_invoice(business_id: int, invoice_id: int, now: datetime) -> _Ask:
    invoice = lock_invoice(invoice_id, business_id)
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        raise NotPayable
    if invoice.status == InvoiceStatus.DRAFT:
        raise NotIssued
    if invoice.open_amount <= 0:
        raise NothingOwed
    found = _usable(invoice.payment_links.all(), invoice.open_amount, now)
    if found is not None and found.url:
        return _Ask(found, None)
    link = found or PaymentLink.objects.create(
        invoice=invoice, expires_at=now + OPEN_FOR, **_begun(invoice.open_amount, invoice.currency, now)
    )
    token = make_token(Purpose.INVOICE, invoice=invoice, occasion="payment link")
    buyer, address = invoice.buyer or {}, f"{settings.CONFIGURATION.url}/portal/invoice/{token}"
    description = f"{invoice.business.name}: {invoice.number}"
    return _Ask(link, _wish(link, business_id, description, address, (invoice.locale, buyer.get("email", ""))))


def _asked_in_advance(prepayment_id: int, now: datetime) -> _Ask:
    rows = Prepayment.objects.select_for_update(of=("self",), no_key=True).select_related("business", "service")
    prepayment = rows.get(pk=prepayment_id)
    links = prepayment.payment_links
    if prepayment.status != PrepaymentStatus.WAITING:
        raise TimeIsOver
    if links.filter(status=LinkState.PAID).exists():
        raise PaymentUnderWay
    found = _usable(links.all(), prepayment.amount, now)
    if found is not None and found.url:
        return _Ask(found, None)
    if links.filter(status=LinkState.OPEN).exclude(url="").exists():
        raise TimeIsOver  # one page for one time that is held: on a second one it could be paid twice
    if found is None:
        until = keep_waiting(prepayment, int(now.timestamp()))
        found = PaymentLink.objects.create(
            prepayment=prepayment,
            expires_at=datetime.fromtimestamp(until, UTC),
            **_begun(prepayment.amount, prepayment.currency, now),
        )
    booking = prepayment.booking or {}
    whose = (booking.get("locale") or prepayment.business.locale, booking.get("contact_email", ""))
    description = f"{prepayment.business.name}: {prepayment.lines[0]['description']}"
    wish = _wish(found, prepayment.business_id, description, page_of(prepayment), whose)
    return _Ask(found, replace(wish, done_url=f"{page_of(prepayment)}?paid=1"))


def _usable(links: QuerySet[PaymentLink], amount: int, now: datetime) -> PaymentLink | None:
    """Find a page that is open, or whose making was never answered. Raises PaymentUnderWay."""
    for link in links.order_by("pk"):
        if link.status == LinkState.PROCESSING:
            raise PaymentUnderWay
        is_open = link.status == LinkState.OPEN and link.amount == amount
        is_young = link.created_at > now - _TRIED_AGAIN if not link.url else True
        if is_open and is_young and link.expires_at and link.expires_at > now + _STILL_GOOD:
            return link
    return None


def _begun(amount: int, currency: str, now: datetime) -> dict[str, Any]:
    key = f"slotkeeper-{secrets.token_urlsafe(24)}"
    return {"gateway": NAME, "key": key, "amount": amount, "currency": currency, "created_at": now}


def _wish(link: PaymentLink, business_id: int, description: str, address: str, whose: tuple[str, str]) -> LinkWish:
    assert link.expires_at is not None
    locale, email = whose
    return LinkWish(
        key=link.key,
        about=link.about,
        business_id=business_id,
        money=Money(link.amount, link.currency),
        description=description,
        return_url=address,
        expires_at=int(link.expires_at.timestamp()),
        locale=locale,
        email=email,
    )
