"""A fake Microsoft Graph, as the contract test sees it."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from contracts.accounts import account_of, settings_with
from servers.fake_http import running
from servers.fake_oauth import CLIENT_ID, CLIENT_SECRET, HOUR
from servers.graph_fake import GraphFake
from slotkeeper.calendars.providers.microsoft import open_microsoft


class GraphWorld:
    """One account with one calendar."""

    calendar_id = "calendar="
    can_tell_tentative = True

    def __init__(self, stack) -> None:
        self.server = stack.enter_context(running(GraphFake()))
        stack.enter_context(
            settings_with(
                microsoft_client_id=CLIENT_ID,
                microsoft_client_secret=CLIENT_SECRET,
                microsoft_url=f"{self.server.url}/login",
                microsoft_graph_url=self.server.base,
            )
        )
        self.account = account_of(stack, self.server.oauth, expires_in=HOUR)
        self.provider = open_microsoft(self.account.again())

    def put(self, uid, start, end, **fields):
        event = {"subject": uid, "isCancelled": "canceled" in fields}
        event["showAs"] = "free" if "transparent" in fields else "tentative" if "tentative" in fields else "busy"
        if "rrule" in fields:
            event |= {"#rrule": fields["rrule"], "#zone": fields.get("zone", "UTC")}
        self.server.store(self.calendar_id, id_of(uid), start, end, **event)

    def put_all_day(self, uid, first_day, days):
        first = datetime.fromisoformat(first_day).replace(tzinfo=UTC)
        start, end = (int(day.timestamp()) for day in (first, first + timedelta(days=days)))
        self.server.store(self.calendar_id, id_of(uid), start, end, subject=uid, isAllDay=True)

    def move(self, external_id, start, end):
        self.server.touch(self.server.events[external_id], **{"#start": start, "#end": end})

    def remove(self, external_id):
        self.server.remove(external_id)

    def titles(self):
        return sorted(one["subject"] for one in self.server.standing(self.calendar_id))

    def forget_cursors(self):
        self.server.forget_cursors()

    @contextmanager
    def broken(self, fault):
        self.server.fault = fault
        yield
        self.server.fault = ""


def id_of(uid):
    """Ids of Graph are base64, and end in what has to be quoted."""
    return f"AAMk{uid}/+=="
