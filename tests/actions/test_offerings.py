"""What a business offers: the verbs, whoever calls them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cast import add_member
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings import closures, hours, resources, time_off
from slotkeeper.offerings.actions import (
    ServiceTarget,
    ServiceVersionConflict,
    create_service,
    delete_service,
    update_service,
    user_ids_of,
)
from slotkeeper.offerings.hours import Member
from slotkeeper.offerings.models import Closure, Service, TimeOff
from slotkeeper.offerings.reading import opening_hours_of
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness, StillInUse, StillNeeded
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Role

NOW = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp())
CHRISTMAS = date(2026, 12, 25)
NINE_TO_FIVE = [(540, 1020)]


def make_service(cast, user_ids=(), **fields) -> Service:
    return create_service(cast.owner.business_id, {"name": "Hair cut", **fields}, user_ids, COMMAND, NOW)


def member_of(membership: Membership) -> Member:
    return Member(membership.business_id, membership.user_id)


def last_change() -> Change:
    return Change.objects.latest("pk")


def read_hours(membership: Membership, day: date = CHRISTMAS):
    return opening_hours_of([membership.user_id], membership.business_id, day, day)[membership.user_id]


# Services


def test_a_service_gets_its_slug_from_its_name_and_each_its_own(cast):
    slugs = [make_service(cast).slug, make_service(cast).slug, make_service(cast, name="☂").slug]
    assert slugs == ["hair-cut", "hair-cut-2", "service"]
    foreign = create_service(cast.outsider.business_id, {"name": "Hair cut"}, [], COMMAND, NOW)
    assert foreign.slug == "hair-cut"


def test_a_service_is_recorded_with_who_gives_it(cast):
    service = make_service(cast, [cast.colleague.user_id, cast.owner.user_id, cast.owner.user_id], color="#123456")
    assert user_ids_of(service) == sorted([cast.owner.user_id, cast.colleague.user_id])
    change = last_change()
    assert (change.subject_kind, change.verb, change.subject_id) == ("service", "created", service.pk)
    assert change.after["user_ids"] == user_ids_of(service)
    assert change.after["slug"] == "hair-cut"


@pytest.mark.parametrize("slug", ["", "Hair", "-hair", "hair-", "a b", "ä", "../x", "x" * 61, "hair\n"])
def test_a_slug_that_cannot_stand_in_an_address_is_refused(slug, cast):
    with pytest.raises(InvalidFields) as refused:
        make_service(cast, slug=slug)
    assert "slug" in refused.value.reasons
    assert not Service.objects.exists()


def test_two_services_of_a_business_cannot_share_a_slug(cast):
    make_service(cast, slug="cut")
    other = make_service(cast, slug="dye")
    with pytest.raises(InvalidFields):
        make_service(cast, slug="cut")
    with pytest.raises(InvalidFields):
        update_service(ServiceTarget(cast.owner.business_id, other.pk), {"slug": "cut"}, None, COMMAND)


def test_only_active_members_of_the_business_can_give_a_service(cast):
    for stranger in (cast.outsider.user_id, 999_999):
        with pytest.raises(NotInBusiness):
            make_service(cast, [stranger])
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    with pytest.raises(NotInBusiness):
        make_service(cast, [cast.colleague.user_id])
    assert not Service.objects.exists()


def test_a_suspended_giver_may_stay_when_the_others_change(cast):
    service = make_service(cast, [cast.colleague.user_id])
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    both = [cast.colleague.user_id, cast.owner.user_id]
    changed = update_service(ServiceTarget(cast.owner.business_id, service.pk), {}, both, COMMAND)
    assert user_ids_of(changed) == sorted(both)
    assert changed.version == 2


def test_a_change_of_a_service_raises_its_version_and_nothing_else_does(cast):
    service = make_service(cast)
    target = ServiceTarget(cast.owner.business_id, service.pk, frozenset({1}))
    assert update_service(target, {"name": "Hair cut"}, [], COMMAND).version == 1
    assert update_service(target, {"name": "Cut"}, None, COMMAND).version == 2
    change = last_change()
    assert (change.before, change.after) == ({"name": "Hair cut"}, {"name": "Cut"})
    with pytest.raises(ServiceVersionConflict):
        update_service(target, {"name": "Trim"}, None, COMMAND)


def test_a_service_of_another_business_is_unknown(cast):
    target = ServiceTarget(cast.outsider.business_id, make_service(cast).pk)
    with pytest.raises(NotInBusiness):
        update_service(target, {"name": "Mine"}, None, COMMAND)
    with pytest.raises(NotInBusiness):
        delete_service(target, COMMAND)


def test_a_service_nobody_booked_is_deleted_and_a_booked_one_is_kept_inactive(cast):
    unused, used = make_service(cast), make_service(cast)
    booked = cast.api().book(service_id=used.pk)
    assert booked.status_code == 201
    for service in (unused, used, used):
        target = ServiceTarget(cast.owner.business_id, service.pk)
        delete_service(target, COMMAND)
    assert list(Service.objects.values_list("pk", "is_active", "version")) == [(used.pk, False, 2)]
    verbs = Change.objects.filter(subject_kind="service").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "created", "deleted", "updated"]


# Hours


def test_weekly_hours_replace_the_days_given_and_leave_the_others(cast):
    owner = member_of(cast.owner)
    hours.set_weekly_hours(owner, {0: NINE_TO_FIVE, 5: [(600, 780)]}, COMMAND)
    week = hours.set_weekly_hours(owner, {5: [], 6: [(1320, 120)]}, COMMAND)
    assert week == [NINE_TO_FIVE, [], [], [], [], [], [(1320, 120)]]
    assert hours.read_week(cast.owner.pk) == week
    change = last_change()
    assert change.before == {"saturday": [[600, 780]], "sunday": []}
    assert change.after == {"saturday": [], "sunday": [[1320, 120]]}
    hours.set_weekly_hours(owner, {5: []}, COMMAND)
    assert last_change() == change


@pytest.mark.parametrize(
    ("days", "named"),
    [
        ({0: [(540, 720), (700, 800)]}, ["monday"]),
        ({0: [(540, 540)]}, ["monday"]),
        ({0: [(-1, 540)], 3: [(540, 1441)], 4: [(1440, 60)]}, ["friday", "monday", "thursday"]),
        ({2: [(n, n + 1) for n in range(0, 42, 2)]}, ["wednesday"]),
        ({6: [(1200, 600)], 0: [(540, 720)]}, ["sunday"]),
        ({1: [(600, 600 - 1), (700, 800)]}, ["tuesday"]),
    ],
)
def test_ranges_that_cannot_be_are_refused_by_weekday(days, named, cast):
    with pytest.raises(InvalidFields) as refused:
        hours.set_weekly_hours(member_of(cast.owner), days, COMMAND)
    assert sorted(refused.value.reasons) == named
    assert not any(hours.read_week(cast.owner.pk))


def test_ranges_may_touch_within_a_day_and_past_midnight(cast):
    days = {0: [(720, 1080), (540, 720), (1080, 540)], 1: [(540, 1440)], 2: [(0, 1440)]}
    week = hours.set_weekly_hours(member_of(cast.owner), days, COMMAND)
    assert week[0] == [(540, 720), (720, 1080), (1080, 540)]


def test_an_override_replaces_a_date_until_it_is_cleared(cast):
    owner = member_of(cast.owner)
    hours.set_weekly_hours(owner, {4: NINE_TO_FIVE}, COMMAND)
    hours.set_override(owner, CHRISTMAS, [(600, 700)], COMMAND)
    assert read_hours(cast.owner).overrides == {CHRISTMAS: ((600, 700),)}
    hours.set_override(owner, CHRISTMAS, [], COMMAND)
    assert read_hours(cast.owner).overrides == {CHRISTMAS: ()}
    assert (last_change().verb, last_change().before) == ("updated", {"ranges": [[600, 700]]})
    count = Change.objects.count()
    hours.set_override(owner, CHRISTMAS, [], COMMAND)
    assert Change.objects.count() == count
    hours.clear_override(owner, CHRISTMAS, COMMAND)
    assert read_hours(cast.owner).overrides == {}
    with pytest.raises(NotInBusiness):
        hours.clear_override(owner, CHRISTMAS, COMMAND)
    with pytest.raises(InvalidFields):
        hours.set_override(owner, CHRISTMAS, [(600, 700), (650, 750)], COMMAND)


def test_nobody_sets_the_hours_of_a_stranger(cast):
    stranger = Member(cast.owner.business_id, cast.outsider.user_id)
    with pytest.raises(NotInBusiness):
        hours.set_weekly_hours(stranger, {0: NINE_TO_FIVE}, COMMAND)
    with pytest.raises(NotInBusiness):
        hours.set_override(stranger, CHRISTMAS, [], COMMAND)
    with pytest.raises(NotInBusiness):
        time_off.add_time_off(stranger, time_off.Absence(NOW, NOW + 60), COMMAND, NOW)


def test_opening_hours_of_many_people_are_read_in_two_statements(cast, django_assert_num_queries):
    members = [cast.owner, cast.colleague, add_member(cast.owner, "third@practice.test", Role.PROVIDER)]
    hours.set_weekly_hours(member_of(cast.owner), {4: [(780, 1020), (540, 720)]}, COMMAND)
    hours.set_override(member_of(cast.colleague), CHRISTMAS, [(600, 700)], COMMAND)
    closures.add_closure(cast.owner.business_id, CHRISTMAS, "Christmas", COMMAND)
    ids = [member.user_id for member in members]
    with django_assert_num_queries(2):
        read = opening_hours_of([*ids, cast.outsider.user_id], cast.owner.business_id, CHRISTMAS, CHRISTMAS)
    assert sorted(read) == sorted(ids)
    owner, colleague, third = (read[user_id] for user_id in ids)
    assert owner.zone == "Europe/Berlin"
    assert owner.weekly[4] == ((540, 720), (780, 1020))
    assert owner.overrides == {CHRISTMAS: ()}
    assert colleague.overrides == {CHRISTMAS: ((600, 700),)}
    assert third.is_empty
    with django_assert_num_queries(0):
        assert opening_hours_of([], cast.owner.business_id, CHRISTMAS, CHRISTMAS) == {}


def test_hours_of_two_businesses_stay_apart(cast):
    both = Membership.objects.create(
        user=cast.owner.user, business=cast.outsider.business, role=Role.PROVIDER, created_at=datetime.now(UTC)
    )
    hours.set_weekly_hours(member_of(both), {0: NINE_TO_FIVE}, COMMAND)
    hours.set_override(member_of(both), CHRISTMAS, [], COMMAND)
    assert read_hours(cast.owner).is_empty
    assert read_hours(cast.owner).overrides == {}
    assert read_hours(both).weekly[0] == ((540, 1020),)


# Time off


def test_time_off_is_added_changed_and_taken_back(cast):
    colleague = member_of(cast.colleague)
    added = time_off.add_time_off(colleague, time_off.Absence(NOW, NOW + 3600, "Dentist"), COMMAND, NOW)
    assert last_change().after["user_id"] == cast.colleague.user_id
    changed = time_off.change_time_off(colleague, added.pk, time_off.Absence(NOW, NOW + 7200), COMMAND)
    assert time_off.absence_of(changed) == time_off.Absence(NOW, NOW + 7200, "")
    with pytest.raises(NotInBusiness):
        time_off.remove_time_off(member_of(cast.owner), added.pk, COMMAND)
    time_off.remove_time_off(colleague, added.pk, COMMAND)
    assert not TimeOff.objects.exists()


def test_time_off_must_take_time_and_not_a_lifetime(cast):
    for end in (NOW, NOW - 60):
        with pytest.raises(time_off.AbsenceEndsTooEarly):
            time_off.add_time_off(member_of(cast.owner), time_off.Absence(NOW, end), COMMAND, NOW)
    lifetime = time_off.Absence(NOW, NOW + 80 * 366 * 24 * 3600)
    with pytest.raises(time_off.AbsenceTooLong):
        time_off.add_time_off(member_of(cast.owner), lifetime, COMMAND, NOW)


# Closures


def test_a_date_is_closed_once(cast):
    business_id = cast.owner.business_id
    closure = closures.add_closure(business_id, CHRISTMAS, "Christmas", COMMAND)
    with pytest.raises(InvalidFields):
        closures.add_closure(business_id, CHRISTMAS, "Again", COMMAND)
    with pytest.raises(NotInBusiness):
        closures.remove_closure(cast.outsider.business_id, closure.pk, COMMAND)
    closures.remove_closure(business_id, closure.pk, COMMAND)
    assert not Closure.objects.exists()


def test_a_countrys_holidays_close_this_year_and_the_next_two(cast):
    business_id = cast.owner.business_id
    closures.add_closure(business_id, CHRISTMAS, "Our own", COMMAND)
    made = closures.close_on_holidays(business_id, "DE", COMMAND, NOW)
    assert {closure.date.year for closure in made} == {2026, 2027, 2028}
    assert date(2027, 10, 3) in {closure.date for closure in made}
    assert CHRISTMAS not in {closure.date for closure in made}
    assert len(last_change().after["dates"]) == len(made)
    count = Change.objects.count()
    assert closures.close_on_holidays(business_id, "DE", COMMAND, NOW) == made
    assert Change.objects.count() == count
    closures.open_on_holidays(business_id, "DE", COMMAND, NOW)
    assert list(Closure.objects.values_list("name", flat=True)) == ["Our own"]
    assert last_change().verb == "opened"


def test_holidays_carry_names_in_the_language_of_the_business(cast):
    names = {one.date: one.name for one in closures.close_on_holidays(cast.owner.business_id, "DE", COMMAND, NOW)}
    assert names[CHRISTMAS] == "Christmas Day"
    cast.outsider.business.locale = "de"
    cast.outsider.business.save()
    names = {one.date: one.name for one in closures.close_on_holidays(cast.outsider.business_id, "DE", COMMAND, NOW)}
    assert names[CHRISTMAS] == "Erster Weihnachtstag"


def test_a_holiday_of_two_calendars_stays_while_one_of_them_is_closed(cast):
    business_id = cast.owner.business_id
    closures.close_on_holidays(business_id, "DE", COMMAND, NOW)
    extra = closures.close_on_holidays(business_id, "DE-BE", COMMAND, NOW)
    assert date(2027, 3, 8) in {closure.date for closure in extra}
    assert CHRISTMAS not in {closure.date for closure in extra}
    closures.open_on_holidays(business_id, "DE", COMMAND, NOW)
    assert Closure.objects.get(business_id=business_id, date=CHRISTMAS).holiday_calendar == "DE-BE"
    closures.open_on_holidays(business_id, "DE-BE", COMMAND, NOW)
    assert not Closure.objects.exists()


@pytest.mark.parametrize("code", ["", "XX", "de", "DE-", "DE-XX", "HolidayBase", "__class__", "DE-BE-X", "x" * 400])
def test_a_calendar_that_does_not_exist_is_unknown(code, cast):
    with pytest.raises(NotInBusiness):
        closures.close_on_holidays(cast.owner.business_id, code, COMMAND, NOW)
    with pytest.raises(NotInBusiness):
        closures.open_on_holidays(cast.owner.business_id, code, COMMAND, NOW)


def test_every_calendar_that_is_listed_can_be_found(cast):
    listed = closures.holiday_calendars()
    assert len({calendar.code for calendar in listed}) == len(listed)
    assert closures.HolidayCalendar("DE-BE", "Berlin", "DE", "BE") in listed
    assert "Bosnia and Herzegovina" in {calendar.name for calendar in listed}
    for calendar in listed:
        assert closures.find_calendar(calendar.code) == calendar


# Resources


def test_a_resource_is_renamed_and_deleted_unless_it_is_booked(cast):
    room = resources.create_resource(cast.owner.business_id, {"name": "Room 1"}, COMMAND, NOW)
    assert resources.update_resource(cast.owner.business_id, room.pk, {"name": "Room 2"}, COMMAND).name == "Room 2"
    with pytest.raises(NotInBusiness):
        resources.update_resource(cast.outsider.business_id, room.pk, {"name": "Mine"}, COMMAND)
    appointment_id = cast.api().book().json()["id"]
    claimed_from = datetime.fromtimestamp(NOW, UTC)
    claim = room.timeclaim_set.create(
        claimed_from=claimed_from, claimed_until=claimed_from + timedelta(hours=1), appointment_id=appointment_id
    )
    with pytest.raises(StillInUse):
        resources.delete_resource(cast.owner.business_id, room.pk, COMMAND, NOW)
    claim.delete()
    resources.delete_resource(cast.owner.business_id, room.pk, COMMAND, NOW)
    assert last_change().verb == "deleted"


def test_a_resource_that_a_service_needs_is_not_deleted(cast):
    room = resources.create_resource(cast.owner.business_id, {"name": "Room 1", "kind": "room"}, COMMAND, NOW)
    service = make_service(cast, needs=[{"resource_id": room.pk}])
    with pytest.raises(StillNeeded):
        resources.delete_resource(cast.owner.business_id, room.pk, COMMAND, NOW)
    update_service(ServiceTarget(service.business_id, service.pk), {"needs": []}, None, COMMAND)
    resources.delete_resource(cast.owner.business_id, room.pk, COMMAND, NOW)
