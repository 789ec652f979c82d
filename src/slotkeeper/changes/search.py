"""Searching the record of changes of one business."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from slotkeeper.changes.models import Change


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search is narrowed to; what is left out narrows nothing.

    `actors` names who did it by kind and ids, of which one must fit: a person is a membership and its tokens.
    """

    business_id: int
    start: datetime | None = None
    end: datetime | None = None
    subject_kind: str = ""
    subject_id: int | None = None
    verb: str = ""
    actor_kind: str = ""
    actor_id: int | None = None
    actors: Mapping[str, Collection[int]] | None = None
    text: str = ""
    searches_fields: bool = True  # whether the text is looked for in what changed, too
    before: tuple[datetime, int] | None = None  # go on below this moment and id


def search(wanted: Wanted) -> QuerySet[Change]:
    """Find changes, the newest first."""
    exact = {
        "subject_kind": wanted.subject_kind,
        "subject_id": wanted.subject_id,
        "verb": wanted.verb,
        "actor_kind": wanted.actor_kind,
        "actor_id": wanted.actor_id,
        "at__gte": wanted.start,
        "at__lt": wanted.end,
    }
    found = Change.objects.filter(
        **{name: value for name, value in exact.items() if value not in {None, ""}}, business_id=wanted.business_id
    )
    if wanted.actors is not None:
        found = found.filter(_is_by(wanted.actors))
    if wanted.text:
        found = _holding(found, wanted.text, in_fields=wanted.searches_fields)
    if wanted.before is not None:
        at, change_id = wanted.before
        found = found.filter(at__lte=at).exclude(at=at, pk__gte=change_id)
    return found.order_by("-at", "-pk")


def _is_by(actors: Mapping[str, Collection[int]]) -> Q:
    condition = Q(pk__in=[])
    for kind, ids in actors.items():
        condition |= Q(actor_kind=kind, actor_id__in=ids)
    return condition


def _holding(found: QuerySet[Change], text: str, *, in_fields: bool) -> QuerySet[Change]:
    """Keep what has the text in a name, in where it came from or in a field, whatever its case."""
    condition = Q(actor_name__icontains=text) | Q(source__icontains=text)
    if not in_fields:
        return found.filter(condition)
    found = found.annotate(before_text=Cast("before", TextField()), after_text=Cast("after", TextField()))
    # SQLite keeps JSON as it was written: letters beyond ASCII as themselves or as \u escapes.
    for written in {text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]}:
        condition |= Q(before_text__icontains=written) | Q(after_text__icontains=written)
    return found.filter(condition)
