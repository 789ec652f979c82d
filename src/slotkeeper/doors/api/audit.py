"""The audit trail over HTTP: searched, and exported."""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from msgspec import Meta

from slotkeeper.changes.models import Change
from slotkeeper.changes.search import Wanted
from slotkeeper.doors.api.base import JsonEndpoint, Query, TableText, answer, answers
from slotkeeper.doors.api.paging import DEFAULT_LIMIT, Limit, read_cursor, write_cursor
from slotkeeper.doors.api.problems import bad_field
from slotkeeper.doors.api.times import TimeReader, read_range, with_lost_plus
from slotkeeper.doors.audit_lines import MAX_EXPORT_DAYS, export_answer, trail_of, written_lines
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.people.deeds import actors_of
from slotkeeper.rules.permissions import Permission
from slotkeeper.spreadsheets import CSV_TYPE, JSON_LINES_TYPE

Name = Annotated[str, Meta(max_length=40)]


class ActorKind(StrEnum):
    """What somebody acted as."""

    MEMBER = "member"
    TOKEN = "token"  # noqa: S105 -- a kind, no secret
    CUSTOMER = "customer"
    COMMAND = "command"
    WORKER = "worker"


class ExportFormat(StrEnum):
    """A table for spreadsheets, or a JSON object a line."""

    CSV = "csv"
    JSONL = "jsonl"


class AuditFilters(msgspec.Struct, kw_only=True):
    """What the trail is narrowed to. `user_id` is a person, signed in or through their tokens."""

    subject_kind: Name = ""
    subject_id: int | None = None
    verb: Name = ""
    actor_kind: ActorKind | None = None
    actor_id: int | None = None
    user_id: int | None = None
    text: Annotated[str, Meta(max_length=200)] = ""


class AuditQuery(AuditFilters, kw_only=True):
    """Which page of the trail; `start` and `end` may each be left out."""

    start: str = ""
    end: str = ""
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None


class AuditExportQuery(AuditFilters, kw_only=True):
    """Which stretch of the trail, at most 366 days, and in which form."""

    start: str
    end: str
    format: ExportFormat = ExportFormat.CSV


class AuditEntry(msgspec.Struct):
    """One change: who (`actor`, and the user behind it), when, from where, and the fields that changed."""

    id: int
    at: str
    actor: str
    actor_kind: ActorKind
    actor_id: int | None
    user_id: int | None
    source: str
    subject_kind: str
    subject_id: int
    subject_version: int
    verb: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditList(msgspec.Struct):
    """A page of the trail, newest first."""

    changes: list[AuditEntry]
    next_cursor: str | None


class Audit(JsonEndpoint):
    """The trail."""

    permissions = {"GET": Permission.AUDIT_READ}

    @answers(AuditList)
    def get(self, parsed_query: Query[AuditQuery]) -> HttpResponse:
        """List who changed what, when and from where, newest first; also what somebody tried and was refused."""
        caller, query = self.caller, parsed_query
        wanted = replace(_wanted(query, caller, *_edges(query, caller.time_zone)), before=_place(query.cursor))
        page = list(trail_of(caller, wanted)[: query.limit + 1])
        shown = page[: query.limit]
        cursor = _cursor_at(shown[-1]) if len(page) > len(shown) else None
        return answer({"changes": list(written_lines(shown, caller)), "next_cursor": cursor})


class ExportAudit(JsonEndpoint):
    """The trail as a file."""

    exclude_validate_responses = frozenset({HTTPStatus.OK})  # a stream of text has no type to check
    permissions = {"GET": Permission.AUDIT_READ}

    @answers(TableText, headers=("Content-Disposition",))
    def get(self, parsed_query: Query[AuditExportQuery]) -> StreamingHttpResponse:
        """Export a stretch of the trail, newest first, as CSV or as a JSON object a line, in UTF-8."""
        caller, query = self.caller, parsed_query
        _, within = read_range(caller.time_zone, query.start, query.end, MAX_EXPORT_DAYS)
        found = trail_of(caller, _wanted(query, caller, _moment(within.start), _moment(within.end)))
        media_type = CSV_TYPE if query.format is ExportFormat.CSV else JSON_LINES_TYPE
        return export_answer(found, caller, media_type, within)


def _edges(query: AuditQuery, zone: str) -> tuple[datetime | None, datetime | None]:
    """Read where the stretch begins and ends, as far as it does. Raises ApiProblem."""
    times = TimeReader(zone)
    start, end = (
        _moment(times.edge(name, with_lost_plus(text))[1]) if text else None
        for name, text in (("start", query.start), ("end", query.end))
    )
    times.check()
    if start and end and end <= start:
        raise bad_field("end", "END_BEFORE_START", "The end must come after the start.")
    return start, end


def _wanted(query: AuditFilters, caller: Caller, start: datetime | None, end: datetime | None) -> Wanted:
    user_id = query.user_id
    return Wanted(
        caller.business_id,
        start,
        end,
        subject_kind=query.subject_kind,
        subject_id=query.subject_id and known_id(query.subject_id),
        verb=query.verb,
        actor_kind=query.actor_kind or "",
        actor_id=query.actor_id and known_id(query.actor_id),
        actors=None if user_id is None else actors_of(caller.business_id, known_id(user_id)),
        text=query.text.strip(),
    )


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def _place(cursor: str | None) -> tuple[datetime, int] | None:
    """Read after which change a page begins: its moment in microseconds, and its id. Raises ApiProblem."""
    read = read_cursor(cursor, 2)
    if read is None:
        return None
    microseconds, change_id = read
    if not 0 <= microseconds < 2**53:
        raise bad_field("cursor", "INVALID_FIELD", "It is no cursor of this list.")
    at = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return at.replace(microsecond=microseconds % 1_000_000), change_id


def _cursor_at(change: Change) -> str:
    return write_cursor(int(change.at.timestamp()) * 1_000_000 + change.at.microsecond, change.pk)
