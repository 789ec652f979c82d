"""Appointments that repeat, over HTTP: booked together, moved and canceled from one of them on."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments import series
from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.appointments.series import Repetition, SeriesRefused
from slotkeeper.doors.api.appointment_forms import (
    AppointmentOut,
    Conflict,
    NewAppointment,
    Refusal,
    Slot,
    Time,
    ZoneName,
    refusals,
    write_appointment,
    write_conflicts,
    write_slots,
)
from slotkeeper.doors.api.appointments import (
    CONFLICT,
    REPEATED,
    STALE,
    AppointmentPath,
    CancelReason,
    booking_of,
    now,
    person_of,
    target_of,
)
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, OptionalBody, answer, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.problems import ApiProblem, bad_field, not_found
from slotkeeper.doors.api.times import TimeReader, zone_of
from slotkeeper.doors.asking_live import ask_before_booking, ask_before_series_move
from slotkeeper.doors.disclosure import disclosed
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission


class NewSeries(NewAppointment, forbid_unknown_fields=True, kw_only=True):
    """What booking a series takes: its first appointment, every how many weeks, and how many times in all."""

    every_weeks: Annotated[int, Meta(ge=1, le=series.MOST_WEEKS)]
    times: Annotated[int, Meta(ge=2, le=series.MOST_TIMES)]


class SeriesMove(msgspec.Struct, forbid_unknown_fields=True):
    """Where this appointment goes; the later ones follow by as much on the wall clock."""

    start_time: Time
    end_time: Time
    time_zone: ZoneName | UnsetType = UNSET


class SeriesOut(msgspec.Struct):
    """The appointments of a series, by start."""

    appointments: list[AppointmentOut]


class RefusedDateOut(msgspec.Struct):
    """A date of a series that is not free, what is in its way, and the next free times."""

    number: int
    start: str
    end: str
    conflicts: list[Conflict]
    suggested_slots: list[Slot]


class SeriesRefusal(Refusal, frozen=True, omit_defaults=True):
    """A 409 of a series: every date that is not free. Nothing was stored."""

    refused: list[RefusedDateOut] | UnsetType = UNSET


class SeriesEndpoint(JsonEndpoint):
    """Booking a series."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(SeriesOut, HTTPStatus.CREATED, refusals=NOT_FOUND | CONFLICT | REPEATED, problem=SeriesRefusal)
    def post(self, parsed_body: Body[NewSeries]) -> HttpResponse:
        """Book every date of a series, or none: one that is not free is named with the next free times."""
        ask_before_booking(self.caller, person_of(parsed_body.user_id, self.caller))
        return once(self.request, self.caller, lambda: self._book(parsed_body))

    def _book(self, body: NewSeries) -> HttpResponse:
        caller, zone = self.caller, zone_of(self.caller, body.time_zone)
        booking = booking_of(body, caller, zone)
        first = Interval(booking.start_time, booking.end_time)
        dates = series.dates_of(first, Repetition(body.every_weeks, body.times, zone))
        form = TimeForm.with_offset(zone)
        with refusals(form, caller), _series_refusals(form, caller):
            rows = series.book_series(booking, dates, caller.actor, now(), allow_conflicts=body.allow_conflicts)
        return answer(_write(rows, form, caller), HTTPStatus.CREATED)


class OneSeries(JsonEndpoint):
    """The series of an appointment."""

    permissions = {"GET": Permission.APPOINTMENTS_READ}

    @answers(SeriesOut, refusals=NOT_FOUND)
    def get(self, parsed_path: At[AppointmentPath]) -> HttpResponse:
        """Read the series that an appointment belongs to."""
        reach = reach_of(self.caller, Permission.APPOINTMENTS_READ_ALL)
        rows = series.read_series(reach, parsed_path.appointment_id)
        if not any(row.id == parsed_path.appointment_id for row in rows):
            raise not_found()
        return answer(_write(rows, TimeForm.with_offset(self.caller.time_zone), self.caller))


class CancelSeries(JsonEndpoint):
    """Canceling from one of a series on."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(SeriesOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=SeriesRefusal)
    def post(self, parsed_path: At[AppointmentPath], parsed_body: OptionalBody[CancelReason]) -> HttpResponse:
        """Cancel an appointment and the later ones of its series."""
        caller = self.caller
        target = target_of(self.request, caller, parsed_path.appointment_id)
        form = TimeForm.with_offset(caller.time_zone)
        with refusals(form, caller, HTTPStatus.PRECONDITION_FAILED):
            rows = series.cancel_from_here(target, caller.actor, now(), parsed_body.reason)
        return answer(_write(rows, form, caller))


class MoveSeries(JsonEndpoint):
    """Moving from one of a series on."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(SeriesOut, refusals=NOT_FOUND | CONFLICT | STALE, problem=SeriesRefusal)
    def post(self, parsed_path: At[AppointmentPath], parsed_body: Body[SeriesMove]) -> HttpResponse:
        """Move an appointment and the later ones of its series, all or none."""
        caller, zone = self.caller, zone_of(self.caller, parsed_body.time_zone)
        times = TimeReader(zone)
        to = Interval(
            times.instant("start_time", parsed_body.start_time), times.instant("end_time", parsed_body.end_time)
        )
        times.check()
        if to.end <= to.start:
            raise bad_field("end_time", "END_BEFORE_START", "The end must come after the start.")
        target = target_of(self.request, caller, parsed_path.appointment_id)
        form = TimeForm.with_offset(zone)
        ask_before_series_move(target.reach, target.appointment_id)
        with (
            refusals(form, caller, HTTPStatus.PRECONDITION_FAILED),
            _series_refusals(form, caller),
        ):
            rows = series.move_from_here(target, to, zone, caller.actor, now())
        return answer(_write(rows, form, caller))


def _write(rows: list[AppointmentRow], form: TimeForm, caller: Caller) -> dict[str, object]:
    return {"appointments": [write_appointment(row, form, caller) for row in rows]}


@contextmanager
def _series_refusals(form: TimeForm, caller: Caller) -> Iterator[None]:
    """Turn the refusal of a series into an answer that names every date."""
    try:
        yield
    except SeriesRefused as error:
        refused = [
            RefusedDateOut(
                date.number,
                form.write(date.asked.start),
                form.write(date.asked.end),
                msgspec.convert(write_conflicts(disclosed(date.conflicts, caller, date.user_id), form), list[Conflict]),
                write_slots(date.alternatives, form),
            )
            for date in error.refused
        ]
        detail = "Some dates of the series are not free. Nothing was stored; each is listed with the next free times."
        raise ApiProblem(HTTPStatus.CONFLICT, "SLOT_TAKEN", detail, extra={"refused": refused}) from None
