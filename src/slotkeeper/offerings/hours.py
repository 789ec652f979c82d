"""The verbs that change when a member is open: the ordinary week, and dates that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.offerings.models import DAY_MINUTES, DateOverride, OpeningHours
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.models import Membership
from slotkeeper.rules.opening_hours import Range

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_RANGES = 20

Day = Sequence[Range]


@dataclass(frozen=True, slots=True)
class Member:
    """Whose hours, in which business."""

    business_id: int
    user_id: int


class HoursVersionConflict(StaleVersion):
    """The week was changed in the meantime."""


def set_weekly_hours(
    member: Member, days: Mapping[int, Day], actor: Actor, versions: frozenset[int] | None = None
) -> list[list[Range]]:
    """Replace the ranges of the weekdays given (0 is Monday) and give back the whole week.

    Minutes since midnight; an end at or before the start lies on the next day. Raises NotInBusiness;
    InvalidFields, whose fields are the weekdays' names; and HoursVersionConflict, with the membership, where the
    week has none of `versions` (None: any will do).
    """
    with transaction.atomic():
        membership = locked_membership(member)
        if versions is not None and membership.hours_version not in versions:
            raise HoursVersionConflict(membership)
        before = read_week(membership.pk)
        after = proposed_week(before, days)
        if after != before:
            changed = [weekday for weekday in range(7) if after[weekday] != before[weekday]]
            OpeningHours.objects.filter(membership=membership, weekday__in=changed).delete()
            OpeningHours.objects.bulk_create(
                OpeningHours(membership=membership, weekday=weekday, start_minute=start, end_minute=end)
                for weekday in changed
                for start, end in after[weekday]
            )
            membership.hours_version += 1
            membership.save(update_fields=["hours_version"])
            subject = Subject(member.business_id, "opening_hours", membership.pk, membership.hours_version)
            record(subject, "updated", actor, _named(before, changed), _named(after, changed))
    return after


def set_override(member: Member, day: date, ranges: Day, actor: Actor) -> DateOverride:
    """Give a date other hours than its weekday's; no ranges close it. Raises NotInBusiness and InvalidFields."""
    wanted = checked_day(ranges)
    with transaction.atomic():
        membership = locked_membership(member)
        override = DateOverride.objects.filter(membership=membership, date=day).first()
        before = None if override is None else {"ranges": override.ranges}
        stored = [list(one) for one in wanted]
        if override is None:
            override = DateOverride.objects.create(membership=membership, date=day, ranges=stored)
        elif override.ranges == stored:
            return override
        else:
            override.ranges = stored
            override.save(update_fields=["ranges"])
        subject = Subject(member.business_id, "date_override", override.pk)
        about = {"user_id": member.user_id, "date": day.isoformat(), "ranges": stored}
        record(subject, "created" if before is None else "updated", actor, before, about)
    return override


def clear_override(member: Member, day: date, actor: Actor) -> None:
    """Let a date have its weekday's hours again. Raises NotInBusiness where it had no others."""
    with transaction.atomic():
        membership = locked_membership(member)
        override = DateOverride.objects.filter(membership=membership, date=day).first()
        if override is None:
            raise NotInBusiness
        subject = Subject(member.business_id, "date_override", override.pk)
        about = {"user_id": member.user_id, "date": day.isoformat(), "ranges": override.ranges}
        override.delete()
        record(subject, "deleted", actor, about, None)


def read_week(membership_id: int) -> list[list[Range]]:
    """Read a member's ordinary week: seven days, Monday first, each by start."""
    week: list[list[Range]] = [[] for _ in WEEKDAYS]
    for hours in OpeningHours.objects.filter(membership_id=membership_id).order_by("weekday", "start_minute"):
        week[hours.weekday].append((hours.start_minute, hours.end_minute))
    return week


def proposed_week(week: Sequence[Day], days: Mapping[int, Day]) -> list[list[Range]]:
    """Say what a week becomes when some of its days are replaced. Raises InvalidFields."""
    proposed = [sorted(days.get(weekday, week[weekday])) for weekday in range(7)]
    reasons = {WEEKDAYS[weekday]: reason for weekday in days if (reason := _refusal(proposed[weekday]))}
    if not reasons:
        for weekday, ranges in enumerate(proposed):
            following = proposed[(weekday + 1) % 7]
            if ranges and following and _end(ranges[-1]) > DAY_MINUTES + following[0][0]:
                reasons[WEEKDAYS[weekday]] = "It reaches into the next day's hours."
    if reasons:
        raise InvalidFields(reasons)
    return proposed


def checked_day(ranges: Day) -> list[Range]:
    """Give one day's ranges by start. Raises InvalidFields, whose field is `ranges`."""
    checked = sorted(ranges)
    reason = _refusal(checked)
    if reason:
        raise InvalidFields({"ranges": reason})
    return checked


def locked_membership(member: Member) -> Membership:
    """Find a member and let no other change of their hours in until this one is done. Raises NotInBusiness."""
    memberships = Membership.objects.in_business(member.business_id).select_for_update(no_key=True)
    membership = memberships.filter(user_id=member.user_id).first()
    if membership is None:
        raise NotInBusiness
    return membership


def _refusal(ranges: Day) -> str:
    """Say what is wrong with a day's ranges, which come by start; "" where nothing is."""
    if len(ranges) > MAX_RANGES:
        return f"At most {MAX_RANGES} ranges a day."
    for start, end in ranges:
        if not (0 <= start < DAY_MINUTES and 0 < end <= DAY_MINUTES):
            return "A day's times go from 00:00 to 24:00."
        if start == end:
            return "A range must end at another time than it starts; 00:00 to 24:00 is the whole day."
    if any(_end(one) > following[0] for one, following in pairwise(ranges)):
        return "Two ranges overlap."
    return ""


def _end(one: Range) -> int:
    start, end = one
    return end if end > start else end + DAY_MINUTES


def _named(week: Sequence[Day], weekdays: Sequence[int]) -> dict[str, Any]:
    return {WEEKDAYS[weekday]: [list(one) for one in week[weekday]] for weekday in weekdays}
