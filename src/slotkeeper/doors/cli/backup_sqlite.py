"""Backup and restore of SQLite, while others read and write."""

import fcntl
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.apps import apps
from django.db import connection

from slotkeeper.doors.cli.restoring import Unusable, make_ready, require_ours
from slotkeeper.own_constraints import GuardConstraint

_PATIENCE_SECONDS = 30


def write_copy(part: Path) -> None:
    """Write the database as it is at this moment, without what a plain copy keeps of deleted rows."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(part)])
    with closing(sqlite3.connect(part)) as copy:
        _require_integrity(copy)


def restore_copy(source: Path) -> None:
    """Prepare a copy of the backup, then put it in the database's place. Raises Unusable."""
    live = Path(connection.settings_dict["NAME"])
    workshop = live.with_name(f"{live.name}-restoring")
    shutil.rmtree(workshop, ignore_errors=True)  # of a restore that was killed
    try:
        workshop.mkdir(mode=0o700, parents=True)
        copy = workshop / "copy.sqlite3"
        shutil.copyfile(source, copy)
        log = source.with_name(f"{source.name}-wal")
        if log.exists():  # a plain copy of a running database has its newest rows there
            shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
        _prepare(copy, source)
        _replace(live, copy)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _prepare(copy: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(copy)) as database:
            _require_integrity(database)
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"django_migrations", "appointments"} <= tables:
                raise Unusable("it is no backup of Slotkeeper")
            require_ours(set(database.execute("SELECT app, name FROM django_migrations")))
        with _django_on(copy):
            make_ready(source)
        with closing(sqlite3.connect(copy)) as database:
            _require_own_triggers(database)
    except sqlite3.Error as error:
        raise Unusable(f"it is damaged ({error})") from None


def _require_integrity(database: sqlite3.Connection) -> None:
    (verdict,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise Unusable(f"it is damaged ({verdict.splitlines()[-1]})")


def _require_own_triggers(database: sqlite3.Connection) -> None:
    """Refuse triggers of others: they are code, and would run on our next write."""
    ours = {
        sql.split()[2]
        for model in apps.get_models()
        for constraint in model._meta.constraints  # noqa: SLF001 -- Django's public Meta API
        if isinstance(constraint, GuardConstraint)
        for sql in constraint.statements("sqlite")
    }
    found = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    if found - ours:
        raise Unusable(f"it holds triggers that are not Slotkeeper's: {', '.join(sorted(found - ours))}")


@contextmanager
def _django_on(path: Path) -> Iterator[None]:
    """Let everything that uses Django's connection work on another file for a while."""
    live = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = str(path)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = live


def _replace(live: Path, copy: Path) -> None:
    """Overwrite every page in one transaction: open connections see the old rows, then the new ones."""
    live.touch(mode=0o600)
    try:
        with (
            Path(f"{live}-gate").open("a") as gate,
            closing(sqlite3.connect(copy)) as source,
            closing(sqlite3.connect(live, timeout=_PATIENCE_SECONDS)) as target,
        ):
            fcntl.flock(gate, fcntl.LOCK_EX)  # writers queue here (sqlite/gate.py), so none can keep us out
            source.backup(target, progress=_not_for_ever())
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        raise Unusable(f"the database could not be written ({error})") from None
    except sqlite3.DatabaseError as error:
        raise Unusable(
            f"the present database is damaged ({error}). Stop the server, move {live} away and restore again"
        ) from None


def _not_for_ever() -> Callable[[int, int, int], None]:
    """Make the backup API give up on a database that stays locked; by itself it tries for ever."""
    deadline = time.monotonic() + _PATIENCE_SECONDS

    def after_step(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > deadline:
            raise sqlite3.OperationalError("another program keeps it locked")

    return after_step
