"""Putting an appointment into the customer's own calendar: a file, and links to the usual ones."""

from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import urlencode
from django.utils.translation import gettext

from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.ics_writing import folded, ics_text, ics_time
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import Status

_STATUS = {Status.SCHEDULED: "TENTATIVE", Status.CANCELED: "CANCELLED", Status.NO_SHOW: "CANCELLED"}


class CalendarLink(NamedTuple):
    """A link that opens another site's calendar with the appointment filled in."""

    name: str
    url: str


def title_of(business: Business, service: Service | None) -> str:
    """Name the appointment as its customer thinks of it."""
    return f"{service.name} – {business.name}" if service else business.name


def calendar_links(row: AppointmentRow, business: Business, service: Service | None) -> list[CalendarLink]:
    """Link to Google's and Outlook's calendars. They are not told the secret link that changes the appointment."""
    start, end = datetime.fromtimestamp(row.start_time, UTC), datetime.fromtimestamp(row.end_time, UTC)
    title, location = title_of(business, service), row.location or ""
    google = {
        "action": "TEMPLATE",
        "text": title,
        "dates": f"{ics_time(start)}/{ics_time(end)}",
        "location": location,
    }
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": title,
        "startdt": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "enddt": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "location": location,
    }
    return [
        CalendarLink("Google", f"https://calendar.google.com/calendar/render?{urlencode(google)}"),
        CalendarLink("Outlook", f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(outlook)}"),
    ]


def calendar_file(row: AppointmentRow, business: Business, service: Service | None, manage_url: str) -> bytes:
    """Write the appointment as an iCalendar file; the same UID whenever it is fetched, a rising sequence."""
    host = urlsplit(settings.CONFIGURATION.url).hostname
    updated = datetime.fromtimestamp(row.updated_at or row.start_time, UTC)
    advice = gettext("To move or cancel it:") + "\n" + manage_url
    optional = {"LOCATION": ics_text(row.location)}
    return folded(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Slotkeeper//Slotkeeper//EN",
            "CALSCALE:GREGORIAN",
            "METHOD:PUBLISH",
            "BEGIN:VEVENT",
            f"UID:appointment-{row.id}@{host}",
            f"DTSTAMP:{ics_time(updated)}",
            f"DTSTART:{ics_time(datetime.fromtimestamp(row.start_time, UTC))}",
            f"DTEND:{ics_time(datetime.fromtimestamp(row.end_time, UTC))}",
            f"SEQUENCE:{row.version - 1}",
            f"STATUS:{_STATUS.get(Status(row.status), 'CONFIRMED')}",
            f"SUMMARY:{ics_text(title_of(business, service))}",
            f"DESCRIPTION:{ics_text(advice)}",
            f"URL:{manage_url}",
            *(f"{name}:{value}" for name, value in optional.items() if value),
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    )
