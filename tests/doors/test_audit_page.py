"""The page of the audit trail: readable, filtered, exported, and without scripts."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from cast import add_member
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Subject, record
from slotkeeper.doors.dashboard.audit_words import KINDS
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Permission, Role


def browser_of(member) -> Client:
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return browser


@pytest.fixture
def browser(cast) -> Client:
    return browser_of(cast.owner)


def page(browser, query=""):
    answer = browser.get(f"/settings/audit?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_change_reads_like_a_sentence_and_leads_to_its_thing(cast, browser):
    row = cast.api().book(title="Cut & dry").json()
    cast.api().put(
        f"/api/appointments/{row['id']}", {"start_time": "2027-01-15T15:00:00", "end_time": "2027-01-15T16:00"}
    )
    text = page(browser, "kind=appointment")
    assert "<strong>Olga Owner</strong> moved it:" in text
    assert f'<a href="/appointments/{row["id"]}">Appointment' in text
    assert "Cut &amp; dry" in text
    assert "api 127.0.0.1" in text
    assert "<del>Fri 15 Jan 2027, 14:00</del>" in text


def test_what_was_refused_is_marked(cast, browser):
    cast.api("colleague").post("/api/services", {"name": "New"})
    text = page(browser, "kind=refusal")
    assert 'class="refused"' in text
    assert "<strong>Colleague</strong> was refused:" in text
    assert "services.write" in text


def test_it_is_narrowed_by_days_people_things_and_letters(cast, browser):
    business_id = cast.owner.business_id
    for day, name in ((1, "Early"), (5, "Late")):
        at = datetime(2026, 3, day, 12, tzinfo=UTC)
        record(Subject(business_id, "service", day, at=at), "created", COMMAND, None, {"name": name})
    assert "Early" not in page(browser, "start=2026-03-02&end=2026-03-05")
    assert "Late" in page(browser, "start=2026-03-02&end=2026-03-05")
    assert "Late" not in page(browser, "end=2026-03-04")
    assert "Early" in page(browser, "q=earl")
    assert "Early" not in page(browser, "kind=service&subject_id=5")
    assert "Nothing fits" in page(browser, f"q=earl&user_id={cast.owner.user_id}")


@pytest.mark.parametrize(
    "query",
    ["start=nonsense", "kind=ghost", "user_id=x", "subject_id=x", "subject_id=-1", f"subject_id={10**30}", "q=%00"],
)
def test_nonsense_in_the_address_is_no_server_error(browser, query):
    page(browser, query)
    assert browser.get(f"/settings/audit/export?{query}").status_code in {200, 400}


def test_pages_keep_the_filters(cast, browser):
    for number in range(60):
        record(Subject(cast.owner.business_id, "service", number), "created", COMMAND, None, {"name": f"S{number}"})
    assert "?kind=service&amp;page=2" in page(browser, "kind=service")
    assert page(browser, "kind=service&page=2").count("<li") >= 10


def test_a_stretch_leaves_as_a_file(cast, browser):
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    record(Subject(cast.owner.business_id, "service", 1, at=at), "created", COMMAND, None, {"name": "Early"})
    table = browser.get("/settings/audit/export?start=2026-03-01&end=2026-03-31&format=csv")
    assert table["Content-Disposition"] == 'attachment; filename="audit-2026-03-01-2026-03-31.csv"'
    assert b"Early" in b"".join(table.streaming_content)
    lines = browser.get("/settings/audit/export?start=2026-03-01&end=2026-03-31&format=jsonl")
    assert lines["Content-Type"] == "application/jsonl"
    too_long = browser.get("/settings/audit/export?start=2025-01-01&end=2026-03-31")
    assert (too_long.status_code, "at most 366 days" in too_long.content.decode()) == (400, True)


def test_only_owners_and_admins_open_it_and_those_who_were_given_it(cast):
    for role, status in ((Role.ADMIN, 200), (Role.SCHEDULER, 403), (Role.VIEWER, 403)):
        member = add_member(cast.owner, f"{role}@practice.test", role)
        assert browser_of(member).get("/settings/audit").status_code == status
    Membership.objects.filter(pk=cast.colleague.pk).update(grants=[Permission.AUDIT_READ.value])
    assert browser_of(cast.colleague).get("/settings/audit").status_code == 200
    Membership.objects.filter(pk=cast.colleague.pk).update(limited_to_user_ids=[cast.owner.user_id])
    assert browser_of(cast.colleague).get("/settings/audit").status_code == 403


def test_who_may_not_see_addresses_does_not_see_them_here(cast):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    Membership.objects.filter(pk=viewer.pk).update(grants=[Permission.AUDIT_READ.value])
    cast.api().post("/api/contacts", {"name": "Dora", "email": "dora@home.test", "phone": "+49 30 99"})
    text = page(browser_of(viewer))
    assert "Dora" in text
    assert "dora@home" not in text


def test_an_appointment_shows_from_where_it_was_changed_to_those_who_read_the_trail(cast, browser):
    row = cast.api().book().json()
    assert "api 127.0.0.1" in browser.get(f"/appointments/{row['id']}").content.decode()
    scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    assert "api 127.0.0.1" not in browser_of(scheduler).get(f"/appointments/{row['id']}").content.decode()


def test_every_kind_with_a_page_leads_to_one(cast, browser):
    for number, kind in enumerate(KINDS, 1):
        record(Subject(cast.owner.business_id, kind, number), "updated", COMMAND, None, {"name": f"N{number}"})
    text = page(browser)
    assert text.count("<li>") >= len(KINDS)
    assert Change.objects.filter(verb="updated").count() >= len(KINDS)


def test_it_speaks_german(cast, browser):
    cast.api().book(title="Schnitt")
    cast.owner.user.locale = "de"
    cast.owner.user.save(update_fields=["locale"])
    text = page(browser, "kind=appointment")
    assert "Prüfprotokoll" in text
    assert "hat gebucht" in text
