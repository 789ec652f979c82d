"""Getting into somebody's calendars, and staying in."""

import json
from contextlib import ExitStack
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from contracts.accounts import account_of, settings_with
from servers.fake_http import running
from servers.fake_oauth import CLIENT_ID, CLIENT_SECRET
from servers.google_fake import GoogleFake
from slotkeeper.calendars.oauth import Access, begin, finish
from slotkeeper.calendars.oauth_apps import app_of, is_set_up
from slotkeeper.calendars.providers.base import AccessLost, Refused, Unavailable
from slotkeeper.configuration import BadSetting, read_configuration

HERE = "https://booking.example.com/calendars/connected/google"


@pytest.fixture
def server():
    with running(GoogleFake()) as server:
        urls = {"google_url": server.url, "google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET}
        with settings_with(**urls):
            yield server


@pytest.fixture
def account(server):
    with ExitStack() as stack:
        yield account_of(stack, server.oauth, expires_in=3600)


def come_back(address):
    """Consent at the provider; give what it sends along to us."""
    place = httpx.get(address).headers["Location"]
    assert place.startswith(f"{HERE}?")
    return dict(parse_qsl(urlsplit(place).query))


def access_of(account, **changes):
    return Access(app_of("google"), account.again(**changes))


def test_consent_leads_to_tokens(server):
    address, pending = begin("google", HERE)
    given = come_back(address)
    tokens = json.loads(finish(pending, given["state"], given["code"], HERE))
    assert tokens.keys() == {"access_token", "refresh_token", "expires_at"}
    assert tokens["access_token"] in server.oauth.access_tokens


def test_the_address_asks_for_lasting_access_with_a_challenge_and_shows_no_secret(server):
    address, pending = begin("google", HERE)
    asked = parse_qs(urlsplit(address).query)
    assert asked["access_type"] == ["offline"]
    assert asked["include_granted_scopes"] == ["true"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert 43 <= len(pending["verifier"]) <= 128
    assert pending["verifier"] not in address
    assert CLIENT_SECRET not in address


def test_every_attempt_has_a_state_and_a_verifier_of_its_own(server):
    assert begin("google", HERE)[1] != begin("google", HERE)[1]


def test_a_state_of_somebody_else_is_refused_without_asking(server):
    address, pending = begin("google", HERE)
    given = come_back(address)
    with pytest.raises(Refused):
        finish(pending, "another", given["code"], HERE)
    assert server.asked_for("POST", "/token") == []


def test_a_stolen_code_is_worth_nothing_without_the_verifier(server):
    address, _ = begin("google", HERE)
    _, pending_of_the_thief = begin("google", HERE)
    given = come_back(address)
    with pytest.raises(Refused):
        finish(pending_of_the_thief, pending_of_the_thief["state"], given["code"], HERE)


def test_a_code_is_good_once(server):
    address, pending = begin("google", HERE)
    given = come_back(address)
    finish(pending, given["state"], given["code"], HERE)
    with pytest.raises(Refused):
        finish(pending, given["state"], given["code"], HERE)


def test_who_unticks_the_calendar_is_asked_to_allow_it(server):
    server.oauth.granted_scope = "openid email"
    address, pending = begin("google", HERE)
    given = come_back(address)
    with pytest.raises(Refused, match="allow all"):
        finish(pending, given["state"], given["code"], HERE)


def test_microsoft_is_asked_at_the_tenant_for_a_refresh_token():
    with settings_with(microsoft_client_id="ours", microsoft_tenant="example.com"):
        address, _ = begin("microsoft", HERE)
    assert address.startswith("https://login.microsoftonline.com/example.com/oauth2/v2.0/authorize?")
    assert "offline_access" in parse_qs(urlsplit(address).query)["scope"][0].split()


def test_without_a_client_id_nothing_is_asked():
    assert not is_set_up("google")
    with pytest.raises(Unavailable, match="not registered"):
        begin("google", HERE)


def test_a_token_that_is_still_good_is_used_as_it_is(server, account):
    assert access_of(account).token() in server.oauth.access_tokens
    assert server.asked == []


def test_a_token_that_ran_out_is_refreshed_and_kept(server, account):
    newer = access_of(account, expires_at=0).token()
    assert newer in server.oauth.access_tokens
    assert json.loads(account.kept[-1])["access_token"] == newer
    assert json.loads(account.kept[-1])["refresh_token"] == json.loads(account.kept[0])["refresh_token"]


def test_where_refresh_tokens_rotate_the_newest_is_kept_and_goes_on_working(server, account):
    server.oauth.rotates = True
    for _ in range(3):
        assert access_of(account, expires_at=0).token() in server.oauth.access_tokens
    assert len({json.loads(secret)["refresh_token"] for secret in account.kept}) == 4


def test_a_new_secret_is_kept_before_it_is_used(server, account):
    def fail(_secret):
        raise OSError("the disk is full")

    server.oauth.rotates = True
    broken = account.again(expires_at=0)
    access = Access(app_of("google"), type(broken)(broken.http, "", "", broken.secret, fail))
    with pytest.raises(OSError, match="full"):
        access.token()


def test_an_access_that_was_taken_back_has_to_be_given_again(server, account):
    server.oauth.is_revoked = True
    with pytest.raises(AccessLost):
        access_of(account).renewed()


@pytest.mark.parametrize("fault", ["away", "error", "busy", "nonsense", "cut", "cut_text"])
def test_trouble_at_the_token_endpoint_is_no_loss_of_access(server, account, fault):
    server.fault = fault
    with pytest.raises(Unavailable):
        access_of(account).renewed()
    server.fault = ""
    assert access_of(account).renewed() in server.oauth.access_tokens


def test_a_wrong_client_secret_is_the_operators_affair(server, account):
    with settings_with(google_url=server.url, google_client_id=CLIENT_ID, google_client_secret="mistyped"):
        with pytest.raises(Unavailable, match="operator") as raised:
            access_of(account).renewed()
        assert "mistyped" not in repr(app_of("google")) + str(raised.value)


def test_a_secret_that_is_no_tokens_asks_to_connect_again(account):
    with pytest.raises(AccessLost):
        access_of(account, expires_at="soon")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLOTKEEPER_GOOGLE_URL", "https://ann:secret@gateway.example.com"),
        ("SLOTKEEPER_MICROSOFT_GRAPH_URL", "graph.microsoft.com"),
        ("SLOTKEEPER_MICROSOFT_TENANT", "common/../other"),
    ],
)
def test_a_setting_that_cannot_be_an_address_stops_the_start(tmp_path, name, value):
    with pytest.raises(BadSetting, match=name) as raised:
        read_configuration({"SLOTKEEPER_DATA_DIR": str(tmp_path), name: value}, tmp_path)
    assert "secret@" not in str(raised.value)
