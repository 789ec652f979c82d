"""One installation under test: a fresh database, filled, and `slotkeeper serve` in front of it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from week import CONTACTS_PER_BUSINESS, PROVIDERS_PER_BUSINESS, Plan

from servers.postgresql import free_port

HERE = Path(__file__).parent


@dataclass
class Installation:
    """A database and how to reach it; `tokens` holds one owner's token for each business."""

    plan: Plan
    folder: Path
    database_url: str
    port: int = 0
    pid: int = 0
    first_ids: dict[str, int] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Its settings, and none of those of the shell."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLOTKEEPER_")}
        return kept | {
            "DATABASE_URL": self.database_url,
            "SLOTKEEPER_DATA_DIR": str(self.folder),
            "SLOTKEEPER_SYNCHRONOUS": "FULL",
            "SLOTKEEPER_LOG_LEVEL": "WARNING",
        }

    def inside(self, script: str, job: Mapping[str, Any]) -> Any:
        """Run one of this folder's scripts in the installation's environment; read the JSON it prints."""
        command = [sys.executable, str(HERE / script), json.dumps(job)]
        ran = subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE)
        return json.loads(ran.stdout)

    def fill(self) -> None:
        """Make the tables and store what the plan says."""
        subprocess.run(
            [sys.executable, "-m", "slotkeeper", "migrate"],
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        made = self.inside("fill.py", asdict(self.plan))
        self.first_ids, self.tokens = made["first_ids"], made["tokens"]

    def ids_of(self, provider: int) -> dict[str, int]:
        """Give the ids of the n-th provider, of their business and of a contact of it."""
        business = provider // PROVIDERS_PER_BUSINESS
        return {
            "user": self.first_ids["user"] + provider,
            "business": self.first_ids["business"] + business,
            "contact": self.first_ids["contact"] + business * CONTACTS_PER_BUSINESS,
        }

    def token(self, provider: int) -> str:
        """Give the token of the owner of the n-th provider's business."""
        return self.tokens[provider // PROVIDERS_PER_BUSINESS]

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the server, without its background worker, as an operator would."""
        self.port = free_port()
        command = [sys.executable, "-m", "slotkeeper", "serve", "--no-worker", "--port", str(self.port)]
        server = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        self.pid = server.pid
        try:
            self._wait_until_ready(server)
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)

    def _wait_until_ready(self, server: "subprocess.Popen[bytes]") -> None:
        for _ in range(300):
            if server.poll() is not None:
                raise RuntimeError("slotkeeper serve ended at once; see its message above.")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("slotkeeper serve did not listen within 30 seconds.")
