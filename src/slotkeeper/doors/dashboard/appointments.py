"""The pages of one appointment: book, look at, change or move, set the status."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import SeriesPlace
from slotkeeper.appointments.rows import AppointmentRow, find
from slotkeeper.appointments.warnings import read_warnings
from slotkeeper.doors.access import permit
from slotkeeper.doors.asking_live import ask_before_booking, ask_before_change
from slotkeeper.doors.dashboard.appointment_form import USUAL_MINUTES, AppointmentForm, initial_of
from slotkeeper.doors.dashboard.asking import (
    LARGEST_ID,
    caller_of,
    number_from,
    people_of,
    readable,
    refuse_control_characters,
    show,
    writable,
)
from slotkeeper.doors.dashboard.calendar import status_names
from slotkeeper.doors.dashboard.calendar_links import links_of
from slotkeeper.doors.dashboard.history import history_of
from slotkeeper.doors.dashboard.message_lines import of_appointment
from slotkeeper.doors.dashboard.money_about import money_of_appointment
from slotkeeper.doors.dashboard.refusals import REFUSED, Asked, Refusal, refusal_of
from slotkeeper.doors.disclosure import customers_of
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.offerings.models import Resource, Service
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import User
from slotkeeper.rules.appointment_status import TERMINAL, TRANSITIONS, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import HOUR_SECONDS, InvalidTime, TimeForm, parse_time
from slotkeeper.rules.permissions import Permission

TIMES_LENGTH = len("2026-01-15T10:00:00+01:00")


class StatusForm(forms.Form):
    """Where an appointment shall go, and why."""

    status = forms.ChoiceField(choices=[(status.value, status.value) for status in Status])
    reason = forms.CharField(max_length=2000, required=False, validators=[refuse_control_characters])
    version = forms.IntegerField(min_value=1, max_value=LARGEST_ID)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How the form stands after a verb refused: why, and the row as it is now."""

    refusal: Refusal | None = None
    current: AppointmentRow | None = None


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Book an appointment; `?start=&minutes=&user_id=&contact_id=` fill the form."""
    caller = caller_of(request)
    if request.method != "POST":
        form = AppointmentForm(caller, None, initial=_initial(request.GET, caller))
        return _form_page(request, form)
    form = AppointmentForm(caller, None, with_alternative(request.POST))
    if not form.is_valid():
        return _form_page(request, form)
    wanted = {"user_id": caller.user_id} | form.wanted()
    ask_before_booking(caller, wanted["user_id"])
    try:
        writable(caller).require(wanted["user_id"], wanted.get("service_id"))
        row = actions.book(Booking(business_id=caller.business_id, **wanted), caller.actor, _now())
    except REFUSED as error:
        return _form_page(request, form, _Outcome(refusal_of(error, caller, _asked(form, wanted), _now())))
    messages.success(request, gettext("Booked."))
    warn_of(request, row)
    return redirect("appointment", row.id)


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def edit(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Change an appointment, or move it: all that dragging does, by keyboard."""
    caller = caller_of(request)
    row = found(find(writable(caller), known(appointment_id)))
    initial = initial_of(row, caller)
    if request.method != "POST":
        return _form_page(request, AppointmentForm(caller, row, initial=initial | {"version": row.version}))
    form = AppointmentForm(caller, row, with_alternative(request.POST), initial=initial)
    if not form.is_valid():
        return _form_page(request, form)
    wanted = form.wanted()
    version = form.cleaned_data["version"] or 0
    ask_before_change(writable(caller), row.id, wanted)
    try:
        may_assign = caller.may(Permission.APPOINTMENTS_ASSIGN)
        target = Target(writable(caller), row.id, frozenset({version}), may_assign=may_assign)
        changed = actions.update(target, wanted, caller.actor, _now())
    except actions.VersionConflict as error:
        return _form_page(request, _refreshed(form, request.POST, error.current), _Outcome(current=error.current))
    except REFUSED as error:
        asked = _asked(form, row._asdict() | wanted)
        return _form_page(request, form, _Outcome(refusal_of(error, caller, asked, _now())))
    messages.success(request, gettext("Saved."))
    if wanted.keys() & {"start_time", "end_time", "user_id", "service_id"}:
        warn_of(request, changed)
    return redirect("appointment", row.id)


@permit(Permission.APPOINTMENTS_WRITE)
def set_status(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Confirm, complete, cancel, or note that the customer did not come."""
    caller = caller_of(request)
    form = StatusForm(request.POST)
    if request.method == "POST":
        found(find(writable(caller), known(appointment_id)))
        if not form.is_valid():
            messages.error(request, gettext("That did not work. Please try again."))
            return redirect("appointment", appointment_id)
        data = form.cleaned_data
        target = Target(writable(caller), appointment_id, frozenset({data["version"]}))
        fields = {"status": Status(data["status"])}
        try:
            actions.update(target, fields, caller.actor, _now(), data["reason"] or None)
        except actions.VersionConflict:
            messages.warning(request, gettext("Somebody has just changed this appointment. You see it now as it is."))
        except REFUSED as error:
            messages.error(request, str(error))
    return redirect("appointment", appointment_id)


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def page(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Show an appointment with what may be done, and its history."""
    caller = caller_of(request)
    row = found(find(readable(caller), known(appointment_id)))
    status, reach = Status(row.status), writable(caller)
    may_write = caller.may(Permission.APPOINTMENTS_WRITE) and reach.covers(row.user_id, row.service_id)
    start, end = (datetime.fromtimestamp(instant, UTC) for instant in (row.start_time, row.end_time))
    starts, ends = TimeForm.with_offset(caller.time_zone).write_all((row.start_time, row.end_time))
    context = {
        "row": row,
        "start": start,
        "end": end,
        "is_one_day": starts[:10] == ends[:10],
        "minutes": (row.end_time - row.start_time) // 60,
        "is_in_series": SeriesPlace.objects.filter(appointment_id=row.id).exists(),
        "day": starts[:10],
        "person": User.objects.filter(pk=row.user_id).first(),
        "service": Service.objects.in_business(caller.business_id).filter(pk=row.service_id or 0).first(),
        "contact": customers_of(caller).filter(pk=row.contact_id or 0).first(),
        "may_see_details": caller.may(Permission.CONTACTS_READ_DETAILS),
        "may_write": may_write,
        "is_final": status in TERMINAL,
        "has_resources": Resource.objects.filter(business_id=caller.business_id, is_active=True).exists(),
        "calendars": links_of(row, caller),
        "moves": {one.value: may_write for one in TRANSITIONS[status]},
        "history": history_of(caller, row.id, status_names(), people_of(caller.business_id)),
        "zone": caller.time_zone,
        "about": of_appointment(row, caller),
        "money": money_of_appointment(row, caller),
    }
    return show(request, "dashboard/appointment.html", context)


def _form_page(request: HttpRequest, form: AppointmentForm, outcome: _Outcome | None = None) -> HttpResponse:
    caller, row = caller_of(request), form.row
    outcome = outcome or _Outcome()
    contact_id = form["contact_id"].value()
    context = {
        "form": form,
        "row": row,
        "action": reverse("appointment_edit", args=[row.id]) if row else reverse("appointment_new"),
        "refusal": outcome.refusal,
        "current": outcome.current,
        "contact": customers_of(caller).filter(pk=number_from(str(contact_id)) or 0).first(),
        "zone": caller.time_zone,
    }
    is_refused = outcome.refusal or outcome.current
    return show(request, "dashboard/appointment_form.html", context, 409 if is_refused else 200)


def warn_of(request: HttpRequest, row: AppointmentRow) -> None:
    """Say which rules the stored time goes past; they bind customers only."""
    for reason in read_warnings(row, caller_of(request).business_id, _now()):
        messages.warning(request, str(SENTENCES[reason]))


def _asked(form: AppointmentForm, wanted: dict[str, Any]) -> Asked:
    service = form.services.get(wanted.get("service_id") or 0)
    buffers = (service.buffer_before_minutes * 60, service.buffer_after_minutes * 60) if service else (0, 0)
    time_wanted = Interval(wanted["start_time"], wanted["end_time"])
    return Asked(wanted["user_id"], time_wanted, buffers, form.row.id if form.row else None)


def _refreshed(form: AppointmentForm, sent: QueryDict, current: AppointmentRow) -> AppointmentForm:
    """Keep what was typed, over the row as it is now; sending it again is then meant."""
    data = sent.copy()
    data["version"] = str(current.version)
    fresh = AppointmentForm(form.caller, current, data, initial=initial_of(current, form.caller))
    fresh.is_valid()
    return fresh


def with_alternative(data: QueryDict) -> QueryDict:
    """Take the start that one of the suggested times offers, where its button was pressed."""
    chosen = data.get("alternative", "")
    if not chosen or len(chosen) > TIMES_LENGTH:
        return data
    data = data.copy()
    data["start"] = chosen[:19]
    data["offset"] = chosen[19:]
    return data


def _initial(query: QueryDict, caller: Caller) -> dict[str, Any]:
    contact = customers_of(caller).filter(pk=number_from(query.get("contact_id")) or 0).first()
    initial: dict[str, Any] = {
        "start": _start(query.get("start", ""), caller),
        "minutes": number_from(query.get("minutes")),
        "user_id": number_from(query.get("user_id")) or caller.user_id,
    }
    if not Service.objects.in_business(caller.business_id).filter(is_active=True).exists():
        initial["minutes"] = initial["minutes"] or USUAL_MINUTES
    if contact:
        initial |= {
            "contact_id": contact.pk,
            "contact_name": contact.name,
            "contact_email": contact.email,
            "contact_phone": contact.phone,
        }
    return initial


def _start(text: str, caller: Caller) -> str:
    """Take the start that was asked for, else the next full hour."""
    try:
        read = parse_time(text)
    except InvalidTime:
        pass
    else:
        if not read.is_date:
            return text[:16].replace(" ", "T")
    hour = (_now() // HOUR_SECONDS + 1) * HOUR_SECONDS
    return TimeForm.with_offset(caller.time_zone).write(hour)[:16]


def found(row: AppointmentRow | None) -> AppointmentRow:
    """Answer 404 where there is none."""
    if row is None:
        raise Http404
    return row


def known(number: int) -> int:
    """Make an id beyond 64 bits simply an unknown one."""
    return number if number <= LARGEST_ID else 0


def _now() -> int:
    return int(time.time())
