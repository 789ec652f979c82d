"""PostgreSQL as Slotkeeper needs it: a kept connection is tried before use without asking the server.

Django sends `SELECT 1` before the first query of each request, an eighth of what a booking costs.
A server that stopped, restarted or dropped the session has closed the socket: that is seen here.
"""

import select

from django.db.backends.postgresql import base

from slotkeeper.kept_cursor import KeepsCursor


class DatabaseWrapper(KeepsCursor, base.DatabaseWrapper):
    """Django's wrapper, with a health check that needs no round trip."""

    def is_usable(self) -> bool:
        """Say whether the connection is open and quiet: one that nobody asked has nothing to say but goodbye."""
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
