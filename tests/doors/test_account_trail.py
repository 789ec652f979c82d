"""What people change about how they sign in stands in the record of changes of every business where they work."""

import pytest
from django.test import Client

from cast import PASSWORD, Cast
from slotkeeper.changes.models import Change
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Role

NEW = "a longer battery staple"


@pytest.fixture
def browser(cast) -> Client:
    browser = Client(HTTP_HOST="localhost", REMOTE_ADDR="203.0.113.9")
    browser.force_login(cast.owner.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return browser


def trail(cast: Cast) -> list[Change]:
    return list(Change.objects.filter(subject_kind="user", subject_id=cast.owner.user_id).order_by("pk"))


def test_a_changed_password_is_written_down_and_is_not_in_it(cast, browser):
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert browser.post("/accounts/password/change/", form).status_code == 302
    (change,) = trail(cast)
    assert (change.verb, change.actor_kind, change.actor_id) == ("password changed", "member", cast.owner.pk)
    assert (change.source, change.before, change.after) == ("dashboard 203.0.113.9", None, None)


def test_it_stands_in_every_business_where_they_work(cast, browser):
    Membership.objects.create(user=cast.owner.user, business=cast.outsider.business, role=Role.VIEWER)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    browser.post("/accounts/password/change/", form)
    assert {change.business_id for change in trail(cast)} == {cast.owner.business_id, cast.outsider.business_id}


def test_another_address_is_written_down(cast, browser):
    assert browser.post("/accounts/email/", {"action_add": "", "email": "olga@home.test"}).status_code == 302
    assert [change.verb for change in trail(cast)] == ["address added"]


def test_what_is_refused_leaves_nothing(cast, browser):
    form = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    assert browser.post("/accounts/password/change/", form).status_code == 200
    assert trail(cast) == []
