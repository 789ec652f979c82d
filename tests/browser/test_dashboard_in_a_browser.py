"""The calendar under a member's hands: click, drag, keyboard, phone; and the same pages without scripts."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from browser.accessibility import serious_findings
from browser.conftest import HEIGHT, NARROW, SOURCE, WIDE, Visitor, running_server

TESTS = Path(__file__).parents[1]
BUILT = SOURCE / "slotkeeper" / "static" / "slotkeeper" / "built" / "calendar.js"
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
TODAY = datetime.now(UTC).date()
MONDAY = TODAY + timedelta(days=7 - TODAY.weekday())
OPEN_OFFICE = """
import django
django.setup()
from cast import make_cast, token_for
from slotkeeper.offerings.models import OpeningHours
cast = make_cast()
for day in range(5):
    OpeningHours.objects.create(membership=cast.owner, weekday=day, start_minute=480, end_minute=1080)
print(token_for(cast.owner))
"""

with_script = pytest.mark.skipif(not BUILT.exists(), reason="the pages' scripts are not built: Node is missing")


class Office:
    """A running server with a practice, and the API beside the browser."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.bearer = url, {"Authorization": f"Bearer {token}"}

    def book(self, title: str, day: int, clock: str, **fields) -> int:
        start = f"{MONDAY + timedelta(days=day)}T{clock}:00"
        end = f"{start[:11]}{int(clock[:2]) + 1:02}{clock[2:]}:00"
        body = {"title": title, "start_time": start, "end_time": end} | fields
        answer = httpx.post(f"{self.url}/api/appointments", json=body, headers=self.bearer)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def start_of(self, appointment_id: int) -> str:
        answer = httpx.get(f"{self.url}/api/appointments/{appointment_id}", headers=self.bearer)
        return answer.json()["start_time"][:16]


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Iterator[Office]:
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        done = subprocess.run(
            [sys.executable, "-c", OPEN_OFFICE], env=environment | {"PYTHONPATH": paths}, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        yield Office(url, done.stdout.split()[-1])


@pytest.fixture
def open_browser(chromium, office):
    """Open visits of the owner, signed in; none of their pages may complain."""
    visitors = []

    def open_one(width: int = WIDE, **options) -> Visitor:
        settings = {"timezone_id": "America/Lima", "viewport": {"width": width, "height": HEIGHT}, "locale": "en-GB"}
        context = chromium.new_context(**settings | {"reduced_motion": "reduce"} | options)
        visitors.append(Visitor(context.new_page(), office.url))
        visitors[-1].sign_in(EMAIL, PASSWORD)
        return visitors[-1]

    yield open_one
    complaints = [text for visitor in visitors for text in visitor.complaints]
    for visitor in visitors:
        visitor.page.context.close()
    # The browser itself reports each answer that is 409.
    complaints = [text for text in complaints if "the server responded with a status of 409" not in text]
    assert not complaints, "\n".join(complaints)


def open_week(visitor: Visitor):
    page = visitor.open(f"/?date={MONDAY}")
    page.locator("#calendar .fc-timegrid-col").first.wait_for()
    return page


def event(page, title: str):
    found = page.locator("#calendar .entry-event", has_text=title)
    found.wait_for()
    return found


def place_of(page, day: int, clock: str) -> tuple[float, float]:
    """Say where a time is on the screen; the calendar is scrolled there before."""
    lane = page.locator(f"td.fc-timegrid-slot-lane[data-time='{clock}:00']")
    lane.scroll_into_view_if_needed()
    column = page.locator(f".fc-timegrid-col[data-date='{MONDAY + timedelta(days=day)}']").bounding_box()
    return column["x"] + column["width"] / 2, lane.bounding_box()["y"] + 4


def drag(page, title: str, day: int, clock: str) -> None:
    target = place_of(page, day, clock)
    box = event(page, title).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 8, box["y"] + 12)
    page.mouse.move(target[0], target[1] - 2, steps=8)  # a line's width before the edge of two quarters
    page.mouse.up()


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"dashboard_{name}")
    assert not serious_findings(visitor.page), name


@pytest.mark.parametrize("has_script", [pytest.param(True, marks=with_script), False])
def test_first_week_shows_the_first_steps(office, open_browser, has_script):
    visitor = open_browser(java_script_enabled=has_script)
    page = visitor.open(f"/?date={MONDAY}")
    steps = page.get_by_role("region", name="Nothing is booked yet")
    assert steps.get_by_role("link", name="Book an appointment").is_visible()
    assert page.locator("#calendar").is_visible() == has_script


@with_script
def test_first_steps_go_when_something_is_booked(office, open_browser):
    visitor = open_browser()
    page = open_week(visitor)
    assert page.locator("#first-steps").is_visible()
    look_at(visitor, "first_week")
    office.book("The first", 0, "17:00")
    event(page, "The first")
    assert page.locator("#first-steps").count() == 0


@with_script
def test_week_shows_what_is_booked_in_every_view(office, open_browser):
    office.book("Massage <b>", 0, "10:00", contact_name="Carla Customer")
    visitor = open_browser()
    page = open_week(visitor)
    shown = event(page, "Massage <b>")
    assert "Carla Customer" in shown.inner_text()
    assert "Scheduled" in shown.inner_text()
    assert not page.locator("#week-list").is_visible()
    look_at(visitor, "week")
    for view in ("Day", "Month", "List"):
        page.get_by_role("button", name=view, exact=True).click()
        event(page, "Massage <b>")
        look_at(visitor, view.lower())
    page.get_by_role("button", name="Week", exact=True).click()
    title = page.locator("h1").inner_text()
    page.get_by_role("link", name="Later").click()
    assert page.locator("h1").inner_text() != title
    assert str(MONDAY + timedelta(days=7)) in page.url


@with_script
def test_click_on_an_empty_time_books_it(office, open_browser):
    visitor = open_browser()
    page = open_week(visitor)
    page.mouse.click(*place_of(page, 1, "11:00"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("First visit")
    look_at(visitor, "editor")
    dialog.get_by_role("button", name="Book", exact=True).click()
    assert "11:00" in event(page, "First visit").inner_text()
    page.mouse.click(*place_of(page, 1, "10:30"))
    dialog.get_by_label("Title").fill("Too close")
    dialog.get_by_label("Minutes").fill("60")
    dialog.get_by_role("button", name="Book", exact=True).click()
    assert "First visit" in dialog.get_by_role("alert").inner_text()
    assert dialog.get_by_label("Title").input_value() == "Too close"
    look_at(visitor, "editor_refused")
    dialog.locator("button[name=alternative]").first.click()
    event(page, "Too close")
    assert not dialog.is_visible()


@with_script
def test_customer_is_suggested_while_one_types_and_chosen_by_keyboard(office, open_browser):
    visitor = open_browser()
    page = visitor.open("/appointments/new")
    name = page.get_by_role("combobox", name="Customer")
    name.press_sequentially("carl")
    option = page.get_by_role("option", name="Carla Customer")
    option.wait_for()
    assert name.get_attribute("aria-expanded") == "true"
    name.press("ArrowDown")
    assert option.get_attribute("aria-selected") == "true"
    assert name.get_attribute("aria-activedescendant") == option.get_attribute("id")
    look_at(visitor, "suggestions")
    name.press("Enter")
    assert not option.is_visible()
    assert name.input_value() == "Carla Customer"
    assert page.get_by_label("Customer’s email").input_value() == "carla@customer.test"
    page.get_by_text("For the customer Carla Customer").wait_for()
    name.press("x")  # somebody else is meant, and gets nobody's letters
    assert page.get_by_label("Customer’s email").input_value() == ""
    assert page.locator("[name=contact_id]").input_value() == ""
    assert not page.get_by_text("For the customer").is_visible()


@with_script
def test_customer_is_chosen_by_click_in_the_calendars_dialog(office, open_browser):
    page = open_week(open_browser())
    page.mouse.click(*place_of(page, 2, "15:00"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("With a card")
    name = dialog.get_by_role("combobox", name="Customer")
    name.press_sequentially("customer.test")
    dialog.get_by_role("option", name="Carla Customer").wait_for()
    name.press("Escape")
    assert dialog.is_visible()  # only the suggestions close
    name.press("Backspace")
    dialog.get_by_role("option", name="Carla Customer").click()
    dialog.get_by_role("button", name="Book", exact=True).click()
    event(page, "With a card")
    found = httpx.get(f"{office.url}/api/appointments", params={"contact_id": 1}, headers=office.bearer).json()
    assert "With a card" in [one["title"] for one in found["appointments"]]


@with_script
def test_dragging_moves_and_can_be_undone(office, open_browser):
    number = office.book("Talk", 2, "09:00")
    page = open_week(open_browser())
    drag(page, "Talk", 3, "14:00")
    note = page.get_by_role("status")
    note.get_by_text("Moved to").wait_for()
    assert office.start_of(number) == f"{MONDAY + timedelta(days=3)}T14:00"
    note.get_by_role("button", name="Undo").click()
    note.get_by_text("09:00").wait_for()
    assert office.start_of(number) == f"{MONDAY + timedelta(days=2)}T09:00"


@with_script
def test_what_goes_past_the_opening_hours_says_so_and_can_be_undone(office, open_browser):
    number = office.book("Early bird", 3, "10:00")
    page = open_week(open_browser())
    drag(page, "Early bird", 5, "11:00")
    note = page.get_by_role("status")
    note.get_by_text("It does not fit into the opening hours.").wait_for()
    assert office.start_of(number) == f"{MONDAY + timedelta(days=5)}T11:00"
    note.get_by_role("button", name="Undo").click()
    note.get_by_text("10:00").wait_for()
    assert "opening hours" not in note.inner_text()
    assert office.start_of(number) == f"{MONDAY + timedelta(days=3)}T10:00"
    page.mouse.click(*place_of(page, 5, "11:00"))
    page.get_by_role("dialog").get_by_label("Title").fill("On a Saturday")
    page.get_by_role("dialog").get_by_role("button", name="Book", exact=True).click()
    note.get_by_text("Saved. It does not fit into the opening hours.").wait_for()


@with_script
def test_refused_drag_offers_three_other_times_and_takes_one(office, open_browser):
    office.book("Stays", 4, "09:00")
    number = office.book("Wanders", 4, "14:00")
    visitor = open_browser()
    page = open_week(visitor)
    drag(page, "Wanders", 4, "09:30")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Stays").wait_for()
    assert dialog.locator("[data-part=slots] button").count() == 3
    look_at(visitor, "refusal")
    assert office.start_of(number) == f"{MONDAY + timedelta(days=4)}T14:00"
    dialog.locator("[data-part=slots] button").first.click()
    page.get_by_role("status").get_by_text("Moved to").wait_for()
    assert office.start_of(number) == f"{MONDAY + timedelta(days=4)}T10:00"


@with_script
def test_what_others_book_appears_by_itself(office, open_browser):
    page = open_week(open_browser())
    office.book("From elsewhere", 0, "15:00")
    event(page, "From elsewhere")


@pytest.mark.parametrize("has_script", [True, False])
def test_keyboard_moves_by_the_form(office, open_browser, has_script):
    if has_script and not BUILT.exists():
        pytest.skip("the pages' scripts are not built: Node is missing")
    title = f"By keyboard {has_script}"
    number = office.book(title, 5, "10:00" if has_script else "16:00")
    visitor = open_browser(java_script_enabled=has_script)
    page = visitor.open(f"/?date={MONDAY}")
    page.get_by_role("link", name=re.compile(title)).first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Change or move").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Start").fill(f"{MONDAY + timedelta(days=5)}T{'12:00' if has_script else '18:00'}")
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Saved.").wait_for()
    assert office.start_of(number).endswith("12:00" if has_script else "18:00")


def test_pages_work_without_scripts(office, open_browser):
    office.book("Plain", 2, "12:00")
    visitor = open_browser(java_script_enabled=False)
    page = visitor.open(f"/?date={MONDAY}")
    assert "Plain" in page.locator("#week-list").inner_text()
    page.get_by_role("link", name="Later").click()
    assert f"date={MONDAY + timedelta(days=7)}" in page.url
    page.get_by_role("link", name="New appointment").click()
    page.get_by_label("Title").fill("Second")
    page.get_by_label("Start").fill(f"{MONDAY + timedelta(days=2)}T12:30")
    visitor.press("Book")
    assert "Plain" in page.get_by_role("alert").inner_text()
    page.locator("button[name=alternative]").first.click()
    page.get_by_text("Booked.").wait_for()
    assert "13:00" in page.locator(".moment").inner_text()


@with_script
def test_phone_shows_a_day_and_books(office, open_browser):
    visitor = open_browser(NARROW, has_touch=True, is_mobile=True)
    page = open_week(visitor)
    assert page.locator(".fc-timegrid-col[data-date]").count() == 1
    page.get_by_role("link", name="New appointment").tap()
    page.get_by_role("dialog").get_by_label("Title").fill("By thumb")
    page.get_by_role("dialog").get_by_role("button", name="Book", exact=True).tap()
    page.get_by_role("status").get_by_text("Saved.").wait_for()


@pytest.mark.parametrize("has_script", [True, False])
def test_questions_of_a_service_are_moved_by_keyboard(office, open_browser, has_script):
    visitor = open_browser(java_script_enabled=has_script)
    page = visitor.open("/services/new")
    for number, text in enumerate(("First?", "Second?", "Third?")):
        page.locator("summary", has_text=f"Question {number + 1}").click()
        page.locator(f"[name=questions-{number}-label]").fill(text)
    visitor.press("More questions")  # now each has its buttons
    page.get_by_role("button", name="Move up: Third?").focus()
    page.keyboard.press("Enter")
    page.get_by_text("The new order is not stored yet.").wait_for()
    page.keyboard.press("Enter")  # the button moves along
    order = page.locator(".question summary")
    order.first.get_by_text("Third?").wait_for()
    assert [text.strip() for text in order.all_inner_texts()][:3] == ["Third?", "First?", "Second?"]
    if has_script:
        look_at(visitor, "question_order")


@pytest.mark.parametrize("has_script", [True, False])
def test_phone_has_a_menu_that_opens_by_thumb_and_by_keyboard(office, open_browser, has_script):
    visitor = open_browser(NARROW, java_script_enabled=has_script)
    page = visitor.open("/customers")
    menu, services = page.locator("summary", has_text="Menu"), page.get_by_role("link", name="Services")
    assert not services.is_visible()
    menu.click()
    assert services.is_visible()
    if has_script:
        look_at(visitor, "menu")
        visitor.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW
    menu.press("Enter")
    assert not services.is_visible()
    menu.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Calendar"
    services.click()
    assert page.url.endswith("/services")


def test_wide_screen_shows_every_place_without_a_menu(open_browser):
    page = open_browser().open("/customers")
    assert page.get_by_role("link", name="Services").is_visible()
    assert not page.locator("summary", has_text="Menu").is_visible()


def test_lists_and_forms_are_clean(office, open_browser):
    number = office.book("Clean", 3, "08:00", contact_name="Carla Customer", contact_phone="+49 30 1234")
    visitor = open_browser()
    for name, path in {
        "list": "/appointments",
        "appointment": f"/appointments/{number}",
        "edit": f"/appointments/{number}/edit",
        "customers": "/customers",
        "customer": "/customers/1",
        "customer_edit": "/customers/1/edit",
        "customer_erase": "/customers/1/erase",
    }.items():
        visitor.open(path)
        look_at(visitor, name)
