"""Links by which a customer reaches one paper, or everything of theirs at one business, without an account.

The text in a link is random to whoever does not have the installation's key, signed for one purpose, and kept as a
hash: neither the database nor a link of another kind gives one away. All links of a customer end when they are erased.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.core.signing import BadSignature, Signer
from django.db.models import Q

from slotkeeper.billing.models import CustomerToken, Invoice, Quote
from slotkeeper.contacts.models import Contact
from slotkeeper.people.models import Business, secret_hash

HOME_FOR = timedelta(days=7)  # it opens everything of a customer
QUOTE_FOR = timedelta(days=30)  # after it was valid: until then one may look up what was decided
INVOICE_FOR = timedelta(days=3 * 366)  # people look for an invoice when they do their taxes
_OCCASION = "slotkeeper: a secret for an occasion of the portal"


class Purpose(StrEnum):
    """What a link of the portal leads to."""

    INVOICE = "invoice"
    QUOTE = "quote"
    HOME = "home"


class UnknownLink(Exception):
    """The link is not, or no longer, valid."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to; `contact` is whose link it is, where the paper names a customer that is still known."""

    text: str
    business: Business
    contact: Contact | None
    invoice: Invoice | None = None
    quote: Quote | None = None


def make_token(
    purpose: Purpose,
    *,
    invoice: Invoice | None = None,
    quote: Quote | None = None,
    contact: Contact | None = None,
    occasion: str,
) -> str:
    """Make a link's text, the same one for the same occasion: a mail that is tried again has no other.

    Exactly one of `invoice`, `quote` and `contact` is given, as the purpose says.
    """
    about = {Purpose.INVOICE: invoice, Purpose.QUOTE: quote, Purpose.HOME: contact}[purpose]
    if about is None:
        raise ValueError(f"A link of the purpose {purpose} needs what it leads to.")
    secret = Signer(salt=_OCCASION).signature(f"{purpose} {about.pk} {occasion}")
    token = CustomerToken(
        purpose=purpose,
        business_id=about.business_id,
        contact_id=about.pk if isinstance(about, Contact) else about.contact_id,
        invoice=invoice,
        quote=quote,
        secret_hash=secret_hash(secret),
        expires_at=_expiry(about, datetime.now(UTC)),
    )
    CustomerToken.objects.bulk_create([token], ignore_conflicts=True)  # it stands there from an earlier try
    return _signer(purpose).sign(secret)


def open_token(text: str, purpose: Purpose, now: datetime) -> Opened:
    """Find what a link leads to. Raises UnknownLink when it is forged, for something else, expired or revoked."""
    try:
        secret = _signer(purpose).unsign(text)
    except BadSignature:
        raise UnknownLink from None
    alive = CustomerToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, purpose=purpose)
    found = alive.filter(secret_hash=secret_hash(secret))
    token = found.select_related("business", "contact", "invoice__appointment", "quote__appointment").first()
    if token is None:
        raise UnknownLink
    return Opened(text, token.business, token.contact, token.invoice, token.quote)


def revoke_tokens(about: Invoice | Quote | Contact, now: datetime) -> int:
    """End every link to a paper, or every link of a customer; give how many there were."""
    mine = CustomerToken.objects.filter(business_id=about.business_id, revoked_at=None)
    if isinstance(about, Contact):
        mine = mine.filter(contact=about)
    else:
        mine = mine.filter(invoice=about) if isinstance(about, Invoice) else mine.filter(quote=about)
    return mine.update(revoked_at=now)


def _signer(purpose: Purpose) -> Signer:
    return Signer(salt=f"slotkeeper: the portal's {purpose}")


def _expiry(about: Invoice | Quote | Contact, now: datetime) -> datetime:
    if isinstance(about, Invoice):
        return now + INVOICE_FOR
    if isinstance(about, Quote) and about.valid_until:
        last_day = datetime.combine(about.valid_until, datetime.min.time(), ZoneInfo(about.business.time_zone))
        return max(last_day + timedelta(days=1), now) + QUOTE_FOR
    return now + (HOME_FOR if isinstance(about, Contact) else QUOTE_FOR)
