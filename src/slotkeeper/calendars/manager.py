"""CalendarManager: all that we do in one account at a provider, under its lease.

Every write is safe to repeat: what is about to be created is noted first, under a key that the provider keeps, so a
try whose answer was lost, or whose process was killed, is found again.
"""

from collections.abc import Callable
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
from slotkeeper.calendars.proposals import propose
from slotkeeper.calendars.providers.base import (
    CalendarProvider,
    ChangesRequest,
    CursorExpired,
    EventDetails,
    EventPlace,
    WrittenEvent,
)
from slotkeeper.rules.intervals import Interval, union

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
        self._note(link, event, self.provider.update_event(self._place(link), event))

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
            owner_email=user.email,
        )
        try:
            changes = self.provider.read_changes(calendar.external_id, request)
        except CursorExpired:
            changes = self.provider.read_changes(calendar.external_id, request._replace(cursor=""))
        if changes.are_none:
            note_reading(calendar, changes, request, now)
            return
        ours = links_seen(calendar, changes)
        sightings = [self._looked_up(sighting) for sighting in sightings_in(calendar, changes, ours)]
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

    def _looked_up(self, sighting: Sighting) -> Sighting:
        """Ask for an event that is missing: it may only have been moved out of the time that is read."""
        is_missing = sighting.time is None and sighting.link.wanted_end is not None
        return self.find_event(sighting.link) if is_missing else sighting

    def _place(self, link: CalendarEventLink) -> EventPlace:
        zone = self.connection.user.time_zone
        return EventPlace(link.external_calendar_id, link.event_key, link.external_event_id, link.etag, zone)

    def _note(self, link: CalendarEventLink, event: EventDetails, written: WrittenEvent) -> None:
        self._store(
            link,
            state=LinkState.SYNCED,
            may_exist=True,
            external_event_id=written.external_id,
            etag=written.etag,
            synced_version=event.version,
            written_start=datetime.fromtimestamp(event.start, UTC),
            written_end=datetime.fromtimestamp(event.end, UTC),
        )

    def _store(self, link: CalendarEventLink, **fields: object) -> None:
        """Keep what became of a link. A wish for more, made while we were at it, stays."""
        now = self._clock()
        own = CalendarEventLink.objects.filter(pk=link.pk)
        with transaction.atomic():
            own.update(**fields, last_error="", failures=0, updated_at=now)
            own.filter(due_at=link.due_at).update(due_at=None)
