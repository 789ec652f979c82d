"""Giving away all that somebody has on a day: first shown, then done as it was shown, and taken back at one press."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments import assignment
from slotkeeper.appointments.actions import UnknownAppointment
from slotkeeper.appointments.assignment import Absence, Gift, Handover, Manner, Obstacle, Outcome, Stuck
from slotkeeper.appointments.free_busy import UnknownMember
from slotkeeper.appointments.reach import OutOfReach
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.appointments.warnings import read_warnings
from slotkeeper.calendars.live import ask_live
from slotkeeper.doors.access import permit
from slotkeeper.doors.assignment_words import OBSTACLES
from slotkeeper.doors.dashboard.asking import caller_of, now, number_from, people_for, show, writable
from slotkeeper.doors.dashboard.home import asked_day
from slotkeeper.doors.dashboard.refusals import busy_in_words
from slotkeeper.doors.disclosure import disclosed
from slotkeeper.doors.ids import known_id
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import User
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import day_bounds, local_day
from slotkeeper.rules.permissions import Permission

_UNDO = "reassigned"
_GIFT = re.compile(r"(\d{1,19}):(\d{1,9}):(\d{1,19})")
_SENTENCES: dict[type[Exception], Promise] = {
    UnknownAppointment: _("There is no such appointment."),
    UnknownMember: _("This person does not work here any more."),
    OutOfReach: _("Your role may not give an appointment to that person, or for that service."),
    assignment.TooManyAtOnce: _("There are more than 200 appointments on that day; give them away in parts."),
}
_REFUSED = (UnknownAppointment, UnknownMember, OutOfReach, assignment.TooManyAtOnce)


class ReassignForm(forms.Form):
    """Whose day it is, and to whom it goes."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    from_user_id = forms.TypedChoiceField(label=_("Whose appointments"), coerce=int)
    to_user_ids = forms.TypedMultipleChoiceField(
        label=_("To whom"), coerce=int, widget=forms.CheckboxSelectMultiple,
        help_text=_("Among several they are shared out: each goes to whoever is free and was given least."),
    )  # fmt: skip
    over_time_off = forms.BooleanField(label=_("Also over time off and events in calendars"), required=False)

    def __init__(self, caller: Caller, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        people = people_for(caller, Permission.APPOINTMENTS_ASSIGN)
        to: Any = self.fields["to_user_ids"]
        whose: Any = self.fields["from_user_id"]
        to.choices = list(people.items())
        own = people_for(caller, Permission.APPOINTMENTS_WRITE_ALL)
        whose.choices = [*own.items(), *_gone(caller, people)]
        if not caller.may(Permission.APPOINTMENTS_OVERRIDE):
            del self.fields["over_time_off"]

    def clean_day(self) -> date:
        """Keep to the years that the calendar shows."""
        day: date = self.cleaned_data["day"]
        if asked_day(day.isoformat()) is None:
            raise forms.ValidationError(_("Write a date of the years 1971 to 2199."))
        return day

    def clean(self) -> dict[str, Any]:
        """Refuse to give appointments to whoever has them."""
        data = self.cleaned_data
        if data.get("from_user_id") in data.get("to_user_ids", []):
            self.add_error("to_user_ids", _("Choose somebody else than the person who has them."))
        return data


@dataclass(frozen=True, slots=True)
class Line:
    """An appointment in a preview: who would take it with which hints, or why nobody can."""

    row: AppointmentRow
    start: datetime
    end: datetime
    to: str = ""
    hints: tuple[str | Promise, ...] = ()


@permit(Permission.APPOINTMENTS_ASSIGN)
@never_cache
def reassign(request: HttpRequest) -> HttpResponse:
    """Show who would take what of a day, and do it when that is confirmed."""
    caller = caller_of(request)
    if request.method != "POST":
        return _page(request, ReassignForm(caller, initial=_initial(request, caller)))
    form = ReassignForm(caller, request.POST)
    if not form.is_valid():
        return _page(request, form)
    if "plan" in request.POST:
        return _confirmed(request, form)
    return _preview(request, form)


@permit(Permission.APPOINTMENTS_ASSIGN)
def undo(request: HttpRequest) -> HttpResponse:
    """Give back what was given away last, where it was not changed since."""
    kept = request.session.get(_UNDO)
    if request.method != "POST" or not kept:
        return redirect("day")
    caller = caller_of(request)
    gifts = [Gift(*gift) for gift in kept["gifts"]]
    manner = Manner(may_overlap_time_off=caller.may(Permission.APPOINTMENTS_OVERRIDE))
    try:
        assignment.hand_over(writable(caller), gifts, manner, caller.actor, now())
    except (*_REFUSED, assignment.NotAllMovable):
        messages.warning(
            request, gettext("Meanwhile something has changed, so it cannot be undone. Nothing was changed.")
        )
    else:
        messages.success(request, gettext("All are with whom they were."))
    del request.session[_UNDO]
    return redirect(f"{reverse('day')}?date={kept['date']}")


def undo_for(request: HttpRequest, day: date) -> int:
    """Say how many appointments of a day could be given back; 0 for none."""
    kept = request.session.get(_UNDO)
    return len(kept["gifts"]) if kept and kept["date"] == day.isoformat() else 0


def _initial(request: HttpRequest, caller: Caller) -> dict[str, Any]:
    day = asked_day(request.GET.get("date", "")) or local_day(caller.time_zone, now())
    return {"day": day, "from_user_id": number_from(request.GET.get("user_id")) or caller.user_id}


def _gone(caller: Caller, people: dict[int, str]) -> list[tuple[int, str]]:
    """List those who have left: what they had is to be given to others."""
    members = User.objects.filter(memberships__business_id=caller.business_id).exclude(pk__in=people)
    within = writable(caller).user_ids
    left = [user for user in members.order_by("pk") if within is None or user.pk in within]
    return [(user.pk, gettext("%(name)s (has left)") % {"name": user}) for user in left]


def _preview(request: HttpRequest, form: ReassignForm, warning: str = "") -> HttpResponse:
    caller, data = caller_of(request), form.cleaned_data
    day = data["day"]
    within = day_bounds(caller.time_zone, day.year, day.month, day.day)
    absence = Absence(writable(caller), data["from_user_id"], tuple(data["to_user_ids"]), within)
    ask_live(absence.to_user_ids, caller.business_id)
    manner = Manner(is_partial=True, may_overlap_time_off=data.get("over_time_off", False), is_preview=True)
    try:
        outcome = assignment.reassign(absence, manner, caller.actor, now())
    except _REFUSED as error:
        form.add_error(None, str(_SENTENCES[type(error)]))
        return _page(request, form)
    return _page(request, form, outcome, warning)


def _confirmed(request: HttpRequest, form: ReassignForm) -> HttpResponse:
    """Do exactly what was shown; where that is no longer possible, show what would be."""
    caller, data = caller_of(request), form.cleaned_data
    gifts = _read_plan(request.POST["plan"])
    manner = Manner(may_overlap_time_off=data.get("over_time_off", False))
    try:
        outcome = assignment.hand_over(writable(caller), gifts, manner, caller.actor, now())
    except (*_REFUSED, assignment.NotAllMovable):
        return _preview(
            request, form, gettext("Meanwhile something has changed. Nothing was changed; it would now be so:")
        )
    if outcome.moved:
        back = [[one.row.id, one.row.version, one.from_user_id] for one in outcome.moved]
        request.session[_UNDO] = {"date": data["day"].isoformat(), "gifts": back}
    else:
        messages.info(request, gettext("There is nothing to give away on this day."))
    return redirect(f"{reverse('day')}?date={data['day']}")


def _read_plan(text: str) -> list[Gift]:
    found = _GIFT.findall(text[: 64 * assignment.MOST_AT_ONCE])
    return [Gift(known_id(int(one)), int(version), known_id(int(to))) for one, version, to in found]


def _write_plan(moved: Sequence[Handover]) -> str:
    """Write what a preview shows: each appointment at the version it has, and who would take it."""
    return ",".join(f"{one.row.id}:{one.row.version - 1}:{one.row.user_id}" for one in moved)


def _page(request: HttpRequest, form: ReassignForm, outcome: Outcome | None = None, warning: str = "") -> HttpResponse:
    caller = caller_of(request)
    people = people_for(caller, Permission.APPOINTMENTS_ASSIGN)
    context: dict[str, Any] = {"form": form, "outcome": outcome, "warning": warning, "day": form["day"].value()}
    if outcome:
        context |= {
            "moved": [_moved_line(one, caller, people) for one in outcome.moved],
            "stuck": [_stuck_line(one, caller, people) for one in outcome.stuck],
            "plan": _write_plan(outcome.moved),
        }
    return show(request, "dashboard/reassign.html", context)


def _moved_line(one: Handover, caller: Caller, people: dict[int, str]) -> Line:
    hints = tuple(SENTENCES[reason] for reason in read_warnings(one.row, caller.business_id, now()))
    return _line(one.row, people.get(one.row.user_id, ""), hints)


def _stuck_line(one: Stuck, caller: Caller, people: dict[int, str]) -> Line:
    return _line(one.row, "", tuple(_why(obstacle, caller, people) for obstacle in one.obstacles))


def _line(row: AppointmentRow, to: str, hints: tuple[str | Promise, ...]) -> Line:
    start, end = (datetime.fromtimestamp(instant, UTC) for instant in Interval(row.start_time, row.end_time))
    return Line(row, start, end, to, hints)


def _why(one: Obstacle, caller: Caller, people: dict[int, str]) -> str:
    """Say why a person cannot take it: `Alex: The person is not free. (Consultation)`."""
    conflicts = disclosed(one.conflicts, caller, one.user_id)
    about = ", ".join(dict.fromkeys(str(busy_in_words(entry)) for entry in conflicts))
    sentence = f"{people.get(one.user_id, '')}: {OBSTACLES[one.why]}"
    return f"{sentence} ({about})" if about else sentence
