"""What single members may do beyond their role, and what they are limited to."""

import pytest

from cast import add_member
from slotkeeper.appointments.models import Appointment
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import GRANTABLE, PERMISSIONS, Permission, Role, Scope, may


def grant(membership, **fields):
    Membership.objects.filter(pk=membership.pk).update(**fields)


@pytest.fixture
def scheduler(cast):
    cast.scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    return cast.scheduler


@pytest.fixture
def services(cast):
    return [
        Service.objects.create(business=cast.owner.business, name=name, slug=name.lower()) for name in ("Cut", "Color")
    ]


def booked(cast, who, start, **fields):
    answer = cast.api().book(
        f"2027-01-15T{start}:00", f"2027-01-15T{start[:3]}30:00", user_id=getattr(cast, who).user_id, **fields
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_grant_adds_a_permission_and_takes_effect_at_once(cast):
    theirs = booked(cast, "owner", "10:00")
    colleague = cast.api("colleague")
    assert colleague.get(f"/api/appointments/{theirs['id']}").status_code == 404
    grant(cast.colleague, grants=[Permission.APPOINTMENTS_READ_ALL.value])
    assert colleague.get(f"/api/appointments/{theirs['id']}").status_code == 200
    assert Permission.APPOINTMENTS_READ_ALL in colleague.get("/api/me").json()["permissions"]
    assert colleague.put(f"/api/appointments/{theirs['id']}", {"title": "Mine"}).status_code == 404


def test_a_grant_does_not_lift_a_tokens_scope(cast):
    grant(cast.colleague, grants=[Permission.SERVICES_WRITE.value])
    assert cast.api("colleague").post("/api/services", {"name": "New"}).status_code == 201
    assert cast.api("colleague", Scope.READ).post("/api/services", {"name": "Newer"}).status_code == 403


def test_nothing_about_people_settings_or_keys_can_be_granted():
    for permission in (
        Permission.MEMBERS_WRITE, Permission.TOKENS_READ, Permission.TOKENS_WRITE, Permission.SETTINGS_WRITE,
        Permission.WEBHOOKS_READ, Permission.WEBHOOKS_WRITE,
    ):  # fmt: skip
        assert permission not in GRANTABLE
    assert PERMISSIONS[Role.OWNER] > GRANTABLE
    assert may(Role.VIEWER, Scope.WRITE, Permission.HOURS_WRITE, frozenset({"hours.write"}))


def test_who_is_limited_to_colleagues_reaches_theirs_and_their_own_and_no_others(cast, scheduler):
    owners, colleagues = booked(cast, "owner", "10:00"), booked(cast, "colleague", "10:00")
    own = booked(cast, "scheduler", "11:00")
    grant(scheduler, limited_to_user_ids=[cast.colleague.user_id])
    api = cast.api("scheduler")
    listed = {one["id"] for one in api.get("/api/appointments").json()["appointments"]}
    assert listed == {colleagues["id"], own["id"]}
    assert api.get(f"/api/appointments/{owners['id']}").status_code == 404
    assert api.put(f"/api/appointments/{owners['id']}", {"title": "x"}).status_code == 404
    assert api.post(f"/api/appointments/{owners['id']}/cancel").status_code == 404
    assert api.put(f"/api/appointments/{colleagues['id']}", {"title": "x"}).status_code == 200


def test_who_is_limited_to_colleagues_gives_nothing_to_others(cast, scheduler):
    colleagues = booked(cast, "colleague", "10:00")
    grant(scheduler, limited_to_user_ids=[cast.colleague.user_id])
    api = cast.api("scheduler")
    refused = api.put(f"/api/appointments/{colleagues['id']}", {"user_id": cast.owner.user_id})
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_PERMITTED")
    booked_there = api.book(user_id=cast.owner.user_id)
    assert booked_there.status_code == 403
    assert api.put(f"/api/users/{cast.owner.user_id}/hours", {"weekly": {}}).status_code == 403


def test_who_is_limited_to_services_reaches_appointments_of_those(cast, scheduler, services):
    cut = booked(cast, "owner", "10:00", service_id=services[0].pk)
    color = booked(cast, "owner", "11:00", service_id=services[1].pk)
    grant(scheduler, limited_to_service_ids=[services[0].pk])
    api = cast.api("scheduler")
    listed = {one["id"] for one in api.get("/api/appointments").json()["appointments"]}
    assert listed == {cut["id"]}
    assert api.get(f"/api/appointments/{color['id']}").status_code == 404
    assert api.put(f"/api/appointments/{cut['id']}", {"service_id": services[1].pk}).status_code == 403


def test_busy_time_of_those_out_of_reach_is_busy_and_no_more(cast, scheduler):
    booked(cast, "owner", "10:00", title="Secret")
    grant(scheduler, limited_to_user_ids=[cast.colleague.user_id])
    answer = cast.api("scheduler").get(
        f"/api/appointments/freebusy?start=2027-01-15T09:00:00&end=2027-01-15T12:00:00&user_id={cast.owner.user_id}"
    )
    assert "Secret" not in answer.content.decode()
    assert len(answer.json()["busy"]) == 1


def test_customers_are_those_of_appointments_within_reach(cast, scheduler):
    booked(cast, "owner", "10:00", contact_id=cast.customer.pk)
    api = cast.api("scheduler")
    assert len(api.get("/api/contacts").json()["contacts"]) == 1
    grant(scheduler, limited_to_user_ids=[cast.colleague.user_id])
    assert api.get("/api/contacts").json()["contacts"] == []
    assert api.get(f"/api/contacts/{cast.customer.pk}").status_code == 404


def test_the_dashboard_keeps_to_the_same_limits(cast, scheduler, client):
    owners = booked(cast, "owner", "10:00", title="Secret")
    grant(scheduler, limited_to_user_ids=[cast.colleague.user_id])
    client.force_login(scheduler.user)
    assert client.get(f"/appointments/{owners['id']}", HTTP_HOST="localhost").status_code == 404
    page = client.get("/appointments", HTTP_HOST="localhost")
    assert "Secret" not in page.content.decode()


def test_who_is_limited_to_services_books_no_other_in_the_dashboard_either(cast, scheduler, services, client):
    grant(scheduler, limited_to_service_ids=[services[0].pk])
    client.force_login(scheduler.user)
    wish = {"title": "x", "start": "2027-01-15T10:00", "minutes": "30", "user_id": cast.owner.user_id, "zone": "x"}
    for path, more in (("/appointments/new", {}), ("/appointments/repeat", {"every_weeks": "1", "times": "2"})):
        for service_id in ("", services[1].pk):
            refused = client.post(path, wish | more | {"service_id": service_id}, HTTP_HOST="localhost")
            assert refused.status_code in {200, 400, 409}, path
    assert not Appointment.objects.exists()
    allowed = client.post("/appointments/new", wish | {"service_id": services[0].pk}, HTTP_HOST="localhost")
    assert allowed.status_code == 302, allowed.content.decode()[:2000]


def test_to_give_appointments_away_opens_no_others(cast):
    theirs = booked(cast, "owner", "10:00", title="Secret", contact_id=cast.customer.pk)
    mine = booked(cast, "colleague", "11:00")
    third = add_member(cast.owner, "third@practice.test", Role.PROVIDER)
    grant(cast.colleague, grants=[Permission.APPOINTMENTS_ASSIGN.value])
    api = cast.api("colleague")
    whole = {"start": "2027-01-15T00:00:00", "end": "2027-01-16T00:00:00", "preview": True}
    refused = api.post(
        "/api/appointments/reassign", whole | {"from_user_id": cast.owner.user_id, "to_user_id": cast.colleague.user_id}
    )
    assert (refused.status_code, "Secret" in refused.content.decode()) == (403, False)
    taken = api.post(f"/api/appointments/{theirs['id']}/assign", {"user_id": cast.colleague.user_id})
    assert taken.status_code == 404
    assert api.put(f"/api/appointments/{mine['id']}", {"user_id": third.user_id}).status_code == 200


def test_editing_gives_nothing_away_without_the_permission_to(cast, client):
    theirs = booked(cast, "owner", "10:00")
    third = add_member(cast.owner, "third@practice.test", Role.PROVIDER)
    grant(cast.colleague, grants=[Permission.APPOINTMENTS_READ_ALL.value, Permission.APPOINTMENTS_WRITE_ALL.value])
    client.force_login(cast.colleague.user)
    wish = {"title": "x", "start": "2027-01-15T10:00", "minutes": "30", "user_id": third.user_id, "version": 1}
    client.post(f"/appointments/{theirs['id']}/edit", wish, HTTP_HOST="localhost")
    assert Appointment.objects.get(pk=theirs["id"]).user_id == cast.owner.user_id


def test_to_change_everybodys_needs_to_see_them(cast):
    theirs = booked(cast, "owner", "10:00", contact_id=cast.customer.pk)
    writes = [Permission.APPOINTMENTS_WRITE_ALL.value, Permission.CONTACTS_WRITE_ALL.value]
    grant(cast.colleague, grants=writes)
    api = cast.api("colleague")
    assert api.put(f"/api/appointments/{theirs['id']}", {"description": "x"}).status_code == 404
    assert api.put(f"/api/contacts/{cast.customer.pk}", {"locale": "de"}).status_code == 404
    grant(cast.colleague, grants=[*writes, Permission.APPOINTMENTS_READ_ALL.value])
    same = {"contact_id": cast.customer.pk, "description": "x"}
    assert api.put(f"/api/appointments/{theirs['id']}", same).status_code == 200


def test_what_the_whole_business_shares_is_not_changed_by_who_is_limited(cast, scheduler, services):
    grant(scheduler, limited_to_service_ids=[services[0].pk], grants=[Permission.SERVICES_WRITE.value])
    api = cast.api("scheduler")
    assert api.post("/api/closures", {"date": "2027-12-24", "name": "x"}).status_code == 403
    assert api.post("/api/holiday-calendars/DE/close").status_code == 403
    assert api.put(f"/api/services/{services[1].pk}", {"name": "x"}).status_code == 403
    assert api.get("/api/closures").status_code == 200
