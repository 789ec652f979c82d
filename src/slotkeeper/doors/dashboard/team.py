"""The page of the team: who belongs to it, who is invited, and inviting."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.changes.record import Actor
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.team_forms import InvitationForm
from slotkeeper.doors.dashboard.team_words import INVITATION_STATES, member_in_words, refusal_in_words
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.limits import invite as invite_person
from slotkeeper.people.authority import InvalidPlace, MayNotManage
from slotkeeper.people.callers import Caller
from slotkeeper.people.invitations import (
    AlreadyInvited,
    AlreadyMember,
    TooManyInvitations,
    UnknownInvitation,
    UnusableAddress,
    link_of,
    resend_invitation,
    revoke_invitation,
    state_of,
)
from slotkeeper.people.models import Invitation, Membership
from slotkeeper.people.reading import last_seen_of, manages_people
from slotkeeper.rules.permissions import Permission, Role
from slotkeeper.rules.team import may_manage


@permit(Permission.MEMBERS_READ)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List the members and who is invited, and offer to invite."""
    return _page(request, InvitationForm(caller_of(request), initial={"role": Role.PROVIDER.value}))


@permit(Permission.MEMBERS_WRITE)
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody; where no mail can leave, the answer shows the link, and nothing else ever does."""
    caller = caller_of(request)
    if request.method != "POST":
        return redirect("team")
    form = InvitationForm(caller, request.POST)
    if not form.is_valid():
        return _page(request, form)
    try:
        invitation = invite_person(caller.business_id, form.cleaned_data["email"], form.place(), caller.actor)
    except (UnusableAddress, AlreadyMember, AlreadyInvited) as error:
        form.add_error("email", refusal_in_words(error))
    except (TooManyInvitations, MayNotManage) as error:
        form.add_error(None, refusal_in_words(error))
    except InvalidPlace as error:
        form.refuse(error.reasons)
    else:
        return _invited(request, invitation)
    return _page(request, form)


@permit(Permission.MEMBERS_WRITE)
@never_cache
def resend(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Send an invitation again, with a new link."""
    return _change(request, invitation_id, resend_invitation, _invited)


@permit(Permission.MEMBERS_WRITE)
@never_cache
def revoke(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""

    def revoked(request: HttpRequest, invitation: Invitation) -> HttpResponse:
        messages.success(request, gettext("The invitation of %(email)s is revoked.") % {"email": invitation.email})
        return redirect("team")

    return _change(request, invitation_id, revoke_invitation, revoked)


def _change(
    request: HttpRequest,
    invitation_id: int,
    verb: Callable[[int, int, Actor], Invitation],
    answer: Callable[[HttpRequest, Invitation], HttpResponse],
) -> HttpResponse:
    caller = caller_of(request)
    if request.method != "POST":
        return redirect("team")
    try:
        invitation = verb(caller.business_id, known_id(invitation_id), caller.actor)
    except UnknownInvitation:
        raise Http404 from None
    except (MayNotManage, TooManyInvitations) as error:
        messages.error(request, refusal_in_words(error))
        return redirect("team")
    return answer(request, invitation)


def _invited(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if settings.CONFIGURATION.mail_server is None:
        return show(request, "dashboard/team_link.html", {"invitation": invitation, "link": link_of(invitation)})
    messages.success(request, gettext("An invitation is on its way to %(email)s.") % {"email": invitation.email})
    return redirect("team")


def _page(request: HttpRequest, form: InvitationForm) -> HttpResponse:
    caller = caller_of(request)
    found = Membership.objects.in_business(caller.business_id).current().select_related("user").order_by("pk")
    members = list(found)
    sees_details = manages_people(caller)
    seen = last_seen_of([member.pk for member in members]) if sees_details else {}
    context = {
        "members": [
            {"member": member, "standing": member_in_words(member), "seen_at": seen.get(member.pk)}
            for member in members
        ],
        "sees_details": sees_details,
        "invitations": _invitations(caller) if sees_details else [],
        "may_invite": caller.may(Permission.MEMBERS_WRITE),
        "form": form,
        "is_open": bool(form.errors.keys() - {"email", "role"}),
    }
    return show(request, "dashboard/team.html", context)


def _invitations(caller: Caller) -> list[dict[str, Any]]:
    """List what waits or has expired, the newest first; what was accepted is a member, what was revoked is history."""
    waiting = Invitation.objects.in_business(caller.business_id).waiting().select_related("invited_by__user")
    moment = datetime.now(UTC)
    return [
        {
            "invitation": one,
            "standing": INVITATION_STATES[state_of(one, moment)],
            "may_change": may_manage(caller.role, Role(one.role)),
        }
        for one in waiting.order_by("-pk")
    ]
