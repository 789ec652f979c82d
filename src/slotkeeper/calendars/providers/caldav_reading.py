"""What has changed in a CalDAV calendar: by sync token (RFC 6578), or by comparing listings.

First it is found out which entries changed, cheaply where none did; then those are fetched (RFC 4791 section 7.9).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from slotkeeper.batches import batched
from slotkeeper.calendars.ics_busy import busy_request
from slotkeeper.calendars.providers import dav_xml
from slotkeeper.calendars.providers.base import (
    Changes,
    ChangesRequest,
    CursorExpired,
    Refused,
    RemoteEvent,
    Unavailable,
)
from slotkeeper.calendars.providers.dav_cursor import Cursor, pack, read_cursor, unpack, witnesses_among, write_cursor
from slotkeeper.calendars.providers.dav_session import DavSession
from slotkeeper.calendars.providers.dav_xml import Multistatus, Resource
from slotkeeper.calendars.providers.ics_events import read_event

_ENTRIES_AT_ONCE = 50
_MOST_PAGES = 1_000
_MOST_CPU_SECONDS = 20.0
_MOST_DAYS_OF_AN_ENTRY = 100_000


@dataclass(slots=True)
class Listing:
    """Which entries changed, with their etags; None for what was removed. `cursor` is where to go on from."""

    told: dict[str, str | None] = field(default_factory=dict)
    cursor: Cursor = field(default_factory=Cursor)
    is_full: bool = False

    @property
    def changed(self) -> dict[str, str]:
        """Give what is there and new."""
        return {path: etag for path, etag in self.told.items() if etag is not None}

    @property
    def removed(self) -> list[str]:
        """Give what is no longer there."""
        return [path for path, etag in self.told.items() if etag is None]


def read_changes(session: DavSession, url: str, request: ChangesRequest) -> Changes:
    """Read what changed in the calendar at a URL. Raises CursorExpired."""
    if not request.cursor:
        listing = _everything(session, url)
    else:
        cursor = read_cursor(request.cursor)
        listing = _since(session, url, cursor) if cursor.token else _compared(session, url, cursor)
    events, removed = _fetched(session, url, request, listing)
    gone = () if listing.is_full else (*listing.removed, *removed)
    return Changes(tuple(events), gone, write_cursor(listing.cursor), listing.is_full)


def _everything(session: DavSession, url: str) -> Listing:
    """List all there is, in the way that the server can best go on from."""
    calendar = session.find(url, dav_xml.REPORTS, dav_xml.CTAG)
    if calendar is None:
        raise Refused("The calendar is no longer there.")
    if dav_xml.SYNC_COLLECTION in calendar.names(dav_xml.REPORTS):
        try:
            listing = _by_token(session, url, "")
        except CursorExpired:  # it says it can and cannot
            listing = Listing()
        if listing.cursor.token:
            listing.told = dict(listing.changed)
            listing.cursor.witnesses = witnesses_among(listing.changed, {})
            listing.is_full = True
            return listing
    etags = _etags(session, url)
    return Listing(dict(etags), Cursor(ctag=calendar.text(dav_xml.CTAG), packed=pack(etags)), is_full=True)


def _since(session: DavSession, url: str, cursor: Cursor) -> Listing:
    """List what changed since a token."""
    listing = _by_token(session, url, cursor.token)
    if listing.told and cursor.is_forgotten(listing.told):
        raise CursorExpired("The calendar server has forgotten what was read, and does not say so.")
    listing.told = cursor.news_in(listing.told)
    kept = {path: etag for path, etag in cursor.witnesses.items() if path not in listing.told}
    listing.cursor.witnesses = witnesses_among(listing.changed, kept)
    return listing


def _by_token(session: DavSession, url: str, token: str) -> Listing:
    """Ask for changes, page by page where the server gives no more at once (RFC 6578 section 3.6)."""
    listing = Listing()
    for _ in range(_MOST_PAGES):
        answer = session.report(url, dav_xml.sync_report(token), "0")
        if answer.status >= 400:
            # RFC 6578 section 3.2 wants 403 with DAV:valid-sync-token; others say 409, 410 or 412. Whatever it means,
            # reading everything finds out.
            raise CursorExpired(f"The calendar server has forgotten what was read ({answer.status}).")
        page = dav_xml.read_multistatus(answer.body, answer.url)
        listing.told |= _entries(page, url)
        former, token = token, page.sync_token
        has_more = any(one.status == 507 for one in page.resources)
        if not has_more or token in {"", former}:
            break
    listing.cursor = Cursor(token=token)
    return listing


def _compared(session: DavSession, url: str, cursor: Cursor) -> Listing:
    """Compare with what was there, unless the calendar's tag says that nothing changed."""
    calendar = session.find(url, dav_xml.CTAG)
    if calendar is None:
        raise Refused("The calendar is no longer there.")
    ctag = calendar.text(dav_xml.CTAG)
    if ctag and ctag == cursor.ctag:
        return Listing(cursor=cursor)
    known, etags = unpack(cursor.packed), _etags(session, url)
    told: dict[str, str | None] = {path: etag for path, etag in etags.items() if not etag or known.get(path) != etag}
    told |= dict.fromkeys(known.keys() - etags.keys())
    return Listing(told, Cursor(ctag=ctag, packed=pack(etags)))


def _etags(session: DavSession, url: str) -> dict[str, str]:
    found = session.list(url, dav_xml.ETAG, dav_xml.RESOURCE_TYPE)
    listed = _entries(Multistatus(found, ""), url)
    return {path: etag for path, etag in listed.items() if etag is not None}


def _entries(page: Multistatus, url: str) -> dict[str, str | None]:
    """Give the etags of entries, None for those that are gone; the calendar itself is none."""
    own = dav_xml.path_of("", url).rstrip("/")
    entries = [one for one in page.resources if one.path.rstrip("/") != own and not one.path.endswith("/")]
    return {one.path: None if one.status in {404, 410} else one.text(dav_xml.ETAG) for one in entries}


def _fetched(
    session: DavSession, url: str, request: ChangesRequest, listing: Listing
) -> tuple[list[RemoteEvent], list[str]]:
    """Fetch what changed; and give what turned out to be gone meanwhile."""
    asked = busy_request(request.zone, request.owner_emails, request.window)
    asked = replace(asked, max_days_examined=_MOST_DAYS_OF_AN_ENTRY)
    events: list[RemoteEvent] = []
    gone: list[str] = []
    used = 0.0
    for batch in batched(listing.changed, _ENTRIES_AT_ONCE):
        for path, etag, data in _contents(session, url, batch):
            if data is None:
                gone.append(path)
                continue
            started = time.thread_time()
            events.append(read_event(path, etag, data, asked))
            used += time.thread_time() - started
            if used > _MOST_CPU_SECONDS:
                raise Refused("The calendar repeats so much that it takes too long to read.")
    return events, gone


def _contents(session: DavSession, url: str, paths: list[str]) -> Iterator[tuple[str, str, bytes | None]]:
    """Yield path, etag and content of entries; None as the content of what is gone."""
    answer = session.report(url, dav_xml.multiget_report(paths), "1")
    found: dict[str, Resource] = {}
    if answer.status < 300:
        page = dav_xml.read_multistatus(answer.body, answer.url)
        found = {one.path: one for one in page.resources}
    for path in paths:
        one = found.get(path)
        if one is not None and one.status in {404, 410}:
            yield path, "", None
        elif one is not None and dav_xml.CALENDAR_DATA in one.properties:
            yield path, one.text(dav_xml.ETAG), one.text(dav_xml.CALENDAR_DATA).encode()
        else:  # left out, or called something else; what is not seen must not look free
            yield path, *read_entry(session, dav_xml.absolute(path, url))


def read_entry(session: DavSession, url: str) -> tuple[str, bytes | None]:
    """Read the etag and the content of one entry; None for one that is gone."""
    answer = session.send("GET", url)
    if answer.status in {404, 410}:
        return "", None
    if answer.status >= 400:
        raise Refused(f"The calendar server refuses to show an entry ({answer.status}).")
    if b"BEGIN:VCALENDAR" not in answer.body.upper():
        raise Unavailable("The calendar server answers what it should not.")
    return answer.headers.get("etag", ""), answer.body
