"""An owner invites somebody, who joins; the team is looked at, changed, and left, in words and pictures."""

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
from datetime import UTC, datetime, timedelta
from cast import add_member, make_cast
from slotkeeper.offerings.models import Service, ServiceProvider
from slotkeeper.appointments.models import Appointment
from slotkeeper.rules.permissions import Role
cast = make_cast()
service = Service.objects.create(business=cast.owner.business, name="First conversation", slug="first")
ServiceProvider.objects.create(service=service, membership=cast.colleague)
add_member(cast.owner, "admin.with.a.long.name.that.breaks@practice.test", Role.ADMIN)
start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
end = start + timedelta(minutes=30)
Appointment.objects.create(business=cast.owner.business, user=cast.colleague.user, title="Long planned",
                           start_time=start, end_time=end, blocked_from=start, blocked_until=end)
"""


class Practice:
    """A running server with the cast."""

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
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": WIDE, "height": HEIGHT})
    visitor = Visitor(context.new_page(), practice.url)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"team_{name}")
    assert not serious_findings(visitor.page), name


def test_somebody_is_invited_and_joins(visitor, chromium, practice):
    visitor.open("/team")
    look_at(visitor, "list")
    visitor.fill(email="nora@new.test")
    visitor.page.get_by_label("Everybody’s appointments, customers and hours.").check()
    visitor.page.get_by_text("Grants and limits").click()
    visitor.page.get_by_label("See the record of all changes").check()
    look_at(visitor, "invite")
    visitor.press("Invite")
    look_at(visitor, "link")
    link = visitor.page.get_by_label("Link").input_value()
    visitor.open("/team")
    look_at(visitor, "invited")

    context = chromium.new_context(reduced_motion="reduce", viewport={"width": WIDE, "height": HEIGHT})
    nora = Visitor(context.new_page(), practice.url)
    nora.open(link.removeprefix(practice.url))
    look_at(nora, "join")
    nora.fill(name="Nora New", password="a fine long secret")
    nora.press("Join the team")
    nora.page.get_by_text("Welcome to the team of Practice").wait_for()
    nora.open("/settings/sessions")
    look_at(nora, "own_sessions")
    nora.page.goto(link)
    nora.page.get_by_text("This invitation is not valid").wait_for()
    look_at(nora, "not_valid")
    context.close()
    assert not [one for one in nora.complaints if "404" not in one]


def test_a_member_is_changed_suspended_and_not_removed_by_accident(visitor):
    visitor.open("/team")
    visitor.follow("Colleague")
    visitor.page.get_by_label("Give appointments to colleagues").check()
    visitor.page.get_by_label("Limited to the calendars of").check()
    visitor.page.get_by_label("Olga Owner").check()
    visitor.press("Save")
    visitor.page.get_by_text("Saved.").wait_for()
    look_at(visitor, "member")
    visitor.follow("Suspend")
    look_at(visitor, "suspend")
    visitor.press("Suspend")
    visitor.page.get_by_text("Sessions have ended").wait_for()
    look_at(visitor, "suspended")
    visitor.press("Reinstate")
    visitor.follow("Remove")
    look_at(visitor, "remove")
    visitor.press("Remove")
    visitor.page.get_by_role("alert").wait_for()
    look_at(visitor, "remove_refused")
    visitor.complaints = [one for one in visitor.complaints if "409" not in one]
    visitor.page.get_by_label("Keep these appointments in the calendar").check()
    visitor.press("Remove")
    visitor.page.get_by_text("does not belong to the team any more").wait_for()


def test_the_business_is_handed_on_and_the_second_step_asked_for(visitor, practice):
    visitor.open("/team")
    visitor.page.locator("main table").get_by_role("link").nth(1).click()
    visitor.follow("Hand the business on")
    look_at(visitor, "transfer")
    visitor.open("/settings")
    look_at(visitor, "settings")
    practice.run(
        "import django\ndjango.setup()\nfrom slotkeeper.people.models import Business\n"
        "Business.objects.update(requires_second_factor=True)"
    )
    visitor.open("/team")
    visitor.page.get_by_text("One step first.").wait_for()
    look_at(visitor, "second_step")


def test_the_pages_are_looked_at_in_german(visitor, practice):
    practice.run(
        "import django\ndjango.setup()\nfrom slotkeeper.people.models import Business, User\n"
        "Business.objects.update(requires_second_factor=False)\nUser.objects.update(locale='de')"
    )
    visitor.open("/team")
    visitor.page.get_by_role("heading", name="Jemanden einladen").wait_for()
    look_at(visitor, "list_german")
    visitor.page.locator("main table").get_by_role("link").nth(1).click()
    look_at(visitor, "member_german")
    visitor.open("/settings/sessions")
    look_at(visitor, "sessions_german")
