"""Token endpoints that talk nonsense, or send elsewhere what lets us in."""

import json
import time
from contextlib import ExitStack

import pytest

from contracts.accounts import KeptAccount, settings_with
from servers.fake_http import FakeServer, Told, running
from servers.fake_oauth import CLIENT_ID, CLIENT_SECRET
from slotkeeper.calendars.oauth import Access, begin, finish
from slotkeeper.calendars.oauth_apps import app_of
from slotkeeper.calendars.providers.base import Unavailable
from slotkeeper.outbound.client import Client

HERE = "https://booking.example.com/calendars/connected/google"


class Endpoint(FakeServer):
    """Answers everything with `told`."""

    told = Told(200, b"")

    def tell(self, _asked):
        return self.told


@pytest.fixture
def endpoint():
    with running(Endpoint()) as server:
        urls = {"google_url": server.url, "google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET}
        with settings_with(**urls):
            yield server


def connect():
    _, pending = begin("google", HERE)
    return finish(pending, pending["state"], "the code", HERE)


@pytest.fixture
def renew():
    with ExitStack() as stack:
        secret = json.dumps({"access_token": "a", "refresh_token": "the refresh token", "expires_at": 0})
        account = KeptAccount(stack.enter_context(Client(["127.0.0.1"])), secret)
        yield lambda: Access(app_of("google"), account.again()).renewed()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_lets_us_in_is_led_nowhere(endpoint, renew, status):
    with running(Endpoint()) as other:
        for place in (f"{other.url}/token", f"{endpoint.url}/elsewhere"):
            endpoint.told = Told(status, None, {"Location": place})
            for ask in (connect, renew):
                with pytest.raises(Unavailable, match=str(status)):
                    ask()
        assert other.asked == []
    assert {one.path for one in endpoint.asked} == {"/token"}


NONSENSE = {
    "no UTF-8": b'{"access_token": "\xff", "refresh_token": "b"}',
    "another encoding": '{"access_token": "a"}'.encode("utf-16"),
    "half a character": b'{"access_token": "\\ud800"}',
    "empty": b"",
    "a list": b"[]",
    "nothing": b"null",
    "wrong types": b'{"access_token": 1, "refresh_token": []}',
    "no number": b'{"access_token": "a", "expires_in": "soon"}',
    "deep": b'{"access_token": "a", "more": ' + b"[" * 90_000 + b"]" * 90_000 + b"}",
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_a_passing_trouble(endpoint, renew, kind, status):
    endpoint.told = Told(status, NONSENSE[kind])
    for ask in (connect, renew):
        with pytest.raises(Unavailable):
            ask()


@pytest.mark.parametrize(("seconds", "least", "most"), [("9" * 40, 1, 367 * 86_400), (f"-{'9' * 40}", -10, 0)])
def test_a_time_beyond_reason_is_bounded(endpoint, seconds, least, most):
    scope = app_of("google").scope
    body = f'{{"access_token": "a", "refresh_token": "b", "scope": "{scope}", "expires_in": {seconds}}}'
    endpoint.told = Told(200, body.encode())
    left = json.loads(connect())["expires_at"] - time.time()
    assert least <= left <= most
