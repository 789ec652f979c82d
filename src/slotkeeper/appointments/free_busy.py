"""What a person's time is claimed by: conflicts, busy entries, and free alternatives."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from slotkeeper import hot_sql
from slotkeeper.rules.availability import AlternativesRequest, next_free_slots
from slotkeeper.rules.intervals import Interval, overlaps


class UnknownMember(Exception):
    """There is no such member in this business."""


class BusyKind(StrEnum):
    """Why a stretch of time is not free."""

    APPOINTMENT = "appointment"
    BUFFER = "buffer"
    HOLD = "hold"
    ELSEWHERE = "elsewhere"


class BusyEntry(NamedTuple):
    """Something that claims time: its own time, and the time it blocks (buffers included)."""

    kind: BusyKind
    start: int
    end: int
    blocked: Interval
    appointment_id: int | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Whose time, as seen from which business."""

    business_id: int
    user_id: int


def read_busy(person: Person, window: Interval, now: int) -> tuple[str, list[BusyEntry]]:
    """Read what claims a person's time in a window, by start, and the person's zone; one statement.

    A suspended member's time is still theirs. Claims never overlap, so the last one that starts at or
    before the window is the only earlier one that can reach into it: one index seek bounds the search.
    Raises UnknownMember.
    """
    start, end = hot_sql.timestamp(window.start), hot_sql.timestamp(window.end)
    epoch = hot_sql.epoch
    found = hot_sql.rows(
        f"SELECT u.time_zone, {epoch('c.claimed_from')}, {epoch('c.claimed_until')}, "
        f"a.id, a.title, a.business_id, {epoch('a.start_time')}, {epoch('a.end_time')}, h.business_id "
        "FROM memberships m JOIN users u ON u.id = m.user_id "
        "LEFT JOIN time_claims c ON c.user_id = m.user_id AND c.claimed_from < %s AND c.claimed_until > %s "
        "AND c.claimed_from >= coalesce((SELECT max(b.claimed_from) FROM time_claims b "
        "WHERE b.user_id = %s AND b.claimed_from <= %s), %s) "
        "AND (c.held_until IS NULL OR c.held_until > %s) "
        "LEFT JOIN appointments a ON a.id = c.appointment_id LEFT JOIN holds h ON h.id = c.hold_id "
        "WHERE m.business_id = %s AND m.user_id = %s "
        "ORDER BY c.claimed_from",
        [
            end,
            start,
            person.user_id,
            start,
            start,
            hot_sql.timestamp(now),
            person.business_id,
            person.user_id,
        ],
    )
    if not found:
        raise UnknownMember
    return found[0][0], [_entry(claim, person.business_id) for claim in found if claim[1] is not None]


def _entry(claim: Any, business_id: int) -> BusyEntry:
    _, claimed_from, claimed_until, appointment_id, title, owner_id, start, end, holder_id = claim
    blocked = Interval(claimed_from, claimed_until)
    if owner_id == business_id:
        return BusyEntry(BusyKind.APPOINTMENT, start, end, blocked, appointment_id, title)
    kind = BusyKind.HOLD if holder_id == business_id else BusyKind.ELSEWHERE
    return BusyEntry(kind, claimed_from, claimed_until, blocked)


def conflicts_with(entries: Iterable[BusyEntry], asked: Interval, exclude_id: int | None = None) -> list[BusyEntry]:
    """Keep the entries that stand in the way of `asked`.

    Where only an appointment's buffer does, the entry's kind says so.
    """
    conflicts = []
    for entry in entries:
        if not overlaps(entry.blocked, asked) or (exclude_id is not None and entry.appointment_id == exclude_id):
            continue
        is_buffer = entry.kind is BusyKind.APPOINTMENT and not overlaps(Interval(entry.start, entry.end), asked)
        conflicts.append(
            BusyEntry(BusyKind.BUFFER, entry.start, entry.end, entry.blocked, entry.appointment_id, entry.title)
            if is_buffer
            else entry
        )
    return conflicts


def read_alternatives(
    person: Person,
    request: AlternativesRequest,
    exclude_id: int | None = None,
    buffers: tuple[int, int] = (0, 0),
) -> list[Interval]:
    """Find the next three free slots after a refused start, each with room for buffers (seconds before, after).

    Raises UnknownMember.
    """
    before, after = buffers
    window = request.window
    _, entries = read_busy(person, Interval(window.start - before, window.end + after), request.now)
    others = (entry.blocked for entry in entries if exclude_id is None or entry.appointment_id != exclude_id)
    return next_free_slots(request, (Interval(busy.start - after, busy.end + before) for busy in others))
