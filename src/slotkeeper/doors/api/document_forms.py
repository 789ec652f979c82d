"""The shapes that quotes and invoices share on the wire, and writing them."""

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.rows import find
from slotkeeper.billing.documents import BUYER_FIELDS, DocumentTarget
from slotkeeper.billing.lines import MOST_DESCRIPTION, read_lines, totals_of
from slotkeeper.billing.models import Document
from slotkeeper.doors.api.appointments import STALE
from slotkeeper.doors.api.base import JsonEndpoint
from slotkeeper.doors.api.contacts import found_contact
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.api.times import read_day
from slotkeeper.doors.api.versions import accepted_versions
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.money import LARGEST_AMOUNT, MOST_LINES
from slotkeeper.rules.permissions import Permission

Decimal = Annotated[str, Meta(max_length=20, description="A decimal number.", examples=["1.5"])]
Percentage = Annotated[str, Meta(max_length=20, description="Per cent, as a decimal number.", examples=["19.00"])]
Day = Annotated[str, Meta(max_length=10, examples=["2027-01-15"])]
Text = Annotated[str, Meta(max_length=200)]


class LineIn(msgspec.Struct, forbid_unknown_fields=True):
    """A line: how many of what at which price before tax, in minor units; without a tax rate the usual one."""

    description: Annotated[str, Meta(max_length=MOST_DESCRIPTION, pattern=r"\S")]
    unit_price: Annotated[int, Meta(ge=0, le=LARGEST_AMOUNT)]
    quantity: Decimal = "1"
    tax_rate: Percentage | UnsetType = UNSET
    discount: Percentage = "0"


NOT_ALLOWED_NOW = {HTTPStatus.CONFLICT: "How it stands does not allow it, see `code`; or a stale `version`."}
STANDING = STALE | NOT_ALLOWED_NOW
Lines = Annotated[list[LineIn], Meta(min_length=1, max_length=MOST_LINES)]


class BuyerIn(msgspec.Struct, forbid_unknown_fields=True):
    """Whom a paper is for; what is left out comes from the customer."""

    name: Text = ""
    email: Annotated[str, Meta(max_length=255)] = ""
    street: Text = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Annotated[str, Meta(max_length=100)] = ""
    country: Annotated[str, Meta(pattern=r"^([A-Z]{2})?$", examples=["DE"])] = ""
    vat_id: Annotated[str, Meta(max_length=20)] = ""


class LineOut(msgspec.Struct):
    """A line; `amount` is what it comes to before tax. Quantities of credit notes are negative."""

    description: str
    quantity: str
    unit_price: int
    tax_rate: str
    discount: str
    amount: int


class TaxOut(msgspec.Struct):
    """What is taxed at one rate, less its share of the discount, and the tax on it."""

    rate: str
    net: int
    tax: int


class PartyOut(msgspec.Struct):
    """Who sells or buys, as the paper says; an email is null for callers who may not see it."""

    name: str
    email: str | None
    street: str
    postal_code: str
    city: str
    country: str
    vat_id: str


class DocumentQuery(msgspec.Struct):
    """Whose, about which appointment, and from which days, both within; and which page."""

    contact_id: int | None = None
    appointment_id: int | None = None
    since: Day | None = msgspec.field(default=None, name="from")
    until: Day | None = msgspec.field(default=None, name="to")
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None


class OnlyVersion(msgspec.Struct, forbid_unknown_fields=True):
    """The version that was read, where the caller names it in the body."""

    version: int | UnsetType = UNSET


def target_for(endpoint: JsonEndpoint, document_id: int, version: int | UnsetType = UNSET) -> DocumentTarget:
    """Say which document to change, and which versions If-Match or the body's `version` will accept."""
    return DocumentTarget(endpoint.caller.business_id, known_id(document_id), accepted_versions(endpoint, version))


def moment_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC).replace(microsecond=0)


def range_of(query: DocumentQuery) -> tuple[date | None, date | None]:
    """Read the days of a query. Raises ApiProblem."""
    since = None if query.since is None else read_day("from", query.since)
    return since, None if query.until is None else read_day("to", query.until)


def write_document(document: Document, caller: Caller) -> dict[str, Any]:
    """Write what quotes and invoices have in common."""
    totals = totals_of(document)
    return {
        "id": document.pk,
        "number": document.number or None,
        "status": str(document.status),  # type: ignore[attr-defined]  # both kinds of document have one
        "contact_id": document.contact_id,
        "appointment_id": document.appointment_id,
        "currency": document.currency,
        "lines": _write_lines(document),
        "discount": f"{document.discount:.2f}",
        "net": document.net,
        "tax": document.tax,
        "gross": document.gross,
        "taxes": [{"rate": f"{group.rate:.2f}", "net": group.net, "tax": group.tax} for group in totals.groups],
        "seller": _write_party(document.seller, may_see=True),
        "buyer": _write_party(document.buyer, may_see=caller.may(Permission.CONTACTS_READ_DETAILS)),
        "note": document.note,
        "locale": document.locale,
        "created_at": written_moment(document.created_at, caller),
        "updated_at": written_moment(document.updated_at, caller),
        "version": document.version,
    }


def wanted_fields(body: msgspec.Struct, days: dict[str, str], caller: Caller) -> dict[str, Any]:
    """Give the fields that were sent, in the verbs' words; `days` names those that are dates, and what verbs call them.

    Raises ApiProblem for a day that is none, and for a customer or an appointment that the caller does not see.
    """
    sent = {name: getattr(body, name) for name in body.__struct_fields__}
    fields = {name: value for name, value in sent.items() if value is not UNSET and name != "version"}
    for name, verbs_name in days.items():
        if name in fields:
            text = fields.pop(name)
            fields[verbs_name] = None if text is None else read_day(name, text)
    if fields.get("contact_id") is not None:
        fields["contact_id"] = found_contact(caller, fields["contact_id"]).pk
    if fields.get("appointment_id") is not None:
        fields["appointment_id"] = found_appointment_id(caller, fields["appointment_id"])
    if "lines" in fields:
        fields["lines"] = [_line(line) for line in fields["lines"]]
    if fields.get("buyer") is not None:
        fields["buyer"] = msgspec.structs.asdict(fields["buyer"])
    if "note" in fields:
        fields["note"] = (fields["note"] or "").strip()
    if fields.get("currency", UNSET) is None:
        del fields["currency"]
    return fields


def found_appointment_id(caller: Caller, appointment_id: int) -> int:
    """Give the id of an appointment that the caller sees. Raises ApiProblem (404)."""
    row = find(reach_of(caller, Permission.APPOINTMENTS_READ_ALL), known_id(appointment_id))
    if row is None:
        raise not_found()
    return row.id


def _line(line: LineIn) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(line).items() if value is not UNSET}


def _write_lines(document: Document) -> list[dict[str, Any]]:
    names = ("description", "quantity", "unit_price", "tax_rate", "discount")
    return [
        {name: line[name] for name in names} | {"amount": read.amount}
        for line, read in zip(document.lines, read_lines(document), strict=True)
    ]


def _write_party(party: dict[str, str] | None, *, may_see: bool) -> dict[str, Any] | None:
    if party is None:
        return None
    written: dict[str, Any] = {name: party.get(name, "") for name in BUYER_FIELDS}
    return written if may_see else written | {"email": None}
