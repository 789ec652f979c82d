"""Messages to members whose appointments change hands: who is told, what, and when nobody is."""

import pytest

from cast import add_member, token_for
from posted import ledger, open_desk
from slotkeeper.appointments import actions, assignment
from slotkeeper.appointments.assignment import Absence, Manner
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import Kind
from slotkeeper.outbox.models import Message
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Role


@pytest.fixture
def desk(cast):
    return open_desk(cast.owner)


def book(desk, in_hours=48, **fields):
    row = desk.book(in_hours=in_hours, contact_email=None, **fields)
    desk.post.plan()
    return row


def give(desk, row, who, actor=COMMAND):
    return assignment.assign(desk.target(row), who.user_id, actor, desk.instant)


def told(mails):
    return sorted((mail.address.split("@")[0], mail.letter.subject) for mail in mails)


def test_who_is_given_an_appointment_and_who_had_it_are_told(desk, cast):
    give(desk, book(desk), cast.colleague)
    mails = desk.post.work()
    assert told(mails) == [
        ("colleague", "Now with you: Wednesday 5 June, 10:00–10:30, Consultation"),
        ("owner", "No longer with you: Wednesday 5 June, 10:00–10:30, Consultation"),
    ]
    theirs, mine = sorted(mails, key=lambda mail: mail.address)
    assert "Carla" in theirs.letter.text
    assert "/appointments/" in theirs.letter.text
    assert "Now with Colleague" in mine.letter.text
    assert "/appointments/" not in mine.letter.text  # it may be out of their sight


def test_nobody_is_told_what_they_did_themselves(desk, cast):
    row = book(desk)
    give(desk, row, cast.colleague, Actor("member", cast.owner.pk, "Olga"))
    assert [address for address, _ in told(desk.post.work())] == ["colleague"]
    token_for(cast.owner)
    token = ApiToken.objects.get(membership=cast.owner)
    give(desk, row, cast.owner, Actor("token", token.pk, "Olga"))
    assert [address for address, _ in told(desk.post.work())] == ["colleague"]


def test_customers_are_not_written_to_while_their_time_stays(desk, cast):
    row = desk.book()
    desk.post.work()
    give(desk, row, cast.colleague)
    assert ledger(recipient="customer") == [(Kind.BOOKED, "sent")]
    desk.post.work()
    assert ledger(recipient="customer") == [(Kind.BOOKED, "sent")]
    desk.change(row, start_time=row.start_time + 3600)
    (mail,) = [one for one in desk.post.work() if one.address == "carla@customer.test"]
    assert "With Colleague" in mail.letter.text


def test_what_goes_back_before_the_message_left_is_none(desk, cast):
    row = book(desk)
    give(desk, row, cast.colleague)
    give(desk, row, cast.owner)
    assert desk.post.work() == []
    give(desk, row, cast.colleague)
    desk.post.plan()
    give(desk, row, cast.owner)
    assert desk.post.work() == []
    assert {state for _, state in ledger()} == {"superseded"}


def test_what_went_on_to_a_third_tells_the_first_and_the_last(desk, cast):
    third = add_member(cast.owner, "third@practice.test", Role.PROVIDER)
    row = book(desk)
    give(desk, row, cast.colleague)
    give(desk, row, third)
    assert [address for address, _ in told(desk.post.work())] == ["owner", "third"]


def test_a_days_worth_is_one_message_each(desk, cast):
    rows = [book(desk, in_hours=48 + number, contact_name=name) for number, name in enumerate(["Ann", "Bob", "Cy"])]
    day = Interval(rows[0].start_time, rows[-1].end_time)
    absence = Absence(Reach(cast.owner.business_id), cast.owner.user_id, (cast.colleague.user_id,), day)
    assignment.reassign(absence, Manner(), COMMAND, desk.instant)
    mails = desk.post.work()
    assert [address for address, _ in told(mails)] == ["colleague", "owner"]
    for mail in mails:
        assert "Wednesday 5 June, 11:00–11:30: Consultation, Bob" in mail.letter.text
        assert "12:00–12:30: Consultation, Cy" in mail.letter.text


def test_of_a_days_worth_only_what_still_holds_is_told(desk, cast):
    rows = [book(desk, in_hours=48 + number, contact_name=name) for number, name in enumerate(["Ann", "Bob", "Cy"])]
    day = Interval(rows[0].start_time, rows[-1].end_time)
    absence = Absence(Reach(cast.owner.business_id), cast.owner.user_id, (cast.colleague.user_id,), day)
    assignment.reassign(absence, Manner(), COMMAND, desk.instant)
    desk.post.plan()
    give(desk, rows[0], cast.owner)
    desk.cancel(rows[1])
    mails = desk.post.work()
    assert len(mails) == 2
    for mail in mails:
        assert "12:00–12:30" in mail.letter.subject
        assert "Bob" not in mail.letter.text


def test_a_preview_tells_nobody(desk, cast):
    row = book(desk)
    absence = Absence(
        Reach(cast.owner.business_id), cast.owner.user_id, (cast.colleague.user_id,),
        Interval(row.start_time, row.end_time),
    )  # fmt: skip
    outcome = assignment.reassign(absence, Manner(is_preview=True), COMMAND, desk.instant)
    assert [one.row.user_id for one in outcome.moved] == [cast.colleague.user_id]
    assert desk.post.work() == []


def test_a_move_to_another_person_and_time_tells_both_and_the_customer(desk, cast):
    row = desk.book()
    desk.post.work()
    fields = {"user_id": cast.colleague.user_id, "start_time": row.start_time + 3600}
    desk.change(row, **fields)
    assert [address for address, _ in told(desk.post.work())] == ["carla", "colleague", "owner"]


def test_who_has_left_and_who_wants_none_are_not_written_to(desk, cast):
    row = book(desk)
    Membership.objects.filter(pk=cast.owner.pk).update(is_suspended=True)
    choose_channels(cast.owner.business_id, {Kind.ASSIGNED: frozenset()}, COMMAND)
    give(desk, row, cast.colleague)
    desk.post.work()
    assert not Message.objects.filter(kind__in=[Kind.ASSIGNED, Kind.UNASSIGNED]).exists()


def test_what_was_canceled_with_it_or_is_over_tells_nobody(desk, cast):
    row = book(desk)
    give(desk, row, cast.colleague)
    actions.cancel(desk.target(row), COMMAND, desk.instant)
    assert desk.post.work() == []
