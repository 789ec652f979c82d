"""A person with a connected calendar: the in-memory twin behind a real connection, and the worker's steps by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.memory_world import MemoryCalendar, MemoryProvider
from slotkeeper.appointments import actions
from slotkeeper.appointments.calendar_sync import event_of
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars import accounts
from slotkeeper.calendars.models import CalendarConnection, CalendarEventLink, ConnectedCalendar
from slotkeeper.calendars.runs import work_on
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Membership
from slotkeeper.rules.intervals import Interval
from slotkeeper.worker import wake_up
from slotkeeper.worker.jobs import handle_changes

NOW = int(datetime.now(UTC).timestamp()) // 3600 * 3600
HOUR = 3600
SOON = NOW + 48 * HOUR


@dataclass
class Connected:
    """A member whose calendar is the twin's."""

    member: Membership
    twin: MemoryCalendar
    connection: CalendarConnection
    calendar: ConnectedCalendar

    def book(self, start: int = SOON, **fields: Any) -> AppointmentRow:
        wish = {"title": "Consultation", "sync_to_calendar": True} | fields
        booking = Booking(self.member.business_id, self.member.user_id, start_time=start, end_time=start + HOUR, **wish)
        return actions.book(booking, COMMAND, NOW)

    def work(self) -> None:
        """Do what the worker does: write what follows from changes, then work on the connection if it is due."""
        wake_up._seen.clear()
        handle_changes()
        self.connection.refresh_from_db()
        if self.connection.due_at and self.connection.due_at <= datetime.now(UTC):
            work_on(self.connection.pk, event_of)

    def work_later(self) -> None:
        """The same, once every pause is over and every calendar is due to be read."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        CalendarConnection.objects.update(due_at=past)
        CalendarEventLink.objects.filter(due_at__isnull=False).update(due_at=past)
        ConnectedCalendar.objects.update(next_read_at=past)
        self.work()

    def link(self) -> CalendarEventLink:
        return CalendarEventLink.objects.get()

    def titles(self) -> list[str]:
        return sorted(one.title for one in self.twin.events.values() if not one.is_gone)

    def enter(self, uid: str, start: int, end: int) -> None:
        """Have the calendar's owner enter an event."""
        self.twin.store(uid, title=uid, times=(Interval(start, end),))


def connect(member: Membership, monkeypatch: Any, **fields: Any) -> Connected:
    """Connect a calendar that blocks and receives."""
    twin = MemoryCalendar()
    monkeypatch.setitem(accounts.PROVIDERS, "caldav", lambda _account: MemoryProvider(twin))
    past = datetime.now(UTC) - timedelta(seconds=1)
    connection = CalendarConnection.objects.create(
        user=member.user, provider="caldav", name="Twin", due_at=past, created_at=past, **fields
    )
    calendar = ConnectedCalendar.objects.create(
        connection=connection, user=member.user, external_id="main", name="Main", blocks=True, receives=True,
        next_read_at=past,
    )  # fmt: skip
    return Connected(member, twin, connection, calendar)
