"""Somebody sets up a webhook endpoint with a real receiver behind it, reads the log, and sends again."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, WIDE, Visitor, running_server
from servers.fake_http import Told, running
from servers.webhook_receiver import WebhookReceiver

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
PLACE = "/settings/webhooks"
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast
make_cast()
"""
# One round of the worker, by hand.
WORK = """
import django
django.setup()
from datetime import UTC, datetime
from slotkeeper.webhooks.claims import due_endpoints
from slotkeeper.webhooks.sending import work_on
from slotkeeper.worker.jobs import handle_changes
handle_changes()
for endpoint_id in due_endpoints(datetime.now(UTC)):
    work_on(endpoint_id)
"""


class Practice:
    """A running server with the cast, and its worker by hand."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.environment = environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{TESTS}"}

    def run(self, program: str) -> None:
        subprocess.run([sys.executable, "-c", program], env=self.environment, check=True, timeout=120)


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[Practice]:
    with running_server(tmp_path_factory, SLOTKEEPER_PRIVATE_HOSTS="127.0.0.1") as (url, environment):
        practice = Practice(url, environment)
        practice.run(OPEN_OFFICE)
        yield practice


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running(WebhookReceiver()) as started:
        yield started


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"webhooks_{name}")
    assert not serious_findings(visitor.page), name


@pytest.fixture
def visitor(chromium, practice) -> Iterator[Visitor]:
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": WIDE, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def test_an_endpoint_is_added_tested_and_its_log_read(visitor, practice, receiver):
    secret = _add(visitor, receiver)
    receiver.answers = [Told(500, b"The database is on fire"), Told(204)]
    visitor.press("Send a test")
    visitor.page.get_by_text("A test is being sent.").wait_for()
    practice.run(WORK)
    visitor.page.reload()
    visitor.page.get_by_text("The receiver answers 500.").wait_for()
    look_at(visitor, "failing")
    visitor.follow("Test")
    visitor.page.get_by_text("The database is on fire").wait_for()
    look_at(visitor, "delivery")
    visitor.press("Send it now")
    practice.run(WORK)
    visitor.page.reload()
    visitor.page.get_by_text("Delivered").wait_for()
    assert [one["type"] for one in receiver.verified(secret)] == ["webhook.test"] * 2
    assert len(set(receiver.ids())) == 1


def _add(visitor: Visitor, receiver: WebhookReceiver) -> str:
    visitor.open("/settings")
    visitor.follow("Webhooks")
    look_at(visitor, "none")
    visitor.fill(url="http://192.168.1.20/hook", description="Bookkeeping")
    visitor.press("Add endpoint")
    visitor.page.get_by_text("The address must begin with https://").wait_for()
    look_at(visitor, "refused")
    visitor.fill(url=receiver.hook)
    visitor.page.get_by_label("Appointment booked").check()
    visitor.page.get_by_label("Appointment canceled").check()
    visitor.press("Add endpoint")
    secret = visitor.page.input_value("#secret")
    look_at(visitor, "secret")
    visitor.follow("I have copied it")
    look_at(visitor, "empty")
    return secret


def test_an_endpoint_is_switched_off_given_a_new_secret_and_deleted(visitor):
    visitor.open(PLACE)
    look_at(visitor, "list")
    visitor.page.get_by_role("link", name="Open").first.click()
    visitor.press("Switch off")
    visitor.page.get_by_text("It is switched off.").wait_for()
    visitor.page.reload()
    look_at(visitor, "off")
    visitor.follow("Make a new secret")
    look_at(visitor, "rotate")
    visitor.press("Make a new secret")
    look_at(visitor, "rotated")
    visitor.follow("I have copied it")
    visitor.follow("Delete")
    look_at(visitor, "delete")
    visitor.press("Delete endpoint")
    visitor.page.get_by_text("No endpoint yet").wait_for()


def test_the_pages_work_without_scripts(chromium, practice, receiver):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    visitor.open(PLACE)
    visitor.fill(url=receiver.hook)
    visitor.press("Add endpoint")
    visitor.follow("I have copied it")
    visitor.press("Send a test")
    practice.run(WORK)
    visitor.page.reload()
    visitor.follow("Test")
    visitor.press("Send it again")
    practice.run(WORK)
    assert len(receiver.asked) == 2
    context.close()
