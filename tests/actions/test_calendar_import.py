"""Booking the events of a calendar export: what is over, what is going on, what is to come."""

import pytest

from slotkeeper.appointments.calendar_import import Fate, Importer, import_event
from slotkeeper.appointments.models import Appointment
from slotkeeper.calendars.ics_values import CalendarEvent
from slotkeeper.changes.record import COMMAND
from slotkeeper.outbox.models import Message

NOW, DAY = 1_900_000_000, 86_400


def event(start, end):
    return CalendarEvent(f"{start}-{end}", "", "Vacation", None, None, start, end, is_all_day=False)


@pytest.fixture
def importer(cast):
    return Importer(cast.owner, COMMAND, NOW)


def test_what_is_going_on_blocks_the_rest_of_its_time(importer):
    vacation = event(NOW - DAY, NOW + 10 * DAY)
    assert import_event(vacation, importer)[0] is Fate.BOOKED
    assert Appointment.objects.get().status == "scheduled"
    assert import_event(event(NOW + DAY, NOW + 2 * DAY), importer)[0] is Fate.TAKEN
    assert import_event(vacation, importer)[0] is Fate.ALREADY_IMPORTED
    assert not Message.objects.exists()


def test_what_is_over_is_past(importer, cast):
    assert import_event(event(NOW - DAY, NOW), importer)[0] is Fate.PAST
    stored = import_event(event(NOW - DAY, NOW), Importer(cast.owner, COMMAND, NOW, with_past=True))
    assert (stored[0], Appointment.objects.get().status) == (Fate.STORED_AS_PAST, "completed")
