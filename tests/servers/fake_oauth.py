"""The OAuth half of a fake: it consents at once, and is strict about codes, PKCE, secrets and refresh tokens."""

import base64
import hashlib
from itertools import count
from urllib.parse import urlencode

from servers.fake_http import Told

CLIENT_ID, CLIENT_SECRET = "slotkeeper-tests", "a secret of the tests"
HOUR = 3600


class FakeOAuth:
    """`rotates`: each refresh gives a new refresh token, and the use of an old one ends the access (RFC 9700)."""

    def __init__(self):
        self.rotates = False
        self.is_revoked = False
        self.granted_scope = None
        self.codes = {}
        self.access_tokens = set()
        self.refresh_tokens = set()
        self.used_refresh_tokens = set()
        self.numbers = count(1)

    def grant(self):
        """Give a pair of tokens to whoever was let in before the test began."""
        access, refresh = f"access-{next(self.numbers)}", f"refresh-{next(self.numbers)}"
        self.access_tokens.add(access)
        self.refresh_tokens.add(refresh)
        return access, refresh

    def authorize(self, query):
        if query["client_id"] != CLIENT_ID or query["code_challenge_method"] != "S256":
            return Told(400, b"Bad request")
        code = f"code/{next(self.numbers)}+"  # with what has to be quoted
        self.codes[code] = query
        return Told(
            302, None, {"Location": f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"}
        )

    def token(self, form):
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Told(401, {"error": "invalid_client"})
        if self.is_revoked:
            return Told(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        if form["grant_type"] == "authorization_code":
            return self._redeem(form)
        return self._refresh(form["refresh_token"])

    def _redeem(self, form):
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != challenge:
            return Told(400, {"error": "invalid_grant"})
        access, refresh = self.grant()
        scope = self.granted_scope or asked["scope"]
        return self._tell(access, refresh_token=refresh, scope=scope)

    def _refresh(self, token):
        if token in self.used_refresh_tokens:
            self.access_tokens.clear()
            self.refresh_tokens.clear()
        if token not in self.refresh_tokens:
            return Told(400, {"error": "invalid_grant"})
        access, refresh = self.grant()
        if not self.rotates:
            self.refresh_tokens.discard(refresh)
            return self._tell(access)
        self.refresh_tokens.discard(token)
        self.used_refresh_tokens.add(token)
        return self._tell(access, refresh_token=refresh)

    def _tell(self, access, **more):
        return Told(200, {"access_token": access, "token_type": "Bearer", "expires_in": HOUR, **more})
