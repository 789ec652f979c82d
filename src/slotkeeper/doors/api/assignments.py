"""Giving appointments to somebody else, over HTTP: one, or all that a person has in a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments import assignment
from slotkeeper.appointments.assignment import Absence, Handover, Manner, NotAllMovable, Obstacle, Outcome, Stuck, Why
from slotkeeper.appointments.reach import writable_reach
from slotkeeper.appointments.warnings import read_warnings
from slotkeeper.calendars.live import ask_live
from slotkeeper.doors.api.appointment_forms import (
    AppointmentOut,
    Conflict,
    Refusal,
    Time,
    ZoneName,
    refusals,
    write_appointment,
    write_conflicts,
)
from slotkeeper.doors.api.appointments import (
    CONFLICT,
    STALE,
    AppointmentPath,
    check_override,
    etag_of,
    now,
    target_of,
    with_warnings,
)
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, answer, answers
from slotkeeper.doors.api.problems import ApiProblem, bad_field
from slotkeeper.doors.api.reading import known_id
from slotkeeper.doors.api.times import TimeReader, zone_of
from slotkeeper.doors.asking_live import ask_before_change
from slotkeeper.doors.assignment_words import OBSTACLES
from slotkeeper.doors.disclosure import disclosed
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

MOST_PEOPLE = 50


class NewPerson(msgspec.Struct, forbid_unknown_fields=True):
    """Who shall have an appointment; `allow_conflicts` overrides calendar events and time off, never a claim."""

    user_id: int
    version: int | UnsetType = UNSET
    allow_conflicts: bool = False


class ReassignmentWish(msgspec.Struct, forbid_unknown_fields=True):
    """Whose appointments that overlap [start, end) go to whom: to `to_user_id`, or to whoever of `to_user_ids` is free.

    All or none, unless `partial`; with `preview` nothing is changed.
    """

    from_user_id: int
    start: Time
    end: Time
    to_user_id: int | UnsetType = UNSET
    to_user_ids: Annotated[list[int], Meta(min_length=1, max_length=MOST_PEOPLE)] | UnsetType = UNSET
    partial: bool = False
    preview: bool = False
    allow_conflicts: bool = False
    time_zone: ZoneName | UnsetType = UNSET


class ObstacleOut(msgspec.Struct, omit_defaults=True):
    """Why one person cannot be given an appointment."""

    user_id: int
    code: Why
    detail: str
    conflicts: list[Conflict] | UnsetType = UNSET


class HandoverOut(msgspec.Struct):
    """An appointment that went, or would go, to the person in its `user_id`, and who had it before."""

    from_user_id: int
    appointment: AppointmentOut


class StuckOut(msgspec.Struct):
    """An appointment that stays where it is, and why, for each person who was asked for."""

    appointment: AppointmentOut
    reasons: list[ObstacleOut]


class ReassignmentOut(msgspec.Struct):
    """What moved and what did not; `is_preview` where nothing was changed."""

    is_preview: bool
    moved: list[HandoverOut]
    stuck: list[StuckOut]


class ReassignmentRefusal(Refusal, frozen=True, omit_defaults=True):
    """A 409 of a reassignment: every appointment that cannot be given away. Nothing was changed."""

    stuck: list[StuckOut] | UnsetType = UNSET


class AssignAppointment(JsonEndpoint):
    """Giving one appointment to somebody."""

    permissions = {"POST": Permission.APPOINTMENTS_ASSIGN}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def post(self, parsed_path: At[AppointmentPath], parsed_body: Body[NewPerson]) -> HttpResponse:
        """Give an appointment to a member who gives its service and is free then."""
        caller, user_id = self.caller, known_id(parsed_body.user_id)
        check_override(caller, parsed_body.allow_conflicts)
        target = replace(
            target_of(self.request, caller, parsed_path.appointment_id, parsed_body.version),
            may_overlap_time_off=parsed_body.allow_conflicts,
        )
        form = TimeForm.with_offset(caller.time_zone)
        stale = HTTPStatus.PRECONDITION_FAILED if "If-Match" in self.request.headers else HTTPStatus.CONFLICT
        ask_before_change(target.reach, target.appointment_id, {"user_id": user_id})
        with refusals(form, caller, stale):
            row = assignment.assign(target, user_id, caller.actor, now())
        return answer(with_warnings(row, form, caller), headers={"ETag": etag_of(row.version)})


class ReassignAppointments(JsonEndpoint):
    """Giving away all that a person has in a time."""

    permissions = {"POST": Permission.APPOINTMENTS_ASSIGN}

    @answers(ReassignmentOut, refusals=NOT_FOUND | CONFLICT, problem=ReassignmentRefusal)
    def post(self, parsed_body: Body[ReassignmentWish]) -> HttpResponse:
        """Give all that a person has before them in a time to others, all or none; or see what would happen."""
        caller, zone = self.caller, zone_of(self.caller, parsed_body.time_zone)
        check_override(caller, parsed_body.allow_conflicts)
        absence = _absence_of(parsed_body, caller, zone)
        manner = Manner(parsed_body.partial, parsed_body.allow_conflicts, parsed_body.preview)
        form = TimeForm.with_offset(zone)
        ask_live(absence.to_user_ids, caller.business_id)
        with _refusing(form, caller):
            outcome = assignment.reassign(absence, manner, caller.actor, now())
        return answer({"is_preview": manner.is_preview, **_write(outcome, form, caller)})


def _absence_of(body: ReassignmentWish, caller: Caller, zone: str) -> Absence:
    """Read whose appointments go to whom. Raises ApiProblem."""
    if (body.to_user_id is UNSET) == (body.to_user_ids is UNSET):
        raise bad_field("to_user_id", "INVALID_FIELD", "Give either to_user_id or to_user_ids.")
    to = [body.to_user_id] if body.to_user_id is not UNSET else body.to_user_ids
    assert to is not UNSET
    if body.from_user_id in to:
        name = "to_user_ids" if body.to_user_id is UNSET else "to_user_id"
        raise bad_field(name, "INVALID_FIELD", "It must be somebody else than from_user_id.")
    times = TimeReader(zone)
    _, start = times.edge("start", body.start)
    _, end = times.edge("end", body.end)
    times.check()
    if end <= start:
        raise bad_field("end", "END_BEFORE_START", "The end must come after the start.")
    people = tuple(dict.fromkeys(known_id(user_id) for user_id in to))
    return Absence(writable_reach(caller), known_id(body.from_user_id), people, Interval(start, end))


@contextmanager
def _refusing(form: TimeForm, caller: Caller) -> Iterator[None]:
    try:
        yield
    except NotAllMovable as error:
        stuck = error.outcome.stuck
        is_time = any(one.why is Why.TAKEN for appointment in stuck for one in appointment.obstacles)
        detail = f"{NotAllMovable.__doc__} Each is listed with the reason."
        written = [_write_stuck(one, form, caller) for one in stuck]
        code = "SLOT_TAKEN" if is_time else "NOT_OFFERED"
        raise ApiProblem(HTTPStatus.CONFLICT, code, detail, extra={"stuck": written}) from None


def _write(outcome: Outcome, form: TimeForm, caller: Caller) -> dict[str, Any]:
    return {
        "moved": [_write_handover(one, form, caller) for one in outcome.moved],
        "stuck": [_write_stuck(one, form, caller) for one in outcome.stuck],
    }


def _write_handover(one: Handover, form: TimeForm, caller: Caller) -> dict[str, Any]:
    written = write_appointment(one.row, form, caller)
    # In a preview the row is not stored so, but the rules it goes past are those of its person all the same.
    warnings = [{"code": reason.value} for reason in read_warnings(one.row, caller.business_id, now())]
    return {"from_user_id": one.from_user_id, "appointment": written | ({"warnings": warnings} if warnings else {})}


def _write_stuck(one: Stuck, form: TimeForm, caller: Caller) -> dict[str, Any]:
    return {
        "appointment": write_appointment(one.row, form, caller),
        "reasons": [_write_obstacle(obstacle, form, caller) for obstacle in one.obstacles],
    }


def _write_obstacle(one: Obstacle, form: TimeForm, caller: Caller) -> dict[str, Any]:
    written: dict[str, Any] = {"user_id": one.user_id, "code": one.why.value, "detail": str(OBSTACLES[one.why])}
    if one.conflicts:
        written["conflicts"] = write_conflicts(disclosed(one.conflicts, caller, one.user_id), form)
    return written
