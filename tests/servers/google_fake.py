"""Google Calendar and Google's sign-in, stateful, over real HTTP; held to Google's own description of its API.

Faults beside those of fake_http: `locked_out`, `quota` (403 rateLimitExceeded), `scope_lost`.
"""

import re
from copy import deepcopy
from datetime import UTC, datetime
from itertools import count

from dateutil.rrule import rrulestr

from servers.fake_http import FakeServer, Told
from servers.fake_oauth import FakeOAuth
from servers.google_schema import complaints_about_answer, complaints_about_request, method_of, selected

BASE = "/calendar/v3/"
NEVER_WITH_A_SYNC_TOKEN = {"iCalUID", "orderBy", "privateExtendedProperty", "q", "timeMin", "timeMax", "updatedMin"}
PAGE = 3  # whatever is asked for: Google may always give fewer


class No(Exception):
    """An error of the API (https://developers.google.com/workspace/calendar/api/guides/errors)."""

    def __init__(self, status, reason, message="No.", **headers):
        super().__init__(message)
        error = {"domain": "calendar", "reason": reason, "message": message}
        self.told = Told(status, {"error": {"errors": [error], "code": status, "message": message}}, headers)


class GoogleFake(FakeServer):
    def __init__(self):
        super().__init__()
        self.oauth = FakeOAuth()
        self.clock = count(1)
        self.oldest_token = 0
        self.calendars = {}
        self.events = {}
        self.channels = {}
        self.add_calendar("ann@example.com", primary=True)

    # The hand of the calendar's owner.

    def add_calendar(self, calendar_id, role="owner", **fields):
        self.calendars[calendar_id] = {
            "kind": "calendar#calendarListEntry",
            "id": calendar_id,
            "summary": calendar_id,
            "accessRole": role,
            **fields,
        }
        self.events[calendar_id] = {}

    def store(self, calendar_id, event_id, **fields):
        """Enter or replace an event."""
        now = next(self.clock)
        event = {"kind": "calendar#event", "id": event_id, "status": "confirmed", "eventType": "default", **fields}
        event.setdefault("iCalUID", f"{event_id.partition('_')[0]}@google.com")
        event["etag"], event["#changed"] = f'"{now}"', now
        self.events[calendar_id][event_id] = event
        return event

    def change(self, calendar_id, event_id, **fields):
        """Change some fields of an event, as its owner's program does."""
        kept = {name: one for name, one in self.events[calendar_id][event_id].items() if name != "id"}
        return self.store(calendar_id, event_id, **{**kept, **fields})

    def change_instance(self, calendar_id, series_id, original, **fields):
        """Change one instance of a series: only this one is told of, later on."""
        event_id = f"{series_id}_{datetime.fromtimestamp(original, UTC):%Y%m%dT%H%M%SZ}"
        series = self.events[calendar_id][series_id]
        length = seconds_of(series["end"]) - seconds_of(series["start"])
        usual = {"start": moment(original), "end": moment(original + length), "iCalUID": series["iCalUID"]}
        place = {"recurringEventId": series_id, "originalStartTime": moment(original)}
        return self.store(calendar_id, event_id, **{**usual, **place, **fields})

    def remove(self, calendar_id, event_id):
        events = self.events[calendar_id]
        for one in [one for one in events.values() if one.get("recurringEventId") == event_id]:
            self.change(calendar_id, one["id"], status="cancelled")
        self.change(calendar_id, event_id, status="cancelled")

    def forget_cursors(self):
        self.oldest_token = next(self.clock)

    # The server.

    def tell(self, asked):
        if asked.path == "/o/oauth2/v2/auth":
            return self.oauth.authorize(asked.query)
        if asked.path == "/token":
            self.oauth.is_revoked |= self.fault == "locked_out"
            return self.oauth.token(asked.form)
        method = method_of(asked.method, asked.path.removeprefix(BASE))
        if method is None:
            return Told(404, b"<title>Error 404 (Not Found)!!1</title>")
        try:
            self._let_in(asked)
            self.complaints += complaints_about_request(method, asked)
            body = self._answer(method["id"], asked)
        except No as no:
            return no.told
        body = hidden_parts_removed(body)
        self.complaints += complaints_about_answer(method, body)
        if "fields" in asked.query:
            body = selected(body, asked.query["fields"], method)
        return Told(200 if body is not None else 204, body)

    def _let_in(self, asked):
        token = (asked.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.fault == "locked_out" or token not in self.oauth.access_tokens:
            raise No(401, "authError", "Invalid Credentials")
        if self.fault == "quota":
            raise No(403, "rateLimitExceeded", "Rate Limit Exceeded", **{"Retry-After": "11"})
        if self.fault == "scope_lost":
            raise No(403, "insufficientPermissions", "Insufficient Permission")

    def _answer(self, name, asked):
        parts = asked.parts[2:]
        if name == "calendar.calendarList.list":
            return self._paged("calendar#calendarList", list(self.calendars.values()), asked.query)
        if name == "calendar.channels.stop":
            if self.channels.pop(asked.json["id"], None) is None:
                raise No(404, "notFound", "Channel not found")
            return None
        if parts[1] not in self.calendars:
            raise No(404, "notFound", "Not Found")
        if name == "calendar.events.watch":
            return self._watch(asked.json)
        handler = getattr(self, f"_{name.rpartition('.')[2]}")
        return handler(parts[1], self.events[parts[1]].get(parts[3]) if len(parts) > 3 else None, asked)

    def _list(self, calendar_id, _event, asked):
        query = asked.query
        since, upto = 0, max([one["#changed"] for one in self.events[calendar_id].values()] or [0])
        if "syncToken" in query:
            since = self._since(query)
        if "pageToken" in query:
            upto = int(query["pageToken"].split("-")[1])
        found = [one for one in self.events[calendar_id].values() if since < one["#changed"] <= upto]
        if not since and query.get("showDeleted") != "true":
            found = [one for one in found if one["status"] != "cancelled" or "recurringEventId" in one]
        if "timeMin" in query:
            found = [one for one in found if reaches(one, seconds(query["timeMin"]))]
        if "iCalUID" in query:
            found = [one for one in found if one["iCalUID"] == query["iCalUID"]]
        told = self._paged("calendar#events", [stub(one) for one in found], query, upto)
        if "nextPageToken" not in told:
            told["nextSyncToken"] = f"sync-{upto or next(self.clock)}"
        return told

    def _since(self, query):
        if not re.fullmatch(r"sync-\d+", query["syncToken"]):
            raise No(400, "invalid", "Invalid sync token value.")
        if query.keys() & NEVER_WITH_A_SYNC_TOKEN:
            raise No(400, "badRequest", "Sync token cannot be used with these parameters.")
        since = int(query["syncToken"].removeprefix("sync-"))
        if since < self.oldest_token:
            raise No(410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.")
        return since

    def _paged(self, kind, items, query, upto=0):
        first = int(query.get("pageToken", "0").split("-")[0])
        size = min(PAGE, int(query.get("maxResults", "250")))
        told = {"kind": kind, "items": items[first : first + size]}
        if first + size < len(items):
            told["nextPageToken"] = f"{first + size}-{upto}"
        return told

    def _get(self, _calendar_id, event, _asked):
        return there(event)

    def _insert(self, calendar_id, _event, asked):
        body = asked.json
        if not re.fullmatch("[a-v0-9]{5,1024}", body["id"]):
            raise No(400, "invalid", "Invalid resource id value.")
        if body["id"] in self.events[calendar_id]:
            raise No(409, "duplicate", "The requested identifier already exists.")
        return self.store(calendar_id, body.pop("id"), **tidy(body))

    def _update(self, calendar_id, event, asked):
        return self._replace(calendar_id, event, asked, {})

    def _patch(self, calendar_id, event, asked):
        return self._replace(calendar_id, event, asked, there(event))

    def _replace(self, calendar_id, event, asked, base):
        self._match(there(event), asked)
        kept = {name: one for name, one in base.items() if name != "id"}
        return self.store(calendar_id, event["id"], **tidy(merged(kept, asked.json)))

    def _delete(self, calendar_id, event, asked):
        self._match(there(event), asked)
        if event["status"] == "cancelled":
            raise No(410, "deleted", "Resource has been deleted")
        self.remove(calendar_id, event["id"])

    def _match(self, event, asked):
        if asked.headers.get("If-Match") not in {None, event["etag"]}:
            raise No(412, "conditionNotMet", "Precondition Failed")

    def _watch(self, wish):
        if not wish["address"].startswith("https://"):
            raise No(400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS")
        if wish["id"] in self.channels:
            raise No(400, "channelIdNotUnique", "Channel id not unique")
        self.channels[wish["id"]] = wish
        expires = int(datetime.now(UTC).timestamp()) + int(wish["params"]["ttl"])
        return {"kind": "api#channel", "id": wish["id"], "resourceId": "resource-1", "expiration": f"{expires}000"}


def moment(instant, zone="UTC"):
    return {"dateTime": f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}", "timeZone": zone}


def seconds(text):
    return datetime.fromisoformat(text).timestamp()


def seconds_of(when):
    return seconds(when.get("dateTime") or f"{when['date']}T00:00:00Z")


def there(event):
    if event is None:
        raise No(404, "notFound", "Not Found")
    return event


def stub(event):
    """Of what was deleted no more is guaranteed than this."""
    if event["status"] != "cancelled":
        return event
    kept = {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    return {name: one for name, one in event.items() if name in kept}


def reaches(event, instant):
    """Whether an event, or an instance of a series, ends after an instant."""
    if event["status"] == "cancelled":
        return seconds_of(event["originalStartTime"]) > instant
    rules = [line.removeprefix("RRULE:") for line in event.get("recurrence", []) if line.startswith("RRULE:")]
    if not rules:
        return seconds_of(event["end"]) > instant
    start = datetime.fromtimestamp(seconds_of(event["start"]), UTC)
    rule = rrulestr(rules[0], dtstart=start)
    return rule.after(datetime.fromtimestamp(instant, UTC)) is not None


def merged(base, patch):
    """Merge as JSON merge patch does (RFC 7396)."""
    result = deepcopy(base)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(result.get(name, {}), value)
        else:
            result[name] = value
    return result


def tidy(fields):
    """Drop nulls, and what is the server's own."""
    return merged({}, {name: one for name, one in fields.items() if name not in {"kind", "etag", "#changed"}})


def hidden_parts_removed(body):
    if isinstance(body, dict):
        return {name: hidden_parts_removed(one) for name, one in body.items() if not name.startswith("#")}
    return [hidden_parts_removed(one) for one in body] if isinstance(body, list) else body
