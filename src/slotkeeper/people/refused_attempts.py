"""What somebody tried and was refused: a line in the record of changes, but never so many that they fill the disk."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction

from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Subject, record
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Membership

SUBJECT = "refusal"  # its id is the membership's
MOST_IN_AN_HOUR = 60  # of one member, through session and tokens
_LONGEST_PATH = 200


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was asked for: `route` as the table of routes writes it, `path` as it was sent; and how it was refused."""

    method: str
    route: str
    path: str
    status: int
    permission: str | None = None


def note_refusal(caller: Caller, attempt: Attempt, now: int) -> bool:
    """Write down a refused attempt, in a transaction of its own; say whether it was worth a line.

    One line each minute for what the same caller tries on the same route, and so many an hour for a member.
    """
    moment = datetime.fromtimestamp(now, UTC)
    if _is_known(caller, attempt, moment):
        return False
    with transaction.atomic():
        # Of many at once the first writes the line; the others wait here, and see it.
        Membership.objects.select_for_update(no_key=True).filter(pk=caller.membership_id).first()
        if _is_known(caller, attempt, moment):
            return False
        after = {
            "method": attempt.method,
            "route": attempt.route,
            "path": attempt.path[:_LONGEST_PATH],
            "status": attempt.status,
            "permission": attempt.permission,
        }
        subject = Subject(caller.business_id, SUBJECT, caller.membership_id, at=moment)
        record(subject, "refused", caller.actor, None, after)
    return True


def _is_known(caller: Caller, attempt: Attempt, moment: datetime) -> bool:
    lines = Change.objects.filter(
        business_id=caller.business_id, subject_kind=SUBJECT, subject_id=caller.membership_id
    ).order_by("-pk")[:MOST_IN_AN_HOUR]
    recent = [line for line in lines if line.at > moment - timedelta(hours=1)]
    if len(recent) == MOST_IN_AN_HOUR:
        return True
    who, what = (caller.actor.kind, caller.actor.id), (attempt.method, attempt.route)
    return any(
        line.at > moment - timedelta(minutes=1)
        and (line.actor_kind, line.actor_id) == who
        and line.after is not None
        and (line.after["method"], line.after["route"]) == what
        for line in recent
    )
