"""Numbers of documents: one after the other, without a gap, per business."""

from typing import NamedTuple

from slotkeeper.billing.models import BillingProfile, DocumentCounter

INVOICES, QUOTES = "invoice", "quote"
_QUOTE_PREFIX = "Q-"
_DIGITS = 4


class Number(NamedTuple):
    """A document's place in its series, and how it is written."""

    sequence: int
    text: str


def next_number(profile: BillingProfile, series: str) -> Number:
    """Give the next number of a series, in the caller's transaction: where that is undone, the number is free again.

    The counter's row stays locked until it ends, so whoever comes next waits, and there is never a gap.
    """
    counters = DocumentCounter.objects.select_for_update()
    counter, _ = counters.get_or_create(business_id=profile.business_id, series=series)
    counter.last += 1
    counter.save(update_fields=["last"])
    prefix = _QUOTE_PREFIX if series == QUOTES else profile.number_prefix
    return Number(counter.last, f"{prefix}{counter.last:0{_DIGITS}}")
