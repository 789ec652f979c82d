"""The page on which an appointment is given other rooms or equipment."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.needed import read_times
from slotkeeper.appointments.resource_changes import MOST_RESOURCES, change_resources
from slotkeeper.appointments.rows import AppointmentRow, find
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import LARGEST_ID, caller_of, now, show, writable
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import Resource
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Permission


class ResourcesForm(forms.Form):
    """Which rooms and equipment an appointment shall have; those that are taken say so."""

    resource_ids = forms.TypedMultipleChoiceField(
        label=_("Rooms and equipment"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    version = forms.IntegerField(min_value=1, max_value=LARGEST_ID, widget=forms.HiddenInput)

    def __init__(self, caller: Caller, row: AppointmentRow, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        had = {one.id for one in row.resources}
        found = Resource.objects.filter(business_id=caller.business_id).order_by("kind", "name", "pk")
        offered = [one for one in found if one.is_active or one.pk in had]
        when = Interval(row.start_time, row.end_time)
        times = read_times([one.pk for one in offered], when, now(), row.id)
        taken = {one.resource_id for one in times if one.taken_in(when) is not None}
        fields: Any = self.fields
        fields["resource_ids"].choices = [
            (one.pk, _("%(name)s (taken)") % {"name": one.name} if one.pk in taken else one.name) for one in offered
        ]

    def clean_resource_ids(self) -> list[int]:
        """Refuse more than an appointment can have."""
        chosen: list[int] = self.cleaned_data["resource_ids"]
        if len(chosen) > MOST_RESOURCES:
            raise forms.ValidationError(_("At most %(number)d."), params={"number": MOST_RESOURCES})
        return chosen


@permit(Permission.APPOINTMENTS_WRITE)
@never_cache
def choose(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """Give an appointment other rooms or equipment, if they are free."""
    caller = caller_of(request)
    row = find(writable(caller), known_id(appointment_id))
    if row is None:
        raise Http404
    initial = {"resource_ids": [one.id for one in row.resources], "version": row.version}
    form = ResourcesForm(caller, row, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        target = Target(writable(caller), row.id, frozenset({data["version"]}))
        try:
            change_resources(target, data["resource_ids"], caller.actor, now())
        except actions.VersionConflict:
            messages.warning(request, gettext("Somebody has just changed this appointment. You see it now as it is."))
            return redirect("appointment", row.id)
        except actions.FixedInFinalStatus:
            messages.error(request, gettext("Times, person and service of a finished appointment are fixed."))
            return redirect("appointment", row.id)
        except actions.SlotTaken as error:
            names = ", ".join(one.title or "" for one in error.conflicts)
            form.add_error("resource_ids", gettext("Not free at that time: %(names)s") % {"names": names})
        except InvalidFields:
            form.add_error("resource_ids", gettext("Some of it has just been removed or switched off."))
        else:
            messages.success(request, gettext("Saved."))
            return redirect("appointment", row.id)
    status = 409 if form.errors else 200
    return show(request, "dashboard/appointment_resources.html", {"form": form, "row": row}, status)
