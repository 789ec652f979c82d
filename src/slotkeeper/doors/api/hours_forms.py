"""The shapes of opening hours on the wire, and who may read and change whose."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType, structs

from slotkeeper.doors.api.appointment_forms import AppointmentOut
from slotkeeper.doors.api.problems import not_found, not_permitted
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.hours import MAX_RANGES, WEEKDAYS, Day, Member
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Membership
from slotkeeper.rules.opening_hours import Range
from slotkeeper.rules.permissions import Permission, Scope

Clock: TypeAlias = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["09:00"])]
ClockRange: TypeAlias = Annotated[
    list[Clock],
    Meta(
        min_length=2,
        max_length=2,
        description="From and until; 24:00 ends a day, an end before the start lies on the next day.",
        examples=[["09:00", "17:00"]],
    ),
]
Ranges: TypeAlias = Annotated[list[ClockRange], Meta(max_length=MAX_RANGES)]


class Impact(msgspec.Struct):
    """The appointments to come that a change would leave outside, by start: the first 200."""

    appointments: list[AppointmentOut]


class WeekChanges(msgspec.Struct, forbid_unknown_fields=True):
    """A week's opening hours: days left out stay, no ranges close a day."""

    monday: Ranges | UnsetType = UNSET
    tuesday: Ranges | UnsetType = UNSET
    wednesday: Ranges | UnsetType = UNSET
    thursday: Ranges | UnsetType = UNSET
    friday: Ranges | UnsetType = UNSET
    saturday: Ranges | UnsetType = UNSET
    sunday: Ranges | UnsetType = UNSET


class Week(msgspec.Struct):
    """A week's opening hours; a day without ranges is closed."""

    monday: list[ClockRange]
    tuesday: list[ClockRange]
    wednesday: list[ClockRange]
    thursday: list[ClockRange]
    friday: list[ClockRange]
    saturday: list[ClockRange]
    sunday: list[ClockRange]


class UserPath(msgspec.Struct):
    """Whose: a member of the business."""

    user_id: int


def found_membership(caller: Caller, user_id: int) -> Membership:
    """Find a member of the caller's business. Raises ApiProblem (404)."""
    memberships = Membership.objects.in_business(caller.business_id).select_related("user")
    membership = memberships.filter(user_id=known_id(user_id)).first()
    if membership is None:
        raise not_found()
    return membership


def changeable_member(caller: Caller, user_id: int) -> Member:
    """Find a member whose hours the caller may change. Raises ApiProblem (404, 403)."""
    membership = found_membership(caller, user_id)
    if not caller.reaches(membership.user_id, Permission.HOURS_WRITE_ALL):
        raise not_permitted("Your role changes your own hours and time off only.")
    return Member(caller.business_id, membership.user_id)


def may_see_reasons(caller: Caller, user_id: int) -> bool:
    """Say whether the caller may see why somebody is away; a token that only reads sees what its member does."""
    return structs.replace(caller, scope=Scope.WRITE).reaches(user_id, Permission.HOURS_WRITE_ALL)


def read_ranges(ranges: Sequence[Sequence[str]]) -> list[Range]:
    """Read ranges as minutes since midnight; an end of 00:00 is the end of the day."""
    return [(_minutes(start), _minutes(end) or 24 * 60) for start, end in ranges]


def write_ranges(ranges: Day | Sequence[Sequence[int]]) -> list[list[str]]:
    """Write ranges by the clock."""
    return [[f"{minute // 60:02}:{minute % 60:02}" for minute in edges] for edges in ranges]


def read_weekdays(week: WeekChanges) -> dict[int, list[Range]]:
    """Read the weekdays that a body gives; 0 is Monday."""
    given = {number: getattr(week, name) for number, name in enumerate(WEEKDAYS)}
    return {number: read_ranges(ranges) for number, ranges in given.items() if ranges is not UNSET}


def write_week(week: Sequence[Day]) -> dict[str, Any]:
    """Write a whole week as Week describes it."""
    return {name: write_ranges(day) for name, day in zip(WEEKDAYS, week, strict=True)}


@contextmanager
def fields_of_body() -> Iterator[None]:
    """Name the bad fields of a week or an override by their place in the body."""
    try:
        yield
    except InvalidFields as error:
        places = {"ranges": "override.ranges"} | {name: f"weekly.{name}" for name in WEEKDAYS}
        raise InvalidFields({places[name]: reason for name, reason in error.reasons.items()}) from None


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
