"""The day by person, giving one appointment away by form, and giving a whole day away with a preview."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from cast import add_member
from desk import WEDNESDAY, book, browser_of, text_of
from offered import keep_hours, offer
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import TimeOff
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Role

DAY = "/day?date=2027-01-13"


@pytest.fixture
def second(cast):
    return add_member(cast.owner, "second@practice.test", Role.PROVIDER)


@pytest.fixture
def browser(cast):
    return browser_of(cast.owner)


def columns(page: str) -> dict[str, str]:
    """Give the text of each person's column, by name."""
    parts = re.split(r'<section class="column"', page)[1:]
    names = [re.search(r"<h2[^>]*>([^<]*)", part)[1] for part in parts]
    return dict(zip(names, parts, strict=True))


def holder(appointment) -> int:
    return Appointment.objects.values_list("user_id", flat=True).get(pk=appointment.pk)


def absent(who, hours=3):
    start = WEDNESDAY + timedelta(hours=hours)
    TimeOff.objects.create(user=who.user, start_time=start, end_time=start + timedelta(hours=1))


def hand(browser, appointment, **fields):
    row = Appointment.objects.get(pk=appointment.pk)
    return browser.post(f"/appointments/{row.pk}/assign", {"version": row.version} | fields)


def test_everybody_has_a_column_with_what_is_booked_and_when_they_are_there(cast, browser):
    keep_hours(cast.colleague)
    book(cast.owner, "Haircut", contact_name="Carla")
    book(cast.colleague, "Colour")
    absent(cast.colleague)
    shown = columns(text_of(browser.get(DAY)))
    assert list(shown) == ["Olga Owner", "Colleague"]
    assert "Haircut" in shown["Olga Owner"]
    assert "Carla" in shown["Olga Owner"]
    assert "11:00–11:30" in shown["Olga Owner"]
    assert "No opening hours" in shown["Olga Owner"]
    assert "Colour" in shown["Colleague"]
    assert "09:00–17:00" in shown["Colleague"]
    assert "13:00–14:00" in shown["Colleague"]
    assert "Time off" in shown["Colleague"]


def test_one_person_is_shown_alone(cast, browser):
    shown = columns(text_of(browser.get(f"{DAY}&user_id={cast.colleague.user_id}")))
    assert list(shown) == ["Colleague"]


def test_a_provider_sees_their_own_day(cast):
    book(cast.owner, "Secret")
    page = text_of(browser_of(cast.colleague).get(DAY))
    assert list(columns(page)) == ["Colleague"]
    assert "Secret" not in page
    assert "Give the day away" not in page


def test_who_is_limited_sees_those_columns_only(cast, second):
    scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    book(cast.colleague, "Secret")
    Membership.objects.filter(pk=scheduler.pk).update(limited_to_user_ids=[second.user_id])
    page = text_of(browser_of(scheduler).get(DAY))
    assert list(columns(page)) == ["Second", "Scheduler"]
    assert "Secret" not in page


def test_who_is_limited_to_services_sees_the_others_as_busy(cast, second):
    scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    book(cast.colleague, "Secret")
    service = offer(second)
    Membership.objects.filter(pk=scheduler.pk).update(limited_to_service_ids=[service.pk])
    page = text_of(browser_of(scheduler).get(DAY))
    assert "Secret" not in page
    assert "11:00–11:30" in columns(page)["Colleague"]


def test_who_has_left_is_shown_while_something_is_booked_with_them(cast, browser):
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    assert "Colleague" not in columns(text_of(browser.get(DAY)))
    book(cast.colleague, "Left behind")
    assert "Left behind" in columns(text_of(browser.get(DAY)))["Colleague"]


@pytest.mark.parametrize(
    "query", ["?date=never", "?date=9999-12-31", "?user_id=x", "?user_id=99999999999999999999", ""]
)
def test_a_strange_day_is_today(browser, query):
    assert browser.get(f"/day{query}").status_code == 200


def test_a_viewer_reads_and_moves_nothing(cast):
    mine = book(cast.owner, "Haircut")
    viewer = browser_of(add_member(cast.owner, "viewer@practice.test", Role.VIEWER))
    page = text_of(viewer.get(DAY))
    assert f"/appointments/{mine.pk}/assign" not in page
    assert "data-movable" not in page
    assert viewer.get(f"/appointments/{mine.pk}/assign").status_code == 403
    assert viewer.get("/day/reassign").status_code == 403


def test_week_and_day_lead_to_each_other(browser, cast):
    assert "/day?date=2027-01-13" in text_of(browser.get("/?date=2027-01-13"))
    assert "/?date=2027-01-13" in text_of(browser.get(DAY))


def test_the_form_gives_an_appointment_to_somebody_at_another_time(cast, browser):
    mine = book(cast.owner, "Haircut")
    page = text_of(browser.get(f"/appointments/{mine.pk}/assign"))
    assert "Give to somebody or move" in page
    done = hand(browser, mine, user_id=cast.colleague.user_id, start="2027-01-13T15:00")
    assert (done.status_code, done["Location"]) == (302, DAY)
    row = Appointment.objects.get(pk=mine.pk)
    assert (row.user_id, row.start_time) == (cast.colleague.user_id, datetime(2027, 1, 13, 14, tzinfo=UTC))
    assert row.end_time - row.start_time == timedelta(minutes=30)


def test_only_those_who_give_the_service_are_offered(cast, browser, second):
    service = offer(cast.owner, second)
    mine = book(cast.owner, "Haircut", service=service)
    page = text_of(browser.get(f"/appointments/{mine.pk}/assign"))
    assert f'value="{second.user_id}"' in page
    assert f'value="{cast.colleague.user_id}"' not in page
    refused = hand(browser, mine, user_id=cast.colleague.user_id, start="2027-01-13T11:00")
    assert refused.status_code == 200
    assert holder(mine) == cast.owner.user_id


def test_who_is_not_free_is_refused_with_what_is_there_and_three_other_times(cast, browser):
    mine, theirs = book(cast.owner, "Haircut"), book(cast.colleague, "Colour")
    refused = hand(browser, mine, user_id=cast.colleague.user_id, start="2027-01-13T11:00")
    page = text_of(refused)
    assert refused.status_code == 409
    assert theirs.title in page
    offered = re.findall(r'name="alternative"\s+value="([^"]+)"', page)
    assert len(offered) == 3
    done = hand(browser, mine, user_id=cast.colleague.user_id, start="2027-01-13T11:00", alternative=offered[0])
    assert done.status_code == 302
    assert holder(mine) == cast.colleague.user_id


def test_a_provider_moves_their_own_and_gives_nothing_away(cast):
    own, theirs = book(cast.colleague, "Mine"), book(cast.owner, "Theirs")
    browser = browser_of(cast.colleague)
    assert browser.get(f"/appointments/{theirs.pk}/assign").status_code == 404
    hand(browser, own, user_id=cast.owner.user_id, start="2027-01-13T15:00")
    row = Appointment.objects.get(pk=own.pk)
    assert (row.user_id, row.start_time.hour) == (cast.colleague.user_id, 14)


def test_a_stale_form_shows_the_appointment_as_it_is(cast, browser):
    mine = book(cast.owner, "Haircut")
    fields = {"user_id": cast.colleague.user_id, "start": "2027-01-13T11:00", "version": 9}
    stale = browser.post(f"/appointments/{mine.pk}/assign", fields)
    assert stale.status_code == 409
    assert "Somebody has just changed this appointment" in text_of(stale)
    assert holder(mine) == cast.owner.user_id
    assert hand(browser, mine, **fields | {"version": 1}).status_code == 302


@pytest.mark.parametrize(
    "fields",
    [{}, {"user_id": "x"}, {"start": "never"}, {"start": "\x00"}, {"user_id": "1" * 40, "start": "2027-01-13T11:00"}],
)  # fmt: skip
def test_bad_forms_change_nothing(cast, browser, fields):
    mine = book(cast.owner, "Haircut")
    assert hand(browser, mine, **fields).status_code == 200
    assert Appointment.objects.get(pk=mine.pk).version == 1


def preview(browser, cast, *to, **fields):
    data = {"day": "2027-01-13", "from_user_id": cast.owner.user_id, "to_user_ids": [one.user_id for one in to]}
    return text_of(browser.post("/day/reassign", data | fields))


def plan_of(page: str) -> str:
    return re.search(r'name="plan"\s+value="([^"]*)"', page)[1]


def confirm(browser, cast, plan, *to):
    data = {"day": "2027-01-13", "from_user_id": cast.owner.user_id, "to_user_ids": [one.user_id for one in to]}
    return browser.post("/day/reassign", data | {"plan": plan})


def test_a_day_is_shown_given_away_and_taken_back(cast, browser, second):
    mine = [book(cast.owner, title, hours) for title, hours in (("Haircut", 1), ("Colour", 2), ("Shave", 3))]
    changes = Change.objects.count()
    page = preview(browser, cast, cast.colleague, second)
    assert "Give 3 appointments away" in page
    assert (holder(mine[0]), Change.objects.count()) == (cast.owner.user_id, changes)
    done = confirm(browser, cast, plan_of(page), cast.colleague, second)
    assert done["Location"] == DAY
    assert [holder(one) for one in mine] == [cast.colleague.user_id, second.user_id, cast.colleague.user_id]
    shown = text_of(browser.get(DAY))
    assert "3 appointments of this day were given away." in shown
    browser.post("/day/reassign/undo")
    assert {holder(one) for one in mine} == {cast.owner.user_id}
    assert "of this day were given away" not in text_of(browser.get(DAY))


def test_what_cannot_be_given_away_is_shown_with_the_reason_and_stays(cast, browser):
    stays, goes = book(cast.owner, "Haircut"), book(cast.owner, "Shave", 5)
    book(cast.colleague, "Colour")
    page = preview(browser, cast, cast.colleague)
    assert "1 appointment stays where it is:" in page
    assert "Colleague: The person is not free. (Colour)" in page
    confirm(browser, cast, plan_of(page), cast.colleague)
    assert (holder(stays), holder(goes)) == (cast.owner.user_id, cast.colleague.user_id)


def test_what_changed_after_the_preview_is_shown_anew_and_nothing_is_done(cast, browser):
    mine = [book(cast.owner, "Haircut"), book(cast.owner, "Shave", 5)]
    plan = plan_of(preview(browser, cast, cast.colleague))
    book(cast.colleague, "Quick one")
    page = text_of(confirm(browser, cast, plan, cast.colleague))
    assert "Meanwhile something has changed" in page
    assert {holder(one) for one in mine} == {cast.owner.user_id}
    assert "Give 1 appointment away" in page


def test_time_off_is_overridden_only_when_asked(cast, browser):
    book(cast.owner, "Haircut", 3)
    absent(cast.colleague)
    assert "1 appointment stays where it is:" in preview(browser, cast, cast.colleague)
    assert "Give 1 appointment away" in preview(browser, cast, cast.colleague, over_time_off="on")


def test_an_empty_day_says_so(cast, browser):
    assert "There is nothing to give away on this day." in preview(browser, cast, cast.colleague)


def test_what_changed_since_cannot_be_taken_back(cast, browser):
    mine = book(cast.owner, "Haircut")
    confirm(browser, cast, plan_of(preview(browser, cast, cast.colleague)), cast.colleague)
    Appointment.objects.filter(pk=mine.pk).update(version=9)
    page = text_of(browser.post("/day/reassign/undo", follow=True))
    assert "Meanwhile something has changed" in page
    assert holder(mine) == cast.colleague.user_id
    assert browser.post("/day/reassign/undo").status_code == 302


def test_bad_wishes_are_refused_by_field(cast, browser):
    assert "Choose somebody else than the person who has them." in preview(browser, cast, cast.owner)
    assert "This field is required." in preview(browser, cast)
    for fields in (
        {"day": "never"}, {"day": "1066-10-14"}, {"day": "9999-12-31"}, {"from_user_id": "x"},
        {"to_user_ids": [str(cast.outsider.user_id)]}, {"to_user_ids": ["9" * 40]},
    ):  # fmt: skip
        assert 'class="errors"' in preview(browser, cast, cast.colleague, **fields)


@pytest.mark.parametrize("plan", ["", "x", "1:1:1", "9" * 400, "1:1:99999999999999999999", "1:999999999:1", "\x00"])
def test_a_forged_plan_does_nothing(cast, browser, plan):
    mine = book(cast.owner, "Haircut")
    answer = confirm(browser, cast, plan, cast.colleague)
    assert answer.status_code in {200, 302}
    assert holder(mine) == cast.owner.user_id


def test_a_plan_reaches_no_further_than_its_caller(cast, second):
    scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    Membership.objects.filter(pk=scheduler.pk).update(limited_to_user_ids=[second.user_id])
    hidden, seen = book(cast.colleague, "Hidden"), book(second, "Seen")
    browser = browser_of(scheduler)
    data = {"day": "2027-01-13", "from_user_id": second.user_id, "to_user_ids": [scheduler.user_id]}
    browser.post("/day/reassign", data | {"plan": f"{hidden.pk}:1:{scheduler.user_id}"})
    browser.post("/day/reassign", data | {"plan": f"{seen.pk}:1:{cast.colleague.user_id}"})
    assert (holder(hidden), holder(seen)) == (cast.colleague.user_id, second.user_id)


def test_who_left_gives_their_day_away(cast, browser):
    theirs = book(cast.colleague, "Left behind")
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    page = text_of(browser.get("/day/reassign?date=2027-01-13"))
    assert "Colleague (has left)" in page
    data = {"day": "2027-01-13", "from_user_id": cast.colleague.user_id, "to_user_ids": [cast.owner.user_id]}
    browser.post("/day/reassign", data | {"plan": plan_of(text_of(browser.post("/day/reassign", data)))})
    assert holder(theirs) == cast.owner.user_id


def test_free_times_are_those_of_who_might_be_given_it(cast, browser):
    mine = book(cast.owner, "Haircut")
    book(cast.colleague, "Colour")
    query = f"start=2027-01-13T11:00:00&end=2027-01-13T11:30:00&user_id={cast.colleague.user_id}"
    (first, *_) = browser.get(f"/calendar/free/{mine.pk}?{query}").json()["suggested_slots"]
    assert first["start"] == "2027-01-13T11:30:00+01:00"
