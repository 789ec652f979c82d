"""The worker's steps for papers and the mails about money by hand, on a clock that stands still."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from posted import PostOffice
from slotkeeper.billing.messages import plan_money_messages, plan_payment_reminders
from slotkeeper.billing.models import Paper
from slotkeeper.billing.papers import want_papers, write_next
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Subject, record
from slotkeeper.outbox.channels.base import Dispatch

PDF = b"%PDF-1.7 of a test"


class MoneyPost(PostOffice):
    """A post office that knows money, too."""

    def plan(self) -> None:
        with transaction.atomic():
            changes = list(Change.objects.filter(handled_at=None).order_by("pk"))
            plan_money_messages(changes, self.now)
            want_papers(changes)
            Change.objects.filter(pk__in=[change.pk for change in changes]).update(handled_at=self.now)
        plan_payment_reminders(self.now)

    def write_papers(self) -> None:
        while write_next(lambda: self.now):
            pass

    def work(self) -> list[Dispatch]:
        """Plan, write papers and send all; give what left now."""
        before = len(self.sent)
        self.plan()
        self.write_papers()
        self.send()
        return self.sent[before:]


def open_post(now: datetime = datetime(2030, 6, 3, 8, 0, tzinfo=UTC)) -> MoneyPost:
    return MoneyPost(now)


def happened(document: Any, verb: str, **after: Any) -> None:
    """Note a change of a document, as its verb does."""
    kind = type(document).__name__.lower()
    record(Subject(document.business_id, kind, document.pk, document.version), verb, COMMAND, None, after or None)


def written(document: Any, content: bytes = PDF) -> Paper:
    """Leave a paper behind as if it had been written."""
    kind = type(document).__name__.lower()
    now = datetime.now(UTC)
    return Paper.objects.update_or_create(**{kind: document}, defaults={"content": content, "written_at": now})[0]


def days(number: int) -> timedelta:
    return timedelta(days=number)
