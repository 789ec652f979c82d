"""The mail that invites somebody, written when it leaves."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import override

from slotkeeper.languages import known_language
from slotkeeper.moments import full_day
from slotkeeper.outbox.channels.base import Dispatch
from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import ChannelName, Kind, Reason, State
from slotkeeper.outbox.letters import write_letter
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.sending import NotToBeSent, Written
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.people.invitations import account_of, link_of
from slotkeeper.people.models import Invitation
from slotkeeper.people.role_words import role_in_words


class InvitationCorrespondent:
    """Writes to who is invited, who may be no user yet."""

    def write(self, message: Message, now: datetime) -> Written:
        """Say who invites to what, with the link. Raises NotToBeSent where there is nothing to accept any more."""
        found = Invitation.objects.waiting().filter(pk=message.subject_id, business_id=message.business_id)
        invitation = found.select_related("business", "invited_by__user").first()
        if invitation is None or invitation.expires_at <= now:
            raise NotToBeSent(State.SUPERSEDED, Reason.NO_LONGER_TRUE)
        business, account = invitation.business, account_of(invitation.email)
        locale = account.locale if account else business.locale
        language = known_language(locale) or settings.LANGUAGE_CODE
        with override(language):
            wording = wording_of(business.pk, Kind.INVITATION, ChannelName.EMAIL, language)
            values = _facts(invitation)
            letter = write_letter(
                wording, values, frame_of(Kind.INVITATION, values, business.name, business.accent_color)
            )
        name = account.name if account else ""
        return Written(Dispatch(message.message_id, invitation.email, name, business.name, "", letter))

    def lock(self, message: Message) -> None:
        """Nothing is read afterwards."""

    def settled(self, message: Message, now: datetime) -> None:
        """Nothing follows."""


def _facts(invitation: Invitation) -> dict[str, str]:
    inviter, business = invitation.invited_by, invitation.business
    last = invitation.expires_at.astimezone(ZoneInfo(business.time_zone))
    return {
        "business_name": business.name,
        "inviter_name": str(inviter.user) if inviter else business.name,
        "role_name": role_in_words(invitation.role),
        "expires_on": full_day(last),
        "link": link_of(invitation),
    }
