"""Google and Microsoft say that a calendar changed: it is read now, and strangers learn nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from connected import connect
from slotkeeper.calendars.models import ConnectedCalendar
from slotkeeper.doors.public.callbacks import MOST_BYTES

DEEP = b'{"value": [], "more": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"
LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def watched(cast, monkeypatch):
    """A calendar that is not due, of which its provider was asked to tell."""
    connected = connect(cast.owner, monkeypatch)
    ConnectedCalendar.objects.update(
        channel_id="channel-1", channel_secret="whisper", channel_expires_at=LATER, next_read_at=LATER
    )
    type(connected.connection).objects.update(due_at=LATER)
    return connected


@pytest.fixture
def provider() -> Client:
    return Client(HTTP_HOST="localhost", enforce_csrf_checks=True)


def is_due(connected) -> bool:
    connected.calendar.refresh_from_db()
    connected.connection.refresh_from_db()
    now = datetime.now(UTC)
    return connected.calendar.next_read_at <= now and connected.connection.due_at <= now


def from_google(provider, channel="channel-1", token="whisper", state="exists"):
    named = {"X-Goog-Channel-ID": channel, "X-Goog-Channel-Token": token, "X-Goog-Resource-State": state}
    return provider.post("/callbacks/google", headers=named)


def from_microsoft(provider, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider.post("/callbacks/microsoft", content, content_type="application/json")


def told(state="whisper", **fields):
    return {"value": [{"subscriptionId": "channel-1", "clientState": state, "changeType": "updated"} | fields]}


def test_google_has_a_calendar_read_now(watched, provider):
    assert not is_due(watched)
    assert from_google(provider).status_code == 204
    assert is_due(watched)


def test_googles_first_message_tells_nothing(watched, provider):
    assert from_google(provider, state="sync").status_code == 204
    assert not is_due(watched)


@pytest.mark.parametrize("named", [{"channel": "other"}, {"token": "guess"}, {"channel": ""}, {"token": "gu\u00e9ss"}])
def test_a_channel_that_nobody_asked_for_and_a_wrong_secret_look_the_same(watched, provider, named):
    answer = from_google(provider, **named)
    assert (answer.status_code, answer.content) == (404, b"")
    assert not is_due(watched)


def test_microsoft_is_answered_when_it_asks_who_is_there(db, provider):
    answer = provider.post("/callbacks/microsoft?validationToken=Hello%20%3Cb%3E%2B")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (
        200, b"Hello <b>+", "text/plain; charset=utf-8",
    )  # fmt: skip
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_microsoft_has_a_calendar_read_now(watched, provider):
    assert from_microsoft(provider, told()).status_code == 202
    assert is_due(watched)


def test_a_wrong_secret_of_microsofts_is_not_told_apart(watched, provider):
    answer = from_microsoft(provider, told("guess"))
    assert (answer.status_code, answer.content) == (202, b"")
    assert not is_due(watched)


@pytest.mark.parametrize("event", ["subscriptionRemoved", "reauthorizationRequired"])
def test_a_subscription_that_lapses_is_asked_for_anew(watched, provider, event):
    assert from_microsoft(provider, told(lifecycleEvent=event)).status_code == 202
    assert is_due(watched)
    assert watched.calendar.channel_expires_at is None


def test_what_microsoft_could_not_tell_is_read(watched, provider):
    assert from_microsoft(provider, told(lifecycleEvent="missed")).status_code == 202
    assert is_due(watched)
    assert watched.calendar.channel_expires_at == LATER


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"\xff"', DEEP, {"value": 1}, {"value": [{}]}, told("nul\0"),
        {"value": [{"subscriptionId": "x" * 256, "clientState": "x"}]},
        {"value": told()["value"] * 201},
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_notification_is_refused(watched, provider, body):
    assert from_microsoft(provider, body).status_code == 400
    assert not is_due(watched)


def test_a_body_that_is_too_large_is_refused(db, provider):
    assert from_microsoft(provider, b" " * (MOST_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("path", ["/callbacks/google", "/callbacks/microsoft"])
def test_only_posts_are_heard(db, provider, path):
    assert provider.get(path).status_code == 405
