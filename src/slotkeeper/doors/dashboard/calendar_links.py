"""How an appointment stands in connected calendars."""

from typing import NamedTuple

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext

from slotkeeper.appointments.calendar_sync import ENTITY
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.models import CalendarEventLink, CalendarProposal, Health, LinkState
from slotkeeper.doors.dashboard.calendar_words import Standing, health_of, in_words, standing_in_words
from slotkeeper.doors.disclosure import told_of_calendar
from slotkeeper.people.callers import Caller


class ShownLink(NamedTuple):
    """An appointment in one calendar: how it stands there, what is wrong, and whether its owner changed it there."""

    name: str
    standing: Standing
    problem: str
    is_disputed: bool


def links_of(row: AppointmentRow, caller: Caller) -> list[ShownLink]:
    """List the calendars that an appointment was meant to stand in.

    Their names, and why their provider refuses, are their owner's business.
    """
    opened = CalendarProposal.objects.filter(link=OuterRef("pk"), resolved_at=None)
    links = (
        CalendarEventLink.objects.filter(internal_entity_type=ENTITY, internal_entity_id=row.id)
        .select_related("calendar", "connection")
        .annotate(is_disputed=Exists(opened))
        .order_by("pk")
    )
    return [_shown(link, caller) for link in links]


def _shown(link: CalendarEventLink, caller: Caller) -> ShownLink:
    is_own = link.connection.user_id == caller.user_id
    name = f"{link.calendar.name} ({link.connection.name})" if is_own else gettext("A connected calendar")
    problem = ""
    if link.state == LinkState.FAILING:
        problem = told_of_calendar(in_words(link.last_error), link.connection.user_id, caller)
    elif link.state == LinkState.PENDING and link.connection.status != Health.CONNECTED:
        problem = str(health_of(link.connection).words)
    return ShownLink(name, standing_in_words(link), problem, bool(getattr(link, "is_disputed", False)))
