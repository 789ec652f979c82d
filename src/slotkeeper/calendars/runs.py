"""One run of work on one connection: write what waits, read what is due, note how it went.

A run is short and may be cut off anywhere: what it did not do is still due.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain

from slotkeeper.calendars.accounts import opened
from slotkeeper.calendars.health import note_failure, note_lost_access, note_success
from slotkeeper.calendars.leases import LeaseLost, take_lease
from slotkeeper.calendars.links import forget_event, standing_of
from slotkeeper.calendars.manager import CalendarManager
from slotkeeper.calendars.mirror import Sighting
from slotkeeper.calendars.models import CalendarConnection, CalendarEventLink, ConnectedCalendar, Kind, LinkState
from slotkeeper.calendars.proposals import propose
from slotkeeper.calendars.providers.base import (
    AccessLost,
    EventChanged,
    EventDetails,
    EventGone,
    EventPlace,
    Refused,
    Unavailable,
)
from slotkeeper.calendars.watches import renew_watches
from slotkeeper.outbox.models import SendingHold
from slotkeeper.rules.reconcile import LONGEST_EVENT_PAUSE_SECONDS, Step, Wish, next_step, pause_after

# Says how what a link is about should stand in a calendar now, under the link's key; None: not at all.
EventSource = Callable[[CalendarEventLink], EventDetails | None]
_RUN_SECONDS = 20.0
_REFUSED_READ_PAUSE = timedelta(hours=1)
_QUIET = timedelta(hours=1)


def work_on(connection_id: int, source: EventSource) -> None:
    """Work on a connection, if nobody else does."""
    lease = take_lease(connection_id, datetime.now(UTC))
    if lease is None:
        return
    connection = CalendarConnection.objects.select_related("user").get(pk=connection_id)
    calendars = list(ConnectedCalendar.objects.filter(connection=connection).order_by("next_read_at", "pk"))
    due_at = None
    try:
        with opened(connection) as provider:
            manager = CalendarManager(connection, provider, lease)
            _work(manager, source, calendars, time.monotonic() + _RUN_SECONDS)
    except LeaseLost:
        return
    except AccessLost as error:
        note_lost_access(connection, str(error), datetime.now(UTC))
    except Unavailable as error:
        due_at = note_failure(connection, str(error), datetime.now(UTC), error.retry_after)
    lease.release(due_at or _next_due(connection, calendars), last_success_at=connection.last_success_at)


def _work(manager: CalendarManager, source: EventSource, calendars: list[ConnectedCalendar], until: float) -> None:
    """Write, then read; the first answer of a provider that was away says that it is back."""
    is_proven = False
    for _ in chain(_write_due(manager, source), _read_due(manager, calendars)):
        if not is_proven:
            note_success(manager.connection, datetime.now(UTC))
            is_proven = True
        if time.monotonic() >= until:
            break
    renew_watches(manager.connection, manager.provider)


def _write_due(manager: CalendarManager, source: EventSource) -> Iterator[None]:
    """Bring the events that are due to where they should be, one after the other; the one that waited longest first."""
    while Kind(manager.connection.provider).takes_events:
        now = datetime.now(UTC)
        links = CalendarEventLink.objects.filter(connection=manager.connection, due_at__lte=now)
        link = links.order_by("due_at", "pk").first()
        if link is None or SendingHold.objects.exists():
            return
        try:
            _reconcile(manager, link, source(link))
        except Refused as error:
            failures = link.failures + 1
            pause = pause_after(failures, None, random.random(), LONGEST_EVENT_PAUSE_SECONDS)  # noqa: S311 -- jitter
            CalendarEventLink.objects.filter(pk=link.pk).update(
                state=LinkState.FAILING, last_error=str(error)[:500], failures=failures,
                due_at=now + timedelta(seconds=pause), updated_at=now,
            )  # fmt: skip
        yield


def _reconcile(manager: CalendarManager, link: CalendarEventLink, event: EventDetails | None) -> None:
    step = next_step(Wish(event.version if event else None), standing_of(link))
    if step is Step.DELETE:
        manager.delete_event(link)
    elif event is None or step in {Step.NOTHING, Step.WAIT}:
        state = {Step.WAIT: link.state}.get(step, LinkState.SYNCED if event else LinkState.GONE)
        CalendarEventLink.objects.filter(pk=link.pk, due_at=link.due_at).update(due_at=None, state=state)
    elif step is Step.CREATE and not link.external_event_id:
        manager.create_event(link, event)
    else:
        _update(manager, link, event)


def _update(manager: CalendarManager, link: CalendarEventLink, event: EventDetails) -> None:
    """Write a newer version; where its owner changed the event there meanwhile, see what they did first."""
    try:
        manager.update_event(link, event)
    except EventGone:
        _propose(link, Sighting(link, None))
    except EventChanged:
        place = EventPlace(link.external_calendar_id, link.event_key, link.external_event_id)
        there = manager.provider.find_event(place)
        _propose(link, Sighting(link, there.own_time if there else None, there.etag if there else ""))


def _propose(link: CalendarEventLink, sighting: Sighting) -> None:
    """Compare with what we wrote last; then the link is due again, and either waits or is written over."""
    if link.synced_version is None:  # its owner's changes were dismissed: write it anew
        forget_event(link)
        return
    CalendarEventLink.objects.filter(pk=link.pk).update(state=LinkState.SYNCED)
    propose([sighting], datetime.now(UTC))
    CalendarEventLink.objects.filter(pk=link.pk).update(state=LinkState.PENDING)


def _read_due(manager: CalendarManager, calendars: list[ConnectedCalendar]) -> Iterator[None]:
    """Read those of the calendars that are due, one after the other."""
    now = datetime.now(UTC)
    for calendar in calendars:
        if calendar.next_read_at > now:
            return
        try:
            propose(manager.read_calendar(calendar), now)
        except Refused as error:
            calendar.next_read_at = datetime.now(UTC) + _REFUSED_READ_PAUSE
            own = ConnectedCalendar.objects.filter(pk=calendar.pk)
            own.update(next_read_at=calendar.next_read_at, last_error=str(error)[:500])
        yield


def _next_due(connection: CalendarConnection, calendars: list[ConnectedCalendar]) -> datetime:
    """Say when there is more to do, as far as is known: whoever wants something meanwhile sets `due_at`."""
    times = [datetime.now(UTC) + _QUIET, *(calendar.next_read_at for calendar in calendars)]
    if Kind(connection.provider).takes_events:
        links = CalendarEventLink.objects.filter(connection=connection, due_at__isnull=False)
        waits_since = links.order_by("due_at").values_list("due_at", flat=True).first()
        if waits_since and not SendingHold.objects.exists():
            times.append(waits_since)
    return min(times)
