"""Slots over HTTP: when a service can be booked, when next, and why not."""

import time
from itertools import chain
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.appointments.slots import (
    MAX_RANGE_DAYS,
    Offer,
    SlotQuery,
    listed_slots_of,
    next_slots_of,
    obstacles_of,
    read_calendars_of,
    read_offer,
)
from slotkeeper.calendars.busy import CalendarReading
from slotkeeper.doors.api.appointment_forms import CalendarStanding, Source, Time, ZoneName, source_of, write_calendars
from slotkeeper.doors.api.base import NOT_FOUND, JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.reading import known_id
from slotkeeper.doors.api.times import TimeReader, read_range, with_lost_plus, zone_of
from slotkeeper.doors.disclosure import readable_appointments
from slotkeeper.doors.reasons import SENTENCES
from slotkeeper.people.callers import Caller
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission
from slotkeeper.rules.slots import Obstacle, Slot

SlotLimit = Annotated[int, Meta(ge=1, le=5000)]


class SlotsQuery(msgspec.Struct):
    """Which service, in which stretch of time, given by whom (left out: by anyone, or all, as the service says)."""

    service_id: int
    start: Time
    end: Time
    user_id: int | None = None
    limit: SlotLimit | None = None
    time_zone: ZoneName | None = None


class NextSlotQuery(msgspec.Struct):
    """Which service, not before when (left out: now)."""

    service_id: int
    start: Time | None = None
    user_id: int | None = None
    time_zone: ZoneName | None = None


class WhyQuery(msgspec.Struct):
    """Which service, by whom, and the start asked about."""

    service_id: int
    at: Time
    user_id: int | None = None
    time_zone: ZoneName | None = None


class SlotOut(msgspec.Struct, gc=False):
    """A time at which the service can be booked, and the people who could give it (or all who will)."""

    start: str
    end: str
    user_ids: list[int]


class CalendarOfPerson(CalendarStanding):
    """A connected calendar that blocks time, and whose it is."""

    user_id: int


class SlotsAnswer(msgspec.Struct):
    """The slots that start in the stretch of time, by start."""

    time_zone: str
    slots: list[SlotOut]
    source: Source
    calendars: list[CalendarOfPerson]


class NextSlotAnswer(msgspec.Struct):
    """The first slot, or null where there is none up to the service's horizon."""

    time_zone: str
    slot: SlotOut | None
    source: Source | UnsetType = UNSET
    calendars: list[CalendarOfPerson] | UnsetType = UNSET


class ReasonOut(msgspec.Struct, omit_defaults=True):
    """One thing that stands in the way, and in whose: nobody's (null) where a resource is missing."""

    code: str
    detail: str
    user_id: int | None
    appointment_id: int | UnsetType = UNSET
    resource_id: int | UnsetType = UNSET


class WhyAnswer(msgspec.Struct):
    """Whether the time can be booked, and every reason why not."""

    bookable: bool
    reasons: list[ReasonOut]
    source: Source | UnsetType = UNSET
    calendars: list[CalendarOfPerson] | UnsetType = UNSET


class Slots(JsonEndpoint):
    """The slots of a service."""

    permissions = {"GET": Permission.FREEBUSY_READ}

    @answers(SlotsAnswer, refusals=NOT_FOUND)
    def get(self, parsed_query: Query[SlotsQuery]) -> HttpResponse:
        """List the times at which a service can be booked, in at most 92 days."""
        query, caller = parsed_query, self.caller
        zone = zone_of(caller, query.time_zone)
        _, within = read_range(zone, query.start, query.end, MAX_RANGE_DAYS)
        asked = _slot_query(caller, query, within)
        offer = read_offer(asked.business_id, asked.service_id, asked.user_id)
        written = {"time_zone": zone, "slots": write_offered(listed_slots_of(offer, asked, query.limit), zone)}
        return answer(written | _write_sources(read_calendars_of(offer, asked.now), zone, caller))


class NextSlot(JsonEndpoint):
    """The first free slot."""

    permissions = {"GET": Permission.FREEBUSY_READ}

    @answers(NextSlotAnswer, refusals=NOT_FOUND)
    def get(self, parsed_query: Query[NextSlotQuery]) -> HttpResponse:
        """Find the first time at which a service can be booked."""
        query, caller = parsed_query, self.caller
        zone = zone_of(caller, query.time_zone)
        times = TimeReader(zone)
        start = int(time.time()) if query.start is None else times.edge("start", with_lost_plus(query.start))[1]
        times.check()
        asked = _slot_query(caller, query, Interval(start, start))
        offer = read_offer(asked.business_id, asked.service_id, asked.user_id)
        offered = write_offered(next_slots_of(offer, asked, 1), zone)
        written = {"time_zone": zone, "slot": offered[0] if offered else None}
        return answer(written | _read_sources(offer, asked.now, zone, caller))


class WhyNot(JsonEndpoint):
    """The reasons against a time."""

    permissions = {"GET": Permission.FREEBUSY_READ}

    @answers(WhyAnswer, refusals=NOT_FOUND)
    def get(self, parsed_query: Query[WhyQuery]) -> HttpResponse:
        """Say why a time cannot be booked; no reason means that it can."""
        query, caller = parsed_query, self.caller
        zone = zone_of(caller, query.time_zone)
        times = TimeReader(zone)
        at = times.instant("at", with_lost_plus(query.at))
        times.check()
        asked = _slot_query(caller, query, Interval(at, at + 1))
        offer = read_offer(asked.business_id, asked.service_id, asked.user_id)
        obstacles = obstacles_of(offer, asked)
        shown = readable_appointments(obstacles, caller)
        written = {"bookable": not obstacles, "reasons": [_write_obstacle(one, shown) for one in obstacles]}
        return answer(written | _read_sources(offer, asked.now, zone, caller))


def write_offered(slots: list[Slot], zone: str) -> list[SlotOut]:
    """Write slots with the offset of a zone."""
    texts = TimeForm.with_offset(zone).write_all(edge for slot in slots for edge in (slot.start, slot.end))
    return [
        SlotOut(start, end, list(slot.user_ids))
        for slot, start, end in zip(slots, texts[::2], texts[1::2], strict=True)
    ]


def _slot_query(caller: Caller, query: SlotsQuery | NextSlotQuery | WhyQuery, within: Interval) -> SlotQuery:
    user_id = None if query.user_id is None else known_id(query.user_id)
    return SlotQuery(caller.business_id, known_id(query.service_id), within, int(time.time()), user_id)


def _read_sources(offer: Offer, now: int, zone: str, caller: Caller) -> dict[str, Any]:
    readings = read_calendars_of(offer, now)
    return _write_sources(readings, zone, caller) if readings else {}


def _write_sources(readings: dict[int, list[CalendarReading]], zone: str, caller: Caller) -> dict[str, Any]:
    form = TimeForm.with_offset(zone)
    calendars = [
        CalendarOfPerson(one.name, one.status, one.as_of, user_id)
        for user_id, of_person in readings.items()
        for one in write_calendars(of_person, form, user_id, caller)
    ]
    return {"source": source_of(chain.from_iterable(readings.values())), "calendars": calendars}


def _write_obstacle(obstacle: Obstacle, readable: frozenset[int]) -> ReasonOut:
    return ReasonOut(
        code=obstacle.reason.value,
        detail=str(SENTENCES[obstacle.reason]),
        user_id=obstacle.user_id,
        appointment_id=obstacle.appointment_id if obstacle.appointment_id in readable else UNSET,
        resource_id=UNSET if obstacle.resource_id is None else obstacle.resource_id,
    )
