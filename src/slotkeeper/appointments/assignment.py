"""Giving appointments to somebody else: one, or a day's worth, each re-checked, in one transaction.

Whoever is given an appointment works here, gives its service and is free. Opening hours bind customers only.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from django.db import transaction

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.free_busy import BusyEntry, BusyKind, Person, UnknownMember, conflicts_with, read_busy
from slotkeeper.appointments.givers import NotGiven
from slotkeeper.appointments.guard import lock_claimants
from slotkeeper.appointments.models import Appointment, AppointmentQuerySet, TimeClaim
from slotkeeper.appointments.reach import OutOfReach, Reach
from slotkeeper.appointments.rows import MAX_DURATION_SECONDS, AppointmentRow, find
from slotkeeper.changes.record import Actor
from slotkeeper.people.models import Membership
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.intervals import Interval

MOST_AT_ONCE = 200
_LIVE = (Status.SCHEDULED.value, Status.CONFIRMED.value)
_CLAIMS = frozenset({BusyKind.APPOINTMENT, BusyKind.HOLD, BusyKind.ELSEWHERE})


class TakesPart(Exception):
    """The person takes part in the appointment already."""


class TooManyAtOnce(Exception):
    """There are more than 200 appointments in that time; choose a shorter one."""


class Why(StrEnum):
    """Why an appointment cannot be given to a person."""

    TAKEN = "taken"
    NOT_GIVEN = "not_given"
    TAKES_PART = "takes_part"
    CHANGED = "changed"
    FINAL = "final"


class Obstacle(NamedTuple):
    """Why one person cannot be given an appointment, and what is in the way of their time."""

    user_id: int
    why: Why
    conflicts: list[BusyEntry]


class Handover(NamedTuple):
    """An appointment as it is now, or in a preview would be, and who had it before."""

    row: AppointmentRow
    from_user_id: int


class Stuck(NamedTuple):
    """An appointment that stays where it is, and why, for each person who was asked for."""

    row: AppointmentRow
    obstacles: list[Obstacle]


class Outcome(NamedTuple):
    """What moved and what did not, each by start."""

    moved: list[Handover]
    stuck: list[Stuck]


class NotAllMovable(Exception):
    """Some of the appointments cannot be given away. Nothing was changed."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Manner:
    """How several are given away: all or none, or what can be; over time off; or only to see what would happen."""

    is_partial: bool = False
    may_overlap_time_off: bool = False
    is_preview: bool = False


@dataclass(frozen=True, slots=True)
class Absence:
    """Whose appointments in which time are to be given away, and to whom; among several they are shared out."""

    reach: Reach
    from_user_id: int
    to_user_ids: tuple[int, ...]
    within: Interval


@dataclass(frozen=True, slots=True)
class Gift:
    """One appointment at a version, and the one person to give it to."""

    appointment_id: int
    version: int
    user_id: int


def assign(target: Target, user_id: int, actor: Actor, now: int) -> AppointmentRow:
    """Give an appointment to a person; it keeps its time. Whoever has it already changes nothing.

    Raises TakesPart, and all that `actions.update` raises: UnknownAppointment, VersionConflict, UnknownMember,
    NotGiven, SlotTaken, OutOfReach and FixedInFinalStatus.
    """
    companions = TimeClaim.objects.filter(
        appointment__in=Appointment.objects.within(target.reach).filter(pk=target.appointment_id),
        user_id=user_id,
        is_main=False,
    )
    if companions.exists():
        raise TakesPart
    return actions.update(target, {"user_id": user_id}, actor, now)


def reassign(absence: Absence, manner: Manner, actor: Actor, now: int) -> Outcome:
    """Give away all that a person has before them in a time: scheduled or confirmed, within reach, and not yet over.

    Among several people it goes to whoever is free and was given least. Raises UnknownMember, OutOfReach,
    TooManyAtOnce, and NotAllMovable, which names what cannot be given away and why.
    """
    _require_people(absence)
    start, end = absence.within
    live = Appointment.objects.within(absence.reach).filter(
        user_id=absence.from_user_id,
        status__in=_LIVE,
        start_time__gt=_moment(max(0, start - MAX_DURATION_SECONDS)),
        start_time__lt=_moment(end),
        end_time__gt=_moment(max(start, now)),
    )
    with transaction.atomic():
        mine = _locked(live, absence.to_user_ids)
        if len(mine) > MOST_AT_ONCE:
            raise TooManyAtOnce
        wishes = {one.pk: absence.to_user_ids for one in mine}
        return _settled(_Run(absence.reach, manner, actor, now).give(mine, wishes, {}), manner)


def hand_over(reach: Reach, gifts: Sequence[Gift], manner: Manner, actor: Actor, now: int) -> Outcome:
    """Give appointments to the people named, each only while it is at its version: what a preview showed, or back.

    Raises UnknownAppointment, UnknownMember, OutOfReach, TooManyAtOnce and NotAllMovable.
    """
    if len(gifts) > MOST_AT_ONCE:
        raise TooManyAtOnce
    named = Appointment.objects.within(reach).filter(pk__in=[gift.appointment_id for gift in gifts])
    with transaction.atomic():
        mine = _locked(named, {gift.user_id for gift in gifts})
        if len(mine) != len({gift.appointment_id for gift in gifts}):
            raise actions.UnknownAppointment
        wishes = {gift.appointment_id: (gift.user_id,) for gift in gifts}
        versions = {gift.appointment_id: gift.version for gift in gifts}
        return _settled(_Run(reach, manner, actor, now).give(mine, wishes, versions), manner)


def _require_people(absence: Absence) -> None:
    """Refuse strangers, and people out of reach. Who has left gives, but is given nothing."""
    members = Membership.objects.in_business(absence.reach.business_id)
    to = set(absence.to_user_ids)
    if not members.filter(user_id=absence.from_user_id).exists():
        raise UnknownMember
    if members.active().filter(user_id__in=to).count() != len(to):
        raise UnknownMember
    reach = absence.reach
    for people, within in (({absence.from_user_id}, reach), (to, reach.gives_to or reach)):
        if within.user_ids is not None and not people <= within.user_ids | {within.own_user_id}:
            raise OutOfReach


def _locked(appointments: AppointmentQuerySet, to_user_ids: Iterable[int]) -> list[Appointment]:
    """Lock appointments, and then everybody whose time may change hands; give the appointments by start.

    Rows first, each kind in the order of its ids, as everybody who changes one of them does.
    """
    mine = list(appointments.select_for_update().order_by("pk")[: MOST_AT_ONCE + 1])
    claims = TimeClaim.objects.filter(appointment__in=[one.pk for one in mine])
    held = list(claims.values_list("user_id", "resource_id"))
    people = {user_id for user_id, _ in held if user_id is not None} | set(to_user_ids)
    rooms = {resource_id for _, resource_id in held if resource_id is not None}
    lock_claimants(sorted(people), sorted(rooms))
    return sorted(mine, key=lambda one: (one.start_time, one.pk))


def _settled(outcome: Outcome, manner: Manner) -> Outcome:
    """Keep what was done, or none of it; in the transaction."""
    if manner.is_preview:
        transaction.set_rollback(True)
    elif outcome.stuck and not manner.is_partial:
        raise NotAllMovable(outcome)
    return outcome


class _Run:
    """One transaction's worth of giving away. What people have before them is read once, and kept up to date."""

    def __init__(self, reach: Reach, manner: Manner, actor: Actor, now: int) -> None:
        self.reach, self.manner, self.actor, self.now = reach, manner, actor, now
        self.busy: dict[int, list[BusyEntry]] = {}
        self.given: Counter[int] = Counter()

    def give(
        self, mine: Sequence[Appointment], wishes: Mapping[int, Sequence[int]], versions: Mapping[int, int]
    ) -> Outcome:
        """Give each to the first of its people who can take it; of several, to whoever was given least."""
        outcome = Outcome([], [])
        if not mine:
            return outcome
        window = Interval(
            min(_instant(one.blocked_from) for one in mine), max(_instant(one.blocked_until) for one in mine)
        )
        for user_id in sorted({user_id for people in wishes.values() for user_id in people}):
            self.busy[user_id] = read_busy(Person(self.reach.business_id, user_id), window, self.now).entries
        for one in mine:
            obstacles: list[Obstacle] = []
            for user_id in sorted(wishes[one.pk], key=self.given.__getitem__):
                given = self._try(one, user_id, versions.get(one.pk))
                if not isinstance(given, Obstacle):
                    self._note(one, user_id)
                    outcome.moved.append(Handover(given, one.user_id))
                    break
                obstacles.append(given)
            else:
                row = find(self.reach, one.pk)
                assert row is not None
                outcome.stuck.append(Stuck(row, obstacles))
        return outcome

    def _try(self, one: Appointment, user_id: int, version: int | None) -> AppointmentRow | Obstacle:
        """Give one to a person, or say why not. Whether their claims leave room is known without asking again."""
        blocked = Interval(_instant(one.blocked_from), _instant(one.blocked_until))
        claims = (entry for entry in self.busy[user_id] if entry.kind in _CLAIMS)
        versions = None if version is None else frozenset({version})
        target = Target(self.reach, one.pk, versions, self.manner.may_overlap_time_off)
        try:
            if version in {None, one.version} and (taken := conflicts_with(claims, blocked, one.pk)):
                return Obstacle(user_id, Why.TAKEN, taken)
            return assign(target, user_id, self.actor, self.now)
        except actions.SlotTaken as error:
            return Obstacle(user_id, Why.TAKEN, error.conflicts)
        except NotGiven:
            return Obstacle(user_id, Why.NOT_GIVEN, [])
        except TakesPart:
            return Obstacle(user_id, Why.TAKES_PART, [])
        except actions.VersionConflict:
            return Obstacle(user_id, Why.CHANGED, [])
        except actions.FixedInFinalStatus:
            return Obstacle(user_id, Why.FINAL, [])

    def _note(self, one: Appointment, user_id: int) -> None:
        self.given[user_id] += 1
        blocked = Interval(_instant(one.blocked_from), _instant(one.blocked_until))
        own = _instant(one.start_time), _instant(one.end_time)
        self.busy[user_id].append(BusyEntry(BusyKind.APPOINTMENT, *own, blocked, one.pk, one.title))
        for entry in [entry for entry in self.busy.get(one.user_id, []) if entry.appointment_id == one.pk]:
            self.busy[one.user_id].remove(entry)


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def _instant(moment: datetime) -> int:
    return int(moment.timestamp())
