"""By which ways a business sends each kind of message: by mail, unless it chose otherwise."""

from collections.abc import Mapping

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.outbox.kinds import ChannelName, Kind
from slotkeeper.outbox.models import MessageChoice
from slotkeeper.outbox.wordings import ways_of

Channels = frozenset[ChannelName]
BY_DEFAULT: Channels = frozenset({ChannelName.EMAIL})


def channels_of(business_id: int, kind: Kind) -> Channels:
    """Say by which ways a business sends a kind of message; by none where it does not."""
    choice = MessageChoice.objects.filter(business_id=business_id, kind=kind).first()
    return BY_DEFAULT if choice is None else _channels(choice)


def all_choices(business_id: int) -> dict[Kind, Channels]:
    """Say by which ways a business sends every kind of message."""
    chosen = {Kind(one.kind): _channels(one) for one in MessageChoice.objects.filter(business_id=business_id)}
    return {kind: chosen.get(kind, BY_DEFAULT) for kind in Kind}


def choose_channels(business_id: int, wanted: Mapping[Kind, Channels], actor: Actor) -> None:
    """Choose by which ways the kinds given are sent; the others stay as they are.

    A way on which a kind cannot travel is left out: members are written to by mail alone.
    """
    with transaction.atomic():
        chosen = all_choices(business_id)
        new = {kind: ways & frozenset(ways_of(kind)) for kind, ways in wanted.items()}
        new = {kind: ways for kind, ways in new.items() if ways != chosen[kind]}
        for kind, ways in new.items():
            MessageChoice.objects.update_or_create(
                business_id=business_id,
                kind=kind,
                defaults={"by_email": ChannelName.EMAIL in ways, "by_sms": ChannelName.SMS in ways},
            )
        if new:
            before = {kind.value: sorted(chosen[kind]) for kind in new}
            after = {kind.value: sorted(ways) for kind, ways in new.items()}
            record(Subject(business_id, "message_choices", business_id), "updated", actor, before, after)


def _channels(choice: MessageChoice) -> Channels:
    by = {ChannelName.EMAIL: choice.by_email, ChannelName.SMS: choice.by_sms}
    return frozenset(channel for channel, is_chosen in by.items() if is_chosen)
