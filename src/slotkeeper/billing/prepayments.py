"""Booking a service that is paid in advance: the time is held, its customer pays, and then it is an appointment.

The money decides, not the customer's way back: what is paid is booked in the transaction that learns of it. Money that
comes when the time is held no longer is booked all the same, as long as the time is free; else it goes back.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop

from slotkeeper.appointments.longer_holds import give_up_hold, is_held, prolong_hold
from slotkeeper.appointments.self_service import CustomerBooking, NotOffered, book_slot, hold_slot
from slotkeeper.appointments.slots import SlotQuery, UnknownService
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.gateway_models import PaymentLink, Prepayment, PrepaymentStatus
from slotkeeper.billing.invoices import create_invoice, issue_invoice
from slotkeeper.billing.lines import BadLines, checked_lines, totals_of
from slotkeeper.billing.models import Invoice
from slotkeeper.billing.profile import ProfileIncomplete, profile_of, require_complete
from slotkeeper.billing.stripe_accounts import is_payable_online
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.offerings.models import PrepaymentKind, Service
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.outbound.secret_box import SealBroken, secret_box
from slotkeeper.people.models import Business, secret_hash
from slotkeeper.rules.intervals import Interval

PAY_WITHIN_SECONDS = 31 * 60  # Stripe keeps no page open for less than 30 minutes
GRACE_SECONDS = 5 * 60  # to hear of what was paid in the last moment
LONGEST = timedelta(hours=2)  # nobody keeps a time free for ever by beginning to pay again and again
SUBJECT = "prepayment"
_PURPOSE = "slotkeeper: a booking that is paid in advance"


class UnknownPrepayment(Exception):
    """There is no such booking, or no longer."""


class PrepaymentOff(Exception):
    """It cannot be paid at the moment, and is only booked when it is paid. Please get in touch."""


class TimeIsOver(Exception):
    """The time was held for you until now. Please choose again."""


class CannotInvoice(Exception):
    """What was paid cannot be invoiced; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be paid in advance: the lines of the invoice, and what they come to with tax."""

    lines: list[dict[str, Any]]
    amount: int
    currency: str


def is_prepaid(service: Service) -> bool:
    """Say whether a service is only booked when it is paid, at least in part."""
    return service.prepayment != PrepaymentKind.NONE


def asked_for(service: Service, locale: str, start: int) -> Asked:
    """Say what is to be paid in advance. Raises PrepaymentOff where the business cannot take it now."""
    business, profile = service.business, profile_of(service.business_id)
    if service.price_amount is None or not is_payable_online(business.pk):
        raise PrepaymentOff
    with translation.override(locale):
        day = datetime.fromtimestamp(start, UTC).astimezone(ZoneInfo(business.time_zone))
        when = date_format(day, "SHORT_DATETIME_FORMAT")
        named = {"service": service.name, "day": when, "percent": service.deposit_percent}
        if service.prepayment == PrepaymentKind.DEPOSIT:
            text = gettext("%(service)s, %(day)s: deposit of %(percent)s %%") % named
        else:
            text = gettext("%(service)s, %(day)s") % named
    line = {"description": text, "unit_price": _share(service), "tax_rate": f"{profile.default_tax_rate:.2f}"}
    lines: list[dict[str, Any]] = [dict(one) for one in checked_lines([line])]
    sums = totals_of(Invoice(lines=lines))
    try:
        require_complete(profile, is_taxed=sums.tax > 0, has_untaxed=sums.tax == 0)
    except ProfileIncomplete:
        raise PrepaymentOff from None
    return Asked(lines, sums.gross, service.price_currency)


def require_prepayable(business_id: int, prepayment: str | None, service_id: int | None = None) -> None:
    """Refuse to begin to ask for money in advance where it could not be paid or invoiced. Raises InvalidFields.

    `prepayment` is None where nothing is said of it; a service that asks for it already may go on.
    """
    if prepayment in {None, PrepaymentKind.NONE}:
        return
    if service_id and Service.objects.filter(pk=service_id, business_id=business_id, prepayment=prepayment).exists():
        return
    profile = profile_of(business_id)
    if not is_payable_online(business_id):
        sentence = gettext_noop("Set up Stripe first: without it nobody could pay in advance.")
        raise InvalidFields({"prepayment": sentence})
    try:
        require_complete(profile, is_taxed=profile.default_tax_rate > 0, has_untaxed=profile.default_tax_rate == 0)
    except ProfileIncomplete:
        sentence = gettext_noop("Complete the billing settings first: what is paid in advance is invoiced.")
        raise InvalidFields({"prepayment": sentence}) from None


def begin_prepayment(booking: CustomerBooking, now: int, hold: str | None = None) -> Prepayment:
    """Hold the slot for as long as paying takes, instead of a hold of theirs; nothing is booked yet.

    Raises UnknownService, NotOffered and PrepaymentOff.
    """
    service = Service.objects.select_related("business").filter(pk=booking.service_id).first()
    if service is None or service.business_id != booking.business_id:
        raise UnknownService
    asked = asked_for(service, booking.locale or service.business.locale, booking.start)
    query = SlotQuery(booking.business_id, service.pk, Interval(booking.start, booking.start + 1), now, booking.user_id)
    with transaction.atomic():
        held = hold_slot(query, hold).hold
        prolong_hold(booking.business_id, held, now + PAY_WITHIN_SECONDS + GRACE_SECONDS, now)
        prepayment = Prepayment.objects.create(
            business_id=booking.business_id,
            service=service,
            booking=msgspec.to_builtins(booking),
            is_whole=service.prepayment == PrepaymentKind.FULL,
            sealed_hold=secret_box().seal(held),
            starts_at=datetime.fromtimestamp(booking.start, UTC),
            lines=asked.lines,
            amount=asked.amount,
            currency=asked.currency,
            expires_at=datetime.fromtimestamp(now + PAY_WITHIN_SECONDS, UTC),
            created_at=datetime.fromtimestamp(now, UTC),
        )
        prepayment.secret_hash = secret_hash(_secret(prepayment))
        prepayment.save(update_fields=["secret_hash"])
    return prepayment


def text_of(prepayment: Prepayment) -> str:
    """Write what the address of a prepayment's page carries: the same one every time."""
    return Signer(salt=_PURPOSE).sign(_secret(prepayment))


def open_prepayment(text: str, business_id: int) -> Prepayment:
    """Find what an address leads to. Raises UnknownPrepayment."""
    try:
        secret = Signer(salt=_PURPOSE).unsign(text)
    except BadSignature:
        raise UnknownPrepayment from None
    found = Prepayment.objects.filter(business_id=business_id, secret_hash=secret_hash(secret))
    prepayment = found.select_related("service", "business").first()
    if prepayment is None:
        raise UnknownPrepayment
    return prepayment


def keep_waiting(prepayment: Prepayment, now: int) -> int:
    """Hold the time for another while, because its customer goes to pay; give until when they can.

    In the caller's transaction, with the row locked. Raises TimeIsOver.
    """
    until = now + PAY_WITHIN_SECONDS
    if prepayment.status != PrepaymentStatus.WAITING or prepayment.booking is None:
        raise TimeIsOver
    if datetime.fromtimestamp(until, UTC) > prepayment.created_at + LONGEST:
        raise TimeIsOver
    if not prolong_hold(prepayment.business_id, _hold_of(prepayment), until + GRACE_SECONDS, now):
        raise TimeIsOver
    prepayment.expires_at = datetime.fromtimestamp(until, UTC)
    prepayment.save(update_fields=["expires_at"])
    return until


def invoice_what_is_booked(prepayment_id: int, now: datetime) -> Invoice | None:
    """Turn the held time into the appointment, and write its invoice; None where the time is gone.

    In the caller's transaction, which learns that it was paid. Raises CannotInvoice; then nothing of it stays.
    """
    prepayment = Prepayment.objects.select_for_update(no_key=True).get(pk=prepayment_id)
    if prepayment.status in {PrepaymentStatus.MISSED, PrepaymentStatus.REFUNDED} or prepayment.booking is None:
        if prepayment.invoice is None and prepayment.status != PrepaymentStatus.REFUNDED:
            _become(prepayment, PrepaymentStatus.MISSED)
        return prepayment.invoice
    booking, hold = _booking_of(prepayment), _hold_of(prepayment)
    try:
        with transaction.atomic():
            row = book_slot(booking, _as_of(prepayment, hold, now), hold).row
            invoice = _invoice(prepayment, booking, (row.id, row.contact_id), now)
    except (NotOffered, UnknownService):
        give_up_hold(prepayment.business_id, hold)
        _become(prepayment, PrepaymentStatus.MISSED)
        return None
    except (ProfileIncomplete, InvalidFields, BadLines) as error:
        raise CannotInvoice(str(error)) from None
    prepayment.appointment_id, prepayment.invoice = row.id, invoice
    _become(prepayment, PrepaymentStatus.BOOKED)
    PaymentLink.objects.filter(prepayment=prepayment).update(invoice=invoice)
    return invoice


def note_refunded(prepayment_id: int) -> None:
    """Note that money for a time that was gone went back."""
    prepayment = Prepayment.objects.select_for_update(no_key=True).get(pk=prepayment_id)
    if prepayment.status == PrepaymentStatus.MISSED:
        _become(prepayment, PrepaymentStatus.REFUNDED)


def give_up(prepayment_id: int) -> None:
    """Free the time of a booking that nobody can pay any more, and forget what its customer entered."""
    prepayment = Prepayment.objects.select_for_update(no_key=True).get(pk=prepayment_id)
    if prepayment.status == PrepaymentStatus.WAITING:
        if prepayment.booking is not None:
            give_up_hold(prepayment.business_id, _hold_of(prepayment))
        _become(prepayment, PrepaymentStatus.EXPIRED)


def _share(service: Service) -> int:
    assert service.price_amount is not None
    if service.prepayment != PrepaymentKind.DEPOSIT:
        return service.price_amount
    return max(1, (service.price_amount * (service.deposit_percent or 100) + 50) // 100)


def _as_of(prepayment: Prepayment, hold: str, now: datetime) -> int:
    """Say as of when the rules are asked: what was offered and is held since then stays so."""
    if is_held(prepayment.business_id, hold, int(now.timestamp())) and prepayment.starts_at > now:
        return int(prepayment.created_at.timestamp())
    return int(now.timestamp())


def _invoice(prepayment: Prepayment, booking: CustomerBooking, ids: tuple[int, int | None], now: datetime) -> Invoice:
    business = Business.objects.get(pk=prepayment.business_id)
    actor = Actor("customer", ids[1], booking.contact_name, booking.source)
    buyer = {"name": booking.contact_name, "email": booking.contact_email}
    fields = {
        "contact_id": ids[1],
        "appointment_id": ids[0],
        "lines": prepayment.lines,
        "currency": prepayment.currency,
        "performed_on": prepayment.starts_at.astimezone(ZoneInfo(business.time_zone)).date(),
        "locale": booking.locale or business.locale,
        # E-invoices name a country (EN 16931, BR-11), which nobody asked for: it is the business's.
        "buyer": buyer | {"country": profile_of(business.pk).country},
    }
    draft = create_invoice(business.pk, fields, actor, now)
    return issue_invoice(DocumentTarget(business.pk, draft.pk), actor, now)


def _become(prepayment: Prepayment, status: PrepaymentStatus) -> None:
    before, prepayment.status = prepayment.status, status
    # Who is to be told that their money goes back must still be known.
    kept = ("contact_name", "contact_email", "locale") if status is PrepaymentStatus.MISSED else ()
    if status is not PrepaymentStatus.REFUNDED:
        prepayment.booking = {name: (prepayment.booking or {}).get(name) for name in kept} or None
    prepayment.sealed_hold = ""
    prepayment.save(update_fields=["status", "booking", "sealed_hold", "appointment_id", "invoice"])
    subject = Subject(prepayment.business_id, SUBJECT, prepayment.pk)
    after = {"status": status.value, "appointment_id": prepayment.appointment_id}
    record(subject, status.value, Actor("worker", None, "Stripe", "stripe"), {"status": before}, after)


def _booking_of(prepayment: Prepayment) -> CustomerBooking:
    return msgspec.convert(prepayment.booking, CustomerBooking)


def _hold_of(prepayment: Prepayment) -> str:
    try:
        return secret_box().open(prepayment.sealed_hold)
    except SealBroken:
        return secrets.token_urlsafe()  # of nothing: then it is booked if it is free


def _secret(prepayment: Prepayment) -> str:
    return Signer(salt=_PURPOSE).signature(f"{prepayment.business_id} {prepayment.pk}")
