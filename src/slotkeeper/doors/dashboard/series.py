"""The pages of appointments that repeat: book them together, cancel or move them from one of them on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments import actions, series
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.rows import AppointmentRow, find
from slotkeeper.appointments.series import MOST_TIMES, MOST_WEEKS, RefusedDate, Repetition, SeriesRefused
from slotkeeper.doors.access import permit
from slotkeeper.doors.asking_live import ask_before_booking, ask_before_series_move
from slotkeeper.doors.dashboard.appointment_form import AppointmentForm, initial_of
from slotkeeper.doors.dashboard.asking import caller_of, now, readable, refuse_control_characters, show, writable
from slotkeeper.doors.dashboard.refusals import REFUSED, Asked, Refusal, refusal_of
from slotkeeper.doors.ids import LARGEST_ID, known_id, number_from
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import InvalidTime, exact_instant, parse_time
from slotkeeper.rules.permissions import Permission

SKIPPED = "skip"


class RepeatForm(AppointmentForm):
    """An appointment, every how many weeks, and how many times in all."""

    field_order = ("title", "start", "offset", "minutes", "every_weeks", "times")
    every_weeks = forms.IntegerField(label=_("Every … weeks"), min_value=1, max_value=MOST_WEEKS, initial=1)
    times = forms.IntegerField(label=_("How many times in all"), min_value=2, max_value=MOST_TIMES, initial=6)


class FromHereForm(forms.Form):
    """Which later ones are meant: those of the version that was shown, and why."""

    reason = forms.CharField(max_length=2000, required=False, validators=[refuse_control_characters])
    version = forms.IntegerField(min_value=1, max_value=LARGEST_ID)


@dataclass(frozen=True, slots=True)
class RefusedOnPage:
    """A date that is not free: its number, when it was to be, why not, and what is free instead."""

    number: int
    asked: datetime
    refusal: Refusal


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def repeat(request: HttpRequest) -> HttpResponse:
    """Book an appointment on several dates, all or none; a date that is not free can be exchanged or left out."""
    caller = caller_of(request)
    if request.method != "POST":
        person = number_from(request.GET.get("user_id")) or caller.user_id
        initial = {"start": request.GET.get("start", "")[:16], "user_id": person}
        return _repeat_page(request, RepeatForm(caller, None, initial=initial))
    form = RepeatForm(caller, None, request.POST)
    if not form.is_valid():
        return _repeat_page(request, form)
    wanted = {"user_id": caller.user_id, "sync_to_calendar": True} | form.wanted()
    booking = Booking(business_id=caller.business_id, **wanted)
    exchanged = _exchanged(request, caller)
    dates = _dates(form, booking, exchanged, caller)
    if not dates:
        form.add_error("times", _("No date is left."))
        return _repeat_page(request, form)
    ask_before_booking(caller, booking.user_id)
    try:
        writable(caller).require(booking.user_id, booking.service_id)
        rows = series.book_series(booking, list(dates.values()), caller.actor, now())
    except SeriesRefused as error:
        numbers = list(dates)
        refused = [_refused(numbers[date.number - 1], date, caller, booking.user_id) for date in error.refused]
        kept = {number: text for number, text in exchanged.items() if number not in {one.number for one in refused}}
        return _repeat_page(request, form, refused, kept)
    except REFUSED as error:
        asked = Asked(booking.user_id, Interval(booking.start_time, booking.end_time))
        form.add_error(None, str(refusal_of(error, caller, asked, now()).sentence))
        return _repeat_page(request, form)
    messages.success(request, ngettext("%d appointment booked.", "%d appointments booked.", len(rows)) % len(rows))
    return redirect("series", rows[0].id)


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def page(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Show the series of an appointment, and what may be done from it on."""
    caller = caller_of(request)
    row, rows = _series(caller, appointment_id)
    return _series_page(request, row, rows)


@permit(Permission.APPOINTMENTS_WRITE)
def cancel(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Cancel an appointment and the later ones of its series."""
    caller, form = caller_of(request), FromHereForm(request.POST)
    if request.method == "POST" and form.is_valid():
        target = _target(caller, appointment_id, form.cleaned_data["version"])
        try:
            rows = series.cancel_from_here(target, caller.actor, now(), form.cleaned_data["reason"] or None)
        except actions.UnknownAppointment:
            raise Http404 from None
        except actions.VersionConflict:
            messages.warning(request, gettext("Somebody has just changed this appointment. You see it now as it is."))
        else:
            done = ngettext("%d appointment canceled.", "%d appointments canceled.", len(rows)) % len(rows)
            messages.success(request, done)
    return redirect("series", appointment_id)


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def move(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Move an appointment, and the later ones of its series by as much on the clock; all or none."""
    caller = caller_of(request)
    row, rows = _series(caller, appointment_id)
    if request.method != "POST":
        return redirect("series", appointment_id)
    form = _move_form(caller, row, request.POST)
    if not form.is_valid() or "start_time" not in form.cleaned_data:
        return _series_page(request, row, rows, form)
    data = form.cleaned_data
    target, to = _target(caller, row.id, data.get("version") or 0), Interval(data["start_time"], data["end_time"])
    ask_before_series_move(target.reach, row.id)
    try:
        moved = series.move_from_here(target, to, caller.time_zone, caller.actor, now())
    except SeriesRefused as error:
        refused = [_refused(date.number, date, caller, row.user_id) for date in error.refused]
        return _series_page(request, row, rows, form, refused)
    except actions.VersionConflict:
        messages.warning(request, gettext("Somebody has just changed this appointment. You see it now as it is."))
    except REFUSED as error:
        form.add_error(None, str(refusal_of(error, caller, Asked(row.user_id, to), now()).sentence))
        return _series_page(request, row, rows, form)
    else:
        done = ngettext("%d appointment moved.", "%d appointments moved.", len(moved)) % len(moved)
        messages.success(request, done)
    return redirect("series", appointment_id)


def _repeat_page(
    request: HttpRequest,
    form: RepeatForm,
    refused: Sequence[RefusedOnPage] = (),
    exchanged: dict[int, str] | None = None,
) -> HttpResponse:
    context = {"form": form, "refused": refused, "exchanged": exchanged or {}, "zone": caller_of(request).time_zone}
    return show(request, "dashboard/repeat.html", context, 409 if refused else 200)


def _series_page(
    request: HttpRequest,
    row: AppointmentRow,
    rows: Sequence[AppointmentRow],
    form: AppointmentForm | None = None,
    refused: Sequence[RefusedOnPage] = (),
) -> HttpResponse:
    caller = caller_of(request)
    reach = writable(caller)
    may_write = caller.may(Permission.APPOINTMENTS_WRITE) and reach.covers(row.user_id, row.service_id)
    form = form or _move_form(caller, row)
    context: dict[str, Any] = {
        "row": row,
        "rows": [(one, datetime.fromtimestamp(one.start_time, UTC)) for one in rows],
        "later": sum(1 for one in rows if one.start_time >= row.start_time),
        "may_write": may_write and "start" in form.fields,
        "form": form,
        "refused": refused,
        "zone": caller.time_zone,
    }
    return show(request, "dashboard/series.html", context, 409 if refused else 200)


def _series(caller: Caller, appointment_id: int) -> tuple[AppointmentRow, list[AppointmentRow]]:
    number = known_id(appointment_id)
    row = find(readable(caller), number)
    rows = series.read_series(readable(caller), number)
    if row is None or not rows:
        raise Http404
    return row, rows


def _move_form(caller: Caller, row: AppointmentRow, data: Any = None) -> AppointmentForm:
    """Ask for a new start and length; the rest of the appointment's form is of no concern here."""
    initial = initial_of(row, caller) | {"version": row.version}
    form = AppointmentForm(caller, row, data, initial=initial)
    for name in form.fields.keys() - {"start", "minutes", "offset", "version"}:
        del form.fields[name]
    return form


def _target(caller: Caller, appointment_id: int, version: int) -> Target:
    return Target(writable(caller), appointment_id, frozenset({version}))


def _exchanged(request: HttpRequest, caller: Caller) -> dict[int, str]:
    """Read what was chosen for dates that are not free: another start, or to leave the date out."""
    chosen = {}
    for number in range(1, MOST_TIMES + 1):
        text = request.POST.get(f"date-{number}", "")
        if text == SKIPPED or _start(text, caller) is not None:
            chosen[number] = text
    return chosen


def _start(text: str, caller: Caller) -> int | None:
    try:
        return exact_instant(parse_time(text), caller.time_zone)
    except (InvalidTime, ValueError):
        return None


def _dates(form: RepeatForm, booking: Booking, exchanged: dict[int, str], caller: Caller) -> dict[int, Interval]:
    """List the dates by their numbers, with those that were exchanged."""
    first = Interval(booking.start_time, booking.end_time)
    data = form.cleaned_data
    dates = {}
    for number, date in enumerate(
        series.dates_of(first, Repetition(data["every_weeks"], data["times"], caller.time_zone)), 1
    ):
        text = exchanged.get(number, "")
        if text != SKIPPED:
            start = _start(text, caller) or date.start
            dates[number] = Interval(start, start + date.end - date.start)
    return dates


def _refused(number: int, date: RefusedDate, caller: Caller, user_id: int) -> RefusedOnPage:
    error = actions.SlotTaken(date.user_id, date.conflicts, date.alternatives)
    refusal = refusal_of(error, caller, Asked(user_id, date.asked), now())
    return RefusedOnPage(number, datetime.fromtimestamp(date.asked.start, UTC), refusal)
