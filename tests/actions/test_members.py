"""The verbs on members and their sessions: who may, what is stored, what ends with it."""

from datetime import UTC, datetime

import pytest

from cast import add_member
from desk import browser_of
from slotkeeper.appointments.leaving import HasAppointments, remove_member
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor
from slotkeeper.offerings.limits import update_member
from slotkeeper.offerings.models import Service, ServiceProvider
from slotkeeper.people.authority import InvalidPlace, MayNotManage, NotAboutOneself
from slotkeeper.people.members import (
    LastOwner,
    MemberTarget,
    MemberVersionConflict,
    UnknownMembership,
    reinstate_member,
    suspend_member,
    transfer_ownership,
)
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.rules.permissions import Permission, Role

NOW = 1_900_000_000
EVERYONES = Permission.APPOINTMENTS_READ_ALL.value


def actor_of(member):
    return Actor("member", member.pk, str(member.user))


def target(member, versions=None):
    return MemberTarget(member.business_id, member.pk, versions)


def fresh(member):
    return Membership.objects.get(pk=member.pk)


def last_change(member):
    return Change.objects.filter(subject_kind="membership", subject_id=member.pk).latest("pk")


@pytest.fixture
def admin(cast):
    return add_member(cast.owner, "admin@practice.test", Role.ADMIN)


@pytest.fixture
def second_owner(cast):
    return add_member(cast.owner, "second@practice.test", Role.OWNER)


@pytest.fixture
def services(cast):
    return [
        Service.objects.create(business=one.business, name="Cut", slug="cut") for one in (cast.owner, cast.outsider)
    ]


# Role


def test_role_is_changed_with_its_line_in_the_record(cast, admin):
    update_member(target(cast.colleague), {"role": "scheduler"}, actor_of(admin))
    assert fresh(cast.colleague).role == Role.SCHEDULER
    change = last_change(cast.colleague)
    assert (change.verb, change.before, change.after) == ("updated", {"role": "provider"}, {"role": "scheduler"})
    assert (change.actor_kind, change.actor_id, change.subject_version) == ("member", admin.pk, 2)


def test_the_operator_may_do_everything_and_is_recorded_as_such(cast):
    update_member(target(cast.colleague), {"role": "owner"}, COMMAND)
    assert fresh(cast.colleague).role == Role.OWNER
    assert last_change(cast.colleague).actor_kind == "command"


def test_what_is_already_so_changes_nothing(cast, admin):
    update_member(target(cast.colleague), {"role": "provider", "grants": []}, actor_of(admin))
    assert fresh(cast.colleague).version == 1
    assert not Change.objects.filter(subject_kind="membership", subject_id=cast.colleague.pk).exists()


def test_an_admin_neither_makes_nor_changes_nor_suspends_nor_removes_an_owner(cast, admin, second_owner):
    deeds = [
        lambda: update_member(target(cast.colleague), {"role": "owner"}, actor_of(admin)),
        lambda: update_member(target(second_owner), {"role": "viewer"}, actor_of(admin)),
        lambda: suspend_member(target(second_owner), actor_of(admin)),
        lambda: remove_member(target(second_owner), actor_of(admin), NOW),
        lambda: transfer_ownership(target(cast.colleague), actor_of(admin)),
    ]
    before = list(Membership.objects.order_by("pk").values())
    changes = Change.objects.count()
    for deed in deeds:
        with pytest.raises(MayNotManage):
            deed()
    assert list(Membership.objects.order_by("pk").values()) == before
    assert Change.objects.count() == changes


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.PROVIDER, Role.BOOKKEEPER, Role.VIEWER])
def test_nobody_else_changes_anybody(cast, role):
    someone = add_member(cast.owner, "someone@practice.test", role)
    for member in (someone, cast.colleague, cast.owner):
        with pytest.raises(MayNotManage):
            update_member(target(member), {"role": "viewer"}, actor_of(someone))
        with pytest.raises(MayNotManage):
            update_member(target(member), {"grants": [EVERYONES]}, actor_of(someone))


def test_nobody_raises_their_own_role_or_lifts_their_own_limits(cast, admin):
    with pytest.raises(MayNotManage):
        update_member(target(admin), {"role": "owner"}, actor_of(admin))
    with pytest.raises(NotAboutOneself):
        update_member(target(admin), {"role": "viewer", "grants": [EVERYONES]}, actor_of(admin))
    assert fresh(admin).role == Role.ADMIN


def test_an_admin_may_step_down(cast, admin):
    update_member(target(admin), {"role": "viewer"}, actor_of(admin))
    assert fresh(admin).role == Role.VIEWER


def test_the_last_active_owner_stays_one(cast, second_owner):
    update_member(target(cast.owner), {"role": "admin"}, actor_of(cast.owner))
    with pytest.raises(LastOwner):
        update_member(target(second_owner), {"role": "admin"}, actor_of(second_owner))
    with pytest.raises(LastOwner):
        remove_member(target(second_owner), actor_of(second_owner), NOW)
    for deed in (suspend_member, lambda whom, actor: update_member(whom, {"role": "viewer"}, actor)):
        with pytest.raises(LastOwner):
            deed(target(second_owner), COMMAND)
    assert fresh(second_owner).role == Role.OWNER


def test_a_suspended_or_disabled_owner_does_not_count_as_another_one(cast, second_owner):
    suspend_member(target(second_owner), actor_of(cast.owner))
    with pytest.raises(LastOwner):
        update_member(target(cast.owner), {"role": "admin"}, actor_of(cast.owner))
    reinstate_member(target(second_owner), actor_of(cast.owner))
    second_owner.user.is_active = False
    second_owner.user.save()
    with pytest.raises(LastOwner):
        update_member(target(cast.owner), {"role": "admin"}, actor_of(cast.owner))


def test_who_acts_is_looked_at_as_they_are_now(cast, admin):
    actor = actor_of(admin)
    update_member(target(admin), {"role": "viewer"}, actor_of(cast.owner))
    with pytest.raises(MayNotManage):
        update_member(target(cast.colleague), {"role": "viewer"}, actor)


def test_a_members_of_another_business_is_unknown_and_acts_on_nobody_here(cast):
    with pytest.raises(UnknownMembership):
        update_member(MemberTarget(cast.owner.business_id, cast.outsider.pk), {"role": "viewer"}, actor_of(cast.owner))
    with pytest.raises(MayNotManage):
        update_member(target(cast.colleague), {"role": "viewer"}, actor_of(cast.outsider))
    with pytest.raises(MayNotManage):
        update_member(target(cast.colleague), {"role": "viewer"}, Actor("customer", cast.owner.pk, "Carla"))


def test_a_stale_version_changes_nothing(cast):
    update_member(target(cast.colleague, frozenset({1})), {"role": "viewer"}, actor_of(cast.owner))
    with pytest.raises(MemberVersionConflict) as conflict:
        update_member(target(cast.colleague, frozenset({1})), {"role": "admin"}, actor_of(cast.owner))
    assert conflict.value.current.version == 2
    assert fresh(cast.colleague).role == Role.VIEWER


# Grants and limits


def test_grants_and_limits_are_stored_in_order_and_taken_away_again(cast, services):
    fields = {
        "grants": ["reports.read", EVERYONES, "reports.read"],
        "limited_to_user_ids": [cast.owner.user_id],
        "limited_to_service_ids": [services[0].pk],
    }
    update_member(target(cast.colleague), fields, actor_of(cast.owner))
    member = fresh(cast.colleague)
    assert member.grants == [EVERYONES, "reports.read"]
    assert (member.limited_to_user_ids, member.limited_to_service_ids) == ([cast.owner.user_id], [services[0].pk])
    nothing = {"grants": [], "limited_to_user_ids": None, "limited_to_service_ids": None}
    update_member(target(cast.colleague), nothing, actor_of(cast.owner))
    member = fresh(cast.colleague)
    assert (member.grants, member.limited_to_user_ids, member.limited_to_service_ids) == ([], None, None)


@pytest.mark.parametrize("name", ["members.write", "tokens.write", "settings.write", "webhooks.write", "nonsense"])
def test_what_nobody_can_grant_is_refused_by_field(cast, name):
    with pytest.raises(InvalidPlace) as refusal:
        update_member(target(cast.colleague), {"grants": [name]}, actor_of(cast.owner))
    assert list(refusal.value.reasons) == ["grants"]
    assert name in refusal.value.reasons["grants"]
    assert fresh(cast.colleague).grants == []


def test_ids_of_another_business_are_refused_by_field(cast, services):
    for field, foreign in (
        ("limited_to_user_ids", cast.outsider.user_id),
        ("limited_to_user_ids", 99_999),
        ("limited_to_service_ids", services[1].pk),
        ("limited_to_service_ids", 99_999),
    ):
        with pytest.raises(InvalidPlace) as refusal:
            update_member(target(cast.colleague), {field: [foreign]}, actor_of(cast.owner))
        assert list(refusal.value.reasons) == [field]
    assert fresh(cast.colleague).version == 1


def test_owners_and_admins_have_no_extras_and_lose_them_when_they_become_one(cast):
    update_member(target(cast.colleague), {"grants": [EVERYONES], "limited_to_user_ids": []}, actor_of(cast.owner))
    with pytest.raises(InvalidPlace):
        update_member(target(cast.colleague), {"role": "admin", "grants": [EVERYONES]}, actor_of(cast.owner))
    update_member(target(cast.colleague), {"role": "admin"}, actor_of(cast.owner))
    member = fresh(cast.colleague)
    assert (member.role, member.grants, member.limited_to_user_ids) == (Role.ADMIN, [], None)


def test_a_limit_to_somebody_who_left_since_stands_in_no_changes_way(cast):
    gone = add_member(cast.owner, "gone@practice.test", Role.PROVIDER)
    update_member(target(cast.colleague), {"limited_to_user_ids": [gone.user_id]}, actor_of(cast.owner))
    remove_member(target(gone), actor_of(cast.owner), NOW)
    update_member(target(cast.colleague), {"role": "scheduler"}, actor_of(cast.owner))
    assert fresh(cast.colleague).limited_to_user_ids == [gone.user_id]


# Suspending and removing


def test_who_is_suspended_acts_no_more_and_does_again_when_reinstated(cast):
    api, browser = cast.api("colleague"), browser_of(cast.colleague)
    assert (api.get("/api/me").status_code, browser.get("/settings/account").status_code) == (200, 200)
    suspend_member(target(cast.colleague), actor_of(cast.owner))
    assert api.get("/api/me").status_code == 401
    assert browser.get("/settings/account").status_code in {302, 403}
    suspend_member(target(cast.colleague), actor_of(cast.owner))
    assert fresh(cast.colleague).version == 2
    reinstate_member(target(cast.colleague), actor_of(cast.owner))
    assert api.get("/api/me").status_code == 200
    assert last_change(cast.colleague).verb == "reinstated"


def test_nobody_suspends_themselves(cast, second_owner):
    with pytest.raises(NotAboutOneself):
        suspend_member(target(second_owner), actor_of(second_owner))


def test_who_is_removed_keeps_their_row_and_loses_tokens_and_services(cast, services):
    ServiceProvider.objects.create(service=services[0], membership=cast.colleague)
    update_member(target(cast.colleague), {"grants": [EVERYONES]}, actor_of(cast.owner))
    api = cast.api("colleague")
    remove_member(target(cast.colleague), actor_of(cast.owner), NOW)
    member = fresh(cast.colleague)
    assert (member.is_suspended, member.removed_at, member.grants) == (True, datetime.fromtimestamp(NOW, UTC), [])
    assert api.get("/api/me").status_code == 401
    assert ApiToken.objects.get(membership=member).revoked_at is not None
    assert not services[0].providers.exists()
    services[0].refresh_from_db()
    assert services[0].version == 2
    for deed in (reinstate_member, suspend_member):
        with pytest.raises(UnknownMembership):
            deed(target(cast.colleague), actor_of(cast.owner))


def test_who_has_appointments_to_come_is_removed_only_when_they_are_kept(cast):
    booked = cast.api("colleague").book().json()
    now = int(datetime(2027, 1, 10, tzinfo=UTC).timestamp())
    with pytest.raises(HasAppointments) as refusal:
        remove_member(target(cast.colleague), actor_of(cast.owner), now)
    assert [row.id for row in refusal.value.appointments] == [booked["id"]]
    assert not fresh(cast.colleague).is_suspended
    assert ApiToken.objects.get(membership=cast.colleague).revoked_at is None
    with pytest.raises(HasAppointments):
        remove_member(target(cast.colleague), actor_of(cast.colleague), now)
    remove_member(target(cast.colleague), actor_of(cast.owner), now, keeps_appointments=True)
    assert fresh(cast.colleague).removed_at is not None


def test_what_is_over_or_canceled_keeps_nobody(cast):
    booked = cast.api("colleague").book().json()
    cast.api().post(f"/api/appointments/{booked['id']}/cancel")
    cast.api("colleague").book("2027-01-16T10:00:00", "2027-01-16T11:00:00")
    remove_member(target(cast.colleague), actor_of(cast.owner), int(datetime(2027, 1, 17, tzinfo=UTC).timestamp()))
    assert fresh(cast.colleague).removed_at is not None


def test_anybody_may_leave(cast):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    remove_member(target(viewer), actor_of(viewer), NOW)
    change = last_change(viewer)
    assert (change.verb, change.before["role"]) == ("left", "viewer")


def test_ownership_goes_over_and_the_giver_stays_as_admin(cast):
    transfer_ownership(target(cast.colleague), actor_of(cast.owner))
    assert (fresh(cast.colleague).role, fresh(cast.owner).role) == (Role.OWNER, Role.ADMIN)
    with pytest.raises(MayNotManage):
        transfer_ownership(target(cast.owner), actor_of(cast.owner))


def test_ownership_goes_to_no_stranger_nobody_suspended_and_not_to_oneself(cast):
    with pytest.raises(NotAboutOneself):
        transfer_ownership(target(cast.owner), actor_of(cast.owner))
    suspend_member(target(cast.colleague), actor_of(cast.owner))
    for member in (cast.colleague, cast.outsider):
        with pytest.raises(UnknownMembership):
            transfer_ownership(MemberTarget(cast.owner.business_id, member.pk), actor_of(cast.owner))
    assert fresh(cast.owner).role == Role.OWNER
