"""Rooms and equipment as they are read: what a service needs, and when it is taken. Instants are seconds since 1970."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from slotkeeper import hot_sql
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.needed_resources import Need, ResourceTime, Taken

# About a service `s` of the same statement.
HAS_NEEDS = "EXISTS (SELECT 1 FROM service_resources n WHERE n.service_id = s.id)"


def needs_select(business_id: int, service_id: int, window: Interval, now: int) -> tuple[str, list[Any]]:
    """Write the SELECT of what a service needs: ten columns, a row for each claim of each resource that would do.

    Claims of a resource never overlap, so the last one that begins before the window is the only earlier one
    that can reach into it.
    """
    epoch = hot_sql.epoch
    start, end = hot_sql.timestamp(window.start), hot_sql.timestamp(window.end)
    sql = (
        f"SELECT r.id, {epoch('c.claimed_from')} AS blocked_from, {epoch('c.claimed_until')}, a.id, a.business_id, "
        "n.id, n.quantity, n.resource_id, (SELECT count(*) FROM service_resources o WHERE o.resource_id = r.id), 2 "
        "FROM service_resources n LEFT JOIN resources r ON r.business_id = %s AND r.is_active "
        "AND (r.id = n.resource_id OR (n.kind <> '' AND r.kind = n.kind)) "
        "LEFT JOIN time_claims c ON c.resource_id = r.id AND c.claimed_from < %s AND c.claimed_until > %s "
        "AND c.claimed_from >= coalesce((SELECT max(b.claimed_from) FROM time_claims b "
        "WHERE b.resource_id = r.id AND b.claimed_from <= %s), %s) AND (c.held_until IS NULL OR c.held_until > %s) "
        "LEFT JOIN appointments a ON a.id = c.appointment_id WHERE n.service_id = %s"
    )
    return sql, [business_id, end, start, start, start, hot_sql.timestamp(now), service_id]


def needs_from(found: Iterable[Sequence[Any]], business_id: int, besides_id: int | None = None) -> list[Need]:
    """Make the needs of such rows, by rising start; a claim of the appointment `besides_id` is in nobody's way.

    Resources of a kind stand in the order in which they are given away: those first that no service needs by name.
    A resource needed by name does not count for its kind.
    """
    rows = list(found)
    named = {resource_id for *_, resource_id, _, _ in rows if resource_id is not None}
    quantities, popularity = {}, {}
    candidates: dict[int, set[int]] = defaultdict(set)
    taken: dict[int, dict[Taken, None]] = defaultdict(dict)  # a resource may stand in two needs
    for resource_id, start, end, appointment_id, owner_id, need_id, quantity, wanted_id, times_named, _ in rows:
        quantities[need_id] = quantity
        if resource_id is None or (wanted_id is None and resource_id in named):
            continue
        candidates[need_id].add(resource_id)
        popularity[resource_id] = times_named
        if start is not None and (appointment_id is None or appointment_id != besides_id):
            taken[resource_id][Taken(start, end, appointment_id if owner_id == business_id else None)] = None
    return [
        Need(
            quantity,
            [
                ResourceTime(resource_id, tuple(taken[resource_id]))
                for resource_id in sorted(candidates[need_id], key=lambda one: (popularity[one], one))
            ],
        )
        for need_id, quantity in sorted(quantities.items())
    ]


def read_needs(place: tuple[int, int], window: Interval, now: int, besides_id: int | None = None) -> list[Need]:
    """Read what a service needs, and when it is taken in a window; `place` is a business and its service."""
    business_id, service_id = place
    sql, parameters = needs_select(business_id, service_id, window, now)
    return needs_from(hot_sql.rows(f"{sql} ORDER BY blocked_from", parameters), business_id, besides_id)


def ids_of(needs: Iterable[Need]) -> set[int]:
    """Name all resources that would do."""
    return {one.resource_id for need in needs for one in need.resources}


def read_times(
    resource_ids: Collection[int], window: Interval, now: int, besides_id: int | None = None
) -> list[ResourceTime]:
    """Read when each of some resources is taken in a window, whichever appointment or hold takes it."""
    if not resource_ids:
        return []
    epoch, start = hot_sql.epoch, hot_sql.timestamp(window.start)
    found = hot_sql.rows(
        f"SELECT r.id, {epoch('c.claimed_from')} AS blocked_from, {epoch('c.claimed_until')}, c.appointment_id "
        "FROM resources r LEFT JOIN time_claims c ON c.resource_id = r.id AND c.claimed_from < %s "
        "AND c.claimed_until > %s AND c.claimed_from >= coalesce((SELECT max(b.claimed_from) FROM time_claims b "
        "WHERE b.resource_id = r.id AND b.claimed_from <= %s), %s) AND (c.held_until IS NULL OR c.held_until > %s) "
        f"WHERE r.id IN ({', '.join(['%s'] * len(resource_ids))}) ORDER BY blocked_from",
        [hot_sql.timestamp(window.end), start, start, start, hot_sql.timestamp(now), *resource_ids],
    )
    taken: dict[int, list[Taken]] = {resource_id: [] for resource_id, *_ in found}
    for resource_id, *claim in found:
        if claim[0] is not None and (claim[2] is None or claim[2] != besides_id):
            taken[resource_id].append(Taken(*claim))
    return [ResourceTime(resource_id, taken[resource_id]) for resource_id in sorted(taken)]
