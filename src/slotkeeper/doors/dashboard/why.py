"""The page that says why customers cannot book a time, and when they can."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.slots import SlotQuery, UnknownService, read_next_slots, read_obstacles
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now, people_of, show
from slotkeeper.doors.disclosure import readable_appointments
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.resources import names_of
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import InvalidTime, exact_instant, parse_time
from slotkeeper.rules.permissions import Permission

ALTERNATIVES = 3


class WhyForm(forms.Form):
    """Which service, by whom, and the start asked about."""

    service = forms.TypedChoiceField(label=_("Service"), coerce=int)
    person = forms.TypedChoiceField(label=_("With"), coerce=int, required=False, empty_value=None)
    at = forms.CharField(
        label=_("Start"), max_length=64, widget=forms.TextInput(attrs={"type": "datetime-local", "step": "60"})
    )

    def __init__(self, caller: Caller, people: dict[int, str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.caller = caller
        offered = Service.objects.in_business(caller.business_id).filter(is_active=True).order_by("name")
        choices = {"service": [(one.pk, str(one)) for one in offered], "person": [("", _("Anyone")), *people.items()]}
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]  # choice fields

    def clean_at(self) -> int:
        """Read the start in the caller's zone."""
        try:
            return exact_instant(parse_time(self.cleaned_data["at"]), self.caller.time_zone)
        except (InvalidTime, ValueError) as error:
            raise ValidationError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands in the way: of whom, or which resource, in words, and which appointment it is."""

    whose: str
    sentence: Promise
    appointment_id: int | None


@permit(Permission.FREEBUSY_READ)
@never_cache
def why_not(request: HttpRequest) -> HttpResponse:
    """Say why a time is not offered, from the rules that decide, and when the next free ones are."""
    caller = caller_of(request)
    people = people_of(caller.business_id)
    form = WhyForm(caller, people, request.GET if "at" in request.GET else None)
    context: dict[str, Any] = {"form": form, "zone": caller.time_zone}
    if form.is_valid():
        data = form.cleaned_data
        at = data["at"]
        query = SlotQuery(caller.business_id, data["service"], Interval(at, at + 1), now(), data["person"])
        context |= {"at": datetime.fromtimestamp(at, UTC)} | _found(query, caller, people)
    return show(request, "dashboard/why.html", context)


def _found(query: SlotQuery, caller: Caller, people: dict[int, str]) -> dict[str, Any]:
    try:
        obstacles, slots = read_obstacles(query), read_next_slots(query, ALTERNATIVES)
    except UnknownService:
        return {"is_unknown": True}
    shown = readable_appointments(obstacles, caller)
    names = names_of(caller.business_id, [one.resource_id for one in obstacles if one.resource_id is not None])
    return {
        "is_bookable": not obstacles,
        "reasons": [
            Reason(
                names.get(one.resource_id or 0) or people.get(one.user_id or 0, ""),
                SENTENCES[one.reason],
                one.appointment_id if one.appointment_id in shown else None,
            )
            for one in obstacles
        ],
        "slots": [datetime.fromtimestamp(slot.start, UTC) for slot in slots],
    }
