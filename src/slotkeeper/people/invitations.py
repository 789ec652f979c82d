"""Invitations: made, sent again, revoked, and accepted once, by whoever reads the mail at their address.

The secret in a link follows from a random text in the row and the installation's key, so that a mail that is tried
again carries the same one, and neither the database nor the ledger gives one away. Accepting touches no password
that exists: whoever has an account signs in first.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.signing import Signer
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.outbox.channels.addresses import mailbox_of
from slotkeeper.outbox.channels.base import Refused
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.kinds import INVITED, ChannelName, Kind, Reason
from slotkeeper.outbox.ledger import Draft, enter, skip
from slotkeeper.people.authority import (
    acting_member,
    check_place,
    lock_team,
    place_of,
    require_may_manage,
)
from slotkeeper.people.models import Invitation, Membership, User, secret_hash
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place, may_manage

SUBJECT = "invitation"
VALID_FOR = timedelta(days=7)
MOST_MAILS_A_DAY = 100  # of a business: what strangers' addresses may be sent by it
_PURPOSE = "slotkeeper: an invitation"


class UnknownInvitation(Exception):
    """The invitation is not, or no longer, valid: it was accepted, revoked or replaced, or has expired."""


class UnusableAddress(Exception):
    """Write exactly one e-mail address, of the form name@example.com."""


class AlreadyMember(Exception):
    """Whoever has this address belongs to the business already."""


class AlreadyInvited(Exception):
    """The address is invited already. Send that invitation again, or revoke it first."""


class TooManyInvitations(Exception):
    """A business can send 100 invitations a day. Try again tomorrow."""


class AccountExists(Exception):
    """There is an account with this address already. Sign in, then accept."""


class OtherAddress(Exception):
    """The invitation is for another address than yours."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who accepts without having an account yet."""

    name: str
    password: str
    time_zone: str
    locale: str = "en"


def invite(business_id: int, email: str, place: Place, actor: Actor) -> Invitation:
    """Offer a place to an address, and owe it a mail. One that has expired is replaced.

    That the services it is limited to are the business's is for the caller to see to. Raises UnusableAddress,
    AlreadyMember, AlreadyInvited, TooManyInvitations, MayNotManage and InvalidPlace.
    """
    address = _checked_address(email)
    now = datetime.now(UTC)
    with transaction.atomic():
        lock_team(business_id)
        acting = acting_member(business_id, actor)
        require_may_manage(acting, place.role)
        check_place(business_id, place, acting)
        _require_newcomer(business_id, address, actor, now)
        _require_mails_left(business_id, now)
        invitation = Invitation(business_id=business_id, email=address, invited_by=acting, created_at=now, sends=0)
        for name, value in _offered(place).items():
            setattr(invitation, name, value)
        _send(invitation, now)
        record(_subject(invitation), "created", actor, None, {"email": address} | _offered(place))
    return invitation


def resend_invitation(business_id: int, invitation_id: int, actor: Actor) -> Invitation:
    """Send a waiting invitation again, with a new link that is valid for as long; the link before ends.

    Raises UnknownInvitation, MayNotManage and TooManyInvitations.
    """
    now = datetime.now(UTC)
    with transaction.atomic():
        invitation = _locked_waiting(business_id, invitation_id, actor)
        _require_mails_left(business_id, now)
        _send(invitation, now)
        record(_subject(invitation), "resent", actor, None, {"email": invitation.email})
    return invitation


def revoke_invitation(business_id: int, invitation_id: int, actor: Actor) -> Invitation:
    """Take an invitation back; its link leads nowhere from then on. Raises UnknownInvitation and MayNotManage."""
    with transaction.atomic():
        invitation = _locked_waiting(business_id, invitation_id, actor)
        _revoke(invitation, actor)
    return invitation


def revoke_those_of(member: Membership, actor: Actor) -> None:
    """Revoke what a member offered and could no longer, and what is offered to who is out. In a transaction."""
    waiting = Invitation.objects.in_business(member.business_id).waiting()
    for invitation in waiting.filter(Q(invited_by=member) | Q(email=member.user.email)):
        may_still = not member.is_suspended and may_manage(Role(member.role), Role(invitation.role))
        if not may_still:
            _revoke(invitation, actor)


def link_of(invitation: Invitation) -> str:
    """Give the address under which an invitation is accepted."""
    secret = _secret_of(invitation)
    if bytes(invitation.secret_hash) != secret_hash(secret):  # the installation's key was changed since
        Invitation.objects.filter(pk=invitation.pk).update(secret_hash=secret_hash(secret))
    return f"{settings.CONFIGURATION.url}/invitations/{secret}"


def state_of(invitation: Invitation, now: datetime) -> str:
    """Say how an invitation stands: waiting, expired, accepted or revoked."""
    if invitation.accepted_at is not None:
        return "accepted"
    if invitation.revoked_at is not None:
        return "revoked"
    return "waiting" if invitation.expires_at > now else "expired"


def open_invitation(secret: str, now: datetime) -> Invitation:
    """Find what a link leads to, with its business. Raises UnknownInvitation."""
    found = Invitation.objects.waiting().filter(secret_hash=secret_hash(secret), expires_at__gt=now)
    invitation = found.select_related("business").first()
    if invitation is None:
        raise UnknownInvitation
    return invitation


def account_of(email: str) -> User | None:
    """Find the account to which an address belongs: as its main one, or as another that was verified."""
    verified = Q(emailaddress__email__iexact=email, emailaddress__verified=True)
    return User.objects.filter(Q(email=email.lower()) | verified).order_by("pk").first()


def accept_as_new(secret: str, person: NewPerson, now: datetime, source: str = "") -> Membership:
    """Make an account for who is invited, and their membership. Raises UnknownInvitation and AccountExists."""
    with transaction.atomic():
        invitation = _locked_open(secret, now)
        if account_of(invitation.email) is not None:
            raise AccountExists
        fields = {"name": person.name, "time_zone": person.time_zone, "locale": person.locale, "created_at": now}
        try:
            with transaction.atomic():
                user = User.objects.create_user(invitation.email, person.password, **fields)
        except IntegrityError:  # another invitation of the same person was accepted in this moment
            raise AccountExists from None
        return _join(invitation, user, now, source)


def accept_as(secret: str, user: User, now: datetime, source: str = "") -> Membership:
    """Let the owner of an account join. Raises UnknownInvitation, OtherAddress and AlreadyMember."""
    with transaction.atomic():
        invitation = _locked_open(secret, now)
        if account_of(invitation.email) != user or not user.is_active:
            raise OtherAddress
        return _join(invitation, user, now, source)


def _join(invitation: Invitation, user: User, now: datetime, source: str) -> Membership:
    """Make, or bring back, the membership; one that is merely suspended stays so."""
    place = _offered(place_of(invitation))
    member = Membership.objects.filter(business_id=invitation.business_id, user=user).first()
    if member is not None and member.removed_at is None:
        raise AlreadyMember
    if member is None:
        member = Membership.objects.create(business_id=invitation.business_id, user=user, created_at=now, **place)
    else:
        member.removed_at, member.is_suspended, member.version = None, False, member.version + 1
        for name, value in place.items():
            setattr(member, name, value)
        member.save()
    invitation.accepted_at, invitation.accepted_by = now, member
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    actor = Actor("member", member.pk, str(user), source)
    record(_subject(invitation), "accepted", actor, None, {"email": invitation.email})
    subject = Subject(member.business_id, "membership", member.pk, member.version)
    record(subject, "created", actor, None, {"user_id": user.pk} | place)
    return member


def _locked_open(secret: str, now: datetime) -> Invitation:
    """Give an invitation that nobody else accepts or revokes until the transaction ends. Raises UnknownInvitation."""
    found = open_invitation(secret, now)
    lock_team(found.business_id)
    return open_invitation(secret, now)


def _locked_waiting(business_id: int, invitation_id: int, actor: Actor) -> Invitation:
    lock_team(business_id)
    acting = acting_member(business_id, actor)
    invitation = Invitation.objects.in_business(business_id).waiting().filter(pk=invitation_id).first()
    if invitation is None:
        raise UnknownInvitation
    require_may_manage(acting, Role(invitation.role))
    return invitation


def _send(invitation: Invitation, now: datetime) -> None:
    invitation.nonce = secrets.token_hex(16)
    invitation.secret_hash = secret_hash(_secret_of(invitation))
    invitation.sends += 1
    invitation.sent_at, invitation.expires_at = now, now + VALID_FOR
    invitation.save()
    _owe_mail(invitation, now)


def _owe_mail(invitation: Invitation, now: datetime) -> None:
    draft = Draft(
        business_id=invitation.business_id,
        subject_kind=SUBJECT,
        subject_id=invitation.pk,
        kind=Kind.INVITATION,
        occasion=str(invitation.sends),
        recipient=INVITED,
        address=invitation.email,
        useful_until=invitation.expires_at,
    )
    if ChannelName.EMAIL in channels_of(invitation.business_id, Kind.INVITATION):
        enter([draft], now)
    else:
        skip([(draft, Reason.SWITCHED_OFF)], now)


def _revoke(invitation: Invitation, actor: Actor) -> None:
    invitation.revoked_at = datetime.now(UTC)
    invitation.save(update_fields=["revoked_at"])
    record(_subject(invitation), "revoked", actor, None, {"email": invitation.email})


def _secret_of(invitation: Invitation) -> str:
    return Signer(salt=_PURPOSE).signature(invitation.nonce)


def _require_newcomer(business_id: int, address: str, actor: Actor, now: datetime) -> None:
    account = account_of(address)
    if account is not None and Membership.objects.in_business(business_id).current().filter(user=account).exists():
        raise AlreadyMember
    earlier = Invitation.objects.in_business(business_id).waiting().filter(email=address).first()
    if earlier is not None:
        if earlier.expires_at > now:
            raise AlreadyInvited
        _revoke(earlier, actor)


def _require_mails_left(business_id: int, now: datetime) -> None:
    of_today = Invitation.objects.in_business(business_id).filter(sent_at__gt=now - timedelta(days=1))
    if (of_today.aggregate(sum=Sum("sends"))["sum"] or 0) >= MOST_MAILS_A_DAY:
        raise TooManyInvitations


def _checked_address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
        mailbox_of(address)
    except (ValidationError, Refused):
        raise UnusableAddress from None
    return address


def _offered(place: Place) -> dict[str, Any]:
    """Give a place as rows hold it."""
    user_ids, service_ids = place.limited_to_user_ids, place.limited_to_service_ids
    return {
        "role": place.role.value,
        "grants": list(place.grants),
        "limited_to_user_ids": None if user_ids is None else list(user_ids),
        "limited_to_service_ids": None if service_ids is None else list(service_ids),
    }


def _subject(invitation: Invitation) -> Subject:
    return Subject(invitation.business_id, SUBJECT, invitation.pk)
