"""What the calendar's script asks for: appointments of a stretch of time, and whether anything changed."""

import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext, pgettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.actions import EndBeforeStart
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.rows import MAX_DURATION_SECONDS, AppointmentRow, Listing, read_listing
from slotkeeper.changes.models import Change
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import LARGEST_ID, caller_of, number_from, people_for, readable, writable
from slotkeeper.doors.dashboard.refusals import Asked
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.offerings.models import DAY_MINUTES, OpeningHours, Service
from slotkeeper.people.callers import Caller
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS, InvalidTime, TimeForm, parse_time, range_end, range_start
from slotkeeper.rules.permissions import Permission

MOST_DAYS = 62
MOST_ENTRIES = 2000
SHOWN_STATUSES = [status.value for status in Status if status is not Status.CANCELED]


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def feed(request: HttpRequest) -> HttpResponse:
    """Give the appointments that overlap `[start, end)`, for one person or all that the caller sees.

    Canceled ones are left to the lists: their time is free, and what took it stands there.
    """
    caller = caller_of(request)
    try:
        start = range_start(parse_time(request.GET.get("start", "")), caller.time_zone)
        end = range_end(parse_time(request.GET.get("end", "")), caller.time_zone)
    except InvalidTime as error:
        return JsonResponse({"detail": str(error)}, status=400)
    if not start < end <= start + MOST_DAYS * DAY_SECONDS:
        return JsonResponse({"detail": f"Ask for at most {MOST_DAYS} days."}, status=400)
    latest = _latest(caller)  # before the rows: what comes in between is asked for once more
    person = number_from(request.GET.get("user_id"))
    listing = Listing(readable(caller), MOST_ENTRIES + 1, start, end, SHOWN_STATUSES, user_id=person)
    rows = read_listing(listing)
    return JsonResponse(
        {
            "latest": latest,
            "has_more": len(rows) > MOST_ENTRIES,
            "entries": _entries(rows[:MOST_ENTRIES], caller),
        }
    )


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def free(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Give the next times at which an appointment would fit, from `?start=` on and as long as until `?end=`.

    With `?user_id=` those of somebody who might be given it.
    """
    caller = caller_of(request)
    now = int(time.time())
    row = Appointment.objects.within(writable(caller)).filter(pk=min(appointment_id, LARGEST_ID)).first()
    if row is None:
        raise Http404
    try:
        start, end = (range_start(parse_time(request.GET.get(name, "")), caller.time_zone) for name in ("start", "end"))
    except InvalidTime as error:
        return JsonResponse({"detail": str(error)}, status=400)
    if not start < end <= start + MAX_DURATION_SECONDS:
        return JsonResponse({"detail": str(EndBeforeStart.__doc__)}, status=400)
    buffers = (row.start_time - row.blocked_from).seconds, (row.blocked_until - row.end_time).seconds
    asked_id = number_from(request.GET.get("user_id")) or row.user_id
    user_id = asked_id if asked_id in people_for(caller, Permission.APPOINTMENTS_ASSIGN) else row.user_id
    slots = Asked(user_id, Interval(start, end), buffers, row.pk).others(caller, now)
    form = TimeForm.with_offset(caller.time_zone)
    written = [dict(zip(("start", "end"), form.write_all(slot), strict=True)) for slot in slots]
    return JsonResponse({"suggested_slots": written})


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def latest(request: HttpRequest) -> HttpResponse:
    """Say how far the record of changes of the business goes: when it has grown, something changed."""
    return JsonResponse({"latest": _latest(caller_of(request))})


def calendar_data(caller: Caller, people: dict[int, str], day: str, csrf_token: str) -> dict[str, Any]:
    """Describe the page for its script: addresses, words, the people whose time is seen, and opening hours."""
    return {
        "zone": caller.time_zone,
        "date": day,
        "now": int(time.time()),
        "csrf": csrf_token,
        "feed": reverse("calendar_feed"),
        "latest": reverse("calendar_latest"),
        "create": reverse("appointment_new"),
        "may_write": caller.may(Permission.APPOINTMENTS_WRITE),
        "people": list(people),
        "hours": opening_hours(caller, people),
        "words": _words(),
        "reasons": {reason.value: str(sentence) for reason, sentence in SENTENCES.items()},
    }


def opening_hours(caller: Caller, people: dict[int, str]) -> list[dict[str, Any]]:
    """Give the week's opening hours by person; `days` counts from 0, Sunday, as the script does."""
    shown = OpeningHours.objects.filter(
        membership__business_id=caller.business_id,
        membership__user_id__in=people or [caller.user_id],
        membership__user__time_zone=caller.time_zone,  # another zone's hours would stand at wrong times
    )
    found = shown.values_list("membership__user_id", "weekday", "start_minute", "end_minute")
    hours = []
    for user_id, weekday, start, end in found:
        day = (weekday + 1) % 7
        if end > start:
            hours.append(_range(user_id, day, start, end))
        else:
            hours += [_range(user_id, day, start, DAY_MINUTES), _range(user_id, (day + 1) % 7, 0, end)]
    return hours


def _range(user_id: int, day: int, start: int, end: int) -> dict[str, Any]:
    return {"user_id": user_id, "day": day, "start": _clock(start), "end": _clock(end)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _latest(caller: Caller) -> int:
    changes = Change.objects.filter(business_id=caller.business_id)
    return changes.order_by("-id").values_list("id", flat=True).first() or 0


def _entries(rows: list[AppointmentRow], caller: Caller) -> list[dict[str, Any]]:
    colors = dict(Service.objects.in_business(caller.business_id).values_list("pk", "color"))
    reach, names = writable(caller), status_names()
    may_write = caller.may(Permission.APPOINTMENTS_WRITE)
    texts = TimeForm.with_offset(caller.time_zone).write_all(
        edge for row in rows for edge in (row.start_time, row.end_time)
    )
    return [
        {
            "id": row.id,
            "title": row.title,
            "start": start,
            "end": end,
            "status": row.status,
            "status_name": names[row.status],
            "customer": row.contact_name,
            "user_id": row.user_id,
            "color": colors.get(row.service_id or 0),
            "version": row.version,
            "url": reverse("appointment", args=[row.id]),
            "is_movable": may_write
            and reach.covers(row.user_id, row.service_id)
            and Status(row.status) not in TERMINAL,
        }
        for row, start, end in zip(rows, texts[::2], texts[1::2], strict=True)
    ]


def status_names() -> dict[str, str]:
    """Name each status for people."""
    return {
        Status.SCHEDULED: pgettext("status", "Scheduled"),
        Status.CONFIRMED: pgettext("status", "Confirmed"),
        Status.COMPLETED: pgettext("status", "Completed"),
        Status.CANCELED: pgettext("status", "Canceled"),
        Status.NO_SHOW: pgettext("status", "No-show"),
    }


def _words() -> dict[str, str]:
    return {
        "moved": gettext("Moved to"),
        "with": gettext("Now with"),
        "undo": gettext("Undo"),
        "undone": gettext("Moved back."),
        "saved": gettext("Saved."),
        "failed": gettext("That did not work. Nothing was stored; please try again."),
        "stale": gettext("Somebody has just changed this appointment. You see it now as it is."),
        "busy": gettext("Busy"),
        "nothing": gettext("Nothing is booked in this time."),
        "more": gettext("more"),
        "too_many": gettext("There is more than can be shown. Choose one person."),
    }
