"""Sending messages in threads of their own, one for each channel: a slow mail server delays no SMS, and no calendar."""

from datetime import UTC, datetime
from functools import partial

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
from slotkeeper.reminders.job import now_utc
from slotkeeper.worker.pool import Pool

CORRESPONDENTS: dict[str, Correspondent] = {
    ENTITY: AppointmentCorrespondent(),
    CONNECTION: CalendarCorrespondent(),
    INVITATION: InvitationCorrespondent(),
    **ABOUT_MONEY,
    PREPAYMENT: MissedCorrespondent(),
}


class MessagePool(Pool):
    """A thread for each channel, which sends what is due and rests until it is asked again."""

    def __init__(self) -> None:
        super().__init__("messages", len(ChannelName))
        self._senders = {name: Sender(CORRESPONDENTS, open_channel, [name]) for name in ChannelName}

    def start_due(self) -> None:
        """Start sending by every channel that has something due and is not at it."""
        for name, sender in self._senders.items():
            if not self._is_under_way(name) and is_any_due([name], frozenset(Kind), datetime.now(UTC)):
                self._start(name, partial(sender.run, now_utc))

    def stop(self) -> None:
        """Wait for the messages that are being sent, and close connections."""
        super().stop()
        for sender in self._senders.values():
            sender.close()
