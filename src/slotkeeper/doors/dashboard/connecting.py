"""Connecting a calendar by an address, and again when its password changed."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.calendar_sync import plan_for_person
from slotkeeper.calendars import connections
from slotkeeper.calendars.connections import CannotConnect, Credentials
from slotkeeper.calendars.models import CalendarConnection, Kind
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.calendar_words import in_words
from slotkeeper.doors.dashboard.connecting_forms import SERVERS, CalDavForm, FeedForm, PasswordForm
from slotkeeper.doors.dashboard.connections import find_own, owner_of
from slotkeeper.rules.permissions import Permission


@permit(Permission.CALENDARS_WRITE)
@never_cache
def caldav(request: HttpRequest, server: str) -> HttpResponse:
    """Connect an account at a CalDAV server; what was typed stays when that fails, but for the password."""
    if server not in SERVERS:
        raise Http404
    form = CalDavForm(SERVERS[server], sent(request))
    if request.method == "POST" and form.is_valid():
        answer = _connected(request, form, form.credentials())
        if answer:
            return answer
    return show(request, "dashboard/calendar_connect.html", {"form": form, "server": SERVERS[server]})


@permit(Permission.CALENDARS_WRITE)
@never_cache
def feed(request: HttpRequest) -> HttpResponse:
    """Connect a calendar that is published under an address."""
    form = FeedForm(sent(request))
    if request.method == "POST" and form.is_valid():
        answer = _connected(request, form, form.credentials())
        if answer:
            return answer
    return show(request, "dashboard/calendar_connect.html", {"form": form, "server": None})


@permit(Permission.CALENDARS_WRITE)
@never_cache
def reconnect(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Connect an account again: with a new password, or by trying its address once more."""
    connection = find_own(request, connection_id)
    kind = Kind(connection.provider)
    if kind in {Kind.GOOGLE, Kind.MICROSOFT}:
        return redirect("calendars")  # they are asked for consent, from there
    form = PasswordForm(sent(request)) if kind is Kind.CALDAV else forms.Form(sent(request))
    if request.method == "POST" and form.is_valid() and _reconnected(request, form, connection):
        return redirect(f"{reverse('calendars')}#connection-{connection.pk}")
    return show(request, "dashboard/calendar_reconnect.html", {"form": form, "connection": connection})


def sent(request: HttpRequest) -> QueryDict | None:
    """Give what a form sent; also one with nothing in it."""
    return request.POST if request.method == "POST" else None


def said(connection: CalendarConnection) -> str:
    """Say that an account is connected, and what that means until its owner chooses otherwise."""
    words = {"name": connection.name}
    if connection.calendars.filter(receives=True).exists():
        return (
            gettext("%(name)s is connected. It blocks your time and receives your appointments; choose below.") % words
        )
    return gettext("%(name)s is connected. It blocks your time; choose below.") % words


def _connected(request: HttpRequest, form: forms.Form, credentials: Credentials) -> HttpResponse | None:
    caller = caller_of(request)
    try:
        connection = connections.connect(owner_of(caller), credentials, caller.actor, plan_for_person)
    except CannotConnect as error:
        form.add_error(None, in_words(str(error)))
        return None
    messages.success(request, said(connection))
    return redirect(f"{reverse('calendars')}#connection-{connection.pk}")


def _reconnected(request: HttpRequest, form: forms.Form, connection: CalendarConnection) -> bool:
    caller, password = caller_of(request), form.cleaned_data.get("password", "")
    credentials = Credentials(Kind(connection.provider), connection.url, connection.username, password)
    try:
        connections.reconnect(owner_of(caller), connection.pk, credentials, caller.actor)
    except CannotConnect as error:
        form.add_error(None, in_words(str(error)))
        return False
    messages.success(request, gettext("%(name)s is connected again.") % {"name": connection.name})
    return True
