"""The pages of the team: who sees what, inviting, changing, suspending, removing, sessions, the second factor."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from cast import PASSWORD, add_member, token_for
from desk import browser_of, text_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.configuration import MailServer
from slotkeeper.doors.dashboard.team_words import PERMISSION_WORDS, ROLE_MEANINGS, grantable
from slotkeeper.offerings.models import Service, ServiceProvider
from slotkeeper.people.models import Business, Invitation, Membership, SessionRecord, User
from slotkeeper.rules.permissions import Permission, Role

NORA = "nora@new.test"


@pytest.fixture(autouse=True)
def _fresh_counts():
    cache.clear()  # allauth counts requests there


@pytest.fixture
def browser(cast):
    return browser_of(cast.owner)


@pytest.fixture
def _mails_leave(settings):
    mail_server = MailServer("mail.test", 25, "none", "", "")
    settings.CONFIGURATION = replace(settings.CONFIGURATION, mail_server=mail_server)


def place_of(member) -> str:
    return f"/team/{member.pk}"


def fresh(member):
    return Membership.objects.get(pk=member.pk)


def coming(member, hours=48):
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
    times = {"start_time": start, "end_time": start + timedelta(hours=1)}
    blocked = {"blocked_from": start, "blocked_until": start + timedelta(hours=1)}
    return Appointment.objects.create(
        business=member.business, user=member.user, title="Long planned", **times, **blocked
    )


# Who sees what


@pytest.mark.parametrize("role", list(Role))
def test_each_role_finds_what_is_meant_for_it(cast, role):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    sees, manages = role not in {Role.BOOKKEEPER, Role.VIEWER}, role in {Role.OWNER, Role.ADMIN}
    answer = browser.get("/team")
    assert answer.status_code == (200 if sees else 403)
    assert browser.get(place_of(cast.colleague)).status_code == (200 if sees else 403)
    assert ('href="/team"' in text_of(browser.get("/settings/account"))) is sees
    if sees:
        assert ("colleague@practice.test" in text_of(answer)) is manages
        assert ("Invite somebody" in text_of(answer)) is manages
        page = text_of(browser.get(place_of(cast.colleague)))
        assert ("colleague@practice.test" in page) is manages
        assert ("What they may do" in page) is manages
    for verb in ("suspend", "remove", "transfer"):
        assert (browser.get(f"{place_of(cast.colleague)}/{verb}").status_code in {200, 302}) is manages
    assert (browser.post("/team/invite", {"email": NORA, "role": "viewer"}).status_code in {200, 302}) is manages


def test_members_of_another_business_have_no_page_here(cast, browser):
    for path in ("", "/suspend", "/remove", "/transfer"):
        assert browser.get(f"{place_of(cast.outsider)}{path}").status_code == 404
    for path in ("/edit", "/suspend", "/reinstate", "/remove", "/sessions/end", "/sessions/1/end"):
        assert browser.post(f"{place_of(cast.outsider)}{path}", {"role": "viewer"}).status_code in {302, 404}
        assert fresh(cast.outsider).role == Role.OWNER
        assert not fresh(cast.outsider).is_suspended
    for path in ("/team/99999", f"/team/{2**70}"):
        assert browser.get(path).status_code == 404


def test_an_admin_finds_no_way_to_touch_an_owner(cast):
    browser = browser_of(add_member(cast.owner, "admin@practice.test", Role.ADMIN))
    page = text_of(browser.get(place_of(cast.owner)))
    assert "What they may do" not in page
    browser.post(f"{place_of(cast.owner)}/edit", {"role": "viewer", "version": "1"})
    for verb in ("suspend", "remove", "transfer", "sessions/end"):
        browser.post(f"{place_of(cast.owner)}/{verb}", {"keep": "1"})
    owner = fresh(cast.owner)
    assert (owner.role, owner.is_suspended, owner.version) == (Role.OWNER, False, 1)
    assert "owner" not in re.findall(r'name="role" value="(\w+)"', text_of(browser.get("/team")))
    assert browser.post("/team/invite", {"email": NORA, "role": "owner"}).status_code == 200
    assert not Invitation.objects.exists()


# Inviting


@pytest.mark.usefixtures("_mails_leave")
def test_inviting_sends_a_mail_and_shows_no_link(cast, browser):
    answer = browser.post("/team/invite", {"email": NORA, "role": "scheduler"}, follow=True)
    page = text_of(answer)
    assert f"An invitation is on its way to {NORA}" in page
    assert "/invitations/" not in page.replace("/team/invitations/", "")
    assert "Waits for an answer" in page
    assert "/invitations/" not in text_of(browser.get("/messages")).replace("/team/invitations/", "")


def test_without_a_mail_server_the_link_is_shown_once(cast, browser):
    page = text_of(browser.post("/team/invite", {"email": NORA, "role": "scheduler"}))
    assert re.search(r'value="http://[^"]+/invitations/[\w-]{43}"', page)
    assert "/invitations/" not in text_of(browser.get("/team")).replace("/team/invitations/", "")


def test_grants_and_limits_are_chosen_with_the_invitation(cast, browser):
    service = Service.objects.create(business=cast.owner.business, name="Cut", slug="cut")
    chosen = {
        "email": NORA, "role": "scheduler", "grants": ["audit.read"], "has_people": "on",
        "user_ids": [cast.colleague.user_id], "has_services": "on", "service_ids": [service.pk],
    }  # fmt: skip
    browser.post("/team/invite", chosen)
    made = Invitation.objects.get()
    assert (made.grants, made.limited_to_user_ids, made.limited_to_service_ids) == (
        ["audit.read"], [cast.colleague.user_id], [service.pk],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "nonsense"}, "exactly one e-mail address"),
        ({"email": "colleague@practice.test"}, "belongs to the business already"),
        ({"email": ""}, "required"),
        ({"role": "king"}, "Select a valid choice"),
        ({"grants": ["members.write"]}, "Select a valid choice"),
        ({"has_people": "on", "user_ids": ["99999"]}, "Select a valid choice"),
        ({"has_services": "on", "service_ids": ["x"]}, "Select a valid choice"),
        ({"user_ids": ["OWNER"]}, "Switch this limit on"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_what_was_typed_stays(cast, browser, fields, sentence):
    if fields.get("user_ids") == ["OWNER"]:
        fields = {"user_ids": [cast.owner.user_id]}
    answer = browser.post("/team/invite", {"email": NORA, "role": "viewer"} | fields)
    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert f'value="{fields.get("email", NORA)}"' in text_of(answer) or not fields.get("email", NORA)
    assert not Invitation.objects.exists()


@pytest.mark.usefixtures("_mails_leave")
def test_an_invitation_is_sent_again_and_revoked(cast, browser):
    browser.post("/team/invite", {"email": NORA, "role": "viewer"})
    made = Invitation.objects.get()
    browser.post(f"/team/invitations/{made.pk}/resend")
    assert Invitation.objects.get().sends == 2
    page = text_of(browser.post(f"/team/invitations/{made.pk}/revoke", follow=True))
    assert f"The invitation of {NORA} is revoked" in page
    assert browser.post(f"/team/invitations/{made.pk}/revoke").status_code == 404
    assert browser.get(f"/team/invitations/{made.pk}/revoke").status_code == 302


# A member


def test_the_page_of_a_member_shows_what_there_is_about_them(cast, browser):
    service = Service.objects.create(business=cast.owner.business, name="Cut", slug="cut")
    ServiceProvider.objects.create(service=service, membership=cast.colleague)
    token_for(cast.colleague)
    coming(cast.colleague)
    browser_of(cast.colleague, HTTP_USER_AGENT="Mozilla/5.0 (Windows NT 10.0) Firefox/140.0").get("/")
    page = text_of(browser.get(place_of(cast.colleague)))
    for text in ("Firefox on Windows", "127.0.0.1", "Long planned", "Cut", "slk_", "provider"):
        assert text in page


def test_a_place_is_changed_and_stands_in_the_history_in_words(cast, browser):
    fields = {
        "role": "scheduler", "grants": ["audit.read"], "has_people": "on", "user_ids": [cast.owner.user_id],
        "version": "1",
    }  # fmt: skip
    assert browser.post(f"{place_of(cast.colleague)}/edit", fields)["Location"] == place_of(cast.colleague)
    member = fresh(cast.colleague)
    assert (member.role, member.grants, member.limited_to_user_ids) == (
        Role.SCHEDULER, ["audit.read"], [cast.owner.user_id],
    )  # fmt: skip
    page = text_of(browser.get(place_of(cast.colleague)))
    assert "See the record of all changes" in page
    assert re.search(r"<del>provider</del>\s+→\s+scheduler", page)
    assert "with limits" in text_of(browser.get("/team"))


def test_a_stale_page_shows_what_changed_meanwhile_and_keeps_what_was_chosen(cast, browser):
    Membership.objects.filter(pk=cast.colleague.pk).update(role=Role.BOOKKEEPER, version=2)
    answer = browser.post(f"{place_of(cast.colleague)}/edit", {"role": "viewer", "version": "1"})
    assert answer.status_code == 409
    assert "Role: bookkeeper" in text_of(answer)
    assert re.search(r'value="viewer"[^>]*checked', text_of(answer))
    assert fresh(cast.colleague).role == Role.BOOKKEEPER
    assert browser.post(f"{place_of(cast.colleague)}/edit", {"role": "viewer", "version": "2"}).status_code == 302


def test_suspending_asks_first_and_reinstating_does_not(cast, browser):
    coming(cast.colleague)
    asked = text_of(browser.get(f"{place_of(cast.colleague)}/suspend"))
    assert "1 appointment to come" in asked
    assert not fresh(cast.colleague).is_suspended
    theirs = browser_of(cast.colleague)
    theirs.get("/")
    assert "Suspended" in text_of(browser.post(f"{place_of(cast.colleague)}/suspend", follow=True))
    assert theirs.get("/").status_code == 302
    browser.post(f"{place_of(cast.colleague)}/reinstate")
    assert not fresh(cast.colleague).is_suspended


def test_removing_lists_appointments_and_keeps_them_only_when_told(cast, browser):
    coming(cast.colleague)
    refused = browser.post(f"{place_of(cast.colleague)}/remove")
    assert refused.status_code == 409
    assert "Long planned" in text_of(refused)
    link = re.search(r'href="(/day/reassign[^"]*)"', refused.content.decode())[1].replace("&amp;", "&")
    assert f'<option value="{cast.colleague.user_id}" selected>' in browser.get(link).content.decode()
    assert fresh(cast.colleague).removed_at is None
    page = text_of(browser.post(f"{place_of(cast.colleague)}/remove", {"keep": "1"}, follow=True))
    assert "does not belong to the team any more" in page
    assert browser.get(place_of(cast.colleague)).status_code == 404
    assert Appointment.objects.get().status == "scheduled"


def test_anybody_leaves_but_the_last_owner(cast, browser):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    theirs = browser_of(viewer)
    assert "Leave the team?" in text_of(theirs.get("/team/leave"))
    theirs.post("/team/leave")
    assert fresh(viewer).removed_at is not None
    assert theirs.get("/").status_code in {302, 403}
    assert "without an owner" in text_of(browser.post("/team/leave", follow=True))
    assert fresh(cast.owner).removed_at is None


def test_handing_the_business_on_takes_a_fresh_sign_in(cast, browser):
    place = f"{place_of(cast.colleague)}/transfer"
    for answer in (browser.get(place), browser.post(place)):
        assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
    assert fresh(cast.owner).role == Role.OWNER
    signed_in = Client(HTTP_HOST="localhost")
    signed_in.post("/accounts/login/", {"login": "owner@practice.test", "password": PASSWORD})
    assert "Make Colleague the owner?" in text_of(signed_in.get(place))
    signed_in.post(place)
    assert (fresh(cast.colleague).role, fresh(cast.owner).role) == (Role.OWNER, Role.ADMIN)


def test_a_sign_in_of_an_hour_ago_is_not_fresh_and_a_password_makes_it_so(cast, monkeypatch):
    signed_in = Client(HTTP_HOST="localhost")
    an_hour_ago = time.time() - 3600
    with monkeypatch.context() as patched:
        patched.setattr("allauth.account.internal.flows.login.time.time", lambda: an_hour_ago)
        signed_in.post("/accounts/login/", {"login": "owner@practice.test", "password": PASSWORD})
    place = f"{place_of(cast.colleague)}/transfer"
    asked = signed_in.get(place)["Location"]
    answer = signed_in.post(asked, {"password": PASSWORD})
    assert answer["Location"] == place
    assert "Make Colleague the owner?" in text_of(signed_in.get(place))


# Sessions


def test_sessions_of_a_member_are_ended_one_by_one_or_all(cast, browser):
    first, second = browser_of(cast.colleague), browser_of(cast.colleague)
    for one in (first, second):
        one.get("/")
    record = SessionRecord.objects.get(session_id=first.session.session_key)
    browser.post(f"{place_of(cast.colleague)}/sessions/{record.pk}/end")
    assert (first.get("/").status_code, second.get("/").status_code) == (302, 200)
    assert browser.post(f"{place_of(cast.colleague)}/sessions/{record.pk}/end").status_code == 404
    browser.post(f"{place_of(cast.colleague)}/sessions/end")
    assert second.get("/").status_code == 302


def test_a_person_sees_where_they_are_signed_in_and_ends_it(cast):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    here, there = browser_of(viewer), browser_of(viewer, HTTP_USER_AGENT="curl/8")
    for one in (here, there):
        one.get("/")
    page = text_of(here.get("/settings/sessions"))
    assert "This one" in page
    assert "An unknown browser" in page
    record = SessionRecord.objects.get(session_id=there.session.session_key)
    foreign = SessionRecord.objects.get(session_id=here.session.session_key)
    assert here.post("/settings/sessions", {"session": foreign.pk}).status_code == 404
    assert here.post("/settings/sessions", {"session": "x" * 50}).status_code == 404
    here.post("/settings/sessions", {"session": record.pk})
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    other = browser_of(viewer)
    other.get("/")
    here.post("/settings/sessions", {"all": "1"})
    assert (here.get("/").status_code, other.get("/").status_code) == (200, 302)


def test_signing_in_is_noted_at_once_and_signing_out_forgets(cast):
    visitor = Client(HTTP_HOST="localhost", HTTP_USER_AGENT="Safari/1")
    visitor.post("/accounts/login/", {"login": "colleague@practice.test", "password": PASSWORD})
    assert SessionRecord.objects.get().user == cast.colleague.user
    visitor.post("/accounts/logout/")
    assert not SessionRecord.objects.exists()


# Second factor


def test_whoever_lacks_the_second_factor_that_is_asked_for_sets_it_up_first(cast):
    Business.objects.filter(pk=cast.owner.business_id).update(requires_second_factor=True)
    browser = browser_of(cast.colleague)
    for path in ("/", "/team", "/settings/account", "/appointments", "/calendar/feed?start=2027-01-01&end=2027-01-02"):
        assert browser.get(path)["Location"] == "/accounts/mfa/", path
    page = text_of(browser.get("/accounts/mfa/"))
    assert "Practice asks for a second step at sign-in" in page
    assert browser.get("/accounts/mfa/totp/activate/").status_code in {200, 302}
    assert browser.post("/settings/tokens/new", {"name": "x"})["Location"] == "/accounts/mfa/"
    Authenticator.objects.create(user=cast.colleague.user, type=Authenticator.Type.TOTP, data={})
    assert browser.get("/").status_code == 200
    assert "asks for a second step" not in text_of(browser.get("/accounts/mfa/"))


def test_another_business_that_does_not_ask_stays_open(cast):
    Business.objects.filter(pk=cast.owner.business_id).update(requires_second_factor=True)
    Membership.objects.create(user=cast.outsider.user, business=cast.owner.business, role=Role.VIEWER)
    assert browser_of(cast.outsider).get("/").status_code == 200


def settings_form(browser, **changes):
    page = browser.get("/settings")
    form = page.context["form"]
    fields = {name: form.initial.get(name) for name in form.fields if form.initial.get(name) not in {None, False}}
    length = {f"self_service_cutoff_minutes_{part}": value for part, value in enumerate(("1", "1440"))}
    return fields | length | changes


def test_it_is_asked_for_under_settings_by_who_has_one(cast, browser):
    fields = settings_form(browser, requires_second_factor="on")
    refused = browser.post("/settings", fields)
    assert "Set up a second factor of your own first" in text_of(refused)
    assert not Business.objects.get(pk=cast.owner.business_id).requires_second_factor
    Authenticator.objects.create(user=cast.owner.user, type=Authenticator.Type.TOTP, data={})
    answer = browser.post("/settings", fields)
    assert answer.status_code == 302, re.findall(r'<ul class="errors".*?</ul>', text_of(answer), re.DOTALL)
    assert Business.objects.get(pk=cast.owner.business_id).requires_second_factor


# Words


def test_every_permission_that_can_be_granted_is_said_in_words():
    assert set(grantable()) <= set(PERMISSION_WORDS)
    assert set(ROLE_MEANINGS) == set(Role)
    assert Permission.MEMBERS_WRITE not in grantable()


def test_the_pages_speak_german(cast):
    User.objects.filter(pk=cast.owner.user_id).update(locale="de")
    browser = browser_of(cast.owner)
    assert "Jemanden einladen" in text_of(browser.get("/team"))
    assert "Was erlaubt ist" in text_of(browser.get(place_of(cast.colleague)))
    answer = browser.post("/team/invite", {"email": "colleague@practice.test", "role": "viewer"})
    assert "gehört schon zum Betrieb" in text_of(answer)
