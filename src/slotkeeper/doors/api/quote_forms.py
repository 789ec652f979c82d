"""The shapes of quotes on the wire, and writing them."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.billing.models import Quote
from slotkeeper.billing.quotes import is_expired
from slotkeeper.doors.api.appointment_forms import Conflict, LongText, RefusalReason, Slot, Time, ZoneName
from slotkeeper.doors.api.contacts import Locale
from slotkeeper.doors.api.document_forms import (
    BuyerIn,
    Day,
    DocumentQuery,
    LineOut,
    Lines,
    PartyOut,
    Percentage,
    TaxOut,
    moment_now,
    write_document,
)
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.people import Currency
from slotkeeper.doors.api.problems import Problem
from slotkeeper.people.callers import Caller


class QuoteStatusName(StrEnum):
    """Where a quote stands; one that was sent is expired after its last day."""

    DRAFT = "draft"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"


class NewQuote(msgspec.Struct, forbid_unknown_fields=True):
    """What writing a quote takes; without `valid_until` it is valid as long as the billing settings say."""

    lines: Lines
    contact_id: int | None = None
    appointment_id: int | None = None
    currency: Currency | None = None
    discount: Percentage = "0"
    valid_until: Day | None = None
    buyer: BuyerIn | None = None
    note: LongText = None
    locale: Locale | UnsetType = UNSET


class QuoteChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing a draft takes: fields left out stay, null clears."""

    lines: Lines | UnsetType = UNSET
    contact_id: int | None | UnsetType = UNSET
    appointment_id: int | None | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    discount: Percentage | UnsetType = UNSET
    valid_until: Day | None | UnsetType = UNSET
    buyer: BuyerIn | None | UnsetType = UNSET
    note: LongText | UnsetType = UNSET
    locale: Locale | UnsetType = UNSET
    version: int | UnsetType = UNSET


class QuoteOut(msgspec.Struct):
    """A quote; amounts are minor units of its currency."""

    id: int
    number: str | None
    status: QuoteStatusName
    contact_id: int | None
    appointment_id: int | None
    invoice_ids: list[int]
    currency: str
    lines: list[LineOut]
    discount: str
    net: int
    tax: int
    gross: int
    taxes: list[TaxOut]
    seller: PartyOut | None
    buyer: PartyOut | None
    note: str
    locale: str
    valid_until: str | None
    sent_at: str | None
    decided_at: str | None
    created_at: str
    updated_at: str
    version: int


class QuoteList(msgspec.Struct):
    """A page of quotes, newest first."""

    quotes: list[QuoteOut]
    next_cursor: str | None


class QuoteRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the quote as it is now, where its version is stale."""

    current: QuoteOut | UnsetType = UNSET


class QuoteBookingRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 of a booking: what is in the way and what is free instead, or the quote as it is now."""

    current: QuoteOut | UnsetType = UNSET
    conflicts: list[Conflict] | UnsetType = UNSET
    suggested_slots: list[Slot] | UnsetType = UNSET
    reasons: list[RefusalReason] | UnsetType = UNSET


class QuotePath(msgspec.Struct):
    """Where a quote is."""

    quote_id: int


class QuoteQuery(DocumentQuery):
    """Which quotes; `from` and `to` are the days on which they were sent."""

    status: list[QuoteStatusName] = []


class QuoteBooking(msgspec.Struct, forbid_unknown_fields=True):
    """When, and with whom, an accepted quote is booked."""

    start_time: Time
    end_time: Time
    title: Annotated[str, Meta(max_length=200, pattern=r"\S")]
    user_id: int | UnsetType = UNSET
    service_id: int | None = None
    time_zone: ZoneName | UnsetType = UNSET
    version: int | UnsetType = UNSET


def write_quote(quote: Quote, caller: Caller) -> dict[str, Any]:
    """Write a quote as QuoteOut describes it."""
    written = write_document(quote, caller)
    if is_expired(quote, quote.business, moment_now()):
        written["status"] = QuoteStatusName.EXPIRED.value
    return written | {
        "invoice_ids": sorted(invoice.pk for invoice in quote.invoices.all()),
        "valid_until": None if quote.valid_until is None else quote.valid_until.isoformat(),
        "sent_at": written_moment(quote.sent_at, caller),
        "decided_at": written_moment(quote.decided_at, caller),
    }
