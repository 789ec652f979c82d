"""What foreign calendars block, kept here: so that a booking never waits for a provider."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from django.db.models import QuerySet

from slotkeeper import hot_sql
from slotkeeper.batches import batched
from slotkeeper.calendars.ics_values import MOST_PIECES, PIECE_SECONDS
from slotkeeper.calendars.models import BusyTime, CalendarEventLink, ConnectedCalendar
from slotkeeper.calendars.providers.base import Changes, ChangesRequest, Refused, RemoteEvent
from slotkeeper.rules.intervals import Interval, subtract

READ_EVERY = timedelta(minutes=5)
READ_IN_FULL_EVERY = timedelta(hours=24)  # the window moves on, and series with it
WINDOW = (timedelta(days=-1), timedelta(days=732))  # a service is offered for 730 days at most
_ROWS_AT_ONCE = 500
_LONGEST_ID_BYTES = 500


class Sighting(NamedTuple):
    """An event of ours as it stands in the calendar now; `time` is None where it no longer does."""

    link: CalendarEventLink
    time: Interval | None
    etag: str = ""


def window_at(now: datetime) -> Interval:
    """Give the time of which a calendar is kept."""
    start, end = (now + offset for offset in WINDOW)
    return Interval(int(start.timestamp()), int(end.timestamp()))


def is_to_be_read_in_full(calendar: ConnectedCalendar, now: datetime) -> bool:
    """Say whether what changed since is not enough: the window has moved on by a day."""
    return calendar.read_in_full_at is None or now - calendar.read_in_full_at >= READ_IN_FULL_EVERY


def store_changes(calendar: ConnectedCalendar, changes: Changes, ours: Container[str]) -> None:
    """Store what changed in a calendar that was read, if it blocks time. In a transaction. Raises Refused.

    Events of ours, named by their ids, block nothing here: their appointments do that themselves. What their owner
    made of them beside that, such as a series, does.
    """
    # Its owner may be choosing at this moment, and locks in this order, too.
    found = ConnectedCalendar.objects.select_for_update().filter(pk=calendar.pk).values_list("blocks", flat=True)
    blocks = next(iter(found), False)
    stored = BusyTime.objects.filter(calendar=calendar)
    if changes.is_full:
        stored.delete()
    else:
        touched = [_stored_id(name) for name in (*changes.removed, *(event.external_id for event in changes.events))]
        for some in batched(touched, _ROWS_AT_ONCE):
            stored.filter(external_id__in=some).delete()
    pieces = list(islice(_pieces(changes.events, ours), MOST_PIECES + 1)) if blocks else []
    if len(pieces) > MOST_PIECES or (pieces and len(pieces) + stored.count() > MOST_PIECES):
        raise Refused(f"There is too much in this calendar: more than {MOST_PIECES:,} times to keep free.")
    BusyTime.objects.bulk_create((_row(calendar, *piece) for piece in pieces), batch_size=_ROWS_AT_ONCE)


def note_reading(calendar: ConnectedCalendar, changes: Changes, request: ChangesRequest, now: datetime) -> None:
    """Note that a calendar was read, up to where, and when to read it next.

    What was wished for while it was read counts: sooner, or once more from the beginning.
    """
    known, calendar.next_read_at = calendar.next_read_at, now + READ_EVERY
    read_at, due, soonest = map(hot_sql.exact, (now, calendar.next_read_at, known))
    in_full, zone = (read_at, request.zone) if changes.is_full else (None, None)
    hot_sql.rows(
        "UPDATE connected_calendars SET cursor = %s, read_at = %s, last_error = '', "
        "next_read_at = CASE WHEN next_read_at <= %s THEN %s ELSE next_read_at END, "
        "read_in_full_at = coalesce(%s, read_in_full_at), read_in_zone = coalesce(%s, read_in_zone) "
        "WHERE id = %s AND cursor = %s RETURNING id",
        [changes.cursor, read_at, soonest, due, in_full, zone, calendar.pk, calendar.cursor],
    )


def forget_what_was_read(calendars: QuerySet[ConnectedCalendar]) -> None:
    """Drop what calendars block; if they are read again, then from the beginning."""
    BusyTime.objects.filter(calendar__in=calendars).delete()
    calendars.exclude(cursor="", read_at=None).update(cursor="", read_at=None, read_in_full_at=None)


def links_seen(calendar: ConnectedCalendar, changes: Changes) -> dict[str, CalendarEventLink]:
    """Find the links of our events among what changed, by their ids in the calendar.

    A key leads to its link from any of the person's calendars, such as a feed of the one we wrote into. In that one
    the id must be right, too: a copy that the owner made of our event may carry its key, and is an event of theirs.
    """
    keys = [event.key for event in changes.events if event.key]
    theirs = CalendarEventLink.objects.filter(connection__user_id=calendar.user_id)
    batches = (theirs.filter(event_key__in=some) for some in batched(keys, _ROWS_AT_ONCE))
    by_key = {link.event_key: link for links in batches for link in links}
    return {
        event.external_id: link
        for event in changes.events
        if (link := by_key.get(event.key))
        and (link.calendar_id != calendar.pk or link.external_event_id in {"", event.external_id})
    }


def _pieces(events: Iterable[RemoteEvent], ours: Container[str]) -> Iterator[tuple[str, Interval]]:
    """Cut what events block into pieces, each with the id that it is stored under."""
    for event in events:
        own = [event.own_time] if event.own_time and event.external_id in ours else []
        for busy in subtract(event.busy, own):
            for start in range(busy.start, busy.end, PIECE_SECONDS):
                yield _stored_id(event.external_id), Interval(start, min(start + PIECE_SECONDS, busy.end))


def _row(calendar: ConnectedCalendar, external_id: str, piece: Interval) -> BusyTime:
    start, end = (datetime.fromtimestamp(edge, UTC) for edge in piece)
    return BusyTime(calendar=calendar, external_id=external_id, start_time=start, end_time=end)


def _stored_id(external_id: str) -> str:
    """Shorten an id that an index would not take."""
    name = external_id.encode()
    return external_id if len(name) <= _LONGEST_ID_BYTES else f"sha256-{sha256(name).hexdigest()}"


def sightings_in(
    calendar: ConnectedCalendar, changes: Changes, links: Mapping[str, CalendarEventLink]
) -> Iterator[Sighting]:
    """Give what was seen of our own events in a calendar, by the links to them that were seen anywhere."""
    seen = set()
    for event in changes.events:
        link = links.get(event.external_id)
        if link and link.calendar_id == calendar.pk:
            seen.add(link.pk)
            yield Sighting(link, event.own_time, event.etag)
    removed = CalendarEventLink.objects.filter(calendar=calendar, may_exist=True).exclude(external_event_id="")
    if not changes.is_full:
        removed = removed.filter(external_event_id__in=changes.removed)
    else:
        window = window_at(datetime.now(UTC))
        removed = removed.filter(written_start__gt=datetime.fromtimestamp(window.start, UTC) + timedelta(days=1))
        removed = removed.filter(written_end__lt=datetime.fromtimestamp(window.end, UTC) - timedelta(days=1))
    for link in removed.exclude(pk__in=seen):
        yield Sighting(link, None)
