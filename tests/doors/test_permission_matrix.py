"""Every route, every method, everybody: who gets past the gate, and that nobody else learns a thing.

The matrix is generated: the routes from the URLs, who may what from rules/permissions.py. A route that declares no
permission, or has a path parameter of which `matrix_world.PARAMETERS` knows no row, fails here and says what to add.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from matrix_world import AWAY, BUSINESS, CONSTANTS, DETAIL, PARAMETERS, ROW, Asker, World, made_world
from slotkeeper.changes.models import Change
from slotkeeper.doors.access import PUBLIC, SIGNED_IN, Access, access_to
from slotkeeper.rules.permissions import Permission, may

pytestmark = pytest.mark.django_db  # without it pytest-django makes no database for the world

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CHANGING = frozenset(METHODS) - {"GET"}
# What every API operation with a body takes at least, by route: with it, a foreign id is all that can be wrong. Where a
# body or a query names rows itself, "<…>" stands for one of the owner's, as in a path.
OWNERS_TIME = {"start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00", "user_id": "<user_id>"}
BODIES: dict[str, Any] = {
    "api_appointments": {
        "title": "x",
        "start_time": "2027-01-16T14:00:00",
        "end_time": "2027-01-16T15:00:00",
        "contact_id": "<contact_id>",
    },
    "api_new_series": {"title": "x", "every_weeks": 1, "times": 2, **OWNERS_TIME},
    "api_check_conflicts": OWNERS_TIME,
    "api_closure_impact": {"date": "2027-01-15"},
    "api_reassign": {
        "from_user_id": "<user_id>",
        "to_user_id": "<user_id>",
        "preview": True,
        "start": "2027-01-15T00:00:00",
        "end": "2027-01-16T00:00:00",
    },
    "api_quotes": {"contact_id": "<contact_id>", "lines": []},
    "api_invoices": {"contact_id": "<contact_id>", "appointment_id": "<appointment_id>", "lines": []},
    "api_appointment": {"title": "x"},
    "api_assign": {"user_id": 1},
    "api_contact": {"name": "x"},
    "api_service": {"name": "x"},
    "api_hours": {"weekly": {}},
    "api_override": {"ranges": []},
    "api_hours_impact": {"override": {"date": "2027-01-15", "ranges": []}},
    "api_times_off": {"start": "2027-05-01T00:00:00", "end": "2027-05-02T00:00:00"},
    "api_time_off": {"start": "2027-05-01T00:00:00", "end": "2027-05-02T00:00:00"},
    "api_resource": {"name": "x"},
    "api_calendar_connection": {"when_unreadable": "ignore"},
    "api_connected_calendar": {"blocks": True},
    "api_webhook_endpoint": {"description": "x"},
    "api_quote": {"note": "x"},
    "api_invoice": {"note": "x"},
    "api_member": {"role": "viewer"},
    "api_appointment_resources": {"resource_ids": []},
}
QUERIES = {
    "api_freebusy": "start=2027-01-15T00:00:00&end=2027-01-16T00:00:00&user_id=<user_id>",
    "api_why_not": "service_id=<service_id>&user_id=<user_id>&at=2027-01-15T14:00:00",
    "day": "day=2027-01-15",
    "api_audit_export": "start=2020-01-01&end=2020-12-31",
    "api_invoices_export": "from=2026-01-01&to=2027-01-01",
    "api_revenue": "from=2026-01-01&to=2027-01-01",
    "api_resource_freebusy": "start=2027-01-15T00:00:00&end=2027-01-16T00:00:00",
    "calendar_feed": "start=2027-01-01&end=2027-02-01",
    "customer_search": "q=Carla",
    "appointments": "start=2020-01-01",
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    """One method of one route, and what it needs."""

    path: str
    name: str
    method: str
    access: Access
    parameters: tuple[str, ...]
    is_served: bool = True

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    @property
    def names_a_row(self) -> bool:
        return any(name in PARAMETERS for name in self.parameters)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def patterns(found: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for pattern in found:
        route = prefix + str(pattern.pattern).replace("^", "").replace("$", "")
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def routes() -> list[Route]:
    """Every method of every route: of the API those it serves and one it does not, of pages reading and posting."""
    found = []
    for route, pattern in patterns(get_resolver().url_patterns):
        endpoint = getattr(pattern.callback, "view_class", None)
        served = tuple(getattr(endpoint, "api_endpoints", ()))
        unserved = next((method for method in METHODS if method not in served), None)
        names = tuple(first or second for first, second in re.findall(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>", route))
        for method in (*served, unserved) if served else ("GET", "POST"):
            access = method and access_to(pattern.callback, pattern.name, method)
            if not method:
                continue
            assert access is not None, (
                f"{method} {route} declares no permission: add @permit(…), or `permissions` to its class."
            )
            found.append(
                Route(route, pattern.name or "", method, access, names, is_served=method != unserved or not served)
            )
    return found


def path_of(route: Route, world: World) -> str:
    """Fill in a path's parameters with rows of the practice's owner."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        assert name in PARAMETERS or name in CONSTANTS, (
            f"{route} has a path parameter {name!r} that the matrix does not know: add one line to PARAMETERS (or to "
            "CONSTANTS, if it names no row) in tests/matrix_world.py."
        )
        return str(world.ids[PARAMETERS[name]] if name in PARAMETERS else CONSTANTS[name])

    path = re.sub(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda m: value(m) if m[1] else CONSTANTS[m[2]], route.path)
    return path + (f"?{with_ids(QUERIES[route.name], world)}" if route.name in QUERIES else "")


def with_ids(text: str, world: World) -> str:
    """Fill the owner's rows into a body or a query."""
    return re.sub(r'"?<(\w+)>"?', lambda match: str(world.ids[PARAMETERS[match[1]]]), text)


def expected_refusal(route: Route, asker: Asker, *, is_token: bool) -> int | None:
    """Say with which status the gate turns somebody away; None where it lets them pass."""
    if route.access == PUBLIC:
        return None
    is_nobody = not asker.is_known and (is_token or asker.session is None)
    if is_nobody:
        return 401 if route.is_api else 302
    if not asker.is_known:  # signed in, but no member of anything any more
        return None if route.access == SIGNED_IN else 403
    assert asker.role is not None
    place = asker.role, asker.scope
    if isinstance(route.access, Permission) and not may(
        *place, route.access, asker.grants, is_limited=asker.is_limited
    ):
        return 403
    return None


class Probe:
    """Asks as somebody, each time as if it were the first, and collects what is wrong with the answers."""

    def __init__(self, world: World, asker: Asker, *, is_token: bool) -> None:
        self.world, self.asker, self.is_token = world, asker, is_token
        self.client = Client(HTTP_HOST="localhost", raise_request_exception=False)
        self.problems: list[str] = []
        self.seen: set[str] = set()
        self.asked = 0
        self.changes_before = self._changes()

    def ask(self, route: Route) -> None:
        expected = expected_refusal(route, self.asker, is_token=self.is_token)
        may_change = route.access == PUBLIC or (expected is None and self.asker.is_known and not self.asker.is_outsider)
        with transaction.atomic():
            status, text = self._answer(route)
            changed = not may_change and self._changes() != self.changes_before
            transaction.set_rollback(True)
        self.asked += 1
        self.seen |= {mark for mark in (BUSINESS, ROW, DETAIL, AWAY) if mark in text}
        for problem in self._wrong(route, expected, status, text):
            self.problems.append(f"{self.asker.name}: {route} -> {status}: {problem}")
        if changed:
            self.problems.append(f"{self.asker.name}: {route} -> {status}: it changed something of the practice")

    def _changes(self) -> int:
        mine = Change.objects.filter(business_id=self.world.cast.owner.business_id)
        return mine.exclude(subject_kind="refusal").count()

    def _answer(self, route: Route) -> tuple[int, str]:
        headers, sent = {}, {}
        self.client.cookies.clear()
        if self.is_token:
            headers["Authorization"] = f"Bearer {self.asker.token}"
        elif self.asker.session:
            self.client.cookies["slotkeeper_session"] = self.asker.session
        if route.method in CHANGING and route.name in BODIES:
            body = with_ids(json.dumps(BODIES[route.name]), self.world)
            sent = {"data": body, "content_type": "application/json"}
        elif route.method == "POST" and not route.is_api:
            sent = {"content_type": "application/x-www-form-urlencoded"}
        answer: Any = self.client.generic(route.method, path_of(route, self.world), headers=headers, **sent)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, f"{answer.headers} {content.decode(errors='replace')}".lower()

    def _wrong(self, route: Route, expected: int | None, status: int, text: str) -> Iterator[str]:
        if status >= 500:
            yield "a server error"
        if expected is None and status == 401:
            yield "refused, although it is permitted"
        if expected is None and status == 403 and not self._may_refuse_itself(route):
            yield "refused, although it is permitted"
        if expected is not None and status != expected:
            yield f"the gate should have answered {expected}"
        if expected == 302 and "/accounts/login/" not in text:
            yield "it does not lead to signing in"
        hidden = (BUSINESS, *self.asker.hides) if expected is not None else self.asker.hides
        yield from (f"it shows {mark}" for mark in hidden if mark in text)
        is_foreign = self.asker.is_outsider and expected is None and route.access not in {PUBLIC, SIGNED_IN}
        if is_foreign and route.names_a_row and status not in self._unknown(route):
            yield "a row of another business is not unknown"

    def _may_refuse_itself(self, route: Route) -> bool:
        """Say whether what stands behind the gate may refuse: somebody else's row, an owner, a missing signature."""
        is_of_people = {"member_id", "token_id"} & set(route.parameters)
        return route.access == PUBLIC or bool(is_of_people) or self.asker.name not in {"owner", "admin"}

    def _unknown(self, route: Route) -> set[int]:
        if not route.is_api:
            return {404, 302, 405}
        return {404, 405} | ({400} if route.method in CHANGING and route.name not in BODIES else set())


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """One world for all askers; each request of theirs is rolled back."""
    with django_db_blocker.unblock(), made_world() as made:
        yield made


ASKERS = [
    "owner", "admin", "scheduler", "provider", "bookkeeper", "viewer", "read-only token", "outsider", "granted",
    "limited to people", "limited to services", "anonymous", "suspended", "removed", "revoked", "expired",
]  # fmt: skip


def test_every_asker_of_the_world_is_asked(world):
    assert list(world.askers) == ASKERS


@pytest.mark.parametrize("name", ASKERS)
def test_everybody_gets_exactly_as_far_as_they_may(world, name):
    asker = world.askers[name]
    probes = [Probe(world, asker, is_token=is_token) for is_token in ways_of(asker)]
    for probe in probes:
        for route in routes():
            if is_worth_asking(route, asker) and (route.is_api is probe.is_token or name == "anonymous"):
                probe.ask(route)
    problems, asked = [problem for probe in probes for problem in probe.problems], sum(probe.asked for probe in probes)
    assert asked > 100
    assert not problems, f"{len(problems)} of {asked}:\n" + "\n".join(problems)
    if name == "owner":  # else the marks would hide because they stand nowhere
        assert set.union(*(probe.seen for probe in probes)) == {BUSINESS, ROW, DETAIL, AWAY}


def ways_of(asker: Asker) -> list[bool]:
    """Say whether somebody asks with a token, with a session, or both; who has neither asks without."""
    return [*([True] if asker.token else []), *([False] if asker.session or not asker.token else [])]


def is_worth_asking(route: Route, asker: Asker) -> bool:
    """Leave out of what is open to everybody what would be the same for the next member."""
    if route.access == PUBLIC:
        return asker.name in {"anonymous", "outsider"}
    return route.access != SIGNED_IN or asker.name in {"owner", "outsider", "suspended", "anonymous"}


# The matrix can fail


def test_a_route_that_declares_nothing_fails_the_build(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "access_to", lambda *_: None)
    with pytest.raises(AssertionError, match="declares no permission: add @permit"):
        routes()


def test_a_path_parameter_that_nobody_knows_fails_the_build(world):
    route = Route("/api/ghosts/<record_id:ghost_id>", "api_ghost", "GET", Permission.BUSINESS_READ, ("ghost_id",))
    with pytest.raises(AssertionError, match="add one line to PARAMETERS"):
        path_of(route, world)


def test_a_gate_that_lets_pass_is_noticed(world, monkeypatch):
    monkeypatch.setattr("slotkeeper.people.callers.Caller.may", lambda *_: True)
    probe = Probe(world, world.askers["viewer"], is_token=True)
    for route in routes():
        if route.name in {"api_tokens", "api_contacts"}:
            probe.ask(route)
    assert any("the gate should have answered 403" in problem for problem in probe.problems)
    assert any("zqdetailmark" in problem for problem in probe.problems)
