"""`slotkeeper backup`, `restore` and `release-sending`."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from django.db import DatabaseError, connection, transaction

from slotkeeper.configuration import ENV_FILE, PROJECT_FOLDER, read_env_file
from slotkeeper.doors.cli import backup_postgresql, backup_sqlite
from slotkeeper.doors.cli.database import is_embedded, require_connection, require_migrations
from slotkeeper.doors.cli.demo import forget_replaced_demo
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.private_files import private_file
from slotkeeper.doors.cli.restoring import Unusable
from slotkeeper.outbox.models import SendingHold
from slotkeeper.settings import CONFIGURATION

_SQLITE, _POSTGRESQL = b"SQLite format 3\0", b"PGDMP"


def backup(options: argparse.Namespace) -> None:
    """Write the database into a new file."""
    target = Path(options.file).absolute()
    _refuse_to_overwrite(target, options.force)
    _require_content()
    engine = backup_sqlite if is_embedded() else backup_postgresql
    try:
        with private_file(target) as part:
            engine.write_copy(part)
    except DatabaseError as error:
        raise CommandRefused(f"{target} was not written: {error}.") from None
    except Unusable as error:
        raise CommandRefused(
            f"{target} was not written: the database cannot be copied, {error}. See docs/operations.md."
        ) from None
    print(f"Wrote {target} ({target.stat().st_size / 1_000_000:.1f} MB).")
    print(f"Keep {_secret_place()} with it: sessions, links and stored secrets need its key.")


def restore(options: argparse.Namespace) -> None:
    """Replace the database by a backup, and hold sending."""
    source = Path(options.file).absolute()
    _require_backup(source)
    _require_consent(source, options.yes)
    engine = backup_sqlite if is_embedded() else backup_postgresql
    if not is_embedded():
        require_connection()
    try:
        engine.restore_copy(source)
    except (Unusable, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandRefused(f"{source} was not restored: {reason}. The database is as it was.") from None
    forget_replaced_demo()
    print(f"Restored {source}.")
    print("Sending is held, so that nothing is sent twice. To let messages leave: slotkeeper release-sending")


def release_sending(options: argparse.Namespace) -> None:
    """Let messages leave again."""
    del options
    require_connection()
    require_migrations()
    with transaction.atomic():
        holds = list(SendingHold.objects.order_by("held_at"))
        SendingHold.objects.all().delete()
    for hold in holds:
        print(f"Was held since {hold.held_at:%Y-%m-%d %H:%M} UTC: {hold.reason}")
    print("Messages leave again." if holds else "Sending was not held.")


def _refuse_to_overwrite(target: Path, is_forced: bool) -> None:
    if target.is_dir():
        raise CommandRefused(f"{target} is a folder. Name a file.")
    live = Path(CONFIGURATION.database.name).resolve()
    own = {f"{live}{ending}" for ending in ("", "-wal", "-shm", "-gate")}
    if is_embedded() and str(target.resolve()) in own:
        raise CommandRefused(f"{target} belongs to the database itself. Name another file.")
    if target.exists() and not (is_forced and target.is_file()):
        raise CommandRefused(f"{target} exists. Name another file, or say --force to replace it.")


def _require_content() -> None:
    if is_embedded() and not Path(CONFIGURATION.database.name).exists():
        raise CommandRefused(f"There is no database at {CONFIGURATION.database.name}, so there is nothing to back up.")
    require_connection()
    if "appointments" not in connection.introspection.table_names():
        raise CommandRefused("The database is empty, so there is nothing to back up.")


def _require_backup(source: Path) -> None:
    """Refuse what can be seen at a glance to be no backup for this engine."""
    if source.exists() and not source.is_file():
        raise CommandRefused(f"{source} is no file.")
    if is_embedded() and source.resolve() == Path(CONFIGURATION.database.name).resolve():
        raise CommandRefused(f"{source} is the database itself. Name a backup of it.")
    try:
        with source.open("rb") as file:
            beginning = file.read(16)
    except OSError as error:
        raise CommandRefused(f"{source} cannot be read: {error.strerror}.") from None
    is_sqlite, is_postgresql = beginning == _SQLITE, beginning.startswith(_POSTGRESQL)
    if not is_sqlite and not is_postgresql:
        raise CommandRefused(f"{source} is no backup of Slotkeeper.")
    if is_sqlite != is_embedded():
        made, used = ("SQLite", "PostgreSQL") if is_sqlite else ("PostgreSQL", "SQLite")
        raise CommandRefused(f"{source} is a backup of {made}, and this installation uses {used}. See DATABASE_URL.")


def _require_consent(source: Path, is_given: bool) -> None:
    if is_given:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandRefused(
            "Restoring replaces the whole database. Nobody can be asked here: say --yes if that is meant."
        )
    written = datetime.fromtimestamp(source.stat().st_mtime, UTC)
    print(f"This replaces {CONFIGURATION.database.name} by a backup of {written:%Y-%m-%d %H:%M} UTC.")
    print("Whatever was entered since then is lost.")
    print("Go on? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandRefused("Nothing was changed.")


def _secret_place() -> str:
    """Say where the keys are with which a restored installation opens what is sealed, and signs."""
    places = [_place_of(name) for name in ("SLOTKEEPER_SECRET_KEY", "SLOTKEEPER_ENCRYPTION_KEYS")]
    return " and ".join(dict.fromkeys(filter(None, places)))


def _place_of(name: str) -> str:
    if os.environ.get(name, "").strip():
        return f"{name} of the environment"
    files = (folder / ENV_FILE for folder in (PROJECT_FOLDER, CONFIGURATION.data_dir))
    return next((str(path) for path in files if read_env_file(path).get(name)), "")
