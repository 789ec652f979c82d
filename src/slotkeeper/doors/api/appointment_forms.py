"""The shapes of appointments on the wire, and the way between them and the verbs' values."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments import actions
from slotkeeper.appointments.free_busy import BusyEntry
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.busy import CalendarReading, Freshness
from slotkeeper.doors.api.problems import ApiProblem, FieldError, Problem
from slotkeeper.doors.disclosure import disclosed, told_of_calendar
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

Title: TypeAlias = Annotated[str, Meta(max_length=200, pattern=r"\S", description="At most 200 characters, not blank.")]
LongText: TypeAlias = Annotated[str, Meta(max_length=2000)] | None
Location: TypeAlias = Annotated[str, Meta(max_length=500)] | None
PersonName: TypeAlias = Annotated[str, Meta(max_length=100)] | None
Email: TypeAlias = Annotated[str, Meta(max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")] | None
Phone: TypeAlias = Annotated[str, Meta(max_length=20)] | None
Time: TypeAlias = Annotated[
    str,
    Meta(
        max_length=64,
        description="RFC 3339; without an offset it is read in the caller's zone.",
        examples=["2026-01-15T14:00:00"],
    ),
]
ZoneName: TypeAlias = Annotated[str, Meta(max_length=64, description="An IANA zone that overrides the caller's.")]
StatusName: TypeAlias = Status

_MOMENTS = ("start_time", "end_time", "created_at", "updated_at")


class NewAppointment(msgspec.Struct, forbid_unknown_fields=True):
    """What creating an appointment takes."""

    title: Title
    start_time: Time
    end_time: Time
    description: LongText = None
    contact_id: int | None = None
    contact_name: PersonName = None
    contact_email: Email = None
    contact_phone: Phone = None
    location: Location = None
    notes: LongText = None
    sync_to_calendar: bool = False
    service_id: int | None = None
    user_id: int | None = None
    time_zone: ZoneName | UnsetType = UNSET
    allow_conflicts: bool = False


class AppointmentChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing an appointment takes: fields left out stay, null clears."""

    title: Title | UnsetType = UNSET
    start_time: Time | UnsetType = UNSET
    end_time: Time | UnsetType = UNSET
    status: StatusName | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    contact_id: int | None | UnsetType = UNSET
    contact_name: PersonName | UnsetType = UNSET
    contact_email: Email | UnsetType = UNSET
    contact_phone: Phone | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    notes: LongText | UnsetType = UNSET
    sync_to_calendar: bool | UnsetType = UNSET
    service_id: int | None | UnsetType = UNSET
    user_id: int | UnsetType = UNSET
    version: int | UnsetType = UNSET
    time_zone: ZoneName | UnsetType = UNSET
    allow_conflicts: bool = False


class Warning(msgspec.Struct):  # noqa: A001 -- the word in the API's answers
    """A rule that binds customers and that this appointment goes past."""

    code: str


class ResourceTaken(msgspec.Struct):
    """A room or a piece of equipment that an appointment has."""

    id: int
    name: str


class AppointmentOut(msgspec.Struct):
    """An appointment; times carry the offset of the caller's zone."""

    id: int
    user_id: int
    title: str
    description: str | None
    start_time: str
    end_time: str
    status: StatusName
    contact_id: int | None
    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    location: str | None
    notes: str | None
    sync_to_calendar: bool
    reminder_24h_sent: bool
    reminder_2h_sent: bool
    created_at: str | None
    updated_at: str | None
    service_id: int | None
    version: int
    resources: list[ResourceTaken]
    warnings: list[Warning] | UnsetType = UNSET


class Slot(msgspec.Struct, gc=False):  # hundreds in an answer would keep the garbage collector busy
    """A free stretch of time."""

    start: str
    end: str


class Conflict(msgspec.Struct, omit_defaults=True):
    """What stands in the way; `elsewhere` tells nothing more."""

    start: str
    end: str
    reason: str
    appointment_id: int | UnsetType = UNSET
    title: str | UnsetType = UNSET
    calendar: str | UnsetType = UNSET
    resource_id: int | UnsetType = UNSET
    name: str | UnsetType = UNSET


class Source(StrEnum):
    """What an answer about free time was made from."""

    CALENDAR_AND_INTERNAL = "calendar_and_internal"
    INTERNAL_ONLY = "internal_only"  # no calendar is connected, or none could be read


class CalendarStanding(msgspec.Struct):
    """A connected calendar that blocks time: how fresh it is, and when it was last read; named to whose it is."""

    name: str
    status: Freshness
    as_of: str | None


class RefusalReason(msgspec.Struct):
    """Why a person cannot be given an appointment."""

    code: str
    detail: str


class Refusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412: beside the problem, what a client needs to go on."""

    conflicts: list[Conflict] | UnsetType = UNSET
    suggested_slots: list[Slot] | UnsetType = UNSET
    reasons: list[RefusalReason] | UnsetType = UNSET
    current: AppointmentOut | UnsetType = UNSET


def write_appointment(row: AppointmentRow, form: TimeForm, caller: Caller) -> dict[str, Any]:
    """Write an appointment as AppointmentOut describes it; a plain dict costs least."""
    written = row._asdict()
    names = [name for name in _MOMENTS if written[name] is not None]
    written.update(zip(names, form.write_all(written[name] for name in names), strict=True))
    written["resources"] = [one._asdict() for one in row.resources]
    if not caller.may(Permission.CONTACTS_READ_DETAILS):
        written["contact_email"] = written["contact_phone"] = None
    return written


def write_slots(slots: list[Interval], form: TimeForm) -> list[Slot]:
    """Write free stretches of time."""
    texts = form.write_all(chain.from_iterable(slots))
    return list(map(Slot, texts[::2], texts[1::2]))


def write_slot_runs(runs: list[range], form: TimeForm) -> list[Slot]:
    """Write slots that stand back to back, given by their edges."""
    slots: list[Slot] = []
    for edges in form.write_runs(runs):
        slots += map(Slot, edges, edges[1:])
    return slots


def write_conflicts(entries: list[BusyEntry], form: TimeForm) -> list[dict[str, Any]]:
    """Write what stands in the way, each with its reason; it has been cut to what the caller may see."""
    return [write_conflict(entry, start, end) for entry, start, end in with_edges(entries, form)]


def with_edges(entries: list[BusyEntry], form: TimeForm) -> Iterator[tuple[BusyEntry, str, str]]:
    """Write where entries start and end, all together."""
    edges = form.write_all([edge for entry in entries for edge in (entry.start, entry.end)])
    return zip(entries, edges[::2], edges[1::2], strict=True)


def write_conflict(entry: BusyEntry, start: str, end: str) -> dict[str, Any]:
    """Write one thing that stands in the way."""
    conflict: dict[str, Any] = {"start": start, "end": end, "reason": entry.kind}
    if entry.title is None:
        return conflict
    if entry.appointment_id is not None:
        conflict |= {"appointment_id": entry.appointment_id, "title": entry.title}
    elif entry.resource_id is not None:
        conflict |= {"resource_id": entry.resource_id, "name": entry.title}
    else:
        conflict["calendar"] = entry.title
    return conflict


def write_calendars(
    readings: Iterable[CalendarReading], form: TimeForm, user_id: int, caller: Caller
) -> list[CalendarStanding]:
    """Write how fresh a person's calendars are."""
    return [
        CalendarStanding(
            told_of_calendar(one.name, user_id, caller),
            one.freshness,
            None if one.as_of is None else form.write(one.as_of),
        )
        for one in readings
    ]


def source_of(readings: Iterable[CalendarReading]) -> Source:
    """Say whether anything that was read of calendars is in an answer."""
    is_read = any(one.freshness in {Freshness.FRESH, Freshness.LAST_KNOWN} for one in readings)
    return Source.CALENDAR_AND_INTERNAL if is_read else Source.INTERNAL_ONLY


def known_references(fields: dict[str, Any]) -> dict[str, Any]:
    """Make ids beyond 64 bits simply unknown ones."""
    for name in ("contact_id", "service_id", "user_id"):
        if isinstance(fields.get(name), int):
            fields[name] = known_id(fields[name])
    return fields


@contextmanager
def refusals(form: TimeForm, caller: Caller, stale: HTTPStatus = HTTPStatus.CONFLICT) -> Iterator[None]:
    """Turn a verb's refusals into answers in the form of the question."""
    try:
        yield
    except actions.SlotTaken as error:
        raise ApiProblem(
            HTTPStatus.CONFLICT,
            "SLOT_TAKEN",
            "The time is not free. Nothing was stored; the next free times are listed.",
            extra={
                "conflicts": write_conflicts(disclosed(error.conflicts, caller, error.user_id), form),
                "suggested_slots": write_slots(error.alternatives, form),
            },
        ) from None
    except actions.InThePast as error:
        raise in_the_past(error.alternatives, form) from None
    except actions.VersionConflict as error:
        current = write_appointment(error.current, form, caller)
        raise ApiProblem(
            stale, "VERSION_CONFLICT", str(actions.VersionConflict.__doc__), extra={"current": current}
        ) from None


def in_the_past(alternatives: list[Interval], form: TimeForm) -> ApiProblem:
    """Refuse a start before now, with the next free times."""
    errors = [FieldError("start_time", "IN_THE_PAST", str(actions.InThePast.__doc__))]
    extra = {"suggested_slots": write_slots(alternatives, form)}
    return ApiProblem(HTTPStatus.BAD_REQUEST, "IN_THE_PAST", str(actions.InThePast.__doc__), errors, extra)
