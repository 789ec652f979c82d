"""Signing in and up, resetting a password, the second step: what works, and what an attacker does not get."""

import re
from email import message_from_bytes, policy

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client

from cast import PASSWORD
from slotkeeper.doors.dashboard.account import verify_address
from slotkeeper.people.models import Membership, User
from slotkeeper.rules.permissions import Role

OWNER, COLLEAGUE, NOBODY = "owner@practice.test", "colleague@practice.test", "nobody@nowhere.test"
WRONG = "not the password"
URL = "http://localhost:8000"
NEWCOMER = {
    "business_name": "Salon", "name": "Nora New", "email": "nora@salon.test",
    "password1": "a fine long secret", "time_zone": "Europe/Lisbon",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh_counts():
    cache.clear()  # allauth counts requests there


@pytest.fixture
def visitor() -> Client:
    return Client(HTTP_HOST="localhost")


def sign_in(visitor, email=OWNER, password=PASSWORD, **fields):
    return visitor.post("/accounts/login/", {"login": email, "password": password} | fields)


def is_signed_in(visitor) -> bool:
    return visitor.get("/settings/account").status_code == 200


def text_of(response) -> str:
    return response.content.decode()


# Password


@pytest.mark.parametrize("email", [OWNER, "Owner@Practice.TEST"])
def test_right_password_signs_in(cast, visitor, email):
    assert sign_in(visitor, email)["Location"] == "/"
    assert is_signed_in(visitor)


def test_wrong_password_and_unknown_address_answer_alike_and_echo_no_password(cast, visitor):
    pages = [text_of(sign_in(visitor, email, WRONG)) for email in (OWNER, NOBODY)]
    plain = [re.sub(r'value="[^"]*"', "", page) for page in pages]
    assert plain[0] == plain[1]
    assert "do not belong together" in pages[0]
    assert WRONG not in pages[0]
    assert not is_signed_in(visitor)


def test_eight_wrong_passwords_lock_that_address_even_for_the_right_one(cast, visitor):
    statuses = [sign_in(visitor, OWNER, WRONG).status_code for _ in range(8)]
    assert statuses == [200] * 7 + [429]
    answer = sign_in(visitor)
    assert answer.status_code == 429
    assert "wait 15 minutes" in text_of(answer)
    assert not is_signed_in(visitor)
    assert sign_in(visitor, COLLEAGUE)["Location"] == "/"  # the same machine, another person


def test_new_password_by_mail_ends_the_lock(cast, visitor, mailoutbox):
    for _ in range(8):
        sign_in(visitor, OWNER, WRONG)
    visitor.post("/accounts/password/reset/", {"email": OWNER})
    (link,) = re.findall(rf"{URL}(/accounts/password/reset/key/\S+)", mailoutbox[0].body)
    form = visitor.get(link)["Location"]
    visitor.post(form, {"password1": "another fine secret", "password2": "another fine secret"})
    assert sign_in(visitor, OWNER, "another fine secret")["Location"] == "/"


def test_right_password_starts_the_count_anew(cast, visitor):
    for _ in range(2):
        for _ in range(7):
            assert sign_in(visitor, OWNER, WRONG).status_code == 200
        assert sign_in(visitor)["Location"] == "/"
        visitor.post("/accounts/logout/")


def test_disabled_person_cannot_sign_in(cast, visitor):
    User.objects.filter(email=OWNER).update(is_active=False)
    assert sign_in(visitor).get("Location") in {None, "/accounts/inactive/"}
    assert not is_signed_in(visitor)


def test_session_cookie_is_kept_from_scripts_and_other_sites(cast, visitor):
    sign_in(visitor)
    cookie = visitor.cookies["slotkeeper_session"]
    assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", False)
    assert visitor.cookies["csrftoken"]["httponly"] if "csrftoken" in visitor.cookies else True


def test_signing_in_changes_the_session_key(cast, visitor):
    visitor.get("/accounts/login/?next=/")
    before = visitor.session.session_key
    sign_in(visitor)
    assert visitor.session.session_key != before


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/", "//evil.test", "http://127.0.0.1/", "http://localhost/", "javascript:alert(1)",
        "\\\\evil.test", "/\\evil.test", "https:evil.test",
    ],
)  # fmt: skip
def test_next_never_leads_away(cast, visitor, target):
    assert sign_in(visitor, next=target)["Location"] == "/"
    assert visitor.post("/accounts/logout/", {"next": target})["Location"] == "/"


def test_next_leads_on_within(cast, visitor):
    assert sign_in(visitor, next="/settings/tokens?x=1")["Location"] == "/settings/tokens?x=1"


# Signing up


def test_sign_up_makes_user_business_and_owner_and_signs_in_at_once(db, visitor):
    assert visitor.post("/accounts/signup/", NEWCOMER)["Location"] == "/"
    membership = Membership.objects.select_related("user", "business").get()
    assert (membership.role, membership.user.email) == (Role.OWNER, "nora@salon.test")
    assert (membership.user.name, membership.user.time_zone) == ("Nora New", "Europe/Lisbon")
    assert (membership.business.name, membership.business.time_zone) == ("Salon", "Europe/Lisbon")
    assert is_signed_in(visitor)


@pytest.mark.parametrize(
    "fields",
    [{"password1": "brief"}, {"password1": "password1234"}, {"time_zone": "Mars"}, {"business_name": ""}],
)
def test_refused_sign_up_stores_nothing_and_echoes_no_password(db, visitor, fields):
    page = text_of(visitor.post("/accounts/signup/", NEWCOMER | fields))
    (name,) = fields
    assert f'id="id_{name}_error"' in page
    assert f'aria-describedby="id_{name}' in page
    assert (NEWCOMER | fields)["password1"] not in page
    assert not User.objects.exists()


def test_sign_up_with_a_taken_address_makes_no_second_account(cast, visitor):
    visitor.post("/accounts/signup/", NEWCOMER | {"email": OWNER.upper()})
    assert User.objects.filter(email__iexact=OWNER).count() == 1
    assert not is_signed_in(visitor)


# Mails


def test_reset_does_not_tell_whether_an_address_exists(cast, visitor, mailoutbox):
    answers = [visitor.post("/accounts/password/reset/", {"email": email}) for email in (OWNER, NOBODY)]
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, "/accounts/password/reset/done/")
    ] * 2
    assert [mail.to for mail in mailoutbox] == [[OWNER], [NOBODY]]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_links_in_mails_use_the_configured_address_never_the_host_header(cast, mailoutbox, host):
    visitor = Client(HTTP_HOST=host)
    for email in (OWNER, NOBODY):
        visitor.post("/accounts/password/reset/", {"email": email})
    visitor.post("/accounts/signup/", NEWCOMER)
    assert len(mailoutbox) >= 3
    for mail in mailoutbox:
        (html, _kind), *_ = mail.alternatives
        links = re.findall(r"https?://[^\s\"<]+", mail.body + html)
        assert links
        assert all(link.startswith(URL) for link in links)


def test_reset_link_sets_a_password_once(cast, visitor, mailoutbox):
    verify_address(cast.owner.user)
    visitor.post("/accounts/password/reset/", {"email": OWNER})
    (link,) = re.findall(rf"{URL}(/accounts/password/reset/key/\S+)", mailoutbox[0].body)
    form = visitor.get(link)["Location"]
    assert "Set a new password" in text_of(visitor.get(form))
    new = {"password1": "another fine secret", "password2": "another fine secret"}
    assert visitor.post(form, new)["Location"] == "/accounts/password/reset/key/done/"
    assert "no longer works" in text_of(Client(HTTP_HOST="localhost").get(link))
    assert sign_in(visitor, OWNER, PASSWORD).status_code == 200
    assert sign_in(visitor, OWNER, "another fine secret")["Location"] == "/"


def test_without_a_mail_server_mails_are_kept_in_the_data_directory(db, visitor, settings):
    settings.EMAIL_BACKEND = "slotkeeper.outbox.mail.Backend"
    folder = django_settings.CONFIGURATION.data_dir / "mails"
    before = set(folder.glob("*.eml"))
    visitor.post("/accounts/signup/", NEWCOMER)
    (path,) = set(folder.glob("*.eml")) - before
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("nora@salon.test", "Confirm your address")
    link = re.search(rf"{URL}(/accounts/confirm-email/\S+)", mail.get_body(("plain",)).get_content())[1]
    assert f'href="{URL}{link}"' in mail.get_body(("html",)).get_content()
    assert "Is this your address?" in text_of(visitor.get(link))
    visitor.post(link)
    assert EmailAddress.objects.get().verified


def test_mail_names_the_address_as_it_is_in_text_and_escaped_in_html(db, visitor, mailoutbox):
    visitor.post("/accounts/password/reset/", {"email": "o'neil&co@nowhere.test"})
    (mail,) = mailoutbox
    assert "o'neil&co@nowhere.test" in mail.body
    assert "o&#x27;neil&amp;co@nowhere.test" in mail.alternatives[0][0]


# The second step


@pytest.fixture
def codes(cast):
    """The owner's authenticator app: gives the code it shows now."""
    verify_address(cast.owner.user)
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(cast.owner.user, secret)
    RecoveryCodes.activate(cast.owner.user)
    counter = totp.yield_hotp_counters_from_time
    return lambda: totp.format_hotp_value(totp.hotp_value(secret, next(iter(counter()))))


def test_code_of_the_app_is_asked_for_and_signs_in(cast, visitor, codes):
    assert sign_in(visitor)["Location"] == "/accounts/mfa/authenticate/"
    assert not is_signed_in(visitor)
    assert visitor.post("/accounts/mfa/authenticate/", {"code": codes()})["Location"] == "/"
    assert is_signed_in(visitor)


def test_recovery_code_signs_in_once(cast, visitor, codes):
    found = Authenticator.objects.get(user=cast.owner.user, type=Authenticator.Type.RECOVERY_CODES)
    code = found.wrap().get_unused_codes()[0]
    sign_in(visitor)
    assert visitor.post("/accounts/mfa/authenticate/", {"code": code})["Location"] == "/"
    visitor.post("/accounts/logout/")
    sign_in(visitor)
    assert "wrong, or no longer valid" in text_of(visitor.post("/accounts/mfa/authenticate/", {"code": code}))


def test_guessing_codes_is_stopped(cast, visitor, codes):
    sign_in(visitor)
    for _ in range(6):
        page = text_of(visitor.post("/accounts/mfa/authenticate/", {"code": "000000"}))
    assert "Too many attempts" in page
    visitor.post("/accounts/mfa/authenticate/", {"code": codes()})
    assert not is_signed_in(visitor)


def test_changing_the_second_step_asks_for_the_password_again(cast, visitor):
    verify_address(cast.owner.user)
    sign_in(visitor)
    session = visitor.session
    session["account_authentication_methods"] = []
    session.save()
    answer = visitor.get("/accounts/mfa/totp/activate/")
    assert answer["Location"].startswith("/accounts/reauthenticate/")
