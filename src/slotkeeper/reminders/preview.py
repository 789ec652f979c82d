"""What will be sent in the hours to come: the same rules as the planning of reminders, asked earlier."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from slotkeeper.appointments.addresses import addresses_of
from slotkeeper.appointments.correspondence import FLAGS
from slotkeeper.appointments.messages import ENTITY
from slotkeeper.appointments.models import Appointment
from slotkeeper.outbox.choices import all_choices
from slotkeeper.outbox.kinds import REMINDERS, ChannelName, Kind, Reason
from slotkeeper.outbox.models import Message
from slotkeeper.reminders.planning import Due, minutes_of, reason_against, settled_times
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.reminder_plan import MOST_MINUTES, horizon_seconds, reminders_of

MOST = 500
LONGEST = timedelta(hours=48)


class Upcoming(NamedTuple):
    """A reminder to come: when, to where by which ways, or why not."""

    at: datetime
    appointment: Appointment
    kind: Kind
    minutes: int
    addresses: dict[ChannelName, str]
    reason: Reason | None


def upcoming(business_id: int, now: datetime, within: timedelta = LONGEST) -> list[Upcoming]:
    """List the reminders of a business that come due within a time, by when; at most `MOST`, the next ones."""
    until = now + within
    found = _upcoming(business_id, _near(business_id, now, until), now, until)
    return sorted(found, key=lambda one: (one.at, one.appointment.pk))[:MOST]


def upcoming_of(appointment: Appointment, now: datetime) -> list[Upcoming]:
    """List the reminders that are still to come of one appointment, by when."""
    if Status(appointment.status) in TERMINAL or appointment.start_time <= now:
        return []
    found = _upcoming(appointment.business_id, [appointment], now, appointment.start_time)
    return sorted(found, key=lambda one: one.at)


def _upcoming(
    business_id: int, appointments: Sequence[Appointment], now: datetime, until: datetime
) -> Iterator[Upcoming]:
    settled = settled_times(appointments)
    chosen = all_choices(business_id)
    entered = set(
        Message.objects.filter(subject_kind=ENTITY, subject_id__in=list(settled), kind__in=REMINDERS).values_list(
            "subject_id", "kind", "occasion"
        )
    )
    for appointment in appointments:
        start = int(appointment.start_time.timestamp())
        addresses = addresses_of(appointment)
        for reminder in reminders_of(start, minutes_of(appointment.service)):
            at = max(now, datetime.fromtimestamp(reminder.opens_at, UTC))
            due = Due(appointment, reminder, reminder.judge(settled[appointment.pk], int(at.timestamp())))
            is_known = (appointment.pk, due.kind, due.occasion) in entered
            has_flag = due.kind in FLAGS and getattr(appointment, FLAGS[due.kind])
            if at > until or is_known or has_flag:
                continue
            ways = {channel: address for channel, address in addresses.items() if channel in chosen[due.kind]}
            reason = reason_against(due, addresses, chosen[due.kind])
            yield Upcoming(at, appointment, due.kind, reminder.minutes, ways, reason)


def _near(business_id: int, now: datetime, until: datetime) -> list[Appointment]:
    furthest = until + timedelta(seconds=horizon_seconds(MOST_MINUTES))
    live = Appointment.objects.in_business(business_id).filter(status__in=[Status.SCHEDULED, Status.CONFIRMED])
    near = live.filter(start_time__gt=now, start_time__lte=furthest)
    return list(near.select_related("service", "business").order_by("start_time", "pk")[: MOST * 4])
