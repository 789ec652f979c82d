"""SQLite as Slotkeeper needs it: IMMEDIATE transactions that queue at a fair gate.

SQLite lets a waiting writer sleep and retry, so under load the unlucky one waits for
seconds. The gate is a `flock` on a file beside the database, taken before BEGIN and given
back after COMMIT: the kernel serves waiters in order, and frees the lock of a killed process.
"""

import fcntl
import os
import weakref
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base

from slotkeeper.kept_cursor import KeepsCursor
from slotkeeper.sqlite.schema import DatabaseSchemaEditor


class Cursor(base.SQLiteCursorWrapper):
    """Django's cursor, which remembers how a statement reads in SQLite's own style."""

    def convert_query(self, query: str, *, param_names: Iterable[str] | None = None) -> str:
        """Write `?` for `%s`; to search every statement anew would cost each booking a twentieth of its CPU."""
        if param_names is None:
            return _with_question_marks(query)
        named: str = super().convert_query(query, param_names=param_names)
        return named


@lru_cache(maxsize=256)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(KeepsCursor, base.DatabaseWrapper):
    """Django's wrapper, with a gate around each outermost write transaction."""

    SchemaEditorClass = DatabaseSchemaEditor
    _gate: int | None = None
    _is_gate_held = False

    def get_connection_params(self) -> dict[str, Any]:
        """Refuse any transaction mode but IMMEDIATE: the guard relies on it."""
        params: dict[str, Any] = super().get_connection_params()
        if self.transaction_mode != "IMMEDIATE":  # type: ignore[attr-defined]  # the stubs leave it out
            raise ImproperlyConfigured("SQLite needs transaction_mode IMMEDIATE, or two writers could book one slot.")
        return params

    def create_cursor(self, name: str | None = None) -> Any:
        """Open a cursor of ours."""
        del name
        return self.connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        self._enter_gate()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs leave it out
        except BaseException:
            self._leave_gate()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._leave_gate()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._leave_gate()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._leave_gate()
            if self._gate is not None:
                self._close_gate()
                self._gate = None

    def _enter_gate(self) -> None:
        if self.is_in_memory_db():
            return
        if self._gate is None:
            # One descriptor per connection: flock belongs to the open file, so threads queue too.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._gate = os.open(f"{self.settings_dict['NAME']}-gate", flags, 0o600)
            # Web servers end idle threads, which do not close their connections.
            self._close_gate = weakref.finalize(self, os.close, self._gate)
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        self._is_gate_held = True

    def _leave_gate(self) -> None:
        if self._is_gate_held and self._gate is not None:
            fcntl.flock(self._gate, fcntl.LOCK_UN)
            self._is_gate_held = False
