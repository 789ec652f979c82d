"""The audit trail over HTTP: who changed what, when and from where."""

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from cast import Api, Cast, add_member, token_for
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor, Subject, record
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Permission, Role, Scope

NOW = datetime.now(UTC).replace(microsecond=0)
EXPORT = "/api/audit/export?start=2020-01-01&end=2020-12-31"


@pytest.fixture
def api(cast) -> Api:
    return cast.api()


def found(api: Api, **query):
    answer = api.get("/api/audit?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status_code == 200, answer.content
    return answer.json()["changes"]


def note(cast: Cast, actor: Actor = COMMAND, at: datetime = NOW, **after):
    record(Subject(cast.owner.business_id, "service", 7, at=at), "updated", actor, None, after)


def test_a_change_says_who_what_when_from_where_before_and_after(cast, api):
    row = api.book().json()
    api.put(f"/api/appointments/{row['id']}", {"title": "Longer"})
    updated, booked = found(api, subject_kind="appointment", subject_id=row["id"])
    assert (booked["verb"], booked["before"]) == ("booked", None)
    assert (updated["before"], updated["after"]) == ({"title": "Meeting"}, {"title": "Longer"})
    assert (updated["actor"], updated["actor_kind"]) == ("Olga Owner", "token")
    assert (updated["user_id"], updated["source"]) == (cast.owner.user_id, "api 127.0.0.1")
    assert updated["at"].endswith(("+01:00", "+02:00"))
    assert updated["subject_version"] == 2


def test_the_trail_is_of_ones_own_business_only(cast, api):
    cast.api("outsider").post("/api/services", {"name": "Brakes"})
    assert "Brakes" not in json.dumps(found(api))
    assert "Practice" not in json.dumps(found(cast.api("outsider")))
    assert found(api, user_id=cast.outsider.user_id) == []


def test_a_person_is_found_signed_in_and_through_their_tokens(cast, api):
    note(cast, Actor("member", cast.colleague.pk, "Colleague"), by="session")
    cast.api("colleague").book()
    note(cast, by="command")
    kinds = [(one["actor_kind"], one["subject_kind"]) for one in found(api, user_id=cast.colleague.user_id)]
    assert sorted(kinds) == [("member", "service"), ("token", "appointment")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"text": "färb"}, {"färben"}),
        ({"text": "SCHNITT"}, {"Schnitt"}),
        ({"text": "203.0.113"}, {"from afar"}),
        ({"text": "%"}, {"100%"}),
        ({"text": 'say "hi"'}, {'say "hi"'}),
        ({"verb": "updated", "actor_kind": "worker"}, {"from afar"}),
        ({"verb": "nothing"}, set()),
        ({"actor_kind": "customer", "actor_id": 12}, {"Schnitt"}),
        ({"subject_kind": "service", "subject_id": 8}, set()),
    ],
)
def test_a_search_is_narrowed(cast, api, query, expected):
    for name in ("färben", "100%", 'say "hi"'):
        note(cast, name=name)
    note(cast, Actor("customer", 12, "Carla"), name="Schnitt")
    note(cast, Actor("worker", None, "worker", "api 203.0.113.7"), name="from afar")
    listed = found(api, **query, **({} if "subject_kind" in query else {"subject_kind": "service"}))
    assert {one["after"]["name"] for one in listed} == expected


def test_a_stretch_of_time_has_a_start_and_no_end_of_its_own(cast, api):
    for day in (1, 2, 3):
        note(cast, at=datetime(2026, 3, day, 12, tzinfo=UTC), day=day)
    days = [one["after"]["day"] for one in found(api, subject_kind="service", start="2026-03-02")]
    assert days == [3, 2]
    assert [one["after"]["day"] for one in found(api, start="2026-03-01", end="2026-03-02T13:00:00%2B01:00")] == [1]


def test_pages_lead_through_all_of_it_once(cast, api):
    for number in range(25):
        note(cast, at=NOW - timedelta(seconds=number // 5), number=number)
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/api/audit?subject_kind=service&limit=4{cursor and '&cursor='}{cursor}").json()
        seen += page["changes"]
        cursor = page["next_cursor"]
    assert len(seen) == 25
    assert [one["id"] for one in seen] == [
        change.pk for change in Change.objects.filter(subject_kind="service").order_by("-at", "-pk")
    ]


@pytest.mark.parametrize(
    "query",
    [
        "start=nonsense", "start=2027-01-02&end=2027-01-01", "subject_id=x", "actor_kind=ghost", "limit=0", "cursor=x",
        "cursor=OTk5OTk5OTk5OTk5OTk5OTk5OSwx", "nothing=1", "verb=" + "x" * 41, "text=" + "x" * 201, "text=%00",
        "verb=a&verb=b",
    ],
)  # fmt: skip
def test_bad_filters_are_refused_by_name(api, query):
    answer = api.get(f"/api/audit?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.split("&")[-1].partition("=")[0])


def test_ids_beyond_64_bits_find_nothing(api):
    for name in ("subject_id", "actor_id", "user_id"):
        assert found(api, **{name: 10**30}) == []


# Who may see it


@pytest.mark.parametrize(("role", "status"), [(role, 200 if role == Role.ADMIN else 403) for role in list(Role)[1:]])
def test_only_owners_and_admins_see_it(cast, role, status):
    member = add_member(cast.owner, "somebody@practice.test", role)
    for path in ("/api/audit", EXPORT):
        assert Api(token_for(member, Scope.READ)).get(path).status_code == status


def test_whoever_is_limited_to_a_part_does_not_see_the_whole(cast):
    granted = {"grants": [Permission.AUDIT_READ.value], "limited_to_user_ids": [cast.colleague.user_id]}
    Membership.objects.filter(pk=cast.colleague.pk).update(**granted)
    assert cast.api("colleague").get("/api/audit").status_code == 403
    assert cast.api("colleague").get(EXPORT).status_code == 403


def test_whoever_may_not_see_addresses_neither_sees_nor_finds_them_here(cast):
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    Membership.objects.filter(pk=viewer.pk).update(grants=[Permission.AUDIT_READ.value])
    cast.api().post("/api/contacts", {"name": "Dora", "email": "dora@home.test", "phone": "+49 30 99"})
    api = Api(token_for(viewer))
    (change,) = found(api, subject_kind="contact", verb="created")
    assert change["after"]["name"] == "Dora"
    assert "dora@home" not in json.dumps(change)
    assert found(api, text="dora@home") == []
    assert len(found(cast.api(), text="dora@home")) == 1


# As a file


def exported(api: Api, form: str) -> str:
    answer = api.get(f"/api/audit/export?start=2026-01-01&end=2026-12-31&format={form}&subject_kind=service")
    assert answer.status_code == 200
    assert f"audit-2026-01-01-2026-12-30.{form}" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content).decode()


def test_a_table_is_safe_to_open_and_holds_what_the_list_does(cast, api):
    note(
        cast,
        Actor("customer", 3, "=HYPERLINK(1)", "booking page 203.0.113.7"),
        datetime(2026, 5, 1, tzinfo=UTC),
        name="Ä",
    )
    heading, row = csv.reader(StringIO(exported(api, "csv")))
    line = dict(zip(heading, row, strict=True))
    assert line["actor"] == "'=HYPERLINK(1)"
    assert (line["source"], line["verb"], line["after"]) == ("booking page 203.0.113.7", "updated", '{"name":"Ä"}')
    assert line["before"] == line["user_id"] == ""


def test_lines_of_json_hold_what_the_list_does(cast, api):
    for month in range(1, 8):
        note(cast, at=datetime(2026, month, 1, 12, tzinfo=UTC), month=month)
    lines = [json.loads(line) for line in exported(api, "jsonl").splitlines()]
    assert lines == found(api, subject_kind="service", start="2026-01-01", end="2026-12-31")
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "start"),
        ("start=2026-01-01&end=2027-06-01", "end"),
        ("start=2026-01-01&end=2026-01-02&format=xml", "format"),
    ],
)
def test_a_file_is_of_a_stretch_of_at_most_a_year(api, query, field):
    answer = api.get(f"/api/audit/export?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
