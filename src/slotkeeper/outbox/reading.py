"""Reading the ledger: narrowed to what somebody looks for, and what in it wants somebody."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from slotkeeper.outbox.kinds import CUSTOMER, ChannelName, Kind, State
from slotkeeper.outbox.ledger import UnknownMessage
from slotkeeper.outbox.models import Message, MessageQuerySet, SendingHold

PATIENCE = timedelta(minutes=2)  # the worker takes seconds


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a list of messages is narrowed to; what is empty narrows nothing."""

    states: Collection[State] = ()
    kind: Kind | None = None
    channel: ChannelName | None = None
    subject: tuple[str, int] | None = None  # its kind and id
    address: str = ""  # a part of it


def narrowed(business_id: int, wish: Narrowing) -> MessageQuerySet:
    """Find the messages of a business, narrowed to a wish, the newest first."""
    found = Message.objects.in_business(business_id).order_by("-pk")
    if wish.subject is not None:
        found = found.about(*wish.subject)
    if wish.states:
        found = found.filter(state__in=wish.states)
    if wish.kind is not None:
        found = found.filter(kind=wish.kind)
    if wish.channel is not None:
        found = found.filter(channel=wish.channel)
    if wish.address:
        found = found.filter(address__icontains=wish.address)
    return found


def find_message(business_id: int, message_id: int) -> Message:
    """Find one message of a business. Raises UnknownMessage."""
    message = Message.objects.in_business(business_id).filter(pk=message_id).first()
    if message is None:
        raise UnknownMessage
    return message


def written_to_customer(business_id: int, subject_kind: str, subject_ids: Any) -> MessageQuerySet:
    """Find the messages to customers about some subjects, given by their ids or a query for them; the newest first."""
    about = Message.objects.in_business(business_id).filter(subject_kind=subject_kind, subject_id__in=subject_ids)
    return about.filter(recipient=CUSTOMER).order_by("-pk")


def undeliverable_since(business_id: int, moment: datetime) -> int:
    """Count the messages that were refused for good and that nobody sent again."""
    failed = Message.objects.in_business(business_id).filter(state=State.UNDELIVERABLE)
    return failed.filter(created_at__gte=moment).count()


def kept_back(business_id: int, now: datetime) -> MessageQuerySet:
    """Find what waits although it should have left, the oldest first; where a try failed, its reason says why."""
    waiting = Message.objects.in_business(business_id).filter(state=State.WAITING)
    # One that a channel was away for is due again at once, so its time says nothing, but its reason does.
    return waiting.filter(~Q(reason="") | Q(next_try_at__lt=now - PATIENCE)).order_by("pk")


def current_hold() -> SendingHold | None:
    """Give the oldest reason why nothing may leave this installation, if there is any."""
    return SendingHold.objects.order_by("held_at", "pk").first()
