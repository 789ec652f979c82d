"""A fake Google, as the contract test sees it."""

import re
from contextlib import contextmanager
from datetime import date, timedelta

from contracts.accounts import account_of, settings_with
from servers.fake_http import running
from servers.fake_oauth import CLIENT_ID, CLIENT_SECRET, HOUR
from servers.google_fake import GoogleFake, moment
from slotkeeper.calendars.providers.google import open_google


class GoogleWorld:
    """One account with one calendar."""

    calendar_id = "ann@example.com"
    can_tell_tentative = True

    def __init__(self, stack) -> None:
        self.server = stack.enter_context(running(GoogleFake()))
        stack.enter_context(
            settings_with(google_client_id=CLIENT_ID, google_client_secret=CLIENT_SECRET, google_url=self.server.url)
        )
        self.account = account_of(stack, self.server.oauth, expires_in=HOUR)
        self.provider = self.open_again()

    def open_again(self, **changes):
        """Open the account anew, as the next run does."""
        return open_google(self.account.again(**changes))

    def put(self, uid, start, end, **fields):
        zone = fields.get("zone", "UTC")
        event = {"summary": uid, "start": moment(start, zone), "end": moment(end, zone)}
        if "rrule" in fields:
            event["recurrence"] = [f"RRULE:{fields['rrule']}"]
        if "transparent" in fields:
            event["transparency"] = "transparent"
        event["status"] = "cancelled" if "canceled" in fields else "tentative" if "tentative" in fields else "confirmed"
        self.server.store(self.calendar_id, id_of(uid), **event)

    def put_all_day(self, uid, first_day, days):
        first = date.fromisoformat(first_day)
        times = {"start": {"date": f"{first}"}, "end": {"date": f"{first + timedelta(days=days)}"}}
        self.server.store(self.calendar_id, id_of(uid), summary=uid, **times)

    def move(self, external_id, start, end):
        self.server.change(self.calendar_id, external_id, start=moment(start), end=moment(end))

    def remove(self, external_id):
        self.server.remove(self.calendar_id, external_id)

    def titles(self):
        events = self.server.events[self.calendar_id].values()
        return sorted(one["summary"] for one in events if one["status"] != "cancelled")

    def forget_cursors(self):
        self.server.forget_cursors()

    @contextmanager
    def broken(self, fault):
        self.server.fault = fault
        yield
        self.server.fault = ""


def id_of(uid):
    """Google's ids are base32hex."""
    return "e" + re.sub("[^a-v0-9]", "0", uid.lower()) + "0000"
