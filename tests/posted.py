"""The worker's steps with messages by hand, on a clock that stands still, with a channel that keeps what it gets."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking, Entry
from slotkeeper.appointments.messages import plan_messages
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.outbox.channels.base import Dispatch
from slotkeeper.outbox.kinds import ChannelName, Kind
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.sending import Sender, Tally
from slotkeeper.people.models import Membership
from slotkeeper.reminders.planning import plan_reminders
from slotkeeper.rules.appointment_status import Status
from slotkeeper.worker.message_pool import CORRESPONDENTS

HOUR = timedelta(hours=1)
EVERYTHING = frozenset(Kind)


@dataclass
class KeptChannel:
    """The in-memory twin of a channel: it fails as `faults` says, by address or for all (`*`)."""

    sent: list[Dispatch] = field(default_factory=list)
    faults: dict[str, Exception] = field(default_factory=dict)

    def send(self, dispatch: Dispatch) -> None:
        fault = self.faults.get(dispatch.address) or self.faults.get("*")
        if fault:
            raise fault
        self.sent.append(dispatch)

    def close(self) -> None:
        pass


class PostOffice:
    """A clock, a channel, and the steps."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.channel, self.texts = KeptChannel(), KeptChannel()
        self.opened = {ChannelName.EMAIL: self.channel, ChannelName.SMS: self.texts}
        self.sender = Sender(CORRESPONDENTS, self.opened.get)

    @property
    def sent(self) -> list[Dispatch]:
        return self.channel.sent

    def plan(self) -> None:
        """Write what follows from new changes."""
        with transaction.atomic():
            changes = list(Change.objects.filter(handled_at=None).order_by("pk"))
            plan_messages(changes, self.now)
            Change.objects.filter(pk__in=[change.pk for change in changes]).update(handled_at=self.now)

    def send(self, kinds: frozenset[Kind] = EVERYTHING) -> Tally:
        return self.sender.run(lambda: self.now, kinds)

    def work(self) -> list[Dispatch]:
        """Plan and send all; give what left now."""
        before = len(self.sent)
        self.plan()
        plan_reminders(self.now)
        self.send()
        return self.sent[before:]

    def later(self, **passed: int) -> "PostOffice":
        self.now += timedelta(**passed)
        return self

    def again(self) -> "PostOffice":
        """Forget that a channel was away, as a minute later."""
        self.sender = Sender(CORRESPONDENTS, self.opened.get)
        return self.later(minutes=6)


@dataclass
class Desk:
    """A member who books for a customer."""

    member: Membership
    post: PostOffice

    @property
    def instant(self) -> int:
        return int(self.post.now.timestamp())

    def book(self, in_hours: float = 48, actor: Actor = COMMAND, length: int = 1800, **fields: Any) -> AppointmentRow:
        start = self.instant + round(in_hours * 3600)
        wish = {"title": "Consultation", "contact_name": "Carla", "contact_email": "carla@customer.test"} | fields
        booking = Booking(
            self.member.business_id, self.member.user_id, start_time=start, end_time=start + length, **wish
        )
        return actions.enter(booking, Entry(Status.SCHEDULED, "booked"), actor, self.instant).row

    def change(self, row: AppointmentRow, actor: Actor = COMMAND, **fields: Any) -> AppointmentRow:
        if "start_time" in fields:
            fields["end_time"] = fields["start_time"] + 1800
        return actions.update(self.target(row), fields, actor, self.instant)

    def cancel(self, row: AppointmentRow, actor: Actor = COMMAND, reason: str | None = None) -> AppointmentRow:
        return actions.cancel(self.target(row), actor, self.instant, reason)

    def target(self, row: AppointmentRow) -> Target:
        return Target(Reach(self.member.business_id), row.id)


def open_desk(member: Membership, now: datetime = datetime(2030, 6, 3, 8, 0, tzinfo=UTC)) -> Desk:
    return Desk(member, PostOffice(now))


def ledger(**conditions: Any) -> list[tuple[str, str]]:
    """List the ledger as pairs of kind and state, in order."""
    return [(one.kind, one.state) for one in Message.objects.filter(**conditions).order_by("pk")]


def kinds(dispatches: list[Dispatch]) -> list[str]:
    """Name the kinds of messages about appointments that left."""
    return [re.sub(r"^<appointment-\d+\.([a-z_0-9]+)\..*", r"\1", one.message_id) for one in dispatches]
