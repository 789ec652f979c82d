"""Where members are signed in, over HTTP: one's own, and for who manages people, those of others."""

from datetime import UTC, datetime

from django.db.models import QuerySet
from django.http import HttpResponse

from slotkeeper.doors.api.appointments import NoFields
from slotkeeper.doors.api.base import NOT_FOUND, At, JsonEndpoint, OptionalBody, answer, answers
from slotkeeper.doors.api.member_forms import MemberPath, SessionList, SessionPath, write_session
from slotkeeper.doors.api.problems import not_permitted
from slotkeeper.doors.ids import known_id
from slotkeeper.people.members import find_member
from slotkeeper.people.models import Membership, SessionRecord
from slotkeeper.people.reading import may_change
from slotkeeper.people.sessions import end_session, end_sessions, own_sessions, sessions_in
from slotkeeper.rules.permissions import Permission


class MemberSessions(JsonEndpoint):
    """Where a member is signed in."""

    permissions = {"GET": Permission.SELF_READ}

    @answers(SessionList, refusals=NOT_FOUND)
    def get(self, parsed_path: At[MemberPath]) -> HttpResponse:
        """List sessions: all of one's own; of somebody else those that were used last in this business."""
        _, sessions = _reached(self, parsed_path.member_id)
        return _answer(self, sessions)


class RevokeSession(JsonEndpoint):
    """Ending one session."""

    permissions = {"POST": Permission.SELF_WRITE}

    @answers(SessionList, refusals=NOT_FOUND)
    def post(self, parsed_path: At[SessionPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """End a session; its next request is a stranger's. The answer lists those that are left."""
        del parsed_body
        member, sessions = _reached(self, parsed_path.member_id)
        end_session(sessions, known_id(parsed_path.session_id), member, self.caller.actor)
        return _answer(self, sessions)


class RevokeSessions(JsonEndpoint):
    """Ending all sessions."""

    permissions = {"POST": Permission.SELF_WRITE}

    @answers(SessionList, refusals=NOT_FOUND)
    def post(self, parsed_path: At[MemberPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """End all sessions of a member but the one that asks; the answer lists what is left."""
        del parsed_body
        member, sessions = _reached(self, parsed_path.member_id)
        end_sessions(sessions.exclude(session_id=_current_key(self) or ""), member, self.caller.actor)
        return _answer(self, sessions)


def _reached(endpoint: JsonEndpoint, member_id: int) -> tuple[Membership, QuerySet[SessionRecord]]:
    caller, now = endpoint.caller, datetime.now(UTC)
    member = find_member(caller.business_id, known_id(member_id))
    if member.pk == caller.membership_id:
        return member, own_sessions(member.user_id, now)
    if not may_change(caller, member):
        raise not_permitted()
    return member, sessions_in(member, now)


def _answer(endpoint: JsonEndpoint, sessions: QuerySet[SessionRecord]) -> HttpResponse:
    current = _current_key(endpoint)
    return answer({"sessions": [write_session(one, endpoint.caller, current) for one in sessions.all()]})


def _current_key(endpoint: JsonEndpoint) -> str | None:
    """Name the session that asks; a token has none."""
    return None if endpoint.caller.token_id else endpoint.request.session.session_key
