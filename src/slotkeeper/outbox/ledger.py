"""The ledger's rows: entered once, claimed by one process, finished once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.outbox.kinds import CUSTOMER, OPEN, ChannelName, Kind, Reason, State
from slotkeeper.outbox.models import Message, MessageQuerySet
from slotkeeper.processes import is_of_the_dead, new_claim

CLAIM = timedelta(minutes=5)  # longer than one message may take
RESENT_FOR = timedelta(days=1)
_LONGEST_REASON = 500


class UnknownMessage(Exception):
    """There is no such message."""


class NotResendable(Exception):
    """The message is being sent just now."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is owed; what it says is written when it leaves."""

    business_id: int
    subject_kind: str
    subject_id: int
    kind: Kind
    occasion: str
    recipient: str
    address: str
    useful_until: datetime
    channel: ChannelName = ChannelName.EMAIL
    told: dict[str, Any] | None = None
    companions: list[int] | None = None


def enter(drafts: Iterable[Draft], now: datetime) -> None:
    """Enter messages that are owed; one that stands there already stays as it is. In the caller's transaction."""
    _insert([_row(draft, now) for draft in drafts])


def skip(drafts: Sequence[tuple[Draft, Reason]], now: datetime) -> None:
    """Enter messages that will not be sent, each with its reason. In the caller's transaction."""
    rows = [_row(draft, now) for draft, _ in drafts]
    for row, (_, reason) in zip(rows, drafts, strict=True):
        row.state, row.reason, row.finished_at = State.SKIPPED, reason, now
    _insert(rows)


def _row(draft: Draft, now: datetime) -> Message:
    return Message(
        business_id=draft.business_id,
        subject_kind=draft.subject_kind,
        subject_id=draft.subject_id,
        kind=draft.kind,
        occasion=draft.occasion,
        channel=draft.channel,
        recipient=draft.recipient,
        address=draft.address,
        told=draft.told,
        companions=draft.companions,
        next_try_at=now,
        useful_until=draft.useful_until,
        created_at=now,
    )


def _insert(rows: list[Message]) -> None:
    Message.objects.bulk_create(rows, ignore_conflicts=True)  # the unique key decides, whoever comes first


def supersede(messages: Collection[Message], now: datetime) -> None:
    """Give up messages that wait, because something newer says more. In the caller's transaction."""
    for message in messages:
        message.state, message.reason, message.finished_at = State.SUPERSEDED, Reason.NO_LONGER_TRUE, now
    Message.objects.bulk_update(messages, ["state", "reason", "finished_at"])


def is_any_due(channels: Collection[ChannelName], kinds: Collection[Kind], now: datetime) -> bool:
    """Say whether there is something to send; it only reads, and so needs no turn at SQLite's gate."""
    return _due(channels, kinds, now).exists()


def claim_next(channels: Collection[ChannelName], kinds: Collection[Kind], now: datetime) -> Message | None:
    """Claim the message that has waited longest, for this process alone until `CLAIM` runs out."""
    if not is_any_due(channels, kinds, now):
        return None
    with transaction.atomic():
        message = _due(channels, kinds, now).select_for_update(skip_locked=True).order_by("next_try_at", "pk").first()
        if message is not None:
            message.state, message.claim, message.next_try_at = State.SENDING, new_claim(), now + CLAIM
            message.attempts += 1
            message.save(update_fields=["state", "claim", "next_try_at", "attempts"])
    return message


def finish(message: Message, state: State, now: datetime, reason: str = "") -> bool:
    """Note the outcome of a message that this process claimed; False where another has it by now. In a transaction."""
    message.state, message.reason, message.finished_at = state, reason[:_LONGEST_REASON], now
    return _save_claimed(message, "state", "reason", "finished_at", "told", "subject_line", "address")


def put_back(message: Message, next_try_at: datetime, reason: str, *, counts: bool = True) -> bool:
    """Let a message that this process claimed wait for another try; False where another process has it by now."""
    message.state, message.reason, message.next_try_at = State.WAITING, reason[:_LONGEST_REASON], next_try_at
    if not counts:
        message.attempts -= 1
    return _save_claimed(message, "state", "reason", "next_try_at", "attempts")


def expire(now: datetime) -> None:
    """Give up what no longer helps; what went wrong last stays as its reason."""
    Message.objects.filter(finished_at=None, state=State.WAITING, useful_until__lte=now).update(
        state=State.EXPIRED, finished_at=now
    )


def free_claims_of_the_dead(now: datetime) -> None:
    """Free what processes of this machine were sending when they were killed: nobody need wait until it runs out."""
    for message in Message.objects.filter(finished_at=None, state=State.SENDING):
        if is_of_the_dead(message.claim):
            put_back(message, now, "The process that was sending it ended.")


def forget(subject_kind: str, subject_ids: Collection[int], now: datetime) -> None:
    """Forget to whom messages about some subjects went, and send none of those that wait. In a transaction."""
    about = Message.objects.filter(subject_kind=subject_kind, subject_id__in=subject_ids)
    about.filter(recipient=CUSTOMER).update(address="", subject_line="")
    waiting = about.filter(recipient=CUSTOMER, state__in=OPEN)
    waiting.update(state=State.SKIPPED, reason=Reason.ERASED, finished_at=now, claim="")


def resend(business_id: int, message_id: int, actor: Actor, now: datetime) -> Message:
    """Send a message once more, with what there is to say now; one that waits is tried at once.

    Raises UnknownMessage, and NotResendable while it is being sent.
    """
    with transaction.atomic():
        message = Message.objects.in_business(business_id).select_for_update().filter(pk=message_id).first()
        if message is None:
            raise UnknownMessage
        if message.state == State.SENDING:
            raise NotResendable
        if message.state != State.WAITING:
            message.resends += 1
        message.state, message.attempts, message.finished_at = State.WAITING, 0, None
        message.next_try_at, message.useful_until = now, max(message.useful_until, now + RESENT_FOR)
        message.save()
        subject = Subject(business_id, "message", message.pk)
        record(subject, "resent", actor, None, {"kind": message.kind, "channel": message.channel})
    return message


def _due(channels: Collection[ChannelName], kinds: Collection[Kind], now: datetime) -> MessageQuerySet:
    """Find what waits, and what a process claimed that has not been heard of since."""
    # By `finished_at` the partial index is found; SQLite does not look into parameters for it.
    opened = Message.objects.filter(finished_at=None, next_try_at__lte=now)
    return opened.filter(channel__in=channels, kind__in=kinds)


def _save_claimed(message: Message, *names: str) -> bool:
    mine = Message.objects.filter(pk=message.pk, state=State.SENDING, claim=message.claim)
    return bool(mine.update(claim="", **{name: getattr(message, name) for name in names}))
