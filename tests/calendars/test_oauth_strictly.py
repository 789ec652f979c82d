"""Our OAuth client against a server that somebody else wrote, and that forgives nothing (npm's oidc-provider)."""

import json
import subprocess
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest

from contracts.accounts import KeptAccount, settings_with
from servers.independent import CLIENT, FOLDER, HERE, needs
from slotkeeper.calendars.oauth import Access, begin, finish
from slotkeeper.calendars.oauth_apps import app_of
from slotkeeper.calendars.providers.base import AccessLost, Refused
from slotkeeper.outbound.client import Client

pytestmark = needs("oidc-provider")


@pytest.fixture
def server(stack):
    """Run the server on a free port, and be registered there as at Google."""
    with settings_with(**CLIENT):
        scopes = app_of("google").scope.split()
    command = ["node", "server.js", *CLIENT.values(), HERE, *scopes]
    process = stack.enter_context(subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    url = process.stdout.readline().strip()
    stack.enter_context(settings_with(**CLIENT, google_url=url))
    return url


def come_back(address):
    """Go where the server sends a browser, until it sends it back to us."""
    with httpx.Client() as browser:
        for _ in range(10):
            address = urljoin(address, browser.get(address).headers["Location"])
            if address.startswith(HERE):
                return dict(parse_qsl(urlsplit(address).query))
    raise AssertionError("the server did not send us back")


def connect():
    address, pending = begin("google", HERE)
    given = come_back(address)
    assert given["state"] == pending["state"]
    return finish(pending, given["state"], given["code"], HERE)


def test_connecting_and_refreshing_again_and_again(server, stack):
    account = KeptAccount(stack.enter_context(Client(["127.0.0.1"])), connect())
    seen = {Access(app_of("google"), account.again(expires_at=0)).token() for _ in range(4)}
    assert len(seen) == 4
    assert len({json.loads(secret)["refresh_token"] for secret in account.kept}) == 5


def test_an_old_refresh_token_ends_the_access(server, stack):
    http = stack.enter_context(Client(["127.0.0.1"]))
    first = connect()
    account = KeptAccount(http, first)
    Access(app_of("google"), account.again()).renewed()
    with pytest.raises(AccessLost):
        Access(app_of("google"), KeptAccount(http, first).again()).renewed()
    with pytest.raises(AccessLost):
        Access(app_of("google"), account.again()).renewed()


def test_a_code_without_its_verifier_is_worth_nothing(server):
    address, pending = begin("google", HERE)
    given = come_back(address)
    stolen = {**pending, "verifier": begin("google", HERE)[1]["verifier"]}
    with pytest.raises(Refused):
        finish(stolen, given["state"], given["code"], HERE)
