"""API tokens over HTTP, and what several resources share: names, colours, pages of a list."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointment_forms import Time, ZoneName
from slotkeeper.doors.api.appointments import REPEATED, now
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit, read_cursor, write_cursor
from slotkeeper.doors.api.problems import bad_field
from slotkeeper.doors.api.times import TimeReader, zone_of
from slotkeeper.doors.ids import known_id
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.people.tokens import TokenWish, create_token, revoke_token
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission, Scope

Name = Annotated[str, Meta(max_length=100, pattern=r"\S")]
Slug = Annotated[str, Meta(max_length=60, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
Color = Annotated[str, Meta(pattern=r"^#[0-9a-fA-F]{6}$", examples=["#b5552b"])]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """What making a token takes; it is for the caller's own membership."""

    name: Name
    scope: Scope = Scope.WRITE
    expires_at: Time | None = None
    time_zone: ZoneName | UnsetType = UNSET


class TokenOut(msgspec.Struct):
    """A token, without its secret."""

    id: int
    name: str
    scope: Scope
    hint: str
    user_id: int
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class MadeToken(TokenOut):
    """A new token; the secret is shown this once (null when the request is a repetition)."""

    token: str | None


class TokenList(msgspec.Struct):
    """A page of tokens."""

    tokens: list[TokenOut]
    next_cursor: str | None


class TokenPath(msgspec.Struct):
    """Where a token is."""

    token_id: int


class PageQuery(msgspec.Struct):
    """Which page of a list."""

    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None


class Tokens(JsonEndpoint):
    """API tokens."""

    permissions = {"GET": Permission.TOKENS_READ, "POST": Permission.TOKENS_WRITE}

    @answers(TokenList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List the business's tokens, newest first; never a secret."""
        tokens = ApiToken.objects.in_business(self.caller.business_id).select_related("membership").order_by("-pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            tokens = tokens.filter(pk__lt=after[0])
        page = list(tokens[: parsed_query.limit + 1])
        shown, form = page[: parsed_query.limit], TimeForm.with_offset(self.caller.time_zone)
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"tokens": [_token(token, form) for token in shown], "next_cursor": cursor})

    @answers(
        MadeToken,
        HTTPStatus.CREATED,
        refusals=REPEATED | {HTTPStatus.CONFLICT: "The first request is still running."},
    )
    def post(self, parsed_body: Body[NewToken]) -> HttpResponse:
        """Make a token; its secret is in this answer and nowhere else."""
        secrets: list[str] = []
        kept = once(self.request, self.caller, lambda: self._make(parsed_body, secrets))
        # What is kept for a repetition must not hold the secret, so it is added only now.
        return answer(
            msgspec.json.decode(kept.content) | {"token": secrets[0] if secrets else None}, HTTPStatus.CREATED
        )

    def _make(self, body: NewToken, secrets: list[str]) -> HttpResponse:
        caller = self.caller
        times = TimeReader(zone_of(caller, body.time_zone))
        expires_at = None if body.expires_at is None else times.instant("expires_at", body.expires_at)
        times.check()
        if expires_at is not None and expires_at <= now():
            raise bad_field("expires_at", "IN_THE_PAST", "It must lie in the future.")
        membership = Membership.objects.in_business(caller.business_id).get(pk=caller.membership_id)
        token, secret = create_token(membership, TokenWish(body.name, body.scope, expires_at), caller.actor)
        secrets.append(secret)
        return answer(_token(token, TimeForm.with_offset(times.zone)), HTTPStatus.CREATED)


class RevokeToken(JsonEndpoint):
    """Revoking."""

    permissions = {"POST": Permission.TOKENS_WRITE}

    @answers(TokenOut, refusals=NOT_FOUND)
    def post(self, parsed_path: At[TokenPath]) -> HttpResponse:
        """Revoke a token; the next request with it is refused."""
        token = revoke_token(self.caller.business_id, known_id(parsed_path.token_id), self.caller.actor, now())
        return answer(_token(token, TimeForm.with_offset(self.caller.time_zone)))


def _token(token: ApiToken, form: TimeForm) -> dict[str, Any]:
    times = {
        name: None if (moment := getattr(token, name)) is None else form.write(int(moment.timestamp()))
        for name in ("created_at", "expires_at", "last_used_at", "revoked_at")
    }
    named = {"id": token.pk, "name": token.name, "scope": token.scope, "hint": token.hint}
    return named | {"user_id": token.membership.user_id} | times
