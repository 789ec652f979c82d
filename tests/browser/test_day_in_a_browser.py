"""The day by person under a member's hands: drag between columns, keyboard, phone, without scripts, in German."""

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
BUILT = SOURCE / "slotkeeper" / "static" / "slotkeeper" / "built" / "day.js"
EMAIL, PASSWORD = "owner@practice.test", "correct horse battery"
TODAY = datetime.now(UTC).date()
MONDAY = TODAY + timedelta(days=7 - TODAY.weekday())
OPEN_OFFICE = """
import django
django.setup()
from cast import add_member, make_cast, token_for
from offered import keep_hours, offer
from slotkeeper.rules.permissions import Role
cast = make_cast()
third = add_member(cast.owner, "theodora@practice.test", Role.PROVIDER)
service = offer(cast.owner, third, hours=((9 * 60, 13 * 60), (14 * 60, 18 * 60)), color="#3f6f8f")
keep_hours(cast.colleague, hours=((9 * 60, 16 * 60),))
print(token_for(cast.owner), cast.owner.user_id, cast.colleague.user_id, third.user_id, service.pk)
"""
SPEAK = """
import sys
import django
django.setup()
from slotkeeper.people.models import User
User.objects.update(locale=sys.argv[1])
"""

with_script = pytest.mark.skipif(not BUILT.exists(), reason="the pages' scripts are not built: Node is missing")


class Office:
    """A running server with a practice of three, and the API beside the browser. Each test has a day of its own."""

    days = 0

    def __init__(self, url: str, printed: list[str], environment: dict[str, str]) -> None:
        self.environment = environment
        self.url, self.bearer = url, {"Authorization": f"Bearer {printed[0]}"}
        self.owner, self.colleague, self.third, self.service = map(int, printed[1:])

    def speak(self, language: str) -> None:
        subprocess.run([sys.executable, "-c", SPEAK, language], env=self.environment, check=True)

    def next_day(self) -> str:
        Office.days += 1
        weeks, weekday = divmod(Office.days, 5)
        return str(MONDAY + timedelta(weeks=weeks, days=weekday))

    def book(self, title: str, day: str, clock: str, **fields) -> int:
        end = f"{day}T{int(clock[:2]) + 1:02}{clock[2:]}:00"
        body = {"title": title, "start_time": f"{day}T{clock}:00", "end_time": end} | fields
        answer = httpx.post(f"{self.url}/api/appointments", json=body, headers=self.bearer)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def standing(self, appointment_id: int) -> tuple[int, str]:
        answer = httpx.get(f"{self.url}/api/appointments/{appointment_id}", headers=self.bearer).json()
        return answer["user_id"], answer["start_time"][11:16]


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Iterator[Office]:
    with running_server(tmp_path_factory) as (url, environment):
        paths = f"{environment['PYTHONPATH']}:{TESTS}"
        done = subprocess.run(
            [sys.executable, "-c", OPEN_OFFICE], env=environment | {"PYTHONPATH": paths}, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        yield Office(url, done.stdout.split()[-5:], environment | {"PYTHONPATH": paths})


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


def open_day(visitor: Visitor, day: str):
    page = visitor.open(f"/day?date={day}")
    page.locator(".board.drawn").wait_for()
    return page


def entry(page, title: str):
    found = page.locator(".board .entry-event", has_text=title)
    found.wait_for()
    return found


def lane(page, user_id: int):
    return page.locator(f".column[data-user='{user_id}'] .lane")


def drag(page, title: str, user_id: int, minutes: int) -> None:
    """Drag an entry by its upper edge into a person's column, as many minutes below the board's beginning."""
    one = entry(page, title)
    one.scroll_into_view_if_needed()
    box, goal = one.bounding_box(), lane(page, user_id).bounding_box()
    scale = page.evaluate("document.querySelector('.board .lane').offsetHeight")
    length = page.evaluate("Number(document.querySelector('.board').style.getPropertyValue('--minutes'))")
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(x + 8, box["y"] + 12)
    page.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + minutes * scale / length + 3, steps=8)
    page.mouse.up()


def look_at(visitor: Visitor, name: str) -> None:
    visitor.inspect(f"day_{name}")
    assert not serious_findings(visitor.page), name


@with_script
def test_the_day_shows_everybody_to_scale(office, open_browser):
    day = office.next_day()
    office.book("Haircut", day, "10:00", service_id=office.service, contact_name="Carla Customer")
    office.book("A longer talk about many things", day, "11:00", user_id=office.colleague, contact_name="Bernd")
    office.book("Follow-up", day, "14:30", user_id=office.third)
    away = {"start": f"{day}T13:00:00", "end": f"{day}T16:00:00"}
    answer = httpx.post(f"{office.url}/api/users/{office.colleague}/time-off", json=away, headers=office.bearer)
    assert answer.status_code == 201, answer.text
    visitor = open_browser()
    page = open_day(visitor, day)
    assert page.locator(".column").count() == 3
    first, second = entry(page, "Haircut").bounding_box(), entry(page, "A longer talk").bounding_box()
    assert second["y"] - first["y"] == pytest.approx(72, abs=2)  # an hour
    assert "Time off" in lane(page, office.colleague).inner_text()
    look_at(visitor, "board")


@with_script
def test_dragging_to_another_column_gives_it_away_and_can_be_undone(office, open_browser):
    day = office.next_day()
    number = office.book("Wanders", day, "10:00")
    page = open_day(open_browser(), day)
    drag(page, "Wanders", office.colleague, 4 * 60)
    note = page.get_by_role("status")
    note.get_by_text("Now with Colleague").wait_for()
    assert office.standing(number) == (office.colleague, "12:00")
    lane(page, office.colleague).locator(".entry-event", has_text="Wanders").wait_for()
    note.get_by_role("button", name="Undo").click()
    note.get_by_text("Now with Olga Owner").wait_for()
    assert office.standing(number) == (office.owner, "10:00")


@with_script
def test_a_refused_drag_offers_other_times_of_that_person_and_takes_one(office, open_browser):
    day = office.next_day()
    office.book("Stays", day, "10:00", user_id=office.colleague)
    number = office.book("Comes", day, "10:00")
    visitor = open_browser()
    page = open_day(visitor, day)
    drag(page, "Comes", office.colleague, 2 * 60)
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Stays").wait_for()
    assert dialog.locator("[data-part=slots] button").count() == 3
    look_at(visitor, "refusal")
    assert office.standing(number) == (office.owner, "10:00")
    dialog.locator("[data-part=slots] button").first.click()
    page.get_by_role("status").get_by_text("Now with Colleague").wait_for()
    assert office.standing(number) == (office.colleague, "11:00")


@with_script
def test_a_service_is_not_dropped_on_whoever_does_not_give_it(office, open_browser):
    day = office.next_day()
    number = office.book("Colour", day, "10:00", service_id=office.service)
    page = open_day(open_browser(), day)
    drag(page, "Colour", office.colleague, 2 * 60)
    page.get_by_role("status").get_by_text("The person does not give this service.").wait_for()
    assert office.standing(number) == (office.owner, "10:00")


@with_script
def test_escape_lets_it_go_where_it_was(office, open_browser):
    day = office.next_day()
    number = office.book("Held", day, "10:00")
    page = open_day(open_browser(), day)
    box, goal = entry(page, "Held").bounding_box(), lane(page, office.third).bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(goal["x"] + 30, goal["y"] + 200, steps=4)
    assert page.locator(".ghost").count() == 1
    page.keyboard.press("Escape")
    page.mouse.up()
    assert page.locator(".ghost").count() == 0
    assert office.standing(number) == (office.owner, "10:00")


@pytest.mark.parametrize("has_script", [pytest.param(True, marks=with_script), False])
def test_the_keyboard_does_all_that_dragging_does(office, open_browser, has_script):
    day = office.next_day()
    office.book("In the way", day, "12:00", user_id=office.colleague)
    number = office.book("By keyboard", day, "10:00")
    visitor = open_browser(java_script_enabled=has_script)
    page = visitor.open(f"/day?date={day}")
    if has_script:
        page.locator(".board.drawn").wait_for()
    entry(page, "By keyboard").focus()
    page.keyboard.press("Enter")
    form = page.locator("#appointment-form")
    form.get_by_label("With").select_option(label="Colleague")
    form.get_by_label("Start").fill(f"{day}T12:30")
    form.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    form.get_by_role("alert").get_by_text("In the way").wait_for()
    if has_script:  # without scripts nothing can look around in the page either
        look_at(visitor, "form")
    form.locator("button[name=alternative]").first.focus()
    page.keyboard.press("Enter")
    lane(page, office.colleague).locator(".entry-event", has_text="By keyboard").wait_for()
    assert office.standing(number) == (office.colleague, "13:00")


@with_script
def test_arrow_keys_lead_from_one_to_the_next(office, open_browser):
    day = office.next_day()
    for title, clock, who in (("One", "09:00", "owner"), ("Two", "11:00", "owner"), ("Three", "11:30", "colleague")):
        office.book(title, day, clock, user_id=getattr(office, who))
    page = open_day(open_browser(), day)
    entry(page, "One").focus()
    for key, title in (("ArrowDown", "Two"), ("ArrowRight", "Three"), ("ArrowLeft", "Two"), ("ArrowUp", "One")):
        page.keyboard.press(key)
        assert title in page.evaluate("document.activeElement.innerText")


@with_script
def test_what_others_do_appears_by_itself(office, open_browser):
    day = office.next_day()
    page = open_day(open_browser(), day)
    office.book("From elsewhere", day, "15:00", user_id=office.third)
    entry(page, "From elsewhere")


@with_script
def test_a_phone_shows_one_person_at_a_time(office, open_browser):
    day = office.next_day()
    office.book("Mine", day, "10:00")
    office.book("Theirs", day, "10:00", user_id=office.third)
    page = open_day(open_browser(NARROW, has_touch=True, is_mobile=True), day)
    assert entry(page, "Mine").is_visible()
    assert not page.locator(".entry-event", has_text="Theirs").is_visible()
    page.get_by_label("With").select_option(label="Theodora")
    entry(page, "Theirs")
    assert not page.locator(".entry-event", has_text="Mine").is_visible()
    entry(page, "Theirs").tap()
    page.get_by_role("dialog").get_by_label("Start").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW


@pytest.mark.parametrize("has_script", [pytest.param(True, marks=with_script), False])
def test_a_day_is_given_away_after_a_look_and_taken_back(office, open_browser, has_script):
    day = office.next_day()
    mine = [office.book(title, day, clock) for title, clock in (("First", "09:00"), ("Second", "11:00"))]
    stays = office.book("Stays here", day, "14:00", service_id=office.service)
    office.book("In the way", day, "14:30", user_id=office.third)
    visitor = open_browser(java_script_enabled=has_script)
    page = visitor.open(f"/day?date={day}")
    page.get_by_role("link", name="Give the day away").click()
    page.get_by_label("Colleague").check()
    page.get_by_label("Theodora").check()
    page.get_by_role("button", name="Show who would take what").click()
    page.get_by_text("1 appointment stays where it is:").wait_for()
    assert "Colleague: The person does not give this service." in page.locator("main").inner_text()
    assert "Theodora: The person is not free." in page.locator("main").inner_text()
    if has_script:
        look_at(visitor, "preview")
    page.get_by_role("button", name="Give 2 appointments away").click()
    page.get_by_text("2 appointments of this day were given away.").wait_for()
    assert [office.standing(one)[0] for one in (*mine, stays)] == [office.colleague, office.third, office.owner]
    if has_script:
        look_at(visitor, "given")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("All are with whom they were.").wait_for()
    assert {office.standing(one)[0] for one in mine} == {office.owner}


@with_script
def test_the_same_in_german(office, open_browser):
    day = office.next_day()
    office.book("Haarschnitt", day, "10:00", service_id=office.service, contact_name="Carla Kundin")
    office.book("Im Weg", day, "10:30", user_id=office.third)
    visitor = open_browser()
    office.speak("de")
    try:
        page = open_day(visitor, day)
        look_at(visitor, "german")
        entry(page, "Haarschnitt").press("Enter")
        page.get_by_role("dialog").get_by_label("Beginn").wait_for()
        look_at(visitor, "german_form")
        page.get_by_role("dialog").get_by_role("link", name="Zurück").click()
        page.get_by_role("link", name="Tag weitergeben").click()
        page.get_by_label("Theodora").check()
        page.get_by_role("button", name="Zeigen, wer was bekäme").click()
        page.get_by_text("1 Termin bleibt, wo er ist:").wait_for()
        look_at(visitor, "german_preview")
    finally:
        office.speak("en")


def test_the_lists_are_enough_without_scripts(office, open_browser):
    day = office.next_day()
    office.book("Plain", day, "12:00", user_id=office.third)
    visitor = open_browser(java_script_enabled=False)
    page = visitor.open(f"/day?date={day}")
    assert "12:00–13:00" in page.locator(".column", has_text="Theodora").inner_text()
    page.get_by_role("link", name="Later").click()
    page.get_by_role("link", name="Week", exact=True).click()
    assert page.locator("#week-list").is_visible()
