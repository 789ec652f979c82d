"""Making and revoking API tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.authority import require_own_or_managed
from slotkeeper.people.models import ApiToken, Membership, new_secret, secret_hash
from slotkeeper.people.second_factor import SecondFactorMissing, owes_second_factor
from slotkeeper.rules.permissions import Scope


class UnknownToken(Exception):
    """There is no such token."""


@dataclass(frozen=True, slots=True)
class TokenWish:
    """What a new token shall be; `expires_at` in seconds since 1970, None for never."""

    name: str
    scope: Scope = Scope.WRITE
    expires_at: int | None = None


def create_token(membership: Membership, wish: TokenWish, actor: Actor) -> tuple[ApiToken, str]:
    """Make a token for a membership; its secret is returned this once and never again.

    Raises SecondFactorMissing where the business asks for one and the member has none; the operator is not asked.
    """
    if actor.kind != "command" and owes_second_factor(membership):
        raise SecondFactorMissing
    secret = new_secret()
    with transaction.atomic():
        token = ApiToken.objects.create(
            membership=membership,
            name=wish.name,
            scope=wish.scope,
            secret_hash=secret_hash(secret),
            hint=secret[:8],
            expires_at=None if wish.expires_at is None else datetime.fromtimestamp(wish.expires_at, UTC),
            created_at=datetime.now(UTC),
        )
        subject = Subject(membership.business_id, "token", token.pk)
        record(
            subject,
            "created",
            actor,
            None,
            {"name": token.name, "scope": token.scope, "user_id": membership.user_id},
        )
    return token, secret


def revoke_token(business_id: int, token_id: int, actor: Actor, now: int) -> ApiToken:
    """Revoke a token; it stops working at once, and a second time changes nothing.

    Raises UnknownToken, and MayNotManage for the token of somebody whom the actor does not manage.
    """
    with transaction.atomic():
        tokens = ApiToken.objects.in_business(business_id).select_related("membership")
        token = tokens.select_for_update(of=("self",)).filter(pk=token_id).first()
        if token is None:
            raise UnknownToken
        require_own_or_managed(token.membership, actor)
        if token.revoked_at is None:
            token.revoked_at = datetime.fromtimestamp(now, UTC)
            token.save(update_fields=["revoked_at"])
            record(Subject(business_id, "token", token.pk), "revoked", actor, None, {"name": token.name})
    return token
