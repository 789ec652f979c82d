"""Reading quotes and invoices for lists: narrowed to how they stand, whose they are, when they were issued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet, Sum

from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus, Quote, QuoteStatus
from slotkeeper.people.models import Business

DocumentT = TypeVar("DocumentT", Quote, Invoice)
OVERDUE, EXPIRED = "overdue", "expired"  # computed; not stored


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a list is narrowed to; `since` and `until` are days of the business, both within."""

    statuses: Sequence[str] = ()
    kind: str | None = None
    contact_id: int | None = None
    appointment_id: int | None = None
    since: date | None = None
    until: date | None = None


class Sums(NamedTuple):
    """What stands open in a currency, how much of it is overdue, and what was paid of all that was invoiced."""

    currency: str
    open: int
    overdue: int
    paid: int


def invoices_of(business_id: int, narrowing: Narrowing, today: date) -> QuerySet[Invoice]:
    """Give a business's invoices and credit notes, without an order."""
    found = Invoice.objects.filter(business_id=business_id)
    if narrowing.kind is not None:
        found = found.filter(kind=narrowing.kind)
    if narrowing.statuses:
        stored = [status for status in narrowing.statuses if status != OVERDUE]
        condition = Q(status__in=stored)
        if OVERDUE in narrowing.statuses:
            condition |= _overdue(today)
        found = found.filter(condition)
    found = _about(found, narrowing)
    if narrowing.since is not None:
        found = found.filter(issued_on__gte=narrowing.since)
    if narrowing.until is not None:
        found = found.filter(issued_on__lte=narrowing.until)
    return found


def quotes_of(business: Business, narrowing: Narrowing, today: date) -> QuerySet[Quote]:
    """Give a business's quotes, without an order; of the days of a range those that were sent on them."""
    found = Quote.objects.filter(business_id=business.pk)
    if narrowing.statuses:
        over = Q(status=QuoteStatus.SENT, valid_until__lt=today)
        condition = Q(status__in=[one for one in narrowing.statuses if one not in {EXPIRED, QuoteStatus.SENT}])
        if QuoteStatus.SENT in narrowing.statuses:
            condition |= Q(status=QuoteStatus.SENT) & ~over
        if EXPIRED in narrowing.statuses:
            condition |= over
        found = found.filter(condition)
    found = _about(found, narrowing)
    zone = ZoneInfo(business.time_zone)
    if narrowing.since is not None:
        found = found.filter(sent_at__gte=datetime.combine(narrowing.since, time(), zone))
    if narrowing.until is not None:
        found = found.filter(sent_at__lt=datetime.combine(narrowing.until + timedelta(days=1), time(), zone))
    return found


def is_overdue(invoice: Invoice, today: date) -> bool:
    """Say whether an open invoice should have been paid by now."""
    return invoice.status == InvoiceStatus.OPEN and invoice.due_on is not None and invoice.due_on < today


def sums_of(business_id: int, today: date) -> list[Sums]:
    """Add up, for each currency, what is open, overdue and paid."""
    owed = F("gross") - F("credited_amount") - F("paid_amount")
    found = Invoice.objects.filter(business_id=business_id, kind=InvoiceKind.INVOICE, sequence__isnull=False)
    rows = found.values("currency").annotate(
        opened=Sum(owed, filter=Q(status=InvoiceStatus.OPEN), default=0),
        overdue=Sum(owed, filter=_overdue(today), default=0),
        paid=Sum("paid_amount", default=0),
    )
    return [
        Sums(row["currency"], int(row["opened"]), int(row["overdue"]), int(row["paid"]))
        for row in rows.order_by("currency")
    ]


def _overdue(today: date) -> Q:
    return Q(status=InvoiceStatus.OPEN, due_on__lt=today)


def _about(found: QuerySet[DocumentT], narrowing: Narrowing) -> QuerySet[DocumentT]:
    if narrowing.contact_id is not None:
        found = found.filter(contact_id=narrowing.contact_id)
    if narrowing.appointment_id is not None:
        found = found.filter(appointment_id=narrowing.appointment_id)
    return found
