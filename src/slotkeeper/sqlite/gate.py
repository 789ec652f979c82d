"""The gate: SQLite's write transactions queue fairly, and wait for the disk only when they have left the queue.

SQLite lets a waiting writer sleep and retry, so under load the unlucky one waits for seconds. The gate is a `flock`
on a file beside the database, taken before BEGIN and given back after COMMIT: the kernel serves waiters in order,
and frees the lock of a killed process.

With `synchronous=FULL` SQLite waits for the disk within COMMIT, and everybody at the gate would wait with it. So a
transaction inside the gate commits with NORMAL, which writes the same pages to the write-ahead log, leaves, and
brings the log to the disk then, before anybody is told that it is done. The log is written in order: whatever a
transaction has seen is on the disk when the transaction itself is.
"""

import fcntl
import os
import sqlite3
import weakref
from functools import cached_property

from django.db.utils import OperationalError

_FULL = 2  # as PRAGMA synchronous answers


class _FileBeside:
    """A file beside the database: opened when it is first needed, closed when nobody holds this any more.

    Web servers end idle threads, which do not close their connections.
    """

    def __init__(self, path: str, flags: int) -> None:
        self._path, self._flags = path, flags

    @cached_property
    def descriptor(self) -> int:
        descriptor = os.open(self._path, self._flags | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, descriptor)
        return descriptor


class Gate:
    """The gate as one connection passes it; `flock` belongs to the open file, so threads queue, too."""

    def __init__(self, connection: sqlite3.Connection, database: str) -> None:
        """Stand before the database whose file has this name; it must be on a disk."""
        self._cursor = connection.cursor()
        self._lock = _FileBeside(f"{database}-gate", os.O_RDWR | os.O_CREAT)
        self._log = _FileBeside(f"{os.path.realpath(database)}-wal", os.O_RDONLY)  # where SQLite has it
        self._is_held = False
        settings = [self._cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        self._syncs_outside = settings == ["wal", _FULL]

    def enter(self) -> None:
        """Wait for your turn. A transaction that begins now commits without waiting for the disk: see `sync`.

        Raises OperationalError if the system gives no lock.
        """
        if self._syncs_outside:
            self._cursor.execute("PRAGMA synchronous=NORMAL")
        try:
            fcntl.flock(self._lock.descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise OperationalError(f"there is no way through the gate: {error}") from error
        self._is_held = True

    def leave(self) -> None:
        """Let the next one in, when the transaction is over. From here on single statements wait for the disk again."""
        self.open()
        if self._syncs_outside:
            self._cursor.execute("PRAGMA synchronous=FULL")

    def open(self) -> None:
        """Let the next one in, of a connection that is closed."""
        if self._is_held:
            fcntl.flock(self._lock.descriptor, fcntl.LOCK_UN)
            self._is_held = False

    def sync(self) -> None:
        """Wait until all that was committed is on the disk. Raises OperationalError if the disk refuses."""
        if self._syncs_outside:
            try:
                os.fdatasync(self._log.descriptor)
            except OSError as error:
                raise OperationalError(f"the disk did not take what was committed: {error}") from error
