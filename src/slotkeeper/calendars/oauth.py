"""Getting into people's calendars at Google and Microsoft: asking once, and staying in.

The authorization code flow with PKCE (RFC 6749, RFC 7636, RFC 9700). What comes of it is kept sealed as one text
of JSON: `{"access_token", "refresh_token", "expires_at"}`.

Tokens are refreshed only by whoever holds the connection's lease (calendars/leases.py), with the secret that was
read after the lease was taken, and nothing reads it again meanwhile. That matters where a server gives a new refresh
token each time and takes the use of an old one for theft: two refreshing at once would lose the access.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import TypedDict
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from slotkeeper.calendars.oauth_apps import App, app_of
from slotkeeper.calendars.providers.base import AccessLost, Account, ProviderError, Refused, Unavailable
from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Client, Limits, Request, TooLarge, Unreachable
from slotkeeper.outbound.foreign_json import NO_JSON
from slotkeeper.outbound.retry_after import seconds_to_wait

_REFRESH_SECONDS_BEFORE = 120
_LONGEST_SECONDS = 366 * 86_400
_LIMITS = Limits(seconds=15.0, bytes=200_000)
# What means that the owner has to agree again: RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6.
_ACCESS_OVER = {"invalid_grant", "interaction_required", "consent_required", "login_required"}


class Pending(TypedDict):
    """What has to be remembered in the person's session until they come back from the provider."""

    kind: str
    state: str
    verifier: str


class Tokens(msgspec.Struct, frozen=True):
    """What a provider lets us in with."""

    access_token: str
    refresh_token: str
    expires_at: int

    def as_text(self) -> str:
        """Write them as they are kept."""
        return msgspec.json.encode(self).decode()


class _Granted(msgspec.Struct):
    """A successful answer of a token endpoint (RFC 6749 section 5.1)."""

    access_token: str
    expires_in: int = 300  # none is given: ask again soon
    refresh_token: str | None = None
    scope: str | None = None


class _Denied(msgspec.Struct):
    """An error of a token endpoint (RFC 6749 section 5.2)."""

    error: str


def begin(kind: str, redirect_uri: str) -> tuple[str, Pending]:
    """Give the address at which a person lets us into their calendars, and what to remember until they return.

    Raises Unavailable where the settings hold no client id for that kind.
    """
    app = app_of(kind)
    pending = Pending(kind=kind, state=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48))
    digest = hashlib.sha256(pending["verifier"].encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": app.scope,
        "state": pending["state"],
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{app.authorize_url}?{urlencode(asked | dict(app.parameters))}", pending


def finish(pending: Pending, given_state: str, code: str, redirect_uri: str) -> str:
    """Turn the code that a person came back with into tokens, as text to be sealed.

    Raises Refused where they have to try again, and Unavailable. A state belongs to one attempt: forget `pending`
    before this is called, whatever comes of it.
    """
    if not secrets.compare_digest(pending["state"].encode(), given_state.encode()) or not code:
        raise Refused("This answer belongs to no attempt of yours. Please connect again.")
    app = app_of(pending["kind"])
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": pending["verifier"],
    }
    with Client(settings.CONFIGURATION.private_hosts) as http:
        try:
            granted = _ask_for_tokens(app, http, asked)
        except AccessLost:
            raise Refused(f"{app.name} no longer accepts this attempt. Please connect again.") from None
    if not granted.refresh_token:
        raise Refused(f"{app.name} gave no lasting access. Please connect again.")
    if granted.scope is not None and not app.is_enough(granted.scope):
        # At Google people may untick single permissions on the consent screen.
        raise Refused(f"{app.name} was not told to let us see and change your calendars. Please allow all of it.")
    return Tokens(granted.access_token, granted.refresh_token, _expiry(granted)).as_text()


class Access:
    """The access token of one account; refreshed when it has run out, and kept before it is used."""

    def __init__(self, app: App, account: Account) -> None:
        self._app, self._account = app, account
        try:
            self._tokens = msgspec.json.decode(account.secret, type=Tokens)
        except msgspec.DecodeError:
            raise AccessLost("The stored access cannot be read. Please connect again.") from None

    def token(self) -> str:
        """Give a token that should still be valid. Raises AccessLost and Unavailable."""
        if self._tokens.expires_at - time.time() < _REFRESH_SECONDS_BEFORE:
            return self.renewed()
        return self._tokens.access_token

    def renewed(self) -> str:
        """Give a new token, because the provider does not accept the last one. Raises AccessLost and Unavailable."""
        asked = {"grant_type": "refresh_token", "refresh_token": self._tokens.refresh_token}
        granted = _ask_for_tokens(self._app, self._account.http, asked)
        # Most answers repeat no refresh token: the old one stays valid (RFC 6749 section 6).
        lasting = granted.refresh_token or self._tokens.refresh_token
        tokens = Tokens(granted.access_token, lasting, _expiry(granted))
        self._account.keep_secret(tokens.as_text())
        self._tokens = tokens
        return tokens.access_token


def _ask_for_tokens(app: App, http: Client, asked: Mapping[str, str]) -> _Granted:
    """Ask the token endpoint. Raises AccessLost, Unavailable and, where its address may not be asked, Refused."""
    identified = {**asked, "client_id": app.client_id}
    if app.client_secret:
        identified["client_secret"] = app.client_secret
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    body = urlencode(identified).encode()
    # What lets us in goes to the address that the settings name, or nowhere.
    request = Request("POST", app.token_url, headers, body, limits=_LIMITS, follows_redirects=False)
    try:
        answer = http.send(request)
    except (Unreachable, TooLarge) as error:
        raise Unavailable(f"{app.name} gives no access now. {error}") from None
    except AddressRefused as error:
        raise Refused(f"{app.name} cannot be asked. {error}") from None
    if answer.status != 200:
        raise _failure(app, answer)
    try:
        # Some servers write the seconds as text.
        return msgspec.json.decode(answer.body, type=_Granted, strict=False)
    except NO_JSON:
        raise Unavailable(f"{app.name} answers what it should not.") from None


def _failure(app: App, answer: Answer) -> ProviderError:
    """Say what a refusal of the token endpoint means."""
    try:
        error = msgspec.json.decode(answer.body, type=_Denied).error
    except NO_JSON:
        error = ""
    if error in _ACCESS_OVER and answer.status < 500:
        return AccessLost(f"{app.name} no longer lets us in. Please connect again.")
    if error in {"invalid_client", "unauthorized_client"}:
        # Not the owner's affair: when the operator has mended it, everything goes on by itself.
        return Unavailable(
            f"{app.name} does not accept this server's client id or secret; its operator has to mend that."
        )
    return Unavailable(f"{app.name} gives no access now ({answer.status}).", seconds_to_wait(answer.headers))


def _expiry(granted: _Granted) -> int:
    return int(time.time()) + min(max(granted.expires_in, 0), _LONGEST_SECONDS)
