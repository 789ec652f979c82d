"""The verbs on members: role, grants and limits, suspending, removing, leaving, handing a business on.

A member who was removed keeps their row, for all that refers to it, and is suspended for good: an invitation alone
brings them back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.people.authority import (
    MayNotManage,
    NotAboutOneself,
    acting_member,
    check_place,
    lock_team,
    place_of,
    require_may_manage,
)
from slotkeeper.people.invitations import revoke_those_of
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.people.sessions import end_sessions_in
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place, is_step_down

SUBJECT = "membership"
_EXTRAS = ("grants", "limited_to_user_ids", "limited_to_service_ids")


class UnknownMembership(Exception):
    """There is no such member."""


class LastOwner(Exception):
    """The business would be left without an owner. Make somebody else an owner first."""


class MemberVersionConflict(StaleVersion):
    """The member was changed in the meantime."""


@dataclass(frozen=True, slots=True)
class MemberTarget:
    """Which member to change, and which versions will do (None: any)."""

    business_id: int
    membership_id: int
    versions: frozenset[int] | None = None


def find_member(business_id: int, membership_id: int) -> Membership:
    """Find a member, suspended or not, with their user. Raises UnknownMembership."""
    members = Membership.objects.in_business(business_id).current().select_related("user")
    member = members.filter(pk=membership_id).first()
    if member is None:
        raise UnknownMembership
    return member


def update_member(target: MemberTarget, fields: Mapping[str, Any], actor: Actor) -> Membership:
    """Change what is given of role, grants, limited_to_user_ids and limited_to_service_ids (None: no limit).

    Owners and admins have neither grants nor limits: to become one takes them away. That the services are the
    business's is for the caller to see to. Raises UnknownMembership, MayNotManage, NotAboutOneself, InvalidPlace,
    LastOwner and MemberVersionConflict.
    """
    with transaction.atomic():
        member, acting = _locked(target, actor)
        old = place_of(member)
        new = _wanted(old, fields)
        require_may_manage(acting, old.role, new.role)
        if acting is not None and acting.pk == member.pk:
            _require_step_down(old, new)
        check_place(target.business_id, new, acting, known=old)
        if old.role is Role.OWNER and new.role is not Role.OWNER:
            _require_another_owner(member)
        if new != old:
            _take(member, new, actor)
            revoke_those_of(member, actor)
    return member


def suspend_member(target: MemberTarget, actor: Actor) -> Membership:
    """Let a member do nothing here until they are reinstated: sessions end, tokens are refused meanwhile.

    Raises UnknownMembership, MayNotManage, NotAboutOneself, LastOwner and MemberVersionConflict.
    """
    with transaction.atomic():
        member, acting = _locked(target, actor)
        require_may_manage(acting, Role(member.role))
        _require_somebody_else(acting, member)
        if not member.is_suspended:
            _require_another_owner(member)
            member.is_suspended = True
            _store(member, "suspended", actor, {"is_suspended": False}, {"is_suspended": True})
            end_sessions_in(member)
            revoke_those_of(member, actor)
    return member


def reinstate_member(target: MemberTarget, actor: Actor) -> Membership:
    """Let a suspended member act again. Raises UnknownMembership, MayNotManage and MemberVersionConflict."""
    with transaction.atomic():
        member, acting = _locked(target, actor)
        require_may_manage(acting, Role(member.role))
        if member.is_suspended:
            member.is_suspended = False
            _store(member, "reinstated", actor, {"is_suspended": True}, {"is_suspended": False})
    return member


def end_membership(target: MemberTarget, actor: Actor, now: datetime) -> Membership:
    """Remove a member, or leave: sessions end and tokens are revoked with it, at once.

    What their calendar holds is not looked at: doors call `remove_member` of appointments/leaving.py. Raises
    UnknownMembership, MayNotManage, LastOwner and MemberVersionConflict.
    """
    with transaction.atomic():
        member, acting = _locked(target, actor)
        is_leaving = acting is not None and acting.pk == member.pk
        if not is_leaving:
            require_may_manage(acting, Role(member.role))
        _require_another_owner(member)
        place = place_of(member)
        member.is_suspended, member.removed_at = True, now
        member.grants, member.limited_to_user_ids, member.limited_to_service_ids = [], None, None
        before = {"role": place.role.value} | _extras(place)
        _store(member, "left" if is_leaving else "removed", actor, before, None)
        _revoke_tokens(member, actor, now)
        end_sessions_in(member)
        revoke_those_of(member, actor)
    return member


def transfer_ownership(target: MemberTarget, actor: Actor) -> Membership:
    """Make another active member an owner and oneself an admin.

    Raises UnknownMembership, also for one who is suspended, MayNotManage, NotAboutOneself and MemberVersionConflict.
    """
    with transaction.atomic():
        member, giver = _locked(target, actor)
        if giver is None or giver.role != Role.OWNER:
            raise MayNotManage
        _require_somebody_else(giver, member)
        if member.is_suspended or not member.user.is_active:
            raise UnknownMembership
        if member.role != Role.OWNER:
            _take(member, Place(Role.OWNER), actor)
        _take(giver, Place(Role.ADMIN), actor)
        revoke_those_of(giver, actor)
    return member


def _locked(target: MemberTarget, actor: Actor) -> tuple[Membership, Membership | None]:
    """Give the member and who acts; nobody else changes either until the transaction ends."""
    lock_team(target.business_id)
    acting = acting_member(target.business_id, actor)
    member = find_member(target.business_id, target.membership_id)
    if target.versions is not None and member.version not in target.versions:
        raise MemberVersionConflict(member)
    return member, acting


def _wanted(old: Place, fields: Mapping[str, Any]) -> Place:
    """Say what a member shall be; to leave a role that has extras takes those away that are not asked for."""
    role = Role(fields.get("role", old.role))
    new = replace(old, role=role)
    if not new.takes_extras:
        new = Place(role)
    given: dict[str, Any] = {
        name: None if fields[name] is None else tuple(sorted(set(fields[name]))) for name in _EXTRAS if name in fields
    }
    return replace(new, **given)


def _require_step_down(old: Place, new: Place) -> None:
    """Let who manages people become less in their own business, and nothing else. Raises NotAboutOneself."""
    if not is_step_down(old.role, new.role) or (new.has_extras and new != old):
        raise NotAboutOneself


def _require_somebody_else(acting: Membership | None, member: Membership) -> None:
    if acting is not None and acting.pk == member.pk:
        raise NotAboutOneself


def _require_another_owner(member: Membership) -> None:
    """Refuse to lose the last active owner. Raises LastOwner."""
    if member.role != Role.OWNER:
        return
    owners = Membership.objects.in_business(member.business_id).active().filter(role=Role.OWNER)
    if not owners.exclude(pk=member.pk).exists():
        raise LastOwner


def _take(member: Membership, place: Place, actor: Actor) -> None:
    """Give a member another place, with the record of what differs."""
    before, after = changed_fields(_fields(place_of(member)), _fields(place))
    for name, value in after.items():
        setattr(member, name, value)
    _store(member, "updated", actor, before, after)


def _fields(place: Place) -> dict[str, Any]:
    return {"role": place.role.value} | _extras(place)


def _extras(place: Place) -> dict[str, Any]:
    return {name: None if (value := getattr(place, name)) is None else list(value) for name in _EXTRAS}


def _revoke_tokens(member: Membership, actor: Actor, now: datetime) -> None:
    for token in ApiToken.objects.filter(membership=member, revoked_at=None):
        token.revoked_at = now
        token.save(update_fields=["revoked_at"])
        record(Subject(member.business_id, "token", token.pk), "revoked", actor, None, {"name": token.name})


def _store(
    member: Membership, verb: str, actor: Actor, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    member.version += 1
    member.save(update_fields=["role", "is_suspended", "removed_at", "version", *_EXTRAS])
    record(Subject(member.business_id, SUBJECT, member.pk, member.version), verb, actor, before, after)
