"""Writing the record of changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slotkeeper.changes.models import Change


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a member, a token, a customer by link, a command, the worker; `source` says from where."""

    kind: str
    id: int | None
    name: str
    source: str = ""  # the door, and the address of who came through it: "api 203.0.113.7"


COMMAND = Actor("command", None, "slotkeeper command", "command")
WORKER = Actor("worker", None, "worker", "worker")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was changed, and the version it has now; and when, where it is not the database that says so."""

    business_id: int
    kind: str
    id: int
    version: int = 1
    at: datetime | None = None


def record(
    subject: Subject,
    verb: str,
    actor: Actor,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Append one change, in the caller's transaction.

    `before` and `after` hold only the fields that changed, with values that JSON can carry.
    """
    moment = {} if subject.at is None else {"at": subject.at}
    Change.objects.create(
        **moment,
        business_id=subject.business_id,
        subject_kind=subject.kind,
        subject_id=subject.id,
        subject_version=subject.version,
        verb=verb,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        source=actor.source,
        before=before,
        after=after,
    )


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keep, of two states of one subject, the fields that differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}
