"""Where people are signed in: noted once a minute, listed, and ended.

A session is a person's, who may belong to several businesses; of a colleague's, one sees those that were used last
in the common business, and ends no others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.sessions.models import Session
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.authority import require_own_or_managed
from slotkeeper.people.models import Membership, SessionRecord

_LONGEST_USER_AGENT, _LONGEST_ADDRESS = 255, 64


class UnknownSession(Exception):
    """There is no such session, or it has ended."""


@dataclass(frozen=True, slots=True)
class SessionUse:
    """A request through a session: whose, in which business, and what it says of where it comes from."""

    session_key: str
    user_id: int
    membership_id: int | None
    user_agent: str
    address: str


def note_session_use(use: SessionUse, now: int) -> None:
    """Write down that a session was used, in a transaction of its own; doors ask for it at most once a minute."""
    fields = {
        "user_id": use.user_id,
        "membership_id": use.membership_id,
        "user_agent": "".join(c if c.isprintable() else " " for c in use.user_agent)[:_LONGEST_USER_AGENT],
        "address": use.address[:_LONGEST_ADDRESS],
        "last_used_at": datetime.fromtimestamp(now, UTC),
    }
    try:
        with transaction.atomic():
            known = SessionRecord.objects.filter(session_id=use.session_key).update(**fields)
            if not known:
                created_at = datetime.fromtimestamp(now, UTC)
                SessionRecord.objects.create(session_id=use.session_key, created_at=created_at, **fields)
    except (OperationalError, InterfaceError, IntegrityError):
        # The answer stands; the next request will note its use. It may also have ended meanwhile.
        return


def own_sessions(user_id: int, now: datetime) -> QuerySet[SessionRecord]:
    """Find where a person is signed in, whichever business it was used for; the one used last first."""
    return _live(now).filter(user_id=user_id)


def sessions_in(member: Membership, now: datetime) -> QuerySet[SessionRecord]:
    """Find a member's sessions that were used last in this business; the one used last first."""
    return _live(now).filter(membership=member)


def end_session(sessions: QuerySet[SessionRecord], session_id: int, member: Membership, actor: Actor) -> None:
    """End one of some sessions of a member: its next request is a stranger's.

    Raises UnknownSession, and MayNotManage for somebody else's whom the actor does not manage.
    """
    if not end_sessions(sessions.filter(pk=session_id), member, actor):
        raise UnknownSession


def end_sessions(sessions: QuerySet[SessionRecord], member: Membership, actor: Actor) -> int:
    """End some sessions of a member and give how many there were. Raises MayNotManage."""
    with transaction.atomic():
        require_own_or_managed(member, actor)
        keys = list(sessions.values_list("session_id", flat=True))
        if keys:
            Session.objects.filter(pk__in=keys).delete()
            subject = Subject(member.business_id, "membership", member.pk, member.version)
            record(subject, "signed out", actor, None, {"sessions": len(keys)})
    return len(keys)


def end_sessions_in(member: Membership) -> None:
    """End what a member has open in their business, in the transaction of what it follows from."""
    Session.objects.filter(record__membership=member).delete()


def _live(now: datetime) -> QuerySet[SessionRecord]:
    return SessionRecord.objects.filter(session__expire_date__gt=now).order_by("-last_used_at", "-pk")
