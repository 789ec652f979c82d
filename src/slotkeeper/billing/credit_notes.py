"""Credit notes: the only way to correct what was issued. They take back an invoice, or lines of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from slotkeeper.billing.documents import DocumentTarget, keep, locked, note, state_of, today_of
from slotkeeper.billing.lines import add_up
from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus
from slotkeeper.billing.numbering import INVOICES, next_number
from slotkeeper.billing.payments import settle
from slotkeeper.billing.profile import profile_of
from slotkeeper.changes.record import Actor
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.rules.money import LARGEST_AMOUNT

_COPIED = (
    "business_id", "contact_id", "appointment_id", "quote_id", "currency", "discount", "seller", "buyer", "locale",
    "performed_on",
)  # fmt: skip
_MOST_ROUNDING = 100_000


class NotCreditable(Exception):
    """Only an issued invoice can be taken back, and only what is left of it."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A line of the invoice, counted from 0, and how much of it; without a quantity all that is left."""

    position: int
    quantity: str | None = None


@dataclass(frozen=True, slots=True)
class CreditWish:
    """What is to be taken back, nothing named is all that is left, and what the paper says to it."""

    lines: Sequence[TakenBack] = ()
    note: str = ""


def credit_invoice(target: DocumentTarget, wish: CreditWish, actor: Actor, now: datetime) -> Invoice:
    """Issue a credit note about an invoice, with a number of the same series, and give it.

    The invoice's row stays locked until it stands, so two at once never take back more than there was. Raises
    NotInBusiness, NotCreditable, InvalidFields and DocumentVersionConflict.
    """
    with transaction.atomic():
        invoice = locked(Invoice, target)
        if invoice.kind != InvoiceKind.INVOICE or invoice.status in {InvoiceStatus.DRAFT, InvoiceStatus.CREDITED}:
            raise NotCreditable
        left = left_of(invoice)
        taken = _taken(wish.lines, left)
        credit = _credit_note(invoice, taken, wish.note)
        is_all = all(left[position] == taken.get(position, 0) for position in left)
        if is_all:
            _round_to(credit, -(invoice.gross - invoice.credited_amount))
        if -credit.gross > invoice.gross - invoice.credited_amount:
            raise InvalidFields({"lines": gettext_noop("No more can be taken back than was invoiced.")})
        before = state_of(invoice)
        _issue(credit, actor, now)
        invoice.credited_amount -= credit.gross
        settle(invoice, now)
        if is_all:
            invoice.status, invoice.paid_at = InvoiceStatus.CREDITED, None
        keep(invoice, now)
        note(invoice, "credited", actor, before)
    return credit


def left_of(invoice: Invoice) -> dict[int, Decimal]:
    """Say how much of each line, counted from 0, was not taken back yet."""
    taken: dict[int, Decimal] = defaultdict(Decimal)
    for credit in Invoice.objects.filter(corrects=invoice):
        for line in credit.lines:
            if "position" in line:
                taken[line["position"]] -= Decimal(line["quantity"])
    return {position: Decimal(line["quantity"]) - taken[position] for position, line in enumerate(invoice.lines)}


def _taken(lines: Sequence[TakenBack], left: dict[int, Decimal]) -> dict[int, Decimal]:
    """Read how much of which line is taken back. Raises InvalidFields and NotCreditable."""
    if not lines:
        taken = {position: quantity for position, quantity in left.items() if quantity > 0}
        if not taken:
            raise NotCreditable
        return taken
    reasons: dict[str, str] = {}
    taken = {}
    for number, line in enumerate(lines):
        available = left.get(line.position)
        if available is None or line.position in taken:
            reasons[f"lines.{number}.position"] = gettext_noop("The invoice has no such line, or it stands here twice.")
            continue
        quantity = available if line.quantity is None else _quantity(line.quantity)
        if quantity is None or not 0 < quantity <= available:
            reasons[f"lines.{number}.quantity"] = gettext_noop("It must be more than 0 and at most what is left.")
            continue
        taken[line.position] = quantity
    if reasons:
        raise InvalidFields(reasons)
    return taken


def _quantity(text: str) -> Decimal | None:
    try:
        quantity = Decimal(text)
    except InvalidOperation:
        return None
    return (
        quantity if quantity.is_finite() and abs(quantity) < LARGEST_AMOUNT and quantity == round(quantity, 3) else None
    )


def _credit_note(invoice: Invoice, taken: dict[int, Decimal], text: str) -> Invoice:
    """Mirror what is taken back, in memory."""
    copied = {name: getattr(invoice, name) for name in _COPIED}
    lines: list[Any] = [
        {**invoice.lines[position], "quantity": f"{(-quantity).normalize():f}", "position": position}
        for position, quantity in sorted(taken.items())
    ]
    credit = Invoice(kind=InvoiceKind.CREDIT_NOTE, corrects=invoice, lines=lines, note=text, **copied)
    add_up(credit)
    return credit


def _round_to(credit: Invoice, gross: int) -> None:
    """Let the last credit note make up for what rounding left over, in a line of its own."""
    difference = gross - credit.gross
    if difference == 0:
        return
    with translation.override(credit.locale):
        text = gettext("Rounding")
    lines = credit.lines
    quantity = "1" if difference > 0 else "-1"
    for price in range(1, _MOST_ROUNDING):  # more than the difference only where a discount is taken off it, too
        line = {"description": text, "quantity": quantity, "unit_price": price, "tax_rate": "0.00", "discount": "0.00"}
        credit.lines = [*lines, line]
        add_up(credit)
        if credit.gross == gross:
            return


def _issue(credit: Invoice, actor: Actor, now: datetime) -> None:
    profile, today = profile_of(credit.business_id), today_of(credit.business, now)
    credit.issued_on, credit.issued_at, credit.created_at, credit.updated_at = today, now, now, now
    credit.sequence, credit.number = next_number(profile, INVOICES)
    credit.status = InvoiceStatus.CREDITED
    credit.save(force_insert=True)
    note(credit, "issued", actor, {})
