"""Workers that remind on a clock of the test's: processes that can be killed at any moment.

They are forked by a mother (reminder_mother.py). What all share is one small file: the step, the time, and for each
worker the last step that it ended.
"""

import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

_HEAD = struct.Struct("qd")
_DONE = struct.Struct("q")
_SIZE = 4096
TESTS = Path(__file__).resolve().parents[1]


class Board:
    """The shared file."""

    def __init__(self, path):
        if not Path(path).exists():
            Path(path).write_bytes(bytes(_SIZE))
        with Path(path).open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)

    @property
    def step(self):
        return _HEAD.unpack_from(self._map)[0]

    @property
    def now(self):
        return datetime.fromtimestamp(_HEAD.unpack_from(self._map)[1], UTC)

    def set_time(self, instant):
        _HEAD.pack_into(self._map, 0, self.step, instant)

    def next_step(self, instant):
        self.set_time(instant)
        _HEAD.pack_into(self._map, 0, self.step + 1, instant)

    def done(self, number):
        return _DONE.unpack_from(self._map, 64 + 8 * number)[0]

    def set_done(self, number, step):
        _DONE.pack_into(self._map, 64 + 8 * number, step)


class Workers:
    """Several workers, and killing them."""

    def __init__(self, count, folder, database_url, mail_url):
        path = folder / "board"
        self.board = Board(path)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SLOTKEEPER_")}
        environment = kept | {
            "DATABASE_URL": database_url,
            "SLOTKEEPER_DATA_DIR": str(folder),
            "SLOTKEEPER_MAIL_SERVER": mail_url,
            "SLOTKEEPER_SYNCHRONOUS": "NORMAL",  # no power is lost here, only processes
            "DJANGO_SETTINGS_MODULE": "slotkeeper.settings",
        }
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "race.reminder_mother", str(path)], cwd=TESTS, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pids = [self._fork(number) for number in range(count)]

    def run(self, instant):
        """Let every worker go through one step at a time."""
        self.board.next_step(instant)

    def kill(self, number):
        """Kill one, wherever it is, and start another in its place, which begins with this step."""
        os.kill(self.pids[number], signal.SIGKILL)
        while Path(f"/proc/{self.pids[number]}").exists():
            time.sleep(0.001)
        self.pids[number] = self._fork(number)

    def wait(self, seconds=120):
        until = time.monotonic() + seconds
        while any(self.board.done(number) < self.board.step for number in range(len(self.pids))):
            assert time.monotonic() < until, "a worker hangs"
            assert all(Path(f"/proc/{pid}").exists() for pid in self.pids), "a worker died by itself"
            time.sleep(0.0005)

    def stop(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        self._mother.stdin.close()
        self._mother.wait(20)

    def _fork(self, number):
        self._mother.stdin.write(f"{number}\n")
        self._mother.stdin.flush()
        return int(self._mother.stdout.readline())
