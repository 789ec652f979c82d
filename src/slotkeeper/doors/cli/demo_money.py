"""The quotes and invoices of the practice that `slotkeeper demo` invents.

Who comes on a prescription pays at the insurer's; who comes for a sports massage gets an invoice, which most pay in
time, some late and some not yet.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from slotkeeper.appointments.models import Appointment
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.invoices import invoice_appointment, invoice_quote, issue_invoice, record_payment
from slotkeeper.billing.models import Invoice, PaymentMethod, Quote
from slotkeeper.billing.papers import want_papers
from slotkeeper.billing.payments import Money, NewPayment
from slotkeeper.billing.profile import update_profile
from slotkeeper.billing.quotes import accept_quote, create_quote, decline_quote, send_quote
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.cli import demo_data
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.local_time import DAY_SECONDS, HOUR_SECONDS

_METHODS = (PaymentMethod.BANK_TRANSFER, PaymentMethod.BANK_TRANSFER, PaymentMethod.CARD, PaymentMethod.CASH)
_ZONE = ZoneInfo(demo_data.ZONE)
_Decision = Callable[[DocumentTarget, Actor, datetime], Quote]


class _Step(NamedTuple):
    """Something that is done to a paper at a moment."""

    at: int
    do: Callable[[datetime], Quote | Invoice]


def bill(business_id: int, actor: Actor, chance: random.Random, now: int) -> None:
    """Write what was offered, invoiced and paid until now, in the order in which it happened. In a transaction."""
    update_profile(business_id, demo_data.BILLING, actor)
    office = _Office(business_id, actor)
    steps = [*_invoices(office, chance, now), *_quotes(office, now)]
    for step in sorted(steps, key=lambda one: one.at):
        step.do(datetime.fromtimestamp(step.at, UTC))
    want_papers(list(Change.objects.filter(business_id=business_id, subject_kind__in=("invoice", "quote"))))


@dataclass
class _Office:
    """Does what the owner does to papers, one step after the other."""

    business_id: int
    actor: Actor
    quotes: dict[demo_data.Offer, int] = field(default_factory=dict)

    def invoice(self, appointment: Appointment, at: datetime) -> Invoice:
        draft = invoice_appointment(self.business_id, appointment.pk, self.actor, at)
        return self._issue(draft, at)

    def pay(self, appointment: Appointment, method: PaymentMethod, at: datetime) -> Invoice:
        invoice = Invoice.objects.get(appointment=appointment)
        payment = NewPayment(Money(invoice.gross, invoice.currency), method, at.astimezone(_ZONE).date())
        return record_payment(DocumentTarget(self.business_id, invoice.pk), payment, self.actor, at)

    def offer(self, contact_id: int, offer: demo_data.Offer, at: datetime) -> Quote:
        line = {
            "description": offer.text,
            "quantity": offer.quantity,
            "unit_price": offer.price,
            "discount": offer.discount,
        }
        quote = create_quote(self.business_id, {"contact_id": contact_id, "lines": [line]}, self.actor, at)
        self.quotes[offer] = quote.pk
        return send_quote(DocumentTarget(self.business_id, quote.pk), self.actor, at)

    def decide(self, contact_id: int, offer: demo_data.Offer, decision: _Decision, at: datetime) -> Quote:
        customer = Actor("customer", contact_id, Contact.objects.get(pk=contact_id).name)
        return decision(self._quote(offer), customer, at)

    def invoice_offer(self, offer: demo_data.Offer, at: datetime) -> Invoice:
        return self._issue(invoice_quote(self._quote(offer), self.actor, at), at)

    def _issue(self, draft: Invoice, at: datetime) -> Invoice:
        return issue_invoice(DocumentTarget(self.business_id, draft.pk), self.actor, at)

    def _quote(self, offer: demo_data.Offer) -> DocumentTarget:
        return DocumentTarget(self.business_id, self.quotes[offer])


def _invoices(office: _Office, chance: random.Random, now: int) -> Iterator[_Step]:
    """Invoice the massages that were given, each in the evening, and let most be paid."""
    given = Appointment.objects.in_business(office.business_id).filter(
        service__name=demo_data.INVOICED, status=Status.COMPLETED
    )
    for one in given.order_by("end_time"):
        at = int(one.end_time.timestamp()) + 2 * HOUR_SECONDS
        paid_at = at + chance.randrange(HOUR_SECONDS, 12 * DAY_SECONDS)
        method, is_paid = chance.choice(_METHODS), chance.random() < 0.85
        if at >= now:
            continue
        yield _Step(at, partial(office.invoice, one))
        if is_paid and paid_at < now:
            yield _Step(paid_at, partial(office.pay, one, method))


def _quotes(office: _Office, now: int) -> Iterator[_Step]:
    """Offer something to a few customers, who answer on the next day, or not yet."""
    decisions = {"accepted": accept_quote, "declined": decline_quote}
    customers = Contact.objects.in_business(office.business_id).order_by("pk")
    for customer, offer in zip(customers, demo_data.OFFERS, strict=False):
        at, decision = now - offer.days_ago * DAY_SECONDS, decisions.get(offer.answer)
        yield _Step(at, partial(office.offer, customer.pk, offer))
        if decision:
            yield _Step(at + DAY_SECONDS, partial(office.decide, customer.pk, offer, decision))
        if decision is accept_quote:
            yield _Step(at + 2 * DAY_SECONDS, partial(office.invoice_offer, offer))
