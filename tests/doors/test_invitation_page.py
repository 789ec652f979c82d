"""The page behind an invitation's link: joining as somebody new, or with an account, and everything else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from cast import PASSWORD, add_member
from desk import browser_of, text_of
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor
from slotkeeper.configuration import MailServer
from slotkeeper.people.invitations import invite, link_of, revoke_invitation
from slotkeeper.people.models import Business, Invitation, Membership, SessionRecord, User
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place

NORA = "nora@new.test"
FIELDS = {"name": "Nora New", "password": "a fine long secret", "time_zone": "Europe/Lisbon"}


@pytest.fixture(autouse=True)
def _fresh_counts():
    cache.clear()  # allauth counts requests there


@pytest.fixture
def visitor() -> Client:
    return Client(HTTP_HOST="localhost")


def path_for(cast, email=NORA, role=Role.SCHEDULER) -> str:
    actor = Actor("member", cast.owner.pk, "Olga")
    link = link_of(invite(cast.owner.business_id, email, Place(role), actor))
    return "/invitations/" + link.rpartition("/")[2]


def test_somebody_new_joins_with_a_name_and_a_password_and_is_signed_in(cast, visitor):
    path = path_for(cast)
    page = text_of(visitor.get(path))
    assert "Join Practice" in page
    assert NORA in page
    assert not User.objects.filter(email=NORA).exists()
    assert visitor.post(path, FIELDS)["Location"] == "/"
    assert "Welcome to the team of Practice" in text_of(visitor.get("/"))
    user = User.objects.get(email=NORA)
    assert (user.name, user.time_zone, user.check_password(FIELDS["password"])) == ("Nora New", "Europe/Lisbon", True)
    member = Membership.objects.get(user=user)
    assert (member.role, member.business) == (Role.SCHEDULER, cast.owner.business)
    assert SessionRecord.objects.get(user=user).membership == member
    change = Change.objects.filter(subject_kind="invitation", verb="accepted").get()
    assert change.source == "sign-up 127.0.0.1"


def test_the_address_counts_as_verified_only_where_a_mail_could_carry_the_link(cast, visitor, settings):
    visitor.post(path_for(cast), FIELDS)
    assert not EmailAddress.objects.get(email=NORA).verified
    mail_server = MailServer("mail.test", 25, "none", "", "")
    settings.CONFIGURATION = replace(settings.CONFIGURATION, mail_server=mail_server)
    Client(HTTP_HOST="localhost").post(path_for(cast, "second@new.test"), FIELDS)
    assert EmailAddress.objects.get(email="second@new.test").verified


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "short"},
        {"password": "password123"},
        {"password": "nora@new.test"},
        {"name": ""},
        {"name": "x" * 101},
        {"time_zone": "Mars/Olympus"},
        {"password": ""},
    ],
)
def test_bad_fields_are_said_and_nothing_is_stored(cast, visitor, fields):
    path = path_for(cast)
    answer = visitor.post(path, FIELDS | fields)
    assert answer.status_code == 200
    assert "errors" in text_of(answer)
    assert FIELDS["password"] not in text_of(answer)
    assert not User.objects.filter(email=NORA).exists()
    assert Invitation.objects.get().accepted_at is None


def test_fields_that_are_not_asked_for_change_nothing(cast, visitor):
    more = {"email": "boss@evil.test", "role": "owner", "business": cast.outsider.business_id, "is_active": "1"}
    visitor.post(path_for(cast), FIELDS | more)
    member = Membership.objects.get(user__email=NORA)
    assert (member.role, member.business) == (Role.SCHEDULER, cast.owner.business)


def test_links_that_are_used_revoked_expired_or_made_up_are_all_unknown(cast, visitor):
    used = path_for(cast)
    visitor.post(used, FIELDS)
    revoked = path_for(cast, "b@new.test")
    revoke_invitation(cast.owner.business_id, Invitation.objects.latest("pk").pk, Actor("member", cast.owner.pk, "O"))
    expired = path_for(cast, "c@new.test")
    Invitation.objects.filter(email="c@new.test").update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    before = User.objects.count(), Membership.objects.count()
    for who in (Client(HTTP_HOST="localhost"), visitor, browser_of(cast.outsider)):
        for path in (used, revoked, expired, "/invitations/made-up", "/invitations/" + "x" * 500):
            for answer in (who.get(path), who.post(path, FIELDS)):
                assert answer.status_code == 404
                assert "This invitation is not valid" in text_of(answer)
    assert (User.objects.count(), Membership.objects.count()) == before


def test_an_account_that_exists_signs_in_first_and_keeps_its_password(cast, visitor):
    path = path_for(cast, "outsider@garage.test")
    page = text_of(visitor.get(path))
    assert f'href="/accounts/login/?next={path}"' in page
    assert 'name="password"' not in page
    before = User.objects.filter(pk=cast.outsider.user_id).values("password", "name", "time_zone", "email").get()
    answer = visitor.post(path, FIELDS)
    assert "Sign in" in text_of(answer)
    assert Invitation.objects.get().accepted_at is None
    after = User.objects.filter(pk=cast.outsider.user_id).values("password", "name", "time_zone", "email").get()
    assert before == after
    signed_in = visitor.post("/accounts/login/", {"login": "outsider@garage.test", "password": PASSWORD, "next": path})
    assert signed_in["Location"] == path
    assert "Your account stays as it is" in text_of(visitor.get(path))
    assert Invitation.objects.get().accepted_at is None
    visitor.post(path, FIELDS)
    assert Membership.objects.get(user=cast.outsider.user, business=cast.owner.business).role == Role.SCHEDULER
    assert (
        User.objects.filter(pk=cast.outsider.user_id).values("password", "name", "time_zone", "email").get() == before
    )
    assert "Practice" in text_of(visitor.get("/"))


def test_somebody_signed_in_with_another_address_is_refused_in_words(cast):
    path = path_for(cast)
    browser = browser_of(cast.outsider)
    for answer in (browser.get(path), browser.post(path, FIELDS)):
        assert answer.status_code == 403
        assert "You are signed in as outsider@garage.test" in text_of(answer)
    assert Invitation.objects.get().accepted_at is None
    assert not User.objects.filter(email=NORA).exists()


def test_a_form_without_its_csrf_token_joins_nobody(cast):
    strict = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    assert strict.post(path_for(cast), FIELDS).status_code == 403
    assert not User.objects.filter(email=NORA).exists()


def test_who_was_removed_joins_again_with_their_own_password(cast, visitor):
    gone = add_member(cast.owner, "gone@practice.test", Role.ADMIN)
    cast.api().post(f"/api/members/{gone.pk}/remove")
    path = path_for(cast, "gone@practice.test", Role.VIEWER)
    browser = browser_of(gone)
    assert browser.get(path).status_code == 200
    browser.post(path)
    gone.refresh_from_db()
    assert (gone.role, gone.is_suspended, gone.removed_at) == (Role.VIEWER, False, None)


def test_the_page_speaks_the_businesss_language_to_who_wishes_none(cast, visitor):
    Business.objects.filter(pk=cast.owner.business_id).update(locale="de")
    assert "Dem Team beitreten" in text_of(visitor.get(path_for(cast)))


def test_who_joins_a_business_that_asks_for_a_second_factor_sets_it_up_first(cast, visitor):
    Business.objects.filter(pk=cast.owner.business_id).update(requires_second_factor=True)
    visitor.post(path_for(cast), FIELDS)
    assert visitor.get("/")["Location"] == "/accounts/mfa/"
