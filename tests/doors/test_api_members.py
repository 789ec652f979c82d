"""Members, invitations and sessions over the API: who sees and does what, and every way to get more than one's due."""

from dataclasses import replace

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings

from cast import Api, add_member, token_for
from desk import browser_of
from slotkeeper.changes.models import Change
from slotkeeper.configuration import MailServer
from slotkeeper.offerings.models import Service, ServiceProvider
from slotkeeper.people.models import ApiToken, Invitation, Membership, SessionRecord, User
from slotkeeper.rules.permissions import Permission, Role, Scope

NORA = "nora@new.test"


@pytest.fixture
def admin(cast):
    cast.admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    return cast.admin


def place_of(member) -> str:
    return f"/api/members/{member.pk}"


def refusal(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def standing():
    """Everything about people that an attack could change; that a token was used, or refused, is no change."""
    tables = (Membership, User, Invitation)
    tokens = ApiToken.objects.order_by("pk").values("membership_id", "revoked_at")
    changes = Change.objects.exclude(verb="refused").order_by("pk").values_list("pk", flat=True)
    return [list(table.objects.order_by("pk").values()) for table in tables], list(tokens), list(changes)


# Reading


def test_members_are_listed_with_what_the_reader_may_see(cast, admin):
    service = Service.objects.create(business=cast.owner.business, name="Cut", slug="cut")
    ServiceProvider.objects.create(service=service, membership=cast.colleague)
    cast.api("colleague").get("/api/me")
    [_, theirs, _] = cast.api("admin").get("/api/members").json()["members"]
    assert (theirs["id"], theirs["user_id"], theirs["role"]) == (cast.colleague.pk, cast.colleague.user_id, "provider")
    assert (theirs["email"], theirs["grants"], theirs["service_ids"]) == ("colleague@practice.test", [], [service.pk])
    assert theirs["last_seen_at"] is not None
    owners, own, _ = cast.api("colleague").get("/api/members").json()["members"]
    assert (owners["name"], owners["email"], owners["grants"], owners["last_seen_at"]) == (
        "Olga Owner", None, None, None,
    )  # fmt: skip
    assert own["email"] == "colleague@practice.test"


def test_lists_come_in_pages(cast, admin):
    first = cast.api().get("/api/members?limit=2").json()
    rest = cast.api().get(f"/api/members?limit=2&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in first["members"] + rest["members"]] == [cast.owner.pk, cast.colleague.pk, admin.pk]
    assert rest["next_cursor"] is None


def test_one_member_is_read_with_their_version_and_strangers_are_unknown(cast):
    answer = cast.api().get(place_of(cast.colleague))
    assert (answer.status_code, answer["ETag"]) == (200, '"1"')
    for unknown in (cast.outsider.pk, 99_999, 2**70):
        assert refusal(cast.api().get(f"/api/members/{unknown}")) == (404, "NOT_FOUND")


# Changing


def test_role_grants_and_limits_are_changed_and_stale_changes_refused(cast):
    body = {"role": "scheduler", "grants": ["audit.read"], "limited_to_user_ids": [cast.owner.user_id]}
    answer = cast.api().put(place_of(cast.colleague), body, If_Match='"1"')
    assert answer.status_code == 200
    assert answer.json() | body == answer.json()
    assert answer["ETag"] == '"2"'
    stale = cast.api().put(place_of(cast.colleague), {"role": "viewer"}, If_Match='"1"')
    assert refusal(stale) == (412, "VERSION_CONFLICT")
    assert stale.json()["current"]["role"] == "scheduler"
    assert refusal(cast.api()("PATCH", place_of(cast.colleague), {"role": "viewer", "version": 1})) == (
        409, "VERSION_CONFLICT",
    )  # fmt: skip
    cleared = cast.api().put(place_of(cast.colleague), {"limited_to_user_ids": None, "version": 2}).json()
    assert (cleared["limited_to_user_ids"], cleared["grants"], cleared["role"]) == (None, ["audit.read"], "scheduler")


def test_grants_take_effect_with_the_next_request(cast):
    api = cast.api("colleague")
    assert api.get("/api/messages").status_code == 403
    cast.api().put(place_of(cast.colleague), {"grants": ["messages.read"]})
    assert api.get("/api/messages").status_code == 200
    cast.api().put(place_of(cast.colleague), {"grants": []})
    assert api.get("/api/messages").status_code == 403


BAD_BODIES = [
    ({"role": "king"}, "role"),
    ({"role": None}, "role"),
    ({"grants": ["members.write"]}, "grants"),
    ({"grants": ["nonsense"]}, "grants"),
    ({"grants": [1]}, "grants"),
    ({"limited_to_user_ids": [0]}, "limited_to_user_ids"),
    ({"limited_to_user_ids": [2**63]}, "limited_to_user_ids"),
    ({"limited_to_user_ids": [True]}, "limited_to_user_ids"),
    ({"limited_to_user_ids": list(range(1, 300))}, "limited_to_user_ids"),
    ({"limited_to_service_ids": [99_999]}, "limited_to_service_ids"),
    ({"is_suspended": False}, "is_suspended"),
    ({"user_id": 1}, "user_id"),
    ({"business_id": 1}, "business_id"),
    ({"id": 1}, "id"),
    ({"removed_at": None}, "removed_at"),
]


@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_bad_fields_are_named_and_nothing_is_stored(cast, body, field):
    api = cast.api()
    before = standing()
    answer = api.put(place_of(cast.colleague), body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert standing() == before


def test_people_of_another_business_fit_into_no_field(cast):
    foreign_service = Service.objects.create(business=cast.outsider.business, name="Oil", slug="oil")
    api = cast.api()
    before = standing()
    place = {"email": NORA, "role": "viewer"}
    for field, foreign in (
        ("limited_to_user_ids", cast.outsider.user_id), ("limited_to_service_ids", foreign_service.pk)
    ):  # fmt: skip
        for method, path, body in (
            ("PUT", place_of(cast.colleague), {field: [foreign]}),
            ("POST", "/api/invitations", place | {field: [foreign]}),
        ):  # fmt: skip
            answer = api(method, path, body)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
            unknown = api(method, path, body | {field: [99_999]})
            assert unknown.json()["errors"] == answer.json()["errors"]
    assert standing() == before


VERBS = ["suspend", "reinstate", "remove", "transfer-ownership"]


def test_no_verb_reaches_into_another_business(cast):
    api = cast.api()
    invitation = cast.api("outsider").post("/api/invitations", {"email": NORA, "role": "viewer"}).json()
    before = standing()
    for verb in [*VERBS, "leave", "sessions/revoke", "sessions/1/revoke"]:
        assert refusal(api.post(f"{place_of(cast.outsider)}/{verb}")) == (404, "NOT_FOUND"), verb
    assert refusal(api.put(place_of(cast.outsider), {"role": "viewer"})) == (404, "NOT_FOUND")
    for verb in ("revoke", "resend"):
        assert refusal(api.post(f"/api/invitations/{invitation['id']}/{verb}")) == (404, "NOT_FOUND")
    assert refusal(api.get(f"/api/invitations/{invitation['id']}")) == (404, "NOT_FOUND")
    assert standing() == before


def test_an_admin_gets_no_further_than_admin(cast, admin):
    api = cast.api("admin")
    before = standing()
    attempts = [
        ("PUT", place_of(admin), {"role": "owner"}),
        ("PUT", place_of(cast.colleague), {"role": "owner"}),
        ("PUT", place_of(cast.owner), {"role": "viewer"}),
        ("PUT", place_of(cast.owner), {"grants": []}),
        ("POST", "/api/invitations", {"email": NORA, "role": "owner"}),
        *(("POST", f"{place_of(cast.owner)}/{verb}", None) for verb in VERBS),
        ("POST", f"{place_of(admin)}/transfer-ownership", None),
        ("POST", f"{place_of(admin)}/suspend", None),
        ("GET", f"{place_of(cast.owner)}/sessions", None),
        ("POST", f"{place_of(cast.owner)}/sessions/revoke", None),
        ("POST", f"{place_of(cast.owner)}/leave", None),
    ]
    for method, path, body in attempts:
        assert refusal(api(method, path, body)) == (403, "NOT_PERMITTED"), f"{method} {path} {body}"
    assert standing() == before


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.PROVIDER, Role.BOOKKEEPER, Role.VIEWER])
def test_who_manages_nobody_changes_nobody_not_even_with_every_grant(cast, role):
    every = [permission.value for permission in Permission]
    member = add_member(cast.owner, "someone@practice.test", role)
    invitation = cast.api().post("/api/invitations", {"email": "x@new.test", "role": "viewer"}).json()
    grantable = [name for name in every if name not in BEYOND_GRANTS]
    assert cast.api().put(place_of(member), {"grants": grantable}).status_code == 200
    api = Api(token_for(member))
    before = standing()
    attempts = [
        ("PUT", place_of(member), {"role": "admin"}),
        ("PUT", place_of(member), {"grants": every}),
        ("PUT", place_of(member), {"limited_to_user_ids": None}),
        *(("POST", f"{place_of(cast.colleague)}/{verb}", None) for verb in VERBS),
        ("POST", "/api/invitations", {"email": NORA, "role": "viewer"}),
        ("POST", f"/api/invitations/{invitation['id']}/revoke", None),
        ("POST", f"/api/invitations/{invitation['id']}/resend", None),
        ("GET", f"{place_of(cast.colleague)}/sessions", None),
        ("POST", f"{place_of(cast.colleague)}/sessions/revoke", None),
        ("POST", f"{place_of(cast.colleague)}/leave", None),
        ("PUT", "/api/business", {"requires_second_factor": False}),
        ("POST", "/api/tokens", {"name": "more"}),
    ]
    for method, path, body in attempts:
        assert refusal(api(method, path, body)) == (403, "NOT_PERMITTED"), f"{method} {path} {body}"
    assert standing() == before


BEYOND_GRANTS = {"members.write", "settings.write", "tokens.read", "tokens.write", "webhooks.read", "webhooks.write"}


def test_a_read_only_token_of_an_owner_changes_nobody(cast):
    api = cast.api(scope=Scope.READ)
    assert api.get("/api/members").status_code == 200
    assert refusal(api.put(place_of(cast.colleague), {"role": "viewer"})) == (403, "NOT_PERMITTED")
    assert refusal(api.get(f"{place_of(cast.colleague)}/sessions")) == (403, "NOT_PERMITTED")


# Going


def test_the_last_owner_neither_leaves_nor_steps_down(cast, admin):
    for method, path, body in (
        ("POST", f"{place_of(cast.owner)}/leave", None),
        ("POST", f"{place_of(cast.owner)}/remove", None),
        ("PUT", place_of(cast.owner), {"role": "admin"}),
    ):
        assert refusal(cast.api()(method, path, body)) == (409, "LAST_OWNER")
    assert cast.api().post(f"{place_of(admin)}/transfer-ownership").json()["role"] == "owner"
    assert cast.api().post(f"{place_of(cast.owner)}/leave").status_code == 204


def test_removing_lists_what_is_to_come_and_ends_tokens_with_the_next_request(cast):
    api = cast.api("colleague")
    booked = api.book().json()
    answer = cast.api().post(f"{place_of(cast.colleague)}/remove")
    assert refusal(answer) == (409, "HAS_APPOINTMENTS")
    assert [one["id"] for one in answer.json()["appointments"]] == [booked["id"]]
    assert api.get("/api/me").status_code == 200
    assert cast.api().post(f"{place_of(cast.colleague)}/remove", {"appointments": "keep"}).status_code == 204
    assert refusal(api.get("/api/me")) == (401, "NOT_SIGNED_IN")
    assert cast.api().get(f"/api/appointments/{booked['id']}").status_code == 200
    assert refusal(cast.api().get(place_of(cast.colleague))) == (404, "NOT_FOUND")
    assert [one["id"] for one in cast.api().get("/api/members").json()["members"]] == [cast.owner.pk]


def test_suspending_ends_sessions_and_refuses_tokens_until_reinstated(cast):
    api, browser = cast.api("colleague"), browser_of(cast.colleague)
    assert browser.get("/").status_code == 200
    assert cast.api().post(f"{place_of(cast.colleague)}/suspend").json()["is_suspended"]
    assert api.get("/api/me").status_code == 401
    assert browser.get("/").status_code == 302
    assert cast.api().post(f"{place_of(cast.colleague)}/reinstate").json()["is_suspended"] is False
    assert api.get("/api/me").status_code == 200
    assert browser.get("/").status_code == 302


# Invitations


def test_an_invitation_is_made_read_and_listed(cast):
    body = {"email": NORA, "role": "provider", "limited_to_user_ids": []}
    answer = cast.api().post("/api/invitations", body)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["email"], made["role"], made["state"], made["limited_to_user_ids"]) == (
        NORA,
        "provider",
        "waiting",
        [],
    )
    assert answer["Location"] == f"/api/invitations/{made['id']}"
    [listed] = cast.api().get("/api/invitations").json()["invitations"]
    assert listed == cast.api().get(f"/api/invitations/{made['id']}").json()
    assert {name: made[name] for name in listed} == listed
    assert cast.api("colleague").get("/api/invitations").json()["invitations"][0]["email"] is None


def test_a_repeated_invitation_is_the_first_one_without_its_link(cast):
    api = cast.api()
    first, second = (api.post("/api/invitations", {"email": NORA, "role": "viewer"}, Idempotency_Key="a") for _ in "ab")
    assert first.json()["link"].startswith(f"{django_settings.CONFIGURATION.url}/invitations/")
    assert second.json() == first.json() | {"link": None}
    assert Invitation.objects.count() == 1


def test_refusals_of_invitations_are_told_apart(cast):
    api = cast.api()
    assert refusal(api.post("/api/invitations", {"email": "colleague@practice.test", "role": "viewer"})) == (
        409, "ALREADY_MEMBER",
    )  # fmt: skip
    made = api.post("/api/invitations", {"email": NORA, "role": "viewer"}).json()
    assert refusal(api.post("/api/invitations", {"email": NORA, "role": "viewer"})) == (409, "ALREADY_INVITED")
    bad = api.post("/api/invitations", {"email": "not one", "role": "viewer"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "email")
    assert api.post(f"/api/invitations/{made['id']}/resend").json()["link"] != made["link"]
    assert api.post(f"/api/invitations/{made['id']}/revoke").json()["state"] == "revoked"
    assert refusal(api.post(f"/api/invitations/{made['id']}/resend")) == (404, "NOT_FOUND")


def test_where_mails_leave_the_link_is_shown_to_nobody(cast, settings):
    settings.CONFIGURATION = replace(settings.CONFIGURATION, mail_server=MailServer("mail.test", 25, "none", "", ""))
    made = cast.api().post("/api/invitations", {"email": NORA, "role": "viewer"}).json()
    assert made["link"] is None
    assert cast.api().post(f"/api/invitations/{made['id']}/resend").json()["link"] is None


# Sessions


def test_own_sessions_are_listed_and_ended_and_the_next_request_is_a_strangers(cast):
    firefox = browser_of(
        cast.colleague, HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0"
    )
    other = browser_of(cast.colleague)
    for browser in (firefox, other):
        assert browser.get("/").status_code == 200
    place = f"{place_of(cast.colleague)}/sessions"
    listed = firefox.get(place).json()["sessions"]
    [own] = [one for one in listed if one["is_current"]]
    assert (own["browser"], own["system"], own["address"], len(listed)) == ("Firefox", "Linux", "127.0.0.1", 2)
    [rest] = [one for one in listed if not one["is_current"]]
    left = cast.api("colleague").post(f"{place}/{rest['id']}/revoke").json()["sessions"]
    assert [one["id"] for one in left] == [own["id"]]
    assert other.get("/").status_code == 302
    assert firefox.get("/").status_code == 200
    assert refusal(cast.api("colleague").post(f"{place}/{rest['id']}/revoke")) == (404, "NOT_FOUND")


def test_to_end_all_sessions_spares_the_one_that_asks(cast):
    browser, other = browser_of(cast.colleague, enforce_csrf_checks=False), browser_of(cast.colleague)
    for one in (browser, other):
        one.get("/")
    place = f"{place_of(cast.colleague)}/sessions/revoke"
    [left] = browser.post(place, content_type="application/json").json()["sessions"]
    assert left["is_current"]
    assert other.get("/").status_code == 302
    assert cast.api().post(place).json()["sessions"] == []
    assert browser.get("/").status_code == 302


def test_an_admins_reach_ends_at_their_business(cast, admin):
    here = Membership.objects.create(user=cast.outsider.user, business=cast.owner.business, role=Role.PROVIDER)
    browser_of(cast.outsider).get("/")
    assert SessionRecord.objects.get().membership == cast.outsider
    place = f"{place_of(here)}/sessions"
    assert cast.api("admin").get(place).json()["sessions"] == []
    record = SessionRecord.objects.get()
    assert refusal(cast.api("admin").post(f"{place}/{record.pk}/revoke")) == (404, "NOT_FOUND")


def test_a_session_is_written_down_at_sign_in_and_then_at_most_once_a_minute(cast):
    browser = browser_of(cast.colleague)
    browser.get("/api/me")
    record = SessionRecord.objects.get()
    browser.get("/api/me")
    assert SessionRecord.objects.get().last_used_at == record.last_used_at
    SessionRecord.objects.update(last_used_at="2026-01-01T00:00:00Z")
    browser.get("/api/me")
    assert SessionRecord.objects.get().last_used_at >= record.last_used_at


# Second factor


def test_a_business_may_ask_for_a_second_factor_of_everybody(cast):
    asked = cast.api().put("/api/business", {"requires_second_factor": True})
    assert (asked.status_code, asked.json()["errors"][0]["field"]) == (400, "requires_second_factor")
    assert cast.api().get("/api/business").json()["requires_second_factor"] is False
    Authenticator.objects.create(user=cast.owner.user, type=Authenticator.Type.TOTP, data={})
    assert cast.api().put("/api/business", {"requires_second_factor": True}).json()["requires_second_factor"] is True
    admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    api, browser = Api(token_for(admin)), browser_of(admin)
    assert api.get("/api/members").status_code == 200
    assert refusal(api.post("/api/tokens", {"name": "x"})) == (403, "SECOND_FACTOR_REQUIRED")
    assert refusal(browser.get("/api/members")) == (403, "SECOND_FACTOR_REQUIRED")
    Authenticator.objects.create(user=admin.user, type=Authenticator.Type.TOTP, data={})
    assert api.post("/api/tokens", {"name": "x"}).status_code == 201
    assert browser.get("/api/members").status_code == 200
