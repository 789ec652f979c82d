"""Sending what is due: claim, write, hand over, note – one message at a time over one open connection.

The worker and the reminder job both send by this code. A process may be killed anywhere in it: what it had claimed
is claimed again. Only between the mail server's yes and our note of it can a message leave twice, and then under the
same Message-ID.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db import transaction

from slotkeeper.outbox.channels.base import Channel, ChannelAway, Dispatch, Refused, TryLater
from slotkeeper.outbox.kinds import ChannelName, Kind, State
from slotkeeper.outbox.ledger import claim_next, finish, put_back
from slotkeeper.outbox.models import Message, SendingHold
from slotkeeper.rules.reconcile import pause_after

logger = logging.getLogger("slotkeeper.outbox")
_LONGEST_PAUSE_SECONDS = 300.0
_LONGEST_AWAY_SECONDS = 60.0
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class NotToBeSent(Exception):
    """The message is not to be sent any more; `state` and the text say why."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


@dataclass(frozen=True, slots=True)
class Written:
    """A message ready to leave, and what its reader will know then."""

    dispatch: Dispatch
    told: dict[str, Any] | None = None


class Correspondent(Protocol):
    """Knows one kind of subject: it writes the messages about it, and is told what became of them."""

    def write(self, message: Message, now: datetime) -> Written:
        """Write a message with what is true now. Raises NotToBeSent."""

    def lock(self, message: Message) -> None:
        """Lock the subject where `settled` reads it: before the message's row, in the order that planning has, too."""

    def settled(self, message: Message, now: datetime) -> None:
        """Do what follows from a message's outcome, in the transaction that notes it."""


@dataclass(slots=True)
class _Pause:
    """How long a channel that is away is left alone."""

    failures: int = 0
    until: datetime = _LONG_AGO
    reason: str = ""


@dataclass(slots=True)
class Tally:
    """What one run of sending came to: messages by outcome, and what kept a channel from being used."""

    outcomes: Counter[State] = field(default_factory=Counter)
    troubles: dict[ChannelName, str] = field(default_factory=dict)
    is_held: bool = False


class Sender:
    """Sends due messages over channels that it opens when it first needs them; not for several threads at once."""

    def __init__(
        self,
        correspondents: Mapping[str, Correspondent],
        open_channel: Callable[[ChannelName], Channel | None],
        names: Collection[ChannelName] = tuple(ChannelName),
    ) -> None:
        self._correspondents, self._open_channel, self._names = correspondents, open_channel, names
        self._channels: dict[ChannelName, Channel] = {}
        self._pauses: dict[ChannelName, _Pause] = {}

    def run(self, clock: Callable[[], datetime], kinds: Collection[Kind] = frozenset(Kind), limit: int = 500) -> Tally:
        """Send what is due of some kinds, at most `limit`; stop at a channel that is away."""
        tally = Tally()
        if SendingHold.objects.exists():
            tally.is_held = True
            return tally
        for _ in range(limit):
            message = claim_next(self._usable(tally, clock()), kinds, clock())
            if message is None:
                break
            self._send(message, clock, tally)
        return tally

    def close(self) -> None:
        """Give up open connections."""
        while self._channels:
            self._channels.popitem()[1].close()

    def _usable(self, tally: Tally, now: datetime) -> list[ChannelName]:
        return [name for name in self._names if self._is_usable(name, tally, now)]

    def _is_usable(self, name: ChannelName, tally: Tally, now: datetime) -> bool:
        pause = self._pauses.get(name)
        if pause is not None and now < pause.until:
            tally.troubles[name] = pause.reason
            return False
        if name not in self._channels:
            channel = self._open_channel(name)
            if channel is None:
                return False
            self._channels[name] = channel
        return True

    def _send(self, message: Message, clock: Callable[[], datetime], tally: Tally) -> None:
        name, written = ChannelName(message.channel), None
        try:
            written = self._write(message, clock())
            self._channels[name].send(written.dispatch)
        except NotToBeSent as verdict:
            self._finish(message, verdict.state, verdict.reason, clock(), tally)
        except Refused as error:
            message.told = written.told if written else message.told  # to say it again would help nobody
            self._finish(message, State.UNDELIVERABLE, str(error), clock(), tally)
        except TryLater as error:
            seconds = pause_after(message.attempts, None, _chance(), _LONGEST_PAUSE_SECONDS)
            put_back(message, clock() + timedelta(seconds=seconds), str(error))
            tally.outcomes[State.WAITING] += 1
        except ChannelAway as error:
            self._pause(name, error, clock())
            tally.troubles[name] = str(error)
            put_back(message, clock(), str(error), counts=False)
        else:
            self._pauses.pop(name, None)
            message.told, message.subject_line = written.told, written.dispatch.letter.subject
            message.address = written.dispatch.address
            self._finish(message, State.SENT, "", clock(), tally)

    def _write(self, message: Message, now: datetime) -> Written:
        if message.useful_until <= now:
            raise NotToBeSent(State.EXPIRED, message.reason)
        return self._correspondents[message.subject_kind].write(message, now)

    def _finish(self, message: Message, state: State, reason: str, now: datetime, tally: Tally) -> None:
        correspondent = self._correspondents[message.subject_kind]
        with transaction.atomic():
            correspondent.lock(message)
            if finish(message, state, now, reason):
                correspondent.settled(message, now)
                tally.outcomes[state] += 1

    def _pause(self, name: ChannelName, error: ChannelAway, now: datetime) -> None:
        """Leave a channel alone for a while: one probe a minute, however many messages wait."""
        pause = self._pauses.setdefault(name, _Pause())
        pause.failures += 1
        pause.reason = str(error)
        seconds = pause_after(pause.failures, error.retry_after, _chance(), _LONGEST_AWAY_SECONDS)
        pause.until = now + timedelta(seconds=seconds)
        logger.warning("No message leaves by %s: %s", name, error)


def _chance() -> float:
    return random.random()  # noqa: S311 -- jitter, not a secret
