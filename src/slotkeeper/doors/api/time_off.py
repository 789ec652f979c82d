"""Time off over HTTP."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.db.models import Q
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointment_forms import Time, ZoneName
from slotkeeper.doors.api.appointments import REPEATED, now
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answer_nothing, answers
from slotkeeper.doors.api.hours_forms import UserPath, changeable_member, found_membership, may_see_reasons
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.api.times import TimeReader, zone_of
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import TimeOff
from slotkeeper.offerings.time_off import Absence, absence_of, add_time_off, change_time_off, remove_time_off
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

Reason = Annotated[str, Meta(max_length=200)] | None


class NewTimeOff(msgspec.Struct, forbid_unknown_fields=True):
    """What taking time off takes."""

    start: Time
    end: Time
    reason: Reason = None
    time_zone: ZoneName | UnsetType = UNSET


class TimeOffChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing time off takes: fields left out stay, null clears."""

    start: Time | UnsetType = UNSET
    end: Time | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    time_zone: ZoneName | UnsetType = UNSET


class TimeOffOut(msgspec.Struct):
    """A stretch of time off; the reason is null for callers who may not see it."""

    id: int
    user_id: int
    start: str
    end: str
    reason: str | None


class TimeOffList(msgspec.Struct):
    """A page of time off, by start."""

    time_off: list[TimeOffOut]
    next_cursor: str | None


class TimeOffPath(msgspec.Struct):
    """Whose time off, and which."""

    user_id: int
    time_off_id: int


class TimesOff(JsonEndpoint):
    """A member's time off."""

    permissions = {"GET": Permission.BUSINESS_READ, "POST": Permission.HOURS_WRITE}

    @answers(TimeOffList, refusals=NOT_FOUND)
    def get(self, parsed_path: At[UserPath], parsed_query: Query[PageQuery]) -> HttpResponse:
        """List a member's time off, by start."""
        user_id = found_membership(self.caller, parsed_path.user_id).user_id
        listed = TimeOff.objects.filter(user_id=user_id).order_by("start_time", "pk")
        after = read_cursor(parsed_query.cursor, 2)
        if after:
            start = datetime.fromtimestamp(min(max(after[0], 0), _LAST_SECOND), UTC)
            listed = listed.filter(Q(start_time__gt=start) | Q(start_time=start, pk__gt=after[1]))
        page = list(listed[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        last = shown[-1] if len(page) > len(shown) else None
        return answer(
            {
                "time_off": [_write(one, self.caller, self.caller.time_zone) for one in shown],
                "next_cursor": write_cursor(int(last.start_time.timestamp()), last.pk) if last else None,
            }
        )

    @answers(
        TimeOffOut,
        HTTPStatus.CREATED,
        refusals=NOT_FOUND | REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
        headers=("Location",),
    )
    def post(self, parsed_path: At[UserPath], parsed_body: Body[NewTimeOff]) -> HttpResponse:
        """Take time off; booked appointments stay as they are."""
        return once(self.request, self.caller, lambda: self._create(parsed_path.user_id, parsed_body))

    def _create(self, user_id: int, body: NewTimeOff) -> HttpResponse:
        caller, member = self.caller, changeable_member(self.caller, user_id)
        times = TimeReader(zone_of(caller, body.time_zone))
        start, end = times.instant("start", body.start), times.instant("end", body.end)
        times.check()
        time_off = add_time_off(member, Absence(start, end, body.reason or ""), caller.actor, now())
        headers = {"Location": f"/api/users/{member.user_id}/time-off/{time_off.pk}"}
        return answer(_write(time_off, caller, times.zone), HTTPStatus.CREATED, headers)


class OneTimeOff(JsonEndpoint):
    """One stretch of time off."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {
        "GET": Permission.BUSINESS_READ,
        "PUT": Permission.HOURS_WRITE,
        "DELETE": Permission.HOURS_WRITE,
    }

    @answers(TimeOffOut, refusals=NOT_FOUND)
    def get(self, parsed_path: At[TimeOffPath]) -> HttpResponse:
        """Read one stretch of time off."""
        return answer(_write(_found(self.caller, parsed_path), self.caller, self.caller.time_zone))

    @answers(TimeOffOut, refusals=NOT_FOUND)
    def put(self, parsed_path: At[TimeOffPath], parsed_body: Body[TimeOffChanges]) -> HttpResponse:
        """Change the fields sent; those left out stay, null clears."""
        caller, body = self.caller, parsed_body
        member = changeable_member(caller, parsed_path.user_id)
        stored = absence_of(_found(caller, parsed_path))
        times = TimeReader(zone_of(caller, body.time_zone))
        absence = Absence(
            start=stored.start if body.start is UNSET else times.instant("start", body.start),
            end=stored.end if body.end is UNSET else times.instant("end", body.end),
            reason=stored.reason if body.reason is UNSET else body.reason or "",
        )
        times.check()
        changed = change_time_off(member, known_id(parsed_path.time_off_id), absence, caller.actor)
        return answer(_write(changed, caller, times.zone))

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[TimeOffPath]) -> HttpResponse:
        """Take a stretch of time off back."""
        member = changeable_member(self.caller, parsed_path.user_id)
        remove_time_off(member, known_id(parsed_path.time_off_id), self.caller.actor)
        return answer_nothing()


_LAST_SECOND = 2**33  # in the year 2242


def _found(caller: Caller, path: TimeOffPath) -> TimeOff:
    user_id = found_membership(caller, path.user_id).user_id
    time_off = TimeOff.objects.filter(user_id=user_id, pk=known_id(path.time_off_id)).first()
    if time_off is None:
        raise not_found()
    return time_off


def _write(time_off: TimeOff, caller: Caller, zone: str) -> dict[str, Any]:
    form, absence = TimeForm.with_offset(zone), absence_of(time_off)
    return {
        "id": time_off.pk,
        "user_id": time_off.user_id,
        "start": form.write(absence.start),
        "end": form.write(absence.end),
        "reason": (absence.reason or None) if may_see_reasons(caller, time_off.user_id) else None,
    }
