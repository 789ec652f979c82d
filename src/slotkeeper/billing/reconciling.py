"""Asking payment providers what they told and nobody heard, and doing what waits for them.

One worker at a time works for a business; a lease sees to it, and runs out where a worker was killed. What is learned
goes the same way as an event that the provider posts, and most of it is known.
"""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from slotkeeper.billing.gateway_models import (
    GatewayEvent,
    GatewayReading,
    GatewayRecord,
    PaymentLink,
    Prepayment,
    PrepaymentStatus,
)
from slotkeeper.billing.gateways.base import Gateway, GatewayAway, GatewayRefused, LinkState, RecordKind, UnknownThere
from slotkeeper.billing.gateways.stripe import NAME
from slotkeeper.billing.news import Mismatch, settle_again, take_news, take_notice
from slotkeeper.billing.pay_links import note_state, source_of
from slotkeeper.billing.payments import PaymentRefused
from slotkeeper.billing.prepayments import GRACE_SECONDS, give_up
from slotkeeper.billing.refunds import send_back_missed
from slotkeeper.billing.stripe_accounts import PaymentsOff, gateway_of, payable_business_ids
from slotkeeper.outbox.models import SendingHold

logger = logging.getLogger("slotkeeper.worker")
EVERY = timedelta(hours=1)
_LEASE = timedelta(minutes=10)
_OVERLAP = timedelta(hours=2)  # events appear a moment after they happened, and clocks differ
_KEPT_THERE = timedelta(days=29)  # Stripe: 30 days
_KEPT_HERE = timedelta(days=90)
_TOLD_FOR = timedelta(days=40)  # longer than Stripe keeps its events
_OVER = (LinkState.FAILED, LinkState.EXPIRED)
_SOON = timedelta(minutes=2)
_LATER = {LinkState.OPEN: timedelta(hours=1), LinkState.PROCESSING: timedelta(hours=6)}
_MOST_AT_ONCE = 50


def work(now: Callable[[], datetime]) -> None:
    """Do what is due for every business that is paid online; what goes wrong with one stops no other."""
    free_unpaid_times(now())
    _plan(now())
    for business_id in _due(now()):
        lease = secrets.token_hex(16)
        if not _taken(business_id, lease, now()):
            continue
        error = ""
        try:
            work_for(business_id, now)
        except (GatewayAway, GatewayRefused) as refusal:
            error = str(refusal)
            logger.warning("Stripe could not be asked for business %d: %s", business_id, error)
        except PaymentsOff:
            pass  # the keys were taken away a moment ago
        mine = GatewayReading.objects.filter(business_id=business_id, gateway=NAME, lease=lease)
        mine.update(lease="", leased_until=None, due_at=now() + _SOON, last_error=error)


def work_for(business_id: int, now: Callable[[], datetime]) -> None:
    """Ask for events, for pages that nothing was heard of, and send back what came too late.

    Raises PaymentsOff, GatewayAway and GatewayRefused.
    """
    gateway = gateway_of(business_id)
    _settle(business_id, now())
    _ask_for_links(gateway, business_id, now())
    _ask_for_events(gateway, business_id, now())
    _send_back(business_id, now())


def clean_up_events(now: datetime) -> None:
    """Delete what providers told so long ago that they do not tell it again, and what was about nothing of ours."""
    old = now - _KEPT_HERE
    GatewayEvent.objects.filter(received_at__lt=old).delete()
    ours = GatewayRecord.objects.filter(
        business=OuterRef("business"),
        gateway=OuterRef("gateway"),
        external_id=OuterRef("payment_id"),
        link__isnull=False,
    )
    GatewayRecord.objects.filter(~Exists(ours), created_at__lt=old).delete()


def free_unpaid_times(now: datetime) -> None:
    """Give up bookings that nobody can pay any more: without a page on which they could, or of which none is heard."""
    late = now - timedelta(seconds=GRACE_SECONDS)
    waiting = Prepayment.objects.filter(status=PrepaymentStatus.WAITING, expires_at__lt=late)
    alive = PaymentLink.objects.filter(prepayment=OuterRef("pk")).exclude(status__in=_OVER)
    over = waiting.filter(~Exists(alive) | Q(created_at__lt=now - _TOLD_FOR)).order_by("pk")
    for prepayment_id in over.values_list("pk", flat=True)[:_MOST_AT_ONCE]:
        with transaction.atomic():
            give_up(prepayment_id)


def _plan(now: datetime) -> None:
    known = set(GatewayReading.objects.filter(gateway=NAME).values_list("business_id", flat=True))
    readings = [
        GatewayReading(business_id=business_id, gateway=NAME, due_at=now)
        for business_id in payable_business_ids() - known
    ]
    GatewayReading.objects.bulk_create(readings, ignore_conflicts=True)


def _due(now: datetime) -> list[int]:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    readings = GatewayReading.objects.filter(free, gateway=NAME, due_at__lte=now).order_by("due_at")
    return list(readings.filter(business_id__in=payable_business_ids()).values_list("business_id", flat=True))


def _taken(business_id: int, lease: str, now: datetime) -> bool:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    mine = GatewayReading.objects.filter(free, business_id=business_id, gateway=NAME)
    return mine.update(lease=lease, leased_until=now + _LEASE) > 0


def _ask_for_events(gateway: Gateway, business_id: int, now: datetime) -> None:
    reading = GatewayReading.objects.get(business_id=business_id, gateway=NAME)
    until = reading.read_until
    if until is not None and until > now - EVERY:
        return
    since = max((until or now) - _OVERLAP, now - _KEPT_THERE)
    source = source_of(business_id, gateway)
    for notice in gateway.notices_since(since):
        take_notice(source, notice, now)
    GatewayReading.objects.filter(pk=reading.pk).update(read_until=now)


def _ask_for_links(gateway: Gateway, business_id: int, now: datetime) -> None:
    for link in _unheard(business_id, now):
        PaymentLink.objects.filter(pk=link.pk).update(checked_at=now)
        if not link.external_id:
            note_state(link, LinkState.FAILED)  # its making was never answered, and nobody was led there
            continue
        try:
            take_news(source_of(business_id, gateway), gateway.read_link(link.external_id), now, now)
        except UnknownThere:
            note_state(link, LinkState.EXPIRED)
        except (Mismatch, PaymentRefused) as refusal:
            logger.warning("What Stripe says of link %d does not match: %s", link.pk, refusal)


def _unheard(business_id: int, now: datetime) -> list[PaymentLink]:
    """List the pages to ask for: soon where a time is held for it, and when their time is over."""
    ours = Q(invoice__business_id=business_id) | Q(prepayment__business_id=business_id)
    alive = PaymentLink.objects.filter(ours, gateway=NAME, status__in=[LinkState.OPEN, LinkState.PROCESSING])
    over = Q(expires_at__lt=now - _SOON, checked_at__lt=F("expires_at"))
    held = Q(prepayment__status=PrepaymentStatus.WAITING, checked_at__lt=now - _SOON)
    due = over | held
    for state, pause in _LATER.items():
        due |= Q(status=state, checked_at__lt=now - pause)
    never = Q(checked_at=None, created_at__lt=now - _LATER[LinkState.OPEN])
    return list(alive.filter(due | never).order_by("checked_at")[:_MOST_AT_ONCE])


def _settle(business_id: int, now: datetime) -> None:
    """Enter what is paid and could not be invoiced when it was told."""
    paid = _unbooked(business_id, PrepaymentStatus.WAITING)
    source = source_of(business_id, gateway_of(business_id))
    for payment in paid:
        logger.info("Payment %s: %s", payment.external_id, settle_again(source, payment, now))


def _send_back(business_id: int, now: datetime) -> None:
    if SendingHold.objects.exists():
        return  # a copy that was restored, perhaps to try something, gives nobody's money back
    for payment in _unbooked(business_id, PrepaymentStatus.MISSED):
        send_back_missed(payment, now)


def _unbooked(business_id: int, status: PrepaymentStatus) -> QuerySet[GatewayRecord]:
    payments = GatewayRecord.objects.filter(business_id=business_id, kind=RecordKind.PAYMENT, is_effective=True)
    found = payments.filter(link__prepayment__status=status, link__invoice=None)
    return found.order_by("pk")[:_MOST_AT_ONCE]
