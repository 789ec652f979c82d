"""Stripe's objects, as far as they are read (https://docs.stripe.com/api), and what they tell.

Events and answers hold the same objects, so they are read in one place. What has not the form that Stripe describes
is refused as a whole.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from slotkeeper.billing.gateways.base import LinkNews, LinkState, MadeLink, MoneyNews, Notice, Rank, RecordKind
from slotkeeper.billing.payments import Money
from slotkeeper.outbound.foreign_json import NO_JSON

# Printable ASCII: PostgreSQL stores no NUL, and no id of Stripe's has one.
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
_Amount = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Currency = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z]{3}$")]
# What we write beside each object, and read again: what is paid of which business, and the key of our link.
ABOUT, BUSINESS, LINK = "slotkeeper_about", "slotkeeper_business", "slotkeeper_link"
# https://docs.stripe.com/currencies#special-cases: their digits there, where they are not those of ISO 4217.
_DIGITS_MORE = {"ISK": 2, "UGX": 2, "MGA": -2}
Found = TypeVar("Found")


class _Named(msgspec.Struct):
    id: Id


class Session(msgspec.Struct):
    """A Checkout Session: a page to pay on."""

    id: Id
    status: str | None = None
    payment_status: str = "unpaid"
    amount_total: _Amount | None = None
    currency: _Currency | None = None
    client_reference_id: str | None = None
    metadata: dict[str, str] | None = None
    payment_intent: Id | _Named | None = None
    url: str | None = None
    expires_at: int = 0


class Refund(msgspec.Struct):
    """Money that goes back."""

    id: Id
    amount: _Amount
    currency: _Currency
    status: str | None = None
    payment_intent: Id | _Named | None = None
    charge: Id | _Named | None = None


class Dispute(msgspec.Struct):
    """A payment that its payer disputes at their bank."""

    id: Id
    amount: _Amount
    currency: _Currency
    status: str
    payment_intent: Id | _Named | None = None
    charge: Id | _Named | None = None


class _Events(msgspec.Struct):
    data: list[dict[str, Any]]
    has_more: bool = False


class Page(NamedTuple):
    """A page of a list."""

    notices: list[Notice]
    has_more: bool


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    id: Id
    type: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[\x21-\x7e]+$")]
    created: Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800)]
    livemode: bool
    data: _Data
    account: Id | None = None


class Unreadable(Exception):
    """It has not the form of what Stripe sends."""


# What a session is after each of its events; its own fields say the rest.
_OF_SESSIONS = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
}
_OF_REFUNDS = {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
_OF_DISPUTES = {
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
}
EVENTS = sorted(_OF_SESSIONS | _OF_REFUNDS | _OF_DISPUTES)


def read_event(body: bytes) -> Notice:
    """Read an event whose signature was checked. Raises Unreadable for what is none."""
    try:
        event = msgspec.json.decode(body, type=_Event)
    except NO_JSON:
        raise Unreadable from None
    news: LinkNews | MoneyNews | None = None
    refusal = ""
    try:
        news = _news_of(event)
    except (msgspec.DecodeError, Unreadable) as error:
        refusal = f"Its object has not the form that was expected: {str(error)[:200]}"
    return Notice(
        external_id=event.id,
        kind=event.type,
        happened_at=datetime.fromtimestamp(event.created, UTC),
        is_live=event.livemode,
        account=event.account or "",
        news=news,
        refusal=refusal,
    )


def _news_of(event: _Event) -> LinkNews | MoneyNews | None:
    if event.type in _OF_SESSIONS:
        session = msgspec.json.decode(event.data.object, type=Session)
        return link_news(session, has_failed=event.type == "checkout.session.async_payment_failed")
    if event.type in _OF_REFUNDS:
        return refund_news(msgspec.json.decode(event.data.object, type=Refund))
    if event.type in _OF_DISPUTES:
        return dispute_news(msgspec.json.decode(event.data.object, type=Dispute))
    return None


def link_news(session: Session, *, has_failed: bool = False) -> LinkNews:
    """Say what a session tells. Raises Unreadable for one of another kind than we make."""
    if session.amount_total is None or session.currency is None:
        raise Unreadable("It says no amount.")
    notes = session.metadata or {}
    return LinkNews(
        external_id=session.id,
        key=session.client_reference_id or "",
        about=notes.get(ABOUT, ""),
        business_id=notes.get(BUSINESS, ""),
        money=from_stripe(session.amount_total, session.currency),
        state=LinkState.FAILED if has_failed else _link_state(session),
        payment_id=_id_of(session.payment_intent) or (session.id if session.payment_status == "paid" else ""),
    )


def _link_state(session: Session) -> LinkState:
    if session.payment_status == "paid":
        return LinkState.PAID
    if session.status == "expired":
        return LinkState.EXPIRED
    return LinkState.PROCESSING if session.status == "complete" else LinkState.OPEN


def refund_news(refund: Refund) -> MoneyNews:
    """Say what a refund tells (https://docs.stripe.com/api/refunds/object#refund_object-status)."""
    rank = {"succeeded": Rank.DONE, "failed": Rank.UNDONE, "canceled": Rank.UNDONE}.get(refund.status or "", Rank.BEGUN)
    money = from_stripe(refund.amount, refund.currency)
    return MoneyNews(RecordKind.REFUND, refund.id, _paid_by(refund), money, rank, is_effective=rank is Rank.DONE)


def dispute_news(dispute: Dispute) -> MoneyNews:
    """Say what a dispute tells. Stripe takes the money when it begins, and gives it back if it is won.

    An inquiry (`warning_…`) moves nothing (https://docs.stripe.com/api/disputes/object#dispute_object-status).
    """
    if dispute.status in {"needs_response", "under_review"}:
        rank = Rank.DONE
    else:
        rank = Rank.UNDONE if dispute.status in {"won", "lost", "prevented"} else Rank.BEGUN
    is_effective = rank is Rank.DONE or dispute.status == "lost"
    money = from_stripe(dispute.amount, dispute.currency)
    return MoneyNews(RecordKind.DISPUTE, dispute.id, _paid_by(dispute), money, rank, is_effective=is_effective)


def to_stripe(money: Money) -> int:
    """Write an amount in Stripe's minor units. Raises ValueError for what Stripe cannot charge."""
    digits = _DIGITS_MORE.get(money.currency, 0)
    if money.amount % _power(-digits):
        raise ValueError
    return money.amount * _power(digits) // _power(-digits)


def from_stripe(amount: int, currency: str) -> Money:
    """Read an amount of Stripe's."""
    digits = _DIGITS_MORE.get(currency.upper(), 0)
    return Money(amount * _power(-digits) // _power(digits), currency.upper())


def _power(digits: int) -> int:
    return int(10 ** max(digits, 0))


def read_session(answer: Any) -> LinkNews:
    """Read a Checkout Session of an answer. Raises Unreadable, as the others that follow do."""
    return link_news(_converted(answer, Session))


def read_made(answer: Any) -> MadeLink:
    """Read a Checkout Session that was just made."""
    made = _converted(answer, Session)
    if not made.url:
        raise Unreadable("It has no address.")
    return MadeLink(made.id, made.url, made.expires_at)


def read_refund(answer: Any) -> MoneyNews:
    """Read a refund."""
    return refund_news(_converted(answer, Refund))


def read_events(answer: Any) -> Page:
    """Read a page of events."""
    listed = _converted(answer, _Events)
    return Page([read_event(msgspec.json.encode(event)) for event in listed.data], listed.has_more)


def read_id(answer: Any) -> str:
    """Read no more than the id of an object."""
    return _converted(answer, _Named).id


def _converted(answer: Any, form: type[Found]) -> Found:
    try:
        return msgspec.convert(answer, form)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from None


def _paid_by(about: Refund | Dispute) -> str:
    found = _id_of(about.payment_intent) or _id_of(about.charge)
    if not found:
        raise Unreadable("It names no payment.")
    return found


def _id_of(value: str | _Named | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else value.id
