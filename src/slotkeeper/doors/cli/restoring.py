"""What a restore asks of a backup, whichever engine it is for."""

from pathlib import Path

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from slotkeeper.appointments.models import Appointment, TimeClaim
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.changes.models import Change
from slotkeeper.doors.cli.database import apply_migrations
from slotkeeper.outbox.models import SendingHold
from slotkeeper.own_constraints import missing_parts
from slotkeeper.rules.appointment_status import CLAIMING


class Unusable(Exception):
    """A backup cannot be restored; the message is a clause that says why."""


_OVERLAP = (
    "SELECT 1 FROM (SELECT claimed_from, lag(claimed_until) OVER "
    "(PARTITION BY user_id, resource_id ORDER BY claimed_from) AS before FROM time_claims) AS claims "
    "WHERE before > claimed_from LIMIT 1"
)
_CLAIMING = ", ".join(f"'{status}'" for status in sorted(CLAIMING))
_UNCLAIMED = (
    "SELECT 1 FROM appointments a LEFT JOIN time_claims c ON c.appointment_id = a.id AND c.is_main AND "
    "c.user_id = a.user_id AND c.claimed_from = a.blocked_from AND c.claimed_until = a.blocked_until "
    f"WHERE a.status IN ({_CLAIMING}) AND c.id IS NULL LIMIT 1"
)


def require_ours(applied: set[tuple[str, str]]) -> None:
    """Refuse a database that other software made, or a newer version of this one. Raises Unusable."""
    if ("appointments", "0001_initial") not in applied:
        raise Unusable("it is no backup of Slotkeeper")
    unknown = sorted(applied - MigrationLoader(None).disk_migrations.keys())
    if unknown:
        app, name = unknown[0]
        raise Unusable(f"a newer version of Slotkeeper wrote it (it has {app}.{name}); install that version first")


def make_ready(source: Path) -> None:
    """Bring the restored data to this version's form, check it and hold sending. Raises Unusable."""
    try:
        apply_migrations()
    except DatabaseError as error:
        raise Unusable(f"its data does not fit: {str(error).splitlines()[0]}") from None
    missing = missing_parts([Appointment, TimeClaim])
    if missing:
        raise Unusable(f"it lacks parts of the guard against double booking: {', '.join(missing)}")
    missing = missing_parts([Change, Invoice, Quote])
    if missing:
        raise Unusable(
            f"it lacks what keeps the record of changes, or what was issued, from being rewritten: {', '.join(missing)}"
        )
    with connection.cursor() as cursor:
        for query, problem in (
            (_OVERLAP, "appointments in it overlap"),
            (_UNCLAIMED, "appointments in it hold no time"),
        ):
            cursor.execute(query)
            if cursor.fetchone():
                raise Unusable(problem)
    # Messages that the backup thinks are due may have left long ago.
    SendingHold.objects.create(reason=f"Restored from {source.name}")
