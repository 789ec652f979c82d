"""A feed at a web address, behind a proxy that breaks on demand. Nobody writes into it but its maker."""

from contracts.entered_events import calendar_file, event_at, event_of_days
from servers.fault_proxy import fault_proxy
from servers.feed_server import feed_server
from slotkeeper.calendars.providers.base import Account
from slotkeeper.calendars.providers.ics_feed import BUSY_ID, CALENDAR_ID, IcsFeedProvider
from slotkeeper.outbound.client import Client


class FeedWorld:
    calendar_id = CALENDAR_ID
    can_tell_tentative = True
    lacks = frozenset({"writing", "single changes", "nonsense", "passwords"})

    def __init__(self, stack):
        self.server = stack.enter_context(feed_server())
        self.proxy = stack.enter_context(fault_proxy(self.server.url))
        http = stack.enter_context(Client(["127.0.0.1"]))
        self.provider = IcsFeedProvider(Account(http, f"{self.proxy.url}/feed.ics", "", "", lambda _secret: None))
        self.events = {}
        self.publish()

    def publish(self):
        self.server.body = calendar_file(*self.events.values())

    def put(self, uid, start, end, **fields):
        self.events[uid] = event_at(uid, start, end, **fields)
        self.publish()

    def put_all_day(self, uid, first_day, days):
        self.events[uid] = event_of_days(uid, first_day, days)
        self.publish()

    def remove(self, external_id):
        assert external_id == BUSY_ID  # of all that stands there
        self.events.clear()
        self.publish()

    def titles(self):
        return sorted(str(event["summary"]) for event in self.events.values())

    def forget_cursors(self):
        """There is nothing that a web server could forget."""

    def broken(self, fault):
        return self.proxy.broken(fault)
