"""A calendar on a real CalDAV server, behind a proxy that breaks on demand."""

from collections import Counter
from datetime import UTC, datetime
from itertools import count
from xml.etree import ElementTree as ET

import httpx
from icalendar import Calendar

from contracts.entered_events import calendar_file, event_at, event_of_days
from servers.fault_proxy import fault_proxy
from slotkeeper.calendars.providers.base import Account
from slotkeeper.calendars.providers.caldav import CalDavProvider
from slotkeeper.outbound.client import Client

_numbers = count(1)


class DavWorld:
    """The account of ada, and her hand in a calendar of her own."""

    can_tell_tentative = True
    username, password = "ada", "secret words"
    start = ""  # what its owner types after the host

    def __init__(self, stack, server, home):
        self.server = server.rstrip("/")
        self.path = f"{home}calendar-{next(_numbers)}/"
        self.proxy = stack.enter_context(fault_proxy(server))
        self.hand = stack.enter_context(httpx.Client(auth=(self.username, self.password), timeout=20))
        self.make_calendar()
        http = stack.enter_context(Client(["127.0.0.1"]))
        self.account = Account(http, self.proxy.url + self.start, self.username, self.password, lambda _secret: None)
        self.provider = CalDavProvider(self.account)
        self.calendar_id = self.proxy.url + self.path

    def make_calendar(self):
        self.ask("MKCALENDAR", self.path)

    def ask(self, method, path, content=None, **headers):
        answer = self.hand.request(method, self.server + path, content=content, headers=headers)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text[:500])
        return answer

    def put(self, uid, start, end, **fields):
        self.store(self.path + f"{uid}.ics", event_at(uid, start, end, **fields))

    def put_all_day(self, uid, first_day, days):
        self.store(self.path + f"{uid}.ics", event_of_days(uid, first_day, days))

    def store(self, path, event):
        self.ask("PUT", path, calendar_file(event), **{"Content-Type": "text/calendar"})

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
        """Count the events by title and start; one that is removed meanwhile is not there."""
        answers = [self.hand.get(self.server + path) for path in self.paths()]
        files = [Calendar.from_ical(answer.content) for answer in answers if answer.status_code == 200]
        return Counter((str(event["summary"]), event.start) for file in files for event in file.events)

    def broken(self, fault):
        return self.proxy.broken(fault)
