"""A customer's whole way through the public pages, in a real browser: with a script and without, by keyboard alone."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, Route

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, NARROW, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
ACCENT = "#1f5fa8"
OPEN_SHOP = f"""
import django
django.setup()
from cast import make_cast
from storefront import open_storefront, offer
cast = make_cast()
open_storefront(cast)
offer(cast, "Consultation by phone", [cast.owner, cast.colleague], duration_minutes=15, description="We call you.")
business = cast.owner.business
business.introduction = "Physiotherapy in the middle of town. Prescriptions are welcome; you need none."
business.save()
other = cast.outsider.business
other.accent_color = "{ACCENT}"
other.save()
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[str]:
    """A server whose business `practice` can be booked."""
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        subprocess.run([sys.executable, "-c", OPEN_SHOP], env=environment | {"PYTHONPATH": paths}, check=True)
        yield url


@pytest.fixture
def open_browser(chromium, shop):
    """Open visits of customers, in Lisbon; none of their pages may complain."""
    visitors = []

    def open_one(width: int = NARROW, **options) -> Visitor:
        size = {"width": width, "height": HEIGHT}
        settings = {"timezone_id": "Europe/Lisbon", "reduced_motion": "reduce", "viewport": size, "locale": "en-GB"}
        visitors.append(Visitor(chromium.new_context(**settings | options).new_page(), shop))
        return visitors[-1]

    yield open_one
    complaints = [text for visitor in visitors for text in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    # The browser itself reports each answer that is 404 or 409.
    complaints = [text for text in complaints if "the server responded with a status of 4" not in text]
    assert not complaints, "\n".join(complaints)


# The page is there, and is not about to be replaced by the same one in the visitor's own zone.
SETTLED = """() => {
  const data = document.querySelector("script[data-zone]")?.dataset ?? {};
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return document.readyState == "complete" && !(data.detect == "reload" && data.zone != own);
}"""


def look_at(visitor: Visitor, name: str) -> None:
    """Inspect the page, wide and narrow, light and dark; fingers must hit what they choose."""
    visitor.page.wait_for_function(SETTLED)
    visitor.inspect(f"booking_{name}")
    assert not serious_findings(visitor.page), name
    visitor.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    small = visitor.page.evaluate(
        "[...document.querySelectorAll('.time, .day-cell.free, .step:is(a), main .button')]"
        ".map((one) => one.getBoundingClientRect())"
        ".filter((box) => box.height && (box.height < 44 || box.width < 44)).length"
    )
    assert not small, name


def shift_of(page: Page) -> float:
    """Measure how far things have jumped while the page was loading."""
    return page.evaluate(
        "new Promise((done) => { let sum = 0; const watch = new PerformanceObserver((list) => {"
        "for (const one of list.getEntries()) sum += one.value; });"
        "watch.observe({ type: 'layout-shift', buffered: true }); setTimeout(() => done(sum), 300); })"
    )


def choose_service(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def choose_day(page: Page | FrameLocator, number: int = 0) -> None:
    """Choose one of the free days, if need be of the next month."""
    if page.locator(".day-cell.free").count() <= number:
        page.get_by_role("link", name=re.compile("Next month|Nächster Monat")).click()
    page.locator(".day-cell.free").nth(number).click()


def fill_in(visitor: Visitor, name: str) -> None:
    visitor.fill(name=name, email=f"{name.split(maxsplit=1)[0].lower()}@customer.test")


def test_customer_books_in_four_taps_on_a_phone(open_browser):
    visitor = open_browser()
    page = visitor.open("/practice/")
    look_at(visitor, "services")
    choose_service(page, "Massage")
    assert "zone=Europe%2FLisbon" in page.url
    assert "Times in Lisbon time" in page.locator("main").inner_text()
    choose_day(page, 3)  # not before the cut-off for changes
    assert shift_of(page) == 0
    look_at(visitor, "times")
    page.locator(".time").first.click()
    assert "This time is kept for you" in page.locator("main").inner_text()
    look_at(visitor, "details")
    visitor.fill(name="Carla Customer", email="carla@customer.test", phone="+49 30 1234", notes="My left knee.")
    visitor.press("Book this time")
    assert page.locator("h1").inner_text() == "Your appointment is booked"
    look_at(visitor, "booked")
    assert page.get_by_role("link", name="Calendar file").get_attribute("href").endswith("appointment.ics")

    visitor.follow("See or change your appointment")
    look_at(visitor, "own")
    visitor.follow("Move it")
    look_at(visitor, "move")
    choose_day(page, 4)
    page.locator(".time").nth(2).click()
    assert page.locator("h1").inner_text() == "Move it to this time?"
    look_at(visitor, "move_ask")
    visitor.press("Yes, move it")
    assert "It is moved." in page.locator("main").inner_text()
    visitor.follow("Cancel it")
    look_at(visitor, "cancel")
    visitor.press("Yes, cancel it")
    assert "It is canceled." in page.locator("main").inner_text()
    look_at(visitor, "canceled")


def test_whole_booking_works_without_a_script(open_browser):
    visitor = open_browser(java_script_enabled=False)
    page = visitor.open("/practice/")
    choose_service(page, "Massage")
    assert "Times in Berlin time" in page.locator("main").inner_text()
    page.get_by_role("link", name="Change the time zone").click()
    page.select_option("[name=zone]", "Europe/Lisbon")
    visitor.press("Show these times")
    assert "Times in Lisbon time" in page.locator("main").inner_text()
    choose_day(page, 3)
    page.locator(".time").nth(1).click()
    fill_in(visitor, "Nora Noscript")
    visitor.press("Book this time")
    assert page.locator("h1").inner_text() == "Your appointment is booked"
    visitor.follow("See or change your appointment")
    visitor.follow("Cancel it")
    visitor.press("Yes, cancel it")
    assert "It is canceled." in page.locator("main").inner_text()


def send_twice(route: Route) -> None:
    """Send a form once more than the browser does, as a double click or a reload would."""
    if route.request.method == "POST":
        route.fetch(max_redirects=0)
    route.continue_()


def test_form_sent_twice_without_a_script_ends_at_the_confirmation(open_browser):
    visitor = open_browser(java_script_enabled=False)
    page = visitor.open("/practice/massage")
    choose_day(page, 4)
    page.locator(".time").nth(2).click()
    fill_in(visitor, "Dora Double")
    page.route("**/details*", send_twice)
    visitor.press("Book this time")
    assert page.locator("h1").inner_text() == "Your appointment is booked"


def test_lost_race_keeps_the_form_and_one_tap_books_the_next(open_browser):
    slow, quick = open_browser(), open_browser()
    for visitor in (slow, quick):
        visitor.open("/practice/massage?zone=Europe/Berlin")
        choose_day(visitor.page, 2)
    chosen = slow.page.locator(".time").nth(3).get_attribute("value")
    # Whoever has had too many times kept free goes on without a hold: then the quicker one wins.
    slow.page.goto(f"{slow.url}/practice/massage/details?at={chosen}")
    quick.page.goto(f"{quick.url}/practice/massage/details?at={chosen}")
    fill_in(quick, "Quinn Quick")
    quick.press("Book this time")
    assert quick.page.locator("h1").inner_text() == "Your appointment is booked"
    fill_in(slow, "Sam Slow")
    slow.fill(notes="Keep this.")
    slow.press("Book this time")
    page = slow.page
    assert "has just been taken" in page.locator("[role=alert]").inner_text()
    assert page.input_value("[name=notes]") == "Keep this."
    assert "Quinn" not in page.content()
    look_at(slow, "taken")
    assert page.locator("[name=instead]").count() == 3
    page.fill("[name=name]", "Sam Slow")
    page.press("[name=name]", "Enter")  # must not book a time that nobody chose
    assert "has just been taken" in page.locator("[role=alert]").inner_text()
    page.locator("[name=instead]").first.click()
    assert page.locator("h1").inner_text() == "Your appointment is booked"


def test_time_held_by_somebody_else_leads_to_the_next_ones(open_browser):
    first, second = open_browser(), open_browser(WIDE)
    for visitor in (first, second):
        visitor.open("/practice/massage?zone=Europe/Berlin")
        choose_day(visitor.page, 3)
    for visitor in (first, second):
        visitor.page.locator(".time").first.click()
    assert "The next free times" in second.page.locator("main").inner_text()
    look_at(second, "held")
    second.page.locator(".alternatives button").first.click()
    assert "This time is kept for you" in second.page.locator("main").inner_text()


def test_everything_can_be_booked_by_keyboard_alone(open_browser):
    visitor = open_browser(WIDE)
    page = visitor.open("/practice/?zone=Europe/Lisbon")

    def tab_to(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                outline = page.evaluate(
                    "[null, '::after'].some("
                    "(part) => getComputedStyle(document.activeElement, part).outlineStyle != 'none')"
                )
                assert outline, f"{selector} shows no focus"
                return
        raise AssertionError(f"The keyboard never gets to {selector}.")

    tab_to(".offer a[href*=first-visit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/first-visit**")
    look_at(visitor, "people")
    tab_to(".offer a[href*='with=any']")
    page.keyboard.press("Enter")
    page.wait_for_url("**with=any**")
    tab_to(".step")
    page.keyboard.press("Enter")
    page.wait_for_url("**month=**")
    tab_to(".day-cell.free")
    page.keyboard.press("Enter")
    page.wait_for_url("**day=**")
    tab_to(".time")
    page.keyboard.press("Enter")
    page.wait_for_url("**/details**")
    look_at(visitor, "questions")
    for selector, text in (("[name=name]", "Kim Keyboard"), ("[name=email]", "kim@customer.test")):
        tab_to(selector)
        page.keyboard.type(text)
    tab_to("[name=answer_0]")
    page.keyboard.press("ArrowDown")
    tab_to("[name=answer_2]")
    page.keyboard.press("Space")
    tab_to("main form button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/booked/**")
    assert page.locator("h1").inner_text() == "Your request is in"
    look_at(visitor, "asked")


def test_customer_books_in_german(open_browser):
    visitor = open_browser(locale="de-DE", timezone_id="Europe/Berlin")
    page = visitor.open("/practice/massage")
    assert page.get_attribute("html", "lang") == "de"
    look_at(visitor, "german_times")
    choose_day(page, 1)
    page.locator(".time").first.click()
    look_at(visitor, "german_details")
    fill_in(visitor, "Gerda Groß")
    visitor.press("Diese Zeit buchen")
    page.wait_for_url("**/booked/**")
    look_at(visitor, "german_booked")


def test_pages_with_little_to_say_are_clean_too(open_browser):
    visitor = open_browser()
    visitor.open("/garage/")
    look_at(visitor, "empty")
    visitor.open("/booking/forged")
    look_at(visitor, "no_link")
    visitor.open("/practice/massage?change=zone")
    look_at(visitor, "zone")
    page = visitor.open("/practice/massage/details?at=2027-01-15T10:00:00Z")
    page.fill("[name=name]", "Nobody")
    page.fill("[name=email]", "nobody@nowhere")
    visitor.press("Book this time")
    assert page.locator(".errors").inner_text() == "Enter a valid email address."
    look_at(visitor, "mistake")


def test_pages_are_light_narrow_and_stand_twice_the_size(open_browser):
    visitor = open_browser(WIDE)
    sizes = []
    visitor.page.on("response", lambda answer: sizes.append(answer) if "/static/" in answer.url else None)
    page = visitor.open("/practice/massage?zone=Europe/Lisbon")
    page.wait_for_load_state("networkidle")
    weight = sum(len(one.body()) for one in sizes if one.url.endswith((".js", ".css")))
    assert 0 < weight <= 60_000
    page.set_viewport_size({"width": 320, "height": HEIGHT})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, which shows the booking pages with one line."""

    shop = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        line = f'<script src="{self.shop}/static/slotkeeper/embed.js" data-business="practice"></script>'
        icon = '<link rel="icon" href="data:,">'
        self.wfile.write(f"<!DOCTYPE html><title>Elsewhere</title>{icon}<h1>Our practice</h1>{line}".encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def test_booking_works_within_another_site(open_browser, shop):
    Elsewhere.shop = shop
    other = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    visitor = open_browser(WIDE)
    page = visitor.page
    page.goto(f"http://127.0.0.1:{other.server_port}/")  # another host than localhost: a site of its own
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Massage", exact=True).click()
    frame.locator(".day-cell").first.wait_for()
    choose_day(frame, 4)
    frame.locator(".time").first.click()
    frame.locator("[name=name]").fill("Erin Embedded")
    frame.locator("[name=email]").fill("erin@customer.test")
    frame.get_by_role("button", name="Book this time").click()
    frame.get_by_role("heading", name="Your appointment is booked").wait_for()
    page.wait_for_function("document.querySelector('iframe').offsetHeight != 720")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert frame.locator("body").evaluate("(body) => body.ownerDocument.cookie") == ""
    other.shutdown()
