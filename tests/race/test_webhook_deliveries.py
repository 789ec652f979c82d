"""Webhooks with several workers at once, killed ones, and deaf receivers: each arrives, and under one id."""

import multiprocessing
import os
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections

from hooked import allow_this_machine, hook
from race.harness import race
from slotkeeper.changes.record import COMMAND
from slotkeeper.webhooks import claims
from slotkeeper.webhooks.claims import due_endpoints
from slotkeeper.webhooks.deliveries import send_test
from slotkeeper.webhooks.models import DeliveryState, WebhookDelivery
from slotkeeper.webhooks.sending import work_on
from slotkeeper.worker import webhook_pool
from slotkeeper.worker.webhook_pool import WebhookPool

PATIENCE_SECONDS = 10


@pytest.fixture
def hooked(committed_cast, settings):
    allow_this_machine(settings)
    with hook(committed_cast.owner) as made:
        yield made


def send_tests(hooked, number=1):
    for _ in range(number):
        send_test(hooked.endpoint, COMMAND, datetime.now(UTC))


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def work_and_leave(endpoint_id):
    """Close the thread's connection afterwards: the test's database is dropped while Python may keep the thread."""
    try:
        return work_on(endpoint_id)
    finally:
        connection.close()


def test_sixteen_workers_at_once_deliver_each_once_and_one_at_a_time(hooked):
    send_tests(hooked, 40)
    endpoint_id = hooked.endpoint.pk
    race([lambda: str(work_on(endpoint_id))] * 64)
    assert sorted(hooked.receiver.ids()) == sorted(WebhookDelivery.objects.values_list("message_id", flat=True))
    assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {("delivered", 1)}
    assert hooked.receiver.most_at_once == 1


def test_worker_that_chose_a_delivery_before_another_was_claimed_is_refused_by_the_database(hooked):
    send_tests(hooked, 2)
    first, second = WebhookDelivery.objects.order_by("pk")
    assert claims._claimed(first, datetime.now(UTC)).pk == first.pk
    assert claims._claimed(second, datetime.now(UTC)) is None
    second.refresh_from_db()
    assert (second.state, second.attempts) == (DeliveryState.WAITING, 0)


def test_killed_between_request_and_note_it_comes_again_under_the_same_id_after_the_lease(hooked):
    send_tests(hooked)
    hooked.receiver.is_free.clear()
    connections.close_all()  # a fork may not share them
    worker = multiprocessing.get_context("fork").Process(target=work_on, args=[hooked.endpoint.pk], daemon=True)
    worker.start()
    wait_for(lambda: hooked.receiver.asked)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(5)
    hooked.receiver.is_free.set()
    assert hooked.delivery().state == DeliveryState.SENDING
    assert due_endpoints(datetime.now(UTC)) == []
    assert due_endpoints(datetime.now(UTC) + timedelta(seconds=61)) == [hooked.endpoint.pk]
    hooked.work_later()
    first, second = hooked.receiver.asked
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert (hooked.delivery().state, hooked.delivery().attempts) == (DeliveryState.DELIVERED, 2)


def test_receivers_that_do_not_answer_keep_nobody_else_waiting(hooked, committed_cast, monkeypatch):
    monkeypatch.setattr(webhook_pool, "work_on", work_and_leave)
    with ExitStack() as stack:
        dead = [stack.enter_context(hook(committed_cast.outsider)) for _ in range(3)]
        for one in dead:
            one.receiver.is_free.clear()
            send_tests(one, 5)
        pool = WebhookPool(threads=4, for_slow_ones=2)
        stack.callback(pool.stop)
        stack.callback(lambda: [one.receiver.is_free.set() for one in dead])
        pool.start_due()
        wait_for(lambda: all(one.receiver.asked for one in dead))
        send_tests(hooked, 10)
        started = time.monotonic()
        pool.start_due()
        wait_for(lambda: hooked.receiver.answered == 10)
        assert time.monotonic() - started < 3
        assert [len(one.receiver.asked) for one in dead] == [1, 1, 1]


def test_endpoints_that_were_slow_of_late_never_take_all_threads():
    pool = WebhookPool(threads=3, for_slow_ones=1)
    pool._slow = {1, 2, 3}
    assert pool._chosen([1, 2, 3]) == [1]
    assert pool._chosen([1, 2, 3, 4, 5, 6]) == [1, 4, 5]
    pool._under_way = {1}
    assert pool._chosen([2, 3]) == []
    assert pool._chosen([2, 3, 4]) == [4]


def test_who_has_waited_longest_comes_first():
    pool = WebhookPool(threads=2, for_slow_ones=1)
    pool._served = {1: 30.0, 2: 10.0, 3: 20.0}
    assert pool._chosen([1, 2, 3]) == [2, 3]
    assert pool._chosen([1, 2, 3, 4]) == [4, 2]
