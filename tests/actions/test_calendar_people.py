"""In whose calendars appointments stand, and what of a customer stands there."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connected import HOUR, NOW, SOON, Connected, connect
from contracts.memory_world import MemoryCalendar, MemoryProvider
from offered import offer
from slotkeeper.appointments import actions, calendar_sync
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.appointments.self_service import CustomerBooking, book_slot
from slotkeeper.appointments.slots import SlotQuery, read_slots
from slotkeeper.calendars import accounts, connections
from slotkeeper.calendars.connections import CannotConnect, Credentials, Owner
from slotkeeper.calendars.models import BusyTime, CalendarConnection, CalendarEventLink, ConnectedCalendar, Kind
from slotkeeper.calendars.providers.base import RemoteCalendar
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.members import MemberTarget, update_member
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Role

ACCOUNT = Credentials(Kind.CALDAV, "https://dav.example.com", "olga", "password")


@pytest.fixture
def connected(cast, monkeypatch):
    return connect(cast.owner, monkeypatch)


def owner_of(connected):
    return Owner(connected.member.user_id, connected.member.business_id)


def connect_anew(connected, then=calendar_sync.plan_for_person):
    connected.connection = connections.connect(owner_of(connected), ACCOUNT, COMMAND, then)
    return connected.connection


@pytest.fixture
def unconnected(cast, monkeypatch):
    """Somebody with an account that nobody has connected."""
    twin = MemoryCalendar()
    monkeypatch.setitem(accounts.PROVIDERS, "caldav", lambda _account: MemoryProvider(twin))
    return Connected(cast.owner, twin, CalendarConnection(), ConnectedCalendar())


def test_connecting_writes_what_lies_ahead(unconnected):
    unconnected.book()
    connect_anew(unconnected)
    unconnected.work()
    assert unconnected.titles() == ["Consultation"]


def test_an_account_that_is_connected_again_has_each_event_once(unconnected):
    row = unconnected.book()
    connect_anew(unconnected)
    unconnected.work()
    connections.disconnect(owner_of(unconnected), unconnected.connection.pk, COMMAND)
    actions.update(Target(Reach(unconnected.member.business_id), row.id), {"title": "Edited"}, COMMAND, NOW)
    connect_anew(unconnected)
    unconnected.work_later()
    unconnected.work_later()
    assert (unconnected.titles(), BusyTime.objects.count()) == (["Edited"], 0)


def test_a_person_connects_a_bounded_number_of_accounts(unconnected, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 1)
    connect_anew(unconnected)
    connect_anew(unconnected)
    other = replace(ACCOUNT, username="other")
    with pytest.raises(CannotConnect, match="More than 1"):
        connections.connect(owner_of(unconnected), other, COMMAND, calendar_sync.plan_for_person)
    assert CalendarConnection.objects.count() == 1


def test_connecting_again_takes_new_calendars_and_new_names(connected, monkeypatch):
    listed = [RemoteCalendar("main", "My\x00 work", is_writable=False), RemoteCalendar("new", "Choir")]
    monkeypatch.setattr(MemoryProvider, "list_calendars", lambda _self: listed)
    connections.reconnect(owner_of(connected), connected.connection.pk, ACCOUNT, COMMAND)
    found = ConnectedCalendar.objects.order_by("pk").values_list("name", "is_writable", "blocks")
    assert list(found) == [("My  work", False, True), ("Choir", True, False)]


def test_a_feed_is_tried_again_at_its_own_address(cast, monkeypatch):
    asked = []

    def opened(account):
        asked.append(account.url)
        return MemoryProvider(MemoryCalendar())

    monkeypatch.setitem(accounts.PROVIDERS, "ics_feed", opened)
    owner, address = Owner(cast.owner.user_id, cast.owner.business_id), "https://feeds.example.com:8443/secret/work.ics"
    feed = connections.connect(owner, Credentials(Kind.ICS_FEED, address), COMMAND, calendar_sync.plan_for_person)
    connections.reconnect(owner, feed.pk, Credentials(Kind.ICS_FEED, feed.url), COMMAND)
    assert asked == [address, address]
    assert accounts.secret_of(CalendarConnection.objects.get()) == address


def test_a_role_without_calendars_takes_customers_out_of_them(cast, monkeypatch):
    connected = connect(cast.colleague, monkeypatch)
    connected.book(contact_name="Carla", contact_phone="123")
    connected.work()
    assert connected.titles() == ["Consultation"]
    target = MemberTarget(cast.owner.business_id, cast.colleague.pk)
    update_member(target, {"role": Role.VIEWER}, COMMAND)
    connected.book(SOON + 3 * HOUR)
    connected.work_later()
    assert connected.titles() == []


def test_a_service_given_by_several_stands_in_the_calendar_of_each(cast, monkeypatch):
    connected = connect(cast.colleague, monkeypatch)
    connected.work_later()
    service = offer(cast.owner, cast.colleague, weekdays=range(7), assignment="all")
    found = read_slots(SlotQuery(cast.owner.business_id, service.pk, Interval(SOON, SOON + 72 * HOUR), NOW))
    wish = CustomerBooking(cast.owner.business_id, service.pk, found[0].start, "Carla Customer", "carla@customer.test")
    row = book_slot(wish, NOW).row
    connected.work_later()
    assert row.user_id == cast.owner.user_id
    assert len(connected.titles()) == 1
    actions.cancel(Target(Reach(cast.owner.business_id), row.id), COMMAND, NOW)
    connected.work_later()
    assert connected.titles() == []


def test_erasing_a_customer_reaches_the_calendar_and_the_titles(cast, connected):
    service = offer(cast.owner, weekdays=range(7))
    connected.work_later()
    found = read_slots(SlotQuery(cast.owner.business_id, service.pk, Interval(SOON, SOON + 72 * HOUR), NOW))
    wish = CustomerBooking(cast.owner.business_id, service.pk, found[0].start, "Carla Customer", "carla@customer.test")
    row = book_slot(wish, NOW).row
    connected.work_later()
    assert connected.titles() == [f"{service.name}: Carla Customer"]
    erase_contact(cast.owner.business_id, find(Reach(cast.owner.business_id), row.id).contact_id, COMMAND)
    connected.work_later()
    assert connected.titles() == [service.name]
    assert find(Reach(cast.owner.business_id), row.id).title == service.name
    told = Change.objects.filter(subject_kind="appointment").values_list("before", "after")
    assert "Carla" not in str(list(told))


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("Haircut: Jo", "Haircut"), ("Jo", "-"), ("Jo and Johanna", "and Johanna"), ("Johanna", "Johanna"),
        ("Jo (new), Jo", "(new)"),
    ],
)  # fmt: skip
def test_only_the_name_itself_leaves_a_title(cast, title, left):
    cast.customer.name = "Jo"
    cast.customer.save()
    wish = Booking(cast.owner.business_id, cast.owner.user_id, title, SOON, SOON + HOUR, contact_id=cast.customer.pk)
    row = actions.book(wish, COMMAND, NOW)
    erase_contact(cast.owner.business_id, cast.customer.pk, COMMAND)
    assert find(Reach(cast.owner.business_id), row.id).title == left


def test_what_its_owner_made_a_series_of_ours_blocks_its_other_days(connected):
    connected.book()
    connected.work_later()
    ((name, there),) = connected.twin.events.items()
    week = 7 * 24 * HOUR
    times = tuple(Interval(SOON + number * week, SOON + number * week + HOUR) for number in range(3))
    connected.twin.store(name, title=there.title, times=times, key=there.key)
    connected.work_later()
    starts = BusyTime.objects.order_by("start_time").values_list("start_time", flat=True)
    assert [int(start.timestamp()) for start in starts] == [SOON + week, SOON + 2 * week]
    assert calendar_sync.open_proposals(Reach(connected.member.business_id)) == []


def test_a_calendar_is_known_as_far_ahead_as_a_service_is_offered(connected, cast):
    service = offer(cast.owner, horizon_days=730, weekdays=range(7))
    day = NOW + 700 * 24 * HOUR
    connected.enter("sabbatical", day, day + 72 * HOUR)
    connected.work_later()
    within = Interval(day + 24 * HOUR, day + 48 * HOUR)
    assert read_slots(SlotQuery(cast.owner.business_id, service.pk, within, NOW)) == []


@contextmanager
def _planning_at_once(monkeypatch, plan):
    """Have somebody else plan the same after it was seen that nobody has."""
    real = calendar_sync.want
    calls = []

    def want(wishes, now):
        if not calls:
            calls.append(1)
            plan()
        real(wishes, now)

    with monkeypatch.context() as patched:
        patched.setattr(calendar_sync, "want", want)
        yield


def test_two_that_plan_the_same_at_once_make_one_link(connected, monkeypatch):
    row, now = connected.book(), datetime.now(UTC)
    with _planning_at_once(monkeypatch, lambda: calendar_sync.plan([row.id], now)):
        calendar_sync.plan([row.id], now)
    assert connected.link().state == "pending"


def test_many_appointments_are_planned_in_few_statements(connected, django_assert_max_num_queries):
    for number in range(30):
        connected.book(SOON + number * HOUR)
    with django_assert_max_num_queries(20):
        calendar_sync.plan_for_person(connected.member.user_id, datetime.now(UTC))
    assert CalendarEventLink.objects.filter(state="pending", wanted_start__isnull=False).count() == 30
