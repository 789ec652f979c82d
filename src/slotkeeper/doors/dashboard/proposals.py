"""What people did to our events in their own calendars, and what is to become of it."""

from contextlib import suppress
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments import actions, calendar_sync
from slotkeeper.appointments.actions import Target, UnknownAppointment
from slotkeeper.appointments.calendar_sync import UnknownProposal
from slotkeeper.appointments.models import Appointment
from slotkeeper.calendars.models import CalendarProposal
from slotkeeper.doors.access import permit
from slotkeeper.doors.asking_live import ask_before_accepting, ask_before_change
from slotkeeper.doors.dashboard.asking import caller_of, now, people_of, show, writable
from slotkeeper.doors.dashboard.refusals import REFUSED, Asked, Refusal, refusal_of
from slotkeeper.doors.disclosure import told_of_calendar
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import AmbiguousTime, InvalidTime, NonexistentTime, TimeForm, exact_instant, parse_time
from slotkeeper.rules.permissions import Permission

_LONGEST_TIME = len("2026-01-15T10:00:00+01:00")


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal as the page shows it: made in which calendar of the reader's, or by which other `person`."""

    proposal: CalendarProposal
    appointment: Appointment
    calendar: str
    person: str
    is_one_day: bool
    is_new_one_day: bool
    refusal: Refusal | None = None


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List what waits for a decision."""
    return _page(request)


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def decide(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """Accept a proposal, keep the appointment as it was, or move it to a time that is free instead."""
    if request.method != "POST":
        return redirect("proposals")
    caller, proposal_id = caller_of(request), known_id(proposal_id)
    try:
        if "keep" in request.POST:
            calendar_sync.dismiss(proposal_id, writable(caller), caller.actor, now())
            messages.success(request, gettext("It stays as it was, and is written into the calendar again."))
        elif "instead" in request.POST:
            _move(request, caller, proposal_id)
        else:
            ask_before_accepting(writable(caller), proposal_id)
            row = calendar_sync.accept(proposal_id, writable(caller), caller.actor, now())
            messages.success(request, gettext("“%(title)s” is changed.") % {"title": row.title})
    except (UnknownProposal, UnknownAppointment):
        messages.warning(request, gettext("This has been decided already."))
    except REFUSED as error:
        return _page(request, proposal_id, error)
    return redirect("proposals")


def _move(request: HttpRequest, caller: Caller, proposal_id: int) -> None:
    """Move the appointment to one of the times that were offered; the event follows. Raises what `update` does."""
    found = next((one for one in calendar_sync.open_proposals(writable(caller)) if one[0].pk == proposal_id), None)
    start = _instant(request.POST["instead"][:_LONGEST_TIME], caller.time_zone)
    if found is None or start is None:
        raise UnknownProposal
    time = _time_of(found[0]) or _time_of(found[1])
    assert time is not None
    fields = {"start_time": start, "end_time": start + time.end - time.start}
    ask_before_change(writable(caller), found[1].pk, fields)
    row = actions.update(Target(writable(caller), found[1].pk), fields, caller.actor, now())
    # What stands there is neither old nor proposed; the worker may have seen to that already.
    with suppress(UnknownProposal):
        calendar_sync.dismiss(proposal_id, writable(caller), caller.actor, now())
    messages.success(request, gettext("“%(title)s” is changed.") % {"title": row.title})


def _page(request: HttpRequest, refused_id: int = 0, error: Exception | None = None) -> HttpResponse:
    caller = caller_of(request)
    people = people_of(caller.business_id)
    shown = []
    for proposal, appointment in calendar_sync.open_proposals(writable(caller)):
        refusal = _refusal(error, caller, proposal, appointment) if error and proposal.pk == refused_id else None
        owner_id = proposal.link.calendar.user_id
        shown.append(
            Shown(
                proposal,
                appointment,
                told_of_calendar(proposal.link.calendar.name, owner_id, caller),
                "" if owner_id == caller.user_id else people.get(owner_id, ""),
                _is_one_day(_time_of(appointment), caller.time_zone),
                _is_one_day(_time_of(proposal), caller.time_zone),
                refusal,
            )
        )
    return show(request, "dashboard/proposals.html", {"proposals": shown}, 409 if error else 200)


def _refusal(error: Exception, caller: Caller, proposal: CalendarProposal, appointment: Appointment) -> Refusal:
    buffers = (appointment.start_time - appointment.blocked_from, appointment.blocked_until - appointment.end_time)
    time = _time_of(proposal) or _time_of(appointment)
    assert time is not None
    before, after = (int(one.total_seconds()) for one in buffers)
    return refusal_of(error, caller, Asked(appointment.user_id, time, (before, after), appointment.pk), now())


def _time_of(one: Appointment | CalendarProposal) -> Interval | None:
    if one.start_time is None or one.end_time is None:
        return None
    return Interval(int(one.start_time.timestamp()), int(one.end_time.timestamp()))


def _is_one_day(time: Interval | None, zone: str) -> bool:
    if time is None:
        return True
    starts, ends = TimeForm.with_offset(zone).write_all(time)
    return starts[:10] == ends[:10]


def _instant(text: str, zone: str) -> int | None:
    try:
        return exact_instant(parse_time(text), zone)
    except (InvalidTime, AmbiguousTime, NonexistentTime):
        return None
