"""A person's appointments as an iCalendar file, for the calendar programs that subscribe to it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils.translation import gettext, override

from slotkeeper.appointments.calendar_sync import CALENDAR_ROLES, ENTITY
from slotkeeper.appointments.models import Appointment, AppointmentQuerySet
from slotkeeper.appointments.rows import MAX_DURATION_SECONDS
from slotkeeper.calendars.ics_writing import folded, ics_text, ics_time
from slotkeeper.calendars.models import CalendarEventLink, CalendarFeed
from slotkeeper.people.models import Membership
from slotkeeper.rules.appointment_status import Status

BACK, AHEAD = timedelta(days=30), timedelta(days=366)
MOST_EVENTS = 10_000
_LONGEST = timedelta(seconds=MAX_DURATION_SECONDS)
_SHOWN = [Status.SCHEDULED, Status.CONFIRMED, Status.COMPLETED]


def write_feed(feed: CalendarFeed, now: datetime) -> bytes:
    """Write what lies a month behind and a year before a person; the same bytes as long as nothing changed."""
    appointments = _appointments(feed, now)
    keys = _keys_of_events(appointments)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Slotkeeper//Slotkeeper//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:Slotkeeper",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
    ]
    with override(feed.user.locale):
        busy = gettext("Busy")
    for appointment in appointments.order_by("start_time", "pk")[:MOST_EVENTS]:
        lines += ["BEGIN:VEVENT", f"UID:{keys.get(appointment.pk, f'appointment-{appointment.pk}')}@slotkeeper"]
        lines += _times(appointment)
        lines += [f"SUMMARY:{ics_text(busy)}"] if feed.hides_details else _details(appointment)
        lines += ["TRANSP:OPAQUE", "END:VEVENT"]
    return folded([*lines, "END:VCALENDAR"])


def _appointments(feed: CalendarFeed, now: datetime) -> AppointmentQuerySet:
    # Whoever's role has no calendars in a business any more reads nothing of it by an old address either.
    own = Membership.objects.active().filter(user_id=feed.user_id, role__in=CALENDAR_ROLES)
    return Appointment.objects.filter(
        user_id=feed.user_id,
        business_id__in=own.values("business_id"),
        status__in=_SHOWN,
        start_time__gt=now - BACK - _LONGEST,  # for the index: none lasts longer
        start_time__lt=now + AHEAD,
        end_time__gt=now - BACK,
    )


def _keys_of_events(appointments: AppointmentQuerySet) -> dict[int, str]:
    """Name the appointments as the events that we write of them: so that a calendar with both counts them once."""
    links = CalendarEventLink.objects.filter(
        internal_entity_type=ENTITY, internal_entity_id__in=appointments.values("pk")
    )
    return dict(links.order_by("-pk").values_list("internal_entity_id", "event_key"))  # the oldest link stays


def _times(appointment: Appointment) -> Iterator[str]:
    changed_at = appointment.updated_at or appointment.start_time
    yield f"DTSTAMP:{ics_time(changed_at)}"
    yield f"SEQUENCE:{appointment.version}"
    yield f"DTSTART:{ics_time(appointment.start_time)}"
    yield f"DTEND:{ics_time(appointment.end_time)}"


def _details(appointment: Appointment) -> Iterator[str]:
    customer = " · ".join(
        part for part in (appointment.contact_name, appointment.contact_phone, appointment.contact_email) if part
    )
    description = "\n\n".join(part for part in (customer, appointment.description) if part)
    yield f"SUMMARY:{ics_text(appointment.title)}"
    if description:
        yield f"DESCRIPTION:{ics_text(description)}"
    if appointment.location:
        yield f"LOCATION:{ics_text(appointment.location)}"
    yield f"STATUS:{'TENTATIVE' if appointment.status == Status.SCHEDULED else 'CONFIRMED'}"
