"""Fill an empty database, inside an installation's environment: `fill.py PLAN`; prints what the load must know.

The rows are those that the verbs would write, in the order in which people would have booked them. The
triggers rest meanwhile, or it would take minutes; the claims are inserted as they would have written them.
"""

import json
import os
import sys
from contextlib import contextmanager

import django
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
django.setup()

from week import (  # noqa: E402 -- models need Django set up
    BUSIEST,
    CONTACTS_PER_BUSINESS,
    HALF_HOUR,
    PROVIDERS,
    PROVIDERS_PER_BUSINESS,
    Plan,
    sql_start_of,
)

from slotkeeper.contacts.models import Contact  # noqa: E402 -- models exist after setup()
from slotkeeper.people.models import ApiToken, Business, Membership, User, new_secret, secret_hash  # noqa: E402
from slotkeeper.rules.permissions import Role, Scope  # noqa: E402

ZONE = "Europe/Berlin"
IS_POSTGRESQL = connection.vendor == "postgresql"


def make_people() -> dict[str, object]:
    """Make businesses of ten providers each, their contacts, and each owner's token."""
    users = User.objects.bulk_create(
        User(email=f"provider{n}@bench.test", password="!", name=f"Provider {n}", time_zone=ZONE)
        for n in range(PROVIDERS)
    )
    businesses = Business.objects.bulk_create(
        Business(name=f"Practice {n}", slug=f"practice-{n}", time_zone=ZONE)
        for n in range(PROVIDERS // PROVIDERS_PER_BUSINESS)
    )
    memberships = Membership.objects.bulk_create(
        Membership(
            user=user,
            business=businesses[n // PROVIDERS_PER_BUSINESS],
            role=Role.PROVIDER if n % PROVIDERS_PER_BUSINESS else Role.OWNER,
        )
        for n, user in enumerate(users)
    )
    contacts = Contact.objects.bulk_create(
        Contact(business=business, name=f"Customer {n}", email=f"customer{n}@bench.test", phone=f"+49 30 {n:04}")
        for business in businesses
        for n in range(CONTACTS_PER_BUSINESS)
    )
    secrets = [new_secret() for _ in businesses]
    ApiToken.objects.bulk_create(
        ApiToken(
            membership=owner,
            name="bench",
            scope=Scope.WRITE,
            secret_hash=secret_hash(secret),
            hint=secret[:8],
        )
        for owner, secret in zip(memberships[::PROVIDERS_PER_BUSINESS], secrets, strict=True)
    )
    first_ids = {"user": users[0].pk, "business": businesses[0].pk, "contact": contacts[0].pk}
    return {"first_ids": first_ids, "tokens": secrets}


def fill_appointments(cursor: CursorWrapper, plan: Plan, first_ids: dict[str, int]) -> None:
    """Insert appointments, and for each its claim and its change."""
    sharing, first = plan.sharing_providers, plan.first_monday
    _insert(cursor, plan.shared, f"n % {sharing}", sql_start_of(str(first), f"n / {sharing}"), first_ids)
    if plan.on_busiest:
        _insert(cursor, plan.on_busiest, str(BUSIEST), f"{first} - (n + 1) * {HALF_HOUR}", first_ids)
    cursor.execute(
        "INSERT INTO time_claims (user_id, claimed_from, claimed_until, appointment_id, is_main) "
        "SELECT user_id, blocked_from, blocked_until, id, true FROM appointments ORDER BY id"
    )
    cursor.execute(
        "INSERT INTO changes (business_id, subject_kind, subject_id, subject_version, verb, actor_kind, actor_id, "
        "actor_name, at, after, handled_at) SELECT business_id, 'appointment', id, 1, 'booked', 'token', 1, 'bench', "
        'created_at, \'{"title": "Consultation", "status": "scheduled"}\', created_at FROM appointments ORDER BY id'
    )


def _insert(cursor: CursorWrapper, count: int, provider: str, start: str, first_ids: dict[str, int]) -> None:
    """Insert appointments 0 to count - 1, whose provider and start are expressions of n."""
    moment = "to_timestamp({})" if IS_POSTGRESQL else "datetime({}, 'unixepoch')"
    begin, end, booked = (moment.format(text) for text in ("start", f"start + {HALF_HOUR}", "start - 864000"))
    business = f"provider / {PROVIDERS_PER_BUSINESS}"
    cursor.execute(
        "INSERT INTO appointments (business_id, user_id, title, description, start_time, end_time, status, "
        "contact_id, contact_name, contact_email, contact_phone, sync_to_calendar, blocked_from, blocked_until, "
        "created_at, updated_at) "
        f"WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count - 1}), "
        f"placed AS (SELECT n, {provider} AS provider, {start} AS start FROM numbers) "
        f"SELECT {first_ids['business']} + {business}, {first_ids['user']} + provider, 'Consultation', "
        f"'First visit; brings the earlier findings along.', {begin}, {end}, "
        f"CASE WHEN {begin} < CURRENT_TIMESTAMP THEN 'completed' ELSE 'scheduled' END, "
        f"{first_ids['contact']} + {business} * {CONTACTS_PER_BUSINESS}, 'Customer 0', 'customer0@bench.test', "
        "'+49 30 0000', false, "
        f"{begin}, {end}, {booked}, {booked} FROM placed ORDER BY n"
    )


@contextmanager
def resting_triggers(cursor: CursorWrapper):
    """Keep the triggers from firing; afterwards they stand as before, which `slotkeeper serve` checks."""
    if IS_POSTGRESQL:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        return
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = cursor.fetchall()
    for name, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in triggers:
        cursor.execute(sql)


def main() -> None:
    """Fill, and gather the statistics that a database in use would have."""
    plan = Plan(**json.loads(sys.argv[1]))
    made = make_people()
    with connection.cursor() as cursor:
        if not IS_POSTGRESQL:
            cursor.execute("PRAGMA cache_size = -1000000")  # of this connection only
        with transaction.atomic(), resting_triggers(cursor):
            fill_appointments(cursor, plan, made["first_ids"])
        cursor.execute("VACUUM ANALYZE" if IS_POSTGRESQL else "ANALYZE")
        cursor.execute("CHECKPOINT" if IS_POSTGRESQL else "PRAGMA wal_checkpoint(TRUNCATE)")
    print(json.dumps(made))


main()
