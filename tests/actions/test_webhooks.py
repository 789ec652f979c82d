"""Webhooks from a change to the receiver: what is told, signed, tried again, and given up."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from hooked import HOUR, NOW, allow_this_machine, hook
from servers.fake_http import Told
from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.contacts.actions import create_contact, update_contact
from slotkeeper.offerings.actions import ServiceTarget, create_service, delete_service
from slotkeeper.outbound import addresses
from slotkeeper.outbox.models import SendingHold
from slotkeeper.rules.appointment_status import Status
from slotkeeper.webhooks import events
from slotkeeper.webhooks.claims import claim_next
from slotkeeper.webhooks.endpoints import (
    EndpointFields,
    EndpointTarget,
    delete_endpoint,
    rotate_secret,
    update_endpoint,
)
from slotkeeper.webhooks.events import EventType
from slotkeeper.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from slotkeeper.webhooks.outcomes import Outcome, note
from slotkeeper.webhooks.sending import work_on


@pytest.fixture
def hooked(cast, settings):
    allow_this_machine(settings)
    with hook(cast.owner) as made:
        yield made


def types_of(hooked) -> list[str]:
    return [payload["type"] for payload in hooked.heard()]


# What is told


def test_booking_is_told_with_the_whole_appointment_and_a_valid_signature(hooked):
    appointment = hooked.book(notes="Bring the papers")
    hooked.work()
    (payload,) = hooked.heard()
    data = payload["data"]
    assert payload["type"] == "appointment.created"
    assert payload["timestamp"].endswith("Z")
    assert (data["kind"], data["id"], data["version"], data["verb"]) == ("appointment", appointment.id, 1, "booked")
    assert (data["business_id"], data["actor_kind"]) == (hooked.member.business_id, "command")
    assert data["before"] is None
    assert data["after"]["title"] == "Consultation"
    assert data["after"]["notes"] == "Bring the papers"
    (asked,) = hooked.receiver.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/hook", "application/json")
    assert hooked.delivery().state == DeliveryState.DELIVERED


def test_tampered_body_and_foreign_secret_are_refused_by_the_receivers_library(hooked):
    hooked.book()
    hooked.work()
    (asked,) = hooked.receiver.asked
    with pytest.raises(WebhookVerificationError):
        Webhook(hooked.secret).verify(asked.body.replace(b"Consultation", b"Consternation"), dict(asked.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(asked.body, dict(asked.headers))


def test_every_verb_on_an_appointment_is_an_event_of_its_own(hooked, cast):
    target = Target(Reach(hooked.member.business_id), hooked.book().id)
    colleague = cast.colleague.user_id
    for wish in (
        {"title": "Longer talk"},
        {"start_time": NOW + 60 * HOUR, "end_time": NOW + 61 * HOUR},
        {"user_id": colleague},
        {"status": Status.CONFIRMED},
        {"status": Status.COMPLETED},
    ):
        actions.update(target, wish, COMMAND, NOW)
    for status in (Status.CANCELED, Status.NO_SHOW):
        actions.update(dataclasses.replace(target, appointment_id=hooked.book().id), {"status": status}, COMMAND, NOW)
    hooked.work()
    told = [f"appointment.{name}" for name in (
        "created", "updated", "rescheduled", "reassigned", "confirmed", "completed", "created", "canceled", "created",
        "no_show",
    )]  # fmt: skip
    assert sorted(types_of(hooked)) == sorted(told)
    (moved,) = [one["data"] for one in hooked.heard() if one["type"] == "appointment.rescheduled"]
    assert moved["before"].keys() == moved["after"].keys() == {"start_time", "end_time"}


def test_customers_and_services_are_told_of_too(hooked):
    business_id = hooked.member.business_id
    contact = create_contact(business_id, {"name": "Nora"}, COMMAND, NOW)
    update_contact(contact.pk, business_id, {"phone": "+49 30 1"}, COMMAND, None)
    erase_contact(business_id, contact.pk, COMMAND)
    service = create_service(business_id, {"name": "Cut"}, [], COMMAND, NOW)
    delete_service(ServiceTarget(business_id, service.pk), COMMAND)
    hooked.work()
    assert sorted(types_of(hooked)) == [
        "contact.created", "contact.erased", "contact.updated", "service.created", "service.deleted"
    ]  # fmt: skip


def test_every_event_type_comes_of_some_change():
    assert set(events._EVENTS.values()) == set(EventType)


def test_only_what_was_subscribed_to_is_sent(cast, settings):
    allow_this_machine(settings)
    with hook(cast.owner, events=[EventType.APPOINTMENT_CANCELED]) as hooked:
        booked = hooked.book()
        actions.update(Target(Reach(hooked.member.business_id), booked.id), {"status": Status.CANCELED}, COMMAND, NOW)
        hooked.work()
        assert types_of(hooked) == ["appointment.canceled"]


def test_what_happened_before_the_endpoint_was_added_is_not_told(hooked):
    booked = hooked.book()
    WebhookEndpoint.objects.update(created_at=datetime.fromtimestamp(NOW + 2, UTC))
    target = Target(Reach(hooked.member.business_id), booked.id)
    actions.update(target, {"title": "Later"}, COMMAND, NOW + 2)
    hooked.work()
    (payload,) = hooked.heard()
    assert payload["data"]["after"] == {"title": "Later"}


def test_other_businesses_learn_nothing(hooked, cast):
    with hook(cast.outsider) as foreign:
        hooked.book()
        hooked.work()
        assert len(hooked.receiver.asked) == 1
        assert foreign.receiver.asked == []


def test_changes_of_endpoints_are_recorded_without_the_secret_and_told_to_nobody(hooked):
    rotate_secret(hooked.member.business_id, hooked.endpoint.pk, COMMAND)
    hooked.work()
    changes = Change.objects.filter(subject_kind="webhook_endpoint").order_by("pk")
    assert [change.verb for change in changes] == ["created", "secret rotated"]
    assert "whsec_" not in json.dumps([[change.before, change.after] for change in changes])
    assert hooked.secret not in hooked.refreshed().sealed_secret
    assert hooked.receiver.asked == []


def test_planning_the_same_changes_twice_sends_once(hooked):
    hooked.book()
    hooked.work()
    Change.objects.update(handled_at=None)
    hooked.work()
    assert len(hooked.receiver.asked) == 1


# What goes wrong


def test_after_500_the_same_bytes_come_again_under_the_same_id(hooked):
    hooked.receiver.answers = [Told(500, b"out of\x00 order \xff")]
    hooked.book()
    hooked.work()
    delivery = hooked.delivery()
    assert (delivery.state, delivery.last_status, delivery.attempts) == (DeliveryState.WAITING, 500, 1)
    assert delivery.last_error == "The receiver answers 500."
    assert delivery.last_answer == "out of  order \ufffd"
    assert 3 <= (delivery.next_try_at - datetime.now(UTC)).total_seconds() <= 6
    hooked.work()  # not due yet
    assert len(hooked.receiver.asked) == 1
    hooked.work_later()
    first, second = hooked.receiver.asked
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert len(hooked.heard()) == 2
    delivered = hooked.delivery()
    assert (delivered.state, delivered.last_error, delivered.attempts) == (DeliveryState.DELIVERED, "", 2)
    assert hooked.refreshed().failures == 0


def test_410_switches_the_endpoint_off_and_nothing_more_is_sent(hooked):
    hooked.receiver.answers = [Told(410)]
    hooked.book()
    hooked.book(50)
    hooked.work()
    endpoint = hooked.refreshed()
    assert (endpoint.is_active, endpoint.off_reason) == (False, "gone")
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed"}
    hooked.book(52)
    hooked.work_later()
    assert len(hooked.receiver.asked) == 1
    change = Change.objects.filter(subject_kind="webhook_endpoint").latest("pk")
    assert (change.actor_kind, change.after) == ("worker", {"is_active": False, "off_reason": "gone"})


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_for_the_whole_endpoint(hooked, status):
    hooked.receiver.answers = [Told(status, headers={"Retry-After": "600"})]
    hooked.book()
    hooked.book(50)
    hooked.work()
    hooked.work()
    assert len(hooked.receiver.asked) == 1
    tried = WebhookDelivery.objects.get(attempts=1)
    for moment in (tried.next_try_at, hooked.refreshed().paused_until):
        assert 595 <= (moment - datetime.now(UTC)).total_seconds() <= 600


def test_redirect_is_a_failure_in_words_and_nobody_is_asked_elsewhere(hooked):
    hooked.receiver.answers = [Told(307, headers={"Location": "/elsewhere"})]
    hooked.book()
    hooked.work()
    assert [asked.path for asked in hooked.receiver.asked] == ["/hook"]
    assert hooked.delivery().last_error == "The receiver leads elsewhere (307), and webhooks do not follow."


def test_yes_of_any_length_is_a_yes(hooked):
    hooked.receiver.answers = [Told(200, b"x" * 200_000)]
    hooked.book()
    hooked.work()
    assert hooked.delivery().state == DeliveryState.DELIVERED


def test_receiver_that_cuts_the_connection_is_probed_once_and_not_once_for_each_delivery(hooked):
    hooked.receiver.fault = "away"
    for hours in (48, 50, 52):
        hooked.book(hours)
    hooked.work()
    hooked.work()
    assert len(hooked.receiver.asked) == 1
    hooked.receiver.fault = ""
    hooked.work_later()
    assert len(set(hooked.receiver.ids())) == 3
    assert not WebhookDelivery.objects.exclude(state="delivered").exists()


def test_after_a_day_of_tries_it_has_failed(hooked):
    hooked.receiver.fault = "error"
    hooked.book()
    hooked.work()
    WebhookDelivery.objects.update(give_up_at=datetime.now(UTC))
    hooked.work_later()
    delivery = hooked.delivery()
    assert (delivery.state, delivery.next_try_at, delivery.attempts) == (DeliveryState.FAILED, None, 2)
    assert hooked.refreshed().is_active
    hooked.work_later()
    assert len(hooked.receiver.asked) == 2


def test_endpoint_that_took_nothing_for_three_days_is_switched_off_and_said_so(hooked):
    hooked.receiver.fault = "error"
    hooked.book()
    hooked.work()
    WebhookEndpoint.objects.update(failing_since=datetime.now(UTC) - timedelta(days=3))
    WebhookDelivery.objects.update(give_up_at=datetime.now(UTC))
    hooked.work_later()
    endpoint = hooked.refreshed()
    assert (endpoint.is_active, endpoint.off_reason) == (False, "failing")
    update_endpoint(
        EndpointTarget(hooked.member.business_id, endpoint.pk), EndpointFields(is_active=True), COMMAND
    )  # fmt: skip
    endpoint = hooked.refreshed()
    assert (endpoint.is_active, endpoint.off_reason, endpoint.failing_since) == (True, "", None)


def test_endpoint_that_was_not_asked_for_days_is_not_switched_off_by_its_next_failure(hooked):
    hooked.receiver.answers = [Told(500), Told(503), Told(204)]
    hooked.book()
    hooked.work()
    WebhookDelivery.objects.update(state=DeliveryState.FAILED, next_try_at=None)
    WebhookEndpoint.objects.update(failing_since=datetime.now(UTC) - timedelta(days=5))
    hooked.book(50)
    hooked.work()
    assert hooked.refreshed().is_active
    hooked.work_later()
    newest = WebhookDelivery.objects.order_by("-pk")[0]
    assert (newest.state, newest.attempts, hooked.refreshed().failing_since) == (DeliveryState.DELIVERED, 2, None)


def test_success_in_between_makes_the_three_days_begin_anew(hooked):
    hooked.receiver.answers = [Told(500), Told(204), Told(500)]
    hooked.book()
    hooked.work()
    WebhookEndpoint.objects.update(failing_since=datetime.now(UTC) - timedelta(days=3))
    WebhookDelivery.objects.update(next_try_at=datetime.now(UTC))
    hooked.work()
    hooked.book(50)
    hooked.work()
    assert hooked.refreshed().is_active


def test_while_sending_is_held_nothing_leaves_and_nothing_is_lost(hooked):
    hold = SendingHold.objects.create(reason="restored")
    hooked.book()
    hooked.work()
    assert hooked.receiver.asked == []
    assert claim_next(hooked.endpoint.pk, datetime.now(UTC)) is None
    hold.delete()
    hooked.work()
    assert types_of(hooked) == ["appointment.created"]


# Addresses inside


def test_private_address_is_refused_at_sending_and_no_request_leaves(hooked, settings):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, private_hosts=())
    hooked.book()
    hooked.work()
    assert hooked.receiver.asked == []
    assert hooked.delivery().last_error == "127.0.0.1 is no public address."


def test_name_that_points_inside_after_it_was_checked_is_refused_at_sending(hooked, monkeypatch):
    port = hooked.receiver.server_port
    WebhookEndpoint.objects.update(url=f"http://hooks.example.com:{port}/hook")

    def resolve(_host, number, **_options):
        return [(2, 1, 6, "", ("127.0.0.1", number))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    hooked.book()
    hooked.work()
    assert hooked.receiver.asked == []
    assert hooked.delivery().last_error == "hooks.example.com is no public address."


# Killed workers


def test_what_a_killed_worker_had_claimed_is_sent_after_its_lease_under_the_same_id(hooked):
    hooked.book()
    hooked.plan()
    claimed = claim_next(hooked.endpoint.pk, datetime.now(UTC))
    hooked.book(50)
    hooked.work()  # while the lease lasts, nothing goes to this endpoint
    assert hooked.receiver.asked == []
    hooked.work_later()
    assert hooked.receiver.ids()[0] == claimed.message_id
    assert len(hooked.receiver.asked) == 2


def test_worker_that_comes_back_too_late_notes_nothing(hooked):
    hooked.receiver.fault = "error"
    hooked.book()
    hooked.work()
    late = hooked.delivery()
    late.claim = "an old claim"
    note(late, Outcome(), datetime.now(UTC))
    assert hooked.delivery().state == DeliveryState.WAITING


def test_endpoint_deleted_while_a_request_is_under_way_is_no_error(hooked):
    hooked.receiver.fault = "error"
    hooked.book()
    hooked.work()
    late = hooked.delivery()
    delete_endpoint(hooked.member.business_id, hooked.endpoint.pk, COMMAND)
    note(late, Outcome(), datetime.now(UTC))
    assert work_on(hooked.endpoint.pk)
