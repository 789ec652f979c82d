"""Revenue: what was invoiced, by month and service, and how much of it was paid."""

from datetime import date
from typing import NamedTuple

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncMonth

from slotkeeper.billing.models import Invoice

MAX_RANGE_DAYS = 1_100  # three years


class Revenue(NamedTuple):
    """What was invoiced in a month for a service, less what was taken back in it; currencies stand apart.

    `paid` is what came in by now for the invoices of that month, whenever it came. Without a service: written by hand.
    """

    month: date
    currency: str
    service_id: int | None
    service: str
    net: int
    tax: int
    gross: int
    paid: int


def read_revenue(business_id: int, since: date, until: date) -> list[Revenue]:
    """Add up what was issued on these days, both within, by month, currency and service."""
    found: QuerySet[Invoice] = Invoice.objects.filter(
        business_id=business_id, issued_on__gte=since, issued_on__lte=until
    )
    rows = (
        found.annotate(month=TruncMonth("issued_on"))
        .values("month", "currency", "appointment__service_id", "appointment__service__name")
        .annotate(nets=Sum("net"), taxes=Sum("tax"), grosses=Sum("gross"), paids=Sum("paid_amount"))
        .order_by("month", "currency", "appointment__service__name", "appointment__service_id")
    )
    return [
        Revenue(
            row["month"],
            row["currency"],
            row["appointment__service_id"],
            row["appointment__service__name"] or "",
            *(int(row[name]) for name in ("nets", "taxes", "grosses", "paids")),
        )
        for row in rows
    ]
