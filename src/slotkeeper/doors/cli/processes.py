"""Processes that must not outlive their parent."""

import ctypes
import os
import signal
import sys

# The environment carries the parent's process id to its children.
SUPERVISOR = "SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


def die_with_supervisor() -> None:
    """Ask the kernel to end this process when the one that supervises it dies, even by kill -9 (see prctl(2))."""
    if SUPERVISOR not in os.environ or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(os.environ[SUPERVISOR]):  # it died before we asked
        os._exit(1)
