"""A real PostgreSQL for tests: Debian's own binaries, in a temporary folder, on a free port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "PostgreSQL's server is missing. Install it: apt-get install postgresql postgresql-contrib"


def binary(name: str) -> str:
    """Find one of PostgreSQL's programs, on PATH or where Debian keeps them."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, versions), os.environ.get("PATH", "")]))
    if found is None:
        raise RuntimeError(MISSING)
    return found


def _identity() -> dict[str, object]:
    """PostgreSQL refuses to run as root: only the server child is demoted."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        if (
            subprocess.run([binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode
            == 0
        ):
            return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start within ten seconds.")


@contextmanager
def running_postgresql(**settings: str) -> Iterator[str]:
    """Run a server; yield its URL without a database name, such as postgresql://postgres@127.0.0.1:5433."""
    folder = Path(tempfile.mkdtemp(prefix="slotkeeper-pg-"))
    identity = _identity()
    if identity:
        os.chown(folder, identity["user"], identity["group"])  # type: ignore[arg-type]
    data, port = folder / "data", free_port()
    subprocess.run(
        [
            binary("initdb"),
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **identity,
    )
    tuned = {
        "fsync": "off",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "log_min_messages": "fatal",
    } | settings
    options = [f"-c{name}={value}" for name, value in tuned.items()]
    server = subprocess.Popen(
        [binary("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        **identity,
    )
    try:
        _wait(port)
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # fast: SIGTERM would wait for open clients for ever
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
