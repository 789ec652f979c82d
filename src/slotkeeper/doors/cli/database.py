"""`slotkeeper migrate` and `slotkeeper check`, and what must hold before anything serves."""

import argparse
import os
import stat

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from slotkeeper.appointments.models import Appointment, TimeClaim
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.changes.models import Change
from slotkeeper.configuration import ENV_FILE, PROJECT_FOLDER
from slotkeeper.doors.access import UndeclaredRoute, require_declared_routes
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.processes import die_with_supervisor
from slotkeeper.own_constraints import missing_parts
from slotkeeper.settings import CONFIGURATION


def prepare(options: argparse.Namespace) -> None:
    """Make the database ready, as `serve` does before anything else."""
    del options
    die_with_supervisor()
    make_ready()


def make_ready() -> None:
    """Migrate the embedded database, and refuse one that is not up to date or cannot guard appointments."""
    require_connection()
    if is_embedded():
        apply_migrations()
    require_migrations()
    require_guard()
    require_record()


def migrate(options: argparse.Namespace) -> None:
    """Apply all migrations."""
    del options
    require_connection()
    apply_migrations()
    require_guard()
    require_record()
    print("The database is up to date.")


def check(options: argparse.Namespace) -> int:
    """Check everything, print a line for each, and return 1 if anything is wrong."""
    del options
    problems = 0
    for name, require in (
        ("database answers", require_connection),
        ("migrations are applied", require_migrations),
        ("the guard is whole", require_guard),
        ("the record of changes only grows", require_record),
        ("every route declares its permission", require_declared_routes),
        ("settings files are private", require_private_files),
    ):
        try:
            require()
        except (CommandRefused, UndeclaredRoute, DatabaseError) as error:
            problems += 1
            print(f"WRONG  {name}: {error}")
        else:
            print(f"ok     {name}")
    mails = CONFIGURATION.mail_server
    print(
        f"note   mails go to {mails.host}:{mails.port}"
        if mails
        else "note   no mail server: mails are kept in the data directory"
    )
    return 1 if problems else 0


def is_embedded() -> bool:
    """Say whether the database is our own file."""
    return CONFIGURATION.database.is_sqlite


def apply_migrations() -> None:
    """Bring the database to this version's form."""
    _make_data_dir()
    call_command("migrate", verbosity=0, interactive=False)


def require_connection() -> None:
    """Refuse a database that does not answer, or is too old."""
    _make_data_dir()
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0]
        raise CommandRefused(f"The database does not answer: {reason}. Check DATABASE_URL.") from None
    if connection.vendor == "sqlite" and connection.get_database_version() < (3, 38):
        raise CommandRefused("Python's SQLite is older than 3.38. Use a newer Python or PostgreSQL.")
    if connection.vendor == "postgresql" and connection.get_database_version() < (15,):
        raise CommandRefused("PostgreSQL is older than 15. Please upgrade it.")


def _make_data_dir() -> None:
    if not is_embedded():
        return
    try:
        CONFIGURATION.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        place = CONFIGURATION.data_dir
        raise CommandRefused(f"The data directory {place} cannot be made: {error.strerror}.") from None


def require_migrations() -> None:
    """Refuse a database that is not in this version's form."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandRefused("The database is not up to date. Run: slotkeeper migrate")


def require_guard() -> None:
    """Refuse a database that would let two appointments overlap."""
    missing = missing_parts([Appointment, TimeClaim])
    if missing:
        raise CommandRefused(
            f"The guard against double booking is incomplete: {', '.join(missing)}. "
            "A table was probably rebuilt by hand; restore a backup, or see docs/operations.md."
        )


def require_record() -> None:
    """Refuse a database that would let somebody rewrite what happened."""
    missing = missing_parts([Change, Invoice, Quote])
    if missing:
        raise CommandRefused(
            f"The record of changes, or what was issued, is not protected: {', '.join(missing)}. "
            "A table was probably rebuilt by hand; restore a backup, or see docs/audit.md."
        )


def require_private_files() -> None:
    """Refuse settings files, which hold the secret key, that others may read."""
    for folder in (PROJECT_FOLDER, CONFIGURATION.data_dir):
        path = folder / ENV_FILE
        if path.exists() and stat.S_IMODE(os.stat(path).st_mode) & 0o077:  # noqa: PTH116
            raise CommandRefused(f"{path} is readable by others. Run: chmod 600 {path}")
