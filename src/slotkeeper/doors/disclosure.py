"""Who may learn what: of which customers, and of why a time is not free; strangers nothing about anybody."""

from collections.abc import Iterable

from msgspec import structs

from slotkeeper.appointments.actions import UnknownReference
from slotkeeper.appointments.free_busy import BusyEntry, BusyKind
from slotkeeper.appointments.models import Appointment, contacts_within
from slotkeeper.appointments.reach import reach_of, writable_reach
from slotkeeper.appointments.rows import find_several
from slotkeeper.contacts.models import ContactQuerySet
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission
from slotkeeper.rules.slots import Obstacle, Reason

# Whether somebody is on holiday or works elsewhere is their own business.
_PRIVATE = {Reason.BUFFER, Reason.CALENDAR_BUSY, Reason.TIME_OFF, Reason.ELSEWHERE, Reason.RESOURCE_BUSY}
TAKEN = {Reason.BOOKED, Reason.HELD}


def customers_of(caller: Caller, everyones: Permission = Permission.CONTACTS_READ_ALL) -> ContactQuerySet:
    """Give the customers that are a member's business.

    With the permission everybody's, within what they are limited to; else those of their own appointments. Those whom
    they entered are among them, else they could not book for them.
    """
    return contacts_within(reach_of(caller, everyones), caller.user_id)


def sees_former_addresses(caller: Caller) -> bool:
    """Whether a member may read e-mail and phone of whoever was a customer of an appointment before it was theirs."""
    sees_everybody = caller.may(Permission.CONTACTS_READ_ALL) and not caller.is_limited
    return sees_everybody and caller.may(Permission.CONTACTS_READ_DETAILS)


def require_customer(caller: Caller, contact_id: int | None, appointment_id: int = 0) -> None:
    """Refuse to name a customer whom the caller does not see, as one that does not exist. Raises UnknownReference.

    The one whom an appointment has may be sent back with it. Whoever sees all of a business is not asked here: the
    verb knows whom there is.
    """
    if contact_id is None or (caller.may(Permission.CONTACTS_READ_ALL) and not caller.is_limited):
        return
    own = Appointment.objects.within(writable_reach(caller)).filter(pk=known_id(appointment_id), contact_id=contact_id)
    if not customers_of(caller).filter(pk=contact_id).exists() and not own.exists():
        raise UnknownReference


def told_of_calendar(text: str, user_id: int, caller: Caller) -> str:
    """Give a calendar's or account's name or address, or what its provider said, to whose it is; "" to anybody else."""
    return text if user_id == caller.user_id else ""


def disclosed(entries: list[BusyEntry], caller: Caller, user_id: int) -> list[BusyEntry]:
    """Leave out of what keeps a person busy which appointments it is, and in which calendars, as far as it is private.

    One's own day is told whole, a colleague's as far as their appointments are within reach, anybody else's is busy.
    The names of calendars are told to the person whose they are.
    """
    if user_id == caller.user_id:
        return entries
    if not caller.reaches(user_id, Permission.APPOINTMENTS_READ_ALL):
        return [_without_names(entry) for entry in entries]
    named = {entry.appointment_id for entry in entries if entry.appointment_id is not None}
    seen = _readable(named, caller) if caller.is_limited else named
    return [entry if entry.appointment_id in seen else _without_names(entry) for entry in entries]


def told_reasons(obstacles: Iterable[Obstacle]) -> list[Reason]:
    """Give the reasons that may be told, each once; all that keeps a person or a room busy is `booked`."""
    reasons = (Reason.BOOKED if one.reason in _PRIVATE else one.reason for one in obstacles)
    return list(dict.fromkeys(reasons))


def readable_appointments(obstacles: Iterable[Obstacle], caller: Caller) -> frozenset[int]:
    """Say which of the appointments that stand in the way a member may see."""
    return _readable({one.appointment_id for one in obstacles if one.appointment_id is not None}, caller)


def _readable(appointment_ids: set[int], caller: Caller) -> frozenset[int]:
    reach = reach_of(caller, Permission.APPOINTMENTS_READ_ALL)
    return frozenset(row.id for row in find_several(reach, sorted(appointment_ids)))


def _without_names(entry: BusyEntry) -> BusyEntry:
    """Tell no more than that it keeps somebody busy. Rooms and equipment have names for everybody."""
    return entry if entry.kind is BusyKind.RESOURCE else structs.replace(entry, appointment_id=None, title=None)
