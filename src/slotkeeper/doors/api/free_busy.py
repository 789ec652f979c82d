"""Free/busy and check-conflicts over HTTP: answers in the form of the question."""

from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments import actions
from slotkeeper.appointments.free_busy import (
    BusyEntry,
    BusyKind,
    Busyness,
    Person,
    conflicts_with,
    read_alternatives,
    read_busy,
    read_open_windows,
)
from slotkeeper.doors.api.appointment_forms import (
    CalendarStanding,
    Conflict,
    Slot,
    Source,
    Time,
    ZoneName,
    in_the_past,
    source_of,
    with_edges,
    write_calendars,
    write_conflict,
    write_conflicts,
    write_slot_runs,
    write_slots,
)
from slotkeeper.doors.api.appointments import now
from slotkeeper.doors.api.base import NOT_FOUND, Body, JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.reading import known_id
from slotkeeper.doors.api.times import TimeReader, read_range, with_lost_plus, zone_of
from slotkeeper.doors.disclosure import disclosed
from slotkeeper.people.callers import Caller
from slotkeeper.rules.availability import AlternativesRequest, free_gaps, free_slots
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm, parse_time
from slotkeeper.rules.permissions import Permission

MAX_RANGE_DAYS = 92
SlotMinutes = Annotated[int, Meta(ge=5, le=1440)]


class FreeBusyQuery(msgspec.Struct):
    """Whose time, and which stretch of it."""

    start: Time
    end: Time
    user_id: int | None = None
    slot_minutes: SlotMinutes = 30
    time_zone: ZoneName | None = None


class Busy(msgspec.Struct, omit_defaults=True):
    """A busy entry with its true start and end; `reason` where it is no appointment that the caller may see."""

    start: str
    end: str
    appointment_id: int | UnsetType = UNSET
    title: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    calendar: str | UnsetType = UNSET


class FreeBusy(msgspec.Struct):
    """Busy entries and free slots of a stretch of time."""

    start: str
    end: str
    busy: list[Busy]
    free: list[Slot]
    source: Source
    calendars: list[CalendarStanding] | UnsetType = UNSET


class ConflictCheck(msgspec.Struct, forbid_unknown_fields=True):
    """The time to check."""

    start_time: Time
    end_time: Time
    exclude_id: int | None = None
    user_id: int | None = None
    slot_minutes: SlotMinutes = 30
    time_zone: ZoneName | UnsetType = UNSET


class ConflictAnswer(msgspec.Struct):
    """What stands in the way, and the next free slots if anything does."""

    has_conflicts: bool
    conflicts: list[Conflict]
    suggested_slots: list[Slot]
    source: Source | UnsetType = UNSET
    calendars: list[CalendarStanding] | UnsetType = UNSET


class FreeBusyEndpoint(JsonEndpoint):
    """Free and busy time."""

    permissions = {"GET": Permission.FREEBUSY_READ}

    @answers(FreeBusy, refusals=NOT_FOUND)
    def get(self, parsed_query: Query[FreeBusyQuery]) -> HttpResponse:
        """Get what is busy and what is free in a stretch of time of at most 92 days."""
        query, caller = parsed_query, self.caller
        zone = zone_of(caller, query.time_zone)
        start_text, end_text = with_lost_plus(query.start), with_lost_plus(query.end)
        read_start, window = read_range(zone, start_text, end_text, MAX_RANGE_DAYS)
        person = Person(caller.business_id, caller.user_id if query.user_id is None else known_id(query.user_id))
        moment, form = now(), TimeForm.of(read_start, zone)
        busyness = read_busy(person, window, moment)
        open_windows = read_open_windows(person, window) if busyness.has_hours else None
        gaps = free_gaps(window, (entry.blocked for entry in busyness.entries), open_windows)
        runs = free_slots(gaps, query.slot_minutes * 60, moment)
        busy = [entry for entry in busyness.entries if entry.end > window.start and entry.start < window.end]
        shown = disclosed(busy, caller, person.user_id)
        written: dict[str, Any] = {
            "start": start_text,
            "end": end_text,
            "busy": _write_busy(shown, form),
            "free": write_slot_runs(runs, form),
            "source": Source.INTERNAL_ONLY,
        }
        return answer(written | _write_sources(busyness, zone, person.user_id, caller))


class CheckConflicts(JsonEndpoint):
    """Checking a time before booking it."""

    permissions = {"POST": Permission.FREEBUSY_READ}

    @answers(ConflictAnswer, refusals=NOT_FOUND)
    def post(self, parsed_body: Body[ConflictCheck]) -> HttpResponse:
        """Say whether a time is free and, if not, when the next free slots are."""
        body, caller = parsed_body, self.caller
        zone = zone_of(caller, body.time_zone)
        times = TimeReader(zone)
        asked = Interval(times.instant("start_time", body.start_time), times.instant("end_time", body.end_time))
        times.check()
        person = Person(caller.business_id, caller.user_id if body.user_id is None else known_id(body.user_id))
        form, moment, slot_seconds = (
            TimeForm.of(parse_time(body.start_time), zone),
            now(),
            body.slot_minutes * 60,
        )
        try:
            actions.check_times(person, asked, moment, slot_seconds)
        except actions.InThePast as error:
            raise in_the_past(error.alternatives, form) from None
        busyness = read_busy(person, asked, moment)
        conflicts = conflicts_with(busyness.entries, asked, body.exclude_id)
        request = AlternativesRequest(asked.start, moment, slot_seconds)
        alternatives = read_alternatives(person, request, body.exclude_id) if conflicts else []
        written: dict[str, Any] = {
            "has_conflicts": bool(conflicts),
            "conflicts": write_conflicts(disclosed(conflicts, caller, person.user_id), form),
            "suggested_slots": write_slots(alternatives, form),
        }
        return answer(written | _write_sources(busyness, zone, person.user_id, caller))


def _write_sources(busyness: Busyness, zone: str, user_id: int, caller: Caller) -> dict[str, Any]:
    if not busyness.calendars:
        return {}
    calendars = write_calendars(busyness.calendars, TimeForm.with_offset(zone), user_id, caller)
    return {"source": source_of(busyness.calendars), "calendars": calendars}


def _write_busy(entries: list[BusyEntry], form: TimeForm) -> list[dict[str, Any]]:
    busy = []
    for entry, start, end in with_edges(entries, form):
        if entry.kind is BusyKind.APPOINTMENT and entry.appointment_id is not None:
            # The users' document shows appointments without a reason.
            busy.append({"start": start, "end": end, "appointment_id": entry.appointment_id, "title": entry.title})
        else:
            busy.append(write_conflict(entry, start, end))
    return busy
