"""A cursor that a connection keeps, for the statements that every request sends."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


class KeepsCursor(BaseDatabaseWrapper):
    """A database wrapper with a kept cursor: to make one for each statement costs a fifth of what a short one does."""

    _kept: Any = None

    def kept_cursor(self) -> Any:
        """Give the cursor, connected and tried like Django's own. Fetch all that is found before the next statement."""
        if self.force_debug_cursor:  # somebody looks on, a test that counts statements for one
            return self.cursor()
        self.close_if_health_check_failed()
        # Asked of the driver's own cursor: Django's looks every attribute up by hand.
        if self._kept is None or self._kept.cursor.connection is not self.connection:
            self._kept = self.cursor()
        return self._kept
