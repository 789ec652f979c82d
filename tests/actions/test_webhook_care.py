"""What can be done about webhooks: new secrets, sending again, tests, switching off, erasing, deleting old ones."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import WebhookVerificationError

from hooked import allow_this_machine, hook
from servers.fake_http import Told
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.webhooks.claims import claim_next, due_endpoints
from slotkeeper.webhooks.deliveries import EndpointOff, delete_old_deliveries, redeliver, send_test
from slotkeeper.webhooks.endpoints import (
    EndpointFields,
    EndpointTarget,
    rotate_secret,
    update_endpoint,
)
from slotkeeper.webhooks.events import EventType
from slotkeeper.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from slotkeeper.webhooks.outcomes import Outcome, note


@pytest.fixture
def hooked(cast, settings):
    allow_this_machine(settings)
    with hook(cast.owner) as made:
        yield made


def types_of(hooked) -> list[str]:
    return [payload["type"] for payload in hooked.heard()]


# Secrets


def test_after_a_rotation_both_secrets_verify_for_a_day_and_then_only_the_new_one(hooked):
    _, newer = rotate_secret(hooked.member.business_id, hooked.endpoint.pk, COMMAND)
    hooked.book()
    hooked.work()
    assert len(hooked.receiver.verified(hooked.secret)) == len(hooked.receiver.verified(newer)) == 1
    WebhookEndpoint.objects.update(former_until=datetime.now(UTC) - timedelta(seconds=1))
    hooked.book(50)
    hooked.work()
    assert len(hooked.receiver.verified(newer)) == 2
    with pytest.raises(WebhookVerificationError):
        hooked.receiver.verified(hooked.secret)


def test_secret_that_no_key_opens_is_said_and_no_unsigned_request_leaves(hooked):
    WebhookEndpoint.objects.update(sealed_secret="nonsense")
    hooked.book()
    hooked.work()
    assert hooked.receiver.asked == []
    assert hooked.delivery().last_error == "The secret was sealed with another key. Please make a new secret."


# Asking for it again


def test_redelivery_sends_the_same_again_and_begins_a_day_of_tries(hooked):
    hooked.book()
    hooked.work()
    WebhookDelivery.objects.update(give_up_at=datetime.now(UTC))
    again = redeliver(hooked.endpoint, hooked.delivery().pk, COMMAND, datetime.now(UTC))
    assert (again.state, again.attempts, again.delivered_at) == (DeliveryState.WAITING, 0, None)
    change = Change.objects.get(subject_kind="webhook_delivery", subject_id=again.pk)
    assert (change.verb, change.after["event"]) == ("redelivered", "appointment.created")
    hooked.receiver.answers = [Told(500)]
    hooked.work()
    assert hooked.delivery().state == DeliveryState.WAITING
    hooked.work_later()
    first, *others = hooked.receiver.asked
    assert len(others) == 2
    assert {asked.body for asked in others} == {first.body}
    assert len(set(hooked.receiver.ids())) == 1


def test_redelivery_of_what_is_on_its_way_changes_nothing(hooked):
    hooked.receiver.fault = "error"
    hooked.book()
    hooked.work()
    WebhookDelivery.objects.update(next_try_at=datetime.now(UTC))
    claimed = claim_next(hooked.endpoint.pk, datetime.now(UTC))
    same = redeliver(hooked.endpoint, claimed.pk, COMMAND, datetime.now(UTC))
    assert (same.state, same.claim) == (DeliveryState.SENDING, claimed.claim)


def test_test_event_arrives_whatever_is_subscribed_to(cast, settings):
    allow_this_machine(settings)
    with hook(cast.owner, events=[EventType.SERVICE_DELETED]) as hooked:
        send_test(hooked.endpoint, COMMAND, datetime.now(UTC))
        send_test(hooked.endpoint, COMMAND, datetime.now(UTC))
        hooked.work()
        assert types_of(hooked) == ["webhook.test"] * 2
        assert len(set(hooked.receiver.ids())) == 2


def test_endpoint_that_is_switched_off_gets_nothing_and_what_waits_has_failed(hooked):
    hooked.receiver.answers = [Told(500)]
    hooked.book()
    hooked.work()
    target = EndpointTarget(hooked.member.business_id, hooked.endpoint.pk)
    endpoint = update_endpoint(target, EndpointFields(is_active=False), COMMAND)
    assert hooked.delivery().state == DeliveryState.FAILED
    hooked.book(50)
    hooked.work_later()
    assert len(hooked.receiver.asked) == 1
    with pytest.raises(EndpointOff):
        redeliver(endpoint, hooked.delivery().pk, COMMAND, datetime.now(UTC))
    with pytest.raises(EndpointOff):
        send_test(endpoint, COMMAND, datetime.now(UTC))


def test_what_was_planned_as_it_was_switched_off_is_written_off(hooked):
    send_test(hooked.endpoint, COMMAND, datetime.now(UTC))
    WebhookEndpoint.objects.update(is_active=False)
    hooked.work()
    assert hooked.delivery().state == DeliveryState.FAILED
    assert due_endpoints(datetime.now(UTC)) == []


# Personal data


def test_erased_customer_is_blanked_in_deliveries_and_in_what_was_answered(hooked, cast):
    hooked.receiver.answers = [Told(200, b"thank you, Carla Customer")]
    hooked.book(contact_id=cast.customer.pk)
    hooked.work()
    assert "Carla" in hooked.delivery().body
    assert "Carla" in hooked.delivery().last_answer
    erase_contact(hooked.member.business_id, cast.customer.pk, COMMAND)
    delivery = hooked.delivery()
    after = json.loads(delivery.body)["data"]["after"]
    assert [after[name] for name in ("contact_name", "contact_email", "contact_phone")] == [None] * 3
    assert after["title"] == "Consultation"
    assert not [word for word in ("Carla", "carla@", "1234") if word in delivery.body + delivery.last_answer]


def test_what_waits_is_sent_blanked_after_an_erasure(hooked, cast):
    hooked.receiver.answers = [Told(500)]
    hooked.book(contact_id=cast.customer.pk)
    hooked.work()
    erase_contact(hooked.member.business_id, cast.customer.pk, COMMAND)
    hooked.work_later()
    assert b"Carla" in hooked.receiver.asked[0].body
    assert b"Carla" not in hooked.receiver.asked[1].body
    assert len(hooked.heard()) == 3  # the last one tells of the erasure


def test_answer_that_repeats_what_was_blanked_meanwhile_is_not_kept(hooked, cast):
    hooked.receiver.fault = "error"
    hooked.book(contact_id=cast.customer.pk)
    hooked.work()
    WebhookDelivery.objects.update(next_try_at=datetime.now(UTC))
    WebhookEndpoint.objects.update(paused_until=None)
    claimed = claim_next(hooked.endpoint.pk, datetime.now(UTC))
    erase_contact(hooked.member.business_id, cast.customer.pk, COMMAND)
    note(claimed, Outcome(status=200, excerpt="thank you, Carla"), datetime.now(UTC))
    delivery = hooked.delivery()
    assert (delivery.state, delivery.last_answer) == (DeliveryState.DELIVERED, "")


def test_deliveries_are_deleted_after_thirty_days_but_not_while_they_wait(hooked):
    hooked.book()
    hooked.work()
    send_test(hooked.endpoint, COMMAND, datetime.now(UTC))
    delete_old_deliveries(datetime.now(UTC) + timedelta(days=29))
    assert WebhookDelivery.objects.count() == 2
    delete_old_deliveries(datetime.now(UTC) + timedelta(days=31))
    assert WebhookDelivery.objects.get().event == "webhook.test"
