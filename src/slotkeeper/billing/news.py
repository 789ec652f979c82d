"""What follows from what a payment provider tells: in one transaction with the note that it was told.

Events come twice, late and in any order, and some never. So nothing follows from an event itself: it adds to what is
known of a payment, its refunds and its disputes (GatewayRecord), and then whatever of that is not yet entered with the
invoice is entered. Nothing is believed that does not match what we asked for, in all of it.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext_noop

from slotkeeper.billing.gateway_models import GatewayEvent, GatewayRecord, PaymentLink
from slotkeeper.billing.gateways.base import LinkNews, LinkState, MoneyNews, Notice, Rank, RecordKind
from slotkeeper.billing.models import Invoice, Payment, PaymentMethod
from slotkeeper.billing.payments import Money, NewPayment, PaymentRefused, enter_payment
from slotkeeper.billing.prepayments import CannotInvoice, give_up, invoice_what_is_booked, note_refunded
from slotkeeper.changes.record import Actor

_ACTOR = Actor("worker", None, "Stripe", "stripe")
_UNDONE = " undone"  # beside the id of what was entered, and then taken back
# Of two things that are told of a page, the later one in this list stands.
_LINK_ORDER = [LinkState.OPEN, LinkState.PROCESSING, LinkState.FAILED, LinkState.EXPIRED, LinkState.PAID]
_LINKS = {
    LinkState.OPEN: gettext_noop("The payment page is open."),
    LinkState.PROCESSING: gettext_noop("A payment is under way; the bank takes its days."),
    LinkState.FAILED: gettext_noop("The payment did not arrive."),
    LinkState.EXPIRED: gettext_noop("The payment page is closed."),
    LinkState.PAID: gettext_noop("It is paid already."),
}
_OVER = (LinkState.FAILED, LinkState.EXPIRED)  # nobody can pay there any more
_VERBS = {
    (RecordKind.REFUND, False): "refund_failed",
    (RecordKind.DISPUTE, True): "disputed",
    (RecordKind.DISPUTE, False): "dispute_won",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Whose account it is that tells."""

    business_id: int
    gateway: str
    is_live: bool
    account_id: str = ""


class Mismatch(Exception):
    """What is told is not what we asked for; the message says in what they differ, and nothing is changed."""


def take_notice(source: Source, notice: Notice, now: datetime) -> str:
    """Do what follows from an event, once, and give in words what that was."""
    with transaction.atomic():
        event, is_new = GatewayEvent.objects.get_or_create(
            business_id=source.business_id,
            gateway=source.gateway,
            external_id=notice.external_id,
            defaults={"kind": notice.kind, "happened_at": notice.happened_at, "received_at": now},
        )
        if not is_new:
            return gettext_noop("It was told before.")
        event.outcome = _outcome(source, notice, now)
        event.save(update_fields=["outcome"])
    return event.outcome


def take_news(source: Source, news: LinkNews | MoneyNews, happened_at: datetime, now: datetime) -> str:
    """Do what follows from what the provider says. Raises Mismatch; then nothing of it stays."""
    with transaction.atomic():
        if isinstance(news, LinkNews):
            return _take_link(source, news, happened_at, now)
        return _take_money(source, news, happened_at, now)


def _outcome(source: Source, notice: Notice, now: datetime) -> str:
    if notice.refusal:
        return notice.refusal
    if notice.is_live != source.is_live:
        return gettext_noop("It is of the other mode, live or test, than the key.")
    if notice.account and notice.account != source.account_id:
        return gettext_noop("It is about another account.")
    if notice.news is None:
        return gettext_noop("Nothing follows from it.")
    try:
        return take_news(source, notice.news, notice.happened_at, now)
    except (Mismatch, PaymentRefused) as refusal:
        return str(refusal) or str(refusal.__doc__)


def _take_link(source: Source, news: LinkNews, happened_at: datetime, now: datetime) -> str:
    link = _matching(source, news)
    if _LINK_ORDER.index(news.state) > _LINK_ORDER.index(LinkState(link.status)):
        link.status = news.state
        link.external_id = link.external_id or news.external_id
        link.save(update_fields=["status", "external_id"])
    if link.prepayment_id is not None and news.state == link.status and news.state in _OVER:
        _end_prepayment(link)
    if news.state is not LinkState.PAID:
        return _LINKS[LinkState(link.status)]
    payment = _anchor(source, news.payment_id)
    if payment.link_id not in {None, link.pk}:
        raise Mismatch(gettext_noop("The payment belongs to another payment link."))
    payment.link, payment.amount, payment.currency = link, news.money.amount, news.money.currency
    payment.rank, payment.is_effective = Rank.DONE, True
    payment.save(update_fields=["link", "amount", "currency", "rank", "is_effective"])
    return _settled(source, payment, happened_at, now)


def _matching(source: Source, news: LinkNews) -> PaymentLink:
    """Find the link that the news is about, locked. Raises Mismatch."""
    links = PaymentLink.objects.select_for_update(of=("self",), no_key=True).select_related("invoice", "prepayment")
    links = links.filter(gateway=source.gateway)
    # Its answer may have been lost, or be on its way still: then only the key is known.
    link = links.filter(external_id=news.external_id).first() or links.filter(external_id="", key=news.key).first()
    if link is None or link.business_id != source.business_id:
        raise Mismatch(gettext_noop("There is no such payment link."))
    told = (news.key, news.about, news.business_id)
    if told != (link.key, link.about, str(source.business_id)):
        raise Mismatch(gettext_noop("It names another invoice than the one that the payment link is for."))
    if news.money != Money(link.amount, link.currency):
        raise Mismatch(
            f"It says {news.money.amount} {news.money.currency}, and {link.amount} {link.currency} was asked for."
        )
    return link


def _take_money(source: Source, news: MoneyNews, happened_at: datetime, now: datetime) -> str:
    payment = _anchor(source, news.payment_id)
    if payment.link_id is not None:
        _check_part(payment, news.money)
    known, _ = GatewayRecord.objects.get_or_create(
        business_id=source.business_id,
        gateway=source.gateway,
        external_id=news.external_id,
        defaults={
            "kind": news.kind,
            "payment_id": news.payment_id,
            "amount": news.money.amount,
            "currency": news.money.currency,
            "created_at": now,
        },
    )
    told = (news.kind, news.payment_id, news.money)
    if told != (known.kind, known.payment_id, Money(known.amount, known.currency)):
        raise Mismatch(gettext_noop("It says something else of it than before."))
    if news.rank > known.rank:
        known.rank, known.is_effective = news.rank, news.is_effective
        known.save(update_fields=["rank", "is_effective"])
    if payment.link_id is None:
        return gettext_noop("It waits until its payment is told.")
    return _settled(source, payment, happened_at, now)


def _anchor(source: Source, payment_id: str) -> GatewayRecord:
    """Give the row of a payment, locked: whatever is told of one payment is dealt with one after the other."""
    rows = GatewayRecord.objects.filter(business_id=source.business_id, gateway=source.gateway, external_id=payment_id)
    rows.get_or_create(
        defaults={
            "business_id": source.business_id,
            "gateway": source.gateway,
            "external_id": payment_id,
            "kind": RecordKind.PAYMENT,
            "payment_id": payment_id,
        }
    )
    return rows.select_for_update(no_key=True).get(kind=RecordKind.PAYMENT)


def _check_part(payment: GatewayRecord, money: Money) -> None:
    if money.currency != payment.currency or not 0 < money.amount <= payment.amount:
        raise Mismatch(f"It says {money.amount} {money.currency} of a payment of {payment.amount} {payment.currency}.")


def _settled(source: Source, payment: GatewayRecord, happened_at: datetime, now: datetime) -> str:
    """Enter with the invoice what is known of a payment and not entered; say what that was."""
    assert payment.link is not None
    try:
        invoice = payment.link.invoice or _invoice_in_advance(payment.link, now)
    except CannotInvoice as error:
        return f"It is paid, and cannot be booked yet. {error}"
    about = GatewayRecord.objects.filter(
        business_id=source.business_id, gateway=source.gateway, payment_id=payment.external_id
    )
    records = [payment, *about.exclude(pk=payment.pk).order_by("pk")]
    names = [name for one in records for name in (one.external_id, one.external_id + _UNDONE)]
    entered = set(
        Payment.objects.filter(
            business_id=source.business_id, method=PaymentMethod.STRIPE, external_id__in=names
        ).values_list("external_id", flat=True)
    )
    if invoice is None:
        return _told_of_missed(payment, records)
    zone = ZoneInfo(invoice.business.time_zone)
    done = []
    for one in records:
        name, amount = _missing(one, payment, entered)
        if name:
            told = NewPayment(
                money=Money(amount, payment.currency),
                method=PaymentMethod.STRIPE,
                received_on=happened_at.astimezone(zone).date(),
                external_id=name,
                verb=_VERBS.get((RecordKind(one.kind), one.is_effective)),
            )
            enter_payment(invoice.pk, source.business_id, told, _ACTOR, now)
            done.append(f"Entered {amount} {payment.currency} of {one.kind} {one.external_id}.")
    return " ".join(done) or gettext_noop("Everything was entered already.")


def settle_again(source: Source, payment: GatewayRecord, now: datetime) -> str:
    """Try again to enter what could not be invoiced when it was told."""
    with transaction.atomic():
        return _settled(source, _anchor(source, payment.external_id), payment.created_at, now)


def _invoice_in_advance(link: PaymentLink, now: datetime) -> Invoice | None:
    assert link.prepayment_id is not None
    with transaction.atomic():
        return invoice_what_is_booked(link.prepayment_id, now)


def _end_prepayment(link: PaymentLink) -> None:
    """Free the time that was held, unless another page is open on which it can be paid."""
    assert link.prepayment_id is not None
    others = PaymentLink.objects.filter(prepayment_id=link.prepayment_id).exclude(pk=link.pk)
    if not others.exclude(status__in=_OVER).exists():
        give_up(link.prepayment_id)


def _told_of_missed(payment: GatewayRecord, records: list[GatewayRecord]) -> str:
    went_back = sum(one.amount for one in records if one.kind == RecordKind.REFUND and one.is_effective)
    if went_back < payment.amount:
        return gettext_noop("It was paid too late, and the time is gone: the money goes back.")
    assert payment.link is not None
    assert payment.link.prepayment_id is not None
    note_refunded(payment.link.prepayment_id)
    return gettext_noop("It was paid too late, and the money has gone back.")


def _missing(one: GatewayRecord, payment: GatewayRecord, entered: set[str | None]) -> tuple[str, int]:
    """Say what is to be entered of a record: under which name, and how much; nothing is ("", 0)."""
    undone = one.external_id + _UNDONE
    sign = 1 if one.pk == payment.pk else -1
    try:
        _check_part(payment, Money(one.amount, one.currency))
    except Mismatch:  # it waited for its payment, and does not fit
        return "", 0
    if one.is_effective and one.external_id not in entered:
        return one.external_id, sign * one.amount
    if not one.is_effective and one.external_id in entered and undone not in entered:
        return undone, -sign * one.amount
    return "", 0
