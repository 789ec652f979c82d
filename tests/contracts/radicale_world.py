"""A calendar on Radicale."""

import shutil

from contracts.dav_world import DavWorld
from servers.calendar_servers import radicale


class RadicaleWorld(DavWorld):
    def __init__(self, stack):
        server, self.folder = radicale()
        super().__init__(stack, server, "/ada/")

    def forget_cursors(self):
        for kept in self.folder.rglob(".Radicale.cache"):
            shutil.rmtree(kept / "sync-token", ignore_errors=True)


class RadicaleWithoutSyncWorld(RadicaleWorld):
    """Radicale as a server that knows no sync-collection: what changed is found by comparing listings."""

    lacks = frozenset({"forgetting"})  # the cursor holds all that is known

    def __init__(self, stack):
        super().__init__(stack)
        self.proxy.edit = lambda _method, headers, content: (headers, content.replace(b"sync-collection", b"nothing"))
