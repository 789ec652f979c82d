"""The pages of rooms and equipment: list, add, change, delete, and what takes one on a day."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.resource_times import Occupied, read_occupied
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import caller_of, now, people_of, readable, show
from slotkeeper.doors.dashboard.hours_form import day_field
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import KIND_CHARACTERS, Resource, ServiceResource
from slotkeeper.offerings.refusals import NotInBusiness, StillInUse, StillNeeded
from slotkeeper.offerings.resources import create_resource, delete_resource, kinds_of, update_resource
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import day_bounds, local_day
from slotkeeper.rules.permissions import Permission


class ResourceForm(forms.Form):
    """A room or a piece of equipment."""

    name = Text(_("Name"), 100, required=True, empty_value="", help_text=_("Such as “Room 1” or “Laser”."))
    kind = Text(
        _("Kind"), KIND_CHARACTERS, empty_value="",
        help_text=_("Such as “room”. A service can need any one of a kind, whichever is free."),
    )  # fmt: skip
    is_active = forms.BooleanField(
        label=_("It can be booked"), required=False, initial=True,
        help_text=_("Switched off, it keeps what it is booked for and is given to nothing further."),
    )  # fmt: skip

    def __init__(self, kinds: list[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kinds = kinds
        self.fields["kind"].widget.attrs["list"] = "kinds"

    def wanted(self) -> dict[str, Any]:
        """Give what was written in the verbs' words."""
        return {"name": self.cleaned_data["name"], "kind": self.cleaned_data["kind"].strip(), "is_active": self.is_on}

    @property
    def is_on(self) -> bool:
        """Whether it can be booked."""
        return bool(self.cleaned_data["is_active"])


class DayForm(forms.Form):
    """The day to look at."""

    date = day_field(_("Date"))


@dataclass(frozen=True, slots=True)
class Line:
    """Something that takes a resource, as far as the reader may see it; times without buffers where it is known."""

    start: datetime
    end: datetime
    words: str
    person: str = ""
    appointment_id: int | None = None


@permit(Permission.BUSINESS_READ)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List rooms and equipment, the active ones first, and add one."""
    caller = caller_of(request)
    form = ResourceForm(kinds_of(caller.business_id), request.POST or None)
    if request.method == "POST":
        if not caller.may(Permission.SERVICES_WRITE):
            return redirect("resources")
        if form.is_valid():
            create_resource(caller.business_id, form.wanted() | {"is_active": True}, caller.actor, now())
            messages.success(request, gettext("Saved."))
            return redirect("resources")
    del form.fields["is_active"]
    found = Resource.objects.filter(business_id=caller.business_id).order_by("-is_active", "kind", "name", "pk")
    needed = Counter(ServiceResource.objects.filter(resource__in=found).values_list("resource_id", flat=True))
    context = {
        "resources": [{"resource": one, "needed": needed[one.pk]} for one in found],
        "form": form,
        "may_write": caller.may(Permission.SERVICES_WRITE),
    }
    return show(request, "dashboard/resources.html", context)


@permit(Permission.SERVICES_WRITE)
@never_cache
def edit(request: HttpRequest, resource_id: int) -> HttpResponse:
    """Rename a resource, change its kind, switch it off or on."""
    caller = caller_of(request)
    resource = _found(caller, resource_id)
    initial = {"name": resource.name, "kind": resource.kind, "is_active": resource.is_active}
    form = ResourceForm(kinds_of(caller.business_id), request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        update_resource(caller.business_id, resource.pk, form.wanted(), caller.actor)
        messages.success(request, gettext("Saved."))
        return redirect("resource", resource.pk)
    return show(request, "dashboard/resource_form.html", {"form": form, "resource": resource})


@permit(Permission.SERVICES_WRITE)
@never_cache
def delete(request: HttpRequest, resource_id: int) -> HttpResponse:
    """Delete a resource that nothing to come takes and no service needs."""
    caller = caller_of(request)
    resource = _found(caller, resource_id)
    if request.method != "POST":
        return redirect("resource_edit", resource.pk)
    try:
        delete_resource(caller.business_id, resource.pk, caller.actor, now())
    except NotInBusiness:
        raise Http404 from None
    except StillInUse:
        messages.error(
            request, gettext("It is booked for a time to come. Move or cancel that first, or switch it off.")
        )
    except StillNeeded:
        messages.error(request, gettext("A service needs it. Change that service first, or switch it off."))
    else:
        messages.success(request, gettext("It is deleted."))
        return redirect("resources")
    return redirect("resource_edit", resource.pk)


@permit(Permission.FREEBUSY_READ)
@never_cache
def page(request: HttpRequest, resource_id: int) -> HttpResponse:
    """Show what takes a resource on a day; `?date=` chooses it."""
    caller = caller_of(request)
    resource = _found(caller, resource_id)
    form = DayForm(request.GET if "date" in request.GET else None)
    today = local_day(caller.time_zone, now())
    day = form.cleaned_data["date"] if form.is_valid() else today
    bounds = day_bounds(caller.time_zone, day.year, day.month, day.day)
    people = people_of(caller.business_id)
    context = {
        "resource": resource,
        "day": day,
        "form": form if form.is_bound else DayForm(initial={"date": day}),
        "lines": [_line(one, caller, people) for one in read_occupied(resource, bounds, now())],
        "before": _shifted(day, -1),
        "after": _shifted(day, 1),
        "zone": caller.time_zone,
        "may_write": caller.may(Permission.SERVICES_WRITE),
    }
    return show(request, "dashboard/resource.html", context)


def _line(one: Occupied, caller: Caller, people: dict[int, str]) -> Line:
    row = one.row
    if row is None:
        return Line(*_moments(one.blocked), gettext("Somebody is just booking"))
    times = _moments(Interval(row.start_time, row.end_time))
    person = people.get(row.user_id, gettext("Somebody who has left"))
    if readable(caller).covers(row.user_id, row.service_id):
        return Line(*times, row.title, person, row.id)
    return Line(*times, gettext("Busy"), person)


def _moments(when: Interval) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(when.start, UTC), datetime.fromtimestamp(when.end, UTC)


def _shifted(day: date, days: int) -> date | None:
    """Give a day before or after, within the years that the server keeps."""
    other = day + timedelta(days=days)
    return other if date(1970, 1, 1) <= other <= date(2200, 12, 31) else None


def _found(caller: Caller, resource_id: int) -> Resource:
    resource = Resource.objects.filter(business_id=caller.business_id, pk=known_id(resource_id)).first()
    if resource is None:
        raise Http404
    return resource
