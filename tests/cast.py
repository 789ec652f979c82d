"""The one cast of people that the tests use: owner, colleague, outsider, customer."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from slotkeeper.changes.record import COMMAND
from slotkeeper.contacts.models import Contact
from slotkeeper.people.models import Membership, User
from slotkeeper.people.sign_up import NewOwner, create_owner
from slotkeeper.people.tokens import TokenWish, create_token
from slotkeeper.rules.permissions import Role, Scope

ZONE = "Europe/Berlin"
PASSWORD = "correct horse battery"


@dataclass
class Cast:
    """Everybody, with a token for each who works in a business."""

    owner: Membership
    colleague: Membership
    outsider: Membership
    customer: Contact

    def api(self, who: str = "owner", scope: Scope = Scope.WRITE) -> "Api":
        return Api(token_for(getattr(self, who), scope))


def make_cast() -> Cast:
    """Make the cast in an empty database: the practice with its owner and a provider, and a stranger's garage."""
    owner = create_owner(NewOwner("owner@practice.test", "Olga Owner", ZONE, "Practice", PASSWORD), COMMAND)
    outsider = create_owner(
        NewOwner("outsider@garage.test", "Otto Outsider", "America/New_York", "Garage", PASSWORD), COMMAND
    )
    colleague = add_member(owner, "colleague@practice.test", Role.PROVIDER)
    customer = Contact.objects.create(
        business=owner.business,
        name="Carla Customer",
        email="carla@customer.test",
        phone="+49 30 1234",
        created_at=datetime.now(UTC),
        updated_at=datetime.now(UTC),
    )
    return Cast(owner, colleague, outsider, customer)


def add_member(owner: Membership, email: str, role: Role, **place: Any) -> Membership:
    user = User.objects.create_user(
        email, PASSWORD, name=email.split("@", maxsplit=1)[0].title(), time_zone=ZONE, created_at=datetime.now(UTC)
    )
    now = datetime.now(UTC)
    return Membership.objects.create(user=user, business=owner.business, role=role, created_at=now, **place)


def token_for(membership: Membership, scope: Scope = Scope.WRITE) -> str:
    return create_token(membership, TokenWish("test", scope), COMMAND)[1]


class Api:
    """Speaks JSON to the API with a token; every answer is checked against its description."""

    def __init__(self, token: str | None) -> None:
        self.client = Client(HTTP_HOST="localhost", raise_request_exception=True)
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {} if body is None else {"data": _encoded(body), "content_type": "application/json"}
        return self.client.generic(method, path, headers=self.headers | named, **sent)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("PUT", path, body, **headers)

    def book(self, start: str = "2027-01-15T14:00:00", end: str = "2027-01-15T15:00:00", **fields: Any) -> Any:
        return self.post("/api/appointments", {"title": "Meeting", "start_time": start, "end_time": end} | fields)


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
