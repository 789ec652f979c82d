"""The page of somebody's connected calendars: how they are doing, what they are for, and the feeds out."""

from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.calendar_sync import plan_for_person
from slotkeeper.calendars import connections
from slotkeeper.calendars.connections import NotWritable, Owner, UnknownCalendar, UnknownConnection
from slotkeeper.calendars.feeds import feeds_of
from slotkeeper.calendars.models import CalendarConnection, Health, Kind, WhenUnreadable
from slotkeeper.calendars.oauth_apps import is_set_up
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, people_of, show
from slotkeeper.doors.dashboard.calendar_notices import notices_of
from slotkeeper.doors.dashboard.calendar_words import PROVIDERS, Standing, health_of, in_words
from slotkeeper.doors.dashboard.connecting_forms import SERVERS
from slotkeeper.doors.dashboard.consent_policy import policy_for_consent
from slotkeeper.doors.ids import known_id, number_from
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission


class ConnectionForm(forms.Form):
    """What an account's calendars mean while they cannot be read, and whether bookings wait for them."""

    when_unreadable = forms.ChoiceField(
        label=_("While it cannot be read"),
        choices=[
            (
                WhenUnreadable.LAST_KNOWN.value,
                _("What was read last counts, for 72 hours. After that all my time counts as taken."),
            ),
            (
                WhenUnreadable.BLOCK.value,
                _("All my time counts as taken. Nobody can book me online until it is read again."),
            ),
            (
                WhenUnreadable.IGNORE.value,
                _("It has no say. I may be booked over what stands in it."),
            ),
        ],
        widget=forms.RadioSelect,
    )
    asks_live = forms.BooleanField(
        label=_("Ask it at every booking"),
        required=False,
        help_text=_(
            "Catches what was entered there a moment ago. Each booking of yours then takes up to a second more."
        ),
    )


class Shown(NamedTuple):
    """An account as the page shows it."""

    connection: CalendarConnection
    provider: Any
    health: Standing
    problems: list[str]
    asks_consent: bool
    needs_owner: bool
    form: ConnectionForm


class OfSomebody(NamedTuple):
    """How somebody else's account is doing; whoever looks after the business learns no more of it."""

    person: str
    provider: Any
    health: Standing
    connection: CalendarConnection


@permit(Permission.CALENDARS_READ)
@never_cache
def calendars(request: HttpRequest) -> HttpResponse:
    """Show the caller's calendars, and to whoever looks after the business how everybody's are doing."""
    caller = caller_of(request)
    consenting = [kind for kind in (Kind.GOOGLE, Kind.MICROSOFT) if is_set_up(kind)]
    context = {
        "connections": [_shown(one) for one in connections.connections_of(caller.user_id)],
        "may_write": caller.may(Permission.CALENDARS_WRITE),
        "servers": SERVERS,
        "consenting": {kind.value: PROVIDERS[kind] for kind in consenting},
        "feeds": feeds_of(caller.user_id),
        "everyone": _of_others(caller) if caller.may(Permission.CALENDARS_READ_ALL) else [],
        "waiting": notices_of(caller).waiting,
    }
    answer = show(request, "dashboard/calendars.html", context)
    answer["Content-Security-Policy"] = policy_for_consent(consenting)
    return answer


@permit(Permission.CALENDARS_WRITE)
@never_cache
def choose(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Store what an account's calendars are for."""
    if request.method != "POST":
        return redirect("calendars")
    caller, connection = caller_of(request), find_own(request, connection_id)
    form = ConnectionForm(request.POST, prefix=_prefix(connection))
    if not form.is_valid():
        messages.error(request, gettext("That did not work. Please try again."))
        return redirect(_place(connection))
    try:
        _store(caller, connection, request.POST, form)
    except (UnknownCalendar, UnknownConnection, NotWritable):  # it went away, or was closed to us, at this moment
        messages.error(request, gettext("That did not work. Please try again."))
        return redirect("calendars")
    messages.success(request, gettext("Saved."))
    return redirect(_place(connection))


@permit(Permission.CALENDARS_WRITE)
@never_cache
def read_now(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Have an account's calendars read now, by the worker: this page does not wait for it."""
    if request.method != "POST":
        return redirect("calendars")
    connection = find_own(request, connection_id)
    connections.read_now(owner_of(caller_of(request)), connection.pk)
    if connection.failures:
        messages.info(request, gettext("It is out of reach and is tried again within a minute, as before."))
    else:
        messages.success(request, gettext("It is being read. Load the page again to see how that went."))
    return redirect(_place(connection))


@permit(Permission.CALENDARS_WRITE)
@never_cache
def disconnect(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Ask whether to disconnect an account, and disconnect it."""
    connection = find_own(request, connection_id)
    if request.method == "POST":
        caller = caller_of(request)
        connections.disconnect(owner_of(caller), connection.pk, caller.actor)
        messages.success(request, gettext("%(name)s is disconnected.") % {"name": connection.name})
        return redirect("calendars")
    return show(request, "dashboard/calendar_disconnect.html", {"connection": connection})


def owner_of(caller: Caller) -> Owner:
    """Say whose connections the caller speaks of: their own."""
    return Owner(caller.user_id, caller.business_id)


def find_own(request: HttpRequest, connection_id: int) -> CalendarConnection:
    """Find one of the caller's connections; somebody else's is as unknown as none."""
    try:
        return connections.find_connection(owner_of(caller_of(request)), known_id(connection_id))
    except UnknownConnection:
        raise Http404 from None


def _store(caller: Caller, connection: CalendarConnection, sent: QueryDict, form: ConnectionForm) -> None:
    owner, data = owner_of(caller), form.cleaned_data
    blocking, receiving = ({number_from(text) for text in sent.getlist(name)} for name in ("blocks", "receives"))
    for calendar in connection.calendars.order_by("pk"):
        wish = {
            "blocks": calendar.pk in blocking,
            "receives": calendar.is_writable and calendar.pk in receiving,
        }
        connections.choose(owner, calendar.pk, wish, caller.actor, plan_for_person)
    when_unreadable = WhenUnreadable(data["when_unreadable"])
    connections.change(owner, connection.pk, when_unreadable, data["asks_live"], caller.actor)


def _shown(connection: CalendarConnection) -> Shown:
    initial = {"when_unreadable": connection.when_unreadable, "asks_live": connection.asks_live}
    return Shown(
        connection,
        PROVIDERS[connection.provider],
        health_of(connection),
        _problems(connection),
        connection.provider in {Kind.GOOGLE, Kind.MICROSOFT},
        connection.status == Health.RECONNECT or connection.told_at is not None,
        ConnectionForm(prefix=_prefix(connection), initial=initial),
    )


def _problems(connection: CalendarConnection) -> list[str]:
    """Say why the account cannot be reached, or which of its calendars cannot be read, and why."""
    if connection.last_error:
        return [in_words(connection.last_error)]
    unread = [one for one in connection.calendars.all() if one.last_error]
    return [f"{one.name}: {in_words(one.last_error)}" for one in unread]


def _of_others(caller: Caller) -> list[OfSomebody]:
    people = people_of(caller.business_id)
    others = CalendarConnection.objects.filter(user_id__in=people.keys() - {caller.user_id})
    others = others.prefetch_related("calendars")
    return [
        OfSomebody(people[one.user_id], PROVIDERS[one.provider], health_of(one), one)
        for one in others.order_by("user_id", "pk")
    ]


def _prefix(connection: CalendarConnection) -> str:
    return f"connection-{connection.pk}"


def _place(connection: CalendarConnection) -> str:
    return f"{reverse('calendars')}#{_prefix(connection)}"
