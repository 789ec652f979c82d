"""The verbs that change quotes: write, send, accept, decline, and book what was accepted."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop
from msgspec import structs

from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.billing.documents import (
    DocumentTarget,
    NotDraft,
    buyer_of,
    change_draft,
    create_draft,
    delete_draft,
    keep,
    locked,
    note,
    require_buyer,
    require_lines,
    seller_of,
    state_of,
    today_of,
)
from slotkeeper.billing.models import Invoice, InvoiceStatus, Quote, QuoteStatus
from slotkeeper.billing.numbering import QUOTES, next_number
from slotkeeper.billing.profile import profile_of
from slotkeeper.changes.record import Actor
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import CLAIMING

EXPIRED = "expired"  # what a sent quote is called after its last day; it is not stored


class NotSent(Exception):
    """The quote was not sent yet, so there is nothing to decide."""


class QuoteExpired(Exception):
    """The quote is no longer valid. Send a new one."""


class AlreadyDecided(Exception):
    """The quote was decided the other way already."""


class NotAccepted(Exception):
    """Only an accepted quote is booked or invoiced."""


class AlreadyBooked(Exception):
    """An appointment was booked from this quote already."""


def create_quote(business_id: int, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Quote:
    """Store a draft of a quote. Raises NotInBusiness, InvalidFields and BadLines."""
    with transaction.atomic():
        return create_draft(Quote, business_id, fields, actor, now)


def update_quote(target: DocumentTarget, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Quote:
    """Change a draft. Raises NotInBusiness, NotDraft, InvalidFields, BadLines and DocumentVersionConflict."""
    with transaction.atomic():
        return change_draft(Quote, target, fields, actor, now)


def delete_quote(target: DocumentTarget, actor: Actor) -> None:
    """Delete a draft. Raises NotInBusiness, NotDraft and DocumentVersionConflict."""
    with transaction.atomic():
        delete_draft(Quote, target, actor)


def send_quote(target: DocumentTarget, actor: Actor, now: datetime) -> Quote:
    """Give a draft its number and fix what it says; the mail to its customer follows from that.

    A second time changes nothing. Raises NotInBusiness, InvalidFields, NotDraft and DocumentVersionConflict.
    """
    with transaction.atomic():
        quote = locked(Quote, target)
        if quote.status == QuoteStatus.SENT:
            return quote
        if quote.status != QuoteStatus.DRAFT:
            raise NotDraft
        business, profile = Business.objects.get(pk=quote.business_id), profile_of(quote.business_id)
        before, today = state_of(quote), today_of(business, now)
        quote.valid_until = quote.valid_until or today + timedelta(days=profile.quote_days)
        if quote.valid_until < today:
            raise InvalidFields({"valid_until": gettext_noop("This day is over.")})
        require_lines(quote)
        quote.seller, quote.buyer = seller_of(profile, business), buyer_of(quote)
        require_buyer(quote.buyer)
        quote.sequence, quote.number = next_number(profile, QUOTES)
        quote.status, quote.sent_at = QuoteStatus.SENT, now
        keep(quote, now)
        note(quote, "sent", actor, before)
    return quote


def accept_quote(target: DocumentTarget, actor: Actor, now: datetime) -> Quote:
    """Note that the customer takes the offer; a second time changes nothing.

    Raises NotInBusiness, NotSent, QuoteExpired, AlreadyDecided and DocumentVersionConflict.
    """
    return _decide(target, QuoteStatus.ACCEPTED, actor, now)


def decline_quote(target: DocumentTarget, actor: Actor, now: datetime) -> Quote:
    """Note that the customer does not take the offer. Raises what `accept_quote` raises."""
    return _decide(target, QuoteStatus.DECLINED, actor, now)


def book_quote(target: DocumentTarget, booking: Booking, actor: Actor, now: datetime) -> AppointmentRow:
    """Book an appointment for what was accepted, with the quote's customer.

    Raises NotInBusiness, NotAccepted, AlreadyBooked, and all that `actions.book` raises.
    """
    with transaction.atomic():
        quote = locked(Quote, target)
        if quote.status != QuoteStatus.ACCEPTED:
            raise NotAccepted
        if quote.appointment is not None and quote.appointment.status in CLAIMING:
            raise AlreadyBooked
        known = quote.buyer or {}
        booking = structs.replace(
            booking,
            contact_id=quote.contact_id,
            contact_name=booking.contact_name or known.get("name") or None,
            contact_email=booking.contact_email or known.get("email") or None,
        )
        row = actions.book(booking, actor, int(now.timestamp()))
        before = state_of(quote)
        if quote.appointment_id is not None:  # a canceled one: what was sent may be forgotten, not exchanged
            Quote.objects.filter(pk=quote.pk).update(appointment=None)
        quote.appointment_id = row.id
        keep(quote, now)
        note(quote, "booked", actor, before)
        _tell_drafts(quote, actor, now)
    return row


def is_expired(quote: Quote, business: Business, now: datetime) -> bool:
    """Say whether a sent quote's last day is over where the business is."""
    if quote.status != QuoteStatus.SENT or quote.valid_until is None:
        return False
    return quote.valid_until < today_of(business, now)


def _tell_drafts(quote: Quote, actor: Actor, now: datetime) -> None:
    """Let the invoices that are being written from a quote know its appointment."""
    drafts = Invoice.objects.select_for_update(no_key=True).filter(quote=quote, status=InvoiceStatus.DRAFT)
    for draft in drafts.filter(appointment=None):
        before = state_of(draft)
        draft.appointment_id = quote.appointment_id
        keep(draft, now)
        note(draft, "updated", actor, before)


def _decide(target: DocumentTarget, decision: QuoteStatus, actor: Actor, now: datetime) -> Quote:
    with transaction.atomic():
        quote = locked(Quote, target)
        if quote.status == decision:
            return quote
        if quote.status == QuoteStatus.DRAFT:
            raise NotSent
        if quote.status != QuoteStatus.SENT:
            raise AlreadyDecided
        if decision == QuoteStatus.ACCEPTED and is_expired(quote, quote.business, now):
            raise QuoteExpired
        before = state_of(quote)
        quote.status, quote.decided_at = decision, now
        keep(quote, now)
        note(quote, decision.value, actor, before)
    return quote
