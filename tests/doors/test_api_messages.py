"""The ledger of messages over HTTP: what was sent, waits, or was not and why; sending again; the reminders to come."""

from datetime import UTC, datetime, timedelta

import pytest

from asking import bad_names, role_api
from posted import open_desk
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.doors.api.message_forms import MessageKind
from slotkeeper.doors.message_words import REASONS
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.channels.base import ChannelAway, Refused, TryLater
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import Kind, Reason, State
from slotkeeper.outbox.models import Message, SendingHold
from slotkeeper.outbox.reading import kept_back, undeliverable_since
from slotkeeper.people.models import User
from slotkeeper.rules.permissions import Role, Scope

CUSTOMER = Actor("customer", None, "Carla")
PLACE, UPCOMING = "/api/messages", "/api/reminders/upcoming"


@pytest.fixture
def desk(cast):
    return open_desk(cast.owner, datetime.now(UTC).replace(microsecond=0))


def messages(api, query=""):
    answer = api.get(f"{PLACE}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["messages"]


def kinds(found):
    return [one["kind"] for one in found]


def moment(text):
    return datetime.fromisoformat(text)


# The ledger


def test_a_message_that_left_says_to_whom_when_and_under_which_id(cast, desk):
    row = desk.book(in_hours=200, contact_name="Carla Customer")
    (mail,) = desk.post.work()
    (message,) = messages(cast.api())
    assert message == cast.api().get(f"{PLACE}/{message['id']}").json()
    assert (message["appointment_id"], message["kind"], message["state"]) == (row.id, "booked", "sent")
    assert (message["recipient"], message["user_id"], message["channel"]) == ("customer", None, "email")
    assert (message["address"], message["message_id"]) == ("carla@customer.test", mail.message_id)
    assert (message["subject_line"], message["attempts"]) == (mail.letter.subject, 1)
    assert (message["reason"], message["detail"], message["next_try_at"]) == (None, None, None)
    assert moment(message["finished_at"]) == desk.post.now


def test_times_carry_the_offset_of_the_callers_zone(cast, desk):
    desk.book(in_hours=200)
    desk.post.work()
    User.objects.filter(pk=cast.owner.user_id).update(time_zone="Asia/Kolkata")
    (message,) = messages(cast.api())
    assert {message[name][19:] for name in ("created_at", "useful_until", "finished_at")} == {"+05:30"}


def test_a_message_to_a_member_names_them(cast, desk):
    desk.book(in_hours=200, actor=CUSTOMER)
    desk.post.work()
    (notice,) = messages(cast.api(), "?kind=new_booking")
    assert (notice["recipient"], notice["user_id"]) == ("member", cast.owner.user_id)
    assert notice["address"] == "owner@practice.test"


def test_why_a_message_was_not_sent_is_a_code_and_a_sentence(cast, desk):
    choose_channels(cast.owner.business_id, {Kind.BOOKED: frozenset()}, COMMAND)
    desk.book(in_hours=200)
    desk.post.work()
    (message,) = messages(cast.api())
    assert (message["state"], message["reason"]) == ("skipped", "switched_off")
    assert message["detail"] == "Messages of this kind are switched off."


def test_what_a_server_said_stands_as_it_is(cast, desk):
    desk.post.channel.faults["*"] = Refused("550 5.1.1 No such user here")
    desk.book(in_hours=200)
    desk.post.work()
    (message,) = messages(cast.api(), "?state=undeliverable&kind=booked")
    assert message["reason"] == message["detail"] == "550 5.1.1 No such user here"


def test_a_message_that_waits_says_when_it_is_tried_again_and_why(cast, desk):
    desk.post.channel.faults["*"] = TryLater("451 greylisted")
    desk.book(in_hours=200)
    desk.post.work()
    (message,) = messages(cast.api())
    assert (message["state"], message["reason"], message["attempts"]) == ("waiting", "451 greylisted", 1)
    assert moment(message["next_try_at"]) >= desk.post.now
    assert message["finished_at"] is None


def test_what_expired_without_a_reason_has_a_sentence_all_the_same(cast, desk):
    desk.book(in_hours=200)
    desk.post.plan()
    Message.objects.update(state=State.EXPIRED, finished_at=desk.post.now)
    (message,) = messages(cast.api())
    assert (message["reason"], message["detail"]) == (None, "It could not leave while it still helped.")


def test_every_reason_has_its_sentence_and_every_kind_its_word():
    assert REASONS.keys() == set(Reason)
    assert {kind.value for kind in MessageKind} == {kind.value for kind in Kind}


def test_the_ledger_is_narrowed_and_paged(cast, desk):
    first = desk.book(in_hours=200)
    desk.post.channel.faults["gone@customer.test"] = Refused("550")
    desk.book(in_hours=201, contact_email="gone@customer.test")
    desk.post.work()
    desk.cancel(first)
    desk.post.work()
    api = cast.api()
    assert kinds(messages(api)) == ["canceled", "undeliverable", "booked", "booked"]
    assert kinds(messages(api, "?state=sent&state=skipped")) == ["canceled", "undeliverable", "booked"]
    assert kinds(messages(api, "?state=undeliverable")) == ["booked"]
    assert kinds(messages(api, "?kind=canceled")) == ["canceled"]
    assert kinds(messages(api, f"?appointment_id={first.id}")) == ["canceled", "booked"]
    assert kinds(messages(api, "?address=GONE@")) == ["booked"]
    assert messages(api, "?channel=sms") == []
    pages = [api.get(f"{PLACE}?limit=3").json()]
    pages.append(api.get(f"{PLACE}?limit=3&cursor={pages[0]['next_cursor']}").json())
    assert [kinds(page["messages"]) for page in pages] == [["canceled", "undeliverable", "booked"], ["booked"]]
    assert pages[1]["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?state=lost", "state"),
        ("?kind=greeting", "kind"),
        ("?channel=pigeon", "channel"),
        ("?appointment_id=x", "appointment_id"),
        ("?limit=0", "limit"),
        ("?cursor=x", "cursor"),
        ("?address=%00", "address"),
        ("?kind=booked&kind=canceled", "kind"),
        ("?colour=red", "colour"),
    ],
)
def test_what_the_ledger_cannot_be_narrowed_to_is_refused_by_name(cast, query, named):
    assert bad_names(cast.api().get(f"{PLACE}{query}")) == [named]


def test_other_businesses_messages_are_as_unknown_as_none(cast, desk):
    row = desk.book(in_hours=200)
    desk.post.work()
    message_id, stranger = Message.objects.get().pk, cast.api("outsider")
    assert messages(stranger) == []
    assert messages(stranger, f"?appointment_id={row.id}") == []
    unknown = stranger.get(f"{PLACE}/999999").json()
    for answer in (
        stranger.get(f"{PLACE}/{message_id}"),
        stranger.post(f"{PLACE}/{message_id}/resend"),
        stranger.get(f"{PLACE}/{2**70}"),
        stranger.post(f"{PLACE}/{2**70}/resend"),
        stranger.get(f"/api/appointments/{row.id}/messages"),
    ):
        assert (answer.status_code, answer.json()) == (404, unknown)
    assert stranger.get(UPCOMING).json()["reminders"] == []


@pytest.mark.parametrize("role", list(Role))
def test_roles_read_and_send_what_their_permissions_say(cast, desk, role):
    row = desk.book(in_hours=200)
    desk.post.work()
    place = f"{PLACE}/{Message.objects.get().pk}"
    api = role_api(cast, role)
    is_allowed = role in {Role.OWNER, Role.ADMIN, Role.SCHEDULER}
    for path in (PLACE, place, UPCOMING):
        assert api.get(path).status_code == (200 if is_allowed else 403)
    assert api.post(f"{place}/resend").status_code == (200 if is_allowed else 403)
    about = {Role.PROVIDER: 404, Role.VIEWER: 403}  # not theirs; no addresses
    assert api.get(f"/api/appointments/{row.id}/messages").status_code == about.get(role, 200)


def test_a_provider_reads_the_messages_of_their_own_appointments(cast):
    desk = open_desk(cast.colleague, datetime.now(UTC))
    row = desk.book(in_hours=200)
    desk.post.work()
    answer = cast.api("colleague").get(f"/api/appointments/{row.id}/messages")
    assert kinds(answer.json()["messages"]) == ["booked"]


def test_messages_about_an_appointment_come_in_pages(cast, desk):
    row = desk.book(in_hours=200)
    desk.post.work()
    desk.cancel(row)
    desk.post.work()
    place = f"/api/appointments/{row.id}/messages?limit=1"
    page = cast.api().get(place).json()
    assert kinds(page["messages"]) == ["canceled"]
    assert kinds(cast.api().get(f"{place}&cursor={page['next_cursor']}").json()["messages"]) == ["booked"]


def test_whoever_is_erased_has_no_address_in_the_ledger(cast, desk):
    desk.book(in_hours=200, contact_id=cast.customer.pk)
    desk.post.work()
    erase_contact(cast.owner.business_id, cast.customer.pk, COMMAND)
    (message,) = messages(cast.api())
    assert (message["address"], message["subject_line"]) == ("", "")


def test_what_is_exported_about_a_customer_has_the_messages_to_them(cast, desk):
    desk.book(in_hours=200, contact_id=cast.customer.pk, actor=CUSTOMER)
    desk.book(in_hours=201)
    desk.post.work()
    exported = cast.api().get(f"/api/contacts/{cast.customer.pk}/export").json()["messages"]
    assert [(one["kind"], one["recipient"]) for one in exported] == [("booked", "customer")]


# Sending again


def test_a_message_is_sent_again_with_what_there_is_to_say_now(cast, desk):
    row = desk.book(in_hours=200)
    (first,) = desk.post.work()
    desk.change(row, location="Room 7")
    message = Message.objects.get()
    answer = cast.api().post(f"{PLACE}/{message.pk}/resend", {})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["attempts"]) == ("waiting", 0)
    desk.post.now = datetime.now(UTC) + timedelta(seconds=1)
    (again,) = desk.post.work()
    assert again.message_id != first.message_id
    assert "Room 7" in again.letter.text
    assert Change.objects.filter(subject_kind="message", subject_id=message.pk, verb="resent").count() == 1


def test_a_message_that_is_being_sent_is_not_sent_again(cast, desk):
    desk.book(in_hours=200)
    desk.post.work()
    Message.objects.update(state=State.SENDING)
    answer = cast.api().post(f"{PLACE}/{Message.objects.get().pk}/resend")
    assert (answer.status_code, answer.json()["code"]) == (409, "BEING_SENT")
    assert Message.objects.get().state == State.SENDING


def test_a_token_that_only_reads_sends_nothing(cast, desk):
    desk.book(in_hours=200)
    desk.post.work()
    place = f"{PLACE}/{Message.objects.get().pk}"
    reader = cast.api(scope=Scope.READ)
    assert reader.get(place).status_code == 200
    assert reader.post(f"{place}/resend").status_code == 403


# The reminders to come


def upcoming(api, query=""):
    answer = api.get(f"{UPCOMING}{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["reminders"]


def test_reminders_to_come_say_when_where_and_how_long_before(cast, desk):
    row = desk.book(in_hours=30)
    day, hours = upcoming(cast.api())
    start = moment(day["start_time"])
    assert (day["kind"], day["minutes_before"], day["appointment_id"]) == ("reminder_24h", 1440, row.id)
    assert (hours["kind"], hours["minutes_before"]) == ("reminder_2h", 120)
    assert moment(day["at"]) == start - timedelta(hours=25)
    assert day["channels"] == [{"channel": "email", "address": "carla@customer.test"}]
    assert (day["will_be_sent"], day["reason"], day["detail"]) == (True, None, None)


def test_the_preview_is_what_is_sent(cast, desk):
    Service.objects.create(
        business=cast.owner.business, name="Surgery", slug="surgery", reminder_minutes=[2000, 90]
    )  # fmt: skip
    for number, hours in enumerate((3, 10, 26, 30, 47)):
        service = Service.objects.get().pk if number % 2 else None
        desk.book(in_hours=hours, service_id=service, contact_email=None if number == 3 else "carla@customer.test")
    desk.post.plan()
    promised = {
        (one["appointment_id"], one["kind"], one["will_be_sent"], one["reason"]) for one in upcoming(cast.api())
    }
    for _ in range(48 * 4):
        desk.post.later(minutes=15).work()
    reminders = Message.objects.filter(kind__startswith="reminder")
    happened = {
        (one.subject_id, one.kind, one.state == State.SENT, one.reason or None) for one in reminders
    }  # fmt: skip
    assert promised == happened


def test_a_reminder_that_will_not_be_sent_says_why(cast, desk):
    desk.book(in_hours=30, contact_email=None)
    desk.book(in_hours=20)  # made when the day before was over
    reasons = {(one["kind"], one["reason"]) for one in upcoming(cast.api()) if not one["will_be_sent"]}
    assert reasons == {("reminder_24h", "no_address"), ("reminder_2h", "no_address"), ("reminder_24h", "made_late")}


@pytest.mark.parametrize(("hours", "found"), [(1, 0), (6, 1), (48, 2)])
def test_the_preview_reaches_as_far_as_was_asked(cast, desk, hours, found):
    desk.book(in_hours=30)
    assert len(upcoming(cast.api(), f"?hours={hours}")) == found


@pytest.mark.parametrize("hours", ["0", "49", "x", "-1", "1.5"])
def test_a_preview_of_other_hours_is_refused(cast, hours):
    assert bad_names(cast.api().get(f"{UPCOMING}?hours={hours}")) == ["hours"]


def test_the_preview_says_whether_anything_can_leave(cast):
    answer = cast.api().get(UPCOMING).json()
    assert (answer["is_sending_held"], answer["has_mail_server"]) == (False, False)
    SendingHold.objects.create(reason="restored")
    assert cast.api().get(UPCOMING).json()["is_sending_held"] is True


# What wants somebody


def test_what_is_kept_back_is_found_with_the_reason(cast, desk):
    desk.book(in_hours=200)
    desk.post.plan()
    business_id = cast.owner.business_id
    assert not kept_back(business_id, desk.post.now).exists()
    assert kept_back(business_id, desk.post.now + timedelta(minutes=3)).get().reason == ""
    desk.post.channel.faults["*"] = ChannelAway("connection refused")
    desk.post.send()
    assert kept_back(business_id, desk.post.now).get().reason == "connection refused"
    assert not kept_back(cast.outsider.business_id, desk.post.now).exists()


def test_undeliverable_messages_are_counted_until_they_are_sent_again(cast, desk):
    desk.post.channel.faults["carla@customer.test"] = Refused("550")
    desk.book(in_hours=200)
    desk.post.work()
    business_id, month = cast.owner.business_id, desk.post.now - timedelta(days=30)
    assert undeliverable_since(business_id, month) == 1
    assert undeliverable_since(business_id, desk.post.now + timedelta(days=1)) == 0
    assert undeliverable_since(cast.outsider.business_id, month) == 0
    message = Message.objects.get(kind="booked")
    cast.api().post(f"{PLACE}/{message.pk}/resend")
    assert undeliverable_since(business_id, month) == 0
