"""Reading a team: when its members were last seen, and what of them somebody may see."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Max

from slotkeeper import hot_sql
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import ApiToken, Membership, SessionRecord, User
from slotkeeper.rules.permissions import PERMISSIONS, Permission, Role
from slotkeeper.rules.team import may_manage


def last_seen_of(membership_ids: Collection[int]) -> dict[int, datetime]:
    """Say when members last used a session or a token here; who is left out was not seen as far as is known."""
    seen: dict[int, datetime] = {}
    for uses in (SessionRecord.objects.all(), ApiToken.objects.exclude(last_used_at=None)):
        latest = uses.filter(membership_id__in=membership_ids).values("membership_id").annotate(at=Max("last_used_at"))
        for row in latest.order_by():
            seen[row["membership_id"]] = max(row["at"], seen.get(row["membership_id"], row["at"]))
    return seen


def works_anywhere(user: User) -> bool:
    """Say whether a person may act in any business; the worker asks that all the time."""
    question = "SELECT 1 FROM memberships WHERE user_id = %s AND NOT is_suspended LIMIT 1"
    return user.is_active and hot_sql.row(question, [user.pk]) is not None


def sees_details(caller: Caller, member: Membership) -> bool:
    """Say whether somebody sees a member's address, grants and limits: their own, or as one who manages people."""
    return member.pk == caller.membership_id or manages_people(caller)


def manages_people(caller: Caller) -> bool:
    """Say whether the caller's role is one that manages people, whatever their token's scope."""
    return Permission.MEMBERS_WRITE in PERMISSIONS[caller.role]


def may_change(caller: Caller, member: Membership) -> bool:
    """Say whether the caller may change, suspend or remove a member, or end their sessions."""
    return caller.may(Permission.MEMBERS_WRITE) and may_manage(caller.role, Role(member.role))


def readers_of(business_id: int, user_ids: Collection[int]) -> list[int]:
    """Say who is told what concerns some people here: those of them who may act or, if nobody may, the owners."""
    active = Membership.objects.active().in_business(business_id).order_by("user_id")
    concerned = active.filter(user_id__in=user_ids)
    return list((concerned if concerned.exists() else active.filter(role=Role.OWNER)).values_list("user_id", flat=True))
