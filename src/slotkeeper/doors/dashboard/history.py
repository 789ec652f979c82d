"""The record of an appointment's changes, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, pgettext

from slotkeeper.changes.models import Change
from slotkeeper.doors.dashboard.sharing_words import why_given
from slotkeeper.doors.disclosure import sees_former_addresses
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import InvalidTime, parse_time
from slotkeeper.rules.permissions import Permission

MOST_CHANGES = 200
_DETAILS = {"contact_email", "contact_phone"}
_VERBS = {
    "booked": gettext_lazy("booked it"),
    "recorded": gettext_lazy("recorded it"),
    "rescheduled": gettext_lazy("moved it"),
    "reassigned": gettext_lazy("gave it to somebody else"),
    "updated": gettext_lazy("changed it"),
    "confirmed": gettext_lazy("confirmed it"),
    "completed": gettext_lazy("completed it"),
    "canceled": gettext_lazy("canceled it"),
    "no_show": gettext_lazy("noted that the customer did not come"),
}
FIELDS = {
    "title": gettext_lazy("Title"),
    "start_time": gettext_lazy("Start"),
    "end_time": gettext_lazy("End"),
    "status": gettext_lazy("Status"),
    "user_id": gettext_lazy("With"),
    "contact_name": gettext_lazy("Customer"),
    "contact_email": gettext_lazy("Customer’s email"),
    "contact_phone": gettext_lazy("Customer’s phone"),
    "location": gettext_lazy("Place"),
    "resources": gettext_lazy("Rooms and equipment"),
    "description": gettext_lazy("Description"),
    "notes": gettext_lazy("Notes"),
    "reason": gettext_lazy("Reason"),
}


@dataclass(frozen=True, slots=True)
class ChangedField:
    """One field: what it was and what it became; None where that is not told."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did, and when; and why the appointment was given to its person."""

    at: datetime
    actor: str
    words: str
    why: str = ""
    fields: list[ChangedField] = field(default_factory=list)
    source: str = ""  # for those who may read the audit trail


def history_of(
    caller: Caller, appointment_id: int, statuses: Mapping[str, str], people: Mapping[int, str]
) -> list[Entry]:
    """List the changes of an appointment, the newest first."""
    found = Change.objects.filter(
        business_id=caller.business_id, subject_kind="appointment", subject_id=appointment_id
    ).order_by("-id")[:MOST_CHANGES]
    hidden = frozenset() if sees_former_addresses(caller) else _DETAILS

    def words(name: str, value: Any) -> str | None:
        if value is None:
            return None
        if name in {"start_time", "end_time"}:
            return moment_in_words(str(value), caller.time_zone)
        if name == "resources":
            return ", ".join(one["name"] for one in value) or None
        if name == "status":
            return statuses.get(value, str(value))
        return people.get(value, gettext("Somebody who has left")) if name == "user_id" else str(value)

    entries = []
    for change in found:
        before, after = change.before or {}, change.after or {}
        shown = [name for name in FIELDS if name in after and name not in hidden] if change.before else []
        fields = [
            ChangedField(str(FIELDS[name]), words(name, before.get(name)), words(name, after[name])) for name in shown
        ]
        why = why_given(after.get("assignment"), people)
        source = change.source if caller.may(Permission.AUDIT_READ) else ""
        verb = str(_VERBS.get(change.verb, change.verb))
        entries.append(Entry(change.at, change.actor_name, verb, why, fields, source))
    return entries


def moment_in_words(text: str, zone: str) -> str:
    """Write a moment as the record keeps it: `Thu 3 Dec 2026, 14:00`; what is none stays as it is."""
    try:
        read = parse_time(text)
    except InvalidTime:
        return text
    moment = datetime.fromtimestamp(read.local - (read.offset or 0), ZoneInfo(zone))
    return date_format(moment, pgettext("date format: weekday, day, month, year and time", "D j M Y, H:i"))
