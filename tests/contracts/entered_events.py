"""Events as another program enters them: written with icalendar, not with our own code."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vRecur


def event_at(uid, start, end, **fields):
    zone = ZoneInfo(fields.get("zone", "UTC"))
    event = _new(uid)
    event.start, event.end = (datetime.fromtimestamp(edge, zone) for edge in (start, end))
    if "rrule" in fields:
        event.add("rrule", vRecur.from_ical(fields["rrule"]))
    if "transparent" in fields:
        event.add("transp", "TRANSPARENT")
    if {"canceled", "tentative"} & fields.keys():
        event.add("status", "CANCELLED" if "canceled" in fields else "TENTATIVE")
    return event


def event_of_days(uid, first_day, days):
    event = _new(uid)
    event.start = date.fromisoformat(first_day)
    event.end = event.start + timedelta(days=days)
    return event


def calendar_file(*events):
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//hand//EN")
    for event in events:
        calendar.add_component(event)
    return calendar.to_ical()


def _new(uid):
    event = Event()
    event.add("uid", uid)
    event.add("summary", uid)
    event.add("dtstamp", datetime.now(UTC))
    return event
