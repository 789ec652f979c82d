"""Opening hours over HTTP: the ordinary week, dates that differ, and what a change would mean."""

from datetime import date
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, UnsetType

from slotkeeper.appointments.hours_impact import HoursProposal, read_impact
from slotkeeper.appointments.reach import reach_of
from slotkeeper.doors.api.appointment_forms import Time, ZoneName, write_appointment
from slotkeeper.doors.api.appointments import now
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answer_nothing, answers
from slotkeeper.doors.api.closures import Day
from slotkeeper.doors.api.hours_forms import (
    ClockRange,
    Impact,
    Ranges,
    UserPath,
    Week,
    WeekChanges,
    changeable_member,
    fields_of_body,
    found_membership,
    read_ranges,
    read_weekdays,
    write_ranges,
    write_week,
)
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.api.problems import Problem, bad_field
from slotkeeper.doors.api.times import TimeReader, read_day, zone_of
from slotkeeper.doors.api.versions import STALE_VERSION, accepted_versions, answer_versioned, refusing_stale
from slotkeeper.offerings.hours import clear_override, read_week, set_override, set_weekly_hours
from slotkeeper.offerings.models import DateOverride
from slotkeeper.offerings.time_off import Absence, check_absence
from slotkeeper.people.models import Membership
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission


class HoursChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing opening hours takes."""

    weekly: WeekChanges
    version: int | UnsetType = UNSET


class HoursOut(msgspec.Struct):
    """A member's opening hours, by the wall clock of their own zone."""

    user_id: int
    time_zone: str
    weekly: Week
    version: int


class HoursRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the week as it is now."""

    current: HoursOut | UnsetType = UNSET


class OverrideFields(msgspec.Struct, forbid_unknown_fields=True):
    """The hours of one date; no ranges close it."""

    ranges: Ranges


class OverrideOut(msgspec.Struct):
    """A date whose hours differ from its weekday's."""

    date: str
    ranges: list[ClockRange]


class OverrideList(msgspec.Struct):
    """A page of dates that differ, by date."""

    overrides: list[OverrideOut]
    next_cursor: str | None


class OverridePath(msgspec.Struct):
    """Whose hours, on which date."""

    user_id: int
    date: str


class ProposedOverride(msgspec.Struct, forbid_unknown_fields=True):
    """The hours that a date would get; null would give it its weekday's again."""

    date: Day
    ranges: Ranges | None


class ProposedTimeOff(msgspec.Struct, forbid_unknown_fields=True):
    """Time off that would be taken."""

    start: Time
    end: Time


class Proposal(msgspec.Struct, forbid_unknown_fields=True):
    """A change that is only asked about: at least one of week, override and time off."""

    weekly: WeekChanges | UnsetType = UNSET
    override: ProposedOverride | UnsetType = UNSET
    time_off: ProposedTimeOff | UnsetType = UNSET
    time_zone: ZoneName | UnsetType = UNSET


class Hours(JsonEndpoint):
    """A member's ordinary week."""

    permissions = {"GET": Permission.BUSINESS_READ, "PUT": Permission.HOURS_WRITE}

    @answers(HoursOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[UserPath]) -> HttpResponse:
        """Read a member's opening hours."""
        return _answer_hours(found_membership(self.caller, parsed_path.user_id))

    @answers(HoursOut, refusals=NOT_FOUND | STALE_VERSION, problem=HoursRefusal, headers=("ETag",))
    def put(self, parsed_path: At[UserPath], parsed_body: Body[HoursChanges]) -> HttpResponse:
        """Replace the hours of the weekdays sent; those left out stay. Booked appointments stay as they are."""
        member = changeable_member(self.caller, parsed_path.user_id)
        versions = accepted_versions(self, parsed_body.version)
        with fields_of_body(), refusing_stale(self.request, _write_hours):
            set_weekly_hours(member, read_weekdays(parsed_body.weekly), self.caller.actor, versions)
        return _answer_hours(found_membership(self.caller, member.user_id))


class Overrides(JsonEndpoint):
    """The dates on which a member's hours differ."""

    permissions = {"GET": Permission.BUSINESS_READ}

    @answers(OverrideList, refusals=NOT_FOUND)
    def get(self, parsed_path: At[UserPath], parsed_query: Query[PageQuery]) -> HttpResponse:
        """List the dates on which a member's hours differ from the weekday's."""
        membership = found_membership(self.caller, parsed_path.user_id)
        overrides = DateOverride.objects.filter(membership=membership).order_by("date")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            overrides = overrides.filter(date__gt=date.fromordinal(min(max(after[0], 1), date.max.toordinal())))
        page = list(overrides[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].date.toordinal()) if len(page) > len(shown) else None
        return answer({"overrides": [_write_override(override) for override in shown], "next_cursor": cursor})


class OneOverride(JsonEndpoint):
    """One date on which a member's hours differ."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {"PUT": Permission.HOURS_WRITE, "DELETE": Permission.HOURS_WRITE}

    @answers(OverrideOut, refusals=NOT_FOUND)
    def put(self, parsed_path: At[OverridePath], parsed_body: Body[OverrideFields]) -> HttpResponse:
        """Give a date hours of its own; no ranges close it."""
        day = read_day("date", parsed_path.date)
        member = changeable_member(self.caller, parsed_path.user_id)
        return answer(_write_override(set_override(member, day, read_ranges(parsed_body.ranges), self.caller.actor)))

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[OverridePath]) -> HttpResponse:
        """Give a date its weekday's hours again."""
        day = read_day("date", parsed_path.date)
        clear_override(changeable_member(self.caller, parsed_path.user_id), day, self.caller.actor)
        return answer_nothing()


class HoursImpact(JsonEndpoint):
    """What a change of hours would mean."""

    permissions = {"POST": Permission.HOURS_WRITE}

    @answers(Impact, refusals=NOT_FOUND)
    def post(self, parsed_path: At[UserPath], parsed_body: Body[Proposal]) -> HttpResponse:
        """List the appointments to come, of those within reach, that a change leaves outside; nothing is changed."""
        caller, zone = self.caller, zone_of(self.caller, parsed_body.time_zone)
        member = changeable_member(caller, parsed_path.user_id)
        reach = reach_of(caller, Permission.APPOINTMENTS_READ_ALL)
        with fields_of_body():
            left = read_impact(member, _proposal(parsed_body, zone), reach, now())
        form = TimeForm.with_offset(zone)
        return answer({"appointments": [write_appointment(row, form, caller) for row in left]})


def _proposal(body: Proposal, zone: str) -> HoursProposal:
    if body.weekly is UNSET and body.override is UNSET and body.time_off is UNSET:
        raise bad_field("weekly", "MISSING_FIELDS", "Send weekly, override or time_off.")
    weekly, overrides, time_off = {}, {}, None
    if body.weekly is not UNSET:
        weekly = read_weekdays(body.weekly)
    if body.override is not UNSET:
        ranges = body.override.ranges
        day = read_day("override.date", body.override.date)
        overrides[day] = None if ranges is None else read_ranges(ranges)
    if body.time_off is not UNSET:
        times = TimeReader(zone)
        start = times.instant("time_off.start", body.time_off.start)
        end = times.instant("time_off.end", body.time_off.end)
        times.check()
        check_absence(Absence(start, end))
        time_off = Interval(start, end)
    return HoursProposal(weekly, overrides, time_off)


def _answer_hours(membership: Membership) -> HttpResponse:
    return answer_versioned(_write_hours(membership), membership.hours_version)


def _write_hours(membership: Membership) -> dict[str, Any]:
    return {
        "user_id": membership.user_id,
        "time_zone": membership.user.time_zone,
        "weekly": write_week(read_week(membership.pk)),
        "version": membership.hours_version,
    }


def _write_override(override: DateOverride) -> dict[str, Any]:
    return {"date": override.date.isoformat(), "ranges": write_ranges(override.ranges)}
