"""Rooms and equipment in a browser: made, needed by a service, shown where they are taken, exchanged."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
OPEN_PRACTICE = """
import django
django.setup()
from cast import make_cast
from needed import make_rooms
from offered import offer
from slotkeeper.appointments.self_service import CustomerBooking, book_slot
from storefront import instant, next_weekday
import time
cast = make_cast()
make_rooms(cast.owner.business, "Treatment room North", "Treatment room South")
make_rooms(cast.owner.business, "Laser", kind="device")
service = offer(cast.owner, cast.colleague, name="Massage", slug="massage", horizon_days=60)
start = instant(next_weekday(), "10:00")
for number in range(2):
    email = f"nina{number}@customer.test"
    book_slot(CustomerBooking(service.business_id, service.pk, start, "Nina Neu", email), int(time.time()))
"""


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[str]:
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        subprocess.run([sys.executable, "-c", OPEN_PRACTICE], env=environment | {"PYTHONPATH": paths}, check=True)
        yield url


@pytest.fixture
def owner(chromium, practice) -> Iterator[Visitor]:
    """The owner, signed in; none of their pages may complain."""
    settings = {"viewport": {"width": WIDE, "height": HEIGHT}, "reduced_motion": "reduce", "locale": "en-GB"}
    context = chromium.new_context(**settings)
    visitor = Visitor(context.new_page(), practice)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"resources_{name}")
    assert not serious_findings(visitor.page), name


def test_a_room_is_added_needed_and_shown_where_it_is_taken(owner):
    page = owner.open("/services")
    owner.follow("Rooms and equipment")
    owner.fill(name="Garden", kind="room")
    look_at(owner, "list")
    owner.press("Add")
    page.get_by_role("link", name="Garden", exact=True).wait_for()

    owner.open("/services")
    owner.follow("Massage")
    page.get_by_label("In turn: who had it longest ago").check()
    page.get_by_text("Priority and turns of each person").click()
    page.get_by_label("Turns of Colleague").fill("2")
    page.get_by_label("Laser").check()
    page.get_by_label("Any of the kind “room”: how many").fill("1")
    look_at(owner, "service")
    owner.press("Save")
    page.get_by_text("Saved.").wait_for()

    owner.open("/appointments")
    page.locator("main tbody a.title, main tbody a").first.click()
    page.get_by_role("link", name="Choose others").click()
    page.get_by_label("Garden").check()
    page.get_by_label("Treatment room North").check()
    look_at(owner, "choice")
    owner.press("Save")
    page.get_by_role("link", name="Garden", exact=True).wait_for()
    page.reload()
    look_at(owner, "appointment")
    page.get_by_role("link", name="Garden", exact=True).click()
    page.get_by_text("Massage: Nina Neu").wait_for()
    look_at(owner, "day")
    page.get_by_role("link", name="The day after").click()
    page.get_by_text("Free all day.").wait_for()
    owner.follow("Change")
    page.get_by_label("It can be booked").uncheck()
    look_at(owner, "form")
    owner.press("Save")
    page.get_by_text("It is switched off").wait_for()
