"""The load: requests as bytes over kept-alive connections, from a process whose own CPU is not counted."""

import json
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")


@dataclass
class Outcome:
    """What came back: how many of each status, and how long it took."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)


@dataclass
class _Line:
    """A connection, and what has arrived of the answer under way."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)


def booking_request(token: str, ids: Mapping[str, int], start: int) -> bytes:
    """Write a booking as an integration sends it: local times, a contact, a few words."""
    body = json.dumps(
        {
            "title": "Consultation",
            "start_time": _local(start),
            "end_time": _local(start + 1800),
            "user_id": ids["user"],
            "contact_id": ids["contact"],
            "description": "First visit; brings the earlier findings along.",
            "location": "Room 2",
        }
    )
    return _request("POST", "/api/appointments", token, body)


def free_busy_request(token: str, ids: Mapping[str, int], monday: int) -> bytes:
    """Ask for a person's week, in slots of 30 minutes."""
    query = urlencode({"start": _local(monday), "end": _local(monday + 7 * 24 * 3600), "user_id": ids["user"]})
    return _request("GET", f"/api/appointments/freebusy?{query}", token)


def _local(instant: int) -> str:
    return datetime.fromtimestamp(instant, ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def _request(method: str, path: str, token: str, body: str = "") -> bytes:
    kind = "Content-Type: application/json\r\n" if body else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nAccept: */*\r\n"
        f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def send_all(port: int, requests: Sequence[bytes], connections: int) -> Outcome:
    """Send every request once, each connection its next one as soon as it has its answer."""
    outcome, waiting, selector = Outcome(), iter(requests), selectors.DefaultSelector()
    lines = [_Line(socket.create_connection(("127.0.0.1", port), timeout=30)) for _ in range(connections)]
    started, open_lines = time.perf_counter(), 0
    for line in lines:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line.socket, selectors.EVENT_READ, line)
        open_lines += _send_next(line, waiting)
    while open_lines:
        for key, _ in selector.select():
            line: _Line = key.data
            arrived = line.socket.recv(65_536)
            if not arrived:
                raise ConnectionError("The server closed a connection that should have stayed open.")
            line.received += arrived
            if _is_whole(line.received):
                outcome.statuses[int(line.received[9:12])] += 1
                line.received.clear()
                open_lines += _send_next(line, waiting) - 1
    outcome.seconds = time.perf_counter() - started
    for line in lines:
        line.socket.close()
    return outcome


def _send_next(line: _Line, waiting: Iterator[bytes]) -> int:
    request = next(waiting, None)
    if request is None:
        return 0
    line.socket.sendall(request)
    return 1


def _is_whole(received: bytearray) -> bool:
    """Say whether all of an answer is there."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    head = bytes(received[:head_end]).lower()
    length = head.partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0]
    if not length:  # chunked; one request at a time is under way, so nothing follows the last chunk
        return received.endswith(b"\r\n0\r\n\r\n")
    return len(received) >= head_end + 4 + int(length)
