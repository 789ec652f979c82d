"""The events that webhooks tell of, and what is said: all of it follows from one change row.

So an event is exact, the same at every try, and needs no second record: a receiver that wants to know how things
stand now asks the API.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from slotkeeper.changes.models import Change


class EventType(StrEnum):
    """What can be subscribed to."""

    APPOINTMENT_CREATED = "appointment.created"
    APPOINTMENT_UPDATED = "appointment.updated"
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"
    APPOINTMENT_REASSIGNED = "appointment.reassigned"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_COMPLETED = "appointment.completed"
    APPOINTMENT_CANCELED = "appointment.canceled"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_ERASED = "contact.erased"
    SERVICE_CREATED = "service.created"
    SERVICE_UPDATED = "service.updated"
    SERVICE_DELETED = "service.deleted"


TEST = "webhook.test"  # sent on request, whatever is subscribed to

# The subject's kind and the verb: what is told of them. Nothing is told of any other change.
_EVENTS: dict[tuple[str, str], EventType] = {
    ("appointment", "booked"): EventType.APPOINTMENT_CREATED,
    ("appointment", "recorded"): EventType.APPOINTMENT_CREATED,
    ("appointment", "updated"): EventType.APPOINTMENT_UPDATED,
    ("appointment", "rescheduled"): EventType.APPOINTMENT_RESCHEDULED,
    ("appointment", "reassigned"): EventType.APPOINTMENT_REASSIGNED,
    ("appointment", "confirmed"): EventType.APPOINTMENT_CONFIRMED,
    ("appointment", "completed"): EventType.APPOINTMENT_COMPLETED,
    ("appointment", "canceled"): EventType.APPOINTMENT_CANCELED,
    ("appointment", "no_show"): EventType.APPOINTMENT_NO_SHOW,
    ("contact", "created"): EventType.CONTACT_CREATED,
    ("contact", "updated"): EventType.CONTACT_UPDATED,
    ("contact", "erased"): EventType.CONTACT_ERASED,
    ("service", "created"): EventType.SERVICE_CREATED,
    ("service", "updated"): EventType.SERVICE_UPDATED,
    ("service", "deleted"): EventType.SERVICE_DELETED,
}


def event_of(change: Change) -> EventType | None:
    """Say which event a change is; None for one that is nobody's business."""
    return _EVENTS.get((change.subject_kind, change.verb))


def body_of(change: Change, event: EventType) -> str:
    """Write the body that tells of a change."""
    data = {
        "kind": change.subject_kind,
        "id": change.subject_id,
        "version": change.subject_version,
        "business_id": change.business_id,
        "verb": change.verb,
        "actor_kind": change.actor_kind,
        "before": change.before,
        "after": change.after,
    }
    return written(event, change.at, data)


def written(event: str, at: datetime, data: dict[str, Any]) -> str:
    """Write a body in the form of the Standard Webhooks: type, timestamp, data."""
    timestamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.json.encode({"type": event, "timestamp": timestamp, "data": data}).decode()
