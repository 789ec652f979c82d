"""Browsers' sessions at the gate: whose they are, what that person owes first, and noting that they are used."""

import time
from datetime import UTC, datetime, timedelta

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from msgspec import structs

from slotkeeper.doors.source import DASHBOARD, named_source
from slotkeeper.people.callers import LAST_USE_PRECISION_SECONDS, Caller, caller_of_membership
from slotkeeper.people.models import Membership, SessionRecord
from slotkeeper.people.second_factor import owes_second_factor
from slotkeeper.people.sessions import SessionUse, note_session_use


def session_caller(request: HttpRequest) -> Caller | None:
    """Find the membership that the session belongs to; the first one where none was chosen yet."""
    if not request.user.is_authenticated:
        return None
    # When it was last used in a membership comes with it, in the same statement.
    uses = SessionRecord.objects.filter(session_id=request.session.session_key, membership_id=OuterRef("pk"))
    memberships = (
        Membership.objects.active()
        .select_related("user", "business")
        .annotate(used_at=Subquery(uses.values("last_used_at")[:1]))
        .filter(user_id=request.user.pk)
        .order_by("pk")
    )
    chosen = request.session.get("membership_id")
    membership = memberships.filter(pk=chosen).first() if chosen else None
    membership = membership or memberships.first()
    if membership is None:
        return None
    if membership.pk != chosen:
        request.session["membership_id"] = membership.pk
    used_at: datetime | None = getattr(membership, "used_at")  # noqa: B009 -- the annotation above, which types lose
    return structs.replace(
        caller_of_membership(membership, named_source(DASHBOARD, request)),
        is_last_use_stale=used_at is None
        or used_at <= datetime.now(UTC) - timedelta(seconds=LAST_USE_PRECISION_SECONDS),
        owes_second_factor=owes_second_factor(membership),
    )


def note_use(request: HttpRequest, address: str) -> None:
    """Note the use of a session: at sign-in, then at most once a minute."""
    caller: Caller | None = request.caller  # type: ignore[attr-defined]  # the envelope has made it
    is_due = request.session.modified if caller is None else caller.is_last_use_stale
    if not is_due or not request.session.session_key or not request.user.is_authenticated:
        return
    use = SessionUse(
        session_key=request.session.session_key,
        user_id=request.user.pk,
        membership_id=caller.membership_id if caller else None,
        user_agent=request.headers.get("User-Agent", ""),
        address=address,
    )
    note_session_use(use, int(time.time()))
