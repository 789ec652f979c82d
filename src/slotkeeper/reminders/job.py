"""The reminder job: plan what is due and send it, for whoever runs it every few minutes.

It plans and sends by the same code as the worker, so one of the two suffices, and both at once send each reminder once.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict

from django.conf import settings

from slotkeeper.appointments.correspondence import AppointmentCorrespondent
from slotkeeper.appointments.messages import ENTITY
from slotkeeper.outbox.channels.opened import open_channel
from slotkeeper.outbox.kinds import REMINDERS, State
from slotkeeper.outbox.ledger import expire, free_claims_of_the_dead
from slotkeeper.outbox.models import SendingHold
from slotkeeper.outbox.sending import Sender, Tally
from slotkeeper.reminders.planning import plan_reminders

_MOST_AT_ONCE = 100_000
_NO_SERVER = "No mail server is set: no reminder can be sent. Set SLOTKEEPER_MAIL_SERVER."


class JobResult(TypedDict):
    """What a run came to. `success` is false where reminders that are due could not leave."""

    success: bool
    reminders_sent: int
    undeliverable: int
    waiting: int
    errors: list[str]


def now_utc() -> datetime:
    """Say what time it is."""
    return datetime.now(UTC)


def run_job(clock: Callable[[], datetime] = now_utc) -> JobResult:
    """Send the reminders that are due now, and set their flags once the mail server has accepted them."""
    hold = SendingHold.objects.first()
    if hold is not None:
        error = f"Sending is held: {hold.reason}. `slotkeeper release-sending` releases it."
        return JobResult(success=False, reminders_sent=0, undeliverable=0, waiting=0, errors=[error])
    if settings.CONFIGURATION.mail_server is None:
        return JobResult(success=False, reminders_sent=0, undeliverable=0, waiting=0, errors=[_NO_SERVER])
    tally = _plan_and_send(clock)
    return JobResult(
        success=not tally.troubles,
        reminders_sent=tally.outcomes[State.SENT],
        undeliverable=tally.outcomes[State.UNDELIVERABLE],
        waiting=tally.outcomes[State.WAITING],
        errors=[f"{name}: {trouble}" for name, trouble in tally.troubles.items()],
    )


def _plan_and_send(clock: Callable[[], datetime]) -> Tally:
    free_claims_of_the_dead(clock())
    expire(clock())
    plan_reminders(clock())
    sender = Sender({ENTITY: AppointmentCorrespondent()}, open_channel)
    try:
        return sender.run(clock, REMINDERS, _MOST_AT_ONCE)
    finally:
        sender.close()
