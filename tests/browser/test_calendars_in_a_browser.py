"""Somebody connects the calendar they keep on a real Radicale, and decides what becomes of a change they made there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, WIDE, Visitor, running_server
from servers.calendar_servers import radicale

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
ADA, SECRET = "ada", "secret words"
DAY = datetime.now(UTC).date() + timedelta(days=3)
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast
cast = make_cast()
"""
# One round of the worker, by hand: what is booked is written, and everything is read.
WORK = """
import django
django.setup()
from datetime import UTC, datetime, timedelta
from slotkeeper.appointments.calendar_sync import event_of
from slotkeeper.calendars.models import CalendarConnection, ConnectedCalendar
from slotkeeper.calendars.runs import work_on
from slotkeeper.worker.jobs import handle_changes
handle_changes()
past = datetime.now(UTC) - timedelta(seconds=1)
ConnectedCalendar.objects.update(next_read_at=past)
for connection in CalendarConnection.objects.all():
    work_on(connection.pk, event_of)
"""


class Practice:
    """A running server with the cast, and its worker by hand."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url = url
        self.environment = environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{TESTS}"}

    def run(self, program: str) -> None:
        subprocess.run([sys.executable, "-c", program], env=self.environment, check=True, timeout=120)


class Hand:
    """Ada's hand in her calendar."""

    def __init__(self) -> None:
        server, _ = radicale()
        self.server = server
        self.http = httpx.Client(auth=(ADA, SECRET), base_url=server, timeout=20)
        self.http.request("MKCALENDAR", "ada/work/").raise_for_status()

    def entry(self) -> tuple[str, str]:
        """Give the path and text of the one entry."""
        listed = self.http.request("PROPFIND", "ada/work/", headers={"Depth": "1"}).text
        (path,) = set(re.findall(r"<href>([^<]+\.ics)</href>", listed))
        return path, self.http.get(path).text

    def move_by_an_hour(self) -> None:
        path, text = self.entry()
        later = re.sub(
            r"(DTSTART|DTEND):(\d{8}T)(\d\d)", lambda found: f"{found[1]}:{found[2]}{int(found[3]) + 1:02}", text
        )
        self.http.put(path, content=later, headers={"Content-Type": "text/calendar"}).raise_for_status()


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[Practice]:
    with running_server(tmp_path_factory, SLOTKEEPER_PRIVATE_HOSTS="127.0.0.1") as (url, environment):
        practice = Practice(url, environment)
        practice.run(OPEN_OFFICE)
        yield practice


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand()


@pytest.fixture
def visitor(chromium, practice) -> Iterator[Visitor]:
    settings = {"timezone_id": "America/Lima", "viewport": {"width": WIDE, "height": HEIGHT}, "locale": "en-GB"}
    context = chromium.new_context(reduced_motion="reduce", java_script_enabled=True, **settings)
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"calendars_{name}")
    assert not serious_findings(visitor.page), name


def test_a_calendar_is_connected_written_changed_there_and_decided_here(visitor, practice, hand):
    visitor.open("/settings/account")
    visitor.page.locator("main").get_by_role("link", name="Manage").first.click()
    look_at(visitor, "none")
    _connect(visitor, hand)
    practice.run(WORK)
    page = visitor.open("/calendars")
    page.get_by_text("When it cannot be read, and at bookings").click()
    page.get_by_label("Nobody can book me online").check()
    look_at(visitor, "connected")
    visitor.press("Save")
    page.get_by_text("Saved.").wait_for()

    visitor.open(f"/appointments/new?start={DAY}T10:00")
    assert visitor.page.get_by_label("Put it into the calendar").is_checked()
    look_at(visitor, "switch")
    visitor.fill(title="Consultation")
    visitor.press("Book")
    practice.run(WORK)
    assert "SUMMARY:Consultation" in hand.entry()[1]
    visitor.page.reload()
    visitor.page.get_by_text("Stands there").wait_for()
    look_at(visitor, "appointment")

    hand.move_by_an_hour()
    practice.run(WORK)
    visitor.open("/")
    look_at(visitor, "notice")
    visitor.follow("1 change in your calendar waits for your decision.")
    visitor.page.get_by_text("You moved it in ada/work.").wait_for()
    look_at(visitor, "proposals")
    visitor.press("Move the appointment")
    visitor.page.get_by_text("“Consultation” is changed.").wait_for()
    visitor.open(f"/?date={DAY}")
    visitor.page.get_by_text("11:00").first.wait_for()


def _connect(visitor: Visitor, hand: Hand) -> None:
    visitor.follow("Another CalDAV server")
    look_at(visitor, "connect")
    visitor.fill(address=hand.server, username=ADA, password="wrong")
    visitor.press("Connect")
    visitor.page.get_by_text("The calendar server does not accept the name and password.").wait_for()
    assert visitor.page.input_value("[name=address]") == hand.server
    assert visitor.page.input_value("[name=password]") == ""
    look_at(visitor, "refused")
    visitor.fill(password=SECRET)
    visitor.press("Connect")
    visitor.page.get_by_text("ada is connected.").wait_for()


def test_feeds_and_the_questions_before_ends_are_clean(visitor):
    page = visitor.open("/calendars")
    page.get_by_label("only when you are busy").check()
    visitor.press("Make an address")
    look_at(visitor, "feed_made")
    visitor.follow("I have copied it")
    visitor.page.locator("main").get_by_role("link", name=re.compile("Revoke")).click()
    look_at(visitor, "feed_revoke")
    visitor.press("Revoke the address")
    visitor.page.locator("main").get_by_role("link", name=re.compile("Disconnect")).click()
    look_at(visitor, "disconnect")
    visitor.press("Disconnect")
    visitor.page.get_by_text("ada is disconnected.").wait_for()


def test_the_page_works_without_scripts(chromium, practice):
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    visitor.open("/calendars")
    visitor.follow("At an address, read only")
    visitor.fill(address="http://127.0.0.1:1/nothing.ics")
    visitor.press("Connect")
    visitor.page.get_by_text("Nothing was connected. What you typed is kept.").wait_for()
    context.close()
