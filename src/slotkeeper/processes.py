"""Naming processes, so that what a killed one held can be told from what another is still at."""

import os
import secrets
import socket
from pathlib import Path


def new_claim() -> str:
    """Make the text under which this process holds something, once."""
    return f"{_this_process()} {secrets.token_hex(8)}"


def is_of_the_dead(claim: str) -> bool:
    """Say whether a claim's holder is known to be gone: it was of this machine, and is not there any more."""
    words = claim.split(" ")
    if len(words) != 4 or words[0] == "elsewhere" or not _this_process().startswith(f"{words[0]} "):
        return False
    return _started(int(words[1])) != words[2]


def _this_process() -> str:
    try:
        return f"{_machine()} {os.getpid()} {_started(os.getpid())}"
    except OSError:
        return "elsewhere 0 0"  # no Linux: then claims simply run out


def _machine() -> str:
    """Name this machine, or this container of it: process ids mean something only within."""
    return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino}"


def _started(pid: int) -> str | None:
    """Say when a process started, in clock ticks since boot (proc(5), starttime); None where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
