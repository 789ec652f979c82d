"""Who is told when somebody has left, and what is true when a message is sent again."""

from datetime import UTC, datetime

import pytest

from posted import kinds, ledger, open_desk
from slotkeeper.appointments.leaving import remove_member
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.channels.base import ChannelAway, Refused
from slotkeeper.outbox.kinds import Kind, Reason, State, member
from slotkeeper.outbox.ledger import resend
from slotkeeper.outbox.models import Message
from slotkeeper.people.members import MemberTarget, suspend_member
from slotkeeper.rules.appointment_status import Status

CUSTOMER = Actor("customer", None, "Carla")


@pytest.fixture
def desk(cast):
    return open_desk(cast.owner)


# Who may not act here any more is told nothing, and somebody else is


@pytest.fixture
def providers_desk(cast):
    return open_desk(cast.colleague)


def leave(cast):
    target = MemberTarget(cast.owner.business_id, cast.colleague.pk)
    remove_member(target, COMMAND, int(datetime.now(UTC).timestamp()), keeps_appointments=True)


def test_what_customers_do_with_a_removed_members_time_the_owners_are_told(providers_desk, cast):
    desk = providers_desk
    row = desk.book(actor=CUSTOMER)
    assert sorted(one.address for one in desk.post.work()) == ["carla@customer.test", "colleague@practice.test"]
    leave(cast)
    desk.cancel(row, actor=CUSTOMER)
    assert sorted(one.address for one in desk.post.work()) == ["carla@customer.test", "owner@practice.test"]


def test_a_suspended_member_is_not_told_of_an_address_that_cannot_be_reached(providers_desk, cast):
    desk = providers_desk
    desk.post.channel.faults["carla@customer.test"] = Refused("550 no such user")
    desk.book()
    suspend_member(MemberTarget(cast.owner.business_id, cast.colleague.pk), COMMAND)
    assert [one.address for one in desk.post.work()] == ["owner@practice.test"]


def test_a_notice_that_waited_until_its_reader_had_left_goes_to_the_owners(providers_desk, cast):
    desk = providers_desk
    desk.post.channel.faults["*"] = ChannelAway("connection refused")
    desk.book(actor=CUSTOMER)
    desk.post.work()
    desk.post.channel.faults.clear()
    leave(cast)
    addresses = [one.address for one in (*desk.post.again().work(), *desk.post.again().work())]
    assert sorted(addresses) == ["carla@customer.test", "owner@practice.test"]
    (notice,) = Message.objects.filter(kind=Kind.NEW_BOOKING, recipient=member(cast.colleague.user_id))
    assert (notice.state, notice.reason) == (State.SKIPPED, Reason.LEFT)


def sent_again(desk, kind):
    """Ask for the newest message of a kind once more, and give what leaves."""
    newest = Message.objects.filter(kind=kind).order_by("-pk")[0]
    resend(desk.member.business_id, newest.pk, COMMAND, desk.post.now)
    return desk.post.work()


def without_links(mail):
    return [line for line in mail.letter.text.splitlines() if "/booking/" not in line]


def test_what_is_no_longer_true_is_not_sent_again(desk):
    row = desk.book()
    desk.post.work()
    desk.cancel(row)
    desk.post.work()
    assert sent_again(desk, Kind.BOOKED) == []
    assert ledger()[0][:2] == ("booked", "superseded")
    assert kinds(sent_again(desk, Kind.CANCELED)) == ["canceled"]


def test_a_confirmed_appointment_awaits_nothing_also_when_that_is_sent_again(desk, cast):
    service = Service.objects.create(business=cast.owner.business, name="Cut", slug="cut", requires_confirmation=True)
    row = desk.book(service_id=service.pk)
    desk.post.work()
    desk.change(row, status=Status.CONFIRMED)
    desk.post.work()
    assert sent_again(desk, Kind.AWAITING_CONFIRMATION) == []
    assert kinds(sent_again(desk, Kind.CONFIRMED)) == ["confirmed"]


def test_a_move_that_is_told_again_names_the_same_time_before(desk):
    row = desk.book()
    desk.post.work()
    desk.change(row, start_time=row.start_time + 24 * 3600)
    (first,) = desk.post.work()
    assert "Before: Wednesday 5 June" in first.letter.text
    for _ in range(2):
        (again,) = sent_again(desk, Kind.RESCHEDULED)
        assert without_links(again) == without_links(first)
    desk.change(row, start_time=row.start_time + 48 * 3600)
    (second,) = desk.post.work()
    assert "Before: Thursday 6 June" in second.letter.text
    (late,) = sent_again(desk, Kind.RESCHEDULED)
    assert without_links(late) == without_links(second)
