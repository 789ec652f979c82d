"""`slotkeeper worker`: the background worker, alone or as a child of `serve`."""

import argparse
import signal
import threading

from slotkeeper.doors.cli.processes import die_with_supervisor
from slotkeeper.worker.loop import run


def worker(options: argparse.Namespace) -> None:
    """Run the jobs until SIGTERM or Ctrl-C, and finish the one that is running."""
    del options
    die_with_supervisor()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    run(stop)
