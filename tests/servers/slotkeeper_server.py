"""A real Slotkeeper over HTTP: granian's workers in processes of their own, on a free port."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from servers.migrated import copy_data
from servers.postgresql import free_port


@dataclass(frozen=True)
class Slotkeeper:
    """Where it listens, where its data is, and the environment its commands need."""

    port: int
    folder: Path
    environ: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running_slotkeeper(
    database_url: str = "", workers: int = 2, threads: int = 4, **settings: str
) -> Iterator[Slotkeeper]:
    """Run a server on a database that has its tables, or on a fresh SQLite one; stop it, remove its folder.

    Settings go in by their names in the environment, such as SLOTKEEPER_SYNCHRONOUS="NORMAL".
    """
    folder, port = Path(tempfile.mkdtemp(prefix="slotkeeper-server-")), free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("SLOTKEEPER_")}
    own |= {
        "SLOTKEEPER_DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "SLOTKEEPER_LOG_LEVEL": "WARNING",
    }
    environ = own | settings | {"DJANGO_SETTINGS_MODULE": "slotkeeper.settings"}
    server = None
    try:
        if not database_url:
            copy_data(folder)
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-ws"]
        command += [
            "--workers",
            str(workers),
            "--blocking-threads",
            str(threads),
            "slotkeeper.wsgi:application",
        ]
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        _wait_for(f"http://127.0.0.1:{port}/healthz", server, folder / "server.log")
        yield Slotkeeper(port, folder, environ)
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)  # a worker that outlived its parent
    server.wait()
