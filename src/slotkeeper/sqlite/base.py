"""SQLite as Slotkeeper needs it: IMMEDIATE transactions that queue at a fair gate (gate.py)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3 import base

from slotkeeper.kept_cursor import KeepsCursor
from slotkeeper.sqlite.gate import Gate
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
    _gate: Gate | None = None  # a database in memory has none: nobody else can write to it

    def get_connection_params(self) -> dict[str, Any]:
        """Refuse any transaction mode but IMMEDIATE: the guard relies on it."""
        params: dict[str, Any] = super().get_connection_params()
        if self.transaction_mode != "IMMEDIATE":  # type: ignore[attr-defined]  # the stubs leave it out
            raise ImproperlyConfigured("SQLite needs transaction_mode IMMEDIATE, or two writers could book one slot.")
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; a database on a disk has a gate."""
        made = super().get_new_connection(conn_params)
        self._gate = None if self.is_in_memory_db() else Gate(made, self.settings_dict["NAME"])
        return made

    def create_cursor(self, name: str | None = None) -> Any:
        """Open a cursor of ours."""
        del name
        return self.connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        try:
            if self._gate:
                with self.wrap_database_errors:
                    self._gate.enter()
            self.kept_cursor().execute("BEGIN IMMEDIATE")
        except BaseException:
            self._leave_gate()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # the stubs leave it out
        except BaseException:
            self._rollback()
            raise
        self._leave_gate()
        if self._gate:
            self._gate.sync()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self._leave_gate()

    def _leave_gate(self) -> None:
        if self._gate:
            with self.wrap_database_errors:
                self._gate.leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # the stubs leave it out
        finally:
            if self._gate:
                self._gate.open()
                self._gate = None
