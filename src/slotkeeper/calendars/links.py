"""Which of our things should stand in which calendars: wishes only, no network here."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.utils.crypto import salted_hmac

from slotkeeper.calendars.leases import wake
from slotkeeper.calendars.models import (
    CalendarConnection,
    CalendarEventLink,
    CalendarProposal,
    ConnectedCalendar,
    Health,
    LinkState,
    Resolution,
)
from slotkeeper.rules.reconcile import Standing, Step, Wish, next_step


class Wanted(NamedTuple):
    """Something of ours as it should stand in the calendars of some people; `version` None: in none.

    Once it is final, what people do to it in their calendars is proposed no more.
    """

    entity_type: str
    entity_id: int
    user_ids: frozenset[int]
    version: int | None
    start: datetime
    end: datetime
    is_final: bool = False


def want(wanted: Wanted, now: datetime) -> None:
    """Wish that something stands in each calendar of its people that receives, and in no other. In a transaction.

    What already is as it should be is left alone; a change of its times settles what the calendar's owner proposed.
    """
    calendars = [] if wanted.version is None else list(_receiving(wanted.user_ids))
    times = (None, None) if wanted.is_final else (wanted.start, wanted.end)
    links = {
        link.calendar_id: link
        for link in CalendarEventLink.objects.select_for_update().filter(
            internal_entity_type=wanted.entity_type, internal_entity_id=wanted.entity_id
        )
    }
    waiting = []
    for calendar in calendars:
        link = links.pop(calendar.pk, None) or _new_link(wanted, calendar, now)
        if wanted.is_final or (link.written_start, link.written_end) != times:
            settle([link.pk], Resolution.SUPERSEDED, now)
        _note_times(link, *times)
        if next_step(Wish(wanted.version), standing_of(link)) is not Step.NOTHING:
            waiting.append(link)
    settle([link.pk for link in links.values()], Resolution.SUPERSEDED, now)
    for link in links.values():
        _note_times(link, None, None)
    waiting += [link for link in links.values() if link.may_exist or link.state != LinkState.GONE]
    _make_due(waiting, now)


def settle(link_ids: Iterable[int], resolution: Resolution, now: datetime) -> bool:
    """Close what is proposed about some links, and say whether anything was.

    What their owner did there is known now and may be written over.
    """
    opened = CalendarProposal.objects.filter(link_id__in=list(link_ids), resolved_at=None)
    CalendarEventLink.objects.filter(pk__in=opened.values("link_id")).update(etag="")
    return bool(opened.update(resolved_at=now, resolution=resolution))


def standing_of(link: CalendarEventLink) -> Standing:
    """Say what is known to stand in the calendar."""
    is_disputed = link.proposals.filter(resolved_at=None).exists()
    return Standing(link.synced_version, link.may_exist, is_disputed)


def write_again(link: CalendarEventLink, now: datetime) -> None:
    """Have an event written as we know it, over what its owner made of it; a deleted one becomes a new one."""
    link.synced_version, link.etag, link.state, link.due_at = None, "", LinkState.PENDING, now
    link.save(update_fields=["synced_version", "etag", "state", "due_at"])
    wake(CalendarConnection.objects.filter(pk=link.connection_id), now)


def forget_event(link: CalendarEventLink) -> None:
    """Give up an event that is gone from the calendar; one that is wanted again gets a key of its own."""
    link.external_event_id = link.etag = ""
    link.synced_version, link.may_exist, link.event_key = None, False, new_event_key()
    link.save(update_fields=["external_event_id", "etag", "synced_version", "may_exist", "event_key"])


def new_event_key() -> str:
    """Make a key for an event: Google allows a to v and digits."""
    return f"slk{secrets.token_hex(16)}"


def _first_key(wanted: Wanted, calendar: ConnectedCalendar) -> str:
    """Make the key of an event's first writing: an account that is connected again finds what it has."""
    account = calendar.connection
    about = (
        *(wanted.entity_type, wanted.entity_id, calendar.user_id),
        *(account.provider, account.url, account.username, calendar.external_id),
    )
    digest = salted_hmac("slotkeeper.calendars.event_key", repr(about), algorithm="sha256")
    return f"slk{digest.hexdigest()[:32]}"


def _receiving(user_ids: Iterable[int]) -> Iterable[ConnectedCalendar]:
    receiving = ConnectedCalendar.objects.filter(user_id__in=user_ids, receives=True, is_writable=True)
    return receiving.select_related("connection").order_by("pk")


def _new_link(wanted: Wanted, calendar: ConnectedCalendar, now: datetime) -> CalendarEventLink:
    """Make the link, unless somebody else who plans the same at this moment has made it."""
    link = CalendarEventLink(
        internal_entity_type=wanted.entity_type,
        internal_entity_id=wanted.entity_id,
        connection_id=calendar.connection_id,
        calendar=calendar,
        external_calendar_id=calendar.external_id,
        event_key=_first_key(wanted, calendar),
        due_at=now,
        updated_at=now,
    )
    CalendarEventLink.objects.bulk_create([link], ignore_conflicts=True)
    about = {"internal_entity_type": wanted.entity_type, "internal_entity_id": wanted.entity_id}
    return CalendarEventLink.objects.select_for_update().get(calendar=calendar, **about)


def _note_times(link: CalendarEventLink, start: datetime | None, end: datetime | None) -> None:
    if (link.wanted_start, link.wanted_end) != (start, end):
        CalendarEventLink.objects.filter(pk=link.pk).update(wanted_start=start, wanted_end=end)


def _make_due(links: list[CalendarEventLink], now: datetime) -> None:
    for link in links:
        if link.state == LinkState.GONE and not link.may_exist:
            forget_event(link)
    CalendarEventLink.objects.filter(pk__in=[link.pk for link in links]).update(
        state=LinkState.PENDING, due_at=now, updated_at=now
    )
    connections = CalendarConnection.objects.filter(pk__in={link.connection_id for link in links})
    wake(connections.exclude(status=Health.RECONNECT), now)
