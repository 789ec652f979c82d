"""The examples of docs/webhooks.md verify what is really sent."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slotkeeper.outbound.secret_box import secret_box
from slotkeeper.webhooks.events import EventType
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint
from slotkeeper.webhooks.signing import headers_of, new_secret

PAGE = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()
BODY = '{"type":"webhook.test","data":{"name":"Zoë"}}'


def example(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


def sent(secret: str, at: datetime) -> dict[str, str]:
    """The headers of a delivery, two secrets signing."""
    sealed, former = secret_box().seal(new_secret()), secret_box().seal(secret)
    endpoint = WebhookEndpoint(sealed_secret=sealed, sealed_former_secret=former, former_until=at + timedelta(hours=1))
    return headers_of(WebhookDelivery(endpoint=endpoint, message_id="msg_1", body=BODY), at)


def in_python(secret, headers, body):
    names: dict = {}
    exec(example("python"), names)
    return names["is_genuine"](secret, headers, body.encode())


def in_javascript(secret, headers, body):
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is missing")
    call = f"console.log(isGenuine(...{json.dumps([secret, headers, body])}))"
    ran = subprocess.run([node, "-e", example("js") + call], capture_output=True, text=True, check=True, timeout=30)
    return ran.stdout == "true\n"


@pytest.mark.parametrize("is_genuine", [in_python, in_javascript])
def test_the_example_believes_what_is_genuine_and_nothing_else(is_genuine):
    secret, now = new_secret(), datetime.now(UTC)
    headers = sent(secret, now)
    assert is_genuine(secret, headers, BODY)
    assert not is_genuine(secret, headers, BODY.replace("test", "rest"))
    assert not is_genuine(new_secret(), headers, BODY)
    assert not is_genuine(secret, headers | {"webhook-id": "msg_2"}, BODY)
    assert not is_genuine(secret, sent(secret, now - timedelta(minutes=10)), BODY)


def test_every_type_of_event_is_documented():
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = set()
    for row in rows:
        first, *others = re.findall(r"`([a-z_.]+)`", row)
        named |= {first, *(first.split(".")[0] + other for other in others)}
    assert {event.value for event in EventType} <= named
