"""What foreign calendars block, kept here: so that a booking never waits for a provider."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from slotkeeper.calendars.models import BusyTime, CalendarEventLink, ConnectedCalendar
from slotkeeper.calendars.providers.base import Changes, RemoteEvent
from slotkeeper.rules.intervals import Interval, union

READ_EVERY = timedelta(minutes=5)
READ_IN_FULL_EVERY = timedelta(hours=24)  # the window moves on, and series with it
WINDOW = (timedelta(days=-1), timedelta(days=366))
PIECE_SECONDS = 31 * 86_400  # readers look no further back than this for what reaches into their window
_ROWS_AT_ONCE = 500


class Sighting(NamedTuple):
    """An event of ours as it stands in the calendar now; `time` is None where it no longer does."""

    link: CalendarEventLink
    time: Interval | None
    etag: str = ""


def window_at(now: datetime) -> Interval:
    """Give the time of which a calendar is kept."""
    start, end = (now + offset for offset in WINDOW)
    return Interval(int(start.timestamp()), int(end.timestamp()))


def store_changes(calendar: ConnectedCalendar, changes: Changes, now: datetime) -> list[Sighting]:
    """Store what changed in a calendar, all or nothing; give what was seen of our own events.

    Events of ours block nothing here: their appointments do that themselves.
    """
    links = _links_seen(calendar, changes)
    foreign = [event for event in changes.events if event.external_id not in links]
    with transaction.atomic():
        stored = BusyTime.objects.filter(calendar=calendar)
        if changes.is_full:
            stored.delete()
        else:
            touched = [*changes.removed, *(event.external_id for event in changes.events)]
            for number in range(0, len(touched), _ROWS_AT_ONCE):
                stored.filter(external_id__in=touched[number : number + _ROWS_AT_ONCE]).delete()
        BusyTime.objects.bulk_create(_rows(calendar, foreign), batch_size=_ROWS_AT_ONCE)
        note_reading(calendar, changes, now)
    return list(_sightings(calendar, changes, links))


def note_reading(calendar: ConnectedCalendar, changes: Changes, now: datetime) -> None:
    """Note that a calendar was read, up to where, and when to read it next: sooner if that was asked for meanwhile."""
    fields = {"cursor": changes.cursor, "read_at": now, "last_error": ""}
    if changes.is_full:
        fields["read_in_full_at"] = now
    known, calendar.next_read_at = calendar.next_read_at, now + READ_EVERY
    own = ConnectedCalendar.objects.filter(pk=calendar.pk)
    if not own.filter(next_read_at__lte=known).update(next_read_at=calendar.next_read_at, **fields):
        own.update(**fields)


def _links_seen(calendar: ConnectedCalendar, changes: Changes) -> dict[str, CalendarEventLink]:
    """Find the links of our events among what changed, by their ids in the calendar.

    A key leads to its link from any of the person's calendars, such as a feed of the one we wrote into. In that one
    the id must be right, too: a copy that the owner made of our event may carry its key, and is an event of theirs.
    """
    keys = [event.key for event in changes.events if event.key]
    found = CalendarEventLink.objects.filter(event_key__in=keys, connection__user_id=calendar.user_id)
    by_key = {link.event_key: link for link in found}
    return {
        event.external_id: link
        for event in changes.events
        if (link := by_key.get(event.key))
        and (link.calendar_id != calendar.pk or link.external_event_id in {"", event.external_id})
    }


def _rows(calendar: ConnectedCalendar, events: Iterable[RemoteEvent]) -> Iterator[BusyTime]:
    for event in events:
        for busy in union(event.busy):
            for start in range(busy.start, busy.end, PIECE_SECONDS):
                yield BusyTime(
                    calendar=calendar,
                    external_id=event.external_id,
                    start_time=datetime.fromtimestamp(start, UTC),
                    end_time=datetime.fromtimestamp(min(start + PIECE_SECONDS, busy.end), UTC),
                )


def _sightings(
    calendar: ConnectedCalendar, changes: Changes, links: dict[str, CalendarEventLink]
) -> Iterator[Sighting]:
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
