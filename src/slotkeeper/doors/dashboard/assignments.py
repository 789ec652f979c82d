"""The page that gives one appointment to somebody else, or moves it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.rows import AppointmentRow, find
from slotkeeper.doors.access import permit
from slotkeeper.doors.asking_live import ask_before_change
from slotkeeper.doors.dashboard.appointment_form import initial_of
from slotkeeper.doors.dashboard.appointments import found, known, warn_of, with_alternative
from slotkeeper.doors.dashboard.asking import caller_of, now, show, writable
from slotkeeper.doors.dashboard.handover_form import HandoverForm
from slotkeeper.doors.dashboard.refusals import REFUSED, Asked, Refusal, refusal_of
from slotkeeper.people.callers import Caller
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.permissions import Permission


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def assign(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Give an appointment to somebody, or move it."""
    caller = caller_of(request)
    row = found(find(writable(caller), known(appointment_id)))
    if Status(row.status) in TERMINAL:
        return redirect("appointment", row.id)
    initial = initial_of(row, caller)
    if request.method != "POST":
        return _form_page(request, HandoverForm(caller, row, initial=initial | {"version": row.version}))
    form = HandoverForm(caller, row, with_alternative(request.POST), initial=initial)
    if not form.is_valid():
        return _form_page(request, form)
    wanted = form.wanted()
    ask_before_change(writable(caller), row.id, wanted)
    versions = frozenset({form.cleaned_data["version"] or 0})
    may_assign = caller.may(Permission.APPOINTMENTS_ASSIGN)
    try:
        target = Target(writable(caller), row.id, versions, may_assign=may_assign)
        changed = actions.update(target, wanted, caller.actor, now())
    except actions.VersionConflict as error:
        fresh = HandoverForm(caller, error.current, initial=_kept(form, error.current))
        sentence = gettext("Somebody has just changed this appointment. You see it now as it is.")
        return _form_page(request, fresh, Refusal(sentence))
    except REFUSED as error:
        return _form_page(request, form, refusal_of(error, caller, _asked(row, wanted), now()))
    messages.success(request, gettext("Saved."))
    if wanted:
        warn_of(request, changed)
    return redirect(f"{reverse('day')}?date={_day_of(changed, caller)}")


def _form_page(request: HttpRequest, form: HandoverForm, refusal: Refusal | None = None) -> HttpResponse:
    assert form.row is not None
    caller = caller_of(request)
    context = {
        "form": form,
        "row": form.row,
        "refusal": refusal,
        "zone": caller.time_zone,
        "day": _day_of(form.row, caller),
    }
    return show(request, "dashboard/assign.html", context, 409 if refusal else 200)


def _kept(form: HandoverForm, current: AppointmentRow) -> dict[str, Any]:
    """Keep what was typed, over the row as it is now; sending it again is then meant."""
    typed = {name: form.cleaned_data[name] for name in ("start", "user_id") if name in form.cleaned_data}
    return initial_of(current, form.caller) | typed | {"version": current.version}


def _asked(row: AppointmentRow, wanted: dict[str, Any]) -> Asked:
    stored = Appointment.objects.get(pk=row.id)
    buffers = (stored.start_time - stored.blocked_from).seconds, (stored.blocked_until - stored.end_time).seconds
    at = row._asdict() | wanted
    return Asked(at["user_id"], Interval(at["start_time"], at["end_time"]), buffers, row.id)


def _day_of(row: AppointmentRow, caller: Caller) -> str:
    return local_day(caller.time_zone, row.start_time).isoformat()
