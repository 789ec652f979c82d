"""Invitations: who may make them, what their mail says, and that each is accepted once by whom it is for."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress

from cast import PASSWORD, add_member
from posted import PostOffice, ledger
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.offerings.limits import invite, update_member
from slotkeeper.offerings.models import Service
from slotkeeper.outbox.choices import choose_channels
from slotkeeper.outbox.kinds import Kind
from slotkeeper.outbox.models import Message
from slotkeeper.people import invitations
from slotkeeper.people.authority import InvalidPlace, MayNotManage
from slotkeeper.people.invitations import (
    AccountExists,
    AlreadyInvited,
    AlreadyMember,
    NewPerson,
    OtherAddress,
    TooManyInvitations,
    UnknownInvitation,
    UnusableAddress,
    accept_as,
    accept_as_new,
    link_of,
    open_invitation,
    resend_invitation,
    revoke_invitation,
    state_of,
)
from slotkeeper.people.members import MemberTarget, end_membership, suspend_member
from slotkeeper.people.models import Invitation, Membership, User, secret_hash
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place

NORA = "nora@new.test"
PERSON = NewPerson("Nora New", "a fine long secret", "Europe/Lisbon", "de")
VIEWER = Place(Role.VIEWER)


def actor_of(member):
    return Actor("member", member.pk, str(member.user))


def now():
    return datetime.now(UTC)


def asked(cast, email=NORA, place=VIEWER, actor=None):
    return invite(cast.owner.business_id, email, place, actor or actor_of(cast.owner))


def secret_in(invitation):
    return link_of(invitation).rpartition("/")[2]


def verbs_on(invitation):
    found = Change.objects.filter(subject_kind="invitation", subject_id=invitation.pk).order_by("pk")
    return list(found.values_list("verb", flat=True))


# Making


def test_who_is_invited_gets_a_mail_in_the_businesss_words_with_a_link_of_their_own(cast):
    invitation = asked(cast, "  Nora@NEW.test ", Place(Role.SCHEDULER))
    post = PostOffice(now())
    [mail] = post.work()
    assert mail.address == invitation.email == NORA
    assert mail.letter.subject == "Olga Owner invites you to Practice"
    assert "Your role: scheduler" in mail.letter.text
    assert link_of(invitation) in mail.letter.text
    assert link_of(invitation) in mail.letter.html
    assert ledger(recipient="invited") == [("invitation", "sent")]
    cast.owner.business.locale = "de"
    cast.owner.business.save()
    asked(cast, "zweite@new.test")
    [mail] = post.later(minutes=1).work()
    assert mail.letter.subject == "Olga Owner lädt Sie zu Practice ein"


def test_neither_the_database_nor_the_ledger_holds_the_secret(cast):
    invitation = asked(cast)
    PostOffice(now()).work()
    secret = secret_in(invitation)
    rows = [*Invitation.objects.values(), *Message.objects.values(), *Change.objects.values()]
    assert secret not in repr(rows)
    assert bytes(Invitation.objects.get().secret_hash) == secret_hash(secret)
    assert len(secret) >= 43


def test_a_link_stays_good_for_a_mail_that_leaves_after_the_installations_key_was_changed(cast, settings):
    invitation = asked(cast)
    settings.SECRET_KEY = "another" * 8
    [mail] = PostOffice(now()).work()
    secret = re.search(r"/invitations/([\w-]+)", mail.letter.text)[1]
    assert open_invitation(secret, now()).pk == invitation.pk


def test_an_invitation_that_nobody_can_accept_any_more_is_not_sent(cast):
    revoke_invitation(cast.owner.business_id, asked(cast).pk, actor_of(cast.owner))
    assert PostOffice(now()).work() == []
    assert ledger() == [("invitation", "superseded")]


def test_where_invitations_are_switched_off_the_ledger_says_so(cast):
    choose_channels(cast.owner.business_id, {Kind.INVITATION: frozenset()}, COMMAND)
    asked(cast)
    assert Message.objects.get().reason == "switched_off"


NO_ADDRESSES = ["", "nora", "nora@", "a@b.test, c@d.test", "nora@new.test\nBcc: x@y.test", "x" * 300]


@pytest.mark.parametrize("email", NO_ADDRESSES)
def test_what_is_no_address_is_refused(cast, email):
    with pytest.raises(UnusableAddress):
        asked(cast, email)
    assert not Invitation.objects.exists()


def test_a_member_is_not_invited_again_nor_anybody_twice(cast):
    with pytest.raises(AlreadyMember):
        asked(cast, "Colleague@practice.test")
    asked(cast)
    with pytest.raises(AlreadyInvited):
        asked(cast, NORA.upper())
    assert Invitation.objects.count() == 1


def test_somebody_with_a_second_verified_address_is_known_by_it(cast):
    EmailAddress.objects.create(user=cast.colleague.user, email="second@practice.test", verified=True)
    with pytest.raises(AlreadyMember):
        asked(cast, "second@practice.test")


def test_only_owners_invite_owners_and_only_who_manages_people_invites(cast):
    admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    with pytest.raises(MayNotManage):
        asked(cast, place=Place(Role.OWNER), actor=actor_of(admin))
    for actor in (actor_of(cast.colleague), actor_of(cast.outsider)):
        with pytest.raises(MayNotManage):
            asked(cast, actor=actor)
    assert not Invitation.objects.exists()
    asked(cast, place=Place(Role.ADMIN), actor=actor_of(admin))
    asked(cast, "second@new.test", Place(Role.OWNER))


def test_grants_and_limits_come_with_the_place_and_are_checked_as_a_members_are(cast):
    foreign = Service.objects.create(business=cast.outsider.business, name="Oil", slug="oil")
    for place in (
        Place(Role.VIEWER, ("members.write",)),
        Place(Role.ADMIN, ("reports.read",)),
        Place(Role.VIEWER, limited_to_user_ids=(cast.outsider.user_id,)),
        Place(Role.VIEWER, limited_to_service_ids=(foreign.pk,)),
    ):
        with pytest.raises(InvalidPlace):
            asked(cast, place=place)
    place = Place(Role.PROVIDER, ("reports.read",), (cast.colleague.user_id,), ())
    member = accept_as_new(secret_in(asked(cast, place=place)), PERSON, now())
    assert (member.grants, member.limited_to_user_ids, member.limited_to_service_ids) == (
        ["reports.read"], [cast.colleague.user_id], [],
    )  # fmt: skip


def test_a_business_sends_no_more_than_a_hundred_a_day(cast, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_MAILS_A_DAY", 3)
    first = asked(cast)
    resend_invitation(cast.owner.business_id, first.pk, COMMAND)
    asked(cast, "second@new.test")
    with pytest.raises(TooManyInvitations):
        asked(cast, "third@new.test")
    with pytest.raises(TooManyInvitations):
        resend_invitation(cast.owner.business_id, first.pk, COMMAND)
    Invitation.objects.update(sent_at=now() - timedelta(days=2))
    asked(cast, "third@new.test")


# Accepting


def test_a_new_person_gets_an_account_and_the_place_that_was_offered(cast):
    invitation = asked(cast, place=Place(Role.SCHEDULER))
    member = accept_as_new(secret_in(invitation), PERSON, now())
    user = User.objects.get(email=NORA)
    assert (member.user, member.role, member.business) == (user, Role.SCHEDULER, cast.owner.business)
    assert (user.name, user.time_zone, user.locale) == ("Nora New", "Europe/Lisbon", "de")
    assert user.check_password("a fine long secret")
    assert verbs_on(invitation) == ["created", "accepted"]
    change = Change.objects.get(subject_kind="membership", subject_id=member.pk)
    assert (change.verb, change.actor_id, change.after["role"]) == ("created", member.pk, "scheduler")


def test_it_is_accepted_once(cast):
    secret = secret_in(asked(cast))
    accept_as_new(secret, PERSON, now())
    for deed in (
        lambda: accept_as_new(secret, PERSON, now()),
        lambda: accept_as(secret, User.objects.get(email=NORA), now()),
        lambda: open_invitation(secret, now()),
    ):
        with pytest.raises(UnknownInvitation):
            deed()


def test_it_expires_after_seven_days_is_revoked_and_replaced(cast):
    invitation = asked(cast)
    with pytest.raises(UnknownInvitation):
        open_invitation(secret_in(invitation), now() + timedelta(days=7, minutes=1))
    assert open_invitation(secret_in(invitation), now() + timedelta(days=6, hours=23))
    first = secret_in(invitation)
    invitation = resend_invitation(cast.owner.business_id, invitation.pk, actor_of(cast.owner))
    second = secret_in(invitation)
    assert first != second
    with pytest.raises(UnknownInvitation):
        accept_as_new(first, PERSON, now())
    revoke_invitation(cast.owner.business_id, invitation.pk, actor_of(cast.owner))
    with pytest.raises(UnknownInvitation):
        accept_as_new(second, PERSON, now())
    for verb in (revoke_invitation, resend_invitation):
        with pytest.raises(UnknownInvitation):
            verb(cast.owner.business_id, invitation.pk, actor_of(cast.owner))
    assert verbs_on(invitation) == ["created", "resent", "revoked"]
    assert not User.objects.filter(email=NORA).exists()


def test_one_that_has_expired_is_replaced_when_the_address_is_invited_again(cast):
    old = asked(cast)
    Invitation.objects.update(expires_at=now() - timedelta(seconds=1))
    old.refresh_from_db()
    assert state_of(old, now()) == "expired"
    new = asked(cast)
    old.refresh_from_db()
    assert (state_of(old, now()), state_of(new, now())) == ("revoked", "waiting")


def test_an_account_that_exists_is_never_given_a_password_or_a_name(cast):
    before = User.objects.filter(pk=cast.outsider.user_id).values().get()
    secret = secret_in(asked(cast, cast.outsider.user.email))
    with pytest.raises(AccountExists):
        accept_as_new(secret, PERSON, now())
    assert User.objects.filter(pk=cast.outsider.user_id).values().get() == before
    member = accept_as(secret, cast.outsider.user, now())
    assert (member.business, member.role) == (cast.owner.business, Role.VIEWER)
    assert User.objects.filter(pk=cast.outsider.user_id).values().get() == before
    assert cast.outsider.user.check_password(PASSWORD)


def test_it_is_for_its_address_alone(cast):
    secret = secret_in(asked(cast))
    for someone in (cast.outsider, cast.colleague):
        with pytest.raises(OtherAddress):
            accept_as(secret, someone.user, now())
    assert Invitation.objects.get().accepted_at is None
    cast.outsider.user.email = "moved@garage.test"
    cast.outsider.user.save()
    EmailAddress.objects.create(user=cast.outsider.user, email=NORA, verified=True)
    assert accept_as(secret, cast.outsider.user, now()).user == cast.outsider.user


def test_who_was_removed_comes_back_only_by_an_invitation_and_with_its_place(cast):
    update = {"grants": ["reports.read"], "role": "scheduler"}
    target = MemberTarget(cast.owner.business_id, cast.colleague.pk)
    update_member(target, update, actor_of(cast.owner))
    end_membership(target, actor_of(cast.owner), now())
    secret = secret_in(asked(cast, cast.colleague.user.email))
    member = accept_as(secret, cast.colleague.user, now())
    assert (member.pk, member.role, member.grants) == (cast.colleague.pk, Role.VIEWER, [])
    assert (member.is_suspended, member.removed_at, member.version) == (False, None, 4)


def test_who_is_suspended_is_not_let_in_again_by_an_invitation(cast):
    target = MemberTarget(cast.owner.business_id, cast.colleague.pk)
    suspend_member(target, actor_of(cast.owner))
    with pytest.raises(AlreadyMember):
        asked(cast, cast.colleague.user.email)


def test_what_a_member_offered_ends_when_they_may_no_longer_offer_it(cast):
    admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    second = add_member(cast.owner, "second@practice.test", Role.OWNER)
    of_admin = asked(cast, actor=actor_of(admin))
    owners = asked(cast, "boss@new.test", Place(Role.OWNER), actor_of(second))
    viewers = asked(cast, "looks@new.test", VIEWER, actor_of(second))
    suspend_member(MemberTarget(admin.business_id, admin.pk), actor_of(cast.owner))
    update_member(MemberTarget(second.business_id, second.pk), {"role": "admin"}, actor_of(cast.owner))
    states = {one.email: state_of(one, now()) for one in Invitation.objects.all()}
    assert states == {of_admin.email: "revoked", owners.email: "revoked", viewers.email: "waiting"}


def test_another_businesss_invitation_is_unknown(cast):
    invitation = asked(cast)
    for verb in (revoke_invitation, resend_invitation):
        with pytest.raises(UnknownInvitation):
            verb(cast.outsider.business_id, invitation.pk, actor_of(cast.outsider))
    admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    owners = asked(cast, "boss@new.test", Place(Role.OWNER))
    with pytest.raises(MayNotManage):
        resend_invitation(cast.owner.business_id, owners.pk, actor_of(admin))
    assert Membership.objects.in_business(cast.owner.business_id).count() == 3
