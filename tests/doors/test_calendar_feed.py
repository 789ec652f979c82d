"""A person's appointments under a secret address: what a calendar program reads there, and who does not."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.test import Client

from connected import HOUR, NOW, SOON, connect
from slotkeeper.appointments import actions, calendar_feed
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.calendars.connections import Owner
from slotkeeper.calendars.feeds import UnknownFeed, feeds_of, make_feed, revoke_feed
from slotkeeper.calendars.ics_busy import read_busy
from slotkeeper.calendars.ics_file import ReadRequest
from slotkeeper.calendars.mirror import links_seen, store_changes
from slotkeeper.calendars.models import BusyTime, CalendarFeed, ConnectedCalendar
from slotkeeper.calendars.providers.base import Changes, RemoteEvent
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Membership, User
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Role


@pytest.fixture
def owner(cast) -> Owner:
    return Owner(cast.owner.user_id, cast.owner.business_id)


@pytest.fixture
def program() -> Client:
    """A calendar program that nobody is signed in at."""
    return Client(HTTP_HOST="localhost")


def book(member, start=SOON, **fields):
    wish = {"title": "Consultation", "location": "Room 1; left"} | fields
    booking = Booking(member.business_id, member.user_id, start_time=start, end_time=start + HOUR, **wish)
    return actions.book(booking, COMMAND, min(start, NOW))


def read(program, secret, **headers):
    return program.get(f"/feeds/{secret}.ics", headers=headers)


def lines_of(answer) -> list[str]:
    assert answer.status_code == 200
    return answer.content.decode().replace("\r\n ", "").split("\r\n")


def utc(instant) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y%m%dT%H%M%SZ")


def test_a_feed_shows_an_appointment_whole(cast, owner, program):
    row = book(cast.owner, contact_name="Carla", contact_email="carla@customer.test", description="Bring papers")
    _, secret = make_feed(owner, False, COMMAND)
    answer = read(program, secret)
    lines = lines_of(answer)
    updated = utc(int(Appointment.objects.get().updated_at.timestamp()))
    assert lines[lines.index("BEGIN:VEVENT") : lines.index("END:VEVENT")] == [
        "BEGIN:VEVENT",
        f"UID:appointment-{row.id}@slotkeeper",
        f"DTSTAMP:{updated}",
        "SEQUENCE:1",
        f"DTSTART:{utc(SOON)}",
        f"DTEND:{utc(SOON + HOUR)}",
        "SUMMARY:Consultation",
        r"DESCRIPTION:Carla · carla@customer.test\n\nBring papers",
        r"LOCATION:Room 1\; left",
        "STATUS:TENTATIVE",
        "TRANSP:OPAQUE",
    ]
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["X-Robots-Tag"] == "noindex"
    assert not answer.cookies


def test_a_feed_without_details_says_busy_and_no_more(cast, owner, program):
    book(cast.owner, contact_name="Carla", description="Bring papers", contact_phone="0301234")
    _, secret = make_feed(owner, True, COMMAND)
    text = read(program, secret).content.decode()
    assert "SUMMARY:Busy\r\n" in text
    for word in ("Consultation", "Carla", "papers", "0301234", "Room", "DESCRIPTION", "LOCATION", "STATUS"):
        assert word not in text


def test_busy_is_said_in_the_persons_language(cast, owner, program):
    book(cast.owner)
    User.objects.filter(pk=owner.user_id).update(locale="de")
    _, secret = make_feed(owner, True, COMMAND)
    assert "SUMMARY:Belegt" in lines_of(read(program, secret))


def test_a_feed_reaches_a_month_back_and_a_year_ahead_and_leaves_out_what_does_not_take_place(cast, owner, program):
    for days, title in ((-31, "too old"), (-29, "old"), (365, "far"), (367, "too far")):
        book(cast.owner, NOW + days * 24 * HOUR, title=title)
    canceled = book(cast.owner, title="canceled")
    actions.cancel(Target(Reach(owner.business_id), canceled.id), COMMAND, NOW)
    book(cast.colleague, title="somebody else’s")
    _, secret = make_feed(owner, False, COMMAND)
    titles = [line[8:] for line in lines_of(read(program, secret)) if line.startswith("SUMMARY:")]
    assert titles == ["old", "far"]


def test_a_change_raises_the_sequence_and_keeps_the_uid(cast, owner, program):
    row = book(cast.owner)
    _, secret = make_feed(owner, False, COMMAND)
    before = lines_of(read(program, secret))
    actions.update(Target(Reach(owner.business_id), row.id), {"title": "Longer"}, COMMAND, NOW)
    after = lines_of(read(program, secret))
    assert "SEQUENCE:2" in after
    assert [line for line in before if line.startswith("UID")] == [line for line in after if line.startswith("UID")]


def test_what_has_not_changed_is_not_sent_again(cast, owner, program):
    book(cast.owner)
    _, secret = make_feed(owner, False, COMMAND)
    etag = read(program, secret)["ETag"]
    again = read(program, secret, if_none_match=etag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    book(cast.owner, SOON + HOUR)
    assert read(program, secret, if_none_match=etag).status_code == 200


def test_a_feed_costs_three_statements_however_much_is_booked(cast, owner, program, django_assert_num_queries):
    _, secret = make_feed(owner, False, COMMAND)
    for number in range(3):
        book(cast.owner, SOON + number * HOUR)
    with django_assert_num_queries(3):
        read(program, secret)


def test_a_feed_is_cut_off_where_it_would_be_endless(cast, owner, program, monkeypatch):
    monkeypatch.setattr(calendar_feed, "MOST_EVENTS", 2)
    for number in range(3):
        book(cast.owner, SOON + number * HOUR)
    _, secret = make_feed(owner, False, COMMAND)
    assert lines_of(read(program, secret)).count("BEGIN:VEVENT") == 2


# Who does not read it


def test_revoked_and_unknown_look_the_same(owner, program):
    feed, secret = make_feed(owner, False, COMMAND)
    revoke_feed(owner, feed.pk, COMMAND)
    revoked, unknown = read(program, secret), read(program, "slk_nobody")
    assert revoked.status_code == unknown.status_code == 404
    assert revoked.content.replace(secret.encode(), b"slk_nobody") == unknown.content
    assert feeds_of(owner.user_id) == []
    with pytest.raises(UnknownFeed):
        revoke_feed(owner, feed.pk, COMMAND)


def test_the_secret_is_kept_nowhere(owner):
    _, secret = make_feed(owner, False, COMMAND)
    assert secret.encode() not in bytes(CalendarFeed.objects.get().secret_hash)
    assert secret not in str(list(Change.objects.values_list("before", "after")))
    assert list(Change.objects.filter(subject_kind="calendar_feed").values_list("verb", flat=True)) == ["created"]


def test_a_feed_of_somebody_else_cannot_be_revoked(cast, owner):
    feed, _ = make_feed(owner, False, COMMAND)
    with pytest.raises(UnknownFeed):
        revoke_feed(Owner(cast.colleague.user_id, cast.colleague.business_id), feed.pk, COMMAND)


@pytest.mark.parametrize("fields", [{"is_suspended": True}, {"role": Role.VIEWER}])
def test_who_left_or_lost_the_right_reads_nothing_of_the_business_any_more(cast, owner, program, fields):
    book(cast.owner)
    _, secret = make_feed(owner, False, COMMAND)
    Membership.objects.filter(pk=cast.owner.pk).update(**fields)
    assert "BEGIN:VEVENT" not in lines_of(read(program, secret))


def test_whose_account_is_closed_has_no_feed(cast, owner, program):
    _, secret = make_feed(owner, False, COMMAND)
    User.objects.filter(pk=owner.user_id).update(is_active=False)
    assert read(program, secret).status_code == 404


# A calendar that subscribes to it and is connected, too


def test_an_appointment_that_stands_in_a_calendar_is_the_same_event_in_the_feed(cast, owner, program, monkeypatch):
    connected = connect(cast.owner, monkeypatch)
    connected.book()
    connected.work()
    _, secret = make_feed(owner, True, COMMAND)
    assert f"UID:{connected.link().event_key}@slotkeeper" in lines_of(read(program, secret))


def test_our_own_feed_in_a_connected_calendar_blocks_nothing(cast, owner, program, monkeypatch):
    connected = connect(cast.owner, monkeypatch)
    connected.book()
    connected.work()
    _, secret = make_feed(owner, True, COMMAND)
    (entry,) = read_busy(read(program, secret).content, ReadRequest("UTC", frozenset(), NOW, NOW + 100 * HOUR))
    assert entry.busy == (Interval(SOON, SOON + HOUR),)
    events = (RemoteEvent(entry.uid, entry.busy, entry.key, entry.own_time),)
    subscribed = ConnectedCalendar.objects.create(
        connection=connected.connection, user=cast.owner.user, external_id="subscribed", name="Work", blocks=True
    )
    changes = Changes(events, (), "", True)
    with transaction.atomic():
        store_changes(subscribed, changes, links_seen(subscribed, changes))
    assert not BusyTime.objects.exists()
