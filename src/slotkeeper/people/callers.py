"""Who is asking: a member, through a token or a session. One statement finds a token's caller."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

import msgspec
from django.db import OperationalError, transaction
from django.db.models import Q

from slotkeeper import hot_sql
from slotkeeper.changes.record import Actor
from slotkeeper.people.models import ApiToken, Membership, secret_hash
from slotkeeper.rules.permissions import Permission, Role, Scope, may

LAST_USE_PRECISION_SECONDS = 60


class Caller(msgspec.Struct, frozen=True):
    """A member of one business, as one request knows them."""

    user_id: int
    business_id: int
    membership_id: int
    role: Role
    time_zone: str
    name: str
    scope: Scope = Scope.WRITE
    token_id: int | None = None
    is_last_use_stale: bool = False
    owes_second_factor: bool = False  # their business asks for one, and they have none
    grants: frozenset[str] = frozenset()
    limited_to_user_ids: frozenset[int] | None = None  # whose calendars; None: everybody's
    limited_to_service_ids: frozenset[int] | None = None
    source: str = ""  # the door, and the address of who is asking

    def may(self, permission: Permission) -> bool:
        """Say whether the role, or a grant, allows it, and neither the token's scope nor a limit is against it."""
        return may(self.role, self.scope, permission, self.grants, is_limited=self.is_limited)

    def reaches(self, user_id: int, everyones: Permission) -> bool:
        """Say whether the caller may do something about a person: themselves, or with that permission those allowed."""
        if user_id == self.user_id:
            return True
        return self.may(everyones) and (self.limited_to_user_ids is None or user_id in self.limited_to_user_ids)

    @property
    def is_limited(self) -> bool:
        """Whether they are kept to some colleagues' calendars, or to some services."""
        return self.limited_to_user_ids is not None or self.limited_to_service_ids is not None

    @property
    def actor(self) -> Actor:
        """Name this caller in the record of changes."""
        if self.token_id is None:
            return Actor("member", self.membership_id, self.name, self.source)
        return Actor("token", self.token_id, self.name, self.source)

    @property
    def key(self) -> str:
        """Name this caller where counts and answers are kept per caller."""
        return f"token {self.token_id}" if self.token_id else f"membership {self.membership_id}"


def caller_of_token(secret: str, now: int, source: str = "") -> Caller | None:
    """Find who a token's secret belongs to; None if it is unknown, expired, revoked or its member may not act."""
    found = hot_sql.row(_token_statement(), [secret_hash(secret)])
    if found is None:
        return None
    (
        token_id,
        scope,
        expires_at,
        last_used_at,
        membership_id,
        role,
        grants,
        user_ids,
        service_ids,
        business_id,
        user_id,
        zone,
        name,
        email,
    ) = found
    if expires_at is not None and expires_at <= now:
        return None
    return Caller(
        user_id=user_id,
        business_id=business_id,
        membership_id=membership_id,
        role=Role(role),
        time_zone=zone,
        name=name or email,
        scope=Scope(scope),
        token_id=token_id,
        is_last_use_stale=last_used_at is None or last_used_at <= now - LAST_USE_PRECISION_SECONDS,
        grants=frozenset() if grants == "[]" else frozenset(msgspec.json.decode(grants)),
        limited_to_user_ids=_stored_limit(user_ids),
        limited_to_service_ids=_stored_limit(service_ids),
        source=source,
    )


@cache
def _token_statement() -> str:
    return (
        f"SELECT t.id, t.scope, {hot_sql.epoch('t.expires_at')}, {hot_sql.epoch('t.last_used_at')}, "
        "m.id, m.role, CAST(m.grants AS text), CAST(m.limited_to_user_ids AS text), "
        "CAST(m.limited_to_service_ids AS text), m.business_id, u.id, u.time_zone, u.name, u.email "
        "FROM api_tokens t JOIN memberships m ON m.id = t.membership_id JOIN users u ON u.id = m.user_id "
        "WHERE t.secret_hash = %s AND t.revoked_at IS NULL AND NOT m.is_suspended AND u.is_active"
    )


def caller_of_membership(membership: Membership, source: str = "") -> Caller:
    """Describe a signed-in member; the membership's user must be loaded."""
    user = membership.user
    return Caller(
        user_id=user.pk,
        business_id=membership.business_id,
        membership_id=membership.pk,
        role=Role(membership.role),
        time_zone=user.time_zone,
        name=str(user),
        grants=frozenset(membership.grants),
        limited_to_user_ids=_limit(membership.limited_to_user_ids),
        limited_to_service_ids=_limit(membership.limited_to_service_ids),
        source=source,
    )


def _stored_limit(text: str | None) -> frozenset[int] | None:
    return None if text is None else _limit(msgspec.json.decode(text))


def _limit(ids: Iterable[int] | None) -> frozenset[int] | None:
    return None if ids is None else frozenset(ids)


def note_token_use(token_id: int, now: int) -> None:
    """Write down that a token was used, at most once a minute, in a transaction of its own."""
    moment = datetime.fromtimestamp(now, UTC)
    stale = Q(last_used_at=None) | Q(last_used_at__lte=datetime.fromtimestamp(now - LAST_USE_PRECISION_SECONDS, UTC))
    try:
        with transaction.atomic():
            ApiToken.objects.filter(stale, pk=token_id).update(last_used_at=moment)
    except OperationalError:
        # The answer stands; the next request will note its use.
        return
