"""Our Google client against an emulation that somebody else wrote: npm's emulate, which knows a part of the calendar.

It gives no sync tokens, and can neither find a single event nor change one; the fake in tests/servers knows those.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest

from contracts.accounts import KeptAccount, settings_with
from servers.calendar_servers import start
from servers.independent import CLIENT, FOLDER, HERE, needs
from servers.postgresql import free_port
from slotkeeper.calendars import oauth
from slotkeeper.calendars.oauth import Access, begin, finish
from slotkeeper.calendars.oauth_apps import app_of
from slotkeeper.calendars.providers.base import ChangesRequest, EventDetails, EventPlace
from slotkeeper.calendars.providers.google import open_google
from slotkeeper.calendars.providers.google_events import rfc3339
from slotkeeper.outbound.client import Client
from slotkeeper.rules.intervals import Interval

ANN, NINE, HOUR = "ann@example.com", 1_900_054_800, 3600
SEED = {
    "google": {
        "users": [{"email": ANN, "name": "Ann", "email_verified": True}],
        "oauth_clients": [
            {"client_id": CLIENT["google_client_id"], "client_secret": CLIENT["google_client_secret"],
             "name": "Slotkeeper", "redirect_uris": [HERE]}
        ],
        "calendars": [{"id": "primary", "user_email": ANN, "summary": ANN, "primary": True, "time_zone": "UTC"}],
    }
}  # fmt: skip

pytestmark = needs("emulate")


@pytest.fixture
def google(stack, tmp_path, monkeypatch):
    """Run the emulation on a free port, and be registered there as at Google."""
    port, seed = free_port(), tmp_path / "seed.json"
    seed.write_text(json.dumps(SEED))
    emulate, url = FOLDER / "node_modules/emulate/dist/index.js", f"http://127.0.0.1:{port}"
    start(["node", emulate, "start", "-s", "google", "-p", f"{port}", "--seed", seed], url, tmp_path)
    stack.enter_context(settings_with(**CLIENT, google_url=url))
    app = replace(app_of("google"), token_url=f"{url}/oauth2/token")  # at Google it has a host of its own
    monkeypatch.setattr(oauth, "app_of", lambda _kind: app)
    return url


def instant(text):
    return int(datetime.fromisoformat(text).timestamp())


def consent(address):
    """Press the button that somebody presses who signs in and agrees; give what they come back with."""
    with httpx.Client() as browser:
        page = browser.get(address).text
        (form,) = [form for form in re.findall(r"<form.+?</form>", page, re.DOTALL) if ANN in form]
        target = re.search(r' action="([^"]+)"', form)[1]
        fields = re.findall(r'name="([^"]+)" value="([^"]*)"', form)
        back = browser.post(urljoin(address, target), data={name: unescape(value) for name, value in fields})
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


@pytest.fixture
def account(google, stack):
    """Connect as somebody does who agrees."""
    address, pending = begin("google", HERE)
    given = consent(address)
    secret = finish(pending, given["state"], given["code"], HERE)
    return KeptAccount(stack.enter_context(Client(["127.0.0.1"])), secret)


def ask(google, account, path, **body):
    """Ask the emulation as another program of the same person would."""
    headers = {"Authorization": f"Bearer {json.loads(account.kept[-1])['access_token']}"}
    answer = httpx.post(f"{google}/calendar/v3/{path}", headers=headers, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_is_written_and_entered_there_is_read_as_it_is_counted_there(google, account):
    provider = open_google(account.again())
    (calendar,) = provider.list_calendars()
    assert (calendar.name, calendar.is_primary, calendar.is_writable) == (ANN, True, True)
    key = "e" * 20
    written = provider.create_event(EventPlace(calendar.external_id, key), EventDetails(key, "Cut", NINE, NINE + HOUR))
    offset = {"dateTime": "2030-03-18T15:00:00+02:00"}, {"dateTime": "2030-03-18T15:45:00+02:00"}
    ask(google, account, f"calendars/{calendar.external_id}/events", summary="Lunch", start=offset[0], end=offset[1])
    window = Interval(NINE - HOUR, NINE + 9 * HOUR)
    read = provider.read_changes(calendar.external_id, ChangesRequest("", window, "UTC"))
    busy = sorted(time for event in read.events for time in event.busy)
    edges = {"timeMin": rfc3339(window.start), "timeMax": rfc3339(window.end)}
    counted = ask(google, account, "freeBusy", **edges, items=[{"id": calendar.external_id}])
    told = [(one["start"], one["end"]) for one in counted["calendars"][calendar.external_id]["busy"]]
    assert busy == sorted((instant(start), instant(end)) for start, end in told)
    assert len(busy) == 2
    provider.delete_event(EventPlace(calendar.external_id, key, written.external_id, written.etag))
    left = provider.read_changes(calendar.external_id, ChangesRequest("", window, "UTC"))
    assert [event.busy for event in left.events] == [((NINE + 4 * HOUR, NINE + 4 * HOUR + 2700),)]


def test_access_is_renewed(account):
    before = json.loads(account.kept[-1])["access_token"]
    assert Access(oauth.app_of("google"), account.again(expires_at=0)).token() != before
