"""The list of appointments: filters, text search, pages."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.models import Appointment
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import (
    MOST_PAGES,
    caller_of,
    people_for,
    readable,
    refuse_control_characters,
    show,
)
from slotkeeper.doors.dashboard.calendar import status_names
from slotkeeper.doors.ids import number_from
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import day_bounds, local_day
from slotkeeper.rules.permissions import Permission

PAGE_ROWS = 50
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(2200, 12, 30)


class DayField(forms.DateField):
    """A day within the years we know."""

    def __init__(self, label: Any) -> None:
        super().__init__(label=label, required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))

    def clean(self, value: Any) -> Any:
        """Move a day that lies outside to the edge."""
        day = super().clean(value)
        return day and min(max(day, FIRST_DAY), LAST_DAY)


class FilterForm(forms.Form):
    """What the list is narrowed to."""

    q = forms.CharField(
        label=_("Search"), max_length=100, required=False, validators=[refuse_control_characters],
        widget=forms.TextInput(attrs={"type": "search"}),
    )  # fmt: skip
    start = DayField(_("From"))
    end = DayField(_("Until"))
    status = forms.ChoiceField(label=_("Status"), required=False)
    user_id = forms.ChoiceField(label=_("With"), required=False)

    def __init__(self, caller: Caller, data: QueryDict | dict[str, str]) -> None:
        super().__init__(data)
        fields: Any = self.fields
        fields["status"].choices = [("", _("Any")), *status_names().items()]
        if caller.may(Permission.APPOINTMENTS_READ_ALL):
            people = people_for(caller, Permission.APPOINTMENTS_READ_ALL)
            fields["user_id"].choices = [("", _("Anybody")), *((str(pk), name) for pk, name in people.items())]
        else:
            del self.fields["user_id"]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list."""

    appointment: Appointment
    person: str
    is_one_day: bool


@permit(Permission.APPOINTMENTS_READ)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List appointments by start; from today on where nothing was asked."""
    caller = caller_of(request)
    names = FilterForm.base_fields.keys()
    is_asked = bool(names & request.GET.keys())
    today = local_day(caller.time_zone, int(datetime.now(UTC).timestamp()))
    form = FilterForm(caller, request.GET if is_asked else {"start": today.isoformat()})
    found = narrowed(caller, form.cleaned_data if form.is_valid() else {})
    page = Paginator(found, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    context = {
        "form": form,
        "page": page,
        "lines": lines_of(page.object_list, caller),
        "has_people": "user_id" in form.fields,
        "query": query_without_page(request.GET),
        "may_write": caller.may(Permission.APPOINTMENTS_WRITE),
    }
    return show(request, "dashboard/appointments.html", context)


def narrowed(caller: Caller, wish: dict[str, Any]) -> Any:
    """Find what the caller may see, narrowed to the wish."""
    reach, zone = readable(caller), caller.time_zone
    found = Appointment.objects.within(reach).order_by("start_time", "pk")
    if wish.get("user_id"):
        found = found.filter(user_id=int(wish["user_id"]))
    if wish.get("status"):
        found = found.filter(status=wish["status"])
    if wish.get("start"):
        found = found.filter(end_time__gt=_moment(day_bounds(zone, *_parts(wish["start"])).start))
    if wish.get("end"):
        found = found.filter(start_time__lt=_moment(day_bounds(zone, *_parts(wish["end"])).end))
    if wish.get("q"):
        matches = Q(title__icontains=wish["q"]) | Q(contact_name__icontains=wish["q"])
        if caller.may(Permission.CONTACTS_READ_DETAILS):
            matches |= Q(contact_email__icontains=wish["q"]) | Q(contact_phone__icontains=wish["q"])
        found = found.filter(matches)
    return found


def lines_of(appointments: Any, caller: Caller) -> list[Line]:
    """Prepare rows for a table."""
    people = people_for(caller, Permission.APPOINTMENTS_READ_ALL)
    lines = []
    for one in appointments:
        first = local_day(caller.time_zone, int(one.start_time.timestamp()))
        last = local_day(caller.time_zone, int(one.end_time.timestamp()))
        lines.append(Line(one, people.get(one.user_id, ""), first == last))
    return lines


def query_without_page(query: QueryDict) -> str:
    """Write the query for links to other pages of the same list."""
    kept = query.copy()
    kept.pop("page", None)
    return kept.urlencode()


def _parts(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
