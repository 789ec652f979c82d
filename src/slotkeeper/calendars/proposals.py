"""What its owner did to an event of ours in their calendar: proposed, never done silently."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.calendars.links import settle
from slotkeeper.calendars.mirror import Sighting
from slotkeeper.calendars.models import CalendarEventLink, CalendarProposal, LinkState, ProposalKind, Resolution
from slotkeeper.rules.intervals import Interval


def propose(sightings: Iterable[Sighting], now: datetime) -> None:
    """Turn what was seen of our events into proposals; one that its owner put back is none any more."""
    for sighting in sightings:
        with transaction.atomic():
            link = CalendarEventLink.objects.select_for_update().filter(pk=sighting.link.pk).first()
            if link is not None and link.state == LinkState.SYNCED:
                _compare(link, sighting, now)


def _compare(link: CalendarEventLink, sighting: Sighting, now: datetime) -> None:
    if sighting.time == _written(link):
        settle([link.pk], Resolution.SUPERSEDED, now)
        if sighting.etag and sighting.etag != link.etag:
            CalendarEventLink.objects.filter(pk=link.pk).update(etag=sighting.etag)
        return
    kind, start, end = ProposalKind.DELETE, None, None
    if sighting.time is not None:
        kind = ProposalKind.MOVE
        start, end = (datetime.fromtimestamp(edge, UTC) for edge in sighting.time)
    CalendarProposal.objects.update_or_create(
        link=link, resolved_at=None, defaults={"kind": kind, "start_time": start, "end_time": end, "seen_at": now}
    )


def _written(link: CalendarEventLink) -> Interval | None:
    if link.written_start is None or link.written_end is None:
        return None
    return Interval(int(link.written_start.timestamp()), int(link.written_end.timestamp()))
