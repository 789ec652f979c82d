"""What the worker does."""

from datetime import UTC, datetime, timedelta

from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db import connection, transaction

from slotkeeper.appointments import calendar_sync
from slotkeeper.appointments.messages import plan_messages
from slotkeeper.appointments.models import Hold
from slotkeeper.billing.messages import plan_money_messages, plan_payment_reminders
from slotkeeper.billing.missed import forget_missed, plan_missed
from slotkeeper.billing.papers import want_papers
from slotkeeper.billing.reconciling import clean_up_events
from slotkeeper.changes.models import Change
from slotkeeper.outbox.ledger import expire, free_claims_of_the_dead
from slotkeeper.people.models import IdempotentAnswer, RequestCount
from slotkeeper.reminders.planning import plan_reminders
from slotkeeper.webhooks.deliveries import delete_old_deliveries
from slotkeeper.webhooks.planning import plan_deliveries
from slotkeeper.worker.wake_up import has_database_changed

_BATCH = 200
_ANSWERS_KEPT = timedelta(hours=48)


def handle_changes() -> int:
    """Write what follows from new changes, a batch at a time; return how many there were.

    It follows from how their subjects stand now, and is written in the transaction that marks them as handled.
    """
    if not has_database_changed(connection):
        return 0
    handled = 0
    while True:
        with transaction.atomic():
            waiting = Change.objects.filter(handled_at=None).order_by("pk").select_for_update(skip_locked=True)
            batch = list(waiting[:_BATCH])
            now = datetime.now(UTC)
            calendar_sync.plan_changes(batch, now)
            plan_messages(batch, now)
            plan_money_messages(batch, now)
            plan_missed(batch, now)
            want_papers(batch)
            plan_deliveries(batch, now)
            Change.objects.filter(pk__in=[change.pk for change in batch]).update(handled_at=now)
        handled += len(batch)
        if len(batch) < _BATCH:
            return handled


def see_to_messages() -> None:
    """Enter the reminders that are due, give up what no longer helps, and free what killed processes held."""
    now = datetime.now(UTC)
    free_claims_of_the_dead(now)
    expire(now)
    plan_reminders(now)


def remind_of_payments() -> None:
    """Enter the reminders of invoices that are overdue."""
    plan_payment_reminders(datetime.now(UTC))


def clean_up() -> None:
    """Delete what has served its time: sessions, sign-in failures, kept answers, counts, holds, old deliveries."""
    now = datetime.now(UTC)
    Session.objects.filter(expire_date__lt=now).delete()
    AccessAttempt.objects.filter(attempt_time__lt=now - timedelta(days=1)).delete()
    IdempotentAnswer.objects.filter(created_at__lt=now - _ANSWERS_KEPT).delete()
    RequestCount.objects.filter(minute__lt=int(now.timestamp()) // 60 - 1).delete()
    Hold.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    delete_old_deliveries(now)
    clean_up_events(now)
    forget_missed(now)
