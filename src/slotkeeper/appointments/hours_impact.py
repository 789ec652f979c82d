"""What a change of somebody's hours would mean for what is booked already; nothing is stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice

from slotkeeper.appointments.reach import Reach, own_reach
from slotkeeper.appointments.rows import AppointmentRow, Listing, read_listing
from slotkeeper.offerings.hours import Day, Member, checked_day, proposed_week
from slotkeeper.offerings.models import Closure
from slotkeeper.offerings.reading import opening_hours_of
from slotkeeper.offerings.refusals import NotInBusiness
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.intervals import Interval, overlaps
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.opening_hours import OpeningHours

MAX_APPOINTMENTS = 200
_PAGE = 500
_MAX_READ = 10_000
_STILL_TO_COME = (Status.SCHEDULED.value, Status.CONFIRMED.value)


@dataclass(frozen=True, slots=True)
class HoursProposal:
    """A change that somebody thinks of: weekdays, dates (None: the weekday's hours again), time off."""

    weekly: Mapping[int, Day] = field(default_factory=dict)
    overrides: Mapping[date, Day | None] = field(default_factory=dict)
    time_off: Interval | None = None


def read_impact(member: Member, proposal: HoursProposal, reach: Reach, now: int) -> list[AppointmentRow]:
    """List the appointments to come, of those within reach, that a change would leave outside, by start: at most 200.

    One that lies outside already is none of them. Raises NotInBusiness and InvalidFields.
    """
    left = (row for page in _pages(member, now) for row in _left_outside(member, proposal, page))
    _hours(member, proposal, date(1970, 1, 1), date(1970, 1, 1))  # refuses even where nothing is booked
    seen = (row for row in left if reach.covers(row.user_id, row.service_id))
    return list(islice(seen, MAX_APPOINTMENTS))


def _pages(member: Member, now: int) -> Iterator[list[AppointmentRow]]:
    after = None
    for _ in range(_MAX_READ // _PAGE):
        reach = own_reach(member.business_id, member.user_id)
        page = read_listing(Listing(reach, _PAGE, start=now, statuses=_STILL_TO_COME, after=after))
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = (page[-1].start_time, page[-1].id)


def _left_outside(member: Member, proposal: HoursProposal, page: list[AppointmentRow]) -> Iterator[AppointmentRow]:
    first, last = (local_day("UTC", instant) for instant in (page[0].start_time, max(row.end_time for row in page)))
    before, after = _hours(member, proposal, first, last)
    for row in page:
        own = Interval(row.start_time, row.end_time)
        is_away = proposal.time_off is not None and overlaps(own, proposal.time_off)
        if is_away or (_is_inside(own, before) and not _is_inside(own, after)):
            yield row


def _hours(member: Member, proposal: HoursProposal, first: date, last: date) -> tuple[OpeningHours, OpeningHours]:
    """Read a member's hours as they are, and say what they would become."""
    before = opening_hours_of([member.user_id], member.business_id, first, last).get(member.user_id)
    if before is None:
        raise NotInBusiness
    overrides = dict(before.overrides)
    for day, ranges in proposal.overrides.items():
        if ranges is not None:
            overrides[day] = tuple(checked_day(ranges))
        elif Closure.objects.filter(business_id=member.business_id, date=day).exists():
            overrides[day] = ()
        else:
            overrides.pop(day, None)
    weekly = tuple(tuple(day) for day in proposed_week(before.weekly, proposal.weekly))
    return before, replace(before, weekly=weekly, overrides=overrides)


def _is_inside(own: Interval, hours: OpeningHours) -> bool:
    """Say whether one window holds it. Who keeps no weekly hours is always open, but for dates that differ."""
    if not any(hours.weekly) and local_day(hours.zone, own.start) not in hours.overrides:
        return True
    return any(window.start <= own.start and own.end <= window.end for window in hours.windows(own))
