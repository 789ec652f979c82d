"""A calendar that can only be read: an iCalendar file at a web address, such as a school's or a team's."""

import codecs
import hashlib
import re
from urllib.parse import urlsplit

import msgspec

from slotkeeper.calendars.feed_parser import Task, read_feed
from slotkeeper.calendars.ics_values import UnreadableCalendar
from slotkeeper.calendars.providers.answers import check, is_page
from slotkeeper.calendars.providers.base import (
    Account,
    Changes,
    ChangesRequest,
    CursorExpired,
    EventDetails,
    EventPlace,
    Refused,
    RemoteCalendar,
    RemoteEvent,
    Unavailable,
    WrittenEvent,
)
from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Limits, Request, TooLarge, TooSlow, Unreachable

CALENDAR_ID = "feed"
BUSY_ID = "busy"  # of all its events together that are not ours
_LIMITS = Limits(seconds=30.0, bytes=10_000_000)
_BEGIN = re.compile(r"(?:^|[\r\n])BEGIN:[ \t]*VCALENDAR", re.IGNORECASE)
_NAME = re.compile(r"^(?:X-WR-CALNAME|NAME)(?:;[^:\r\n]*)?:([^\r\n]+)", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
# Google writes the time of asking into every event: it would make each answer a new one.
_STAMP = re.compile(rb"\nDTSTAMP[;:][^\n]*")
_READ_ONLY = "A calendar that is read from a web address cannot be written to."


class Cursor(msgspec.Struct):
    """What the last answer was: its validators (RFC 9110 section 8.8), and hashes for servers that give none."""

    etag: str
    modified: str
    content: str
    body: str = ""  # as it came: to take the stamps out first costs three times as much


class IcsFeedProvider:
    """Reads one feed."""

    def __init__(self, account: Account) -> None:
        self._http = account.http
        self._url = _web_address(account.url)

    def list_calendars(self) -> list[RemoteCalendar]:
        """Give the one calendar there is, by the name it gives itself."""
        text = _text(self._fetched(None).body)
        if not _BEGIN.search(text):
            raise Refused("At this address there is something else, not a calendar.")
        name = _name(text) or urlsplit(self._url).hostname or "feed"
        return [RemoteCalendar(CALENDAR_ID, name, is_writable=False)]

    def read_changes(self, _calendar_id: str, request: ChangesRequest) -> Changes:
        """Read everything, if anything changed."""
        former = _read_cursor(request.cursor) if request.cursor else None
        unchanged = Changes((), (), request.cursor, is_full=False)
        answer = self._fetched(former)
        if former and answer.status == 304:
            return unchanged
        body = hashlib.sha256(answer.body).hexdigest()
        if former and body == former.body:
            return unchanged
        content = hashlib.sha256(_STAMP.sub(b"", answer.body)).hexdigest()
        if former and content == former.content:
            return unchanged
        try:
            read = read_feed(answer.body, Task(request.zone, request.owner_emails, request.window))
        except UnreadableCalendar as error:
            raise Refused(str(error)) from None
        events = [RemoteEvent(one.uid, one.busy, one.key, one.own_time) for one in read.ours]
        if read.busy:
            events.append(RemoteEvent(BUSY_ID, tuple(read.busy)))
        cursor = Cursor(answer.headers.get("etag", ""), answer.headers.get("last-modified", ""), content, body)
        return Changes(tuple(events), (), msgspec.json.encode(cursor).decode(), is_full=True)

    def create_event(self, _place: EventPlace, _event: EventDetails) -> WrittenEvent:
        """Refuse."""
        raise Refused(_READ_ONLY)

    def update_event(self, _place: EventPlace, _event: EventDetails) -> WrittenEvent:
        """Refuse."""
        raise Refused(_READ_ONLY)

    def delete_event(self, _place: EventPlace) -> None:
        """Refuse."""
        raise Refused(_READ_ONLY)

    def find_event(self, _place: EventPlace) -> RemoteEvent | None:
        """Refuse: no event of ours is here."""
        raise Refused(_READ_ONLY)

    def _fetched(self, former: Cursor | None) -> Answer:
        headers = {"Accept": "text/calendar, */*;q=0.5"}
        if former and former.etag:
            headers["If-None-Match"] = former.etag
        elif former and former.modified:
            headers["If-Modified-Since"] = former.modified
        try:
            answer = self._http.send(Request("GET", self._url, headers, limits=_LIMITS))
        except (AddressRefused, TooLarge, TooSlow) as error:
            raise Refused(str(error)) from None
        except Unreachable as error:
            raise Unavailable(str(error)) from None
        if answer.status == 401:
            raise Refused("The server asks for a name and a password (401), and a web address has none to give.")
        check(answer)
        if answer.status >= 400:
            raise Refused(f"There is no calendar at this address any more ({answer.status}).")
        if is_page(answer):
            raise Refused("At this address there is a web page, not a calendar.")
        return answer


def _text(body: bytes) -> str:
    is_utf16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body.decode("utf-16" if is_utf16 else "utf-8-sig", "replace")


def _name(text: str) -> str:
    """Give what a feed calls itself, as one line that every database takes; or nothing."""
    found = _NAME.search(text, 0, 100_000)
    return " ".join(_CONTROL.sub("", found[1]).split())[:255].rstrip() if found else ""


def _web_address(typed: str) -> str:
    """Turn what calendar programs call webcal into what it is."""
    scheme, separator, rest = typed.strip().partition("://")
    if not separator:
        return f"https://{scheme}"
    web = {"webcal": "https", "webcals": "https"}.get(scheme.lower(), scheme.lower())
    return f"{web}://{rest}"


def _read_cursor(text: str) -> Cursor:
    try:
        return msgspec.json.decode(text, type=Cursor)
    except msgspec.DecodeError:
        raise CursorExpired("The place up to which the feed was read cannot be found again.") from None
