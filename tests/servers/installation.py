"""An installation of its own for tests of commands: a data directory, a database, and processes.

Each command runs in a fresh child of a process that has imported everything already, so a test
may run many: importing costs a second, forking a hundredth.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

SERVER = os.environ.get("TEST_POSTGRESQL_URL")
_MOTHER = """
import json, os, signal, sys, traceback, django
django.setup()
from slotkeeper.doors.cli import backup, demo, export
from slotkeeper.doors.cli.main import main
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children; the test reads their exit code
for line in sys.stdin:
    words, files = json.loads(line)
    streams = [os.open(f"{files}.{end}", os.O_WRONLY | os.O_CREAT, 0o600) for end in ("output", "errors")]
    child = os.fork()
    if child:
        print(child, flush=True)
        os.close(streams[0])
        os.close(streams[1])
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.stdin = open(os.devnull)
    os.dup2(streams[0], 1)
    os.dup2(streams[1], 2)
    code = 1
    try:
        code = exec(words[1], {"main": main}) or 0 if words[0] == "-c" else main(words)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    open(f"{files}.code-", "w").write(str(code))
    os.rename(f"{files}.code-", f"{files}.code")
    os._exit(code)
"""

_TORN = """
SELECT a.id FROM appointments a WHERE
    a.version <> (SELECT count(*) FROM changes c WHERE c.subject_kind = 'appointment' AND c.subject_id = a.id)
    OR (a.status IN ('scheduled', 'confirmed', 'completed')) <> EXISTS (
        SELECT 1 FROM time_claims t WHERE t.appointment_id = a.id AND t.user_id = a.user_id AND t.is_main
        AND t.claimed_from = a.blocked_from AND t.claimed_until = a.blocked_until)
"""


@dataclass
class Command:
    """A command that was started."""

    pid: int
    files: Path

    @property
    def is_running(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    @property
    def output(self) -> str:
        return Path(f"{self.files}.output").read_text()

    @property
    def errors(self) -> str:
        return Path(f"{self.files}.errors").read_text()

    @property
    def code(self) -> int:
        return int(Path(f"{self.files}.code").read_text())

    def wait(self, seconds: int = 60) -> "Command":
        deadline = time.monotonic() + seconds
        while self.is_running:
            assert time.monotonic() < deadline, f"{self.output}{self.errors}"
            time.sleep(0.005)
        return self

    def kill(self) -> None:
        if self.is_running:
            os.kill(self.pid, 9)
        self.wait()


class Installation:
    """A data directory and a database; `snapshot` and `reset` remember and bring back what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.folder.mkdir()
        self.name = f"cli_{os.getpid()}_{time.monotonic_ns()}"
        self.file = self.folder / "slotkeeper.sqlite3"
        self.url = f"{SERVER}/{self.name}" if SERVER else f"sqlite:///{self.file}"
        self._work = folder / "commands"
        self._work.mkdir()
        self._count = 0
        self._is_touched = True
        self._template = str(folder / "template.sqlite3")
        self.clear()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLOTKEEPER_")}
        self.environ = kept | {
            "SLOTKEEPER_DATA_DIR": str(self.folder),
            "DATABASE_URL": self.url,
            "SLOTKEEPER_URL": "https://praxis.test",
            "DJANGO_SETTINGS_MODULE": "slotkeeper.settings",
        }
        self._mother = subprocess.Popen(
            [sys.executable, "-c", _MOTHER],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *words: object) -> Command:
        """Start `slotkeeper WORDS`, or Python code given as `-c`."""
        self._count += 1
        self._is_touched = True
        files = self._work / str(self._count)
        self._mother.stdin.write(json.dumps([[str(word) for word in words], str(files)]) + "\n")
        self._mother.stdin.flush()
        return Command(int(self._mother.stdout.readline()), files)

    def run(self, *words: object) -> Command:
        return self.start(*words).wait()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL as a hand in the database would."""
        self._is_touched |= not sql.lstrip().startswith(("SELECT", "PRAGMA"))
        if SERVER:
            with psycopg.connect(self.url) as database:
                cursor = database.execute(sql)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.file)) as database:
            found = database.execute(sql).fetchall()
            database.commit()
            return found

    def write_past_the_guard(self, sql: str) -> None:
        """Write what triggers and constraints would refuse."""
        if SERVER:
            self.rows("ALTER TABLE time_claims DISABLE TRIGGER USER, DROP CONSTRAINT time_claims_one_per_user")
            self.rows(sql)
            return
        with closing(sqlite3.connect(self.file)) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            database.execute(sql)
            for _, statement in triggers:
                database.execute(statement)
            database.commit()

    def assert_is_sound(self) -> None:
        """Check that the file is whole, and that every appointment has its changes and its claim."""
        assert self.rows(_TORN) == []
        if not SERVER:
            assert self.rows("PRAGMA integrity_check") == [("ok",)]
            assert self.rows("PRAGMA foreign_key_check") == []

    def clear(self) -> None:
        """Leave an empty database."""
        self._make("template1")

    def snapshot(self) -> None:
        _on_server(f"CREATE DATABASE {self.name}_template TEMPLATE {self.name}")
        if not SERVER:
            shutil.copyfile(self.file, self._template)

    def reset(self) -> None:
        if self._is_touched:
            self._make(f"{self.name}_template")
            if not SERVER:
                shutil.copyfile(self._template, self.file)
            self._is_touched = False

    def _make(self, template: str) -> None:
        _on_server(
            f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)",
            f"CREATE DATABASE {self.name} TEMPLATE {template}",
        )
        for file in self.folder.glob(f"{self.file.name}*"):
            file.unlink()

    def remove(self) -> None:
        self._mother.stdin.close()
        self._mother.wait(10)
        _on_server(*(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in (self.name, f"{self.name}_template")))


@contextmanager
def fresh_database(folder: Path) -> Iterator[str]:
    """Make an empty database of the engine that is tested; give its DATABASE_URL."""
    name = f"fresh_{os.getpid()}_{time.monotonic_ns()}"
    _on_server(f"CREATE DATABASE {name}")
    yield f"{SERVER}/{name}" if SERVER else f"sqlite:///{folder / name}.sqlite3"
    _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _on_server(*statements: str) -> None:
    if SERVER:
        with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
            for statement in statements:
                server.execute(statement)
