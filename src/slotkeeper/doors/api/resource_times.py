"""When rooms and equipment are taken, and which ones an appointment has, over HTTP."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments.free_busy import BusyKind
from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.resource_changes import MOST_RESOURCES, change_resources
from slotkeeper.appointments.resource_times import Occupied, read_occupied
from slotkeeper.doors.api.appointment_forms import AppointmentOut, Refusal, Time, ZoneName, refusals, write_slot_runs
from slotkeeper.doors.api.appointments import CONFLICT, STALE, AppointmentPath, answer_one, now, target_of
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.free_busy import MAX_RANGE_DAYS, FreeBusy, SlotMinutes
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.api.resources import ResourcePath
from slotkeeper.doors.api.times import read_range, with_lost_plus, zone_of
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import Resource
from slotkeeper.people.callers import Caller
from slotkeeper.rules.availability import free_gaps, free_slots
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission


class ResourceTimeQuery(msgspec.Struct):
    """Which stretch of a resource's time."""

    start: Time
    end: Time
    slot_minutes: SlotMinutes = 30
    time_zone: ZoneName | None = None


class ResourceChoice(msgspec.Struct, forbid_unknown_fields=True):
    """Which resources an appointment shall have; [] for none."""

    resource_ids: Annotated[list[int], Meta(max_length=MOST_RESOURCES)]
    version: int | UnsetType = UNSET


class ResourceFreeBusy(JsonEndpoint):
    """Free and busy time of a resource."""

    permissions = {"GET": Permission.FREEBUSY_READ}

    @answers(FreeBusy, refusals=NOT_FOUND)
    def get(self, parsed_path: At[ResourcePath], parsed_query: Query[ResourceTimeQuery]) -> HttpResponse:
        """Get what takes a resource and when it is free, in a stretch of time of at most 92 days."""
        query, caller = parsed_query, self.caller
        resources = Resource.objects.filter(business_id=caller.business_id)
        resource = resources.filter(pk=known_id(parsed_path.resource_id)).first()
        if resource is None:
            raise not_found()
        zone = zone_of(caller, query.time_zone)
        start, end = with_lost_plus(query.start), with_lost_plus(query.end)
        read_start, window = read_range(zone, start, end, MAX_RANGE_DAYS)
        form, moment = TimeForm.of(read_start, zone), now()
        occupied = read_occupied(resource, window, moment)
        runs = free_slots(free_gaps(window, (one.blocked for one in occupied), None), query.slot_minutes * 60, moment)
        busy = [_write(one, form, caller) for one in occupied]
        free = write_slot_runs(runs, form)
        return answer({"start": start, "end": end, "busy": busy, "free": free, "source": "internal_only"})


class AppointmentResources(JsonEndpoint):
    """The resources of an appointment."""

    permissions = {"PUT": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=Refusal, headers=("ETag",))
    def put(self, parsed_path: At[AppointmentPath], parsed_body: Body[ResourceChoice]) -> HttpResponse:
        """Give an appointment exactly these rooms and equipment, if they are free, whatever its service needs."""
        caller = self.caller
        target = target_of(self.request, caller, parsed_path.appointment_id, parsed_body.version)
        stale = HTTPStatus.PRECONDITION_FAILED if "If-Match" in self.request.headers else HTTPStatus.CONFLICT
        resource_ids = [known_id(one) for one in parsed_body.resource_ids]
        with refusals(TimeForm.with_offset(caller.time_zone), caller, stale):
            row = change_resources(target, resource_ids, caller.actor, now())
        return answer_one(row, caller.time_zone, caller)


def _write(one: Occupied, form: TimeForm, caller: Caller) -> dict[str, Any]:
    """Write what takes a resource, as far as the caller may see it."""
    row = one.row
    if row is None:
        return {"start": form.write(one.blocked.start), "end": form.write(one.blocked.end), "reason": BusyKind.HOLD}
    written: dict[str, Any] = {"start": form.write(row.start_time), "end": form.write(row.end_time)}
    if reach_of(caller, Permission.APPOINTMENTS_READ_ALL).covers(row.user_id, row.service_id):
        return written | {"appointment_id": row.id, "title": row.title}
    return written | {"reason": BusyKind.APPOINTMENT}
