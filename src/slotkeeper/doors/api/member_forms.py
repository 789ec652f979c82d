"""The forms of members, invitations and sessions over HTTP."""

from collections.abc import Collection
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointment_forms import AppointmentOut
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.problems import Problem
from slotkeeper.offerings.models import ServiceProvider
from slotkeeper.people.authority import MOST_IDS
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Invitation, Membership, SessionRecord
from slotkeeper.people.reading import last_seen_of, manages_people, sees_details
from slotkeeper.rules.permissions import Permission, Role
from slotkeeper.rules.user_agents import device_of

Grants = Annotated[list[Permission], Meta(max_length=len(Permission), description="Permissions beyond the role.")]
_Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Ids = Annotated[list[_Id], Meta(max_length=MOST_IDS)]
Address = Annotated[str, Meta(min_length=3, max_length=255, examples=["nora@example.com"])]


class MemberOut(msgspec.Struct):
    """A member. Address, grants, limits and last use are null for who does not manage people, but of one's own."""

    id: int
    user_id: int
    name: str
    email: str | None
    role: Role
    grants: list[str] | None
    limited_to_user_ids: list[int] | None
    limited_to_service_ids: list[int] | None
    is_suspended: bool
    service_ids: list[int]
    last_seen_at: str | None
    created_at: str
    version: int


class MemberList(msgspec.Struct):
    """A page of members, in the order in which they came."""

    members: list[MemberOut]
    next_cursor: str | None


class MemberChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing a member takes: fields left out stay; a limit that is null is none."""

    role: Role | UnsetType = UNSET
    grants: Grants | UnsetType = UNSET
    limited_to_user_ids: Ids | None | UnsetType = UNSET
    limited_to_service_ids: Ids | None | UnsetType = UNSET
    version: int | UnsetType = UNSET


class MemberRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412: with the member as they are now, or with what stands in their calendar."""

    current: MemberOut | UnsetType = UNSET
    appointments: list[AppointmentOut] | UnsetType = UNSET


class WhatOfAppointments(StrEnum):
    """What becomes of the appointments to come of who goes."""

    REFUSE = "refuse"
    KEEP = "keep"


class Removal(msgspec.Struct, forbid_unknown_fields=True):
    """What removing takes: `keep` leaves the appointments to come in their calendar, to be given to others later."""

    appointments: WhatOfAppointments = WhatOfAppointments.REFUSE


class InvitationState(StrEnum):
    """How an invitation stands."""

    WAITING = "waiting"
    EXPIRED = "expired"
    ACCEPTED = "accepted"
    REVOKED = "revoked"


class NewInvitation(msgspec.Struct, forbid_unknown_fields=True):
    """What inviting takes: the address, and the place that is offered."""

    email: Address
    role: Role
    grants: Grants = []
    limited_to_user_ids: Ids | None = None
    limited_to_service_ids: Ids | None = None


class InvitationOut(msgspec.Struct):
    """An invitation; its address is null for who does not manage people."""

    id: int
    email: str | None
    role: Role
    grants: list[str] | None
    limited_to_user_ids: list[int] | None
    limited_to_service_ids: list[int] | None
    state: InvitationState
    invited_by: str | None
    member_id: int | None
    created_at: str
    sent_at: str
    expires_at: str


class SentInvitation(InvitationOut):
    """An invitation that was just made; `link` only where no mail server is set, and null in a repetition."""

    link: str | None


class InvitationList(msgspec.Struct):
    """A page of invitations, newest first."""

    invitations: list[InvitationOut]
    next_cursor: str | None


class SessionOut(msgspec.Struct):
    """Where somebody is signed in. `browser` and `system` are guessed from what it says of itself, else empty."""

    id: int
    browser: str
    system: str
    address: str
    is_current: bool
    created_at: str
    last_used_at: str


class SessionList(msgspec.Struct):
    """Sessions, the one used last first."""

    sessions: list[SessionOut]


class MemberPath(msgspec.Struct):
    """Which member."""

    member_id: int


class SessionPath(msgspec.Struct):
    """Which session of which member."""

    member_id: int
    session_id: int


class InvitationPath(msgspec.Struct):
    """Which invitation."""

    invitation_id: int


def write_members(members: Collection[Membership], caller: Caller) -> list[dict[str, Any]]:
    """Write members, with their users, as MemberOut describes them."""
    ids = [member.pk for member in members]
    seen, given = last_seen_of(ids), dict[int, list[int]]()
    for membership_id, service_id in ServiceProvider.objects.filter(membership__in=ids).values_list(
        "membership_id", "service_id"
    ):
        given.setdefault(membership_id, []).append(service_id)
    return [
        {
            "id": member.pk,
            "user_id": member.user_id,
            "name": member.user.name,
            "role": member.role,
            "is_suspended": member.is_suspended,
            "service_ids": sorted(given.get(member.pk, ())),
            "created_at": written_moment(member.created_at, caller),
            "version": member.version,
        }
        | _details(member, sees_details(caller, member))
        | {"last_seen_at": written_moment(seen.get(member.pk), caller) if sees_details(caller, member) else None}
        for member in members
    ]


def write_member(member: Membership, caller: Caller) -> dict[str, Any]:
    """Write one member as MemberOut describes them."""
    return write_members([member], caller)[0]


def write_invitation(invitation: Invitation, caller: Caller, state: InvitationState) -> dict[str, Any]:
    """Write an invitation as InvitationOut describes it; who made it must be loaded."""
    inviter = invitation.invited_by
    return {
        "id": invitation.pk,
        "role": invitation.role,
        "state": state,
        "invited_by": str(inviter.user) if inviter else None,
        "member_id": invitation.accepted_by_id,
        "created_at": written_moment(invitation.created_at, caller),
        "sent_at": written_moment(invitation.sent_at, caller),
        "expires_at": written_moment(invitation.expires_at, caller),
    } | _details(invitation, manages_people(caller))


def write_session(session: SessionRecord, caller: Caller, current_key: str | None) -> dict[str, Any]:
    """Write a session as SessionOut describes it."""
    device = device_of(session.user_agent)
    return {
        "id": session.pk,
        "browser": device.browser,
        "system": device.system,
        "address": session.address,
        "is_current": session.session_id == current_key,
        "created_at": written_moment(session.created_at, caller),
        "last_used_at": written_moment(session.last_used_at, caller),
    }


def _details(holder: Membership | Invitation, may_see: bool) -> dict[str, Any]:
    email = holder.user.email if isinstance(holder, Membership) else holder.email
    shown = {
        "email": email,
        "grants": holder.grants,
        "limited_to_user_ids": holder.limited_to_user_ids,
        "limited_to_service_ids": holder.limited_to_service_ids,
    }
    return shown if may_see else dict.fromkeys(shown)
