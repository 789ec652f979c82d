"""Reading appointments: plain values with integer times, for the doors."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from slotkeeper import hot_sql
from slotkeeper.appointments.reach import Reach


class ResourceRow(NamedTuple):
    """A room or a piece of equipment that an appointment has."""

    id: int
    name: str


class AppointmentRow(NamedTuple):
    """One appointment; times are seconds since 1970, UTC."""

    id: int
    user_id: int
    title: str
    description: str | None
    start_time: int
    end_time: int
    status: str
    contact_id: int | None
    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    location: str | None
    notes: str | None
    sync_to_calendar: bool
    reminder_24h_sent: bool
    reminder_2h_sent: bool
    created_at: int | None
    updated_at: int | None
    service_id: int | None
    version: int
    resources: tuple[ResourceRow, ...] = ()


_COLUMNS = AppointmentRow._fields[:-1]
_TIMES = {"start_time", "end_time", "created_at", "updated_at"}
_FLAGS = {"sync_to_calendar", "reminder_24h_sent", "reminder_2h_sent"}
_FLAG_PLACES = [AppointmentRow._fields.index(name) for name in sorted(_FLAGS)]
MAX_DURATION_SECONDS = 31 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list of appointments is narrowed to; times overlap `[start, end)`."""

    reach: Reach
    limit: int
    start: int | None = None
    end: int | None = None
    statuses: Sequence[str] = ()
    contact_id: int | None = None
    user_id: int | None = None
    after: tuple[int, int] | None = None  # (start_time, id) of the last row of the page before


def _select() -> str:
    columns = (hot_sql.epoch(name) if name in _TIMES else name for name in _COLUMNS)
    group, pair = ("json_agg", "json_build_object") if hot_sql.is_postgresql() else ("json_group_array", "json_object")
    resources = (
        f"(SELECT CAST({group}({pair}('id', r.id, 'name', r.name)) AS text) FROM time_claims c "
        "JOIN resources r ON r.id = c.resource_id WHERE c.appointment_id = appointments.id)"
    )
    return f"SELECT {', '.join(columns)}, {resources} FROM appointments"


def _row(values: Sequence[Any]) -> AppointmentRow:
    *row, resources = values
    for place in _FLAG_PLACES:
        row[place] = bool(row[place])  # the users' table allows NULL, SQLite gives 0 and 1
    if not resources or resources == "[]":
        return AppointmentRow(*row)
    return AppointmentRow(*row)._replace(resources=tuple(sorted(ResourceRow(**one) for one in json.loads(resources))))


def find(reach: Reach, appointment_id: int) -> AppointmentRow | None:
    """Read one appointment within reach, or None."""
    condition, parameters = reach.condition()
    found = hot_sql.row(f"{_select()} WHERE id = %s AND {condition}", [appointment_id, *parameters])
    return None if found is None else _row(found)


def has_any(reach: Reach) -> bool:
    """Say whether anything was ever booked within reach."""
    return bool(read_listing(Listing(reach, limit=1)))


def find_several(reach: Reach, appointment_ids: Sequence[int]) -> list[AppointmentRow]:
    """Read those of several appointments that are within reach, by start."""
    if not appointment_ids:
        return []
    condition, parameters = reach.condition()
    sql = (
        f"{_select()} WHERE id IN ({', '.join(['%s'] * len(appointment_ids))}) AND {condition} ORDER BY start_time, id"
    )
    return [_row(values) for values in hot_sql.rows(sql, [*appointment_ids, *parameters])]


def read_listing(listing: Listing) -> list[AppointmentRow]:
    """Read a page of appointments by start, then id: at most `limit` of them."""
    condition, parameters = listing.reach.condition()
    conditions = [condition]

    def narrow(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if listing.user_id is not None:
        narrow("user_id = %s", listing.user_id)
    if listing.start is not None:
        # No appointment is longer than 31 days, so the index on start_time bounds the search on both sides.
        narrow("start_time > %s", hot_sql.timestamp(max(0, listing.start - MAX_DURATION_SECONDS)))
        narrow("end_time > %s", hot_sql.timestamp(listing.start))
    if listing.end is not None:
        narrow("start_time < %s", hot_sql.timestamp(listing.end))
    if listing.statuses:
        narrow(f"status IN ({', '.join(['%s'] * len(listing.statuses))})", *listing.statuses)
    if listing.contact_id is not None:
        narrow("contact_id = %s", listing.contact_id)
    if listing.after is not None:
        narrow("(start_time, id) > (%s, %s)", hot_sql.timestamp(listing.after[0]), listing.after[1])
    sql = f"{_select()} WHERE {' AND '.join(conditions)} ORDER BY start_time, id LIMIT %s"
    return [_row(values) for values in hot_sql.rows(sql, [*parameters, listing.limit])]
