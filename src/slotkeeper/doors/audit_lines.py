"""The audit trail as whoever asks may see it: one change as a line, and many as a file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from slotkeeper.batches import batched
from slotkeeper.changes.models import Change
from slotkeeper.changes.search import Wanted, search
from slotkeeper.people.callers import Caller
from slotkeeper.people.deeds import users_behind
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm, local_day
from slotkeeper.rules.permissions import Permission
from slotkeeper.spreadsheets import CSV_TYPE, csv_lines, safe

COLUMNS = (
    "id", "at", "actor", "actor_kind", "actor_id", "user_id", "source", "subject_kind", "subject_id",
    "subject_version", "verb", "before", "after",
)  # fmt: skip
MAX_EXPORT_DAYS = 366
# How to reach a customer, and what is noted about them; under any of these names it stands in a change.
_DETAILS = {"buyer", "contact_email", "contact_phone", "email", "notes", "phone", "recipient"}
_ROWS_AT_ONCE = 500


def trail_of(caller: Caller, wanted: Wanted) -> QuerySet[Change]:
    """Search the trail of the caller's business. Who may not see how customers are reached finds nothing by it."""
    if not caller.may(Permission.CONTACTS_READ_DETAILS):
        wanted = replace(wanted, searches_fields=False)
    return search(wanted)


def written_lines(changes: Iterable[Change], caller: Caller) -> Iterator[dict[str, Any]]:
    """Write changes with the names in COLUMNS, times in the caller's zone."""
    form = TimeForm.with_offset(caller.time_zone)
    for batch in batched(changes, _ROWS_AT_ONCE):
        users = users_behind(caller.business_id, batch)
        for change in batch:
            yield {
                "id": change.pk,
                "at": form.write(int(change.at.timestamp())),
                "actor": change.actor_name,
                "actor_kind": change.actor_kind,
                "actor_id": change.actor_id,
                "user_id": users.get((change.actor_kind, change.actor_id)),
                "source": change.source,
                "subject_kind": change.subject_kind,
                "subject_id": change.subject_id,
                "subject_version": change.subject_version,
                "verb": change.verb,
                "before": shown_state(change.before, caller),
                "after": shown_state(change.after, caller),
            }


def shown_state(state: Mapping[str, Any] | None, caller: Caller) -> dict[str, Any] | None:
    """Give what the caller may see of `before` or `after`."""
    if state is None:
        return None
    hidden = frozenset() if caller.may(Permission.CONTACTS_READ_DETAILS) else _DETAILS
    return {name: value for name, value in state.items() if name not in hidden}


def export_answer(found: QuerySet[Change], caller: Caller, media_type: str, within: Interval) -> StreamingHttpResponse:
    """Stream changes as a file to keep: a table for spreadsheets, or a JSON object a line."""
    lines = written_lines(found.iterator(_ROWS_AT_ONCE), caller)
    is_table = media_type == CSV_TYPE
    content = csv_lines(COLUMNS, map(_cells, lines)) if is_table else map(_json_line, lines)
    first, last = (local_day(caller.time_zone, instant) for instant in (within.start, within.end - 1))
    name = f"audit-{first}-{last}.{'csv' if is_table else 'jsonl'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(content, content_type=media_type, headers=headers)


def _cells(line: Mapping[str, Any]) -> list[str]:
    return [safe(_cell(line[name])) for name in COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else str(value)


def _json_line(line: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(line) + b"\n"
