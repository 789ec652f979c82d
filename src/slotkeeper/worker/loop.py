"""The loop: run each job when it is due; one that fails is tried again later and stops nobody else."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import close_old_connections, connection

from slotkeeper.calendars.leases import free_leases_of_the_dead
from slotkeeper.worker.calendar_pool import CalendarPool
from slotkeeper.worker.jobs import clean_up, handle_changes, remind_of_payments, see_to_messages
from slotkeeper.worker.message_pool import MessagePool
from slotkeeper.worker.paper_pool import PaperPool
from slotkeeper.worker.payment_pool import PaymentPool
from slotkeeper.worker.webhook_pool import WebhookPool

logger = logging.getLogger("slotkeeper.worker")
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again."""

    name: str
    every_seconds: float
    run: Callable[[], object]


CALENDARS = CalendarPool()
WEBHOOKS = WebhookPool()
MESSAGES = MessagePool()
PAYMENTS = PaymentPool()
PAPERS = PaperPool()
JOBS = (
    Job("handle changes", 0.25, handle_changes),
    Job("start on calendars", 0.25, CALENDARS.start_due),
    Job("start on webhooks", 0.25, WEBHOOKS.start_due),
    Job("send messages", 0.25, MESSAGES.start_due),
    Job("write papers", 0.5, PAPERS.start_due),
    Job("see to messages", 30, see_to_messages),
    Job("see to payments", 30, PAYMENTS.start_due),
    Job("remind of payments", 3600, remind_of_payments),
    Job("clean up", 3600, clean_up),
)


def run(stop: threading.Event, jobs: tuple[Job, ...] = JOBS) -> None:
    """Run the jobs until `stop` is set."""
    due = dict.fromkeys(range(len(jobs)), time.monotonic())
    failures = dict.fromkeys(range(len(jobs)), 0)
    free_leases_of_the_dead(datetime.now(UTC))
    logger.info("The worker runs")
    while not stop.is_set():
        number = min(due, key=lambda key: due[key])
        stop.wait(max(0.0, due[number] - time.monotonic()))
        if stop.is_set():
            break
        failures[number] = 0 if _attempt(jobs[number]) else failures[number] + 1
        pause = min(
            jobs[number].every_seconds * 2 ** failures[number],
            max(jobs[number].every_seconds, _LONGEST_PAUSE_SECONDS),
        )
        due[number] = time.monotonic() + pause
    CALENDARS.stop()
    PAYMENTS.stop()
    WEBHOOKS.stop()
    MESSAGES.stop()
    PAPERS.stop()
    connection.close()


def _attempt(job: Job) -> bool:
    try:
        job.run()
    except Exception:
        logger.exception("The job %r failed; it is tried again", job.name)
        close_old_connections()
        return False
    return True
