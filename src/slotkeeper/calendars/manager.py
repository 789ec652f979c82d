"""CalendarManager: all that we do in one account at a provider, under its lease.

Every write is safe to repeat: what is about to be created is noted first, under a key that the provider keeps, so a
try whose answer was lost, or whose process was killed, is found again.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.calendars.leases import Lease
from slotkeeper.calendars.listing import take_calendars
from slotkeeper.calendars.mirror import (
    Sighting,
    is_to_be_read_in_full,
    links_seen,
    note_reading,
    sightings_in,
    store_changes,
    window_at,
)
from slotkeeper.calendars.models import (
    BusyTime,
    CalendarConnection,
    CalendarEventLink,
    ConnectedCalendar,
    LinkState,
)
from slotkeeper.calendars.proposals import is_to_be_looked_up, propose
from slotkeeper.calendars.providers.base import (
    CalendarProvider,
    ChangesRequest,
    CursorExpired,
    EventChanged,
    EventDetails,
    EventGone,
    EventPlace,
    Refused,
    WrittenEvent,
)
from slotkeeper.rules.intervals import Interval, union

_LOOKED_UP_AT_ONCE = 50
Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class CalendarManager:
    """Writes our events into a person's calendars and reads what those block. Errors are ProviderErrors."""

    def __init__(
        self, connection: CalendarConnection, provider: CalendarProvider, lease: Lease, clock: Clock = _utc_now
    ) -> None:
        self.connection, self.provider, self.lease, self._clock = connection, provider, lease, clock

    def create_event(self, link: CalendarEventLink, event: EventDetails) -> None:
        """Write a new event; one that an earlier try left behind is taken over."""
        self.lease.renew()
        CalendarEventLink.objects.filter(pk=link.pk).update(may_exist=True)
        self._note(link, event, self.provider.create_event(self._place(link), event))

    def update_event(self, link: CalendarEventLink, event: EventDetails) -> None:
        """Write a newer version of an event, unless it was changed there meanwhile.

        Raises EventChanged and EventGone, too.
        """
        self.lease.renew()
        own, (start, end) = CalendarEventLink.objects.filter(pk=link.pk), _moments(event)
        own.update(sent_start=start, sent_end=end)
        try:
            written = self.provider.update_event(self._place(link), event)
        except (EventChanged, EventGone):  # nothing was written, and what an earlier try wrote is still unsure
            own.update(sent_start=link.sent_start, sent_end=link.sent_end)
            raise
        self._note(link, event, written)

    def delete_event(self, link: CalendarEventLink) -> None:
        """Remove an event; one that is no longer there is fine."""
        self.lease.renew()
        self.provider.delete_event(self._place(link))
        self._store(link, state=LinkState.GONE, may_exist=False, external_event_id="", etag="", synced_version=None)

    def read_calendar(self, calendar: ConnectedCalendar) -> None:
        """Bring what is kept of a calendar up to date, and propose what its owner did to events of ours there."""
        now, user = self._clock(), self.connection.user
        is_stale = is_to_be_read_in_full(calendar, now) or calendar.read_in_zone != user.time_zone
        request = ChangesRequest(
            cursor="" if is_stale else calendar.cursor,
            window=window_at(now),
            zone=user.time_zone,
            owner_emails=frozenset({user.email, self.connection.username}),  # who is invited there
        )
        try:
            changes = self.provider.read_changes(calendar.external_id, request)
        except CursorExpired:
            changes = self.provider.read_changes(calendar.external_id, request._replace(cursor=""))
        if changes.are_none:
            note_reading(calendar, changes, request, now)
            return
        ours = links_seen(calendar, changes)
        sightings, are_all = self._looked_up(sightings_in(calendar, changes, ours), now)
        if not are_all:
            changes = replace(changes, cursor="")  # the next reading is a full one, and sees to the others
        self.lease.renew()
        with transaction.atomic():
            store_changes(calendar, changes, ours)
            note_reading(calendar, changes, request, now)
            propose(sightings, now)

    def find_event(self, link: CalendarEventLink) -> Sighting:
        """Look up how an event stands in its calendar now, whatever it was when we wrote it last."""
        place = self._place(link)._replace(etag="")
        there = self.provider.find_event(place)
        return Sighting(link, there.own_time if there else None, there.etag if there else "")

    def list_anew(self) -> None:
        """Take up what calendars the account has by now, and what they are called."""
        listed = self.provider.list_calendars()
        self.lease.renew()
        with transaction.atomic():
            take_calendars(self.connection, listed, self._clock())

    def get_busy(self, window: Interval) -> list[Interval]:
        """Give what the account's calendars block in a window, as far as it was read: merged, by start."""
        start, end = (datetime.fromtimestamp(edge, UTC) for edge in window)
        found = BusyTime.objects.filter(
            calendar__connection=self.connection, calendar__blocks=True, start_time__lt=end, end_time__gt=start
        )
        times = found.values_list("start_time", "end_time")
        return union(Interval(int(start.timestamp()), int(end.timestamp())) for start, end in times)

    def get_freebusy(self, window: Interval) -> list[Interval]:
        """Ask the provider now, and give what its calendars block in a window."""
        for calendar in self.connection.calendars.filter(blocks=True):
            self.read_calendar(calendar)
        return self.get_busy(window)

    def _looked_up(self, sightings: Iterable[Sighting], now: datetime) -> tuple[list[Sighting], bool]:
        """Ask for events that are missing, as they may only have left the time that is read; say whether for all."""
        seen: list[Sighting] = []
        count = 0
        for sighting in sightings:
            if sighting.time is not None or not is_to_be_looked_up(sighting.link, now):
                seen.append(sighting)
                continue
            count += 1
            with suppress(Refused):
                if count <= _LOOKED_UP_AT_ONCE:
                    seen.append(self.find_event(sighting.link))
        return seen, count <= _LOOKED_UP_AT_ONCE

    def _place(self, link: CalendarEventLink) -> EventPlace:
        zone = self.connection.user.time_zone
        return EventPlace(link.external_calendar_id, link.event_key, link.external_event_id, link.etag, zone)

    def _note(self, link: CalendarEventLink, event: EventDetails, written: WrittenEvent) -> None:
        start, end = _moments(event)
        self._store(
            link,
            state=LinkState.SYNCED,
            may_exist=True,
            external_event_id=written.external_id,
            etag=written.etag,
            synced_version=event.version,
            written_start=start,
            written_end=end,
        )

    def _store(self, link: CalendarEventLink, **fields: object) -> None:
        """Keep what became of a link. A wish for more, made while we were at it, stays."""
        now = self._clock()
        own = CalendarEventLink.objects.filter(pk=link.pk)
        with transaction.atomic():
            own.update(**fields, last_error="", failures=0, updated_at=now)
            own.filter(due_at=link.due_at).update(due_at=None)


def _moments(event: EventDetails) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(event.start, UTC), datetime.fromtimestamp(event.end, UTC)
