"""A practice in which every text is marked, everybody who may ask about it, and what stands for each path parameter."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client

from cast import Api, Cast, add_member, make_cast, token_for
from slotkeeper.calendars.connections import Owner
from slotkeeper.calendars.feeds import make_feed
from slotkeeper.calendars.models import CalendarConnection, CalendarEventLink, CalendarProposal, ConnectedCalendar
from slotkeeper.changes.record import COMMAND
from slotkeeper.outbox.models import Message
from slotkeeper.people.models import ApiToken, Membership, SessionRecord, User
from slotkeeper.rules.permissions import GRANTABLE, Permission, Role, Scope

# Texts of the business that it shows nobody else; texts of the owner's own rows; how a customer is reached; and why the
# owner is away.
BUSINESS, ROW, DETAIL, AWAY = "zqbusinessmark", "zqrowmark", "zqdetailmark", "zqawaymark"
NOW = datetime.now(UTC).replace(microsecond=0)
NOBODYS = "nobodys-7f3a"

# The value of every path parameter, by its name. Whoever adds a route with a new one adds a line here: an attribute
# of the world that `make_world` fills with a row of the practice's owner, or a constant where it names no row.
PARAMETERS: dict[str, Any] = {
    "appointment_id": "appointment", "calendar_id": "calendar", "closure_id": "closure", "connection_id": "connection",
    "contact_id": "contact", "delivery_id": "delivery", "endpoint_id": "endpoint", "feed_id": "feed",
    "invitation_id": "invitation", "invoice_id": "invoice", "member_id": "member", "message_id": "message",
    "proposal_id": "proposal", "quote_id": "quote", "record_id": "appointment", "resource_id": "resource",
    "service_id": "service", "session_id": "session", "time_off_id": "time_off", "token_id": "token",
    "user_id": "user",
}  # fmt: skip
CONSTANTS: dict[str, str] = {
    "business": "practice", "channel": "email", "code": "DE", "color": "336699", "date": "2027-12-24",
    "digest": "0" * 32, "key": NOBODYS, "kind": "booked", "link": NOBODYS, "locale": "en", "pk": "1",
    "secret": NOBODYS, "server": "icloud", "service": NOBODYS, "token": NOBODYS, "uidb36": "1",
}  # fmt: skip


@dataclass
class Asker:
    """Somebody who asks: with a token, a session, or nothing; and what is known of them."""

    name: str
    role: Role | None = None
    scope: Scope = Scope.WRITE
    grants: frozenset[str] = frozenset()
    is_limited: bool = False
    is_outsider: bool = False
    hides: tuple[str, ...] = ()  # the marks that they must never see
    token: str | None = None
    session: str | None = None

    @property
    def is_known(self) -> bool:
        return self.role is not None


@dataclass
class World:
    """The practice's owner's rows, by what they are called in PARAMETERS, and everybody who asks."""

    cast: Cast
    ids: dict[str, int] = field(default_factory=dict)
    askers: dict[str, Asker] = field(default_factory=dict)


@contextmanager
def made_world() -> Iterator[World]:
    """Make the world in a transaction that is rolled back."""
    with transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def make_world() -> World:
    cast = make_cast()
    User.objects.filter(pk=cast.owner.user_id).update(email=f"{BUSINESS}@practice.test")
    world = World(cast)
    _store_by_api(world, cast.api())
    _store_calendars(world)
    _store_message(world)
    _invite_askers(world)
    return world


def _made(api: Api, path: str, body: Any) -> int:
    answer = api.post(path, body)
    assert answer.status_code in {200, 201, 202}, (path, answer.content)
    return int(answer.json()["id"])


def _store_by_api(world: World, api: Api) -> None:
    cast, ids = world.cast, world.ids
    user_id = cast.owner.user_id
    ids |= {"user": user_id, "member": cast.owner.pk}
    ids["contact"] = _made(
        api, "/api/contacts",
        {"name": f"Carla {ROW}", "email": f"{DETAIL}@home.test", "phone": f"+49 {DETAIL}"[:20], "notes": DETAIL},
    )  # fmt: skip
    ids["service"] = _made(api, "/api/services", {"name": "Hair cut", "user_ids": [user_id, cast.colleague.user_id]})
    answer = api.book(
        contact_id=ids["contact"], service_id=ids["service"], title=ROW, description=ROW, notes=ROW, location=ROW,
        contact_name=f"Carla {ROW}", contact_email=f"{DETAIL}@home.test", contact_phone="+49 30 99",
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    ids["appointment"] = answer.json()["id"]
    ids["token"] = _made(api, "/api/tokens", {"name": BUSINESS})
    away = {"start": "2027-03-01T00:00:00", "end": "2027-03-02T00:00:00", "reason": AWAY}
    ids["time_off"] = _made(api, f"/api/users/{user_id}/time-off", away)
    ids["closure"] = _made(api, "/api/closures", {"date": "2027-12-24", "name": BUSINESS})
    ids["resource"] = _made(api, "/api/resources", {"name": BUSINESS})
    hook = {"url": f"https://93.184.216.34/{BUSINESS}", "description": BUSINESS}
    ids["endpoint"] = _made(api, "/api/webhook-endpoints", hook)
    ids["delivery"] = _made(api, f"/api/webhook-endpoints/{ids['endpoint']}/test", None)
    document = {"lines": [{"description": BUSINESS, "unit_price": 4800}], "contact_id": ids["contact"]}
    ids["quote"] = _made(api, "/api/quotes", document)
    ids["invoice"] = _made(api, "/api/invoices", document)
    invited = {"email": f"invited@{BUSINESS}.test", "role": "viewer"}
    ids["invitation"] = _made(api, "/api/invitations", invited)


def _store_calendars(world: World) -> None:
    owner, ids = world.cast.owner, world.ids
    connection = CalendarConnection.objects.create(user=owner.user, provider="caldav", name=ROW, username=DETAIL)
    calendar = ConnectedCalendar.objects.create(connection=connection, user=owner.user, external_id="x", name=ROW)
    link = CalendarEventLink.objects.create(
        internal_entity_type="appointment", internal_entity_id=ids["appointment"], connection=connection,
        calendar=calendar, external_calendar_id="x", event_key="x", external_event_id=ROW, last_error=ROW,
    )  # fmt: skip
    ids |= {"connection": connection.pk, "calendar": calendar.pk}
    ids["proposal"] = CalendarProposal.objects.create(link=link, kind="delete").pk
    ids["feed"] = make_feed(Owner(owner.user_id, owner.business_id), False, COMMAND)[0].pk


def _store_message(world: World) -> None:
    times = {"next_try_at": NOW, "useful_until": NOW + timedelta(days=1)}
    world.ids["message"] = Message.objects.create(
        business=world.cast.owner.business, subject_kind="appointment", subject_id=world.ids["appointment"],
        kind="booked", occasion="1", channel="email", recipient="customer", address=f"{DETAIL}@home.test",
        subject_line=ROW, **times,
    ).pk  # fmt: skip


def _invite_askers(world: World) -> None:
    cast, askers = world.cast, world.askers
    everything = (BUSINESS, ROW, DETAIL, AWAY)
    members = {role: add_member(cast.owner, f"{role}@practice.test", role) for role in Role if role != Role.OWNER}
    members[Role.PROVIDER] = cast.colleague
    hidden = {Role.PROVIDER: (ROW, DETAIL, AWAY), Role.BOOKKEEPER: (AWAY,), Role.VIEWER: (DETAIL, AWAY)}
    for role, member in {Role.OWNER: cast.owner, **members}.items():
        askers[role.value] = _signed_in(Asker(role.value, role, hides=hidden.get(role, ())), member)
    all_but_details = GRANTABLE - {Permission.CONTACTS_READ_DETAILS}
    granted = Asker("granted", Role.VIEWER, grants=all_but_details, hides=(DETAIL,))
    limits = {"limited_to_user_ids": []}, {"limited_to_service_ids": []}
    alone, idle = (
        add_member(cast.owner, f"{place}@practice.test", Role.SCHEDULER, **limit)
        for place, limit in zip(("alone", "idle"), limits, strict=True)
    )
    reading = Asker("read-only token", Role.OWNER, Scope.READ, token=token_for(cast.owner, Scope.READ))
    outsider = Asker("outsider", Role.OWNER, is_outsider=True, hides=everything)
    suspended, removed = (add_member(cast.owner, f"{name}@practice.test", Role.ADMIN) for name in ("late", "gone"))
    askers |= {
        reading.name: reading,
        outsider.name: _signed_in(outsider, cast.outsider),
        "granted": _signed_in(
            granted, add_member(cast.owner, "granted@practice.test", Role.VIEWER, grants=sorted(all_but_details))
        ),
        "limited to people": _signed_in(_limited("limited to people", ROW, DETAIL, AWAY), alone),
        "limited to services": _signed_in(_limited("limited to services", ROW, DETAIL), idle),
        "anonymous": Asker("anonymous", hides=everything),
        "suspended": _signed_in(Asker("suspended", hides=everything), suspended),
        "removed": _signed_in(Asker("removed", hides=everything), removed),
        "revoked": Asker("revoked", hides=everything, token=token_for(cast.owner)),
        "expired": Asker("expired", hides=everything, token=token_for(cast.owner)),
    }
    Membership.objects.filter(pk=suspended.pk).update(is_suspended=True)
    Membership.objects.filter(pk=removed.pk).update(is_suspended=True, removed_at=NOW)
    newest = list(ApiToken.objects.filter(membership=cast.owner).order_by("-pk")[:2])
    ApiToken.objects.filter(pk=newest[1].pk).update(revoked_at=NOW)
    ApiToken.objects.filter(pk=newest[0].pk).update(expires_at=NOW - timedelta(seconds=1))
    record = SessionRecord.objects.filter(session_id=askers["owner"].session).first()
    world.ids["session"] = record.pk if record else _session_record(cast.owner).pk


def _limited(name: str, *hides: str) -> Asker:
    """Describe a scheduler who is limited so far that no appointment of the practice's owner is within reach."""
    return Asker(name, Role.SCHEDULER, is_limited=True, hides=hides)


def _signed_in(asker: Asker, member: Membership) -> Asker:
    """Give somebody both ways to ask: a token and a browser's session, used once already."""
    browser = Client(HTTP_HOST="localhost")
    browser.force_login(member.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    browser.get("/settings/account")
    asker.session, asker.token = browser.cookies["slotkeeper_session"].value, token_for(member)
    return asker


def _session_record(member: Membership) -> SessionRecord:
    session = Session.objects.create(
        session_key=secrets.token_hex(16), session_data="", expire_date=NOW + timedelta(days=1)
    )
    return SessionRecord.objects.create(
        session=session, user=member.user, membership=member, user_agent=BUSINESS, last_used_at=NOW
    )
