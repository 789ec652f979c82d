"""The page of the days on which the whole business is closed, one by one or by public holidays."""

from functools import cache
from importlib import resources
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.closed_days import read_booked_on
from slotkeeper.doors.access import permit
from slotkeeper.doors.countries import country_in_words, in_dictionary_order
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import caller_of, now, people_of, readable, show
from slotkeeper.doors.dashboard.hours_form import day_field
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.closures import (
    HolidayCalendar,
    add_closure,
    close_on_holidays,
    find_calendar,
    holiday_calendars,
    open_on_holidays,
    remove_closure,
)
from slotkeeper.offerings.models import Closure
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Business
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.permissions import Permission

MOST_LISTED = 200
MOST_BOOKED = 50


class ClosureForm(forms.Form):
    """A day on which the business is closed."""

    date = day_field(_("Date"))
    name = Text(_("Why"), 100, required=True, help_text=_("Such as “Team outing”."))


@permit(Permission.CLOSURES_WRITE)
@never_cache
def closures(request: HttpRequest) -> HttpResponse:
    """List the days on which the business is closed; `?country=` offers that country's holidays."""
    return _page(request, ClosureForm())


@permit(Permission.CLOSURES_WRITE)
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Close the business on a day; appointments booked on it are shown first."""
    if request.method != "POST":
        return redirect("closures")
    caller, form = caller_of(request), ClosureForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    on = form.cleaned_data["date"]
    booked = read_booked_on(_business(caller), [on], readable(caller), now(), MOST_BOOKED)
    mark = ",".join(str(one.pk) for one in booked)
    if booked and request.POST.get("anyway") != mark:
        return _page(request, form, {"proposed": booked, "mark": mark})
    try:
        add_closure(caller.business_id, on, form.cleaned_data["name"], caller.actor)
    except InvalidFields as error:
        form.add_error("date", gettext(error.reasons["date"]))
        return _page(request, form)
    messages.success(request, gettext("Saved."))
    return redirect("closures")


@permit(Permission.CLOSURES_WRITE)
@never_cache
def remove(request: HttpRequest, closure_id: int) -> HttpResponse:
    """Open the business on a day again."""
    if request.method == "POST":
        caller = caller_of(request)
        try:
            remove_closure(caller.business_id, known_id(closure_id), caller.actor)
        except NotInBusiness:
            raise Http404 from None
        messages.success(request, gettext("The business is open on that day again."))
    return redirect("closures")


@permit(Permission.CLOSURES_WRITE)
@never_cache
def holidays(request: HttpRequest) -> HttpResponse:
    """Close on the public holidays of a calendar, or open on them again."""
    if request.method != "POST":
        return redirect("closures")
    caller, code = caller_of(request), request.POST.get("calendar", "")
    try:
        if "open" in request.POST:
            open_on_holidays(caller.business_id, code, caller.actor, now())
            messages.success(request, gettext("The business is open on these holidays again."))
        else:
            count = len(close_on_holidays(caller.business_id, code, caller.actor, now()))
            sentence = ngettext("%(number)d closed day.", "%(number)d closed days.", count)
            messages.success(request, sentence % {"number": count})
    except NotInBusiness:
        raise Http404 from None
    return redirect("closures")


def _page(request: HttpRequest, form: ClosureForm, more: dict[str, Any] | None = None) -> HttpResponse:
    caller = caller_of(request)
    business, instant = _business(caller), now()
    today = local_day(business.time_zone, instant)
    to_come = Closure.objects.filter(business=business, date__gte=today).order_by("date")[:MOST_LISTED]
    days = [closure.date for closure in to_come]
    country = _country(request.GET.get("country"), business.time_zone)
    context = {
        "form": form,
        "closures": to_come,
        "booked": read_booked_on(business, days, readable(caller), instant, MOST_BOOKED),
        "people": people_of(caller.business_id),
        "calendars": _calendars_in_use(business),
        "countries": _countries(),
        "country": country,
        "regions": [one for one in holiday_calendars() if one.country == country and one.subdivision],
    }
    return show(request, "dashboard/closures.html", context | (more or {}))


def _calendars_in_use(business: Business) -> list[dict[str, Any]]:
    from_calendars = Closure.objects.filter(business=business).exclude(holiday_calendar="")
    counted = from_calendars.values("holiday_calendar").annotate(days=Count("pk"), first=Min("date"))
    return [
        {"code": one["holiday_calendar"], "name": _name(one["holiday_calendar"]), "days": one["days"]}
        for one in counted.order_by("holiday_calendar")
    ]


def _name(code: str) -> str:
    """Name a calendar: `Germany – Berlin`."""
    try:
        calendar = find_calendar(code)
        whole: HolidayCalendar = find_calendar(calendar.country)
    except NotInBusiness:  # a newer release of the library may have dropped it
        return code
    country = country_in_words(whole.country, whole.name)
    return country if calendar.subdivision is None else f"{country} – {calendar.name}"


def _countries() -> list[HolidayCalendar]:
    whole = (one for one in holiday_calendars() if one.subdivision is None)
    named = [one._replace(name=country_in_words(one.country, one.name)) for one in whole]
    return sorted(named, key=lambda one: in_dictionary_order(one.name))


@cache
def _country_of_zones() -> dict[str, str]:
    """Say in which country each time zone lies, as tzdata does."""
    lines = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines()
    parts = (line.split("\t") for line in lines if not line.startswith("#"))
    return {zone: country for country, _place, zone, *_comment in parts}


def _country(asked: str | None, zone: str) -> str:
    """Choose the country to offer: the one asked for, else that of the business's time zone."""
    known = {calendar.country for calendar in holiday_calendars()}
    chosen = asked or _country_of_zones().get(zone, "")
    return chosen if chosen in known else ""


def _business(caller: Caller) -> Business:
    return Business.objects.get(pk=caller.business_id)
