"""Connecting calendars at Google and Microsoft: there for their owner's consent, and back.

What has to be remembered meanwhile, with the verifier of PKCE, stays in the session, on the server. A return counts
once, in the session that set out, within a quarter of an hour.
"""

import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.calendar_sync import plan_for_person
from slotkeeper.calendars import connections, oauth
from slotkeeper.calendars.connections import CannotConnect, Credentials, UnknownConnection
from slotkeeper.calendars.identity import credentials_of
from slotkeeper.calendars.models import CalendarConnection, Kind
from slotkeeper.calendars.oauth_apps import is_set_up
from slotkeeper.calendars.providers.base import ProviderError
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now
from slotkeeper.doors.dashboard.calendar_words import PROVIDERS, in_words
from slotkeeper.doors.dashboard.connecting import said
from slotkeeper.doors.dashboard.connections import find_own, owner_of
from slotkeeper.doors.ids import number_from
from slotkeeper.rules.permissions import Permission

_ATTEMPT = "calendar_attempt"
_ATTEMPT_SECONDS = 15 * 60
_CONSENTING = {Kind.GOOGLE.value, Kind.MICROSOFT.value}


@permit(Permission.CALENDARS_WRITE)
@never_cache
def begin(request: HttpRequest, kind: str) -> HttpResponse:
    """Send the caller to where they let us in; with `connection_id`, into an account that is connected already."""
    if kind not in _CONSENTING or not is_set_up(kind):
        raise Http404
    if request.method != "POST":
        return redirect("calendars")
    connection_id = None
    if "connection_id" in request.POST:
        connection = find_own(request, number_from(request.POST["connection_id"]) or 0)
        if connection.provider != kind:
            raise Http404
        connection_id = connection.pk
    try:
        url, pending = oauth.begin(kind, _return_address(kind))
    except ProviderError as error:
        return _failed(request, in_words(str(error)))
    request.session[_ATTEMPT] = {
        "pending": pending,
        "connection_id": connection_id,
        "membership_id": caller_of(request).membership_id,
        "until": now() + _ATTEMPT_SECONDS,
    }
    return redirect(url)


@permit(Permission.CALENDARS_WRITE)
@never_cache
def finish(request: HttpRequest, kind: str) -> HttpResponse:
    """Take a person back who let us in, or did not."""
    if kind not in _CONSENTING:
        raise Http404
    attempt = _attempt(request, kind)
    if attempt is None:
        return _failed(request, gettext("This answer belongs to no attempt of yours. Please connect again."))
    error = request.GET.get("error", "")
    if error:
        return _failed(request, _refusal(kind, error))
    try:
        state, code = (request.GET.get(name, "") for name in ("state", "code"))
        tokens = oauth.finish(attempt["pending"], state, code, _return_address(kind))
        return _connected(request, credentials_of(Kind(kind), tokens), attempt["connection_id"])
    except (ProviderError, CannotConnect) as failure:
        return _failed(request, in_words(str(failure)))


def _attempt(request: HttpRequest, kind: str) -> dict[str, Any] | None:
    """Take the attempt that a return belongs to out of the session, if there is one; it is good for one return."""
    attempt: dict[str, Any] | None = request.session.pop(_ATTEMPT, None)
    if attempt is None or attempt["until"] < now() or attempt["pending"]["kind"] != kind:
        return None
    given = request.GET.get("state", "")
    is_same = secrets.compare_digest(attempt["pending"]["state"].encode(), given.encode())
    # Somebody may have gone on to another of their businesses meanwhile; the record is that business's.
    return attempt if is_same and attempt["membership_id"] == caller_of(request).membership_id else None


def _connected(request: HttpRequest, credentials: Credentials, connection_id: int | None) -> HttpResponse:
    """Connect, or connect again."""
    caller = caller_of(request)
    if connection_id is None:
        connection = connections.connect(owner_of(caller), credentials, caller.actor, plan_for_person)
        messages.success(request, said(connection))
        return redirect(f"{reverse('calendars')}#connection-{connection.pk}")
    try:
        connection = connections.find_connection(owner_of(caller), connection_id)
        if credentials.username != connection.username:
            return _failed(request, _another(connection, credentials))
        connections.reconnect(owner_of(caller), connection_id, credentials, caller.actor)
    except UnknownConnection:
        return _failed(request, gettext("This account was disconnected meanwhile."))
    messages.success(request, gettext("%(name)s is connected again.") % {"name": connection.name})
    return redirect(f"{reverse('calendars')}#connection-{connection.pk}")


def _another(connection: CalendarConnection, credentials: Credentials) -> str:
    """Say that consent was given for another account than the one that was to be connected again."""
    names = {"name": connection.name, "other": credentials.name}
    sentence = gettext("You let us into another account (%(other)s) than %(name)s. Nothing was changed; try again.")
    return sentence % names


def _refusal(kind: str, error: str) -> str:
    """Say why a provider sent somebody back without access (RFC 6749 section 4.1.2.1)."""
    provider = {"provider": PROVIDERS[kind]}
    if error == "access_denied":
        return gettext("%(provider)s says that access was not allowed. Nothing was connected.") % provider
    if error in {"temporarily_unavailable", "server_error"}:
        return gettext("%(provider)s cannot do it just now. Please try again later.") % provider
    return gettext("%(provider)s refused, and calls the reason “%(error)s”. Nothing was connected.") % (
        provider | {"error": error[:100]}
    )


def _failed(request: HttpRequest, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("calendars")


def _return_address(kind: str) -> str:
    return f"{settings.CONFIGURATION.url}{reverse('calendar_connected', args=[kind])}"
