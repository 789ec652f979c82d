"""Tokens, roles, and what each may do."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import URLPattern

from cast import Api, add_member, token_for
from desk import browser_of
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.doors.access import PUBLIC, undeclared_routes
from slotkeeper.doors.api.urls import router
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.people.tokens import TokenWish, create_token
from slotkeeper.rules.permissions import PERMISSIONS, Permission, Role, Scope
from slotkeeper.urls import urlpatterns


def test_every_route_declares_its_permission():
    assert list(undeclared_routes(urlpatterns)) == []


def test_a_route_without_a_permission_is_named():
    assert list(undeclared_routes([URLPattern("new", lambda request: None)])) == ["new"]


PLACES = {"date": "2027-01-15", "code": "XX", "business": "practice"}
ROUTES = [
    (re.sub(r"<\w+:(\w+)>", lambda place: PLACES.get(place[1], "999999"), f"/api/{pattern.pattern}"), method, needed)
    for pattern in router.urls
    for method, needed in pattern.callback.view_class.permissions.items()
    if needed != PUBLIC
]


@pytest.mark.parametrize(("path", "method", "needed"), ROUTES)
def test_each_role_and_scope_passes_only_where_the_table_says_so(path, method, needed, cast):
    for role in Role:
        member = add_member(cast.owner, f"some-{role}@practice.test", role)
        for scope in Scope:
            status = Api(token_for(member, scope))(method, path, {}).status_code
            is_allowed = needed in PERMISSIONS[role] and (scope is Scope.WRITE or needed.is_read)
            assert (status == 403) is not is_allowed, f"{role} with a {scope} token: {status}"
    assert Api(None)(method, path, {}).status_code == 401


def test_a_read_only_token_reads_and_checks_but_does_not_book(cast):
    api = cast.api(scope=Scope.READ)
    body = {"start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}
    assert api.get("/api/appointments").status_code == 200
    assert api.post("/api/appointments/check-conflicts", body).status_code == 200
    assert api.book().status_code == 403


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic b3duZXI6cHc=",
        "Bearer \x00",
        "Bearer " + "x" * 9000,
        "Bearer ü",
    ],
)
def test_nonsense_instead_of_a_token_is_401(db, header):
    answer = Api(None).get("/api/me", Authorization=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_expired_revoked_and_suspended_tokens_stop_at_once(cast):
    def status(membership: Membership, **wish) -> int:
        return Api(create_token(membership, TokenWish("t", **wish), COMMAND)[1]).get("/api/me").status_code

    now = int(time.time())
    assert status(cast.owner, expires_at=now + 60) == 200
    assert status(cast.owner, expires_at=now - 1) == 401
    api = cast.api("colleague")
    assert api.get("/api/me").status_code == 200
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    assert api.get("/api/me").status_code == 401


def test_a_token_made_over_the_api_shows_its_secret_once_and_can_be_revoked(cast):
    owner = cast.api()
    made = owner.post("/api/tokens", {"name": "till", "scope": "read", "expires_at": "2030-01-01T00:00:00"})
    assert made.status_code == 201
    secret = made.json()["token"]
    assert Api(secret).get("/api/me").json()["scope"] == "read"
    assert secret not in owner.get("/api/tokens").content.decode()
    assert not ApiToken.objects.filter(secret_hash=secret.encode()).exists()
    assert owner.post(f"/api/tokens/{made.json()['id']}/revoke").status_code == 200
    assert Api(secret).get("/api/me").status_code == 401
    foreign = cast.api("outsider").post(f"/api/tokens/{made.json()['id']}/revoke")
    assert foreign.status_code == 404


def test_an_owners_token_is_revoked_by_owners_alone(cast):
    cast.admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    owners, colleagues = (create_token(one, TokenWish("till"), COMMAND)[0] for one in (cast.owner, cast.colleague))
    refused = cast.api("admin").post(f"/api/tokens/{owners.pk}/revoke")
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_PERMITTED")
    assert Change.objects.filter(subject_kind="refusal", business_id=cast.owner.business_id).count() == 1
    assert cast.api("admin").post(f"/api/tokens/{colleagues.pk}/revoke").status_code == 200
    assert ApiToken.objects.get(pk=owners.pk).revoked_at is None
    assert cast.api().post(f"/api/tokens/{owners.pk}/revoke").status_code == 200


def test_a_repeated_token_request_makes_no_second_token_and_keeps_no_secret(cast):
    owner = cast.api()
    first = owner.post("/api/tokens", {"name": "till"}, Idempotency_Key="k").json()
    second = owner.post("/api/tokens", {"name": "till"}, Idempotency_Key="k").json()
    assert second == first | {"token": None}


def test_the_last_use_of_a_token_is_written_at_most_once_a_minute(cast):
    api = cast.api()
    token = ApiToken.objects.latest("pk")
    api.get("/api/me")
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    api.get("/api/me")
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=datetime.now(UTC) - timedelta(seconds=61))
    api.get("/api/me")
    token.refresh_from_db()
    assert token.last_used_at >= first


def test_a_provider_sees_and_moves_only_their_own(cast):
    of_owner = cast.api().book().json()["id"]
    provider = cast.api("colleague")
    assert provider.get(f"/api/appointments/{of_owner}").status_code == 404
    assert provider.put(f"/api/appointments/{of_owner}", {"title": "x"}).status_code == 404
    assert provider.post(f"/api/appointments/{of_owner}/cancel").status_code == 404
    assert provider.book(user_id=cast.owner.user_id).status_code == 403
    mine = provider.book().json()["id"]
    assert provider.put(f"/api/appointments/{mine}", {"user_id": cast.owner.user_id}).status_code == 403
    assert [row["id"] for row in provider.get("/api/appointments").json()["appointments"]] == [mine]
    busy = provider.get(
        f"/api/appointments/freebusy?start=2027-01-15&end=2027-01-16&user_id={cast.owner.user_id}"
    ).json()["busy"]
    assert busy == [{"start": "2027-01-15T14:00:00", "end": "2027-01-15T15:00:00", "reason": "appointment"}]


def test_a_viewer_sees_no_phone_and_no_email(cast):
    booked = cast.api().book(contact_id=cast.customer.pk).json()
    assert booked["contact_email"] == "carla@customer.test"
    viewer = Api(token_for(add_member(cast.owner, "viewer@practice.test", Role.VIEWER)))
    seen = viewer.get(f"/api/appointments/{booked['id']}").json()
    assert (seen["contact_name"], seen["contact_email"], seen["contact_phone"]) == (
        "Carla Customer",
        None,
        None,
    )
    assert "carla@" not in viewer.get("/api/contacts").content.decode()
    assert "carla@" not in viewer.get(f"/api/appointments/{booked['id']}/history").content.decode()
    assert viewer.get("/api/contacts?q=carla@").json()["contacts"] == []


def test_whoever_is_given_an_appointment_learns_no_address_of_its_former_customer(cast):
    api = cast.api()
    booked = api.book(contact_id=cast.customer.pk).json()
    path = f"/api/appointments/{booked['id']}"
    newer = {"contact_id": None, "contact_name": "Nora", "contact_email": "nora@x.test"}
    assert api.put(path, newer | {"user_id": cast.colleague.user_id}).status_code == 200
    assert "carla@" in api.get(f"{path}/history").content.decode()
    assert "carla@" not in cast.api("colleague").get(f"{path}/history").content.decode()
    page = browser_of(cast.colleague).get(f"/appointments/{booked['id']}").content.decode()
    assert "nora@x.test" in page
    assert "carla@" not in page


def test_a_person_of_two_businesses_is_guarded_across_both_and_each_sees_only_busy(cast):
    Membership.objects.create(
        user=cast.owner.user,
        business=cast.outsider.business,
        role=Role.PROVIDER,
        created_at=datetime.now(UTC),
    )
    cast.api().book(title="Secret diagnosis")
    answer = cast.api("outsider").book(
        "2027-01-15T08:00:00-05:00", "2027-01-15T09:00:00-05:00", user_id=cast.owner.user_id
    )
    assert answer.status_code == 409
    assert answer.json()["conflicts"] == [
        {"start": "2027-01-15T08:00:00-05:00", "end": "2027-01-15T09:00:00-05:00", "reason": "elsewhere"}
    ]
    assert "Secret" not in answer.content.decode()


def test_a_limit_on_token_requests_counts_across_processes(cast, settings):
    import dataclasses

    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, token_requests_per_minute=3)
    api = cast.api()
    statuses = [api.get("/api/me").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert api.get("/api/me")["Retry-After"] == "60"


def test_a_business_is_changed_only_within_its_fields(cast):
    owner = cast.api()
    assert owner.put("/api/business", {"name": "New name", "currency": "CHF"}).json()["currency"] == "CHF"
    for wrong in ({"slug": "api"}, {"currency": "franc"}, {"time_zone": "Nowhere"}, {"name": " "}, {"id": 5}):
        assert owner.put("/api/business", wrong).status_code == 400


def test_permissions_name_whether_they_only_read():
    assert all(permission.is_read is (".read" in permission) for permission in Permission)


def test_a_suspended_members_appointments_can_still_be_looked_at_and_moved_but_not_added_to(cast):
    theirs = cast.api("colleague").book().json()["id"]
    cast.api("colleague").book("2027-01-15T16:00:00", "2027-01-15T17:00:00")
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    owner, user_id = cast.api(), cast.colleague.user_id
    busy = owner.get(f"/api/appointments/freebusy?start=2027-01-15&end=2027-01-16&user_id={user_id}").json()["busy"]
    assert len(busy) == 2
    taken = owner.put(
        f"/api/appointments/{theirs}", {"start_time": "2027-01-15T16:30:00", "end_time": "2027-01-15T17:30:00"}
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "SLOT_TAKEN")
    assert owner.book("2027-01-18T10:00:00", "2027-01-18T11:00:00", user_id=user_id).status_code == 404
