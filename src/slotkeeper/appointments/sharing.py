"""Who of those who are free is given an appointment, and the reason as the record of changes keeps it."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from slotkeeper import hot_sql
from slotkeeper.appointments.slots import Offer, Person, SlotQuery
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import DAY_SECONDS, day_bounds, local_day
from slotkeeper.rules.sharing_out import Candidate, Sharing, share_out
from slotkeeper.rules.slots import Provider, Reason, Slot

WEEK_REACH_SECONDS = 8 * DAY_SECONDS  # from a start to either end of its week, and of its day, in any zone
MOST_TOLD = 5
_LEAST_TURNS = 200
_BOOKED = {Reason.BOOKED, Reason.HELD, Reason.ELSEWHERE}


class Given(NamedTuple):
    """Who gives a slot, its own person first, and why."""

    user_ids: tuple[int, ...]
    assignment: dict[str, Any]


def give(offer: Offer, query: SlotQuery, slot: Slot, providers: Sequence[Provider]) -> Given:
    """Choose who gives a slot of those who are free. `providers` reach over the whole week; all are locked."""
    if offer.is_together:
        return Given(slot.user_ids, {"method": "all", "reason": "all_needed"})
    if query.user_id is not None:
        return Given(slot.user_ids, {"method": "chosen", "reason": "chosen_by_customer"})
    people = {person.user_id: person for person in offer.people}
    candidates = [_candidate(people[one.user_id], one, slot.start) for one in providers if one.user_id in slot.user_ids]
    turns = _read_turns(offer) if len(candidates) > 1 else []
    choice = share_out(candidates, offer.sharing, turns)
    told = {one.user_id: one for one in candidates}
    assignment = {
        "method": offer.sharing.value,
        "reason": choice.because.value,
        "candidates": [_told(told[user_id], offer.sharing) for user_id in choice.user_ids[:MOST_TOLD]],
    }
    return Given(choice.user_ids[:1], assignment)


def _candidate(person: Person, provider: Provider, start: int) -> Candidate:
    day = local_day(person.time_zone, start)
    monday, sunday = (date.fromordinal(day.toordinal() - day.weekday() + days) for days in (0, 6))
    week = Interval(_bounds(person, monday).start, _bounds(person, sunday).end)
    return Candidate(
        user_id=person.user_id,
        day_seconds=_booked(provider, _bounds(person, day)),
        week_seconds=_booked(provider, week),
        priority=person.priority,
        weight=person.weight,
    )


def _bounds(person: Person, day: date) -> Interval:
    return day_bounds(person.time_zone, day.year, day.month, day.day)


def _booked(provider: Provider, within: Interval) -> int:
    """Add up what of a stretch of time is booked, buffers included."""
    overlaps = (
        min(busy.end, within.end) - max(busy.start, within.start) for busy in provider.busy if busy.reason in _BOOKED
    )
    return sum(seconds for seconds in overlaps if seconds > 0)


def _read_turns(offer: Offer) -> list[int]:
    """Read who was given the service, the last one first: enough for a round of all its people and their order."""
    most = max(_LEAST_TURNS, 2 * sum(person.weight for person in offer.people))
    found = hot_sql.rows(
        "SELECT user_id FROM appointments WHERE service_id = %s AND status <> %s ORDER BY id DESC LIMIT %s",
        [offer.service_id, Status.CANCELED.value, most],
    )
    return [user_id for (user_id,) in found]


def _told(one: Candidate, sharing: Sharing) -> dict[str, int]:
    told = {"user_id": one.user_id, "day_minutes": one.day_seconds // 60, "week_minutes": one.week_seconds // 60}
    if sharing is Sharing.PRIORITY:
        told["priority"] = one.priority
    if sharing is Sharing.ROTATION:
        told["weight"] = one.weight
    return told
