"""Under which names a person stands in the record of changes, and who stands behind a name in it."""

from collections.abc import Iterable

from slotkeeper.changes.models import Change
from slotkeeper.people.models import ApiToken, Membership

Doer = tuple[str, int | None]  # an actor's kind and id


def actors_of(business_id: int, user_id: int) -> dict[str, list[int]]:
    """Give a person's membership in a business and its tokens, as actors; of somebody unknown there are none."""
    memberships = list(Membership.objects.in_business(business_id).filter(user_id=user_id).values_list("pk", flat=True))
    tokens = ApiToken.objects.in_business(business_id).filter(membership_id__in=memberships)
    return {"member": memberships, "token": list(tokens.values_list("pk", flat=True))}


def users_behind(business_id: int, changes: Iterable[Change]) -> dict[Doer, int]:
    """Say which user did each of some changes, signed in or through a token."""
    doers = {(change.actor_kind, change.actor_id) for change in changes}
    memberships = Membership.objects.in_business(business_id)
    tokens = ApiToken.objects.in_business(business_id)
    by_membership = memberships.filter(pk__in=[number for kind, number in doers if kind == "member"])
    by_token = tokens.filter(pk__in=[number for kind, number in doers if kind == "token"])
    found: dict[Doer, int] = {("member", key): user_id for key, user_id in by_membership.values_list("pk", "user_id")}
    return found | {("token", key): user_id for key, user_id in by_token.values_list("pk", "membership__user_id")}
