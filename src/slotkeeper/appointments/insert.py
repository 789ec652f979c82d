"""The one INSERT of a booking: the appointment and its change, claimed by the trigger."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
from django.db import connection, transaction

from slotkeeper import hot_sql
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.changes.record import Actor
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.local_time import DAY_SECONDS
from slotkeeper.rules.time_text import clock_text, day_text


class Booking(msgspec.Struct, frozen=True):
    """What is to be booked; times are seconds since 1970, UTC."""

    business_id: int
    user_id: int
    title: str
    start_time: int
    end_time: int
    description: str | None = None
    contact_id: int | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    location: str | None = None
    notes: str | None = None
    sync_to_calendar: bool = False
    service_id: int | None = None


class Entry(msgspec.Struct, frozen=True):
    """How a booking enters: with which status, under which verb, blocking how much around it."""

    status: Status
    verb: str
    buffer_before_seconds: int = 0
    buffer_after_seconds: int = 0
    may_overlap_time_off: bool = True  # never a claim
    note: Mapping[str, Any] = msgspec.field(default_factory=dict)  # what the record of changes tells beside the columns


_APPOINTMENT = (
    "INSERT INTO appointments (business_id, user_id, title, description, start_time, end_time, status, contact_id, "
    "contact_name, contact_email, contact_phone, location, notes, sync_to_calendar, service_id, blocked_from, "
    "blocked_until, created_at, updated_at) VALUES (" + ", ".join(["%s"] * 19) + ") RETURNING id"
)
_CHANGE = (
    "INSERT INTO changes (business_id, subject_kind, subject_id, subject_version, verb, actor_kind, actor_id, "
    "actor_name, source, at, before, after, handled_at) "
)
# One statement in autocommit: a third of the database's work of BEGIN, two INSERTs, COMMIT.
_TOGETHER = (
    f"WITH made AS ({_APPOINTMENT}), noted AS ({_CHANGE} SELECT %s, 'appointment', id, 1, %s, %s, %s, %s, %s, %s, "
    "NULL, %s::jsonb, NULL FROM made) SELECT id FROM made"
)
_NOTED = f"{_CHANGE} VALUES (%s, 'appointment', %s, 1, %s, %s, %s, %s, %s, %s, NULL, %s, NULL)"


def json_time(instant: int) -> str:
    """Write an instant as the record of changes keeps it: RFC 3339 in UTC."""
    day, second = divmod(instant, DAY_SECONDS)
    return f"{day_text(day)}{clock_text(second)}Z"  # words that the answer needs as well


def insert_booking(booking: Booking, entry: Entry, actor: Actor, now: int) -> AppointmentRow:
    """Insert the appointment and its change; the database claims the time or raises IntegrityError."""
    moment = hot_sql.timestamp(now)
    appointment = [
        booking.business_id, booking.user_id, booking.title, booking.description,
        hot_sql.timestamp(booking.start_time), hot_sql.timestamp(booking.end_time), entry.status.value,
        booking.contact_id, booking.contact_name, booking.contact_email, booking.contact_phone, booking.location,
        booking.notes, booking.sync_to_calendar, booking.service_id,
        hot_sql.timestamp(booking.start_time - entry.buffer_before_seconds),
        hot_sql.timestamp(booking.end_time + entry.buffer_after_seconds),
        moment, moment,
    ]  # fmt: skip
    change = [entry.verb, actor.kind, actor.id, actor.name, actor.source, moment, _after(booking, entry)]
    if hot_sql.is_postgresql():
        with _alone_or_nested():
            (appointment_id,) = hot_sql.row(_TOGETHER, [*appointment, booking.business_id, *change])
    else:
        with transaction.atomic():
            (appointment_id,) = hot_sql.row(_APPOINTMENT, appointment)
            hot_sql.rows(_NOTED, [booking.business_id, appointment_id, *change])
    return _as_row(appointment_id, booking, entry.status, now)


def _alone_or_nested() -> AbstractContextManager[Any]:
    # On PostgreSQL the booking is one statement, which is a transaction of its own.
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _after(booking: Booking, entry: Entry) -> str:
    after: dict[str, Any] = {
        "user_id": booking.user_id,
        "title": booking.title,
        "start_time": json_time(booking.start_time),
        "end_time": json_time(booking.end_time),
        "status": entry.status.value,
    }
    for name in (
        "description", "contact_id", "contact_name", "contact_email", "contact_phone", "location", "notes", "service_id"
    ):  # fmt: skip
        value = getattr(booking, name)
        if value is not None:
            after[name] = value
    if booking.sync_to_calendar:
        after["sync_to_calendar"] = True
    return msgspec.json.encode({**after, **entry.note}).decode()


def _as_row(appointment_id: int, booking: Booking, status: Status, now: int) -> AppointmentRow:
    return AppointmentRow(
        id=appointment_id,
        user_id=booking.user_id,
        title=booking.title,
        description=booking.description,
        start_time=booking.start_time,
        end_time=booking.end_time,
        status=status.value,
        contact_id=booking.contact_id,
        contact_name=booking.contact_name,
        contact_email=booking.contact_email,
        contact_phone=booking.contact_phone,
        location=booking.location,
        notes=booking.notes,
        sync_to_calendar=booking.sync_to_calendar,
        reminder_24h_sent=False,
        reminder_2h_sent=False,
        created_at=now,
        updated_at=now,
        service_id=booking.service_id,
        version=1,
    )
