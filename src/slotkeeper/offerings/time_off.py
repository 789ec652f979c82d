"""The verbs that change when a person is away. Time off is the person's, in every business of theirs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.offerings.hours import Member, locked_membership
from slotkeeper.offerings.models import TimeOff
from slotkeeper.offerings.refusals import NotInBusiness

MAX_SECONDS = 10 * 366 * 24 * 3600


class AbsenceEndsTooEarly(Exception):
    """The end must come after the start."""


class AbsenceTooLong(Exception):
    """Time off lasts at most ten years."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A stretch of time off, in seconds since 1970, and why."""

    start: int
    end: int
    reason: str = ""


def add_time_off(member: Member, absence: Absence, actor: Actor, now: int) -> TimeOff:
    """Store a stretch of time off. Raises NotInBusiness, AbsenceEndsTooEarly, AbsenceTooLong."""
    check_absence(absence)
    with transaction.atomic():
        membership = locked_membership(member)
        time_off = TimeOff(user_id=membership.user_id, created_at=datetime.fromtimestamp(now, UTC))
        _write(time_off, absence)
        time_off.save(force_insert=True)
        about = {"user_id": member.user_id} | _state(time_off)
        record(Subject(member.business_id, "time_off", time_off.pk), "created", actor, None, about)
    return time_off


def change_time_off(member: Member, time_off_id: int, absence: Absence, actor: Actor) -> TimeOff:
    """Give a stretch of time off other times or another reason.

    Raises NotInBusiness, AbsenceEndsTooEarly and AbsenceTooLong.
    """
    check_absence(absence)
    with transaction.atomic():
        time_off = _locked(member, time_off_id)
        state = _state(time_off)
        _write(time_off, absence)
        before, after = changed_fields(state, _state(time_off))
        if after:
            time_off.save(force_update=True)
            record(Subject(member.business_id, "time_off", time_off_id), "updated", actor, before, after)
    return time_off


def remove_time_off(member: Member, time_off_id: int, actor: Actor) -> None:
    """Take a stretch of time off back. Raises NotInBusiness."""
    with transaction.atomic():
        time_off = _locked(member, time_off_id)
        about = {"user_id": member.user_id} | _state(time_off)
        time_off.delete()
        record(Subject(member.business_id, "time_off", time_off_id), "deleted", actor, about, None)


def absence_of(time_off: TimeOff) -> Absence:
    """Describe a stored stretch of time off."""
    return Absence(int(time_off.start_time.timestamp()), int(time_off.end_time.timestamp()), time_off.reason)


def check_absence(absence: Absence) -> None:
    """Refuse a stretch that cannot be. Raises AbsenceEndsTooEarly and AbsenceTooLong."""
    if absence.end <= absence.start:
        raise AbsenceEndsTooEarly
    if absence.end - absence.start > MAX_SECONDS:
        raise AbsenceTooLong


def _locked(member: Member, time_off_id: int) -> TimeOff:
    membership = locked_membership(member)
    time_off = TimeOff.objects.filter(user_id=membership.user_id, pk=time_off_id).first()
    if time_off is None:
        raise NotInBusiness
    return time_off


def _write(time_off: TimeOff, absence: Absence) -> None:
    time_off.start_time = datetime.fromtimestamp(absence.start, UTC)
    time_off.end_time = datetime.fromtimestamp(absence.end, UTC)
    time_off.reason = absence.reason


def _state(time_off: TimeOff) -> dict[str, Any]:
    return {
        "start": time_off.start_time.isoformat(),
        "end": time_off.end_time.isoformat(),
        "reason": time_off.reason,
    }
