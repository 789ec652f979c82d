"""Who may change whom: asked again by each verb about people, on rows that stay as they are until it is done."""

from collections.abc import Collection

from django.db.models import Q

from slotkeeper.changes.record import Actor
from slotkeeper.people.models import Business, Invitation, Membership
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place, may_manage, not_to_be_granted

MOST_IDS = 200  # in a limit
_OPERATORS = {"command", "worker"}


class MayNotManage(Exception):
    """Your role does not allow this about that member."""


class NotAboutOneself(Exception):
    """Nobody can do this about themselves: somebody else has to."""


class InvalidPlace(Exception):
    """A role, grants and limits that do not fit together; `reasons` says why, by field."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = reasons


def lock_team(business_id: int) -> None:
    """Let nobody else change who belongs to a business until the transaction ends: of two last owners, one stays."""
    Business.objects.select_for_update(no_key=True).get(pk=business_id)


def acting_member(business_id: int, actor: Actor) -> Membership | None:
    """Find the member who acts, as they are now; None is the operator, who may do everything. Raises MayNotManage."""
    if actor.kind in _OPERATORS:
        return None
    members = Membership.objects.in_business(business_id).active()
    by_kind = {"token": Q(tokens__pk=actor.id or 0, tokens__revoked_at=None), "member": Q(pk=actor.id or 0)}
    if actor.kind not in by_kind:
        raise MayNotManage
    found = members.filter(by_kind[actor.kind]).first()
    if found is None:
        raise MayNotManage
    return found


def require_may_manage(acting: Membership | None, *roles: Role) -> None:
    """Refuse to touch members of some roles. Raises MayNotManage."""
    if acting is not None and not all(may_manage(Role(acting.role), role) for role in roles):
        raise MayNotManage


def require_own_or_managed(member: Membership, actor: Actor) -> None:
    """Refuse to touch what is another member's, unless the actor manages people of that role. Raises MayNotManage."""
    acting = acting_member(member.business_id, actor)
    if acting is None or acting.pk != member.pk:
        require_may_manage(acting, Role(member.role))


def place_of(holder: Membership | Invitation) -> Place:
    """Give what somebody is, or is offered to be, in a business."""
    user_ids, service_ids = holder.limited_to_user_ids, holder.limited_to_service_ids
    return Place(
        Role(holder.role),
        tuple(holder.grants),
        None if user_ids is None else tuple(user_ids),
        None if service_ids is None else tuple(service_ids),
    )


def check_place(business_id: int, place: Place, acting: Membership | None, known: Place | None = None) -> None:
    """Refuse grants that the giver lacks, people of other businesses, and extras where they mean nothing.

    What is `known`, and so was given before, is not asked about again. Raises InvalidPlace.
    """
    reasons: dict[str, str] = {}
    if place.has_extras and not place.takes_extras:
        reasons["grants" if place.grants else "limited_to_user_ids"] = "Owners and admins have no grants and no limits."
    giver = Place(Role.OWNER) if acting is None else place_of(acting)
    refused = not_to_be_granted(giver, set(place.grants) - set(known.grants if known else ()))
    if refused:
        reasons["grants"] = f"It cannot be granted: {', '.join(refused)}."
    before = known.limited_to_user_ids if known else None
    if _unknown_users(business_id, set(place.limited_to_user_ids or ()) - set(before or ())):
        reasons["limited_to_user_ids"] = "Somebody there is no member of this business."
    if reasons:
        raise InvalidPlace(reasons)


def _unknown_users(business_id: int, user_ids: Collection[int]) -> bool:
    members = Membership.objects.in_business(business_id).current().filter(user_id__in=user_ids)
    return members.count() < len(user_ids)
