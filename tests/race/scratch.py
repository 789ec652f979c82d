"""A copy of the test database that a test may break: the default connection leads there meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def scratch_copy() -> Iterator[str]:
    """Copy what is committed; yield the copy's name."""
    settings = connection.settings_dict
    name = settings["NAME"]
    copy = f"{name}-scratch" if connection.vendor == "sqlite" else f"{name}_scratch"
    connection.close()
    _make(name, copy)
    settings["NAME"] = copy
    try:
        yield copy
    finally:
        connection.close()
        settings["NAME"] = name
        _remove(copy)


def _make(name: str, copy: str) -> None:
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    else:
        with psycopg.connect(**address("postgres"), autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')


def _remove(copy: str) -> None:
    if connection.vendor == "sqlite":
        for path in Path(copy).parent.glob(f"{Path(copy).name}*"):
            path.unlink()
    else:
        with psycopg.connect(**address("postgres"), autocommit=True) as server:
            server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')


def address(name: str) -> dict[str, Any]:
    """Say where PostgreSQL's database of that name is, for its own driver."""
    settings = connection.settings_dict
    return {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "dbname": name}


def database_url() -> str:
    """Write the default connection's database as the setting DATABASE_URL does."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return f"postgresql://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
