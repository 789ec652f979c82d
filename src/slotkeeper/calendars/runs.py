"""One run of work on one connection: write what waits, read what is due, note how it went.

A run is short and may be cut off anywhere: what it did not do is still due.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain

from django.db import transaction
from django.db.models import Q

from slotkeeper.calendars.accounts import opened
from slotkeeper.calendars.health import note_failure, note_lost_access, note_success, note_trouble
from slotkeeper.calendars.leases import Lease, LeaseLost, take_lease
from slotkeeper.calendars.links import forget_event, standing_of
from slotkeeper.calendars.manager import CalendarManager
from slotkeeper.calendars.mirror import READ_EVERY, Sighting, forget_what_was_read, is_to_be_read_in_full
from slotkeeper.calendars.models import CalendarConnection, CalendarEventLink, ConnectedCalendar, Kind, LinkState
from slotkeeper.calendars.proposals import propose
from slotkeeper.calendars.providers.base import (
    AccessLost,
    EventChanged,
    EventDetails,
    EventGone,
    Refused,
    Unavailable,
)
from slotkeeper.calendars.watches import renew_watches
from slotkeeper.outbox.models import SendingHold
from slotkeeper.people.reading import works_anywhere
from slotkeeper.rules.reconcile import Step, Wish, next_step, pause_of_event

# Says how what a link is about should stand in a calendar now, under the link's key; None: not at all.
EventSource = Callable[[CalendarEventLink], EventDetails | None]
logger = logging.getLogger("slotkeeper.calendars")
_RUN_SECONDS = 20.0
_ACCOUNT_SECONDS = 120.0  # of network in one run, whatever is still missing then: less than a lease
_REFUSED_FEED_PAUSE = timedelta(hours=1)
_UNREAD_PAUSE = timedelta(seconds=60)
_QUIET = timedelta(hours=1)
_OUR_FAULT = "Something went wrong on our side; the server's log says what."


def work_on(connection_id: int, source: EventSource) -> None:
    """Work on a connection, if nobody else does."""
    lease = take_lease(connection_id, datetime.now(UTC))
    if lease is not None:
        with suppress(LeaseLost):
            _work_under(lease, source)


def _work_under(lease: Lease, source: EventSource) -> None:
    """Work and note how it went. Raises LeaseLost, after which nothing is noted any more."""
    connection = CalendarConnection.objects.select_related("user").get(pk=lease.connection_id)
    calendars = _to_read(connection)
    due_at = None
    try:
        with opened(connection, lease, _ACCOUNT_SECONDS) as provider:
            _work(CalendarManager(connection, provider, lease), source, calendars)
    except AccessLost as error:
        lease.renew()
        note_lost_access(connection, str(error), datetime.now(UTC))
    except Unavailable as error:
        lease.renew()
        due_at = note_failure(connection, str(error), datetime.now(UTC), error.retry_after)
    except LeaseLost:
        raise
    except Exception:
        logger.exception("Work on calendar connection %d failed", connection.pk)
        lease.renew()
        due_at = note_failure(connection, _OUR_FAULT, datetime.now(UTC), None)
    lease.release(due_at or _next_due(connection, calendars), last_success_at=connection.last_success_at)


def _to_read(connection: CalendarConnection) -> list[ConnectedCalendar]:
    """Give the calendars that were chosen, the one that waited longest first; of former members none is read."""
    if not works_anywhere(connection.user):
        forget_what_was_read(ConnectedCalendar.objects.filter(connection=connection))
        return []
    chosen = ConnectedCalendar.objects.filter(Q(blocks=True) | Q(receives=True), connection=connection)
    return list(chosen.order_by("next_read_at", "pk"))


def _work(manager: CalendarManager, source: EventSource, calendars: list[ConnectedCalendar]) -> None:
    """Write, then read; the first success at a provider that was away says that it is back."""
    is_proven, until = False, time.monotonic() + _RUN_SECONDS
    for is_success in chain(_write_due(manager, source), _read_due(manager, calendars)):
        if is_success and not is_proven:
            note_success(manager.connection, datetime.now(UTC))
            is_proven = True
        if time.monotonic() >= until:
            break
    if not is_proven and calendars and all(calendar.last_error for calendar in calendars):
        note_trouble(manager.connection, calendars[0].last_error, datetime.now(UTC))
    renew_watches(manager.connection, manager.provider, calendars)


def _write_due(manager: CalendarManager, source: EventSource) -> Iterator[bool]:
    """Bring the events that are due to where they should be: first those that failed least, then by how long they wait.

    Says each time whether the provider took it.
    """
    while Kind(manager.connection.provider).takes_events:
        now = datetime.now(UTC)
        links = CalendarEventLink.objects.filter(connection=manager.connection, due_at__lte=now)
        link = links.order_by("failures", "due_at", "pk").first()
        if link is None or SendingHold.objects.exists():
            return
        try:
            _reconcile(manager, link, source(link))
        except Refused as error:
            _put_off(link, None, state=LinkState.FAILING, last_error=str(error)[:500])
            yield False
        except Unavailable as error:
            # Else an event that is always in the way would stop all others.
            _put_off(link, error.retry_after, state=LinkState.FAILING, last_error=str(error)[:500])
            raise
        else:
            yield True


def _put_off(link: CalendarEventLink, retry_after: float | None, **noted: str) -> None:
    """Try again later, the later the more often it failed; a wish that was made meanwhile is due as it says."""
    now, failures = datetime.now(UTC), link.failures + 1
    pause = pause_of_event(failures, retry_after, random.random())  # noqa: S311 -- jitter, not a secret
    own = CalendarEventLink.objects.filter(pk=link.pk)
    own.update(failures=failures, updated_at=now, **noted)
    own.filter(due_at=link.due_at).update(due_at=now + timedelta(seconds=pause))


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
        _compare(link, Sighting(link, None))
    except EventChanged:
        _compare(link, manager.find_event(link))


def _compare(link: CalendarEventLink, sighting: Sighting) -> None:
    """Propose what its owner did to its time. The link stays due: it waits for them, or what they did is known now."""
    if link.synced_version is None:  # its owner's changes were dismissed: write it anew
        forget_event(link)
        return
    with transaction.atomic():
        propose([sighting], datetime.now(UTC))
        _put_off(link, None, etag="")  # which does nothing to one that is over and was tidied away


def _read_due(manager: CalendarManager, calendars: list[ConnectedCalendar]) -> Iterator[bool]:
    """Read those of the calendars that are due, one after the other; say each time whether it could be read."""
    now = datetime.now(UTC)
    if any(one.read_in_full_at and is_to_be_read_in_full(one, now) for one in calendars):
        with suppress(Refused, Unavailable):  # what is known can be read all the same
            manager.list_anew()
    for calendar in calendars:
        if calendar.next_read_at > now:
            return
        try:
            manager.read_calendar(calendar)
        except Refused as error:
            is_feed = manager.connection.provider == Kind.ICS_FEED
            calendar.last_error = str(error)[:500]
            _read_later(calendar, _REFUSED_FEED_PAUSE if is_feed else READ_EVERY)
            yield False
        except Unavailable:
            _read_later(calendar, _UNREAD_PAUSE)  # else one that is always in the way would stop all
            raise
        else:
            yield True


def _read_later(calendar: ConnectedCalendar, pause: timedelta) -> None:
    calendar.next_read_at = datetime.now(UTC) + pause
    own = ConnectedCalendar.objects.filter(pk=calendar.pk)
    own.update(next_read_at=calendar.next_read_at, last_error=calendar.last_error)


def _next_due(connection: CalendarConnection, calendars: list[ConnectedCalendar]) -> datetime:
    """Say when there is more to do, as far as is known: whoever wants something meanwhile sets `due_at`."""
    times = [datetime.now(UTC) + _QUIET, *(calendar.next_read_at for calendar in calendars)]
    if Kind(connection.provider).takes_events:
        links = CalendarEventLink.objects.filter(connection=connection, due_at__isnull=False)
        waits_since = links.order_by("due_at").values_list("due_at", flat=True).first()
        if waits_since and not SendingHold.objects.exists():
            times.append(waits_since)
    return min(times)
