"""Where people are signed in: noted, listed and ended; and the second factor that a business may ask for."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session

from cast import add_member, token_for
from desk import browser_of
from slotkeeper.appointments.leaving import remove_member
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor
from slotkeeper.people.authority import MayNotManage
from slotkeeper.people.business import OwnSecondFactorMissing, update_business
from slotkeeper.people.members import MemberTarget
from slotkeeper.people.models import Membership, SessionRecord
from slotkeeper.people.second_factor import SecondFactorMissing
from slotkeeper.people.sessions import (
    SessionUse,
    UnknownSession,
    end_session,
    end_sessions,
    note_session_use,
    own_sessions,
    sessions_in,
)
from slotkeeper.people.tokens import TokenWish, create_token
from slotkeeper.rules.permissions import Role

NOW = 1_900_000_000
MOMENT = datetime.now(UTC)


def actor_of(member):
    return Actor("member", member.pk, str(member.user))


@pytest.fixture
def admin(cast):
    return add_member(cast.owner, "admin@practice.test", Role.ADMIN)


def signed_in(member, now=NOW):
    key = browser_of(member).session.session_key
    note_session_use(SessionUse(key, member.user_id, member.pk, "Firefox\x00 on a\nmachine", "192.0.2.7"), now)
    return SessionRecord.objects.get(session_id=key)


def test_a_session_is_noted_once_and_refreshed(cast):
    record = signed_in(cast.colleague)
    note_session_use(
        SessionUse(record.session_id, cast.colleague.user_id, cast.colleague.pk, "Edge", "192.0.2.8"), NOW + 60
    )
    again = own_sessions(cast.colleague.user_id, MOMENT).get()
    assert (again.pk, again.address, again.user_agent) == (record.pk, "192.0.2.8", "Edge")
    assert again.last_used_at - record.last_used_at == timedelta(minutes=1)
    assert (record.user_agent, again.created_at) == ("Firefox  on a machine", record.created_at)


def test_a_session_that_has_ended_meanwhile_is_not_noted(committed_cast):
    member = committed_cast.colleague
    note_session_use(SessionUse("gone" * 8, member.user_id, member.pk, "", ""), NOW)
    assert not SessionRecord.objects.exists()


def test_to_end_a_session_deletes_it_with_its_record_and_leaves_a_line(cast):
    ended, kept = signed_in(cast.colleague), signed_in(cast.colleague)
    end_session(own_sessions(cast.colleague.user_id, MOMENT), ended.pk, cast.colleague, actor_of(cast.colleague))
    assert list(Session.objects.values_list("pk", flat=True)) == [kept.session_id]
    assert list(SessionRecord.objects.all()) == [kept]
    assert Change.objects.filter(subject_kind="membership").latest("pk").verb == "signed out"
    with pytest.raises(UnknownSession):
        end_session(own_sessions(cast.colleague.user_id, MOMENT), ended.pk, cast.colleague, actor_of(cast.colleague))


def test_admins_end_sessions_of_others_but_not_owners_and_nobody_else_does(cast, admin):
    second_owner = add_member(cast.owner, "second@practice.test", Role.OWNER)
    theirs, owners = signed_in(cast.colleague), signed_in(second_owner)
    with pytest.raises(MayNotManage):
        end_sessions(sessions_in(cast.colleague, MOMENT), cast.colleague, actor_of(add_viewer(cast)))
    with pytest.raises(MayNotManage):
        end_session(sessions_in(second_owner, MOMENT), owners.pk, second_owner, actor_of(admin))
    assert end_sessions(sessions_in(cast.colleague, MOMENT), cast.colleague, actor_of(admin)) == 1
    assert not Session.objects.filter(pk=theirs.session_id).exists()
    assert Session.objects.filter(pk=owners.session_id).exists()


def add_viewer(cast):
    return add_member(cast.owner, "viewer@practice.test", Role.VIEWER)


def test_a_session_in_another_business_is_neither_seen_nor_ended_from_here(cast):
    here = Membership.objects.create(user=cast.outsider.user, business=cast.owner.business, role=Role.PROVIDER)
    elsewhere, ours = signed_in(cast.outsider), signed_in(here)
    assert list(sessions_in(here, MOMENT)) == [ours]
    assert set(own_sessions(here.user_id, MOMENT)) == {elsewhere, ours}
    remove_member(MemberTarget(here.business_id, here.pk), actor_of(cast.owner), NOW)
    assert list(Session.objects.values_list("pk", flat=True)) == [elsewhere.session_id]


# Second factor


def test_who_asks_for_a_second_factor_has_one(cast, admin):
    wish = {"requires_second_factor": True}
    with pytest.raises(OwnSecondFactorMissing):
        update_business(cast.owner.business_id, wish, actor_of(admin))
    Authenticator.objects.create(user=admin.user, type=Authenticator.Type.RECOVERY_CODES, data={})
    with pytest.raises(OwnSecondFactorMissing):
        update_business(cast.owner.business_id, wish, actor_of(admin))
    Authenticator.objects.create(user=admin.user, type=Authenticator.Type.TOTP, data={})
    assert update_business(cast.owner.business_id, wish, actor_of(admin)).requires_second_factor
    update_business(cast.owner.business_id, {"requires_second_factor": False}, actor_of(cast.owner))


def test_without_it_nobody_makes_a_token_where_it_is_asked_for_but_the_operator(cast):
    cast.owner.business.requires_second_factor = True
    cast.owner.business.save()
    with pytest.raises(SecondFactorMissing):
        create_token(cast.owner, TokenWish("mine"), actor_of(cast.owner))
    assert token_for(cast.owner)
    Authenticator.objects.create(user=cast.owner.user, type=Authenticator.Type.WEBAUTHN, data={})
    assert create_token(cast.owner, TokenWish("mine"), actor_of(cast.owner))
