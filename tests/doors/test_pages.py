"""The pages of a signed-in member: who sees what, and what nobody gets to see."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client

import slotkeeper
from cast import ZONE, add_member
from desk import WEEK, book, browser_of, text_of
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.doors.dashboard.home import arrange
from slotkeeper.doors.templatetags.openapi import ERROR_CODES
from slotkeeper.doors.zones import zone_choices, zone_in_words
from slotkeeper.outbox.models import SendingHold
from slotkeeper.people.models import ApiToken, Membership, User
from slotkeeper.people.tokens import TokenWish, create_token
from slotkeeper.rules.local_time import ZONE_NAMES, exact_instant, parse_time
from slotkeeper.rules.permissions import Role

PACKAGE = Path(slotkeeper.__file__).parent


# The way to the pages


def test_signed_out_visitor_is_led_to_sign_in_and_back(cast):
    answer = Client(HTTP_HOST="localhost").get("/settings/tokens")
    target = urlsplit(answer["Location"])
    assert (answer.status_code, target.path) == (302, "/accounts/login/")
    assert parse_qs(target.query) == {"next": ["/settings/tokens"]}


def test_empty_installation_leads_to_first_run_page(db):
    answer = Client(HTTP_HOST="localhost").get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/welcome")


def test_first_run_page_is_gone_once_there_is_an_owner(cast):
    visitor = Client(HTTP_HOST="localhost")
    owner = {
        "business_name": "x",
        "name": "x",
        "email": "x@x.test",
        "password": "correct horse",
        "time_zone": "UTC",
    }
    assert visitor.get("/welcome").status_code == 404
    assert visitor.post("/welcome", owner).status_code == 404


@pytest.mark.parametrize("path", ["/", "/settings/tokens", "/settings/account"])
def test_own_pages_are_never_cached(cast, path):
    assert "no-store" in browser_of(cast.owner).get(path)["Cache-Control"]


def test_person_without_a_business_gets_a_page_that_says_so(cast):
    Membership.objects.filter(pk=cast.colleague.pk).update(is_suspended=True)
    browser = browser_of(cast.colleague)
    for path in ("/", "/settings/account", "/settings/tokens"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "You belong to no business." in text_of(answer)


# The week


def test_owner_sees_everyones_week_and_provider_only_their_own(cast):
    book(cast.owner, "Owner's visit", 1, contact_name="Carla")
    book(cast.colleague, "Colleague's visit", 2)
    owners, colleagues = (text_of(browser_of(who).get(WEEK)) for who in (cast.owner, cast.colleague))
    assert "Owner&#x27;s visit" in owners
    assert "Carla" in owners
    assert "Colleague&#x27;s visit" in owners
    assert "Olga Owner" in owners
    assert "Colleague&#x27;s visit" in colleagues
    assert "Owner&#x27;s visit" not in colleagues


def test_week_of_another_business_stays_hidden(cast):
    book(cast.outsider, "Brakes")
    assert "Brakes" not in text_of(browser_of(cast.owner).get(WEEK))


def test_text_of_customers_is_never_markup(cast):
    book(cast.owner, "<script>alert(1)</script>", contact_name="<b>Carla</b>")
    page = text_of(browser_of(cast.owner).get(WEEK))
    assert "<script>alert" not in page
    assert "<b>Carla" not in page


def test_week_shows_seven_days_and_nothing_beyond(cast):
    for title, days in (("Monday", -2), ("Sunday", 4), ("Week before", -3), ("Week after", 5)):
        book(cast.owner, title, days * 24)
    page = text_of(browser_of(cast.owner).get(WEEK))
    assert len(re.findall(r'class="day[" ]', page)) == 7
    assert "11–17 January 2027" in page
    assert "?date=2027-01-04" in page
    assert "?date=2027-01-18" in page
    shown = [title for title in ("Monday", "Sunday", "Week before", "Week after") if f">{title}<" in page]
    assert shown == ["Monday", "Sunday"]


def test_empty_week_teaches_what_the_role_may_do_next(cast):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    assert "Make a token" in text_of(browser_of(cast.owner).get("/"))
    assert "slotkeeper import" in text_of(browser_of(cast.colleague).get("/"))
    assert "Make a token" not in text_of(browser_of(cast.colleague).get("/"))
    assert "slotkeeper import" not in text_of(browser_of(viewer).get("/"))


@pytest.mark.parametrize(
    ("start", "end", "under", "shown"),
    [
        ("2027-02-03T14:00:00", "2027-02-03T14:30:00", 3, "14:00-14:30"),
        ("2027-02-03T22:00:00", "2027-02-04T04:00:00", 3, "22:00 - Thu 04:00"),
        ("2027-02-02T22:00:00", "2027-02-03T04:00:00", 3, "until 04:00"),
        ("2027-02-01T22:00:00", "2027-02-04T04:00:00", 3, "until Thu 04:00"),
        ("2027-02-08T22:00:00", "2027-02-20T04:00:00", 8, "22:00 - Sat 20 Feb 04:00"),
    ],
)
def test_times_read_like_people_speak(start, end, under, shown):
    dates = [date(2027, 2, day) for day in range(3, 10)]
    row = SimpleNamespace(user_id=1, start_time=instant(start), end_time=instant(end))
    days = arrange([row], dates, {1: "Olga"}, (ZONE, 0))
    entries = {day.date.day: [entry.times for entry in day.entries] for day in days if day.entries}
    assert {day: [text.replace("\N{EN DASH}", "-") for text in texts] for day, texts in entries.items()} == {
        under: [shown]
    }


def test_times_across_a_change_of_the_clocks_carry_their_offsets():
    row = SimpleNamespace(
        user_id=1,
        start_time=instant("2027-10-31T02:30:00+02:00"),
        end_time=instant("2027-10-31T02:15:00+01:00"),
    )
    (day,) = arrange([row], [date(2027, 10, 31)], {}, (ZONE, 0))
    assert day.entries[0].times.split() == ["02:30", "(+02:00)", "\N{EN DASH}", "02:15", "(+01:00)"]


def instant(text: str) -> int:
    read = parse_time(text)
    return exact_instant(read, ZONE) if read.offset is None else read.local - read.offset


# Tokens


def test_token_is_made_and_shown_exactly_once(cast):
    browser = browser_of(cast.owner)
    answer = browser.post("/settings/tokens/new", {"name": "Website", "scope": "read", "expires": "30"})
    (secret,) = set(re.findall(r"slk_[\w-]{43}", text_of(answer)))
    assert "no-store" in answer["Cache-Control"]
    token = ApiToken.objects.get()
    assert (token.membership, token.name, token.scope) == (cast.owner, "Website", "read")
    assert timedelta(days=29) < token.expires_at - datetime.now(UTC) < timedelta(days=31)
    assert secret not in str(dict(browser.session.items()))
    assert secret not in text_of(browser.get("/settings/tokens"))
    assert browser.get("/settings/tokens/new")["Location"] == "/settings/tokens"
    me = Client(HTTP_HOST="localhost").get("/api/me", headers={"Authorization": f"Bearer {secret}"})
    assert me.json()["user"]["email"] == "owner@practice.test"


@pytest.mark.parametrize(
    "fields", [{"name": " "}, {"name": "x" * 101}, {"scope": "admin"}, {"expires": "1"}, {"expires": ""}]
)
def test_impossible_token_is_refused_with_the_reason_at_its_field(cast, fields):
    whole = {"name": "Website", "scope": "write", "expires": "never"} | fields
    page = text_of(browser_of(cast.owner).post("/settings/tokens/new", whole))
    (name,) = fields
    assert f'id="id_{name}_error"' in page
    assert not ApiToken.objects.exists()


def test_revoking_asks_first_and_ends_the_token(cast):
    token, secret = create_token(cast.owner, TokenWish("Website"), COMMAND)
    browser, path = browser_of(cast.owner), f"/settings/tokens/{token.pk}/revoke"
    assert "cannot be undone" in text_of(browser.get(path))
    assert ApiToken.objects.get().revoked_at is None
    assert browser.post(path)["Location"] == "/settings/tokens"
    assert ApiToken.objects.get().revoked_at is not None
    answer = Client(HTTP_HOST="localhost").get("/api/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert "Revoked" in text_of(browser.get("/settings/tokens"))


def test_tokens_of_another_business_are_as_unknown_as_none(cast):
    token, _ = create_token(cast.outsider, TokenWish("Brakes"), COMMAND)
    browser = browser_of(cast.owner)
    assert "Brakes" not in text_of(browser.get("/settings/tokens"))
    for unknown in (token.pk, token.pk + 1, 10**30):
        assert browser.get(f"/settings/tokens/{unknown}/revoke").status_code == 404
        assert browser.post(f"/settings/tokens/{unknown}/revoke").status_code == 404
    assert ApiToken.objects.get().revoked_at is None


def test_an_admin_is_not_offered_to_revoke_an_owners_token(cast):
    admin = add_member(cast.owner, "admin@practice.test", Role.ADMIN)
    owners, own = (create_token(one, TokenWish("Website"), COMMAND)[0] for one in (cast.owner, admin))
    browser = browser_of(admin)
    page = text_of(browser.get("/settings/tokens"))
    assert f"/settings/tokens/{own.pk}/revoke" in page
    assert f"/settings/tokens/{owners.pk}/revoke" not in page
    assert browser.get(f"/settings/tokens/{owners.pk}/revoke").status_code == 403
    assert browser.post(f"/settings/tokens/{owners.pk}/revoke").status_code == 403
    assert ApiToken.objects.get(pk=owners.pk).revoked_at is None


def test_provider_reads_tokens_and_changes_none(cast):
    token, _ = create_token(cast.owner, TokenWish("Website"), COMMAND)
    browser = browser_of(cast.colleague)
    page = text_of(browser.get("/settings/tokens"))
    assert "Website" in page
    assert "Revoke" not in page
    assert browser.post("/settings/tokens/new", {"name": "x", "scope": "read", "expires": "never"}).status_code == 403
    assert browser.post(f"/settings/tokens/{token.pk}/revoke").status_code == 403


def test_viewer_neither_sees_tokens_nor_the_way_there(cast):
    browser = browser_of(add_member(cast.owner, "viewer@practice.test", Role.VIEWER))
    assert browser.get("/settings/tokens").status_code == 403
    assert "/settings/tokens" not in text_of(browser.get("/"))


# The account


def test_profile_is_saved_with_its_change(cast):
    said = {"name": "Cleo", "time_zone": "Asia/Kolkata", "locale": "de"}
    answer = browser_of(cast.colleague).post("/settings/account", said)
    assert answer.status_code == 302
    user = User.objects.get(pk=cast.colleague.user_id)
    assert (user.name, user.time_zone, user.locale) == ("Cleo", "Asia/Kolkata", "de")
    change = Change.objects.get(subject_kind="user")
    assert (change.subject_id, change.business_id, change.verb) == (
        user.pk,
        cast.colleague.business_id,
        "updated",
    )
    assert change.before == {"name": "Colleague", "time_zone": ZONE, "locale": "en"}
    assert change.after == said


def test_profile_with_an_unknown_zone_is_refused(cast):
    page = text_of(browser_of(cast.owner).post("/settings/account", {"name": "Olga", "time_zone": "Mars/Base"}))
    assert 'id="id_time_zone_error"' in page
    assert User.objects.get(pk=cast.owner.user_id).time_zone == ZONE


def test_person_switches_between_their_own_businesses_only(cast):
    second = Membership.objects.create(
        user=cast.owner.user, business=cast.outsider.business, role=Role.VIEWER, created_at=datetime.now(UTC)
    )
    book(cast.outsider, "Brakes")
    browser = browser_of(cast.owner)
    assert "Switch to Garage" in text_of(browser.get("/settings/account"))
    for foreign in (cast.outsider.pk, cast.colleague.pk, second.pk + 1, "x", "", 10**30):
        assert browser.post("/settings/business-switch", {"membership": foreign}).status_code == 404
    assert "Brakes" not in text_of(browser.get(WEEK))
    assert browser.post("/settings/business-switch", {"membership": second.pk})["Location"] == "/"
    assert "Brakes" in text_of(browser.get(WEEK))


def test_suspended_member_cannot_switch_back(cast):
    suspended = Membership.objects.create(
        user=cast.owner.user, business=cast.outsider.business, role=Role.ADMIN, is_suspended=True,
        created_at=datetime.now(UTC),
    )  # fmt: skip
    browser = browser_of(cast.owner)
    assert browser.post("/settings/business-switch", {"membership": suspended.pk}).status_code == 404
    assert "Garage" not in text_of(browser.get("/settings/account"))


# Around every page


@pytest.mark.parametrize(
    "path", ["/settings/tokens/new", "/settings/account", "/settings/business-switch", "/accounts/logout/"]
)
def test_every_form_needs_its_csrf_token(cast, path):
    answer = browser_of(cast.owner, enforce_csrf_checks=True).post(path, {"name": "x"})
    assert answer.status_code == 403
    assert "This page was open for too long" in text_of(answer)


def test_held_sending_and_demo_data_are_announced_to_members_only(cast):
    def pages():
        return text_of(browser_of(cast.owner).get("/")), text_of(Client(HTTP_HOST="localhost").get("/api/docs"))

    assert "Sending is held" not in pages()[0]
    assert "Demo data" not in pages()[0]
    SendingHold.objects.create(reason="restored")
    marker = django_settings.CONFIGURATION.data_dir / "demo"
    marker.touch()
    try:
        own, public = pages()
    finally:
        marker.unlink()
    assert "Sending is held" in own
    assert "Demo data" in own
    assert "Sending is held" not in public
    assert "Demo data" not in public


def test_unknown_address_answers_a_page(cast):
    answer = browser_of(cast.owner).get("/nothing")
    assert answer.status_code == 404
    assert "There is nothing here" in text_of(answer)


def test_documentation_names_every_operation_and_every_error_code(db):
    visitor = Client(HTTP_HOST="localhost")
    page, document = text_of(visitor.get("/api/docs")), visitor.get("/api/openapi.json").json()
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            summary = operation["summary"] if isinstance(operation, dict) else ""
            assert summary.replace("'", "&#x27;") in page
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in page
    for anchor in set(re.findall(r'href="#([^"]+)"', page)):
        assert f'id="{anchor}"' in page
    assert 'id="error-slot-taken"' in page


def test_every_code_that_the_api_uses_is_documented():
    sources = [*(PACKAGE / "doors" / "api").glob("*.py"), *(PACKAGE / "doors").glob("*.py")]
    used = re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', "".join(path.read_text() for path in sources))
    codes = {code for code in used if not code.startswith(("HTTP_", "REMOTE_", "REQUEST_", "SERVER_", "CONTENT_"))}
    assert codes <= {code for code, _, _ in ERROR_CODES}


def test_zones_are_all_there_once_and_have_names():
    values = [value for name, group in zone_choices()[1:] for value, _ in group] + [zone_choices()[0][0]]
    assert len(values) == len(ZONE_NAMES)
    assert set(values) == ZONE_NAMES
    assert zone_in_words("America/Argentina/Buenos_Aires") == "Buenos Aires time"
    assert zone_in_words("UTC") == "UTC"


# Mails and printed papers have no style sheets of their own.
_ELSEWHERE = {"email", "outbox", "billing"}
TEMPLATES = [path for path in (PACKAGE / "templates").rglob("*.html") if not _ELSEWHERE & {*path.parts}]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_carry_no_inline_script_or_style_and_every_form_its_token(path):
    source = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", source)
    for script in re.findall(r"<script[^>]*>", source):
        assert "src=" in script or 'type="application/json"' in script
    for form in re.findall(r'<form[^>]*method="post".*?</form>', source, re.DOTALL):
        # Public pages act for nobody who is signed in; see docs/public-page.md.
        assert "{% csrf_token %}" in form or path.parent.name in {"booking", "self_service", "portal"}
