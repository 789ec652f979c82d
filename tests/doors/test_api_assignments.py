"""Giving appointments to somebody else over HTTP: one, a day's worth, and who may not."""

from datetime import UTC, datetime, timedelta

import pytest

from asking import bad_names, role_api
from cast import add_member
from offered import offer
from slotkeeper.appointments.models import Appointment, TimeClaim
from slotkeeper.changes.models import Change
from slotkeeper.offerings.models import TimeOff
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Permission, Role

TUESDAY, WEDNESDAY = "2027-01-19", "2027-01-20"


@pytest.fixture
def second(cast):
    return add_member(cast.owner, "second@practice.test", Role.PROVIDER)


@pytest.fixture
def third(cast):
    return add_member(cast.owner, "third@practice.test", Role.PROVIDER)


@pytest.fixture
def api(cast):
    return cast.api()


def booked(api, who, clock, **fields):
    hour = int(clock[:2])
    answer = api.book(
        f"{TUESDAY}T{clock}:00", f"{TUESDAY}T{hour + 1:02}{clock[2:]}:00", **{"user_id": who.user_id} | fields
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def assign(api, appointment, who, **fields):
    return api.post(f"/api/appointments/{appointment['id']}/assign", {"user_id": who.user_id} | fields)


def reassign(api, who, **fields):
    wish = {"from_user_id": who.user_id, "start": TUESDAY, "end": WEDNESDAY}
    return api.post("/api/appointments/reassign", wish | fields)


def holders() -> list[int]:
    return list(Appointment.objects.order_by("start_time", "pk").values_list("user_id", flat=True))


def absent(who, start, end):
    TimeOff.objects.create(
        user_id=who.user_id, start_time=f"{TUESDAY}T{start}:00+01:00", end_time=f"{TUESDAY}T{end}:00+01:00"
    )


def test_an_appointment_is_given_to_whoever_is_free_and_keeps_its_time(cast, api):
    mine = booked(api, cast.owner, "10:00")
    answer = assign(api, mine, cast.colleague)
    assert answer.status_code == 200, answer.content
    given = answer.json()
    assert (given["user_id"], given["start_time"], given["version"]) == (
        cast.colleague.user_id, mine["start_time"], 2
    )  # fmt: skip
    assert TimeClaim.objects.get(appointment_id=mine["id"]).user_id == cast.colleague.user_id
    change = Change.objects.filter(subject_kind="appointment", subject_id=mine["id"]).latest("pk")
    assert (change.verb, change.before["user_id"], change.after["user_id"]) == (
        "reassigned", cast.owner.user_id, cast.colleague.user_id
    )  # fmt: skip


def test_whoever_has_it_already_changes_nothing(cast, api):
    mine = booked(api, cast.owner, "10:00")
    assert assign(api, mine, cast.owner).json()["version"] == 1


def test_whoever_is_not_free_is_refused_with_what_is_there_and_what_is_free_next(cast, api):
    theirs, mine = booked(api, cast.colleague, "10:00"), booked(api, cast.owner, "10:30")
    refused = assign(api, mine, cast.colleague, allow_conflicts=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_TAKEN")
    assert [one["appointment_id"] for one in refused.json()["conflicts"]] == [theirs["id"]]
    assert len(refused.json()["suggested_slots"]) == 3
    assert holders() == [cast.colleague.user_id, cast.owner.user_id]


def test_time_off_is_overridden_by_permission_only(cast, api):
    mine = booked(api, cast.owner, "10:00")
    absent(cast.colleague, "09:00", "12:00")
    assert assign(api, mine, cast.colleague).json()["conflicts"][0]["reason"] == "time_off"
    assert assign(api, mine, cast.colleague, allow_conflicts=True).status_code == 200


def test_a_service_goes_only_to_whoever_gives_it_on_every_way(cast, api, second):
    service = offer(cast.owner, second)
    mine = booked(api, cast.owner, "10:00", service_id=service.pk)
    refused = [
        assign(api, mine, cast.colleague),
        api.put(f"/api/appointments/{mine['id']}", {"user_id": cast.colleague.user_id}),
        api.book(f"{TUESDAY}T14:00:00", f"{TUESDAY}T15:00:00", user_id=cast.colleague.user_id, service_id=service.pk),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (409, "NOT_OFFERED")
        assert [one["code"] for one in answer.json()["reasons"]] == ["not_given"]
    other = booked(api, cast.colleague, "12:00")
    changed = api.put(f"/api/appointments/{other['id']}", {"service_id": service.pk})
    assert changed.json()["reasons"][0]["code"] == "not_given"
    assert assign(api, mine, second).status_code == 200


def test_a_service_that_is_off_offer_still_goes_only_to_whoever_gave_it(cast, api, second):
    service = offer(cast.owner, second)
    mine = booked(api, cast.owner, "10:00", service_id=service.pk)
    api.put(f"/api/services/{service.pk}", {"is_active": False})
    assert assign(api, mine, cast.colleague).json()["code"] == "NOT_OFFERED"
    assert assign(api, mine, second).status_code == 200


def test_hours_only_warn(cast, api, second):
    service = offer(cast.owner, second, hours=((9 * 60, 10 * 60),))
    mine = booked(api, cast.owner, "15:00", service_id=service.pk)
    given = assign(api, mine, second)
    assert (given.status_code, given.json()["warnings"]) == (200, [{"code": "outside_hours"}])


def test_companions_keep_their_time_and_are_not_given_it_twice(cast, api, second, third):
    service = offer(cast.owner, second, third, assignment="any")
    mine = Appointment.objects.get(pk=booked(api, cast.owner, "10:00", service_id=service.pk)["id"])
    times = {"claimed_from": mine.blocked_from, "claimed_until": mine.blocked_until}
    TimeClaim.objects.create(user=second.user, appointment=mine, **times)
    refused = assign(api, {"id": mine.pk}, second)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "takes_part")
    assert assign(api, {"id": mine.pk}, third).status_code == 200
    held = TimeClaim.objects.filter(appointment=mine).order_by("is_main").values_list("user_id", flat=True)
    assert list(held) == [second.user_id, third.user_id]


def test_what_is_finished_strange_or_stale_is_refused(cast, api):
    mine = booked(api, cast.owner, "10:00")
    assert api.post(f"/api/appointments/{mine['id']}/assign", {"user_id": cast.outsider.user_id}).status_code == 404
    assert api.post(f"/api/appointments/{mine['id']}/assign", {"user_id": 2**70}).status_code == 404
    assert cast.api("outsider").post(
        f"/api/appointments/{mine['id']}/assign", {"user_id": cast.outsider.user_id}
    ).status_code == 404  # fmt: skip
    assert bad_names(api.post(f"/api/appointments/{mine['id']}/assign", {"user_id": "x"})) == ["user_id"]
    assert assign(api, mine, cast.colleague, version=7).json()["code"] == "VERSION_CONFLICT"
    stale = api.post(f"/api/appointments/{mine['id']}/assign", {"user_id": cast.colleague.user_id}, If_Match='"9"')
    assert stale.status_code == 412
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    assert assign(api, mine, cast.colleague).status_code == 404
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=False)
    api.post(f"/api/appointments/{mine['id']}/cancel")
    assert assign(api, mine, cast.colleague).json()["code"] == "INVALID_TRANSITION"
    assert holders() == [cast.owner.user_id]


@pytest.mark.parametrize("role", [Role.PROVIDER, Role.BOOKKEEPER, Role.VIEWER])
def test_who_may_not_assign_changes_nothing(cast, api, role):
    theirs = booked(api, cast.colleague, "10:00")
    stranger = role_api(cast, role)
    assert assign(stranger, theirs, cast.owner).status_code == 403
    assert reassign(stranger, cast.colleague, to_user_id=cast.owner.user_id).status_code == 403
    moved = stranger.put(f"/api/appointments/{theirs['id']}", {"user_id": cast.owner.user_id})
    assert moved.status_code in {403, 404}
    assert holders() == [cast.colleague.user_id]


@pytest.mark.parametrize("way", ["assign", "reassign", "put"])
def test_a_refused_attempt_on_a_colleagues_appointment_is_one_line_of_the_audit_trail(cast, api, way):
    theirs, provider = booked(api, cast.owner, "10:00"), cast.api("colleague")
    before = Change.objects.count()
    me = {"user_id": cast.colleague.user_id}
    for _ in range(2):
        if way == "put":
            assert provider.put(f"/api/appointments/{theirs['id']}", me).status_code == 404
        elif way == "assign":
            assert assign(provider, theirs, cast.colleague).status_code == 403
        else:
            assert reassign(provider, cast.owner, to_user_id=cast.colleague.user_id).status_code == 403
    assert holders() == [cast.owner.user_id]
    (line,) = Change.objects.order_by("pk")[before:]
    assert (line.verb, line.after["path"].startswith("/api/appointments/")) == ("refused", True)


def test_own_appointments_are_not_handed_on_without_the_permission(cast, api):
    own = booked(api, cast.colleague, "10:00")
    answer = cast.api("colleague").put(f"/api/appointments/{own['id']}", {"user_id": cast.owner.user_id})
    assert answer.status_code == 403
    Membership.objects.filter(pk=cast.colleague.pk).update(grants=[Permission.APPOINTMENTS_WRITE_ALL.value])
    answer = cast.api("colleague").put(f"/api/appointments/{own['id']}", {"user_id": cast.owner.user_id})
    assert (answer.status_code, answer.json()["code"]) == (403, "NOT_PERMITTED")
    Membership.objects.filter(pk=cast.colleague.pk).update(grants=[Permission.APPOINTMENTS_ASSIGN.value])
    assert assign(cast.api("colleague"), own, cast.owner).status_code == 200


def test_limits_bind_on_both_sides(cast, api, second, third):
    scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    cast.scheduler = scheduler
    theirs, hidden = booked(api, second, "10:00"), booked(api, cast.colleague, "10:00")
    Membership.objects.filter(pk=scheduler.pk).update(limited_to_user_ids=[second.user_id])
    limited = cast.api("scheduler")
    assert assign(limited, hidden, second).status_code == 404
    assert assign(limited, theirs, third).status_code == 403
    assert reassign(limited, second, to_user_id=third.user_id).status_code == 403
    assert reassign(limited, cast.colleague, to_user_id=second.user_id).status_code == 403
    assert assign(limited, theirs, scheduler).status_code == 200


def test_all_of_a_day_goes_to_one_person(cast, api, second):
    mine = [booked(api, cast.owner, clock) for clock in ("09:00", "11:00")]
    gone = booked(api, cast.owner, "13:00")
    api.post(f"/api/appointments/{gone['id']}/cancel")
    answer = reassign(api, cast.owner, to_user_id=second.user_id)
    assert answer.status_code == 200, answer.content
    moved = answer.json()["moved"]
    assert [one["appointment"]["id"] for one in moved] == [one["id"] for one in mine]
    assert {one["from_user_id"] for one in moved} == {cast.owner.user_id}
    assert holders() == [second.user_id, second.user_id, cast.owner.user_id]


def test_all_or_none_unless_it_may_be_a_part(cast, api, second):
    booked(api, cast.owner, "09:00")
    late, theirs = booked(api, cast.owner, "11:00"), booked(api, second, "11:30")
    refused = reassign(api, cast.owner, to_user_id=second.user_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_TAKEN")
    (stuck,) = refused.json()["stuck"]
    assert (stuck["appointment"]["id"], stuck["reasons"][0]["code"]) == (late["id"], "taken")
    assert stuck["reasons"][0]["conflicts"][0]["appointment_id"] == theirs["id"]
    assert holders() == [cast.owner.user_id, cast.owner.user_id, second.user_id]
    partly = reassign(api, cast.owner, to_user_id=second.user_id, partial=True)
    assert (partly.status_code, len(partly.json()["moved"]), len(partly.json()["stuck"])) == (200, 1, 1)
    assert holders() == [second.user_id, cast.owner.user_id, second.user_id]


def test_a_preview_says_it_all_and_changes_nothing(cast, api, second):
    booked(api, cast.owner, "09:00")
    booked(api, cast.owner, "11:00")
    booked(api, second, "11:30")
    changes = Change.objects.count()
    seen = reassign(api, cast.owner, to_user_id=second.user_id, preview=True).json()
    assert (seen["is_preview"], len(seen["moved"]), len(seen["stuck"])) == (True, 1, 1)
    assert seen["moved"][0]["appointment"]["user_id"] == second.user_id
    assert (holders()[0], Change.objects.count()) == (cast.owner.user_id, changes)


def test_among_several_it_is_shared_out_by_who_is_free_and_gives_it(cast, api, second, third):
    service = offer(cast.owner, second, hours=((0, 24 * 60),))
    booked(api, cast.owner, "09:00", service_id=service.pk)
    booked(api, cast.owner, "10:00")
    booked(api, cast.owner, "11:00")
    booked(api, third, "11:00")
    everybody = [third.user_id, second.user_id]
    answer = reassign(api, cast.owner, to_user_ids=everybody)
    assert answer.status_code == 200, answer.content
    given = [one["appointment"]["user_id"] for one in answer.json()["moved"]]
    assert given == [second.user_id, third.user_id, second.user_id]


def test_among_several_nobody_is_given_more_than_their_share(cast, api, second, third):
    for clock in ("09:00", "10:00", "11:00", "12:00"):
        booked(api, cast.owner, clock)
    answer = reassign(api, cast.owner, to_user_ids=[second.user_id, third.user_id])
    given = [one["appointment"]["user_id"] for one in answer.json()["moved"]]
    assert sorted(given) == sorted([second.user_id, third.user_id] * 2)


def test_whoever_has_left_still_gives_and_is_given_nothing(cast, api, second):
    booked(api, second, "09:00")
    Membership.objects.filter(pk=second.pk).update(is_suspended=True)
    assert reassign(api, cast.owner, to_user_id=second.user_id).status_code == 404
    assert reassign(api, second, to_user_id=cast.owner.user_id).status_code == 200
    assert holders() == [cast.owner.user_id]


def test_nothing_to_give_away_is_no_error(cast, api, second):
    answer = reassign(api, cast.owner, to_user_id=second.user_id)
    assert answer.json() == {"is_preview": False, "moved": [], "stuck": []}


def test_bad_wishes_are_refused_by_field(cast, api, second):
    people = {"to_user_id": second.user_id}
    assert bad_names(reassign(api, cast.owner)) == ["to_user_id"]
    assert bad_names(reassign(api, cast.owner, **people, to_user_ids=[second.user_id])) == ["to_user_id"]
    assert bad_names(reassign(api, cast.owner, to_user_id=cast.owner.user_id)) == ["to_user_id"]
    assert bad_names(reassign(api, cast.owner, to_user_ids=[cast.owner.user_id])) == ["to_user_ids"]
    assert bad_names(reassign(api, cast.owner, to_user_ids=[])) == ["to_user_ids"]
    assert bad_names(reassign(api, cast.owner, **people, start="never")) == ["start"]
    assert bad_names(reassign(api, cast.owner, **people, end="2027-01-01")) == ["end"]
    assert bad_names(reassign(api, cast.owner, **people, partial="yes")) == ["partial"]
    assert reassign(api, cast.owner, to_user_id=2**70).status_code == 404
    assert reassign(api, cast.outsider, **people).status_code == 404
    assert reassign(api, cast.owner, to_user_id=cast.outsider.user_id).status_code == 404


def test_more_than_two_hundred_at_once_are_refused(cast, api, second):
    member = cast.owner
    start = datetime(2027, 1, 19, 8, tzinfo=UTC)
    for number in range(201):
        at = start + timedelta(minutes=number)
        times = {"start_time": at, "end_time": at + timedelta(minutes=1)}
        Appointment.objects.create(
            business=member.business, user=member.user, title="x", blocked_from=at,
            blocked_until=at + timedelta(minutes=1), **times,
        )  # fmt: skip
    refused = reassign(api, member, to_user_id=second.user_id)
    assert (refused.status_code, refused.json()["code"]) == (400, "TOO_LONG")
    assert set(holders()) == {member.user_id}
