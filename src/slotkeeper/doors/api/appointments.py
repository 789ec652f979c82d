"""Appointments over HTTP."""

import re
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments import actions, rows
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.reach import reach_of, writable_reach
from slotkeeper.appointments.warnings import read_warnings
from slotkeeper.changes.models import Change
from slotkeeper.doors.api.appointment_forms import (
    AppointmentChanges,
    AppointmentOut,
    NewAppointment,
    Refusal,
    StatusName,
    Time,
    ZoneName,
    known_references,
    refusals,
    write_appointment,
)
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, OptionalBody, Query, answer, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit, read_cursor, write_cursor
from slotkeeper.doors.api.problems import bad_field, not_found, not_permitted
from slotkeeper.doors.api.reading import known_id
from slotkeeper.doors.api.times import TimeReader, with_lost_plus, zone_of
from slotkeeper.doors.asking_live import ask_before_booking, ask_before_change
from slotkeeper.doors.disclosure import require_customer, sees_former_addresses
from slotkeeper.people.callers import Caller
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

CONFLICT = {HTTPStatus.CONFLICT: "The time is taken, or the status does not allow it; see `code`."}
STALE = {HTTPStatus.PRECONDITION_FAILED: "If-Match names a version that is no longer the current one."}
REPEATED = {HTTPStatus.UNPROCESSABLE_ENTITY: "The Idempotency-Key was used with another body."}


class AppointmentPath(msgspec.Struct):
    """Where an appointment is."""

    appointment_id: int


class ListQuery(msgspec.Struct):
    """What a list is narrowed to."""

    start: Time | None = None
    end: Time | None = None
    status: list[StatusName] = []
    contact_id: int | None = None
    user_id: int | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    time_zone: ZoneName | None = None


class ZoneQuery(msgspec.Struct):
    """The zone to answer in."""

    time_zone: ZoneName | None = None


class CancelReason(msgspec.Struct, forbid_unknown_fields=True):
    """Why an appointment is canceled."""

    reason: Annotated[str, Meta(max_length=2000)] | None = None


class NoFields(msgspec.Struct, forbid_unknown_fields=True):
    """A body that carries nothing."""


class AppointmentList(msgspec.Struct):
    """A page of appointments; `next_cursor` leads to the next page, null ends the list."""

    appointments: list[AppointmentOut]
    next_cursor: str | None


class HistoryEntry(msgspec.Struct):
    """One change: who, when, from what, to what."""

    at: str
    verb: str
    version: int
    actor: str
    actor_kind: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class History(msgspec.Struct):
    """The changes of an appointment, oldest first."""

    changes: list[HistoryEntry]


def now() -> int:
    """Read the clock: whole seconds since 1970."""
    return int(time.time())


class Appointments(JsonEndpoint):
    """The list of appointments."""

    permissions = {"GET": Permission.APPOINTMENTS_READ, "POST": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentList)
    def get(self, parsed_query: Query[ListQuery]) -> HttpResponse:
        """List appointments that overlap [start, end), by start."""
        query, caller = parsed_query, self.caller
        zone = zone_of(caller, query.time_zone)
        times = TimeReader(zone)
        start = None if query.start is None else times.edge("start", with_lost_plus(query.start))[1]
        end = None if query.end is None else times.edge("end", with_lost_plus(query.end))[1]
        times.check()
        if start is not None and end is not None and end < start:
            raise bad_field("end", "END_BEFORE_START", "The end must not come before the start.")
        after = read_cursor(query.cursor, 2)
        listing = rows.Listing(
            reach=reach_of(caller, Permission.APPOINTMENTS_READ_ALL),
            limit=query.limit + 1,
            start=start,
            end=end,
            statuses=[status.value for status in query.status],
            contact_id=None if query.contact_id is None else known_id(query.contact_id),
            user_id=None if query.user_id is None else known_id(query.user_id),
            after=(after[0], after[1]) if after else None,
        )
        page, form = rows.read_listing(listing), TimeForm.with_offset(zone)
        last = page[query.limit - 1] if len(page) > query.limit else None
        return answer(
            {
                "appointments": [write_appointment(row, form, caller) for row in page[: query.limit]],
                "next_cursor": write_cursor(last.start_time, last.id) if last else None,
            }
        )

    @answers(
        AppointmentOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | CONFLICT | REPEATED,
        problem=Refusal,
        headers=("Location", "ETag"),
    )
    def post(self, parsed_body: Body[NewAppointment]) -> HttpResponse:
        """Book an appointment."""
        ask_before_booking(self.caller, person_of(parsed_body.user_id, self.caller))
        return once(self.request, self.caller, lambda: self._book(parsed_body))

    def _book(self, body: NewAppointment) -> HttpResponse:
        caller, zone = self.caller, zone_of(self.caller, body.time_zone)
        booking, form = booking_of(body, caller, zone), TimeForm.with_offset(zone)
        with refusals(form, caller):
            row, keeps_hours = actions.book_as_member(
                booking, caller.actor, now(), allow_conflicts=body.allow_conflicts
            )
        headers = {"Location": f"/api/appointments/{row.id}", "ETag": etag_of(row.version)}
        return answer(with_warnings(row, form, caller, keeps_hours), HTTPStatus.CREATED, headers)


class OneAppointment(JsonEndpoint):
    """One appointment."""

    permissions = {
        "GET": Permission.APPOINTMENTS_READ,
        "PUT": Permission.APPOINTMENTS_WRITE,
        "PATCH": Permission.APPOINTMENTS_WRITE,
    }

    @answers(AppointmentOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[AppointmentPath], parsed_query: Query[ZoneQuery]) -> HttpResponse:
        """Read one appointment."""
        row = rows.find(reach_of(self.caller, Permission.APPOINTMENTS_READ_ALL), parsed_path.appointment_id)
        if row is None:
            raise not_found()
        return answer_one(row, zone_of(self.caller, parsed_query.time_zone), self.caller)

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def put(self, parsed_path: At[AppointmentPath], parsed_body: Body[AppointmentChanges]) -> HttpResponse:
        """Change the fields sent; those left out stay, null clears."""
        return self._change(parsed_path.appointment_id, parsed_body)

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def patch(self, parsed_path: At[AppointmentPath], parsed_body: Body[AppointmentChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_path.appointment_id, parsed_body)

    def _change(self, appointment_id: int, body: AppointmentChanges) -> HttpResponse:
        caller = self.caller
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(body).items()
            if value is not UNSET and name not in {"version", "time_zone", "allow_conflicts"}
        }
        fields = known_references(fields)
        check_override(caller, body.allow_conflicts)
        require_customer(caller, fields.get("contact_id"), appointment_id)
        zone = zone_of(caller, body.time_zone)
        times = TimeReader(zone)
        for name in ("start_time", "end_time"):
            if name in fields:
                fields[name] = times.instant(name, fields[name])
        times.check()
        target = replace(
            target_of(self.request, caller, appointment_id, body.version), may_overlap_time_off=body.allow_conflicts
        )
        stale = HTTPStatus.PRECONDITION_FAILED if "If-Match" in self.request.headers else HTTPStatus.CONFLICT
        ask_before_change(target.reach, target.appointment_id, fields)
        with refusals(TimeForm.with_offset(zone), caller, stale):
            row = actions.update(target, fields, caller.actor, now())
            is_moved = bool({"start_time", "end_time", "user_id"} & fields.keys())
        form = TimeForm.with_offset(zone)
        written = with_warnings(row, form, caller) if is_moved else write_appointment(row, form, caller)
        return answer(written, headers={"ETag": etag_of(row.version)})


class CancelAppointment(JsonEndpoint):
    """Canceling."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def post(self, parsed_path: At[AppointmentPath], parsed_body: OptionalBody[CancelReason]) -> HttpResponse:
        """Cancel an appointment and release its time; a second time changes nothing."""
        return _move(self, parsed_path.appointment_id, Status.CANCELED, parsed_body.reason)


class ConfirmAppointment(JsonEndpoint):
    """Confirming."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def post(self, parsed_path: At[AppointmentPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Confirm a scheduled appointment."""
        del parsed_body
        return _move(self, parsed_path.appointment_id, Status.CONFIRMED)


class CompleteAppointment(JsonEndpoint):
    """Completing."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def post(self, parsed_path: At[AppointmentPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Mark a confirmed appointment as completed."""
        del parsed_body
        return _move(self, parsed_path.appointment_id, Status.COMPLETED)


class NoShowAppointment(JsonEndpoint):
    """Marking a no-show."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def post(self, parsed_path: At[AppointmentPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Mark that the customer did not come, and release the time."""
        del parsed_body
        return _move(self, parsed_path.appointment_id, Status.NO_SHOW)


class AppointmentHistory(JsonEndpoint):
    """What happened to an appointment."""

    permissions = {"GET": Permission.APPOINTMENTS_READ}

    @answers(History, refusals=NOT_FOUND)
    def get(self, parsed_path: At[AppointmentPath]) -> HttpResponse:
        """List the changes of one appointment, oldest first."""
        caller, appointment_id = self.caller, parsed_path.appointment_id
        if rows.find(reach_of(caller, Permission.APPOINTMENTS_READ_ALL), appointment_id) is None:
            raise not_found()
        changes = Change.objects.filter(
            business_id=caller.business_id, subject_kind="appointment", subject_id=appointment_id
        ).order_by("id")[:500]
        form = TimeForm.with_offset(caller.time_zone)
        shows_addresses = sees_former_addresses(caller)
        return answer({"changes": [write_change(change, form, shows_addresses) for change in changes]})


def person_of(user_id: int | UnsetType | None, caller: Caller) -> int:
    """Say whose time is wanted: the caller's own where nobody is named."""
    return known_id(user_id) if isinstance(user_id, int) else caller.user_id


def booking_of(body: NewAppointment, caller: Caller, zone: str) -> Booking:
    """Read what is to be booked, if the caller may book it for that person.

    Raises ApiProblem, OutOfReach and UnknownReference.
    """
    user_id = person_of(body.user_id, caller)
    reach_of(caller, Permission.APPOINTMENTS_WRITE_ALL).require(user_id, body.service_id)
    check_override(caller, body.allow_conflicts)
    contact_id = body.contact_id and known_id(body.contact_id)
    require_customer(caller, contact_id)
    times = TimeReader(zone)
    start, end = times.instant("start_time", body.start_time), times.instant("end_time", body.end_time)
    times.check()
    return Booking(
        business_id=caller.business_id,
        user_id=user_id,
        title=body.title,
        start_time=start,
        end_time=end,
        description=body.description,
        contact_id=contact_id,
        contact_name=body.contact_name,
        contact_email=body.contact_email,
        contact_phone=body.contact_phone,
        location=body.location,
        notes=body.notes,
        sync_to_calendar=body.sync_to_calendar,
        service_id=body.service_id and known_id(body.service_id),
    )


def answer_one(row: rows.AppointmentRow, zone: str, caller: Caller) -> HttpResponse:
    """Answer with one appointment and its ETag."""
    written = write_appointment(row, TimeForm.with_offset(zone), caller)
    return answer(written, headers={"ETag": etag_of(row.version)})


def target_of(request: HttpRequest, caller: Caller, appointment_id: int, version: int | UnsetType = UNSET) -> Target:
    """Say which appointment to change, and which versions If-Match or the body's `version` will accept."""
    versions = None if version is UNSET else frozenset({version})
    header = request.headers.get("If-Match")
    if header is not None and header.strip() != "*":
        named = frozenset(int(number) for number in re.findall(r'"(\d{1,9})"', header))
        versions = named if versions is None else named & versions
    may_assign = caller.may(Permission.APPOINTMENTS_ASSIGN)
    return Target(writable_reach(caller), known_id(appointment_id), versions, may_assign=may_assign)


def _move(endpoint: JsonEndpoint, appointment_id: int, status: Status, reason: str | None = None) -> HttpResponse:
    caller = endpoint.caller
    target = target_of(endpoint.request, caller, appointment_id)
    with refusals(TimeForm.with_offset(caller.time_zone), caller, HTTPStatus.PRECONDITION_FAILED):
        row = actions.update(target, {"status": status}, caller.actor, now(), reason)
    return answer_one(row, caller.time_zone, caller)


def with_warnings(
    row: rows.AppointmentRow, form: TimeForm, caller: Caller, keeps_hours: bool | None = None
) -> dict[str, Any]:
    """Write an appointment that was just made or moved, with the rules that it goes past."""
    written = write_appointment(row, form, caller)
    warnings = read_warnings(row, caller.business_id, now(), keeps_hours)
    return written | {"warnings": [{"code": reason.value} for reason in warnings]} if warnings else written


def check_override(caller: Caller, allow_conflicts: bool) -> None:
    """Refuse to book over calendar events or time off where the role may not. Raises ApiProblem."""
    if allow_conflicts and not caller.may(Permission.APPOINTMENTS_OVERRIDE):
        raise not_permitted("Your role may not book over calendar events or time off.")


def etag_of(version: int) -> str:
    """Write a version as an ETag."""
    return f'"{version}"'


def write_change(change: Change, form: TimeForm, may_see_details: bool) -> dict[str, Any]:
    """Write one change as HistoryEntry describes it."""
    hidden = frozenset() if may_see_details else frozenset({"contact_email", "contact_phone"})
    before, after = (
        state and {name: value for name, value in state.items() if name not in hidden}
        for state in (change.before, change.after)
    )
    return {
        "at": form.write(int(change.at.timestamp())),
        "verb": change.verb,
        "version": change.subject_version,
        "actor": change.actor_name,
        "actor_kind": change.actor_kind,
        "before": before,
        "after": after,
    }
