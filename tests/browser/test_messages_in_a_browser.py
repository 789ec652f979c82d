"""The pages of messages under somebody's eyes and hands: every state in them, empty, in German, without scripts."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast
cast = make_cast()
"""
# One message of every state, and reminders that will be sent and that will not.
WRITE = """
import django
django.setup()
from datetime import UTC, datetime, timedelta
from posted import open_desk
from slotkeeper.outbox.channels.base import Refused, TryLater
from slotkeeper.outbox.kinds import State
from slotkeeper.outbox.models import Message
from slotkeeper.people.models import Membership
desk = open_desk(Membership.objects.get(user__email="owner@practice.test"), datetime.now(UTC))
faults = desk.post.channel.faults
gone, later = "a-rather-long-name-for-one-person@gone.customer.test", "later@customer.test"
faults[gone] = Refused("550 5.1.1 No such user, and a long story why")
faults[later] = TryLater("451 Greylisted, please come back in a few minutes")
for number, address in enumerate([gone, later] + ["carla@customer.test"] * 5):
    fields = {"title": f"Consultation {number}", "contact_name": "Carla Customer", "contact_email": address}
    desk.book(in_hours=26 + number, **fields)
desk.book(in_hours=40, contact_name="Nora Nowhere", contact_email=None)
desk.post.work()
others = [State.SENT, State.SENDING, State.SKIPPED, State.SUPERSEDED, State.EXPIRED]
for state, message in zip(others, Message.objects.filter(state=State.SENT, kind="booked").order_by("pk"), strict=True):
    Message.objects.filter(pk=message.pk).update(state=state)
"""
SPEAK = """
import django
django.setup()
from slotkeeper.people.models import User
User.objects.update(locale="{language}")
"""
HOLD = """
import django
django.setup()
from slotkeeper.outbox.models import SendingHold
SendingHold.objects.create(reason="Restored from practice-2026-11-25.slotkeeper")
"""


class Practice:
    """A running server with the cast, and programs beside it."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.environment = environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{TESTS}"}

    def run(self, program: str) -> None:
        subprocess.run([sys.executable, "-c", program], env=self.environment, check=True, timeout=120)


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[Practice]:
    with running_server(tmp_path_factory) as (url, environment):
        practice = Practice(url, environment)
        practice.run(OPEN_OFFICE)
        yield practice


@pytest.fixture
def visitor(chromium, practice) -> Iterator[Visitor]:
    settings = {"timezone_id": "America/Lima", "viewport": {"width": WIDE, "height": HEIGHT}, "locale": "en-GB"}
    context = chromium.new_context(reduced_motion="reduce", **settings)
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"messages_{name}")
    assert not serious_findings(visitor.page), name


def test_empty_pages_teach(visitor):
    visitor.open("/messages")
    look_at(visitor, "none")
    visitor.open("/messages/upcoming")
    look_at(visitor, "none_upcoming")


def test_every_state_is_shown_filtered_and_sent_again(visitor, practice):
    practice.run(WRITE)
    page = visitor.open("/")
    look_at(visitor, "notice")
    page.get_by_role("link", name="1 message could not be delivered in the last 30 days.").click()
    page.get_by_text("550 5.1.1 No such user, and a long story why").wait_for()
    look_at(visitor, "undeliverable")
    page.get_by_label("State").select_option(label="Any")
    visitor.press("Show")
    look_at(visitor, "all")
    page.get_by_role("navigation", name="Messages").get_by_role("link", name="The next 48 hours").click()
    page.get_by_text("No address to write to.").first.wait_for()
    look_at(visitor, "upcoming")
    page.get_by_role("link", name="Consultation 0").first.click()
    look_at(visitor, "appointment")
    page.get_by_role("button", name="Send again: Booked, Carla Customer").press("Enter")
    page.get_by_text("The message is on its way.").wait_for()
    assert "/appointments/" in page.url
    visitor.open("/customers/1")
    look_at(visitor, "customer")


def test_the_same_in_german_while_sending_is_held(visitor, practice):
    practice.run(SPEAK.format(language="de"))
    practice.run(HOLD)
    page = visitor.open("/messages")
    page.get_by_text("Der Versand ist seit").wait_for()
    look_at(visitor, "german")
    visitor.open("/messages/upcoming")
    look_at(visitor, "german_upcoming")
    practice.run(SPEAK.format(language="en"))


def test_messages_are_narrowed_and_sent_again_without_scripts(chromium, practice):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    page = visitor.open("/messages")
    page.get_by_label("Address").fill("gone")
    visitor.press("Show")
    page.get_by_role("button", name="Try now: Booked, Carla Customer").click()
    page.get_by_text("The message is on its way.").wait_for()
    assert "q=gone" in page.url
    context.close()
    assert not visitor.complaints


def test_when_customers_are_reminded_is_said_in_the_form_of_a_service(visitor):
    page = visitor.open("/services/new")
    visitor.fill(name="Surgery")
    page.get_by_label("At these times before:").check()
    visitor.fill(reminder_times="3 days, soon")
    visitor.press("Save")
    page.get_by_text("“soon” is no time.").wait_for()
    look_at(visitor, "reminder_times")
    visitor.fill(reminder_times="3 days, 2 h")
    visitor.press("Save")
    page.get_by_role("link", name="Surgery").first.click()
    assert page.input_value("[name=reminder_times]") == "3 days, 2 hours"
