"""Nothing that anyone sends ends in a 5xx, and every answer is one that the documentation names."""

from datetime import UTC, datetime, timedelta

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cast import Cast, make_cast, token_for
from slotkeeper.doors.api.urls import openapi_document
from slotkeeper.outbox.models import Message

FULL_REQUESTS, DOSE_REQUESTS = 20_000, 2_000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [
    (path, method.upper())
    for path, item in openapi_document()["paths"].items()
    for method in item
    if method in {"get", "post", "put", "patch", "delete"}
]


@pytest.fixture(scope="module")
def schema():
    """The documentation, and the application as a server would call it."""
    document = openapi_document() | {"servers": [{"url": "http://localhost"}]}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = WSGIHandler()
    return schema


@pytest.fixture
def own_connection(world):
    """Keep requests on the test's own connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(db):
    """A token, and an id of everything, so that half of the requests find something."""
    cast = make_cast()
    appointment = cast.api().book(contact_id=cast.customer.pk).json()
    token = token_for(cast.owner)
    api, user_id = cast.api(), cast.owner.user_id
    spare = api.post("/api/tokens", {"name": "spare"}).json()
    hook = api.post("/api/webhook-endpoints", {"url": "https://93.184.216.34/hook"}).json()
    tested = api.post(f"/api/webhook-endpoints/{hook['id']}/test").json()
    away = {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00"}
    return token, {
        "appointment_id": appointment["id"],
        "contact_id": cast.customer.pk,
        "token_id": spare["id"],
        "user_id": user_id,
        "service_id": api.post("/api/services", {"name": "Hair cut", "user_ids": [user_id]}).json()["id"],
        "time_off_id": api.post(f"/api/users/{user_id}/time-off", away).json()["id"],
        "closure_id": api.post("/api/closures", {"date": "2027-12-24", "name": "Christmas"}).json()["id"],
        "resource_id": api.post("/api/resources", {"name": "Room 1"}).json()["id"],
        "message_id": _message(cast, appointment["id"]).pk,
        "endpoint_id": hook["id"],
        "quote_id": api.post("/api/quotes", _document(cast)).json()["id"],
        "invoice_id": api.post("/api/invoices", _document(cast)).json()["id"],
        "delivery_id": tested["id"],
    }


def _document(cast: Cast) -> dict[str, object]:
    return {"lines": [{"description": "Hair cut", "unit_price": 4800}], "contact_id": cast.customer.pk}


def _message(cast: Cast, appointment_id: int) -> Message:
    now = datetime.now(UTC)
    times = {"next_try_at": now, "useful_until": now + timedelta(days=1)}
    return Message.objects.create(
        business=cast.owner.business, subject_kind="appointment", subject_id=appointment_id, kind="booked",
        occasion="1", channel="email", recipient="customer", address="carla@customer.test", **times,
    )  # fmt: skip


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.usefixtures("own_connection")
def test_fuzzed_requests_get_documented_answers(path, method, schema, world, soak):
    token, ids = world
    rounds = (FULL_REQUESTS if soak else DOSE_REQUESTS) // len(OPERATIONS)
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}

    @settings(
        max_examples=rounds,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=schema[path][method].as_strategy())
    def fuzz(case):
        for name, known in ids.items():
            if isinstance(case.path_parameters.get(name), int) and case.path_parameters[name] % 2:
                case.path_parameters[name] = known
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)

    fuzz()
