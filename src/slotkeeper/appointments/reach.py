"""Which appointments a caller may touch."""

from dataclasses import dataclass, replace
from typing import Any

from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission


class OutOfReach(Exception):
    """Your role may not give an appointment to that person, or for that service."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A business's appointments, or those of some people and services in it. `own_user_id`'s are never left out.

    To whoever `gives_to` reaches they may be given, without it to those within reach alone.
    """

    business_id: int
    user_ids: frozenset[int] | None = None
    service_ids: frozenset[int] | None = None
    own_user_id: int | None = None
    gives_to: "Reach | None" = None

    def covers(self, user_id: int, service_id: int | None) -> bool:
        """Say whether an appointment of a person, for a service, is within reach."""
        if user_id == self.own_user_id:
            return True
        is_of_people = self.user_ids is None or user_id in self.user_ids
        return is_of_people and (self.service_ids is None or service_id in self.service_ids)

    def require(self, user_id: int, service_id: int | None) -> None:
        """Refuse what lies outside. Raises OutOfReach."""
        if not self.covers(user_id, service_id):
            raise OutOfReach

    def condition(self) -> tuple[str, list[Any]]:
        """Say the same in SQL, about columns of appointments."""
        sql, parameters = "business_id = %s", [self.business_id]
        limits, values = [], []
        for column, ids in (("user_id", self.user_ids), ("service_id", self.service_ids)):
            if ids is not None:
                limits.append(f"{column} IN ({', '.join(['%s'] * len(ids)) or 'NULL'})")
                values += sorted(ids)
        if not limits:
            return sql, parameters
        if self.own_user_id is None:
            return f"{sql} AND {' AND '.join(limits)}", [*parameters, *values]
        return f"{sql} AND (user_id = %s OR {' AND '.join(limits)})", [*parameters, self.own_user_id, *values]


def writable_reach(caller: Caller) -> Reach:
    """Say which appointments a caller may change, and to whom they may give them."""
    return replace(
        reach_of(caller, Permission.APPOINTMENTS_WRITE_ALL), gives_to=reach_of(caller, Permission.APPOINTMENTS_ASSIGN)
    )


def own_reach(business_id: int, user_id: int) -> Reach:
    """Reach one person's appointments in a business."""
    return Reach(business_id, frozenset({user_id}))


def reach_of(caller: Caller, everyones: Permission) -> Reach:
    """Say what a caller reaches: their own, and with that permission everybody's, within what they are limited to."""
    if not caller.may(everyones):
        return own_reach(caller.business_id, caller.user_id)
    if not caller.is_limited:
        return Reach(caller.business_id)
    return Reach(
        caller.business_id, caller.limited_to_user_ids, caller.limited_to_service_ids, own_user_id=caller.user_id
    )
