"""An appointment as an entry for the customer's own calendar: a file to fetch, or an invitation in a mail."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext

from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.ics_writing import folded, ics_text, ics_time
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.channels.base import Invitation
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import Status

_STATUS = {Status.SCHEDULED: "TENTATIVE", Status.CANCELED: "CANCELLED", Status.NO_SHOW: "CANCELLED"}


def title_of(business: Business, service: Service | None) -> str:
    """Name the appointment as its customer thinks of it."""
    return f"{service.name} – {business.name}" if service else business.name


def calendar_file(row: AppointmentRow, business: Business, service: Service | None, manage_url: str) -> bytes:
    """Write the appointment as an iCalendar file; the same UID whenever it is fetched, a rising sequence."""
    return _calendar("PUBLISH", _event(row, business, service, manage_url))


def invitation(row: AppointmentRow, business: Business, service: Service | None, manage_url: str) -> Invitation:
    """Write the appointment as a request to its customer, or, canceled, as its withdrawal (RFC 5546).

    Its UID is that of the file, so a calendar program that knows one replaces it by the other.
    """
    method = "CANCEL" if row.status == Status.CANCELED else "REQUEST"
    organizer = parseaddr(settings.CONFIGURATION.mail_from)[1]
    people = [
        f"ORGANIZER;CN={_quoted(business.name)}:mailto:{organizer}",
        f"ATTENDEE;CN={_quoted(row.contact_name or '')};PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:{row.contact_email}",
    ]
    return Invitation(_calendar(method, [*_event(row, business, service, manage_url), *people]), method)


def _calendar(method: str, event: Iterable[str]) -> bytes:
    return folded(
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Slotkeeper//Slotkeeper//EN",
            "CALSCALE:GREGORIAN",
            f"METHOD:{method}",
            "BEGIN:VEVENT",
            *event,
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    )


def _event(row: AppointmentRow, business: Business, service: Service | None, manage_url: str) -> Iterator[str]:
    host = urlsplit(settings.CONFIGURATION.url).hostname
    updated = datetime.fromtimestamp(row.updated_at or row.start_time, UTC)
    yield f"UID:appointment-{row.id}@{host}"
    yield f"DTSTAMP:{ics_time(updated)}"
    yield f"DTSTART:{ics_time(datetime.fromtimestamp(row.start_time, UTC))}"
    yield f"DTEND:{ics_time(datetime.fromtimestamp(row.end_time, UTC))}"
    yield f"SEQUENCE:{row.version - 1}"
    yield f"STATUS:{_STATUS.get(Status(row.status), 'CONFIRMED')}"
    yield f"SUMMARY:{ics_text(title_of(business, service))}"
    if manage_url:
        advice = gettext("To move or cancel it:") + "\n" + manage_url
        yield f"DESCRIPTION:{ics_text(advice)}"
        yield f"URL:{manage_url}"
    if row.location:
        yield f"LOCATION:{ics_text(row.location)}"


def _quoted(name: str) -> str:
    """Write a parameter's value (RFC 5545 section 3.2): it knows no quotation marks within, and no ends of lines."""
    return '"' + "".join(letter for letter in name if letter.isprintable()).replace('"', "'") + '"'
