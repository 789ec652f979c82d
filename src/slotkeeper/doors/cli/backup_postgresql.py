"""Backup and restore of PostgreSQL.

`pg_dump` writes the backup. A restore takes only rows out of it: the tables are made by our own
migrations and filled by COPY, all in one transaction. So nothing that a file says is ever run,
whoever owns the schema or the extension, and what fails leaves everything as it was.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import psycopg
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from psycopg.conninfo import make_conninfo
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Composed, Identifier

from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.restoring import Unusable, make_ready, require_ours
from slotkeeper.settings import CONFIGURATION

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_COPY = re.compile(rf"COPY (?:{_NAME}\.)?({_NAME}) \((.+)\) FROM stdin;\n")
_SEQUENCE = re.compile(r"SELECT pg_catalog\.setval\('(?:[^']*\.)?\"?(\w+)\"?', (\d+), true\);\n")
_END_OF_ROWS = b"\\.\n"
_PATIENCE_SECONDS, _PAUSE_SECONDS = 30, 0.1


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table, in COPY's text form."""

    table: str
    columns: list[str]
    lines: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class LastId:
    """The last id that a sequence gave out."""

    sequence: str
    id: int


def write_copy(part: Path) -> None:
    """Let pg_dump write its own compressed form: one snapshot, and nobody waits."""
    database = CONFIGURATION.database
    options = dict(database.options)
    password = options.pop("password", "") or database.password
    named = {"host": database.host, "port": database.port, "user": database.user, "dbname": database.name}
    address = make_conninfo(**{name: value for name, value in (named | options).items() if value})
    arguments = [
        "--format=custom",
        "--encoding=UTF8",
        "--no-password",
        f"--file={part}",
        f"--dbname={address}",
    ]
    done = subprocess.run(  # noqa: S603 -- our own arguments, no shell
        [_program("pg_dump"), *arguments],
        env=os.environ | ({"PGPASSWORD": password} if password else {}),
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise CommandRefused(f"No backup was written: {_first_line(done.stderr) or 'pg_dump was stopped'}.")


def restore_copy(source: Path) -> None:
    """Make the tables of the backup's time, fill them, bring them up to date. Raises Unusable."""
    applied = _applied_migrations(source)  # reads the whole file, before anybody has to wait
    require_ours(applied)
    try:
        with transaction.atomic():
            _drop_tables()
            tables = _create_tables(applied)
            _fill_tables(source, tables)
            make_ready(source)
    except (DatabaseError, psycopg.Error) as error:
        raise Unusable(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Say what the server said, in one line; of what stands in the way of a DROP it names each thing."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if isinstance(cause, LockNotAvailable):
        return "somebody keeps using the database; stop the server and try again"
    if not isinstance(cause, psycopg.Error) or cause.diag.message_primary is None:
        return str(error).splitlines()[0]
    detail = cause.diag.message_detail
    return cause.diag.message_primary + (f" ({detail.replace(chr(10), ', ')})" if detail else "")


def _program(name: str) -> str:
    """Find the client program, on PATH or where Debian keeps versions, that is no older than the server."""
    wanted = connection.get_database_version()[0]
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = [str(program) for program in (shutil.which(name), *debian) if program]
    for program in found:
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        number = re.search(r"\d+", version)
        if number and int(number[0]) >= wanted:
            return program
    problem = f"is older than the server ({wanted})" if found else "is missing"
    raise CommandRefused(
        f"{name} {problem}. Install PostgreSQL's client programs: apt-get install postgresql-client-{wanted}"
    )


@contextmanager
def _script(source: Path) -> Iterator[Iterator[bytes]]:
    """Give the lines that pg_restore turns the data of a backup into. Raises Unusable for a damaged one."""
    command = [_program("pg_restore"), "--data-only", "--file=-", str(source)]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:  # noqa: S603
            assert process.stdout is not None
            yield process.stdout
        if process.returncode:
            errors.seek(0)
            raise Unusable(f"it is damaged ({_first_line(errors.read())})")


def _contents(script: Iterable[bytes]) -> Iterator[Rows | LastId]:
    """Pick rows and last ids out of the script; whatever else it says is passed over."""
    lines = iter(script)
    for line in lines:
        text = line.decode(errors="replace")
        if copy := _COPY.fullmatch(text):
            columns = [_unquoted(name) for name in re.findall(_NAME, copy[2])]
            rows = Rows(_unquoted(copy[1]), columns, takewhile(lambda row: row != _END_OF_ROWS, lines))
            yield rows
            deque(rows.lines, maxlen=0)  # what the reader left
        elif sequence := _SEQUENCE.fullmatch(text):
            yield LastId(sequence[1], int(sequence[2]))


def _applied_migrations(source: Path) -> set[tuple[str, str]]:
    applied = set()
    with _script(source) as script:
        for content in _contents(script):
            if isinstance(content, Rows) and content.table == "django_migrations":
                for line in content.lines:
                    row = dict(zip(content.columns, line.decode().rstrip("\n").split("\t"), strict=False))
                    applied.add((row.get("app", ""), row.get("name", "")))
    return applied


def _drop_tables() -> None:
    """Drop what our migrations made, and nothing of anybody else."""
    loader = MigrationLoader(connection)
    state = loader.project_state([key for key in loader.applied_migrations if key in loader.graph.nodes])
    models = state.apps.get_models(include_auto_created=True)
    ours = {model._meta.db_table for model in models} | {"django_migrations"}  # noqa: SLF001 -- Django's public Meta API
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        strangers = sorted(present - ours)
        if strangers and loader.applied_migrations.keys() - loader.disk_migrations.keys():
            raise Unusable(
                "the database was used by a newer version of Slotkeeper, whose tables this one does not know "
                f"({', '.join(strangers)}). Make an empty database, name it in DATABASE_URL and restore there"
            )
        if present & ours:
            tables = SQL(", ").join(map(Identifier, sorted(present & ours)))
            _lock(cursor, tables)
            cursor.execute(SQL("DROP TABLE {}").format(tables))


def _lock(cursor: Any, tables: Composed) -> None:
    """Wait until nobody else uses the tables.

    Requests lock them in other orders than we. Whoever notices a deadlock loses, after a second: so we
    give up sooner, give back what we have and try again. New requests queue behind us meanwhile.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with transaction.atomic():
                cursor.execute("SET LOCAL lock_timeout = '300ms'")
                cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables))
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
            return


def _create_tables(applied: set[tuple[str, str]]) -> list[str]:
    """Migrate to where the backup was; return the tables that this made."""
    before = set(connection.introspection.table_names())
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    plan = [step for step in executor.migration_plan(newest) if (step[0].app_label, step[0].name) in applied]
    executor.migrate(newest, plan)
    return sorted(set(connection.introspection.table_names()) - before)


def _fill_tables(source: Path, tables: list[str]) -> None:
    last_ids: dict[str, int] = {}
    with connection.cursor() as cursor:
        _switch_triggers(cursor, tables, "DISABLE")  # the claims are in the backup, too
        cursor.execute(SQL("TRUNCATE {}").format(SQL(", ").join(map(Identifier, tables))))
        # Django leaves the foreign keys that a migration adds checked at once; the rows come in no such order.
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        with _script(source) as script:
            for content in _contents(script):
                if isinstance(content, LastId):
                    last_ids[content.sequence] = content.id
                elif content.table in tables:
                    _fill_table(cursor, content)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # checks foreign keys now: triggers and migrations need it
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        _switch_triggers(cursor, tables, "ENABLE")
        for table in tables:
            _set_last_ids(cursor, table, last_ids)


def _switch_triggers(cursor: Any, tables: list[str], verb: str) -> None:
    for table in tables:
        cursor.execute(SQL("ALTER TABLE {} {} TRIGGER USER").format(Identifier(table), SQL(verb)))


def _fill_table(cursor: Any, rows: Rows) -> None:
    columns = SQL(", ").join(map(Identifier, rows.columns))
    with cursor.copy(SQL("COPY {} ({}) FROM STDIN").format(Identifier(rows.table), columns)) as copy:
        for line in rows.lines:
            copy.write(line)


def _set_last_ids(cursor: Any, table: str, last_ids: dict[str, int]) -> None:
    """Go on counting where the backup was: an id is never given twice, not even a deleted row's."""
    for sequence in connection.introspection.get_sequences(cursor, table):
        largest = SQL("greatest(max({}), %s)").format(Identifier(sequence["column"]))
        last_id = last_ids.get(sequence["name"], 0)
        cursor.execute(
            SQL("SELECT setval(to_regclass(%s), greatest({}, 1), {} > 0) FROM {}").format(
                largest, largest, Identifier(table)
            ),
            [sequence["name"], last_id, last_id],
        )


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _first_line(output: bytes) -> str:
    return next(iter(output.decode(errors="replace").strip().splitlines()), "").rstrip(".")
