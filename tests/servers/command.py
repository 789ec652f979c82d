"""The `slotkeeper` command in processes of its own, as people run it."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from servers.postgresql import free_port


def environment_of(folder):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLOTKEEPER_") and name != "DATABASE_URL"
    }
    return kept | {"SLOTKEEPER_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "slotkeeper.settings"}


def run_in(folder, *arguments, given="", **changes):
    return subprocess.run(
        [sys.executable, "-m", "slotkeeper", *arguments],
        input=given,
        env=environment_of(folder) | changes,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Server:
    """`slotkeeper serve` in a process of its own."""

    def __init__(self, environment, *arguments):
        self.port = free_port()
        command = [sys.executable, "-m", "slotkeeper", "serve", "--port", str(self.port), *arguments]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def get(self, path, **headers):
        request = urllib.request.Request(f"http://localhost:{self.port}{path}", headers=headers)
        return urllib.request.urlopen(request, timeout=10).read().decode()

    def wait(self):
        for _ in range(1200):
            try:
                return self.get("/readyz")
            except (OSError, urllib.error.URLError):
                assert self.process.poll() is None, self.process.stdout.read()
                time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def descendants(self):
        listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        children = {}
        for line in listed.splitlines():
            pid, parent = map(int, line.split())
            children.setdefault(parent, []).append(pid)
        found, waiting = [], [self.process.pid]
        while waiting:
            offspring = children.get(waiting.pop(), [])
            found += offspring
            waiting += offspring
        return found

    def worker(self, other_than=None):
        """Wait for the background worker and return its process id."""
        for _ in range(600):
            found = [pid for pid in self.descendants() if pid != other_than and is_worker(pid)]
            if found:
                return found[0]
            time.sleep(0.05)
        raise AssertionError("there is no background worker")


def is_worker(pid):
    try:
        return b"slotkeeper\x00worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended meanwhile
        return False


def alive(pids):
    return [pid for pid in pids if _state(pid) not in {"", "Z"}]


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def gone(pids, seconds=5):
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pids)
