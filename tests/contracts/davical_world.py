"""A calendar on DAViCal, where that is installed."""

import psycopg
import pytest

from contracts.dav_world import DavWorld
from servers import davical


class DavicalWorld(DavWorld):
    username, password = "admin", davical.PASSWORD
    start = "/caldav.php/"

    def __init__(self, stack):
        if missing := davical.missing():
            pytest.skip(missing)
        server, self.database = davical.davical()
        super().__init__(stack, server, "/caldav.php/admin/")

    def forget_cursors(self):
        with psycopg.connect(self.database) as connection:
            connection.execute("DELETE FROM sync_tokens")
