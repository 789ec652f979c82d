"""An owner looks for who did what, and takes it along as a file; without scripts, too."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
PLACE = "/settings/audit"
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast
cast = make_cast()
api = cast.api()
row = api.book(title="Haarschnitt mit Farbe und einem wirklich langen Titel, der umbricht", location="Room 2").json()
api.put(f"/api/appointments/{row['id']}", {"start_time": "2027-01-15T15:00:00", "end_time": "2027-01-15T16:00:00"})
api.post("/api/services", {"name": "Hair cut", "user_ids": [cast.owner.user_id]})
cast.api("colleague").put(f"/api/appointments/{row['id']}", {"title": "Mine"})
"""


@pytest.fixture(scope="module")
def practice(tmp_path_factory) -> Iterator[str]:
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        subprocess.run(
            [sys.executable, "-c", OPEN_OFFICE], env=environment | {"PYTHONPATH": paths}, check=True, timeout=120
        )
        yield url


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def owner(chromium, practice, request) -> Iterator[Visitor]:
    context = chromium.new_context(
        viewport={"width": WIDE, "height": HEIGHT}, timezone_id="Europe/Berlin", java_script_enabled=request.param
    )
    visitor = Visitor(context.new_page(), practice)
    visitor.sign_in(EMAIL, PASSWORD)
    yield visitor
    context.close()
    assert visitor.complaints == []


@pytest.mark.parametrize("owner", [True], ids=["with scripts"], indirect=True)
def test_the_page_can_be_read_by_everybody(owner):
    page = owner.open(PLACE)
    for summary in page.locator(".history summary").all():
        summary.click()
    owner.inspect("audit")
    assert serious_findings(page) == []
    page.set_viewport_size({"width": 390, "height": HEIGHT})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_owner_finds_a_refused_attempt_and_takes_the_trail_along(owner):
    page = owner.open(PLACE)
    page.select_option("main [name=kind]", "refusal")
    owner.press("Show")
    assert page.locator(".history li").count() == 1
    assert "was refused" in page.locator(".history li").inner_text()
    page.locator(".history summary").first.click()
    assert "/api/appointments/" in page.locator(".changed").first.inner_text()
    with page.expect_download() as downloading:
        owner.press("Table (CSV)")
    lines = Path(downloading.value.path()).read_text().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("id,at,actor")
