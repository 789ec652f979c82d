"""The page that says where one is signed in."""

from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.member import listed
from slotkeeper.doors.ids import number_from
from slotkeeper.people.members import find_member
from slotkeeper.people.sessions import UnknownSession, end_session, end_sessions, own_sessions
from slotkeeper.rules.permissions import Permission


@permit(Permission.SELF_WRITE)
@never_cache
def sessions(request: HttpRequest) -> HttpResponse:
    """List where the signed-in person is signed in; end one of it, or all but this one."""
    caller, own_key = caller_of(request), request.session.session_key
    found = own_sessions(caller.user_id, datetime.now(UTC))
    if request.method != "POST":
        return show(request, "dashboard/sessions.html", {"sessions": listed(list(found), own_key)})
    member = find_member(caller.business_id, caller.membership_id)
    others = found.exclude(session_id=own_key or "")
    if "all" in request.POST:
        end_sessions(others, member, caller.actor)
    else:
        try:
            end_session(others, number_from(request.POST.get("session")) or 0, member, caller.actor)
        except UnknownSession:
            raise Http404 from None
    messages.success(request, gettext("Signed out there."))
    return redirect("sessions")
