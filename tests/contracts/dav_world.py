"""A calendar on a real CalDAV server, behind a proxy that breaks on demand."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import httpx
from icalendar import Calendar, Event, vRecur

from servers.fault_proxy import fault_proxy
from slotkeeper.calendars.providers.base import Account
from slotkeeper.calendars.providers.caldav import CalDavProvider
from slotkeeper.outbound.client import Client

_numbers = count(1)


def new_event(uid):
    event = Event()
    event.add("uid", uid)
    event.add("summary", uid)
    event.add("dtstamp", datetime.now(UTC))
    return event


class DavWorld:
    """The account of ada, and her hand in a calendar of her own."""

    can_tell_tentative = True
    username, password = "ada", "secret words"

    def __init__(self, stack, server, home):
        self.server = server.rstrip("/")
        self.path = f"{home}calendar-{next(_numbers)}/"
        self.proxy = stack.enter_context(fault_proxy(server))
        self.hand = stack.enter_context(httpx.Client(auth=(self.username, self.password), timeout=20))
        self.make_calendar()
        http = stack.enter_context(Client(["127.0.0.1"]))
        self.account = Account(http, self.proxy.url, self.username, self.password, lambda _secret: None)
        self.provider = CalDavProvider(self.account)
        self.calendar_id = self.proxy.url + self.path

    def make_calendar(self):
        self.ask("MKCALENDAR", self.path)

    def ask(self, method, path, content=None, **headers):
        answer = self.hand.request(method, self.server + path, content=content, headers=headers)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text[:500])
        return answer

    def put(self, uid, start, end, **fields):
        zone = ZoneInfo(fields.get("zone", "UTC"))
        event = new_event(uid)
        event.start, event.end = (datetime.fromtimestamp(edge, zone) for edge in (start, end))
        if "rrule" in fields:
            event.add("rrule", vRecur.from_ical(fields["rrule"]))
        if "transparent" in fields:
            event.add("transp", "TRANSPARENT")
        if {"canceled", "tentative"} & fields.keys():
            event.add("status", "CANCELLED" if "canceled" in fields else "TENTATIVE")
        self.store(self.path + f"{uid}.ics", event)

    def put_all_day(self, uid, first_day, days):
        event = new_event(uid)
        event.start = date.fromisoformat(first_day)
        event.end = event.start + timedelta(days=days)
        self.store(self.path + f"{uid}.ics", event)

    def store(self, path, event):
        calendar = Calendar(version="2.0", prodid="-//hand//EN")
        calendar.add_component(event)
        self.ask("PUT", path, calendar.to_ical(), **{"Content-Type": "text/calendar"})

    def move(self, external_id, start, end):
        event = Calendar.from_ical(self.ask("GET", external_id).content).events[0]
        event.start, event.end = (datetime.fromtimestamp(edge, UTC) for edge in (start, end))
        event.sequence += 1
        self.store(external_id, event)

    def remove(self, external_id):
        self.ask("DELETE", external_id)

    def paths(self):
        found = ET.fromstring(self.ask("PROPFIND", self.path, Depth="1").content)
        paths = [element.text for element in found.iter("{DAV:}href")]
        return sorted({path for path in paths if path.endswith(".ics")})

    def titles(self):
        files = [Calendar.from_ical(self.ask("GET", path).content) for path in self.paths()]
        return sorted(str(event["summary"]) for file in files for event in file.events)

    def entries(self):
        """Count the events by title and start."""
        files = [Calendar.from_ical(self.ask("GET", path).content) for path in self.paths()]
        return Counter((str(event["summary"]), event.start) for file in files for event in file.events)

    def broken(self, fault):
        return self.proxy.broken(fault)
