"""The verbs that change invoices: write, from an appointment or a quote, issue, enter payments."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from slotkeeper.appointments.models import Appointment
from slotkeeper.billing.documents import (
    DocumentTarget,
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
    usual_locale,
)
from slotkeeper.billing.models import BillingProfile, Invoice, InvoiceKind, InvoiceStatus, Quote, QuoteStatus
from slotkeeper.billing.numbering import INVOICES, next_number
from slotkeeper.billing.payments import NewPayment, enter_payment, settle
from slotkeeper.billing.profile import profile_of, require_complete
from slotkeeper.billing.quotes import NotAccepted
from slotkeeper.changes.record import Actor
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.models import Business
from slotkeeper.rules.money import rounded


class AlreadyInvoiced(Exception):
    """There is an invoice for it already. Credit that one first."""


def create_invoice(business_id: int, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Invoice:
    """Store a draft of an invoice. Raises NotInBusiness, InvalidFields, BadLines and AlreadyInvoiced."""
    with transaction.atomic():
        _require_free_appointment(business_id, fields.get("appointment_id"))
        return create_draft(Invoice, business_id, fields, actor, now)


def update_invoice(target: DocumentTarget, fields: Mapping[str, Any], actor: Actor, now: datetime) -> Invoice:
    """Change a draft.

    Raises NotInBusiness, NotDraft, InvalidFields, BadLines, AlreadyInvoiced and DocumentVersionConflict.
    """
    with transaction.atomic():
        _require_free_appointment(target.business_id, fields.get("appointment_id"), target.document_id)
        return change_draft(Invoice, target, fields, actor, now)


def delete_invoice(target: DocumentTarget, actor: Actor) -> None:
    """Delete a draft. Raises NotInBusiness, NotDraft and DocumentVersionConflict."""
    with transaction.atomic():
        delete_draft(Invoice, target, actor)


def invoice_appointment(business_id: int, appointment_id: int, actor: Actor, now: datetime) -> Invoice:
    """Write an invoice for an appointment: its service, at the service's price less a deposit, given on its day.

    Raises NotInBusiness, InvalidFields where the service has no price or one in another currency, and AlreadyInvoiced.
    """
    with transaction.atomic():
        _require_free_appointment(business_id, appointment_id)
        appointment = Appointment.objects.select_related("service").get(pk=appointment_id)
        business, service = Business.objects.get(pk=business_id), appointment.service
        if service is None or service.price_amount is None:
            raise InvalidFields(
                {"appointment_id": gettext_noop("It has no service with a price. Write the lines yourself.")}
            )
        if service.price_currency != business.currency:
            sentence = gettext_noop("The service’s price is in another currency than the business’s invoices.")
            raise InvalidFields({"appointment_id": sentence})
        fields: dict[str, Any] = {
            "contact_id": appointment.contact_id,
            "appointment_id": appointment.pk,
            "lines": [_left_to_invoice(appointment, service.name, service.price_amount)],
            "performed_on": appointment.start_time.astimezone(ZoneInfo(business.time_zone)).date(),
        }
        if appointment.contact_id is None and appointment.contact_name:
            fields["buyer"] = {"name": appointment.contact_name, "email": appointment.contact_email}
        return create_draft(Invoice, business_id, fields, actor, now)


def invoice_quote(target: DocumentTarget, actor: Actor, now: datetime) -> Invoice:
    """Write an invoice for what was accepted, with the quote's lines.

    Raises NotInBusiness, NotAccepted, AlreadyInvoiced and DocumentVersionConflict.
    """
    with transaction.atomic():
        quote = locked(Quote, target)
        if quote.status != QuoteStatus.ACCEPTED:
            raise NotAccepted
        if _standing().filter(quote=quote).exists():
            raise AlreadyInvoiced
        _require_free_appointment(quote.business_id, quote.appointment_id)
        names = ("contact_id", "appointment_id", "currency", "lines", "discount", "buyer", "note", "locale")
        fields = {name: getattr(quote, name) for name in names}
        return create_draft(Invoice, quote.business_id, fields | {"quote_id": quote.pk}, actor, now)


def issue_invoice(target: DocumentTarget, actor: Actor, now: datetime) -> Invoice:
    """Give a draft its number and dates, and fix what it says for good; a second time changes nothing.

    Raises NotInBusiness, InvalidFields, ProfileIncomplete and DocumentVersionConflict.
    """
    with transaction.atomic():
        invoice = locked(Invoice, target)
        if invoice.status != InvoiceStatus.DRAFT:
            return invoice
        business, profile = Business.objects.get(pk=invoice.business_id), profile_of(invoice.business_id)
        before, today = state_of(invoice), today_of(business, now)
        require_lines(invoice)
        rates = {line["tax_rate"] for line in invoice.lines}
        require_complete(profile, is_taxed=invoice.tax > 0, has_untaxed="0.00" in rates)
        _copy_parties(invoice, profile, business)
        invoice.issued_on, invoice.issued_at = today, now
        invoice.due_on = invoice.due_on or today + timedelta(days=profile.payment_days)
        invoice.performed_on = invoice.performed_on or today
        if invoice.due_on < today:
            raise InvalidFields({"due_date": gettext_noop("This day is over.")})
        invoice.sequence, invoice.number = next_number(profile, INVOICES)
        settle(invoice, now)
        keep(invoice, now)
        note(invoice, "issued", actor, before)
    return invoice


def record_payment(target: DocumentTarget, payment: NewPayment, actor: Actor, now: datetime) -> Invoice:
    """Enter by hand what came, or with a negative amount went back.

    Raises NotInBusiness, InvalidFields, DocumentVersionConflict and what `enter_payment` raises.
    """
    with transaction.atomic():
        invoice = locked(Invoice, target)
        if invoice.paid_amount + payment.money.amount < 0:
            raise InvalidFields({"amount": gettext_noop("No more can go back than was paid.")})
        enter_payment(invoice.pk, invoice.business_id, payment, actor, now)
        invoice.refresh_from_db()
    return invoice


def standing_invoice(business_id: int, appointment_id: int) -> Invoice | None:
    """Find the invoice for an appointment that was not taken back; one for a deposit leaves the rest to invoice."""
    theirs = _standing().filter(business_id=business_id, appointment_id=appointment_id)
    return theirs.exclude(prepayment__is_whole=False).order_by("pk").first()


def _standing() -> QuerySet[Invoice]:
    return Invoice.objects.filter(kind=InvoiceKind.INVOICE).exclude(status=InvoiceStatus.CREDITED)


def _left_to_invoice(appointment: Appointment, name: str, price: int) -> dict[str, Any]:
    """Write the line for a service; after a deposit for the rest, as the deposit's own invoice stands beside it.

    Raises AlreadyInvoiced where nothing is left, since the price fell.
    """
    deposit = _standing().filter(appointment=appointment, prepayment__is_whole=False).first()
    if deposit is None:
        return {"description": name, "unit_price": price}
    taken_back = Decimal(deposit.credited_amount) / max(deposit.gross, 1)
    rest = price - rounded(deposit.net * (1 - taken_back))
    if rest <= 0:
        raise AlreadyInvoiced
    with translation.override(usual_locale(appointment.business_id, appointment.contact_id)):
        text = gettext("%(service)s, the rest after the deposit of invoice %(number)s")
    return {"description": text % {"service": name, "number": deposit.number}, "unit_price": rest}


def _require_free_appointment(business_id: int, appointment_id: int | None, besides_id: int = 0) -> None:
    """Refuse a second invoice for an appointment; two who write one at once wait for each other here."""
    if appointment_id is None:
        return
    appointments = Appointment.objects.in_business(business_id).select_for_update(no_key=True)
    if not appointments.filter(pk=appointment_id).exists():
        raise NotInBusiness
    standing = standing_invoice(business_id, appointment_id)
    if standing is not None and standing.pk != besides_id:
        raise AlreadyInvoiced


def _copy_parties(invoice: Invoice, profile: BillingProfile, business: Business) -> None:
    invoice.seller, invoice.buyer = seller_of(profile, business), buyer_of(invoice)
    require_buyer(invoice.buyer)
    if profile.has_e_invoices and not invoice.buyer["country"]:
        # EN 16931, BR-11
        raise InvalidFields({"buyer": gettext_noop("E-invoices say in which country the customer is.")})
