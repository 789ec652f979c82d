"""Closures of the business and public-holiday calendars over HTTP."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import Meta

from slotkeeper.appointments.closed_days import read_booked_on
from slotkeeper.appointments.hours_impact import MAX_APPOINTMENTS
from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.rows import find_several
from slotkeeper.doors.api.appointment_forms import write_appointment
from slotkeeper.doors.api.appointments import REPEATED, NoFields, now
from slotkeeper.doors.api.base import (
    NOT_FOUND,
    At,
    Body,
    JsonEndpoint,
    OptionalBody,
    Query,
    answer,
    answer_nothing,
    answers,
)
from slotkeeper.doors.api.hours_forms import Impact
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import Name, PageQuery
from slotkeeper.doors.api.times import read_day
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.closures import (
    add_closure,
    close_on_holidays,
    holiday_calendars,
    open_on_holidays,
    remove_closure,
)
from slotkeeper.offerings.models import Closure
from slotkeeper.people.models import Business
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

Day = Annotated[str, Meta(max_length=32, description="A date.", examples=["2026-12-24"])]


class NewClosure(msgspec.Struct, forbid_unknown_fields=True):
    """What closing the business on a date takes."""

    date: Day
    name: Name


class ProposedClosure(msgspec.Struct, forbid_unknown_fields=True):
    """A date on which the business would be closed."""

    date: Day


class ClosureOut(msgspec.Struct):
    """A date on which the business is closed; `holiday_calendar` says where it came from, null for by hand."""

    id: int
    date: str
    name: str
    holiday_calendar: str | None


class ClosureList(msgspec.Struct):
    """A page of closures, by date."""

    closures: list[ClosureOut]
    next_cursor: str | None


class ClosurePath(msgspec.Struct):
    """Where a closure is."""

    closure_id: int


class Subdivision(msgspec.Struct):
    """The public holidays of a part of a country."""

    code: str
    name: str
    is_closed: bool


class Country(msgspec.Struct):
    """The public holidays of a country; `is_closed` says whether the business closes on them."""

    code: str
    name: str
    is_closed: bool
    subdivisions: list[Subdivision]


class HolidayCalendarList(msgspec.Struct):
    """All the calendars there are, by country."""

    calendars: list[Country]


class ClosedCalendar(msgspec.Struct):
    """A calendar and the closures that come from it."""

    code: str
    closures: list[ClosureOut]


class CalendarPath(msgspec.Struct):
    """Which calendar: a country such as DE, or a part of one such as DE-BE."""

    code: str


class Closures(JsonEndpoint):
    """The dates on which the whole business is closed."""

    permissions = {"GET": Permission.BUSINESS_READ, "POST": Permission.CLOSURES_WRITE}

    @answers(ClosureList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List closures, by date."""
        closures = Closure.objects.filter(business_id=self.caller.business_id).order_by("date")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            closures = closures.filter(date__gt=date.fromordinal(min(max(after[0], 1), date.max.toordinal())))
        page = list(closures[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].date.toordinal()) if len(page) > len(shown) else None
        return answer({"closures": [_write(closure) for closure in shown], "next_cursor": cursor})

    @answers(
        ClosureOut,
        HTTPStatus.CREATED,
        refusals=REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
    )
    def post(self, parsed_body: Body[NewClosure]) -> HttpResponse:
        """Close the business on a date; a member's own override of that date goes before it."""
        return once(self.request, self.caller, lambda: self._create(parsed_body))

    def _create(self, body: NewClosure) -> HttpResponse:
        day = read_day("date", body.date)
        closure = add_closure(self.caller.business_id, day, body.name, self.caller.actor)
        return answer(_write(closure), HTTPStatus.CREATED)


class OneClosure(JsonEndpoint):
    """One closure."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {"DELETE": Permission.CLOSURES_WRITE}

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def delete(self, parsed_path: At[ClosurePath]) -> HttpResponse:
        """Open the business on that date again."""
        remove_closure(self.caller.business_id, known_id(parsed_path.closure_id), self.caller.actor)
        return answer_nothing()


class ClosureImpact(JsonEndpoint):
    """What a closure would mean."""

    permissions = {"POST": Permission.CLOSURES_WRITE}

    @answers(Impact)
    def post(self, parsed_body: Body[ProposedClosure]) -> HttpResponse:
        """List the appointments to come, of those within reach, on a date that would be closed; nothing is changed."""
        caller, day = self.caller, read_day("date", parsed_body.date)
        business = Business.objects.get(pk=caller.business_id)
        reach, form = reach_of(caller, Permission.APPOINTMENTS_READ_ALL), TimeForm.with_offset(caller.time_zone)
        ids = [one.pk for one in read_booked_on(business, [day], reach, now(), MAX_APPOINTMENTS)]
        booked = find_several(reach, ids)
        return answer({"appointments": [write_appointment(row, form, caller) for row in booked]})


class HolidayCalendars(JsonEndpoint):
    """The public-holiday calendars."""

    permissions = {"GET": Permission.BUSINESS_READ}

    @answers(HolidayCalendarList)
    def get(self) -> HttpResponse:
        """List the calendars of all countries and their parts, with those the business closes on."""
        closures = Closure.objects.filter(business_id=self.caller.business_id).exclude(holiday_calendar="")
        closed = set(closures.values_list("holiday_calendar", flat=True))
        countries: dict[str, dict[str, Any]] = {}
        for calendar in holiday_calendars():
            written = {"code": calendar.code, "name": calendar.name, "is_closed": calendar.code in closed}
            if calendar.subdivision is None:
                countries[calendar.country] = written | {"subdivisions": []}
            else:
                countries[calendar.country]["subdivisions"].append(written)
        return answer({"calendars": list(countries.values())})


class CloseOnHolidays(JsonEndpoint):
    """Closing on public holidays."""

    permissions = {"POST": Permission.CLOSURES_WRITE}

    @answers(ClosedCalendar, refusals=NOT_FOUND)
    def post(self, parsed_path: At[CalendarPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Close on a calendar's holidays of this year and the next two; a second time adds what is missing."""
        del parsed_body
        closures = close_on_holidays(self.caller.business_id, parsed_path.code, self.caller.actor, now())
        return answer({"code": parsed_path.code, "closures": [_write(closure) for closure in closures]})


class OpenOnHolidays(JsonEndpoint):
    """Opening on public holidays again."""

    permissions = {"POST": Permission.CLOSURES_WRITE}

    @answers(ClosedCalendar, refusals=NOT_FOUND)
    def post(self, parsed_path: At[CalendarPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Take a calendar's closures back."""
        del parsed_body
        open_on_holidays(self.caller.business_id, parsed_path.code, self.caller.actor, now())
        return answer({"code": parsed_path.code, "closures": []})


def _write(closure: Closure) -> dict[str, Any]:
    return {
        "id": closure.pk,
        "date": closure.date.isoformat(),
        "name": closure.name,
        "holiday_calendar": closure.holiday_calendar or None,
    }
