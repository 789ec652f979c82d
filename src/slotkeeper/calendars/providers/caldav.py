"""CalDAV: iCloud, Fastmail, Nextcloud, Radicale and whatever else keeps RFC 4791.

A calendar is named by its URL, an entry by its path on that server.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from slotkeeper.calendars.ics_busy import busy_request
from slotkeeper.calendars.providers import caldav_reading, dav_xml
from slotkeeper.calendars.providers.addresses import joined
from slotkeeper.calendars.providers.base import (
    Account,
    Changes,
    ChangesRequest,
    EventChanged,
    EventDetails,
    EventGone,
    EventPlace,
    Refused,
    RemoteCalendar,
    RemoteEvent,
    Unavailable,
    WrittenEvent,
)
from slotkeeper.calendars.providers.dav_session import DavSession, Forbidden, LedElsewhere, WebPage, may_know_password
from slotkeeper.calendars.providers.dav_xml import Resource
from slotkeeper.calendars.providers.ics_events import read_event, written
from slotkeeper.outbound.client import Answer
from slotkeeper.rules.intervals import Interval

_CALENDAR_FILE = {"Content-Type": "text/calendar; charset=utf-8"}
_WRITE_PRIVILEGES = {f"{dav_xml.DAV}{name}" for name in ("all", "write", "write-content", "bind")}
_LISTED = (
    dav_xml.RESOURCE_TYPE,
    dav_xml.DISPLAY_NAME,
    dav_xml.COMPONENTS,
    dav_xml.PRIVILEGES,
)
_MOST_TRIES = 3  # to write over an entry that others write at the same time
_LOOK_AHEAD_SECONDS = 2 * 366 * 86_400


class CalDavProvider:
    """An account at a CalDAV server."""

    def __init__(self, account: Account) -> None:
        self._session = DavSession(account)

    def list_calendars(self) -> list[RemoteCalendar]:
        """Find the account's calendars from what its owner typed: a host, or any address of the server."""
        start = self._start()
        principal = self._session.find(_joined(start, dav_xml.PRINCIPAL), dav_xml.HOME_SET)
        homes = principal.hrefs(dav_xml.HOME_SET) if principal else []
        if not homes and f"{dav_xml.CALDAV}calendar" in start[1].names(dav_xml.RESOURCE_TYPE):
            homes = [""]  # somebody typed the address of a calendar, and the server tells nothing else
        calendars: dict[str, RemoteCalendar] = {}
        for home in homes:
            base = joined(_joined(start, dav_xml.PRINCIPAL), home) if home else start[0]
            for found in self._session.list(base, *_LISTED):
                url = dav_xml.absolute(found.path, base)
                if _holds_events(found) and may_know_password(url, self._session.url):
                    calendars[url] = _calendar(url, found)
        if not homes:
            raise Refused("At this address there is a server, but it knows no calendars of yours.")
        return list(calendars.values())

    def read_changes(self, calendar_id: str, request: ChangesRequest) -> Changes:
        """Read what changed. Raises CursorExpired."""
        return caldav_reading.read_changes(self._session, calendar_id, request)

    def create_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write an event; one that an earlier try left behind is written over."""
        url = _entry_url(place)
        body = written(event, datetime.now(UTC))
        answer = self._put(url, body, {"If-None-Match": "*"})
        if answer.status in {403, 409} and (other := dav_xml.conflicting_path(answer.body, answer.url)):
            url = dav_xml.absolute(other, url)  # it is there under another name
            answer = self._put(url, body, {})
        elif answer.status == 412:
            answer = self._put(url, body, {})
        return self._written(url, answer)

    def update_event(self, place: EventPlace, event: EventDetails) -> WrittenEvent:
        """Write a newer version over the one with the place's etag. Raises EventChanged and EventGone."""
        url = _entry_url(place)
        body = written(event, datetime.now(UTC))
        for _ in range(_MOST_TRIES):
            # Without If-Match a deleted event would come back, so what is there is asked for first.
            etag = _strong(place.etag or self._etag(url))
            answer = self._put(url, body, {"If-Match": etag} if etag else {})
            if answer.status != 412:
                return self._written(url, answer)
            if place.etag:
                self._etag(url)
                raise EventChanged("The event was changed in the calendar.")
        return self._written(url, self._put(url, body, {}))  # it is there, and its etag is never right

    def delete_event(self, place: EventPlace) -> None:
        """Remove an event; one that is not there is fine."""
        answer = self._session.send("DELETE", _entry_url(place))
        if answer.status >= 400 and answer.status not in {404, 410}:
            raise Refused(f"The calendar server refuses to remove the event ({answer.status}).")

    def find_event(self, place: EventPlace) -> RemoteEvent | None:
        """Look up one event of ours."""
        url = _entry_url(place)
        etag, data = caldav_reading.read_entry(self._session, url)
        if data is None:
            return None
        until = int(datetime.now(UTC).timestamp()) + _LOOK_AHEAD_SECONDS
        request = busy_request(place.zone, frozenset(), Interval(0, until))
        return read_event(dav_xml.path_of("", url), etag, data, request)

    def _start(self) -> tuple[str, Resource]:
        """Find a place that knows who is asking (RFC 5397), as RFC 6764 section 6 looks for it."""
        problem: Exception = Refused("There is no CalDAV server at this address, or it hides where the calendars are.")
        for url in dict.fromkeys(self._starting_points()):
            try:
                place, found = self._followed(url)
            except (Refused, Forbidden, WebPage) as error:
                problem = error
                continue
            if found and (found.href(dav_xml.PRINCIPAL) or f"{dav_xml.CALDAV}calendar" in _types(found)):
                return place, found
        raise problem

    def _followed(self, url: str) -> tuple[str, Resource | None]:
        """Ask who is asking; where the answer is another server that may know the password, ask there."""
        try:
            return url, self._session.find(url, dav_xml.PRINCIPAL, dav_xml.RESOURCE_TYPE)
        except LedElsewhere as led:
            if not may_know_password(led.url, self._session.url):
                raise Refused(str(led)) from None
            return led.url, self._session.find(led.url, dav_xml.PRINCIPAL, dav_xml.RESOURCE_TYPE)

    def _starting_points(self) -> Iterator[str]:
        typed = self._session.url
        if joined(typed, "/") != typed and joined(typed, "/") != f"{typed}/":
            yield typed
        yield joined(typed, "/.well-known/caldav")
        yield joined(typed, "/")

    def _put(self, url: str, body: bytes, condition: dict[str, str]) -> Answer:
        return self._session.send("PUT", url, body, _CALENDAR_FILE | condition)

    def _etag(self, url: str) -> str:
        """Ask for the etag of an entry. Raises EventGone."""
        found = self._session.find(url, dav_xml.ETAG)
        if found is None or found.status in {404, 410}:
            raise EventGone("The event is no longer in the calendar.")
        return found.text(dav_xml.ETAG)

    def _written(self, url: str, answer: Answer) -> WrittenEvent:
        if answer.status == 412:
            raise Unavailable("Somebody else writes to the same event all the time.")
        if answer.status in {404, 410}:
            raise Refused("The calendar is no longer there.")
        if answer.status >= 400:
            raise Refused(f"The calendar server refuses the event ({answer.status}).")
        # A server that changes what it stores gives no etag (RFC 4791 section 5.3.4), and DAViCal never does.
        etag = answer.headers.get("etag", "") or self._etag(url)
        return WrittenEvent(dav_xml.path_of("", url), etag)


def _strong(etag: str) -> str:
    """Give an etag as the calendar server knows it: a proxy that compresses answers weakens or marks it."""
    return etag.removeprefix("W/").replace('-gzip"', '"')


def _entry_url(place: EventPlace) -> str:
    return joined(place.calendar_id, place.external_id or f"{place.calendar_id.rstrip('/')}/{place.key}.ics")


def _joined(start: tuple[str, Resource], name: str) -> str:
    return joined(start[0], start[1].href(name))


def _types(found: Resource) -> set[str]:
    return found.names(dav_xml.RESOURCE_TYPE)


def _holds_events(found: Resource) -> bool:
    """Say whether this is a calendar that may hold events; one that does not say what it holds, may."""
    components = found.properties.get(dav_xml.COMPONENTS)
    kinds = {part.get("name", "").upper() for part in components} if components is not None else set()
    return f"{dav_xml.CALDAV}calendar" in _types(found) and (not kinds or "VEVENT" in kinds)


def _calendar(url: str, found: Resource) -> RemoteCalendar:
    privileges = found.names(dav_xml.PRIVILEGES)
    name = found.text(dav_xml.DISPLAY_NAME) or found.path.rstrip("/").rpartition("/")[2]
    is_writable = dav_xml.PRIVILEGES not in found.properties or not privileges.isdisjoint(_WRITE_PRIVILEGES)
    return RemoteCalendar(url, name[:255], is_writable)
