"""Booking events from somebody's calendar export, each once, however often the file is imported."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.db import transaction

from slotkeeper.appointments.actions import SlotTaken, book, record_begun
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import ImportedEvent
from slotkeeper.calendars.ics_values import CalendarEvent
from slotkeeper.changes.record import Actor
from slotkeeper.people.models import Membership

_LONGEST_KEY = 255


class Fate(StrEnum):
    """What became of an event."""

    BOOKED = "booked"
    STORED_AS_PAST = "stored as completed"
    ALREADY_IMPORTED = "imported before"
    PAST = "past"
    TAKEN = "refused: the time is not free"


@dataclass(frozen=True, slots=True)
class Importer:
    """Whose calendar, who imports it, when, and whether past events are stored too."""

    membership: Membership
    actor: Actor
    now: int
    with_past: bool = False


def import_event(event: CalendarEvent, importer: Importer) -> tuple[Fate, SlotTaken | None]:
    """Book one event in a transaction of its own, and remember it by person, UID and RECURRENCE-ID.

    Returns what became of it, and for a taken time what stands in the way.
    """
    is_past = event.end <= importer.now
    if is_past and not importer.with_past:
        return Fate.PAST, None
    identity = {
        "user_id": importer.membership.user_id,
        "uid": _key(event.uid),
        "recurrence_id": _key(event.recurrence_id),
    }
    booking = Booking(
        business_id=importer.membership.business_id,
        user_id=importer.membership.user_id,
        title=event.title or "Untitled",
        start_time=event.start,
        end_time=event.end,
        description=event.description,
        location=event.location,
    )
    try:
        with transaction.atomic():
            if ImportedEvent.objects.filter(**identity).exists():
                return Fate.ALREADY_IMPORTED, None
            enter = record_begun if event.start < importer.now else book
            row = enter(booking, importer.actor, importer.now)
            ImportedEvent.objects.create(
                **identity, appointment_id=row.id, imported_at=datetime.fromtimestamp(importer.now, UTC)
            )
    except SlotTaken as taken:
        return Fate.TAKEN, taken
    return (Fate.STORED_AS_PAST if is_past else Fate.BOOKED), None


def _key(text: str) -> str:
    """Keep an identifier as it is, or its hash where it is too long for an index."""
    return text if len(text) <= _LONGEST_KEY else hashlib.sha256(text.encode()).hexdigest()
