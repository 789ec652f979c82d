"""The page of one member: their place, services, sessions and tokens, and what ends it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.leaving import HasAppointments, appointments_to_come, remove_member
from slotkeeper.changes.record import Actor
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now, show
from slotkeeper.doors.dashboard.recent_sign_in import signed_in_recently
from slotkeeper.doors.dashboard.team_forms import MemberForm, form_of
from slotkeeper.doors.dashboard.team_words import device_in_words, history_of, member_in_words, refusal_in_words
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.limits import update_member
from slotkeeper.offerings.models import Service
from slotkeeper.people import members
from slotkeeper.people.authority import InvalidPlace, MayNotManage, NotAboutOneself
from slotkeeper.people.callers import Caller
from slotkeeper.people.members import LastOwner, MemberTarget, MemberVersionConflict, UnknownMembership
from slotkeeper.people.models import ApiToken, Membership, SessionRecord
from slotkeeper.people.reading import last_seen_of, manages_people, may_change, sees_details
from slotkeeper.people.sessions import UnknownSession, end_session, end_sessions, sessions_in
from slotkeeper.rules.permissions import Permission, Role

_REFUSED = (MayNotManage, NotAboutOneself, LastOwner)


@permit(Permission.MEMBERS_READ)
@never_cache
def page(request: HttpRequest, member_id: int) -> HttpResponse:
    """Show a member."""
    caller = caller_of(request)
    member = _found(caller, member_id)
    return _page(request, member, form_of(caller, member))


@permit(Permission.MEMBERS_WRITE)
@never_cache
def edit(request: HttpRequest, member_id: int) -> HttpResponse:
    """Change role, grants and limits; a change by somebody else meanwhile is shown first."""
    caller = caller_of(request)
    member = _found(caller, member_id)
    if request.method != "POST":
        return redirect("member", member.pk)
    form = form_of(caller, member, request.POST)
    if not form.is_valid():
        return _page(request, member, form)
    target = MemberTarget(caller.business_id, member.pk, frozenset({form.cleaned_data["version"] or 0}))
    try:
        update_member(target, form.wanted(), caller.actor)
    except MemberVersionConflict as error:
        data = request.POST.copy()
        data["version"] = str(error.current.version)
        return _page(request, error.current, form_of(caller, error.current, data), form.differences(error.current))
    except UnknownMembership:
        raise Http404 from None
    except InvalidPlace as error:
        form.refuse(error.reasons)
    except _REFUSED as error:
        form.add_error(None, refusal_in_words(error))
    else:
        messages.success(request, gettext("Saved."))
        return redirect("member", member.pk)
    return _page(request, member, form)


@permit(Permission.MEMBERS_WRITE)
@never_cache
def suspend(request: HttpRequest, member_id: int) -> HttpResponse:
    """Ask whether to suspend a member, and suspend them."""
    if request.method != "POST":
        return _ask(request, _found(caller_of(request), member_id), "suspend")
    return _move(request, member_id, members.suspend_member, gettext("Suspended. Sessions have ended."))


@permit(Permission.MEMBERS_WRITE)
@never_cache
def reinstate(request: HttpRequest, member_id: int) -> HttpResponse:
    """Let a suspended member act again."""
    if request.method != "POST":
        return redirect("member", known_id(member_id))
    return _move(request, member_id, members.reinstate_member, gettext("They can sign in again."))


@permit(Permission.MEMBERS_WRITE)
@never_cache
def transfer(request: HttpRequest, member_id: int) -> HttpResponse:
    """Ask whether to hand the business on, of who has just proved who they are, and do it."""
    member = _found(caller_of(request), member_id)
    here = reverse("member_transfer", args=[member.pk])
    if not signed_in_recently(request):
        # The question is asked again afterwards: a form is not sent on behind the gate's back.
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': here})}")
    if request.method != "POST":
        return _ask(request, member, "transfer")
    sentence = gettext("The business is theirs now. You are an admin.")
    return _move(request, member_id, members.transfer_ownership, sentence)


@permit(Permission.MEMBERS_WRITE)
@never_cache
def remove(request: HttpRequest, member_id: int) -> HttpResponse:
    """Ask whether to remove a member, listing what stands in their calendar, and remove them."""
    member = _found(caller_of(request), member_id)
    return _go(request, member, "team") if request.method == "POST" else _ask(request, member, "remove")


@permit(Permission.SELF_WRITE)
@never_cache
def leave(request: HttpRequest) -> HttpResponse:
    """Ask whether to leave the business, and leave it."""
    caller = caller_of(request)
    member = _found(caller, caller.membership_id)
    return _go(request, member, "home") if request.method == "POST" else _ask(request, member, "leave")


@permit(Permission.MEMBERS_WRITE)
@never_cache
def end_one(request: HttpRequest, member_id: int, session_id: int) -> HttpResponse:
    """End one session of a member."""
    caller = caller_of(request)
    member = _found(caller, member_id)
    if request.method == "POST":
        try:
            end_session(sessions_in(member, datetime.now(UTC)), known_id(session_id), member, caller.actor)
        except UnknownSession:
            raise Http404 from None
        except MayNotManage as error:
            messages.error(request, refusal_in_words(error))
        else:
            messages.success(request, gettext("The session has ended."))
    return redirect("member", member.pk)


@permit(Permission.MEMBERS_WRITE)
@never_cache
def end_all(request: HttpRequest, member_id: int) -> HttpResponse:
    """End all sessions of a member in this business."""
    caller = caller_of(request)
    member = _found(caller, member_id)
    if request.method == "POST":
        try:
            own = request.session.session_key or ""
            end_sessions(sessions_in(member, datetime.now(UTC)).exclude(session_id=own), member, caller.actor)
        except MayNotManage as error:
            messages.error(request, refusal_in_words(error))
        else:
            messages.success(request, gettext("All their sessions have ended."))
    return redirect("member", member.pk)


def _move(
    request: HttpRequest, member_id: int, verb: Callable[[MemberTarget, Actor], Membership], sentence: str
) -> HttpResponse:
    caller = caller_of(request)
    try:
        member = verb(MemberTarget(caller.business_id, known_id(member_id)), caller.actor)
    except UnknownMembership:
        raise Http404 from None
    except _REFUSED as error:
        messages.error(request, refusal_in_words(error))
    else:
        messages.success(request, f"{member.user}: {sentence}")
    return redirect("member", known_id(member_id))


def _go(request: HttpRequest, member: Membership, place: str) -> HttpResponse:
    caller = caller_of(request)
    target = MemberTarget(caller.business_id, member.pk)
    try:
        remove_member(target, caller.actor, now(), keeps_appointments="keep" in request.POST)
    except UnknownMembership:
        raise Http404 from None
    except HasAppointments:
        return _ask(request, member, "leave" if member.pk == caller.membership_id else "remove", is_refused=True)
    except _REFUSED as error:
        messages.error(request, refusal_in_words(error))
        return redirect("member" if place == "team" else "account", *([member.pk] if place == "team" else []))
    messages.success(request, gettext("%(name)s does not belong to the team any more.") % {"name": member.user})
    return redirect(place)


def _ask(request: HttpRequest, member: Membership, what: str, *, is_refused: bool = False) -> HttpResponse:
    caller = caller_of(request)
    if what in {"suspend", "remove"} and not may_change(caller, member):
        messages.error(request, refusal_in_words(MayNotManage()))
        return redirect("member", member.pk)
    context = {
        "member": member,
        "what": what,
        "is_refused": is_refused,
        "rows": [] if what == "transfer" else _to_come(member),
        "may_reassign": caller.may(Permission.APPOINTMENTS_ASSIGN),
    }
    return show(request, "dashboard/team_ask.html", context, 409 if is_refused else 200)


def _page(
    request: HttpRequest, member: Membership, form: MemberForm, stored: list[tuple[Any, str]] | None = None
) -> HttpResponse:
    """Show a member; `stored` is what stands otherwise in the database since somebody else changed it."""
    caller = caller_of(request)
    is_own = member.pk == caller.membership_id
    is_managed = may_change(caller, member) and not is_own
    services = dict(Service.objects.filter(business_id=caller.business_id).values_list("pk", "name"))
    given = member.services_given.order_by("service__name").values_list("service_id", "service__name")
    context = {
        "member": member,
        "standing": member_in_words(member),
        "sees_details": sees_details(caller, member),
        "seen_at": last_seen_of([member.pk]).get(member.pk),
        "is_own": is_own,
        "is_managed": is_managed,
        "form": form,
        "stored": stored,
        "given": list(given),
        "may_write_services": caller.may(Permission.SERVICES_WRITE),
        "sessions": _sessions(member) if is_managed else [],
        "tokens": _tokens(member) if is_managed or is_own else [],
        "may_write_tokens": caller.may(Permission.TOKENS_WRITE),
        "rows": _to_come(member) if is_managed else [],
        "history": history_of(member, _names(caller), services) if manages_people(caller) else [],
        "may_transfer": is_managed and caller.role is Role.OWNER and not member.is_suspended,
    }
    return show(request, "dashboard/team_member.html", context, 200 if stored is None else 409)


def _found(caller: Caller, member_id: int) -> Membership:
    try:
        return members.find_member(caller.business_id, known_id(member_id))
    except UnknownMembership:
        raise Http404 from None


def _to_come(member: Membership) -> list[dict[str, Any]]:
    found = appointments_to_come(member.business_id, member.user_id, now())
    return [{"row": row, "start": datetime.fromtimestamp(row.start_time, UTC)} for row in found]


def _sessions(member: Membership) -> list[dict[str, Any]]:
    return listed(list(sessions_in(member, datetime.now(UTC))), None)


def listed(sessions: list[SessionRecord], current_key: str | None) -> list[dict[str, Any]]:
    """Prepare sessions for a list."""
    return [
        {"session": one, "device": device_in_words(one), "is_current": one.session_id == current_key}
        for one in sessions
    ]  # fmt: skip


def _tokens(member: Membership) -> list[ApiToken]:
    return list(ApiToken.objects.filter(membership=member, revoked_at=None).order_by("-pk"))


def _names(caller: Caller) -> dict[int, str]:
    everybody = Membership.objects.in_business(caller.business_id).select_related("user")
    return {one.user_id: str(one.user) for one in everybody}
