"""What quotes and invoices have in common: drafts, their fields, what is recorded of them, who sells and who buys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from slotkeeper.appointments.models import Appointment
from slotkeeper.billing.lines import add_up, checked_lines
from slotkeeper.billing.models import BillingProfile, Document, Invoice, Quote
from slotkeeper.billing.profile import NO_PERCENTAGE, percentage_of, profile_of
from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.contacts.models import Contact
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.models import Business

DocumentT = TypeVar("DocumentT", Quote, Invoice)
BUYER_FIELDS = ("name", "email", "street", "postal_code", "city", "country", "vat_id")
_SELLER_FIELDS = (
    "street", "postal_code", "city", "country", "vat_id", "tax_number", "exemption_note", "account_holder", "iban",
    "bic", "footer",
)  # fmt: skip
# No descriptions, notes or addresses: what is recorded cannot be taken back, and a draft of somebody erased goes.
_RECORDED = (
    "number", "status", "contact_id", "appointment_id", "quote_id", "currency", "discount", "net", "tax", "gross",
    "valid_until", "performed_on", "issued_on", "due_on", "paid_amount", "credited_amount",
)  # fmt: skip
_CURRENCY = re.compile(r"[A-Z]{3}")


class NotDraft(Exception):
    """It was sent or issued, and stays as it is. An invoice is corrected by a credit note."""


class DocumentVersionConflict(StaleVersion):
    """It was changed in the meantime."""


@dataclass(frozen=True, slots=True)
class DocumentTarget:
    """Which quote or invoice, and which versions of it will do (None: any)."""

    business_id: int
    document_id: int
    versions: frozenset[int] | None = None


def locked(model: type[DocumentT], target: DocumentTarget) -> DocumentT:
    """Give a document that nobody else changes until the transaction ends. Raises NotInBusiness and a stale version."""
    found = model._default_manager.select_for_update(no_key=True).filter(business_id=target.business_id)  # noqa: SLF001
    document: DocumentT | None = found.filter(pk=target.document_id).first()
    if document is None:
        raise NotInBusiness
    if target.versions is not None and document.version not in target.versions:
        raise DocumentVersionConflict(document)
    return document


def create_draft(
    model: type[DocumentT], business_id: int, fields: Mapping[str, Any], actor: Actor, now: datetime
) -> DocumentT:
    """Store a draft, in the caller's transaction. Raises all that `fill` raises."""
    business = Business.objects.get(pk=business_id)
    document = model(business_id=business_id, currency=business.currency, locale="", created_at=now, updated_at=now)
    fill(document, fields)
    document.save(force_insert=True)
    note(document, "created", actor, {})
    return document


def change_draft(
    model: type[DocumentT], target: DocumentTarget, fields: Mapping[str, Any], actor: Actor, now: datetime
) -> DocumentT:
    """Change the fields given of a draft, in the caller's transaction. Raises NotDraft and all that `fill` raises."""
    document = locked(model, target)
    if document.status != "draft":
        raise NotDraft
    before, content = state_of(document), _content(document)
    fill(document, fields)
    if _content(document) != content or state_of(document) != before:
        keep(document, now)
        note(document, "updated", actor, before)
    return document


def delete_draft(model: type[DocumentT], target: DocumentTarget, actor: Actor) -> None:
    """Delete a draft, in the caller's transaction. Raises NotInBusiness and NotDraft."""
    document = locked(model, target)
    if document.status != "draft":
        raise NotDraft
    forget_draft(document, actor)


def forget_draft(document: Quote | Invoice, actor: Actor) -> None:
    """Delete a draft that is locked already."""
    subject = Subject(document.business_id, subject_kind(document), document.pk, document.version)
    document.delete()
    record(subject, "deleted", actor, None, None)


def keep(document: Quote | Invoice, now: datetime) -> None:
    """Store a changed document as its next version."""
    document.version += 1
    document.updated_at = now
    document.save(force_update=True)


def note(document: Quote | Invoice, verb: str, actor: Actor, before: Mapping[str, Any]) -> None:
    """Append what was done to a document to the record of changes."""
    state = state_of(document)
    old, new = changed_fields(before, state if before else {name: state[name] for name in state if state[name]})
    subject = Subject(document.business_id, subject_kind(document), document.pk, document.version, document.updated_at)
    record(subject, verb, actor, old if before else None, new)


def subject_kind(document: Quote | Invoice) -> str:
    """Say by which word changes call it."""
    return "quote" if isinstance(document, Quote) else "invoice"


def state_of(document: Quote | Invoice) -> dict[str, Any]:
    """Give what is recorded of a document, as JSON can carry it."""
    state = {name: getattr(document, name) for name in _RECORDED if hasattr(document, name)}
    return {name: _plain(value) for name, value in state.items()}


def fill(document: Quote | Invoice, fields: Mapping[str, Any]) -> None:
    """Write fields into a draft, checked, and add it up.

    Fields: contact_id, appointment_id, currency, lines, discount, note, locale, buyer (of BUYER_FIELDS), and
    valid_until, performed_on, due_on where the document has them. Raises NotInBusiness, InvalidFields and BadLines.
    """
    wanted = dict(fields)
    if "discount" in wanted:
        wanted["discount"] = _discount(wanted["discount"])
    if wanted.get("currency") is not None and not _CURRENCY.fullmatch(wanted["currency"]):
        raise InvalidFields({"currency": gettext_noop("Write a currency’s three letters, such as EUR.")})
    if "lines" in wanted:
        usual = {"tax_rate": _plain(profile_of(document.business_id).default_tax_rate)}
        wanted["lines"] = checked_lines([usual | line for line in wanted["lines"]])
    if "buyer" in wanted:
        wanted["buyer"] = {name: str((wanted["buyer"] or {}).get(name) or "") for name in BUYER_FIELDS}
    for name, value in wanted.items():
        setattr(document, name, value)
    _require_ours(document, wanted)
    if not document.locale:
        document.locale = usual_locale(document.business_id, document.contact_id)
    add_up(document)


def seller_of(profile: BillingProfile, business: Business) -> dict[str, str]:
    """Copy what a paper says about who sells."""
    copied = {name: getattr(profile, name) for name in _SELLER_FIELDS}
    return {"name": profile.legal_name or business.name, "email": business.contact_email, **copied}


def buyer_of(document: Document) -> dict[str, str]:
    """Copy what a paper says about who buys: what the draft says, else what is known of the customer."""
    given, contact = document.buyer or {}, document.contact
    known = {"name": contact.name, "email": contact.email or ""} if contact else {}
    return {name: given.get(name) or known.get(name) or "" for name in BUYER_FIELDS}


def require_buyer(buyer: Mapping[str, str]) -> None:
    """Refuse a paper that is for nobody (EN 16931, BR-07). Raises InvalidFields."""
    if not buyer["name"].strip():
        raise InvalidFields({"contact_id": gettext_noop("Say for whom it is.")})


def require_lines(document: Document) -> None:
    """Refuse a paper without a line (EN 16931, BR-16). Raises InvalidFields."""
    if not document.lines:
        raise InvalidFields({"lines": gettext_noop("There must be at least one line.")})


def usual_locale(business_id: int, contact_id: int | None) -> str:
    """Say in which language a paper is written where none is asked for: the customer's, else the business's."""
    contact = Contact.objects.filter(pk=contact_id).first() if contact_id else None
    return (contact.locale if contact else None) or Business.objects.get(pk=business_id).locale


def today_of(business: Business, now: datetime) -> date:
    """Say which day it is where the business is."""
    return now.astimezone(ZoneInfo(business.time_zone)).date()


def moment_of(now: int) -> datetime:
    """Turn seconds since 1970 into a moment."""
    return datetime.fromtimestamp(now, UTC)


def _require_ours(document: Document, wanted: Mapping[str, Any]) -> None:
    """Refuse another business's customer or appointment, and keep them there until the draft is stored."""
    for name, rows in (("contact_id", Contact.objects), ("appointment_id", Appointment.objects)):
        number = wanted.get(name)
        if number is not None:
            ours = rows.in_business(document.business_id).filter(pk=number)
            if not ours.exists():
                raise NotInBusiness


def _content(document: Document) -> tuple[Any, ...]:
    return document.lines, document.buyer, document.note, document.locale


def _discount(text: Any) -> Decimal:
    value = percentage_of(text)
    if value is None:
        raise InvalidFields({"discount": NO_PERCENTAGE})
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value
