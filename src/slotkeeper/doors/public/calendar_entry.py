"""Links that put an appointment into the customer's own calendar."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.utils.http import urlencode

from slotkeeper.appointments.calendar_entry import title_of
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.ics_writing import ics_time
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Business


class CalendarLink(NamedTuple):
    """A link that opens another site's calendar with the appointment filled in."""

    name: str
    url: str


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
