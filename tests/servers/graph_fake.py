"""Calendars of Microsoft Graph and Microsoft's sign-in, stateful, over real HTTP; held to the published schema.

What the reference leaves open is as people have found it: a delta tells little of a series' instances and nothing of
deleted ones, sends a changed series with all of them, and a series' master only where it begins within the window; an
id that stays is good for what lies among the deleted items.

Faults beside those of fake_http: `locked_out`, `conflict` (a passing 412). Left out: that Microsoft asks
at a subscription's address whether anybody is there.
"""

import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import unquote, urlencode
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from servers.fake_http import FakeServer, Told
from servers.fake_oauth import FakeOAuth
from servers.graph_schema import complaints_about

PAGE = 3  # whatever is asked for: Graph may always give fewer
LONGEST_SUBSCRIPTION = timedelta(minutes=10_080)
KEY_FILTER = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ep/id eq '(String \{[0-9a-f-]{36}\} Name \w+)' and ep/value eq '(\w+)'\)"
)
ROUTES = [
    ("GET", r"/me/calendars", "calendars"),
    ("GET", r"/me/calendars/([^/]+)/calendarView/delta", "delta"),
    ("GET", r"/me/calendars/([^/]+)/calendarView", "view"),
    ("GET", r"/me/calendars/([^/]+)/events", "search"),
    ("POST", r"/me/calendars/([^/]+)/events", "create"),
    ("GET", r"/me/events/([^/]+)/instances", "instances"),
    ("PATCH", r"/me/events/([^/]+)", "change"),
    ("DELETE", r"/me/events/([^/]+)", "delete"),
    ("POST", r"/subscriptions", "subscribe"),
    ("DELETE", r"/subscriptions/([^/]+)", "unsubscribe"),
]
ANSWERS = {
    "delta": "delta",
    "calendars": "calendars",
    "create": "event",
    "change": "event",
    "subscribe": "subscription",
}
BODIES = {"create": "new event", "change": "changed event", "subscribe": "new subscription"}


class No(Exception):
    """An error of Graph (https://learn.microsoft.com/en-us/graph/errors)."""

    def __init__(self, status, code, message="No."):
        super().__init__(message)
        self.told = Told(status, {"error": {"code": code, "message": message, "innerError": {"request-id": "1"}}})


class GraphFake(FakeServer):
    def __init__(self):
        super().__init__()
        self.base = f"{self.url}/v1.0"
        self.oauth = FakeOAuth()
        self.clock = count(1)
        self.oldest = 0
        self.calendars = {}
        self.events = {}  # by id; `#calendar` says where, `#trash` that it is among the deleted items
        self.transactions = set()
        self.subscriptions = {}
        self.add_calendar("calendar=", isDefaultCalendar=True)

    # The hand of the calendar's owner.

    def add_calendar(self, calendar_id, **fields):
        plain = {"id": calendar_id, "name": calendar_id, "canEdit": True, "isDefaultCalendar": False}
        self.calendars[calendar_id] = {**plain, **fields}

    def store(self, calendar_id, event_id, start, end, **fields):
        """Enter or replace an event; `#rrule` and `#zone` make it a series."""
        event = {
            "id": event_id,
            "#calendar": calendar_id,
            "#start": start,
            "#end": end,
            "#changes": {},
            "type": "seriesMaster" if "#rrule" in fields else "singleInstance",
            "seriesMasterId": None,
            "isAllDay": False,
            "isCancelled": False,
            "showAs": "busy",
            "transactionId": None,
            "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
            **fields,
        }
        return self.touch(self.events.setdefault(event_id, {}), **event)

    def touch(self, event, **fields):
        """Change fields of an event, as its owner's program does."""
        now = next(self.clock)
        event.update(fields)
        event.update({"@odata.etag": f'W/"{now}"', "changeKey": f"{now}", "#changed": now})
        return event

    def change_instance(self, series_id, original, **fields):
        """Change one instance of a series, or delete it with `deleted=True`."""
        self.events[series_id]["#changes"][original] = fields
        self.touch(self.events[series_id])

    def remove(self, event_id):
        self.touch(self.events[event_id], **{"#trash": True})

    def forget_cursors(self):
        self.oldest = next(self.clock)

    def standing(self, calendar_id=None):
        """List what is in a calendar."""
        there = [one for one in self.events.values() if not one.get("#trash")]
        return [one for one in there if calendar_id in {None, one["#calendar"]}]

    # The server.

    def tell(self, asked):
        if asked.path.endswith("/oauth2/v2.0/authorize"):
            return self.oauth.authorize(asked.query)
        if asked.path.endswith("/oauth2/v2.0/token"):
            self.oauth.is_revoked |= self.fault == "locked_out"
            return self.oauth.token(asked.form)
        path = asked.path.removeprefix("/v1.0")
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == asked.method:
                return self._tell(name, map(unquote, found.groups()), asked)
        return No(400, "BadRequest", "Resource not found for the segment.").told

    def _tell(self, name, arguments, asked):
        try:
            self._let_in(asked)
            if name in BODIES:
                self.complaints += complaints_about(BODIES[name], asked.json)
            body = getattr(self, f"_{name}")(*arguments, asked)
        except No as no:
            return no.told
        if body is not None:
            body = shown(body)
            self.complaints += complaints_about(ANSWERS.get(name, "events"), body)
        return Told(204 if body is None else 201 if asked.method == "POST" else 200, body)

    def _let_in(self, asked):
        token = (asked.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.fault == "locked_out" or token not in self.oauth.access_tokens:
            raise No(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        if self.fault == "conflict":
            raise No(412, "ErrorIrresolvableConflict", "The change key does not match.")
        prefer = asked.headers.get("Prefer") or ""
        self.complaints += [
            f"Prefer lacks {one}" for one in ('IdType="ImmutableId"', 'outlook.timezone="UTC"') if one not in prefer
        ]

    def _calendars(self, asked):
        return self._paged(list(self.calendars.values()), asked)

    def _delta(self, calendar_id, asked):
        self._calendar(calendar_id)
        query = dict(asked.query)
        for name in query:
            if name not in {"startDateTime", "endDateTime", "$deltatoken", "$skiptoken"}:
                raise No(400, "ErrorInvalidRequest", f"{name} is not supported with change tracking.")
        state = query.get("$deltatoken") or query.get("$skiptoken")
        if state is None:
            begin, end = (int(instant(query[name])) for name in ("startDateTime", "endDateTime"))
            since, upto, first = 0, next(self.clock), 0
        else:
            since, upto, first, begin, end = numbers(state)
            if "$deltatoken" in query:
                upto = next(self.clock)
            if since < self.oldest and since:
                raise No(410, "syncStateNotFound", "The sync state generation is not found.")
        items = self._told(calendar_id, range(since, upto), (begin, end))
        address = f"{self.base}{asked.path.removeprefix('/v1.0')}"
        body = {"value": items[first : first + PAGE]}
        if first + PAGE < len(items):
            body["@odata.nextLink"] = f"{address}?$skiptoken={since}-{upto}-{first + PAGE}-{begin}-{end}"
        else:
            body["@odata.deltaLink"] = f"{address}?$deltatoken={upto}-{upto}-0-{begin}-{end}"
        return body

    def _told(self, calendar_id, changes, window):
        """List what a delta tells of what changed."""
        items = []
        for event in self.events.values():
            if event["#calendar"] != calendar_id or event["#changed"] not in changes:
                continue
            instances = [] if event.get("#trash") else instances_of(event, window)
            if not instances and changes.start:
                items.append(
                    {"id": event["id"], "@removed": {"reason": "deleted" if event.get("#trash") else "changed"}}
                )
            elif event["type"] == "singleInstance":
                items += instances
            else:
                items += [event] if changes.start or event["#start"] >= window[0] else []
                items += [one if one["type"] == "exception" else bare(one) for one in instances]
        return items

    def _view(self, calendar_id, asked):
        self._calendar(calendar_id)
        window = instant(asked.query["startDateTime"]), instant(asked.query["endDateTime"])
        return self._paged([one for event in self.standing(calendar_id) for one in instances_of(event, window)], asked)

    def _instances(self, series_id, asked):
        event = self._event(series_id)
        if event.get("#trash"):
            raise No(404, "ErrorItemNotFound")
        window = instant(asked.query["startDateTime"]), instant(asked.query["endDateTime"])
        return self._paged(instances_of(event, window), asked)

    def _search(self, calendar_id, asked):
        self._calendar(calendar_id)
        wanted = KEY_FILTER.fullmatch(asked.query["$filter"])
        if wanted is None:
            raise No(400, "ErrorInvalidUrlQueryFilter")
        mark = {"id": wanted[1], "value": wanted[2]}
        marked = [one for one in self.standing(calendar_id) if mark in one.get("singleValueExtendedProperties", [])]
        return self._paged(marked, asked)

    def _create(self, calendar_id, asked):
        self._calendar(calendar_id)
        body = asked.json
        transaction = body.get("transactionId")
        if transaction in self.transactions:
            raise No(409, "ErrorDuplicateTransactionId", "The TransactionId was used for a different event.")
        if transaction:
            self.transactions.add(transaction)
        start, end = (utc(body.pop(name)) for name in ("start", "end"))
        return self.store(calendar_id, f"AAkALgAAAA{next(self.clock)}=", start, end, **body)

    def _change(self, event_id, asked):
        event, body = self._event(event_id), asked.json
        if asked.headers.get("If-Match") not in {None, event["@odata.etag"]}:
            raise No(412, "ErrorIrresolvableConflict", "The change key does not match the current one.")
        if body.get("transactionId", event["transactionId"]) != event["transactionId"]:
            raise No(400, "ErrorInvalidRequest", "transactionId cannot be changed.")
        for name in ("start", "end"):
            if name in body:
                body[f"#{name}"] = utc(body.pop(name))
        return self.touch(event, **body)

    def _delete(self, event_id, _asked):
        if self._event(event_id).get("#trash"):
            del self.events[event_id]
        else:
            self.remove(event_id)

    def _subscribe(self, asked):
        wish = asked.json
        if not wish["notificationUrl"].startswith("https://"):
            raise No(400, "InvalidRequest", "The notification address must be https.")
        if datetime.fromisoformat(wish["expirationDateTime"]) > datetime.now(UTC) + LONGEST_SUBSCRIPTION:
            raise No(400, "InvalidRequest", "Subscription expiration can only be 10080 minutes in the future.")
        name = f"subscription-{next(self.clock)}"
        self.subscriptions[name] = wish
        return {**wish, "id": name}

    def _unsubscribe(self, name, _asked):
        if self.subscriptions.pop(name, None) is None:
            raise No(404, "ResourceNotFound")

    def _calendar(self, calendar_id):
        if calendar_id not in self.calendars:
            raise No(404, "ErrorItemNotFound", "The specified object was not found in the store.")

    def _event(self, event_id):
        if event_id not in self.events:
            raise No(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return self.events[event_id]

    def _paged(self, items, asked):
        first = int(asked.query.get("$skip", "0"))
        body = {"value": [selected(one, asked.query.get("$select")) for one in items[first : first + PAGE]]}
        if first + PAGE < len(items):
            query = urlencode({**asked.query, "$skip": first + PAGE})
            body["@odata.nextLink"] = f"{self.base}{asked.path.removeprefix('/v1.0')}?{query}"
        return body


def instances_of(event, window):
    """List an event, or the instances of a series, within a window."""
    length = event["#end"] - event["#start"]
    instances = []
    for start in [event["#start"]] if "#rrule" not in event else starts_of(event):
        change = event["#changes"].get(start, {})
        if change.get("deleted"):
            continue
        one = deepcopy(event)
        one["#start"], one["#end"] = change.get("start", start), change.get("end", start + length)
        if "#rrule" in event:
            one.update({name: value for name, value in change.items() if name not in {"start", "end"}})
            one.update(
                id=f"{event['id']}.{start}", seriesMasterId=event["id"], type="exception" if change else "occurrence"
            )
        if one["#start"] < window[1] and one["#end"] > window[0]:
            instances.append(one)
    return instances


def starts_of(event):
    first = datetime.fromtimestamp(event["#start"], ZoneInfo(event["#zone"]))
    walls = rrulestr(event["#rrule"], dtstart=first.replace(tzinfo=None))
    return [int(wall.replace(tzinfo=ZoneInfo(event["#zone"])).timestamp()) for wall in walls]


def bare(event):
    kept = {"id", "type", "seriesMasterId", "@odata.etag", "#start", "#end"}
    return {name: one for name, one in event.items() if name in kept}


def selected(item, select):
    if select is None:
        return item
    wanted = {*select.split(","), "id", "@odata.etag"}
    wanted |= {f"#{name}" for name in wanted}
    return {name: one for name, one in item.items() if name in wanted}


def shown(value):
    """Give what leaves the server: times as UTC's clock shows them, and no part that must be asked for."""
    if isinstance(value, list):
        return [shown(one) for one in value]
    if not isinstance(value, dict):
        return value
    told = {name: shown(one) for name, one in value.items() if not name.startswith(("#", "singleValue"))}
    for name in ("start", "end"):
        if f"#{name}" in value:
            told[name] = {"dateTime": f"{reading(value[f'#{name}'])}.0000000", "timeZone": "UTC"}
    return told


def reading(seconds):
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def utc(when):
    assert when["timeZone"] == "UTC"
    return int(datetime.fromisoformat(when["dateTime"]).replace(tzinfo=UTC).timestamp())


def instant(text):
    return datetime.fromisoformat(text).timestamp()


def numbers(text):
    if not re.fullmatch(r"\d+(-\d+){4}", text):
        raise No(400, "ErrorInvalidSyncStateData", "Badly formed token.")
    return map(int, text.split("-"))
