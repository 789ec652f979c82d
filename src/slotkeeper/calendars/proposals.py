"""What its owner did to an event of ours in their calendar: proposed, never done silently."""

from collections.abc import Iterable
from datetime import UTC, datetime

from slotkeeper.calendars.leases import wake
from slotkeeper.calendars.links import settle
from slotkeeper.calendars.mirror import Sighting
from slotkeeper.calendars.models import (
    CalendarConnection,
    CalendarEventLink,
    CalendarProposal,
    LinkState,
    ProposalKind,
    Resolution,
)
from slotkeeper.rules.intervals import Interval


def propose(sightings: Iterable[Sighting], now: datetime) -> None:
    """Turn what was seen of our events into proposals; one that its owner put back is none any more. In a transaction.

    Only an event that was written can have been changed.
    """
    # Whoever plans locks links in this order, too.
    for sighting in sorted(sightings, key=lambda one: (one.link.internal_entity_id, one.link.pk)):
        link = CalendarEventLink.objects.select_for_update().filter(pk=sighting.link.pk).first()
        if link is not None and link.may_exist and link.synced_version is not None:
            _compare(link, sighting.time, sighting.etag, now)


def is_to_be_looked_up(link: CalendarEventLink, now: datetime) -> bool:
    """Say whether it matters that an event is missing where it stood, and was not seen before."""
    opened = CalendarProposal.objects.filter(link=link, resolved_at=None, kind=ProposalKind.DELETE)
    return link.wanted_end is not None and link.wanted_end > now and not opened.exists()


def _compare(link: CalendarEventLink, seen: Interval | None, etag: str, now: datetime) -> None:
    if link.wanted_end is None or link.wanted_end <= now:
        if seen is None:  # somebody tidies up
            settle([link.pk], Resolution.SUPERSEDED, now)
            _keep(link, state=LinkState.GONE, may_exist=False, external_event_id="", etag="", due_at=None)
    elif seen is not None and seen in (
        _interval(link.written_start, link.written_end),
        _interval(link.sent_start, link.sent_end),
        _interval(link.wanted_start, link.wanted_end),
    ):
        if settle([link.pk], Resolution.SUPERSEDED, now):  # what waited for a decision is written now
            _keep(link, due_at=now)
            wake(CalendarConnection.objects.filter(pk=link.connection_id), now)
        if etag and etag != link.etag:
            _keep(link, etag=etag)
    else:
        _open(link, seen, now)


def _open(link: CalendarEventLink, seen: Interval | None, now: datetime) -> None:
    """Propose what was seen. Who decides decides about what they read: something else is another proposal."""
    kind, start, end = ProposalKind.DELETE, None, None
    if seen is not None:
        kind = ProposalKind.MOVE
        start, end = (datetime.fromtimestamp(edge, UTC) for edge in seen)
    proposed = {"kind": kind, "start_time": start, "end_time": end}
    opened = CalendarProposal.objects.filter(link=link, resolved_at=None)
    if not opened.filter(**proposed).update(seen_at=now):
        opened.update(resolved_at=now, resolution=Resolution.SUPERSEDED)
        CalendarProposal.objects.create(link=link, seen_at=now, **proposed)


def _keep(link: CalendarEventLink, **fields: object) -> None:
    CalendarEventLink.objects.filter(pk=link.pk).update(**fields)


def _interval(start: datetime | None, end: datetime | None) -> Interval | None:
    return None if start is None or end is None else Interval(int(start.timestamp()), int(end.timestamp()))
