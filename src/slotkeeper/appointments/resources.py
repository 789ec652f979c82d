"""Rooms and equipment of an appointment: taken when it is booked or held, moved with it, or replaced.

Whoever calls these is in a transaction. Everything that may be claimed is locked first, people before resources and
each in the order of their ids, so that no two transactions can wait for each other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from msgspec import structs

from slotkeeper.appointments.free_busy import BusyEntry, BusyKind
from slotkeeper.appointments.guard import lock_claimants
from slotkeeper.appointments.insert import Booking, Entry, insert_booking
from slotkeeper.appointments.models import Appointment, TimeClaim
from slotkeeper.appointments.needed import ids_of, read_needs, read_times
from slotkeeper.appointments.rows import AppointmentRow, ResourceRow
from slotkeeper.changes.record import Actor
from slotkeeper.offerings.models import Resource, ServiceResource
from slotkeeper.offerings.resources import names_of
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.needed_resources import Need, Taken

_MOVING = {"start_time", "end_time", "service_id"}


class NoResource(Exception):
    """Too few of the rooms or equipment that it needs are free."""

    def __init__(self, conflicts: list[BusyEntry]) -> None:
        super().__init__(conflicts)
        self.conflicts = conflicts


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the record of changes tells of an appointment's resources: nothing where they are the same."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


def insert_with_resources(booking: Booking, entry: Entry, actor: Actor, now: int) -> AppointmentRow:
    """Insert a booking with what its service needs. Raises NoResource, and IntegrityError where its person is taken."""
    blocked = Interval(booking.start_time - entry.buffer_before_seconds, booking.end_time + entry.buffer_after_seconds)
    place = booking.business_id, booking.service_id or 0
    with transaction.atomic():
        chosen = choose_resources(place, [booking.user_id], blocked, now)
        told = _told(booking.business_id, chosen)
        entry = structs.replace(entry, note={**entry.note, "resources": told})
        row = insert_booking(booking, entry, actor, now)
        claim(TimeClaim(appointment_id=row.id), blocked, resource_ids=chosen)
    return row._replace(resources=tuple(ResourceRow(**one) for one in told))


def choose_resources(place: tuple[int, int], user_ids: Iterable[int], blocked: Interval, now: int) -> list[int]:
    """Lock people and all resources that would do, and choose free ones; `place` is a business and its service.

    Raises NoResource.
    """
    lock_claimants(user_ids, ids_of(read_needs(place, blocked, now)))
    return _pick(place[0], read_needs(place, blocked, now), blocked)


def claim(one: TimeClaim, blocked: Interval, user_ids: Iterable[int] = (), resource_ids: Iterable[int] = ()) -> None:
    """Store a claim once for each of several people and resources."""
    one.claimed_from, one.claimed_until = (datetime.fromtimestamp(moment, UTC) for moment in blocked)
    for user_id, resource_id in [*((each, None) for each in user_ids), *((None, each) for each in resource_ids)]:
        one.pk, one.user_id, one.resource_id = None, user_id, resource_id
        one.save(force_insert=True)


def claimants_of(appointment_ids: Collection[int]) -> tuple[set[int], set[int]]:
    """Name the people and the resources whose time some appointments claim."""
    found = list(TimeClaim.objects.filter(appointment__in=appointment_ids).values_list("user_id", "resource_id"))
    return {user for user, _ in found if user is not None}, {room for _, room in found if room is not None}


def lock_for_moves(business_id: int, appointment_ids: Collection[int]) -> None:
    """Lock whoever is in several appointments that are to be moved, and every resource that may come into them."""
    people, rooms = claimants_of(appointment_ids)
    if rooms:
        rooms |= set(Resource.objects.filter(business_id=business_id).values_list("pk", flat=True))
    lock_claimants(people, rooms)


@contextmanager
def keeping_resources(current: Appointment, wanted: Mapping[str, Any], now: int) -> Iterator[Exchange]:
    """Let an appointment have what it needs where it is going; `current` is as it shall be, and is saved inside.

    What is free there stays, what is not is exchanged for another of its kind; another service means what that one
    needs. The trigger moves what stays. Raises NoResource.
    """
    held = list(Resource.objects.filter(timeclaim__appointment_id=current.pk).order_by("pk"))
    is_other_service = "service_id" in wanted
    if not _MOVING & wanted.keys() or not (held or is_other_service):
        yield Exchange()
        return
    move = _Move(current, held, now)
    move.lock()
    had = [one.pk for one in held]
    chosen = move.for_service(had) if is_other_service else move.kept()
    with exchanging(current, had, chosen) as exchange:
        yield exchange


@contextmanager
def exchanging(current: Appointment, had: Sequence[int], chosen: Sequence[int]) -> Iterator[Exchange]:
    """Give back what an appointment has no more before it is saved inside, and claim what is new after that."""
    if set(had) == set(chosen):
        yield Exchange()
        return
    TimeClaim.objects.filter(appointment_id=current.pk, resource_id__in=set(had) - set(chosen)).delete()
    told = ({"resources": _told(current.business_id, ids)} for ids in (had, chosen))
    yield Exchange(*told)
    new = [one for one in chosen if one not in had]
    claim(TimeClaim(appointment_id=current.pk), _blocked(current), resource_ids=new)


@dataclass(frozen=True, slots=True)
class _Move:
    """An appointment as it shall be, and the resources that it had."""

    current: Appointment
    held: Sequence[Resource]
    now: int

    def lock(self) -> None:
        """Lock everybody who is in it or may come into it, and every resource that may."""
        people, rooms = claimants_of([self.current.pk])
        rooms |= ids_of(self.needs()) | {one.pk for one in self.alike()}
        lock_claimants({*people, self.current.user_id}, rooms)

    def needs(self) -> list[Need]:
        """Read what its service needs, as of now."""
        if self.current.service_id is None:
            return []
        place = self.current.business_id, self.current.service_id
        return read_needs(place, _blocked(self.current), self.now, self.current.pk)

    def alike(self) -> list[Resource]:
        """List the active resources of the kinds that it had."""
        kinds = {one.kind for one in self.held} - {""}
        found = Resource.objects.filter(business_id=self.current.business_id, kind__in=kinds, is_active=True)
        return list(found.order_by("pk"))

    def for_service(self, had: Collection[int]) -> list[int]:
        """Choose what the service needs, of what it had first. Raises NoResource."""
        return _pick(self.current.business_id, self.needs(), _blocked(self.current), had)

    def kept(self) -> list[int]:
        """Keep what is free, and exchange the rest; else choose anew. Raises NoResource."""
        blocked = _blocked(self.current)
        alike = self.alike()
        times = read_times({one.pk for one in [*self.held, *alike]}, blocked, self.now, self.current.pk)
        taken = {one.resource_id: by for one in times if (by := one.taken_in(blocked)) is not None}
        chosen = [one.pk for one in self.held if one.is_active and one.pk not in taken]
        named = set(
            ServiceResource.objects.filter(service_id=self.current.service_id or 0).values_list(
                "resource_id", flat=True
            )
        )
        spare = [one for one in alike if one.pk not in taken and one.pk not in named and one not in self.held]
        missing = []
        for one in self.held:
            if one.pk in chosen:
                continue
            other = next((each for each in spare if each.kind == one.kind), None)
            if other is None or one.pk in named:
                missing.append(_conflict(one.pk, one.name, taken.get(one.pk), blocked))
            else:
                spare.remove(other)
                chosen.append(other.pk)
        if not missing:
            return chosen
        needs = self.needs()
        if not needs:
            raise NoResource(missing)
        return _pick(self.current.business_id, needs, blocked)


def require_free(current: Appointment, resources: Sequence[Resource], now: int) -> None:
    """Refuse resources that something else takes while the appointment is blocked. Raises NoResource."""
    blocked = _blocked(current)
    names = {one.pk: one.name for one in resources}
    times = read_times(names, blocked, now, current.pk)
    taken = [(one.resource_id, by) for one in times if (by := one.taken_in(blocked)) is not None]
    if taken:
        raise NoResource([_conflict(resource_id, names[resource_id], by, blocked) for resource_id, by in taken])


def _pick(business_id: int, needs: Iterable[Need], blocked: Interval, first: Collection[int] = ()) -> list[int]:
    """Choose free resources for every need, of those named `first` before others. Raises NoResource."""
    chosen: list[int] = []
    conflicts: list[BusyEntry] = []
    for need in needs:
        missing = need.missing_in(blocked)
        if missing is None:
            free = [one for one in need.resources if one.taken_in(blocked) is None]
            free.sort(key=lambda one: one.resource_id not in first)
            chosen += [one.resource_id for one in free[: need.quantity]]
            continue
        names = names_of(business_id, [resource_id for resource_id, _ in missing])
        conflicts += [_conflict(resource_id, names[resource_id], by, blocked) for resource_id, by in missing]
        if not missing:
            conflicts.append(_conflict(None, None, None, blocked))
    if conflicts:
        raise NoResource(conflicts)
    return sorted(chosen)


def _conflict(resource_id: int | None, name: str | None, taken: Taken | None, blocked: Interval) -> BusyEntry:
    when = blocked if taken is None else Interval(taken.start, taken.end)
    return BusyEntry(BusyKind.RESOURCE, *when, when, None, name, resource_id)


def _told(business_id: int, resource_ids: Collection[int]) -> list[dict[str, Any]]:
    """Name resources as the record of changes and the API do."""
    names = names_of(business_id, resource_ids)
    return [{"id": resource_id, "name": names[resource_id]} for resource_id in sorted(resource_ids)]


def _blocked(current: Appointment) -> Interval:
    return Interval(int(current.blocked_from.timestamp()), int(current.blocked_until.timestamp()))
