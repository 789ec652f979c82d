"""Giving a member a place in the team, or offering one, whose limits name services."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor
from slotkeeper.offerings.models import Service
from slotkeeper.people import invitations, members
from slotkeeper.people.authority import InvalidPlace
from slotkeeper.people.members import MemberTarget
from slotkeeper.people.models import Invitation, Membership
from slotkeeper.rules.team import Place


def update_member(target: MemberTarget, fields: Mapping[str, Any], actor: Actor) -> Membership:
    """Change role, grants and limits as `members.update_member` does, and raise what it raises.

    InvalidPlace also where a service is not the business's and was no limit before.
    """
    with transaction.atomic():
        before = members.find_member(target.business_id, target.membership_id).limited_to_service_ids or ()
        _require_services(target.business_id, set(fields.get("limited_to_service_ids") or ()) - set(before))
        return members.update_member(target, fields, actor)


def invite(business_id: int, email: str, place: Place, actor: Actor) -> Invitation:
    """Offer a place as `invitations.invite` does, and raise what it raises; InvalidPlace also for foreign services."""
    _require_services(business_id, place.limited_to_service_ids or ())
    return invitations.invite(business_id, email, place, actor)


def _require_services(business_id: int, service_ids: Iterable[int]) -> None:
    wanted = set(service_ids)
    if Service.objects.filter(business_id=business_id, pk__in=wanted).count() < len(wanted):
        raise InvalidPlace({"limited_to_service_ids": "Some service there is none of this business."})
