"""`slotkeeper demo`: a practice at work, in an empty database.

The same practice each time, shifted to today. Its past was not written down afterwards: every
appointment is booked, confirmed, completed or called off by the verbs, at moments of the past.
"""

import argparse
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from django.db import transaction
from django.utils.text import slugify

from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND, Actor, Subject, record
from slotkeeper.contacts.actions import create_contact
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.cli import demo_data
from slotkeeper.doors.cli.database import make_ready
from slotkeeper.doors.cli.demo_messages import write_ledger
from slotkeeper.doors.cli.demo_money import bill
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.private_files import private_file
from slotkeeper.doors.cli.processes import die_with_supervisor
from slotkeeper.doors.dashboard.account import verify_address
from slotkeeper.offerings.models import OpeningHours, Service, ServiceProvider
from slotkeeper.offerings.needs import set_needs
from slotkeeper.offerings.resources import create_resource
from slotkeeper.people.models import Membership, User
from slotkeeper.people.sign_up import AlreadySetUp, NewOwner, create_first_owner
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.local_time import DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS, day_bounds, local_day
from slotkeeper.rules.permissions import Role
from slotkeeper.settings import CONFIGURATION

_MARKER = CONFIGURATION.data_dir / "demo"  # pages show a banner while it exists
_DAYS_EITHER_WAY = 30
_GRID_MINUTES = 15


def demo(options: argparse.Namespace) -> None:
    """Fill an empty database and say how to sign in."""
    die_with_supervisor()
    make_ready()
    try:
        _fill(int(time.time()))
    except AlreadySetUp:
        if not options.if_empty:
            raise CommandRefused("The database is not empty, and a demo goes only into an empty one.") from None
    if _MARKER.exists() and _is_demo():
        print(_MARKER.read_text(encoding="utf-8"), end="")


def forget_replaced_demo() -> None:
    """Take the marker away when the database is no demo any more."""
    if not _is_demo():
        _MARKER.unlink(missing_ok=True)


def _is_demo() -> bool:
    return User.objects.filter(email=demo_data.OWNER[1]).exists()


def _fill(now: int) -> None:
    """Make everything in one transaction: a demo is whole or not there. Raises AlreadySetUp."""
    chance = random.Random(2310)  # noqa: S311 -- the same practice each time, and no secret
    password = secrets.token_urlsafe(9)
    with transaction.atomic():
        owner = _open_practice(password)
        team = [_hire(owner, provider) for provider in demo_data.PROVIDERS]
        for name in demo_data.ROOMS:
            create_resource(owner.business_id, {"name": name, "kind": demo_data.ROOM}, _actor(owner), now)
        services = [_offer(owner, team, treatment) for treatment in demo_data.TREATMENTS]
        contacts = _register_customers(chance, owner, now - 2 * _DAYS_EITHER_WAY * DAY_SECONDS)
        practice = _Practice(owner, team, services, contacts)
        steps = chain.from_iterable(_steps(chance, visit, now) for visit in _visits(chance, practice, now))
        _live_through(owner.business_id, sorted(steps, key=lambda step: step.at))
        write_ledger(owner.business_id, now)
        bill(owner.business_id, _actor(owner), chance, now)
        # Nothing follows from a past that never was: no mails, no webhooks.
        Change.objects.filter(handled_at=None).update(handled_at=datetime.fromtimestamp(now, UTC))
        _MARKER.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sign_in = f"Sign in as {demo_data.OWNER[1]} with the password {password}\n"
        with private_file(_MARKER) as part:
            part.write_text(sign_in, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Practice:
    owner: Membership
    team: list[Membership]
    services: list[Service]
    contacts: list[Contact]


@dataclass(frozen=True, slots=True)
class _Visit:
    booking: Booking
    booked_by: Actor
    provider: Actor


@dataclass(frozen=True, slots=True)
class _Step:
    """What somebody did with a visit at a moment: entered it (no status), or moved it to a status."""

    at: int
    visit: _Visit
    actor: Actor
    status: Status | None = None
    reason: str | None = None


def _open_practice(password: str) -> Membership:
    name, email = demo_data.OWNER
    owner = create_first_owner(NewOwner(email, name, demo_data.ZONE, demo_data.PRACTICE, password), COMMAND)
    verify_address(owner.user)
    return owner


def _hire(owner: Membership, provider: demo_data.Provider) -> Membership:
    user = User.objects.create_user(provider.email, name=provider.name, time_zone=demo_data.ZONE)
    user.password = owner.user.password  # one hash for all: hashing is meant to be slow
    user.save(update_fields=["password"])
    verify_address(user)
    member = Membership.objects.create(user=user, business=owner.business, role=Role.PROVIDER)
    after = {"user_id": user.pk, "role": Role.PROVIDER.value}
    record(Subject(owner.business_id, "membership", member.pk), "created", _actor(owner), None, after)
    OpeningHours.objects.bulk_create(
        OpeningHours(membership=member, weekday=weekday, start_minute=opens, end_minute=closes)
        for weekday in sorted(provider.weekdays)
        for opens, closes in demo_data.SESSIONS
    )
    return member


def _offer(owner: Membership, team: list[Membership], treatment: demo_data.Treatment) -> Service:
    service = Service.objects.create(
        business=owner.business,
        name=treatment.name,
        slug=slugify(treatment.name),
        description=treatment.description,
        duration_minutes=treatment.minutes,
        buffer_before_minutes=treatment.buffer_before_minutes,
        buffer_after_minutes=treatment.buffer_after_minutes,
        step_minutes=_GRID_MINUTES,
        minimum_notice_minutes=2 * 60,
        price_amount=treatment.price_amount,
        price_currency="EUR",
        location=demo_data.LOCATION,
        color=treatment.color,
    )
    ServiceProvider.objects.bulk_create(ServiceProvider(service=service, membership=member) for member in team)
    set_needs(service, [{"kind": demo_data.ROOM, "quantity": 1}])
    return service


def _register_customers(chance: random.Random, owner: Membership, now: int) -> list[Contact]:
    names = [f"{first} {last}" for first in demo_data.FIRST_NAMES for last in demo_data.LAST_NAMES]
    half = demo_data.CUSTOMERS // 2
    phones = [demo_data.LANDLINES.format(number) for number in chance.sample(range(1000), half)]
    phones += [demo_data.MOBILES.format(number) for number in chance.sample(range(100), half)]
    contacts = []
    for name, phone in zip(chance.sample(names, 2 * half), phones, strict=True):
        email = f"{slugify(name).replace('-', '.')}@example.org"
        fields = {"name": name, "email": email, "phone": phone}
        contacts.append(create_contact(owner.business_id, fields, _actor(owner), now))
    return contacts


def _visits(chance: random.Random, practice: _Practice, now: int) -> Iterator[_Visit]:
    """Fill the team's days: the past well, the coming weeks less and less."""
    today = local_day(demo_data.ZONE, now)
    for distance in range(-_DAYS_EITHER_WAY, _DAYS_EITHER_WAY + 1):
        day = today + timedelta(days=distance)
        midnight = day_bounds(demo_data.ZONE, day.year, day.month, day.day).start
        share = 0.4 - 0.25 * max(0, distance) / _DAYS_EITHER_WAY
        for member, provider in zip(practice.team, demo_data.PROVIDERS, strict=True):
            if day.weekday() not in provider.weekdays:
                continue
            for start, number in _times_of_day(chance, share):
                minutes = midnight + start * MINUTE_SECONDS
                yield _visit(chance, practice, member, minutes, number)


def _times_of_day(chance: random.Random, share: float) -> Iterator[tuple[int, int]]:
    """Give the start (minutes after midnight) and the treatment's number of what a day holds."""
    weights = [treatment.weight for treatment in demo_data.TREATMENTS]
    for opens, closes in demo_data.SESSIONS:
        free_from = opens
        while free_from < closes:
            (number,) = chance.choices(range(len(weights)), weights)
            treatment = demo_data.TREATMENTS[number]
            start = -(-(free_from + treatment.buffer_before_minutes) // _GRID_MINUTES) * _GRID_MINUTES
            if start + treatment.minutes > closes:
                break
            if chance.random() < share:
                yield start, number
                free_from = start + treatment.minutes + treatment.buffer_after_minutes
            else:
                free_from += 2 * _GRID_MINUTES


def _visit(chance: random.Random, practice: _Practice, member: Membership, start: int, number: int) -> _Visit:
    treatment, service = demo_data.TREATMENTS[number], practice.services[number]
    contact = chance.choice(practice.contacts)
    booking = Booking(
        business_id=practice.owner.business_id,
        user_id=member.user_id,
        title=f"{treatment.name}: {contact.name}",
        start_time=start,
        end_time=start + treatment.minutes * MINUTE_SECONDS,
        contact_id=contact.pk,
        location=demo_data.LOCATION,
        notes=chance.choice(demo_data.NOTES) if chance.random() < 0.15 else None,
        service_id=service.pk,
    )
    return _Visit(booking, _actor(practice.owner if chance.random() < 0.4 else member), _actor(member))


def _steps(chance: random.Random, visit: _Visit, now: int) -> Iterator[_Step]:
    """Tell what happened to a visit until now."""
    start, end = visit.booking.start_time, visit.booking.end_time
    booked_at = start - max(DAY_SECONDS, start - now) - chance.randrange(60, 20 * DAY_SECONDS)
    confirmed_at = booked_at + chance.randrange(300, 18 * HOUR_SECONDS)
    if chance.random() < 0.35:  # by telephone, shortly before
        confirmed_at = max(confirmed_at, start - chance.randrange(2, 24) * HOUR_SECONDS)
    last = _Step(end + 300, visit, visit.provider, Status.COMPLETED)
    fate = chance.random()
    if fate < 0.08:
        called_off_at = chance.randrange(booked_at + 60, start)
        last = _Step(called_off_at, visit, visit.booked_by, Status.CANCELED, chance.choice(demo_data.REASONS))
    elif fate < 0.13:
        last = _Step(start + 1200, visit, visit.provider, Status.NO_SHOW)
    elif fate < 0.5 and end + 300 < now:
        yield _Step(end + 300, visit, visit.provider)  # came without an appointment, and was written down
        return
    yield _Step(booked_at, visit, visit.booked_by)
    if confirmed_at < min(last.at, now):
        yield _Step(confirmed_at, visit, visit.booked_by, Status.CONFIRMED)
    if last.at < now:
        yield last


def _live_through(business_id: int, steps: list[_Step]) -> None:
    """Take the steps, in their order. Nobody comes at a time for which, when it is asked for, no room is free."""
    ids: dict[_Visit, int] = {}
    for step in steps:
        if step.status is None:
            enter = actions.book if step.at < step.visit.booking.start_time else actions.record_begun
            with suppress(actions.SlotTaken):
                ids[step.visit] = enter(step.visit.booking, step.actor, step.at).id
        elif step.visit in ids:
            target = actions.Target(Reach(business_id), ids[step.visit])
            actions.update(target, {"status": step.status}, step.actor, step.at, step.reason)


def _actor(member: Membership) -> Actor:
    return Actor("member", member.pk, member.user.name)
