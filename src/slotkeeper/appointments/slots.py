"""When a service can be booked, and why not: what rules/slots.py decides, read from the database.

At most five statements, whatever the range: the service with its people, their hours (two), all that keeps them and
the resources it needs busy, and what stands in their calendars. Instants are seconds since 1970, UTC.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from slotkeeper import hot_sql
from slotkeeper.appointments.needed import HAS_NEEDS, needs_from, needs_select
from slotkeeper.calendars.busy import CalendarReading, has_calendars, read_calendars
from slotkeeper.offerings.reading import hours_within
from slotkeeper.rules import slots as rules
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS, MINUTE_SECONDS, local_day
from slotkeeper.rules.needed_resources import Need
from slotkeeper.rules.sharing_out import USUAL_PRIORITY, Sharing
from slotkeeper.rules.slots import Busy, Obstacle, Provider, Reason, Slot, Terms

MAX_RANGE_DAYS = 92
_FIRST_DAYS = 7
_OF_NEED = 2  # the last column of rows about resources; claims have 0, time off has 1


class UnknownService(Exception):
    """There is no such service, or nobody gives it."""


@dataclass(frozen=True, slots=True)
class SlotQuery:
    """Which service, given by whom (None: as the service says), with a start in which time, seen from when."""

    business_id: int
    service_id: int
    within: Interval
    now: int
    user_id: int | None = None
    besides_appointment_id: int | None = None  # the one that is to be moved is in nobody's way


class Person(NamedTuple):
    """Somebody who gives a service."""

    membership_id: int
    user_id: int
    time_zone: str
    name: str
    has_calendars: bool = False
    priority: int = USUAL_PRIORITY
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as it is offered: its rules, and who gives it."""

    service_id: int
    business_id: int
    name: str
    location: str
    terms: Terms
    assignment: str
    sharing: Sharing
    requires_confirmation: bool
    has_needs: bool
    people: tuple[Person, ...]

    @property
    def is_together(self) -> bool:
        """Whether all of its people are needed at once."""
        return self.assignment == "all"

    @property
    def reach_seconds(self) -> int:
        """How far from its start what is busy may stand in a slot's way: as far as its day, where that may be full."""
        terms = self.terms
        own = terms.duration_seconds + terms.buffer_before_seconds + terms.buffer_after_seconds
        has_limit = terms.daily_limit_count is not None or terms.daily_limit_seconds is not None
        return max(own, 2 * DAY_SECONDS) if has_limit else own

    @property
    def user_ids(self) -> tuple[int, ...]:
        """Who gives it."""
        return tuple(person.user_id for person in self.people)


class Supply(NamedTuple):
    """What the rules need to know: the people who give a service, and its terms with what it needs beside them."""

    providers: list[Provider]
    terms: Terms


def read_slots(query: SlotQuery, limit: int | None = None) -> list[Slot]:
    """Read the slots that start in a range, by start; at most `limit` of them. Raises UnknownService."""
    return listed_slots_of(read_offer(query.business_id, query.service_id, query.user_id), query, limit)


def listed_slots_of(offer: Offer, query: SlotQuery, limit: int | None) -> list[Slot]:
    """Find the slots of an offer that start in a range, by start; at most `limit` of them."""
    return list(slots_of(offer, query)) if limit is None else first_slots_of(offer, query, limit)


def read_calendars_of(offer: Offer, now: int) -> dict[int, list[CalendarReading]]:
    """Read how fresh the calendars are that have a say, of each person of an offer who has any."""
    return _read_calendars(offer, Interval(now, now), now)


def read_next_slots(query: SlotQuery, count: int) -> list[Slot]:
    """Read the first slots at or after the start of the range, to the service's horizon. Raises UnknownService."""
    offer = read_offer(query.business_id, query.service_id, query.user_id)
    return next_slots_of(offer, query, count)


def next_slots_of(offer: Offer, query: SlotQuery, count: int) -> list[Slot]:
    """Find the first slots of an offer at or after the start of the range, to its horizon."""
    horizon = query.now + offer.terms.horizon_seconds + 1
    return first_slots_of(offer, replace(query, within=Interval(query.within.start, horizon)), count)


def first_slots_of(offer: Offer, query: SlotQuery, count: int) -> list[Slot]:
    """Find the first slots of an offer that start in a range, reading no more days than it takes.

    Mostly the first days suffice; the stretches read grow, so that one without a slot is soon crossed.
    """
    found: list[Slot] = []
    start, days = max(query.within.start, query.now), _FIRST_DAYS
    while start < query.within.end and len(found) < count:
        within = Interval(start, min(start + days * DAY_SECONDS, query.within.end))
        found += islice(slots_of(offer, replace(query, within=within)), count - len(found))
        start, days = within.end, 2 * days
    return found


def read_obstacles(query: SlotQuery) -> list[Obstacle]:
    """Say why the start of the range is no slot; [] where it is one. Raises UnknownService."""
    offer = read_offer(query.business_id, query.service_id, query.user_id)
    return obstacles_of(offer, query)


def slots_of(offer: Offer, query: SlotQuery) -> Iterator[Slot]:
    """Give the slots of an offer that start in the query's range, lazily."""
    providers, terms = read_supply(offer, query)
    return rules.slots(providers, terms, query.within, query.now, together=offer.is_together)


def obstacles_of(offer: Offer, query: SlotQuery) -> list[Obstacle]:
    """Say why the start of the query's range is no slot of an offer."""
    start = query.within.start
    providers, terms = read_supply(offer, replace(query, within=Interval(start, start + 1)))
    return rules.obstacles(providers, terms, start, query.now, together=offer.is_together)


def read_offer(business_id: int, service_id: int, user_id: int | None = None) -> Offer:
    """Read a service and who gives it: only `user_id` where given. Raises UnknownService."""
    found = hot_sql.rows(
        "SELECT s.name, s.location, s.duration_minutes, coalesce(s.step_minutes, s.duration_minutes), "
        "s.buffer_before_minutes, s.buffer_after_minutes, s.minimum_notice_minutes, s.horizon_days, "
        f"s.daily_limit_count, s.daily_limit_minutes, s.assignment, s.sharing, s.requires_confirmation, {HAS_NEEDS}, "
        f"m.id, u.id, u.time_zone, u.name, {has_calendars('u.id')}, p.priority, p.weight "
        "FROM services s JOIN service_providers p ON p.service_id = s.id "
        "JOIN memberships m ON m.id = p.membership_id AND NOT m.is_suspended "
        "JOIN users u ON u.id = m.user_id AND u.is_active "
        "WHERE s.id = %s AND s.business_id = %s AND s.is_active ORDER BY u.id",
        [service_id, business_id],
    )
    people = tuple(Person(*row[14:]) for row in found)
    if user_id is not None and found and found[0][10] != "all":
        people = tuple(person for person in people if person.user_id == user_id)
    if not people:
        raise UnknownService
    name, location, *numbers, assignment, sharing, requires_confirmation, has_needs = found[0][:14]
    duration, step, before, after, notice, horizon_days, most, most_minutes = numbers
    terms = Terms(
        duration_seconds=duration * MINUTE_SECONDS,
        step_seconds=step * MINUTE_SECONDS,
        buffer_before_seconds=before * MINUTE_SECONDS,
        buffer_after_seconds=after * MINUTE_SECONDS,
        notice_seconds=notice * MINUTE_SECONDS,
        horizon_seconds=horizon_days * DAY_SECONDS,
        daily_limit_count=most,
        daily_limit_seconds=None if most_minutes is None else most_minutes * MINUTE_SECONDS,
    )
    flags = bool(requires_confirmation), bool(has_needs)
    return Offer(service_id, business_id, name, location, terms, assignment, Sharing(sharing), *flags, people)


def read_supply(offer: Offer, query: SlotQuery, reach_seconds: int = 0) -> Supply:
    """Read what the rules need to know of each person and resource, for a query's range, and as far around it."""
    start, end = query.within
    hours = hours_within(offer.people, offer.business_id, query.within)
    reach = max(reach_seconds, offer.reach_seconds)
    busy, needs = _read_busy(offer, query, Interval(start - reach, end + reach))
    around = Interval(start - offer.reach_seconds, end + offer.reach_seconds)
    in_calendars = _read_calendars(offer, around, query.now)
    providers = [
        Provider(
            user_id=person.user_id,
            hours=hours[person.user_id],
            busy=_with_calendars([claim.busy for claim in busy[person.user_id]], in_calendars.get(person.user_id)),
            load=_load(busy[person.user_id], person.time_zone),
        )
        for person in offer.people
    ]
    return Supply(providers, replace(offer.terms, needs=needs) if needs else offer.terms)


def _read_calendars(offer: Offer, window: Interval, now: int) -> dict[int, list[CalendarReading]]:
    user_ids = [person.user_id for person in offer.people if person.has_calendars]
    return read_calendars(user_ids, window, now) if user_ids else {}


def _with_calendars(busy: list[Busy], readings: list[CalendarReading] | None) -> list[Busy]:
    if not readings:
        return busy
    in_calendars = (
        Busy(start, end, Reason.CALENDAR_BUSY, start, end) for reading in readings for start, end in reading.busy
    )
    return sorted([*busy, *in_calendars], key=attrgetter("start"))


class _Claim(NamedTuple):
    busy: Busy
    is_of_service: bool


def _read_busy(offer: Offer, query: SlotQuery, window: Interval) -> tuple[dict[int, list[_Claim]], list[Need]]:
    """Read what occupies the people of an offer in a window, claims and time off, and what it needs; by start.

    One statement. Claims of a person never overlap, so the last one that begins before the window is the only
    earlier one that can reach into it.
    """
    epoch, stamp = hot_sql.epoch, hot_sql.timestamp
    people = ", ".join(["%s"] * len(offer.people))
    start, end = stamp(window.start), stamp(window.end)
    needs = ""
    of_needs: list[Any] = []
    if offer.has_needs:
        needs, of_needs = needs_select(offer.business_id, offer.service_id, window, query.now)
        needs = f"UNION ALL {needs} "
    found = hot_sql.rows(
        f"SELECT u.id, {epoch('c.claimed_from')} AS blocked_from, {epoch('c.claimed_until')}, a.id, a.business_id, "
        f"{epoch('a.start_time')}, {epoch('a.end_time')}, a.service_id, h.business_id, 0 "
        "FROM users u JOIN time_claims c ON c.user_id = u.id AND c.claimed_from < %s AND c.claimed_until > %s "
        "AND c.claimed_from >= coalesce((SELECT max(b.claimed_from) FROM time_claims b "
        "WHERE b.user_id = u.id AND b.claimed_from <= %s), %s) AND (c.held_until IS NULL OR c.held_until > %s) "
        "LEFT JOIN appointments a ON a.id = c.appointment_id LEFT JOIN holds h ON h.id = c.hold_id "
        f"WHERE u.id IN ({people}) UNION ALL "
        f"SELECT t.user_id, {epoch('t.start_time')}, {epoch('t.end_time')}, NULL, NULL, NULL, NULL, NULL, NULL, 1 "
        f"FROM time_off t WHERE t.user_id IN ({people}) AND t.start_time < %s AND t.end_time > %s "
        f"{needs}ORDER BY blocked_from",
        [end, start, start, start, stamp(query.now), *offer.user_ids, *offer.user_ids, end, start, *of_needs],
    )
    claims: dict[int, list[_Claim]] = defaultdict(list)
    for user_id, *columns in (row for row in found if row[-1] != _OF_NEED):
        claim = _claim(columns, offer)
        if claim.busy.appointment_id is None or claim.busy.appointment_id != query.besides_appointment_id:
            claims[user_id].append(claim)
    rows = (row for row in found if row[-1] == _OF_NEED)
    return claims, needs_from(rows, offer.business_id, query.besides_appointment_id) if offer.has_needs else []


def _claim(columns: Sequence[Any], offer: Offer) -> _Claim:
    blocked_from, blocked_until, appointment_id, owner_id, start, end, service_id, holder_id, is_time_off = columns
    if is_time_off:
        return _Claim(Busy(blocked_from, blocked_until, Reason.TIME_OFF, blocked_from, blocked_until), False)
    if owner_id == offer.business_id:
        busy = Busy(blocked_from, blocked_until, Reason.BOOKED, start, end, appointment_id)
        return _Claim(busy, service_id == offer.service_id)
    reason = Reason.HELD if holder_id == offer.business_id else Reason.ELSEWHERE
    return _Claim(Busy(blocked_from, blocked_until, reason, blocked_from, blocked_until), False)


def _load(claims: Sequence[_Claim], zone: str) -> dict[date, tuple[int, int]]:
    """Count a person's appointments of the service, and their seconds, for each of the person's days."""
    load: dict[date, tuple[int, int]] = {}
    for busy, is_of_service in claims:
        if is_of_service:
            day = local_day(zone, busy.own_start)
            count, seconds = load.get(day, (0, 0))
            load[day] = count + 1, seconds + busy.own_end - busy.own_start
    return load
