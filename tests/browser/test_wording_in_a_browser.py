"""A business finds its own words: the preview follows what is typed, without scripts at the press of a button."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, TimeoutError  # noqa: A004 -- its own

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, NARROW, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast
make_cast()
"""
BOOKED = "/messages/wording/booked/email/en"
HOSTILE = "Hello {{ customer_name }},\n\n<script>parent.document.title = 'x'</script><img src=https://evil.test/x.png>"


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Iterator[str]:
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        subprocess.run([sys.executable, "-c", OPEN_OFFICE], env=environment | {"PYTHONPATH": paths}, check=True)
        yield url


@pytest.fixture
def open_browser(chromium, office):
    """Open visits of the owner, signed in; none of their pages may complain."""
    visitors = []

    def open_one(width: int = WIDE, **options) -> Visitor:
        settings = {"viewport": {"width": width, "height": HEIGHT}, "reduced_motion": "reduce", "locale": "en-GB"}
        context = chromium.new_context(**settings | options)
        visitors.append(Visitor(context.new_page(), office))
        visitors[-1].sign_in(EMAIL, PASSWORD)
        return visitors[-1]

    yield open_one
    complaints = [text for visitor in visitors for text in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    assert not complaints, "\n".join(complaints)


def preview_of(page):
    """Give the frame of the preview, and in it that of the mail."""
    frame = page.frame_locator("iframe.preview:not([hidden])")
    return frame, frame.frame_locator("iframe")


def wait_for_words(page, words: str) -> None:
    """Wait until the mail says this; each preview comes in a frame of its own, so one may go while it is looked at."""
    for _ in range(4):
        try:
            return preview_of(page)[1].get_by_text(words).wait_for()
        except TimeoutError:
            raise
        except Error:
            continue
    raise AssertionError(f"no frame stayed to say {words!r}")


def speak(visitor: Visitor, language: str) -> None:
    page = visitor.open("/settings/account")
    page.locator("main select[name=locale]").select_option(language)
    page.locator("main form:has(select[name=locale]) button[type=submit]").first.click()
    page.locator(f"html[lang={language}]").wait_for(state="attached")


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"wording_{name}")
    assert not serious_findings(visitor.page), name


def is_high_enough(locator) -> bool:
    return all(one.bounding_box()["height"] >= 44 for one in locator.all())


@pytest.mark.parametrize("has_script", [True, False])
def test_preview_shows_what_is_typed_and_keeps_it(office, open_browser, has_script):
    visitor = open_browser(java_script_enabled=has_script)
    page = visitor.open(BOOKED)
    frame, mail = preview_of(page)
    wait_for_words(page, "Your appointment is booked.")
    page.get_by_label("Text", exact=True).fill("Dear {{ customer_name }},\n\nsee you on {{ day }}! https://a.test/x")
    if not has_script:
        visitor.press("Preview")
    wait_for_words(page, "Dear Maria Summer,")
    assert frame.get_by_role("region", name="As text").get_by_text("Dear Maria Summer,").is_visible()
    assert mail.get_by_role("link", name="https://a.test/x").is_visible()
    assert mail.get_by_role("link", name="See, move or cancel it").is_visible()
    assert page.url.endswith(BOOKED)
    assert page.get_by_label("Text", exact=True).input_value().startswith("Dear {{ customer_name }}")
    visitor.press("Save")
    assert page.get_by_text("Saved.").is_visible()
    wait_for_words(page, "Dear Maria Summer,")
    page.get_by_text("Back to the built-in words").click() if has_script else page.locator("summary").last.click()
    visitor.press("Use the built-in words")
    wait_for_words(page, "Your appointment is booked.")


def test_preview_leaves_nothing_in_the_history(office, open_browser):
    visitor = open_browser()
    page = visitor.open("/messages/wording")
    visitor.page.locator(f"a[href='{BOOKED}']").click()
    for number in range(3):
        page.get_by_label("Text", exact=True).fill(f"Number {number}")
        wait_for_words(page, f"Number {number}")
    page.go_back()
    page.wait_for_url("**/messages/wording")


def test_what_is_typed_before_the_script_is_there_is_shown_too(office, open_browser):
    visitor = open_browser()
    held = []

    def hold(route):
        held.append(route)

    visitor.page.route("**/wording*.js", hold)
    with visitor.page.expect_request("**/wording*.js"):
        visitor.page.goto(f"{office}{BOOKED}", wait_until="commit")
    visitor.page.get_by_label("Text", exact=True).fill("Early words")
    held.pop().continue_()
    wait_for_words(visitor.page, "Early words")


def test_what_is_typed_can_do_nothing(office, open_browser):
    visitor = open_browser()
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.open(BOOKED)
    page.get_by_label("Text", exact=True).fill(HOSTILE)
    frame, mail = preview_of(page)
    wait_for_words(page, "<script>")
    assert mail.locator("img, script").count() == 0
    assert page.title().startswith("Booked")
    assert not [url for url in asked if "evil" in url]
    page.get_by_label("Text", exact=True).fill("{{ customer_name.__class__ }}")
    frame.get_by_role("alert").get_by_text("There is no placeholder “customer_name.__class__”").wait_for()


@pytest.mark.parametrize("language", ["en", "de"])
def test_pages_can_be_read_and_reached_by_everybody(office, open_browser, language):
    visitor = open_browser()
    if language == "de":
        speak(visitor, "de")
    page = visitor.open("/messages/wording")
    look_at(visitor, f"list_{language}")
    visitor.open(f"/messages/wording/booked/email/{language}")
    preview_of(page)[1].locator("h1").wait_for()
    look_at(visitor, f"editor_{language}")
    for name in ("Subject", "Betreff"):
        if page.get_by_label(name, exact=True).count():
            page.get_by_label(name, exact=True).fill("{{ nothing }}")
    page.locator("main button.button").first.click()
    look_at(visitor, f"refused_{language}")
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    assert is_high_enough(page.locator("main .button, main input:not([type=hidden]), main textarea, main summary"))
    visitor.open("/messages/wording")
    assert is_high_enough(page.locator("main .editors a, main .ways label, main .button"))
    if language == "de":
        speak(visitor, "en")
