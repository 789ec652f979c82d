"""A calendar on Xandikos. It keeps no password, and every token is a state of its repository, so none is ever lost."""

from contracts.dav_world import DavWorld
from servers.calendar_servers import xandikos


class XandikosWorld(DavWorld):
    def __init__(self, stack):
        super().__init__(stack, xandikos(), "/ada/calendars/")

    def forget_cursors(self):
        self.proxy.unknown_token = "0" * 40
