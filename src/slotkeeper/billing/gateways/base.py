"""What a payment provider can do, how it fails, and what it tells: of a page to pay on, and of money that moved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from slotkeeper.billing.payments import Money


class GatewayAway(Exception):
    """The payment provider gives no answer now; nobody knows whether it did what it was asked. Try again later."""


class GatewayRefused(Exception):
    """The payment provider refuses; its text says why."""


class WrongKey(GatewayRefused):
    """The payment provider does not know the key, or no longer."""


class MayNot(GatewayRefused):
    """The key is a restricted one and may not do this."""


class KeyReused(GatewayRefused):
    """The same key was used before for something else."""


class UnknownThere(GatewayRefused):
    """The payment provider does not know what it was asked about."""


class LinkState(StrEnum):
    """Where a page to pay on stands."""

    OPEN = "open"
    PROCESSING = "processing"  # the customer is done, and the money takes days
    FAILED = "failed"  # it took days, and did not come
    EXPIRED = "expired"
    PAID = "paid"


class RecordKind(StrEnum):
    """What money did."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"


class Rank(IntEnum):
    """Of two things that are told of one payment, refund or dispute, the higher is the newer, whichever came first."""

    BEGUN = 1
    DONE = 2
    UNDONE = 3


@dataclass(frozen=True, slots=True)
class LinkWish:
    """A page to pay on that is wanted. `key` names it: asked for twice, it is made once."""

    key: str
    about: str  # what is paid there: told again with all that follows
    business_id: int
    money: Money
    description: str
    return_url: str  # where the customer goes afterwards, whether or not they have paid
    done_url: str = field(default="", kw_only=True)  # where they go having paid, if that is another place
    expires_at: int
    locale: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A page to pay on, as the provider made it."""

    external_id: str
    url: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class LinkNews:
    """What the provider says of a page to pay on, and of what it is for: all of it must match what we asked."""

    external_id: str
    key: str
    about: str
    business_id: str
    money: Money
    state: LinkState
    payment_id: str = ""  # the provider's, once somebody has paid


@dataclass(frozen=True, slots=True)
class MoneyNews:
    """What the provider says of a refund, a dispute, or a payment; `is_effective` while the money is moved by it."""

    kind: RecordKind
    external_id: str
    payment_id: str
    money: Money
    rank: Rank
    is_effective: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that the provider tells, its signature checked."""

    external_id: str
    kind: str
    happened_at: datetime
    is_live: bool
    account: str = ""  # where it names one
    news: LinkNews | MoneyNews | None = None  # None: nothing that concerns us
    refusal: str = ""  # why what it tells cannot be read


@dataclass(frozen=True, slots=True)
class RefundWish:
    """Money that is to go back, of one payment. `key` names it: asked for twice, it goes back once."""

    key: str
    payment_id: str
    money: Money  # how much, as a positive amount
    notes: Mapping[str, str] = field(default_factory=dict)


class Gateway(Protocol):
    """A payment provider, with the account of one business. Never called within a transaction.

    All of it raises GatewayAway and GatewayRefused, and what names something unknown UnknownThere.
    """

    name: str
    is_live: bool

    def create_link(self, wish: LinkWish) -> MadeLink:
        """Make a page to pay on. Raises KeyReused where the key has made another one."""

    def expire_link(self, external_id: str) -> LinkNews:
        """End a page, so that nobody pays on it any more, and say how it stands then."""

    def read_link(self, external_id: str) -> LinkNews:
        """Say how a page stands now."""

    def notices_since(self, moment: datetime) -> list[Notice]:
        """List the events since then, the oldest first: as far back as the provider keeps them."""

    def refund(self, wish: RefundWish) -> MoneyNews:
        """Send money back. Raises KeyReused where the key has sent back something else."""

    def account_id(self) -> str:
        """Name the account that the key belongs to; "" where the key may not know."""
