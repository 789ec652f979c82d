"""Calendars at Microsoft (Outlook, Microsoft 365), over Graph (https://learn.microsoft.com/en-us/graph/api/resources/calendar)."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

import msgspec
from django.conf import settings

from slotkeeper.calendars.models import Kind
from slotkeeper.calendars.oauth import Access
from slotkeeper.calendars.oauth_apps import app_of
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
    Unavailable,
    Watch,
    WrittenEvent,
)
from slotkeeper.calendars.providers.json_api import Call, JsonApi, Manners, Rejected
from slotkeeper.calendars.providers.microsoft_events import (
    EVENT_FIELDS,
    KEY_PROPERTY,
    Event,
    body_of,
    remote,
    utc_text,
)
from slotkeeper.outbound.foreign_json import NO_JSON
from slotkeeper.rules.intervals import Interval

_MANNERS = Manners("Microsoft", pausing=frozenset({"TooManyRequests", "ApplicationThrottled", "ActivityLimitReached"}))
# Ids that stay when their owner moves an event: https://learn.microsoft.com/en-us/graph/outlook-immutable-id
_PREFER = 'IdType="ImmutableId", outlook.timezone="UTC"'
_EVENTS_A_PAGE, _MOST_PAGES = 250, 400
_MOST_SERIES = 25  # more that changed at once cost more than reading everything
_WATCH_FOR = timedelta(
    days=6
)  # at most 10,080 minutes: https://learn.microsoft.com/en-us/graph/api/resources/subscription
_MISSING = {404, 410}
_CURSOR_LOST = {400, 404, 410}

Shape = TypeVar("Shape")


class _Calendar(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    can_edit: bool | None = True
    is_default_calendar: bool | None = False


class _Page(msgspec.Struct):
    """A page of anything; only the last of a delta has a delta link."""

    value: list[msgspec.Raw]
    next_link: str = msgspec.field(default="", name="@odata.nextLink")
    delta_link: str = msgspec.field(default="", name="@odata.deltaLink")


class _Written(msgspec.Struct):
    id: str
    etag: str = msgspec.field(name="@odata.etag")


class _Subscription(msgspec.Struct, rename="camel"):
    id: str
    expiration_date_time: datetime


class MicrosoftCalendar:
    """An account at Microsoft. Our events carry our key as transaction id, and as a property to find them by."""

    def __init__(self, api: JsonApi) -> None:
        self._api = api

    def list_calendars(self) -> list[RemoteCalendar]:
        """List the person's calendars."""
        query = {"$top": "100", "$select": "id,name,canEdit,isDefaultCalendar"}
        found = self._all(Call("GET", "/me/calendars", query), _Calendar)
        return [
            RemoteCalendar(one.id, one.name or "", bool(one.can_edit), bool(one.is_default_calendar)) for one in found
        ]

    def read_changes(self, calendar_id: str, request: ChangesRequest) -> Changes:
        """Read what changed, by delta link (https://learn.microsoft.com/en-us/graph/delta-query-events).

        The link keeps the window that it was given for; each full reading gives a new one.
        """
        try:
            return self._changes(request) if request.cursor else self._everything(calendar_id, request)
        except (ValueError, OverflowError):
            raise self._api.nonsense() from None

    def create_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write an event under its key; one that is there from a try whose answer was lost is written over.

        A transaction id counts once, even when its event was deleted since: then the key gets an ending.
        """
        try:
            return self._create(place, event, place.key)
        except Rejected as error:
            if error.status != 409 and error.reason != "ErrorDuplicateTransactionId":
                raise
        there = self._find(place)
        if there is None:
            return self._create(place, event, f"{place.key}-{secrets.token_hex(8)}")
        return self._write(Call("PATCH", _event(there.id), body=body_of(event)))

    def update_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write a newer version; what its owner added, such as guests and categories, stays."""
        external_id, match = place.external_id, {"If-Match": place.etag}
        if not (external_id and place.etag):
            # An id that stays is good for what lies among the deleted items, too: the calendar knows what stands in it.
            there = self._find(place)
            if there is None:
                raise EventGone("The event is no longer in the calendar.")
            external_id, match = there.id, {}
        try:
            return self._write(Call("PATCH", _event(external_id), body=body_of(event), headers=match))
        except Rejected as error:
            if error.status == 412:
                raise EventChanged("The event was changed in the calendar.") from None
            if error.status in _MISSING:
                raise EventGone("The event is no longer in the calendar.") from None
            raise

    def delete_event(self, place: EventPlace) -> None:
        """Remove an event, found by its key where its id is not known; one that is not there is fine."""
        external_id = place.external_id
        if not external_id:
            there = self._find(place)
            external_id = there.id if there else ""
        if external_id:
            self._drop(_event(external_id))

    def find_event(self, place: EventPlace) -> RemoteEvent | None:
        """Look up one event of ours."""
        event = self._find(place)
        if event is None:
            return None
        try:
            return remote(event.id, [event], ChangesRequest("", Interval(0, 0), place.zone))
        except (ValueError, OverflowError):
            raise self._api.nonsense() from None

    def watch(self, calendar_id: str, address: str, secret: str) -> Watch:
        """Ask to be told (https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions).

        Microsoft asks at the address at once whether anybody is there.
        """
        wish = {
            "changeType": "created,updated,deleted",
            "notificationUrl": address,
            "resource": f"me/calendars/{calendar_id}/events",
            "expirationDateTime": f"{datetime.now(UTC) + _WATCH_FOR:%Y-%m-%dT%H:%M:%SZ}",
            "clientState": secret,
        }
        told = self._api.ask(self._polite(Call("POST", "/subscriptions", body=wish)), _Subscription)
        return Watch(told.id, calendar_id, int(told.expiration_date_time.timestamp()))

    def unwatch(self, watch: Watch) -> None:
        """Ask to be told no more."""
        self._drop(f"/subscriptions/{quote(watch.channel_id, safe='')}")

    def _everything(self, calendar_id: str, request: ChangesRequest) -> Changes:
        """Read all that is in the window.

        A delta tells of a series' instances little more than that they exist, and cannot be asked for single fields.
        So it is walked for its link alone, and what stands there is read from the view after it: what changes in
        between is told by the link.
        """
        view = f"/me/calendars/{quote(calendar_id, safe='')}/calendarView"
        cursor, _ = self._delta(Call("GET", f"{view}/delta", _span(request.window)))
        grouped: dict[str, list[Event]] = {}
        for event in self._all(Call("GET", view, _view(request.window)), Event):
            grouped.setdefault(event.series_id or event.id, []).append(event)
        events = tuple(remote(external_id, same, request) for external_id, same in grouped.items())
        return Changes(events, (), cursor, is_full=True)

    def _changes(self, request: ChangesRequest) -> Changes:
        """Read what changed. Of a series everything is read again: a deleted instance is not told of by itself."""
        if not request.cursor.startswith(f"{self._api.base_url}/"):
            raise CursorExpired("The calendar was read at another address before.")
        try:
            cursor, told = self._delta(self._linked(request.cursor))
        except Rejected as error:
            if error.status in _CURSOR_LOST:
                raise CursorExpired("Microsoft has forgotten how far the calendar was read.") from None
            raise
        removed = [event.id for event in told.values() if event.removed is not None]
        there = [event for event in told.values() if event.removed is None]
        events = [remote(event.id, [event], request) for event in there if not event.series_id]
        touched = sorted({event.series_id for event in there} - {"", *removed})
        if len(touched) > _MOST_SERIES:
            raise CursorExpired("Many series changed at once.")
        for series_id in touched:
            try:
                found = self._all(Call("GET", f"{_event(series_id)}/instances", _view(request.window)), Event)
                events.append(remote(series_id, list(found), request))
            except Rejected as error:
                if error.status not in _MISSING:
                    raise
                removed.append(series_id)
        return Changes(tuple(events), tuple(removed), cursor, is_full=False)

    def _delta(self, call: Call) -> tuple[str, dict[str, Event]]:
        """Walk a delta to its end; give the link to go on from, and what it told by id."""
        told: dict[str, Event] = {}
        link = ""
        for page in self._pages(call):
            link = page.delta_link
            told.update((event.id, event) for event in self._values(page, Event))
        if not link:
            raise self._api.nonsense()
        return link, told

    def _create(self, place: EventPlace, event: EventDetails, transaction: str) -> WrittenEvent:
        mark = [{"id": KEY_PROPERTY, "value": place.key}]
        body = {**body_of(event), "transactionId": transaction, "singleValueExtendedProperties": mark}
        return self._write(Call("POST", f"/me/calendars/{quote(place.calendar_id, safe='')}/events", body=body))

    def _find(self, place: EventPlace) -> Event | None:
        """Find an event of ours in its calendar. A copy that its owner made has our property, not our transaction."""
        wanted = f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY_PROPERTY}' and ep/value eq '{place.key}')"
        query = {"$filter": wanted, "$select": EVENT_FIELDS, "$top": "50"}
        path = f"/me/calendars/{quote(place.calendar_id, safe='')}/events"
        return next((one for one in self._all(Call("GET", path, query), Event) if one.key == place.key), None)

    def _write(self, call: Call) -> WrittenEvent:
        written = self._api.ask(self._polite(call), _Written)
        return WrittenEvent(written.id, written.etag)

    def _drop(self, path: str) -> None:
        try:
            self._api.send(self._polite(Call("DELETE", path)))
        except Rejected as error:
            if error.status not in _MISSING:
                raise

    def _all(self, call: Call, shape: type[Shape]) -> Iterator[Shape]:
        """Give what is on all pages."""
        for page in self._pages(call):
            yield from self._values(page, shape)

    def _values(self, page: _Page, shape: type[Shape]) -> Iterator[Shape]:
        try:
            yield from (msgspec.json.decode(one, type=shape) for one in page.value)
        except NO_JSON:
            raise self._api.nonsense() from None

    def _pages(self, call: Call) -> Iterator[_Page]:
        for _ in range(_MOST_PAGES):
            try:
                page = self._api.ask(self._polite(call), _Page)
            except Rejected as error:
                if error.status == 412:  # seen now and then without any condition; it passes
                    raise Unavailable(str(error)) from None
                raise
            yield page
            if not page.next_link:
                return
            call = self._linked(page.next_link)
        raise self._api.nonsense()

    def _linked(self, link: str) -> Call:
        """Follow a link of Graph's own; our token goes to nobody else."""
        if not link.startswith(f"{self._api.base_url}/"):
            raise self._api.nonsense()
        return Call("GET", link.removeprefix(self._api.base_url))

    def _polite(self, call: Call) -> Call:
        """Ask for ids that stay, times in UTC, and pages that come whole."""
        prefer = f"{_PREFER}, odata.maxpagesize={_EVENTS_A_PAGE}" if call.method == "GET" else _PREFER
        return replace(call, headers={**call.headers, "Prefer": prefer})


def open_microsoft(account: Account) -> MicrosoftCalendar:
    """Open an account at Microsoft. Raises Unavailable where the settings no longer name us there, and AccessLost."""
    access = Access(app_of(Kind.MICROSOFT), account)
    return MicrosoftCalendar(JsonApi(_MANNERS, settings.CONFIGURATION.microsoft_graph_url, account.http, access))


def _event(event_id: str) -> str:
    return f"/me/events/{quote(event_id, safe='')}"


def _span(window: Interval) -> dict[str, str]:
    return {"startDateTime": f"{utc_text(window.start)}Z", "endDateTime": f"{utc_text(window.end)}Z"}


def _view(window: Interval) -> dict[str, str]:
    return {**_span(window), "$select": EVENT_FIELDS, "$top": str(_EVENTS_A_PAGE)}
