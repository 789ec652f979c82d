"""Which of our things should stand in which calendars: wishes only, no network here."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet
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

_ROWS_AT_ONCE = 200


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


def want(wishes: Sequence[Wanted], now: datetime) -> None:
    """Wish that things stand in each calendar of their people that receives, and in no other. In a transaction.

    What already is as it should be is left alone; a change of its times settles what a calendar's owner proposed. What
    is over and was tidied away stays away.
    """
    about = {(one.entity_type, one.entity_id): one for one in wishes}
    receiving = _receiving({user_id for one in wishes for user_id in one.user_ids})
    places = {
        (*subject, calendar.pk): calendar
        for subject, one in about.items()
        for user_id in (one.user_ids if one.version is not None else ())
        for calendar in receiving[user_id]
    }
    links = _links_to(about, places, now)
    settled, changed, candidates = [], [], []
    for link in links:
        subject = link.internal_entity_type, link.internal_entity_id
        one, is_wanted = about[subject], (*subject, link.calendar_id) in places
        times = (one.start, one.end) if is_wanted and not one.is_final else (None, None)
        if times != (link.written_start, link.written_end):
            settled.append(link.pk)
        if times != (link.wanted_start, link.wanted_end):
            link.wanted_start, link.wanted_end = times
            changed.append(link)
        is_gone = link.state == LinkState.GONE and not link.may_exist
        if not (is_gone and (not is_wanted or one.is_final or one.end <= now)):
            candidates.append((link, Wish(one.version if is_wanted else None)))
    settle(settled, Resolution.SUPERSEDED, now)
    CalendarEventLink.objects.bulk_update(changed, ["wanted_start", "wanted_end"], batch_size=_ROWS_AT_ONCE)
    disputed = _disputed(links)
    _make_due([one for one, wish in candidates if _is_something_to_do(one, wish, one.pk in disputed)], now)


def settle(link_ids: Iterable[int], resolution: Resolution, now: datetime) -> bool:
    """Close what is proposed about some links, and say whether anything was.

    What their owner did there is known now and may be written over.
    """
    opened = CalendarProposal.objects.filter(link_id__in=list(link_ids), resolved_at=None)
    CalendarEventLink.objects.filter(pk__in=opened.values("link_id")).update(etag="")
    return bool(opened.update(resolved_at=now, resolution=resolution))


def standing_of(link: CalendarEventLink) -> Standing:
    """Say what is known to stand in the calendar."""
    return Standing(link.synced_version, link.may_exist, bool(_disputed([link])))


def write_over(links: QuerySet[CalendarEventLink], now: datetime) -> None:
    """Have events written anew though nothing of their subject changed its version; a decision is still waited for."""
    due = links.filter(may_exist=True, synced_version__isnull=False)
    wake(CalendarConnection.objects.filter(pk__in=list(due.values_list("connection_id", flat=True))), now)
    due.update(synced_version=0, state=LinkState.PENDING, due_at=now)


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


def _receiving(user_ids: Iterable[int]) -> Mapping[int, list[ConnectedCalendar]]:
    found: dict[int, list[ConnectedCalendar]] = defaultdict(list)
    receiving = ConnectedCalendar.objects.filter(user_id__in=list(user_ids), receives=True)
    for calendar in receiving.select_related("connection").order_by("pk"):
        found[calendar.user_id].append(calendar)
    return found


def _links_to(
    about: Mapping[tuple[str, int], Wanted], places: Mapping[tuple[str, int, int], ConnectedCalendar], now: datetime
) -> list[CalendarEventLink]:
    """Lock the links of some subjects, always in the same order, and make those that are missing.

    Somebody else who plans the same at this moment may make them first.
    """
    types, ids = {entity_type for entity_type, _ in about}, [entity_id for _, entity_id in about]
    known = CalendarEventLink.objects.filter(internal_entity_type__in=types, internal_entity_id__in=ids)
    locked = known.select_for_update().order_by("internal_entity_id", "pk")
    links = list(locked)
    there = {(link.internal_entity_type, link.internal_entity_id, link.calendar_id) for link in links}
    missing = [_new_link(about[place[:2]], places[place], now) for place in places if place not in there]
    if missing:
        CalendarEventLink.objects.bulk_create(missing, batch_size=_ROWS_AT_ONCE, ignore_conflicts=True)
        links = list(locked.all())
    return links


def _new_link(wanted: Wanted, calendar: ConnectedCalendar, now: datetime) -> CalendarEventLink:
    return CalendarEventLink(
        internal_entity_type=wanted.entity_type,
        internal_entity_id=wanted.entity_id,
        connection_id=calendar.connection_id,
        calendar=calendar,
        external_calendar_id=calendar.external_id,
        event_key=_first_key(wanted, calendar),
        due_at=now,
        updated_at=now,
    )


def _disputed(links: Iterable[CalendarEventLink]) -> set[int]:
    opened = CalendarProposal.objects.filter(link__in=list(links), resolved_at=None)
    return set(opened.values_list("link_id", flat=True))


def _is_something_to_do(link: CalendarEventLink, wish: Wish, is_disputed: bool) -> bool:
    if wish.version is None and link.state != LinkState.GONE:
        return True
    standing = Standing(link.synced_version, link.may_exist, is_disputed)
    return next_step(wish, standing) is not Step.NOTHING


def _make_due(links: list[CalendarEventLink], now: datetime) -> None:
    for link in links:
        if link.state == LinkState.GONE and not link.may_exist:
            forget_event(link)
    CalendarEventLink.objects.filter(pk__in=[link.pk for link in links]).update(
        state=LinkState.PENDING, due_at=now, updated_at=now
    )
    connections = CalendarConnection.objects.filter(pk__in={link.connection_id for link in links})
    wake(connections.exclude(status=Health.RECONNECT), now)
