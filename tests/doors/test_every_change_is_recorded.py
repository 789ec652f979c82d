"""Every operation of the API that changes something leaves a line in the record of changes.

The operations come from the table of routes: a new one that changes something needs a valid body here, or, if it
changes nothing that anybody would look for, a reason why not.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from cast import Api, token_for
from doors.test_permission_matrix import BODIES, CHANGING, Route, path_of, routes
from matrix_world import World, made_world
from papers import COMPLETE
from slotkeeper.changes.models import Change
from slotkeeper.doors.access import PUBLIC

pytestmark = pytest.mark.django_db

AWAY = {"start": "2027-05-01T00:00:00", "end": "2027-05-02T00:00:00"}
BOOKING = {"title": "x", "start_time": "2027-02-01T10:00:00", "end_time": "2027-02-01T11:00:00"}
DOCUMENT = {"lines": [{"description": "x", "unit_price": 100}]}
# A body that works, by method and route; None is none. {names} in braces are filled with ids of the world.
VALID: dict[str, Any] = {f"{method} {name}": body for name, body in BODIES.items() for method in ("PUT", "PATCH")} | {
    "POST api_appointments": BOOKING,
    "POST api_cancel": {"reason": "rain"},
    "POST api_closures": {"date": "2027-12-31", "name": "x"},
    "POST api_contacts": {"name": "x"},
    "POST api_invitations": {"email": "new@practice.test", "role": "viewer"},
    "POST api_invoices": DOCUMENT,
    "POST api_quotes": DOCUMENT,
    "POST api_resources": {"name": "x"},
    "POST api_services": {"name": "x"},
    "POST api_times_off": AWAY,
    "POST api_tokens": {"name": "x"},
    "POST api_webhook_endpoints": {"url": "https://93.184.216.34/other"},
    "PUT api_business": {"name": "x"},
    "PATCH api_business": {"name": "x"},
    "POST api_assign": {"user_id": "{colleague}"},
    "POST api_reassign": {
        "from_user_id": "{user}",
        "to_user_id": "{colleague}",
        "start": "2027-01-15",
        "end": "2027-01-16",
    },
    "POST api_new_series": BOOKING | {"every_weeks": 1, "times": 2},
    "POST api_invoice_record_payment": {"amount": {"amount": 4800, "currency": "EUR"}, "method": "cash"},
    "POST api_transfer_ownership": {},
    "PUT api_billing_profile": COMPLETE,
    "PATCH api_billing_profile": {"city": "Bonn"},
    "PUT api_hours": {"weekly": {"monday": [["09:00", "12:00"]]}},
    "PUT api_override": {"ranges": [["09:00", "12:00"]]},
    "PUT api_appointment_resources": {"resource_ids": ["{resource}"]},
    "PUT api_time_off": AWAY | {"reason": "x"},
    "PUT api_connected_calendar": {"blocks": True},
}
NO_BODY = (
    "POST api_confirm", "POST api_no_show", "DELETE api_contact", "DELETE api_service", "DELETE api_time_off",
    "DELETE api_closure", "DELETE api_resource", "DELETE api_calendar_connection", "POST api_dismiss_proposal",
    "POST api_accept_proposal", "DELETE api_webhook_endpoint", "POST api_webhook_rotate_secret", "DELETE api_quote",
    "DELETE api_invoice", "POST api_close_on_holidays", "POST api_token_revoke", "POST api_invitation_revoke",
    "POST api_invitation_resend", "POST api_complete", "DELETE api_override", "POST api_open_on_holidays",
    "POST api_quote_send", "POST api_quote_accept", "POST api_quote_decline", "POST api_quote_invoice",
    "POST api_invoice_issue", "POST api_invoice_credit_note", "POST api_member_suspend", "POST api_member_reinstate",
    "POST api_member_remove", "POST api_message_resend", "POST api_webhook_redeliver", "POST api_sessions_revoke",
)  # fmt: skip
# What has to be done before, so that an operation has something to do.
FIRST: dict[str, list[str]] = {
    "POST api_complete": ["POST api_confirm"],
    "DELETE api_override": ["PUT api_override"],
    "POST api_open_on_holidays": ["POST api_close_on_holidays"],
    "POST api_quote_accept": ["POST api_quote_send"],
    "POST api_quote_decline": ["POST api_quote_send"],
    "POST api_quote_invoice": ["POST api_quote_send", "POST api_quote_accept"],
    "POST api_invoice_issue": ["PUT api_billing_profile"],
    "POST api_invoice_record_payment": ["PUT api_billing_profile", "POST api_invoice_issue"],
    "POST api_invoice_credit_note": ["PUT api_billing_profile", "POST api_invoice_issue"],
    "POST api_member_reinstate": ["POST api_member_suspend"],
}
# Operations that are asked in tests of their own, since it takes more than one request to get there, and those that
# change nothing that a trail would tell; each with the reason.
ELSEWHERE: dict[str, str] = {
    "POST api_check_conflicts": "changes nothing",
    "POST api_hours_impact": "changes nothing",
    "POST api_closure_impact": "changes nothing",
    "POST api_calendar_connection_sync": "reads a calendar sooner",
    "POST api_webhook_test": "sends a test that tells of nothing",
    "POST api_calendar_connections": "asks a calendar server: tests/doors/test_api_calendars.py",
    "POST api_calendar_connection_reconnect": "asks a calendar server: tests/doors/test_api_calendars.py",
    "PUT api_business_logo": "takes a picture: tests/doors/test_logo.py",
    "DELETE api_business_logo": "takes a picture first: tests/doors/test_logo.py",
    "POST api_cancel_series": "takes a series: its appointments are canceled by the verb of every other",
    "POST api_move_series": "takes a series: its appointments are moved by the verb of every other",
    "POST api_member_leave": "takes somebody who may leave: tests/doors/test_api_members.py",
    "POST api_session_revoke": "as POST api_sessions_revoke",
    "POST api_quote_book": "takes a service: tests/doors/test_api_billing.py",
    "POST api_appointment_invoice": "takes a service with a price: tests/doors/test_api_billing.py",
    "POST api_invoice_payment_link": "asks Stripe",
    "POST api_invoice_refund": "asks Stripe",
}


def operations() -> list[Route]:
    """Every operation of the API that changes something, public ones excepted."""
    found = [route for route in routes() if route.is_api and route.access != PUBLIC and route.method in CHANGING]
    return [route for route in found if route.is_served]


def name_of(route: Route) -> str:
    return f"{route.method} {route.name}"


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    with django_db_blocker.unblock(), made_world() as made:
        yield made


def changes() -> int:
    return Change.objects.exclude(subject_kind="refusal").count()


def test_each_writes_who_did_what_from_where(world):
    api, missing, asked = Api(token_for(world.cast.owner)), [], 0
    for route in operations():
        if name_of(route) in ELSEWHERE:
            continue
        with transaction.atomic():
            missing += _wrong(api, route, world)
            transaction.set_rollback(True)
        asked += 1
    assert asked > 40
    assert not missing, "\n".join(missing)


def test_every_operation_has_a_body_here_or_a_reason_why_not():
    unknown = {name_of(route) for route in operations()} - VALID.keys() - set(NO_BODY) - ELSEWHERE.keys()
    assert not unknown, (
        f"Nobody knows whether these leave a line in the record of changes: {', '.join(sorted(unknown))}. Add a valid "
        "body to VALID, their names to NO_BODY, or a reason to ELSEWHERE."
    )


def _wrong(api: Api, route: Route, world: World) -> list[str]:
    name = name_of(route)
    for earlier in FIRST.get(name, ()):
        done = _ask(api, next(one for one in operations() if name_of(one) == earlier), world)
        assert done.status_code < 300, (earlier, done.content)
    before = changes()
    answer = _ask(api, route, world)
    if answer.status_code >= 300:
        return [f"{name}: {answer.status_code} {answer.content.decode()[:300]}"]
    if changes() == before:
        return [f"{name}: {answer.status_code}, and nothing is recorded"]
    change = Change.objects.exclude(subject_kind="refusal").latest("pk")
    is_told = (change.actor_kind, change.source) == ("token", "api 127.0.0.1")
    return [] if is_told else [f"{name}: recorded as {change.actor_kind} from {change.source!r}"]


def _ask(api: Api, route: Route, world: World) -> Any:
    body = VALID.get(name_of(route))
    if body is not None:
        ids = world.ids | {"colleague": world.cast.colleague.user_id}
        body = json.loads(re.sub(r'"\{(\w+)\}"', lambda match: str(ids[match[1]]), json.dumps(body)))
    path = path_of(route, world)
    if "member_id" in route.parameters:  # of the last owner little can be changed
        path = path.replace(f"/members/{world.cast.owner.pk}", f"/members/{world.cast.colleague.pk}")
    return api(route.method, path, body)
