"""Two at once: owners who demote each other, an invitation accepted twice, removing who is being made an owner."""

from datetime import UTC, datetime
from functools import partial

import pytest

from cast import Cast, add_member
from race.harness import race
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.offerings.limits import invite, update_member
from slotkeeper.people.authority import MayNotManage, NotAboutOneself
from slotkeeper.people.invitations import (
    AccountExists,
    AlreadyInvited,
    AlreadyMember,
    NewPerson,
    UnknownInvitation,
    accept_as,
    accept_as_new,
    link_of,
    resend_invitation,
    revoke_invitation,
)
from slotkeeper.people.members import LastOwner, MemberTarget, UnknownMembership, end_membership, transfer_ownership
from slotkeeper.people.models import Invitation, Membership, User
from slotkeeper.people.sessions import SessionUse, note_session_use
from slotkeeper.people.sign_up import AlreadySetUp, NewOwner, create_first_owner
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place

PERSON = NewPerson("Nora New", "a fine long secret", "Europe/Berlin")
ROUNDS = 8


def actor_of(member):
    return Actor("member", member.pk, "somebody")


def target(member):
    return MemberTarget(member.business_id, member.pk)


def outcome(deed):
    """Make an attempt that names what came of it."""

    def attempt() -> str:
        try:
            deed()
        except (
            AccountExists, AlreadyInvited, AlreadyMember, AlreadySetUp, LastOwner, MayNotManage, NotAboutOneself,
            UnknownInvitation, UnknownMembership,
        ) as error:  # fmt: skip
            return type(error).__name__
        return "done"

    return attempt


def active_owners(business_id):
    return Membership.objects.in_business(business_id).active().filter(role=Role.OWNER).count()


def secret_in(invitation):
    return link_of(invitation).rpartition("/")[2]


def invited(cast, email="nora@new.test", role=Role.VIEWER):
    return invite(cast.owner.business_id, email, Place(role), COMMAND)


@pytest.fixture
def owners(committed_cast: Cast):
    second = add_member(committed_cast.owner, "second@practice.test", Role.OWNER)
    return committed_cast.owner, second


@pytest.mark.parametrize("number", range(3))
def test_of_two_last_owners_who_demote_each_other_one_stays(owners, number):
    first, second = owners
    demote = {"role": "admin"}
    outcomes = race(
        [
            outcome(lambda: update_member(target(second), demote, actor_of(first))),
            outcome(lambda: update_member(target(first), demote, actor_of(second))),
        ]
    )
    assert outcomes == {"done": 1, "MayNotManage": 1}
    assert active_owners(first.business_id) == 1


def test_of_owners_who_all_leave_or_step_down_at_once_one_stays(owners):
    first, _ = owners
    others = [add_member(first, f"owner{number}@practice.test", Role.OWNER) for number in range(6)]
    everybody = [*owners, *others]
    attempts = [
        outcome(
            lambda one=one: (
                end_membership(target(one), actor_of(one), datetime.now(UTC))
                if one.pk % 2
                else update_member(target(one), {"role": "viewer"}, actor_of(one))
            )
        )
        for one in everybody
    ]
    outcomes = race(attempts)
    assert outcomes["LastOwner"] == 1
    assert outcomes["done"] == len(everybody) - 1
    assert active_owners(first.business_id) == 1


def test_ownership_that_is_handed_on_to_many_at_once_goes_to_one(committed_cast):
    owner = committed_cast.owner
    heirs = [add_member(owner, f"heir{number}@practice.test", Role.ADMIN) for number in range(ROUNDS)]
    outcomes = race([outcome(lambda one=one: transfer_ownership(target(one), actor_of(owner))) for one in heirs])
    assert outcomes == {"done": 1, "MayNotManage": ROUNDS - 1}
    assert active_owners(owner.business_id) == 1


def test_an_invitation_is_accepted_once_however_many_try(committed_cast):
    secret = secret_in(invited(committed_cast))
    outcomes = race([outcome(lambda: accept_as_new(secret, PERSON, datetime.now(UTC))) for _ in range(16)])
    assert outcomes["done"] == 1
    assert outcomes["done"] + outcomes["UnknownInvitation"] == 16
    assert User.objects.filter(email="nora@new.test").count() == 1
    assert Membership.objects.filter(user__email="nora@new.test").count() == 1


def test_an_account_accepts_once_too(committed_cast):
    user = committed_cast.outsider.user
    secret = secret_in(invited(committed_cast, user.email))
    outcomes = race([outcome(lambda: accept_as(secret, user, datetime.now(UTC))) for _ in range(16)])
    assert outcomes == {"done": 1, "UnknownInvitation": 15}


def test_invitations_of_two_businesses_make_one_account(committed_cast):
    cast = committed_cast
    secrets = [
        secret_in(invite(member.business_id, "nora@new.test", Place(Role.VIEWER), COMMAND))
        for member in (cast.owner, cast.outsider)
    ]
    outcomes = race([outcome(lambda one=one: accept_as_new(one, PERSON, datetime.now(UTC))) for one in secrets])
    assert outcomes == {"done": 1, "AccountExists": 1}
    assert User.objects.filter(email="nora@new.test").count() == 1


def test_accepting_meets_revoking_and_sending_again(committed_cast):
    cast = committed_cast
    for number in range(ROUNDS):
        email = f"nora{number}@new.test"
        invitation = invited(cast, email)
        secret, verb = secret_in(invitation), (revoke_invitation, resend_invitation)[number % 2]
        outcomes = race(
            [
                outcome(lambda secret=secret: accept_as_new(secret, PERSON, datetime.now(UTC))),
                outcome(lambda verb=verb, pk=invitation.pk: verb(cast.owner.business_id, pk, COMMAND)),
            ]
        )
        has_joined = Membership.objects.filter(user__email=email).exists()
        row = Invitation.objects.get(pk=invitation.pk)
        assert has_joined is (row.accepted_at is not None)
        assert not (row.accepted_at and row.revoked_at)
        assert outcomes["done"] == 1


def test_one_address_is_invited_once(committed_cast):
    outcomes = race([outcome(lambda: invited(committed_cast)) for _ in range(16)])
    assert outcomes == {"done": 1, "AlreadyInvited": 15}


def test_the_use_of_a_session_is_noted_by_many_at_once(committed_cast):
    from django.contrib.sessions.backends.db import SessionStore

    store, member = SessionStore(), committed_cast.colleague
    store.create()
    use = SessionUse(store.session_key, member.user_id, member.pk, "Firefox", "192.0.2.1")
    race([outcome(lambda: note_session_use(use, int(datetime.now(UTC).timestamp()))) for _ in range(16)])
    assert member.session_records.count() == 1


def test_of_several_first_owners_one_is_made(transactional_db):
    owners = [NewOwner(f"{name}@first.test", "First", "UTC", "First", "a fine long secret") for name in "abcdefgh"]
    outcomes = race([outcome(partial(create_first_owner, one, COMMAND)) for one in owners])
    assert outcomes == {"done": 1, "AlreadySetUp": 7}
