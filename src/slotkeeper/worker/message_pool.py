"""Sending messages in threads of their own, one for each channel: a slow mail server delays no SMS, and no calendar."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db import close_old_connections

from slotkeeper.appointments.correspondence import AppointmentCorrespondent
from slotkeeper.appointments.messages import ENTITY
from slotkeeper.billing.correspondence import CORRESPONDENTS as ABOUT_MONEY
from slotkeeper.billing.missed import MissedCorrespondent
from slotkeeper.billing.prepayments import SUBJECT as PREPAYMENT
from slotkeeper.calendars.correspondence import CalendarCorrespondent
from slotkeeper.calendars.health import CONNECTION
from slotkeeper.outbox.channels.opened import open_channel
from slotkeeper.outbox.kinds import ChannelName, Kind
from slotkeeper.outbox.ledger import is_any_due
from slotkeeper.outbox.sending import Correspondent, Sender
from slotkeeper.people.invitation_mail import InvitationCorrespondent
from slotkeeper.people.invitations import SUBJECT as INVITATION

logger = logging.getLogger("slotkeeper.worker")
CORRESPONDENTS: dict[str, Correspondent] = {
    ENTITY: AppointmentCorrespondent(),
    CONNECTION: CalendarCorrespondent(),
    INVITATION: InvitationCorrespondent(),
    **ABOUT_MONEY,
    PREPAYMENT: MissedCorrespondent(),
}


class MessagePool:
    """A thread for each channel, which sends what is due and rests until it is asked again."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._senders = {name: Sender(CORRESPONDENTS, open_channel, [name]) for name in ChannelName}
        self._under_way: set[ChannelName] = set()
        self._lock = threading.Lock()

    def start_due(self) -> None:
        """Start sending by every channel that has something due and is not at it."""
        for name in ChannelName:
            with self._lock:
                is_idle = name not in self._under_way
            if is_idle and is_any_due([name], frozenset(Kind), datetime.now(UTC)):
                self._start(name)

    def stop(self) -> None:
        """Wait for the messages that are being sent, and close connections."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
        for sender in self._senders.values():
            sender.close()

    def _start(self, name: ChannelName) -> None:
        with self._lock:
            self._under_way.add(name)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(len(ChannelName), "messages")
        self._executor.submit(self._run, name)

    def _run(self, name: ChannelName) -> None:
        try:
            self._senders[name].run(lambda: datetime.now(UTC))
        except Exception:
            # What it had claimed is claimed again when the claim runs out.
            logger.exception("Sending by %s failed", name)
            close_old_connections()
        finally:
            with self._lock:
                self._under_way.discard(name)
