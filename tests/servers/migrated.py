"""Databases with their tables and nothing in them: migrated once for all processes of a test run, then copied."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from servers.command import run_in

_TEMPLATE = "slotkeeper_template"


def copy_data(folder: Path) -> None:
    """Make a data directory with an embedded database."""
    with _made_once("embedded") as template:
        if not template.exists():
            _migrate(template)
    shutil.copytree(template, folder, dirs_exist_ok=True)


def copy_database(server: str, name: str) -> None:
    """Make a database of this name on a PostgreSQL server; whatever had the name is gone."""
    with _made_once("postgresql") as template, psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        if not template.exists():
            _create(connection, _TEMPLATE)
            _migrate(template, DATABASE_URL=f"{server}/{_TEMPLATE}")
        _create(connection, name, f'TEMPLATE "{_TEMPLATE}"')


def _create(connection: psycopg.Connection, name: str, options: str = "") -> None:
    connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    connection.execute(f'CREATE DATABASE "{name}" {options}')


@contextmanager
def _made_once(name: str) -> Iterator[Path]:
    """Let one process at a time see whether a template is there; its folder appears when it is whole."""
    folder = Path(os.environ["TEST_TEMPLATES"]) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _migrate(template: Path, **settings: str) -> None:
    unfinished = template.with_suffix(".unfinished")
    made = run_in(unfinished, "migrate", **settings)
    assert made.returncode == 0, made.stderr
    unfinished.rename(template)
