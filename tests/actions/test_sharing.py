"""Who of those who are free is given an appointment, and what the record of changes says about it."""

import pytest

from actions.test_self_service import HOUR, NOW, nine, wish  # noqa: F401 -- nine is a fixture
from cast import add_member
from offered import offer
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.self_service import book_slot, cancel_by_customer
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import ServiceProvider
from slotkeeper.rules.permissions import Role

DAY = 24 * HOUR


def book(service, start, **fields):
    """Book, and say who was given it and why."""
    row = book_slot(wish(service, start, **fields), NOW).row
    return row.user_id, Change.objects.get(subject_kind="appointment", subject_id=row.id).after["assignment"]


def set_place(member, **fields):
    ServiceProvider.objects.filter(membership=member).update(**fields)


def test_least_busy_that_day_gets_it_and_the_change_says_why(cast, nine):  # noqa: F811
    owner, colleague = cast.owner.user_id, cast.colleague.user_id
    service = offer(cast.owner, cast.colleague, buffer_after_minutes=30)
    book(service, nine, user_id=owner)
    given_to, assignment = book(service, nine + 2 * HOUR)
    assert given_to == colleague
    assert assignment == {
        "method": "least_busy",
        "reason": "least_that_day",
        "candidates": [
            {"user_id": colleague, "day_minutes": 0, "week_minutes": 0},
            {"user_id": owner, "day_minutes": 90, "week_minutes": 90},
        ],
    }


def test_the_week_decides_between_people_with_the_same_day_and_next_week_does_not_count(cast, nine):  # noqa: F811
    owner, colleague = cast.owner.user_id, cast.colleague.user_id
    service = offer(cast.owner, cast.colleague)
    book(service, nine, user_id=owner)
    given_to, assignment = book(service, nine + 4 * DAY)  # the Friday of that week
    assert (given_to, assignment["reason"]) == (colleague, "least_that_week")
    given_to, assignment = book(service, nine + 8 * DAY)
    assert (given_to, assignment["reason"]) == (owner, "longest_ago")


def test_the_one_who_is_free_gets_it_whatever_the_method(cast, nine):  # noqa: F811
    service = offer(cast.owner, cast.colleague, sharing="priority")
    set_place(cast.owner, priority=1)
    assert book(service, nine)[0] == cast.owner.user_id
    given_to, assignment = book(service, nine)
    assert (given_to, assignment["reason"]) == (cast.colleague.user_id, "only_one_free")


def test_priority_goes_first_however_busy(cast, nine):  # noqa: F811
    service = offer(cast.owner, cast.colleague, sharing="priority")
    set_place(cast.colleague, priority=1)
    for number in range(3):
        given_to, assignment = book(service, nine + number * HOUR)
        assert (given_to, assignment["reason"]) == (cast.colleague.user_id, "highest_priority")
    assert assignment["candidates"][0] == {
        "user_id": cast.colleague.user_id, "day_minutes": 120, "week_minutes": 120, "priority": 1,
    }  # fmt: skip


def test_rotation_takes_turns_across_days_and_a_canceled_one_is_no_turn(cast, nine):  # noqa: F811
    third = add_member(cast.owner, "third@practice.test", Role.PROVIDER)
    members = [cast.owner, cast.colleague, third]
    service = offer(*members, sharing="rotation")
    turns = [book(service, nine + number * DAY)[0] for number in (0, 1, 2, 3)]
    assert turns == [*sorted(one.user_id for one in members), turns[0]]
    last = book_slot(wish(service, nine + 4 * DAY), NOW)
    cancel_by_customer(last.link, None, NOW)
    assert book(service, nine + 4 * DAY)[0] == last.row.user_id


def test_weights_give_more_turns(cast, nine):  # noqa: F811
    service = offer(cast.owner, cast.colleague, sharing="rotation")
    set_place(cast.colleague, weight=3)
    turns = [book(service, nine + number * DAY + hour * HOUR)[0] for number in range(4) for hour in (0, 1)]
    assert turns.count(cast.colleague.user_id) == 6


def test_the_one_whom_a_customer_chose_and_all_together_are_told_as_such(cast, nine):  # noqa: F811
    chosen = offer(cast.owner, cast.colleague, assignment="chosen")
    given_to, assignment = book(chosen, nine, user_id=cast.colleague.user_id)
    assert given_to == cast.colleague.user_id
    assert assignment == {"method": "chosen", "reason": "chosen_by_customer"}
    team = offer(cast.owner, cast.colleague, assignment="all", name="Team", slug="team")
    assert book(team, nine + HOUR)[1] == {"method": "all", "reason": "all_needed"}


@pytest.mark.parametrize("sharing", ["least_busy", "rotation", "priority"])
def test_every_free_provider_is_filled_before_anybody_is_refused(cast, nine, sharing):  # noqa: F811
    members = [cast.owner, cast.colleague]
    members += [add_member(cast.owner, f"m{number}@practice.test", Role.PROVIDER) for number in range(4)]
    service = offer(*members, sharing=sharing)
    assert {book(service, nine)[0] for _ in members} == {one.user_id for one in members}
    assert Appointment.objects.count() == len(members)
