"""What slots cost: `slots.py [--quick]`, through the API in one process, on an embedded database of its own.

The database is on disk and holds 100,000 appointments. Costs are CPU milliseconds of a whole request: token,
permission, SQL, rules, JSON. Prints a table with their growth over stored history, providers and range; exits
with 1 if a requirement is missed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

os.environ |= {
    "SLOTKEEPER_DATA_DIR": tempfile.mkdtemp(prefix="slotkeeper-slots-", dir="/var/tmp"),
    "DJANGO_SETTINGS_MODULE": "slotkeeper.settings",
    "DATABASE_URL": "",
}

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import django

django.setup()

from cpu import cpu_ms  # noqa: E402 -- needs the line above, like all that follow
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from in_process import asker  # noqa: E402
from report import Requirement, requirements_table, table  # noqa: E402

from slotkeeper.appointments.models import Appointment  # noqa: E402
from slotkeeper.changes.record import COMMAND  # noqa: E402
from slotkeeper.offerings.models import OpeningHours, Service, ServiceProvider  # noqa: E402
from slotkeeper.people.models import Membership, User  # noqa: E402
from slotkeeper.people.sign_up import NewOwner, create_owner  # noqa: E402
from slotkeeper.people.tokens import TokenWish, create_token  # noqa: E402
from slotkeeper.rules.permissions import Role, Scope  # noqa: E402

ZONE = "Europe/Berlin"
PROVIDERS, PER_DAY = 20, 8
DAY, HALF_HOUR = timedelta(days=1), timedelta(minutes=30)
STATEMENTS = 5
DAYS = 61


@dataclass(frozen=True)
class Case:
    """A question, how many providers and days it is about, and what it may cost."""

    title: str
    service_id: int
    days: int
    limit: int | None = None
    at_most_ms: float | None = None


@dataclass(frozen=True)
class Found:
    """What a question cost, and how many slots it found."""

    case: Case
    ms: float
    statements: int
    slots: int


def main() -> int:
    """Fill, measure, print; 1 if a requirement is missed."""
    parser = argparse.ArgumentParser(description="Measure what slots cost.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the stored appointments and of the rounds")
    stored, rounds = (10_000, 20) if parser.parse_args().quick else (100_000, 200)
    stored += PROVIDERS * PER_DAY * DAYS
    call_command("migrate", verbosity=0)
    owner, members = make_people()
    ask = asker(create_token(owner, TokenWish("bench", Scope.READ), COMMAND)[1])
    bounded, others = make_cases(owner, members)
    fill(members, range(DAYS), PER_DAY)
    before = [measure(ask, case, rounds) for case in bounded]
    add_history(members, stored - PROVIDERS * PER_DAY * DAYS)
    after = [measure(ask, case, rounds) for case in bounded]
    lines = [line(found, f"{PROVIDERS * PER_DAY * DAYS:,}") for found in before]
    lines += [line(found, f"{stored:,}") for found in after + [measure(ask, case, rounds) for case in others]]
    print(table(("slots of", "stored", "application ms", "statements", "slots"), lines))
    requirements = requirements_of(before, after)
    print(f"\n{requirements_table(requirements)}")
    return 0 if all(requirement.is_met for requirement in requirements) else 1


def make_cases(owner: Membership, members: list[Membership]) -> tuple[list[Case], list[Case]]:
    """Make the services and the questions about them: those with a bound, and those that show the growth."""
    one, any_20, any_5, all_10 = (
        make_service(owner, members[:count], name, assignment)
        for count, name, assignment in (
            (1, "one", "any"), (20, "any-20", "any"), (5, "any-5", "any"), (10, "all-10", "all")
        )
    )  # fmt: skip
    bounded = [
        Case("a month, one provider", one, 31, at_most_ms=3),
        Case("60 days, first 100 of any of 20", any_20, 60, 100, at_most_ms=10),
        Case("60 days, all of 10 at once", all_10, 60, at_most_ms=30),
    ]
    return bounded, [
        Case("15 days, one provider", one, 15),
        Case("60 days, one provider", one, 60),
        Case("60 days, first 100 of any of 5", any_5, 60, 100),
        Case("60 days, every slot of any of 20", any_20, 60),
    ]


def line(found: Found, stored: str) -> list[str]:
    """Write a line of the table."""
    return [found.case.title, stored, f"{found.ms:.2f}", str(found.statements), str(found.slots)]


def requirements_of(before: list[Found], after: list[Found]) -> list[Requirement]:
    """State what must hold, with what was found before and after the history was added."""
    requirements = []
    for few, many in zip(before, after, strict=True):
        title = many.case.title
        requirements += [
            Requirement(f"application CPU ms, {title}", many.ms, at_most=many.case.at_most_ms),
            Requirement(f"statements, {title}", many.statements, at_most=STATEMENTS),
            Requirement(f"CPU beside that without history, {title}", many.ms / few.ms, at_most=1.25),
        ]
    return requirements


def make_people() -> tuple[Membership, list[Membership]]:
    """Make a business with twenty providers who are there on weekdays from 8 to 18."""
    owner = create_owner(NewOwner("owner@bench.test", "Owner", ZONE, "Bench"), COMMAND)
    users = User.objects.bulk_create(
        User(email=f"p{n}@bench.test", password="!", name=f"P {n}", time_zone=ZONE) for n in range(PROVIDERS)
    )
    members = Membership.objects.bulk_create(
        Membership(user=user, business=owner.business, role=Role.PROVIDER) for user in users
    )
    OpeningHours.objects.bulk_create(
        OpeningHours(membership=member, weekday=weekday, start_minute=480, end_minute=1080)
        for member in members
        for weekday in range(7)
    )
    return owner, members


def make_service(owner: Membership, members: list[Membership], name: str, assignment: str) -> int:
    """Make a service of half an hour, on a grid of half hours, that these members give."""
    service = Service.objects.create(
        business=owner.business, name=name, slug=name, assignment=assignment, step_minutes=30, horizon_days=90
    )
    ServiceProvider.objects.bulk_create(ServiceProvider(service=service, membership=member) for member in members)
    return service.pk


def fill(members: list[Membership], days: range, per_day: int) -> None:
    """Book everybody's days, counted from tomorrow: every other half hour from 8:00, a different one for each."""
    Appointment.objects.bulk_create(
        (
            appointment(member, tomorrow() + number * DAY + (2 * place + turn % 2) * HALF_HOUR)
            for number in days
            for turn, member in enumerate(members)
            for place in range(per_day)
        ),
        batch_size=5_000,
    )


def add_history(members: list[Membership], count: int) -> None:
    """Fill the past, one appointment after the other, until there are so many more."""
    places = ((number, member) for number in range(count) for member in members)
    rows = (appointment(member, tomorrow() - 2 * DAY - number * HALF_HOUR) for number, member in islice(places, count))
    Appointment.objects.bulk_create(rows, batch_size=5_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def appointment(member: Membership, start: datetime) -> Appointment:
    """Describe half an hour of somebody's time."""
    end = start + HALF_HOUR
    at = {"start_time": start, "end_time": end, "blocked_from": start, "blocked_until": end}
    return Appointment(business_id=member.business_id, user_id=member.user_id, title="Consultation", **at)


def tomorrow() -> datetime:
    """Give tomorrow's opening, in UTC."""
    return datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC) + DAY + timedelta(hours=7)


def measure(ask: Callable[[str], bytes], case: Case, rounds: int) -> Found:
    """Ask again and again; the cost is the median."""
    first = tomorrow().date()
    path = f"/api/slots?service_id={case.service_id}&start={first}&end={first + case.days * DAY}"
    if case.limit:
        path += f"&limit={case.limit}"
    slots = json.loads(ask(path))["slots"]
    with CaptureQueriesContext(connection) as captured:
        ask(path)
    statements = len(captured)
    costs = [cpu_ms(lambda: ask(path)) for _ in range(rounds)]
    return Found(case, statistics.median(costs), statements, len(slots))


if __name__ == "__main__":
    sys.exit(main())
