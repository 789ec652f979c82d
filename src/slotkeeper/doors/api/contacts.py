"""Customers over HTTP."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments import rows
from slotkeeper.appointments.reach import reach_of
from slotkeeper.billing.erasure import erase_customer
from slotkeeper.contacts.actions import create_contact, update_contact
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.api.appointment_forms import Email, LongText, Phone, ZoneName, write_appointment
from slotkeeper.doors.api.appointments import REPEATED, AppointmentList, now
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answer_nothing, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit, read_cursor, write_cursor
from slotkeeper.doors.api.people import Name, PageQuery
from slotkeeper.doors.api.problems import Problem, bad_field, not_found, not_permitted
from slotkeeper.doors.api.versions import (
    STALE_VERSION,
    accepted_versions,
    answer_created,
    answer_versioned,
    refusing_stale,
)
from slotkeeper.doors.disclosure import customers_of
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm, is_zone
from slotkeeper.rules.permissions import Permission

Locale = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", max_length=16)]


class NewContact(msgspec.Struct, forbid_unknown_fields=True):
    """What storing a customer takes."""

    name: Name
    email: Email = None
    phone: Phone = None
    notes: LongText = None
    time_zone: ZoneName | None = None
    locale: Locale | None = None


class ContactChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing a customer takes: fields left out stay, null clears."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    notes: LongText | UnsetType = UNSET
    time_zone: ZoneName | None | UnsetType = UNSET
    locale: Locale | None | UnsetType = UNSET
    version: int | UnsetType = UNSET


class ContactOut(msgspec.Struct):
    """A customer; e-mail, phone and notes are null for callers who may not see them."""

    id: int
    name: str
    email: str | None
    phone: str | None
    notes: str | None
    time_zone: str | None
    locale: str | None
    created_at: str
    updated_at: str
    version: int


class ContactList(msgspec.Struct):
    """A page of customers, newest first."""

    contacts: list[ContactOut]
    next_cursor: str | None


class ContactRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the current row."""

    current: ContactOut | UnsetType = UNSET


class ContactPath(msgspec.Struct):
    """Where a customer is."""

    contact_id: int


class ContactQuery(msgspec.Struct):
    """Which page, and what names or addresses must contain."""

    q: Annotated[str, Meta(max_length=100)] | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None


class Contacts(JsonEndpoint):
    """The list of customers."""

    permissions = {"GET": Permission.CONTACTS_READ, "POST": Permission.CONTACTS_WRITE}

    @answers(ContactList)
    def get(self, parsed_query: Query[ContactQuery]) -> HttpResponse:
        """List customers, newest first."""
        contacts = customers_of(self.caller).order_by("-pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            contacts = contacts.filter(pk__lt=after[0])
        if parsed_query.q:
            contacts = contacts.matching(parsed_query.q, self.caller.may(Permission.CONTACTS_READ_DETAILS))
        page = list(contacts[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"contacts": [write_contact(contact, self.caller) for contact in shown], "next_cursor": cursor})

    @answers(
        ContactOut,
        HTTPStatus.CREATED,
        refusals=REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
        headers=("Location", "ETag"),
    )
    def post(self, parsed_body: Body[NewContact]) -> HttpResponse:
        """Store a customer."""
        return once(self.request, self.caller, lambda: self._create(parsed_body))

    def _create(self, body: NewContact) -> HttpResponse:
        fields = msgspec.structs.asdict(body)
        _check_zone(fields)
        caller = self.caller
        contact = create_contact(caller.business_id, fields, caller.actor, now(), caller.user_id)
        return answer_created(write_contact(contact, caller), f"/api/contacts/{contact.pk}", contact.version)


class OneContact(JsonEndpoint):
    """One customer."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.CONTACTS_READ,
        "PUT": Permission.CONTACTS_WRITE,
        "PATCH": Permission.CONTACTS_WRITE,
        "DELETE": Permission.CONTACTS_WRITE_ALL,
    }

    @answers(ContactOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[ContactPath]) -> HttpResponse:
        """Read one customer."""
        return _answer_contact(found_contact(self.caller, parsed_path.contact_id), self.caller)

    @answers(ContactOut, refusals=NOT_FOUND | STALE_VERSION, problem=ContactRefusal, headers=("ETag",))
    def put(self, parsed_path: At[ContactPath], parsed_body: Body[ContactChanges]) -> HttpResponse:
        """Change the fields sent; those left out stay, null clears."""
        return self._change(parsed_path.contact_id, parsed_body)

    @answers(ContactOut, refusals=NOT_FOUND | STALE_VERSION, problem=ContactRefusal, headers=("ETag",))
    def patch(self, parsed_path: At[ContactPath], parsed_body: Body[ContactChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_path.contact_id, parsed_body)

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[ContactPath]) -> HttpResponse:
        """Erase the person: the customer is deleted, and their name and addresses are blanked everywhere."""
        if self.caller.is_limited:
            raise not_permitted("To erase somebody reaches appointments beyond your limits.")
        contact = found_contact(self.caller, parsed_path.contact_id, Permission.CONTACTS_WRITE_ALL)
        erase_customer(self.caller.business_id, contact.pk, self.caller.actor)
        return answer_nothing()

    def _change(self, contact_id: int, body: ContactChanges) -> HttpResponse:
        caller = self.caller
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(body).items()
            if value is not UNSET and name != "version"
        }
        _check_zone(fields)
        contact = found_contact(caller, contact_id, Permission.CONTACTS_WRITE_ALL)
        versions = accepted_versions(self, body.version)
        with refusing_stale(self.request, lambda current: write_contact(current, caller)):
            contact = update_contact(contact.pk, caller.business_id, fields, caller.actor, versions)
        return _answer_contact(contact, caller)


class ContactAppointments(JsonEndpoint):
    """A customer's appointments."""

    permissions = {"GET": Permission.CONTACTS_READ}

    @answers(AppointmentList, refusals=NOT_FOUND)
    def get(self, parsed_path: At[ContactPath], parsed_query: Query[PageQuery]) -> HttpResponse:
        """List a customer's appointments, by start."""
        contact = found_contact(self.caller, parsed_path.contact_id)
        after = read_cursor(parsed_query.cursor, 2)
        page = appointments_of(self.caller, contact.pk, parsed_query.limit + 1, (after[0], after[1]) if after else None)
        shown, form = page[: parsed_query.limit], TimeForm.with_offset(self.caller.time_zone)
        cursor = write_cursor(shown[-1].start_time, shown[-1].id) if len(page) > len(shown) else None
        written = [write_appointment(row, form, self.caller) for row in shown]
        return answer({"appointments": written, "next_cursor": cursor})


def found_contact(caller: Caller, contact_id: int, everyones: Permission = Permission.CONTACTS_READ_ALL) -> Contact:
    """Find a customer that the caller sees or, with the permission to write, may change. Raises ApiProblem (404)."""
    contact = customers_of(caller, everyones).filter(pk=known_id(contact_id)).first()
    if contact is None:
        raise not_found()
    return contact


def write_contact(contact: Contact, caller: Caller) -> dict[str, Any]:
    """Write a customer as ContactOut describes it."""
    form, may_see = TimeForm.with_offset(caller.time_zone), caller.may(Permission.CONTACTS_READ_DETAILS)
    return {
        "id": contact.pk,
        "name": contact.name,
        "email": contact.email if may_see else None,
        "phone": contact.phone if may_see else None,
        "notes": contact.notes if may_see else None,
        "time_zone": contact.time_zone,
        "locale": contact.locale,
        "created_at": form.write(int(contact.created_at.timestamp())),
        "updated_at": form.write(int(contact.updated_at.timestamp())),
        "version": contact.version,
    }


def _answer_contact(contact: Contact, caller: Caller) -> HttpResponse:
    return answer_versioned(write_contact(contact, caller), contact.version)


def appointments_of(
    caller: Caller, contact_id: int, limit: int, after: tuple[int, int] | None
) -> list[rows.AppointmentRow]:
    """Read a customer's appointments that the caller sees, by start."""
    reach = reach_of(caller, Permission.APPOINTMENTS_READ_ALL)
    return rows.read_listing(rows.Listing(reach, limit, contact_id=contact_id, after=after))


def _check_zone(fields: dict[str, Any]) -> None:
    zone = fields.get("time_zone")
    if zone is not None and not is_zone(zone):
        raise bad_field("time_zone", "INVALID_FIELD", "It is no IANA time zone such as Europe/Berlin.")
