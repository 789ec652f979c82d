"""Invitations over HTTP: made, listed, sent again, revoked. They are accepted on a page, by whoever has the mail."""

from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from django.conf import settings
from django.http import HttpResponse

from slotkeeper.doors.api.appointments import REPEATED, NoFields
from slotkeeper.doors.api.base import NOT_FOUND, At, Body, JsonEndpoint, OptionalBody, Query, answer, answers
from slotkeeper.doors.api.idempotency import once
from slotkeeper.doors.api.member_forms import (
    InvitationList,
    InvitationOut,
    InvitationPath,
    InvitationState,
    NewInvitation,
    SentInvitation,
    write_invitation,
)
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.limits import invite
from slotkeeper.people.callers import Caller
from slotkeeper.people.invitations import UnknownInvitation, link_of, resend_invitation, revoke_invitation, state_of
from slotkeeper.people.models import Invitation, InvitationQuerySet
from slotkeeper.rules.permissions import Permission
from slotkeeper.rules.team import Place

_NOT_INVITED = {
    HTTPStatus.CONFLICT: "The address belongs to a member, is invited already, or 100 were sent in a day; "
    "or the first request is still running."
}
_NOT_SENT = {HTTPStatus.CONFLICT: "100 invitations were sent in a day."}


class Invitations(JsonEndpoint):
    """Who is invited."""

    permissions = {"GET": Permission.MEMBERS_READ, "POST": Permission.MEMBERS_WRITE}

    @answers(InvitationList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List invitations, newest first; also those that were accepted, revoked or have expired."""
        found = _loaded(self.caller).order_by("-pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            found = found.filter(pk__lt=after[0])
        page = list(found[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"invitations": [_write(one, self.caller) for one in shown], "next_cursor": cursor})

    @answers(SentInvitation, HTTPStatus.CREATED, refusals=REPEATED | _NOT_INVITED, headers=("Location",))
    def post(self, parsed_body: Body[NewInvitation]) -> HttpResponse:
        """Invite an address to a place in the team, by mail. Only owners invite owners."""
        links: list[str] = []
        kept = once(self.request, self.caller, lambda: self._invite(parsed_body, links))
        # What is kept for a repetition must not hold the link, so it is added only now.
        content = msgspec.json.decode(kept.content) | {"link": links[0] if links else None}
        return answer(content, HTTPStatus.CREATED, {"Location": kept["Location"]})

    def _invite(self, body: NewInvitation, links: list[str]) -> HttpResponse:
        limits = (body.limited_to_user_ids, body.limited_to_service_ids)
        user_ids, service_ids = (None if ids is None else tuple(sorted(set(ids))) for ids in limits)
        place = Place(body.role, tuple(sorted(set(body.grants))), user_ids, service_ids)
        invitation = invite(self.caller.business_id, body.email, place, self.caller.actor)
        links += _shown_links(invitation)
        headers = {"Location": f"/api/invitations/{invitation.pk}"}
        return answer(_write(invitation, self.caller), HTTPStatus.CREATED, headers)


class OneInvitation(JsonEndpoint):
    """One invitation."""

    permissions = {"GET": Permission.MEMBERS_READ}

    @answers(InvitationOut, refusals=NOT_FOUND)
    def get(self, parsed_path: At[InvitationPath]) -> HttpResponse:
        """Read one invitation."""
        invitation = _loaded(self.caller).filter(pk=known_id(parsed_path.invitation_id)).first()
        if invitation is None:
            raise UnknownInvitation
        return answer(_write(invitation, self.caller))


class RevokeInvitation(JsonEndpoint):
    """Revoking."""

    permissions = {"POST": Permission.MEMBERS_WRITE}

    @answers(InvitationOut, refusals=NOT_FOUND)
    def post(self, parsed_path: At[InvitationPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Take a waiting invitation back; its link leads nowhere from then on."""
        del parsed_body
        caller = self.caller
        invitation = revoke_invitation(caller.business_id, known_id(parsed_path.invitation_id), caller.actor)
        return answer(_write(invitation, caller))


class ResendInvitation(JsonEndpoint):
    """Sending again."""

    permissions = {"POST": Permission.MEMBERS_WRITE}

    @answers(SentInvitation, refusals=NOT_FOUND | _NOT_SENT)
    def post(self, parsed_path: At[InvitationPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Send a waiting invitation again: a new link, valid for seven days; the one before ends."""
        del parsed_body
        caller = self.caller
        invitation = resend_invitation(caller.business_id, known_id(parsed_path.invitation_id), caller.actor)
        return answer(_write(invitation, caller) | {"link": next(iter(_shown_links(invitation)), None)})


def _loaded(caller: Caller) -> InvitationQuerySet:
    return Invitation.objects.in_business(caller.business_id).select_related("invited_by__user")


def _write(invitation: Invitation, caller: Caller) -> dict[str, object]:
    return write_invitation(invitation, caller, InvitationState(state_of(invitation, datetime.now(UTC))))


def _shown_links(invitation: Invitation) -> list[str]:
    """Show the link only where no mail could carry it: it proves that its bearer reads mails to the address."""
    return [] if settings.CONFIGURATION.mail_server else [link_of(invitation)]
