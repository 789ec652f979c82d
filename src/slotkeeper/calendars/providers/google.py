"""Google Calendar, over its API (https://developers.google.com/workspace/calendar/api/v3/reference)."""

import secrets
from collections.abc import Iterable
from urllib.parse import quote

import msgspec
from django.conf import settings

from slotkeeper.calendars.models import Kind
from slotkeeper.calendars.oauth import Access
from slotkeeper.calendars.oauth_apps import app_of, google_calendar_url
from slotkeeper.calendars.providers.base import (
    Account,
    Changes,
    ChangesRequest,
    CursorExpired,
    EventChanged,
    EventDetails,
    EventGone,
    EventPlace,
    RemoteCalendar,
    RemoteEvent,
    Watch,
    WrittenEvent,
)
from slotkeeper.calendars.providers.google_events import EVENT_FIELDS, Event, body_of, rfc3339, series, single
from slotkeeper.calendars.providers.json_api import Call, JsonApi, Manners, Rejected
from slotkeeper.rules.intervals import Interval

# https://developers.google.com/workspace/calendar/api/guides/errors
_MANNERS = Manners(
    "Google",
    pausing=frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"}),
    locking_out=frozenset({"insufficientPermissions", "authError"}),
)
_WRITER_ROLES = {"owner", "writer"}
_EVENTS_A_PAGE, _MOST_PAGES = 2500, 200
_MOST_SERIES = 25  # more that changed at once cost more than reading everything
# An instance that was moved into the past is asked for, too: else its series would still block its old time.
_MARGIN_SECONDS = 31 * 86_400
_MONTH_SECONDS = 30 * 86_400
_MISSING = {404, 410}


class _Calendar(msgspec.Struct, rename="camel"):
    id: str
    access_role: str
    summary: str = ""
    summary_override: str = ""
    primary: bool = False


class _Calendars(msgspec.Struct, rename="camel"):
    items: list[_Calendar] = []
    next_page_token: str = ""


class _Events(msgspec.Struct, rename="camel"):
    items: list[Event] = []
    next_page_token: str = ""
    next_sync_token: str = ""


class _Written(msgspec.Struct):
    id: str
    etag: str


class _Channel(msgspec.Struct, rename="camel"):
    id: str
    resource_id: str
    expiration: int


class GoogleCalendar:
    """An account at Google. Our events have our keys as ids, so that to write one twice is to write it once."""

    def __init__(self, api: JsonApi) -> None:
        self._api = api

    def list_calendars(self) -> list[RemoteCalendar]:
        """List the calendars in the person's list."""
        found: list[RemoteCalendar] = []
        query = {"maxResults": "250", "fields": "nextPageToken,items(id,summary,summaryOverride,accessRole,primary)"}
        for _ in range(_MOST_PAGES):
            page = self._api.ask(Call("GET", "/users/me/calendarList", query), _Calendars)
            for one in page.items:
                name = one.summary_override or one.summary or one.id
                found.append(RemoteCalendar(one.id, name, one.access_role in _WRITER_ROLES, one.primary))
            if not page.next_page_token:
                return found
            query["pageToken"] = page.next_page_token
        raise self._api.nonsense()

    def read_changes(self, calendar_id: str, request: ChangesRequest) -> Changes:
        """Read what changed, by sync token (https://developers.google.com/workspace/calendar/api/guides/sync).

        A changed instance arrives without its series: then the whole series is read again.
        """
        since = {"timeMin": rfc3339(request.window.start - _MARGIN_SECONDS)}
        try:
            listed, cursor = self._list(calendar_id, {"syncToken": request.cursor} if request.cursor else since)
        except Rejected as error:
            if request.cursor and error.status in {400, 410}:  # 400 is for one that Google never gave
                raise CursorExpired("Google has forgotten how far the calendar was read.") from None
            raise
        try:
            return _Reading(self, calendar_id, request).changes(listed, cursor)
        except (ValueError, OverflowError):
            raise self._api.nonsense() from None

    def create_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write an event under its key; one that is there, or was deleted there, is written over whole."""
        body = body_of(event)
        call = Call("POST", _events(place.calendar_id), _QUIETLY, {"id": place.key, **body})
        try:
            return self._write(call)
        except Rejected as error:
            if error.status != 409:
                raise
        return self._write(Call("PUT", _events(place.calendar_id, place.key), _QUIETLY, body))

    def update_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write a newer version; what its owner added, such as guests and colours, stays."""
        etag = place.etag
        if not etag:
            there = self._find(place)
            if there is None:  # to write would bring it back
                raise EventGone("The event is no longer in the calendar.")
            etag = there.etag
        call = Call("PATCH", _path(place), _QUIETLY, body_of(event), {"If-Match": etag})
        try:
            return self._write(call)
        except Rejected as error:
            if error.status == 412:
                raise EventChanged("The event was changed in the calendar.") from None
            if error.status in _MISSING:
                raise EventGone("The event is no longer in the calendar.") from None
            raise

    def delete_event(self, place: EventPlace) -> None:
        """Remove an event; one that is not there is fine."""
        try:
            self._api.send(Call("DELETE", _path(place)))
        except Rejected as error:
            if error.status not in _MISSING:
                raise

    def find_event(self, place: EventPlace) -> RemoteEvent | None:
        """Look up one event of ours."""
        event = self._find(place)
        if event is None:
            return None
        try:
            return single(event, ChangesRequest("", Interval(0, 0), place.zone))
        except (ValueError, OverflowError):
            raise self._api.nonsense() from None

    def watch(self, calendar_id: str, address: str, secret: str) -> Watch:
        """Ask to be told (https://developers.google.com/workspace/calendar/api/guides/push)."""
        wish = {
            "id": f"slotkeeper-{secrets.token_hex(16)}",
            "type": "web_hook",
            "address": address,
            "token": secret,
            "params": {"ttl": str(_MONTH_SECONDS)},
        }
        channel = self._api.send(Call("POST", f"{_events(calendar_id)}/watch", body=wish))
        answer = self._api.read(channel, _Channel, is_strict=False)  # numbers of 64 bits come as text
        return Watch(answer.id, answer.resource_id, answer.expiration // 1000)

    def unwatch(self, watch: Watch) -> None:
        """Ask to be told no more."""
        body = {"id": watch.channel_id, "resourceId": watch.resource_id}
        try:
            self._api.send(Call("POST", "/channels/stop", body=body))
        except Rejected as error:
            if error.status not in _MISSING:
                raise

    def whole_series(self, calendar_id: str, series_id: str) -> list[Event] | None:
        """Give a series and its changed instances; None where the calendar does not hold the series itself.

        Somebody may be invited to one instance of another person's series.
        """
        place = EventPlace(calendar_id, series_id)
        try:
            master = self._api.ask(Call("GET", _path(place), _ONE), Event)
        except Rejected as error:
            if error.status in _MISSING:
                return None
            raise
        if master.is_gone or not master.recurrence:
            return [master]
        same, _ = self._list(calendar_id, {"iCalUID": master.uid})
        return [master, *(one for one in same if one.recurring_event_id == series_id)]

    def _find(self, place: EventPlace) -> Event | None:
        try:
            event = self._api.ask(Call("GET", _path(place), _ONE), Event)
        except Rejected as error:
            if error.status in _MISSING:
                return None
            raise
        return None if event.is_gone else event

    def _write(self, call: Call) -> WrittenEvent:
        written = self._api.ask(call, _Written)
        return WrittenEvent(written.id, written.etag)

    def _list(self, calendar_id: str, query: dict[str, str]) -> tuple[list[Event], str]:
        """Read every page; of an event that is on two of them, because it changed meanwhile, the later counts."""
        fields = f"nextPageToken,nextSyncToken,items({EVENT_FIELDS})"
        asked = {"maxResults": str(_EVENTS_A_PAGE), "maxAttendees": "1", "fields": fields, **query}
        found: dict[str, Event] = {}
        for _ in range(_MOST_PAGES):
            page = self._api.ask(Call("GET", _events(calendar_id), asked), _Events)
            found.update((event.id, event) for event in page.items)
            if not page.next_page_token:
                return list(found.values()), page.next_sync_token
            asked["pageToken"] = page.next_page_token
        raise self._api.nonsense()


class _Reading:
    """Puts together what one reading of a calendar brought."""

    def __init__(self, calendar: GoogleCalendar, calendar_id: str, request: ChangesRequest) -> None:
        self._calendar, self._calendar_id, self._request = calendar, calendar_id, request
        self._events: list[RemoteEvent] = []
        self._removed: list[str] = []

    def changes(self, listed: list[Event], cursor: str) -> Changes:
        """Turn events into changes; a series comes whole."""
        instances: dict[str, list[Event]] = {}
        for event in listed:
            if event.recurring_event_id:
                instances.setdefault(event.recurring_event_id, []).append(event)
        masters = {event.id: event for event in listed if event.recurrence and not event.is_gone}
        self._take_singles(event for event in listed if not event.recurring_event_id and event.id not in masters)
        is_full = not self._request.cursor
        gone = {event.id for event in listed if event.is_gone}
        touched = sorted({*masters, *instances} - gone)
        if not is_full and len(touched) > _MOST_SERIES:
            raise CursorExpired("Many series changed at once.")
        for series_id in touched:
            mine = instances.get(series_id, [])
            if is_full and series_id in masters:
                self._events.append(series(masters[series_id], mine, self._request))
            else:
                self._take_series(series_id, mine)
        return Changes(tuple(self._events), () if is_full else tuple(self._removed), cursor, is_full)

    def _take_singles(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.is_gone:
                self._removed.append(event.id)
            else:
                self._events.append(single(event, self._request))

    def _take_series(self, series_id: str, instances: list[Event]) -> None:
        """Read a series again of which only a part is known."""
        whole = self._calendar.whole_series(self._calendar_id, series_id)
        if whole is None:
            self._take_singles(instances)
            return
        self._removed += [event.id for event in instances]  # they may have stood there without their series
        master, *changed = whole
        if master.is_gone or not master.recurrence:
            self._take_singles([master])
        else:
            self._events.append(series(master, changed, self._request))


def open_google(account: Account) -> GoogleCalendar:
    """Open an account at Google. Raises Unavailable where the settings no longer name us there, and AccessLost."""
    access = Access(app_of(Kind.GOOGLE), account)
    return GoogleCalendar(JsonApi(_MANNERS, google_calendar_url(settings.CONFIGURATION), account.http, access))


_QUIETLY = {"fields": "id,etag", "sendUpdates": "none"}
_ONE = {"maxAttendees": "1", "fields": EVENT_FIELDS}


def _events(calendar_id: str, event_id: str = "") -> str:
    path = f"/calendars/{quote(calendar_id, safe='')}/events"
    return f"{path}/{quote(event_id, safe='')}" if event_id else path


def _path(place: EventPlace) -> str:
    return _events(place.calendar_id, place.external_id or place.key)
