"""Which language a page speaks: the account's, the browser's choice, what it asks for; and that German is complete."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.utils import translation

from slotkeeper.changes.record import COMMAND
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.zones import zone_choices, zone_in_words
from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Business, Membership, User
from slotkeeper.people.tokens import revoke_token
from storefront import open_storefront

SIGN_IN = "/accounts/login/"
GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


def visitor(**options) -> Client:
    return Client(HTTP_HOST="localhost", **options)


def browser_of(membership, **options) -> Client:
    client = visitor(**options)
    client.force_login(membership.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def reads(membership, locale) -> None:
    User.objects.filter(pk=membership.user_id).update(locale=locale)
    membership.user.refresh_from_db()


def text_of(response) -> str:
    return response.content.decode()


def language_of(response) -> str:
    (language,) = re.findall(r'<html lang="([^"]+)"', text_of(response))
    assert response["Content-Language"] == language
    return language


# Which language


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("de", "de"),
        ("en-GB", "en"),
        ("fr,de;q=0.5", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
        ("de" * 400 + ",;q=x,\x00", "en"),
    ],
)
def test_page_speaks_what_the_browser_asks_for(cast, asked, language):
    page = visitor().get(SIGN_IN, headers={"accept-language": asked})
    assert language_of(page) == language
    assert "Accept-Language" in page["Vary"]


def test_choice_in_the_browser_beats_what_it_asks_for(cast):
    client = visitor()
    assert client.post("/locale", {"language": "en", "next": SIGN_IN}, headers=GERMAN).status_code == 302
    assert language_of(client.get(SIGN_IN, headers=GERMAN)) == "en"


def test_account_beats_the_choice_in_the_browser(cast):
    client = visitor()
    client.post("/locale", {"language": "en", "next": "/"})
    reads(cast.owner, "de")
    client.force_login(cast.owner.user, "allauth.account.auth_backends.AuthenticationBackend")
    assert language_of(client.get("/settings/account", headers={"accept-language": "en"})) == "de"


@pytest.mark.parametrize("locale", ["fr", "", "xx-nonsense"])
def test_account_in_a_language_that_we_do_not_speak_leaves_it_to_the_browser(cast, locale):
    reads(cast.owner, locale)
    assert language_of(browser_of(cast.owner).get("/settings/account", headers=GERMAN)) == "de"


def test_public_page_falls_back_to_the_language_of_the_business(cast):
    open_storefront(cast)
    Business.objects.filter(pk=cast.owner.business_id).update(locale="de-CH")
    assert language_of(visitor().get("/practice/", headers={"accept-language": "fr"})) == "de"
    assert language_of(visitor().get("/practice/", headers={"accept-language": "en"})) == "en"
    assert language_of(visitor().get("/garage/", headers={"accept-language": "fr"})) == "en"


def test_programs_read_english_whatever_was_asked_before(cast):
    api = cast.api("owner")
    assert language_of(visitor().get(SIGN_IN, headers=GERMAN)) == "de"
    assert translation.get_language() == "en"
    assert "nothing here" in api.get("/api/appointments/999", **{"Accept-Language": "de"}).json()["detail"]
    reads(cast.owner, "de")
    assert "nothing here" in browser_of(cast.owner).get("/api/appointments/999").json()["detail"]
    assert language_of(visitor().get("/api/docs", headers=GERMAN)) == "en"


# Choosing


def test_foot_offers_the_other_language_in_its_own_words(cast):
    page = text_of(visitor().get(SIGN_IN))
    assert re.search(r'<button type="submit"\s+name="language"\s+value="de"\s+lang="de">Deutsch</button>', page)
    assert '<span lang="en" aria-current="true">English</span>' in page
    assert f'value="{SIGN_IN}?next=/settings/tokens"' in text_of(visitor().get(f"{SIGN_IN}?next=/settings/tokens"))


def test_switch_works_without_script_and_leads_back(cast):
    client = visitor(enforce_csrf_checks=True)
    answer = client.post("/locale", {"language": "de", "next": "/accounts/signup/?x=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/signup/?x=1")
    cookie = answer.cookies["slotkeeper_language"]
    assert (cookie["samesite"], cookie["httponly"]) == ("Lax", True)
    assert language_of(client.get(answer["Location"])) == "de"


@pytest.mark.parametrize(
    "address",
    ["//elsewhere.test", "https://elsewhere.test/", "/\\elsewhere.test", "", "javascript:x", "/\n/x", "x" * 5000],
)
def test_switch_leads_nowhere_else(cast, address):
    answer = visitor().post("/locale", {"language": "de", "next": address})
    assert answer.status_code == 302
    assert "elsewhere" not in answer["Location"]


@pytest.mark.parametrize("language", ["", "fr", "de'", "x" * 3000, "\x00"])
def test_language_that_we_do_not_speak_is_not_chosen(cast, language):
    answer = visitor().post("/locale", {"language": language, "next": SIGN_IN})
    assert answer.status_code == 302
    assert not answer.cookies


def test_reading_the_address_of_the_switch_changes_nothing(cast):
    assert visitor().get("/locale?language=de").status_code == 405


def test_switch_of_somebody_signed_in_changes_their_account(cast):
    client = browser_of(cast.owner)
    client.post("/locale", {"language": "de", "next": "/"})
    assert User.objects.get(pk=cast.owner.user_id).locale == "de"


def test_other_sites_cannot_switch_an_accounts_language(cast):
    client = browser_of(cast.owner, enforce_csrf_checks=True)
    assert client.post("/locale", {"language": "de", "next": "/"}).status_code == 403
    assert User.objects.get(pk=cast.owner.user_id).locale == "en"


def test_account_page_offers_the_languages_and_answers_in_the_chosen_one(cast):
    client = browser_of(cast.owner)
    said = {"name": "Olga", "time_zone": "Europe/Berlin", "locale": "de"}
    page = client.post("/settings/account", said, follow=True)
    assert language_of(page) == "de"
    assert "Gespeichert." in text_of(page)
    assert re.search(r'<option value="de" selected>\s*Deutsch', text_of(page))
    assert 'id="id_locale_error"' in text_of(client.post("/settings/account", said | {"locale": "fr"}))


def test_who_signs_up_in_german_keeps_it_and_so_does_their_business(db, settings):
    owner = {"business_name": "Praxis", "name": "Ida", "email": "ida@praxis.test", "time_zone": "Europe/Berlin"}
    assert "Slotkeeper einrichten" in text_of(visitor().get("/welcome", headers=GERMAN))
    visitor().post("/welcome", owner | {"password": "sehr geheim hier"}, headers=GERMAN)
    assert User.objects.get().locale == Business.objects.get().locale == "de"
    other = owner | {"email": "eva@praxis.test", "password1": "sehr geheim hier"}
    visitor().post("/accounts/signup/", other, headers=GERMAN)
    assert User.objects.get(email="eva@praxis.test").locale == "de"
    assert list(Business.objects.values_list("locale", flat=True)) == ["de", "de"]


# German


def test_sign_in_page_is_german(cast):
    page = text_of(visitor().get(SIGN_IN, headers=GERMAN))
    assert all(text in page for text in ("Anmelden", "E-Mail", "Passwort", "Passwort vergessen?", "Noch kein Konto?"))
    assert not {"Sign in", "Sign up", "Password", "Forgot", "Remember"} & set(
        re.findall(r">([A-Z][a-z]+(?: [a-z]+)?)", page)
    )


# What English pages say, and no German page may: as whole words, between marks.
ENGLISH = re.compile(
    r">[^<]*\b(the|your|you|and|with|not|this|nothing|appointments?|customers?|services?|save|change|from|until|of)\b[^<]*<",
    re.IGNORECASE,
)
PAGES = ["/", "/settings", "/settings/account", "/settings/tokens", "/services", "/services/new", "/hours", "/closures"]
PAGES += [
    "/appointments",
    "/appointments/new",
    "/customers",
    "/customers/new",
    "/reports",
    "/why-not",
    "/nowhere/at/all",
]
PAGES += ["/accounts/email/", "/accounts/password/change/", "/accounts/mfa/", "/accounts/mfa/totp/activate/"]
PAGES += ["/practice/", "/practice/massage", "/booking/no-such-link"]


@pytest.mark.parametrize("path", PAGES)
def test_no_english_is_left_on_a_german_page(cast, path):
    reads(cast.owner, "de")
    open_storefront(cast)
    Service.objects.update(description="")  # what people write stays in their words
    Contact.objects.update(name="Carla", email="carla@praxis.test")
    page = browser_of(cast.owner).get(path, follow=True)
    assert page.status_code in {200, 404}
    assert language_of(page) == "de"
    readable = re.sub(r"<(script|style|option|code|pre)\b.*?</\1>", "", text_of(page), flags=re.DOTALL)
    assert not [found[0] for found in ENGLISH.finditer(readable)]


@pytest.mark.parametrize("path", ["", "signup/", "password/reset/", "password/reset/done/", "logout/", "inactive/"])
def test_no_english_is_left_on_a_visitors_german_page(cast, path):
    page = visitor().get(f"/accounts/{path or 'login/'}", headers=GERMAN, follow=True)
    readable = re.sub(r"<(script|style|option|code|pre)\b.*?</\1>", "", text_of(page), flags=re.DOTALL)
    assert not [found[0] for found in ENGLISH.finditer(readable)]


def test_refusals_of_a_form_are_german_and_polite(cast):
    page = text_of(visitor().post(SIGN_IN, {"login": "olga@practice.test", "password": "x"}, headers=GERMAN))
    assert "Adresse und Passwort gehören nicht zusammen." in page
    missing = text_of(visitor().post("/accounts/signup/", {"email": "no address"}, headers=GERMAN))
    assert "Dieses Feld ist zwingend erforderlich." in missing
    assert not re.search(r"\b(du|dein\w*|dir)\b", page + missing, re.IGNORECASE)


def test_what_allauth_says_is_polite(cast):
    reads(cast.owner, "de")
    passwords = {"oldpassword": "x", "password1": "correct horse", "password2": "another horse"}
    page = text_of(browser_of(cast.owner).post("/accounts/password/change/", passwords))
    assert "Beide Passwörter müssen gleich sein." in page
    assert "Das ist nicht Ihr jetziges Passwort." in page


def test_person_without_a_business_is_told_in_german(cast):
    reads(cast.colleague, "de")
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    assert "Sie gehören zu keinem Betrieb." in text_of(browser_of(cast.colleague).get("/"))


def test_dates_and_states_of_tokens_are_german(cast):
    reads(cast.owner, "de")
    cast.api("owner")
    client = browser_of(cast.owner)
    page = text_of(client.get("/settings/tokens"))
    assert re.search(r"\d{1,2}\. \w+ \d{4}", page)
    assert "Gültig" in page
    revoke_token(cast.owner.business_id, cast.owner.tokens.get().pk, COMMAND, 1_800_000_000)
    assert "Widerrufen" in text_of(client.get("/settings/tokens"))


def test_countries_are_named_and_sorted_in_german(cast):
    reads(cast.owner, "de")
    page = text_of(browser_of(cast.owner).get("/closures?country=AT"))
    assert re.search(r'<option value="AT" selected>\s*Österreich', page)
    assert page.index("Norwegen") < page.index("Österreich") < page.index("Portugal")


def test_zones_are_named_in_german():
    with translation.override("de"):
        assert zone_in_words("Europe/Lisbon") == "Ortszeit Lissabon"
        assert "Europa" in [group for group, _ in zone_choices()]
    assert zone_in_words("Europe/Lisbon") == "Lisbon time"
    assert "Europe" in [group for group, _ in zone_choices()]


# Mail


def test_account_mail_speaks_its_readers_language(cast):
    reads(cast.owner, "de")
    visitor().post("/accounts/password/reset/", {"email": cast.owner.user.email}, headers={"accept-language": "en"})
    message = mail.outbox[-1]
    assert message.subject == "Neues Passwort setzen"
    assert "Jemand, wahrscheinlich Sie" in message.body
    assert '<html lang="de">' in message.alternatives[0][0]


def test_account_mail_to_a_stranger_speaks_the_pages_language(cast):
    visitor().post("/accounts/password/reset/", {"email": "nobody@practice.test"}, headers=GERMAN)
    assert mail.outbox[-1].subject == "Zu dieser Adresse gibt es kein Konto"
