"""A cursor that a connection keeps, for the statements that every request sends."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


class KeepsCursor(BaseDatabaseWrapper):
    """A database wrapper with a kept cursor: to make one for each statement costs a fifth of what a short one does."""

    _kept: Any = None
    _kept_of: Any = None  # the connection that it belongs to

    def kept_cursor(self) -> Any:
        """Give the cursor, connected and tried like Django's own. Fetch all that is found before the next statement."""
        if self.force_debug_cursor:  # somebody looks on, a test that counts statements for one
            return self.cursor()
        self.close_if_health_check_failed()
        if self._kept_of is not self.connection or self.connection is None:
            self._kept = self.cursor()
            self._kept_of = self.connection
        return self._kept
