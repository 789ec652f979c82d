"""Of two who change weekly hours or the business at once, the second is told and loses nothing."""

import re

import pytest

from desk import browser_of, text_of
from pictures import png
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.hours import Member, set_weekly_hours
from slotkeeper.offerings.models import OpeningHours
from slotkeeper.people.business import update_business
from slotkeeper.people.logo import remove_logo, set_logo
from slotkeeper.people.models import Business
from storefront import next_weekday

MONDAY = {"weekly": {"monday": [["09:00", "12:00"]]}}
SETTINGS = {
    "name": "Practice", "slug": "practice", "time_zone": "Europe/Berlin", "locale": "en", "currency": "EUR",
    "introduction": "", "accent_color": "#3f6f8f", "self_service_cutoff_minutes_0": "1",
    "self_service_cutoff_minutes_1": "1440",
}  # fmt: skip


def version_on(page) -> str:
    return re.search(r'name="version"\s+value="(\d+)"', text_of(page))[1]


def notes_on(page) -> list[str]:
    note = re.search(r'<div class="note warn" role="alert">(.*?)</div>', text_of(page), re.DOTALL)
    return re.findall(r"<li>(.*?)</li>", note[1])


def open_on(cast, weekday, start, end):
    member = Member(cast.owner.business_id, cast.owner.user_id)
    set_weekly_hours(member, {weekday: [(start * 60, end * 60)]}, COMMAND)


# Weekly hours


def test_second_who_saves_a_week_sees_the_first_ones_and_keeps_their_own(cast):
    browser = browser_of(cast.owner)
    typed = {"version": version_on(browser.get("/hours")), "monday-0-from": "09:00", "monday-0-until": "12:00"}
    open_on(cast, 0, 13, 17)
    open_on(cast, 2, 8, 10)
    refused = browser.post("/hours/week", typed)
    assert refused.status_code == 409
    assert "Somebody changed this week meanwhile." in text_of(refused)
    assert notes_on(refused) == ["Monday: 13:00–17:00", "Wednesday: 08:00–10:00"]
    assert re.search(r'name="monday-0-from"\s+value="09:00"', text_of(refused))
    assert OpeningHours.objects.count() == 2
    assert browser.post("/hours/week", typed | {"version": version_on(refused)}).status_code == 302
    stored = OpeningHours.objects.get()
    assert (stored.weekday, stored.start_minute, stored.end_minute) == (0, 540, 720)


def test_what_a_week_leaves_outside_is_shown_without_forgetting_which_week_was_seen(cast):
    open_on(cast, 0, 9, 17)
    browser = browser_of(cast.owner)
    seen = version_on(browser.get("/hours"))
    start = f"{next_weekday(0)}T16:00:00"
    assert cast.api().book(start, start.replace("16:", "17:")).status_code == 201
    typed = {"version": seen, "monday-0-from": "09:00", "monday-0-until": "12:00"}
    shown = browser.post("/hours/week", typed)
    anyway = re.search(r'name="anyway"\s+value="([^"]+)"', text_of(shown))[1]
    open_on(cast, 1, 9, 17)
    assert version_on(shown) == seen
    assert browser.post("/hours/week", typed | {"anyway": anyway}).status_code == 409


def test_usual_week_does_not_wipe_out_hours_that_came_meanwhile(cast):
    browser = browser_of(cast.owner)
    seen = version_on(browser.get("/hours"))
    open_on(cast, 5, 10, 14)
    refused = browser.post("/hours/week", {"usual": "1", "version": seen})
    assert refused.status_code == 409
    assert "Saturday: 10:00–14:00" in notes_on(refused)
    assert "Monday: closed" in notes_on(refused)


def test_hours_have_an_etag_that_a_change_can_insist_on(cast):
    api, path = cast.api(), f"/api/users/{cast.owner.user_id}/hours"
    first = api.get(path)
    assert first["ETag"] == f'"{first.json()["version"]}"' == '"1"'
    assert api.put(path, MONDAY, If_Match=first["ETag"])["ETag"] == '"2"'
    assert api.put(path, MONDAY, If_Match='"2"')["ETag"] == '"2"', "what changes nothing makes no version"
    by_header = api.put(path, {"weekly": {"monday": []}}, If_Match=first["ETag"])
    by_body = api.put(path, {"weekly": {"monday": []}, "version": 1})
    for refused, status in ((by_header, 412), (by_body, 409)):
        assert (refused.status_code, refused.json()["code"]) == (status, "VERSION_CONFLICT")
        assert refused.json()["current"] == api.get(path).json()
    assert api.put(path, {"weekly": {"monday": []}}).json()["version"] == 3
    versions = Change.objects.filter(subject_kind="opening_hours").order_by("pk")
    assert list(versions.values_list("subject_version", flat=True)) == [2, 3]


# The business


def test_second_who_saves_settings_sees_the_first_ones_and_keeps_their_own(cast):
    browser, business_id = browser_of(cast.owner), cast.owner.business_id
    typed = SETTINGS | {"version": version_on(browser.get("/settings")), "introduction": "Welcome."}
    meanwhile = {"name": "<b>Praxis</b>", "locale": "de", "accent_color": "#112233", "self_service_cutoff_minutes": 120}
    update_business(business_id, meanwhile, COMMAND)
    refused = browser.post("/settings", typed)
    assert refused.status_code == 409
    assert "Somebody changed these settings meanwhile." in text_of(refused)
    assert notes_on(refused) == [
        "Name: &lt;b&gt;Praxis&lt;/b&gt;", "Language: Deutsch", "Introduction: none",
        "Customers may move and cancel until: 2 hours", "Colour: #112233",
    ]  # fmt: skip
    assert "Welcome." in text_of(refused)
    assert Business.objects.get(pk=business_id).introduction == ""
    assert browser.post("/settings", typed | {"version": version_on(refused)}).status_code == 302
    business = Business.objects.get(pk=business_id)
    assert (business.name, business.introduction, business.accent_color) == ("Practice", "Welcome.", "")


@pytest.mark.parametrize(("fields", "status"), [({"version": "1"}, 302), ({"version": "7"}, 409), ({}, 302)])
def test_settings_are_stored_when_nobody_came_between(cast, fields, status):
    assert browser_of(cast.owner).post("/settings", SETTINGS | {"name": "Praxis"} | fields).status_code == status


def test_business_has_an_etag_that_a_change_can_insist_on(cast):
    api = cast.api()
    first = api.get("/api/business")
    assert first["ETag"] == f'"{first.json()["version"]}"' == '"1"'
    assert api.put("/api/business", {"name": "Praxis", "version": 1})["ETag"] == '"2"'
    for path in ("PUT", "PATCH"):
        refused = api(path, "/api/business", {"name": "Clinic"}, If_Match=first["ETag"])
        assert (refused.status_code, refused.json()["current"]["name"]) == (412, "Praxis")
    assert api.put("/api/business", {"name": "Clinic", "version": 1}).status_code == 409
    assert api.get("/api/business").json()["name"] == "Praxis"


def test_another_logo_is_another_version_of_the_business(cast):
    business_id, versions = cast.owner.business_id, []
    for change in (lambda: set_logo(business_id, png(), COMMAND), lambda: remove_logo(business_id, COMMAND)):
        for _twice in range(2):
            change()
            versions.append(Business.objects.get(pk=business_id).version)
    assert versions == [2, 2, 3, 3]
