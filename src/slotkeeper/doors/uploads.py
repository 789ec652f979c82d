"""Give up on clients that never send the rest of their request.

A web worker has few threads, because they share one interpreter. A phone that lost its network
halfway through a form must not keep one of them.
"""

import os
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from threading import Thread, get_ident
from typing import Any, NamedTuple

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OVER_TCP = (socket.AF_INET, socket.AF_INET6)
_READER_WAKES_SECONDS = 0.05
_LAST_DATA_RECEIVED = 52  # the offset of tcpi_last_data_recv, in milliseconds, in Linux's struct tcp_info


class _Upload(NamedTuple):
    """A body that a thread is waiting for: since when (monotonic seconds), from where, to which port of ours."""

    since: float
    address: str
    port: int


def refusing_stalled_uploads(application: Application, limit_bytes: int, patience_seconds: float) -> Application:
    """Wrap a WSGI application: a body that stops arriving is answered with 408.

    The thread that reads cannot be interrupted, and to hand the reading to another would cost each
    booking a tenth of its CPU. So a watch ends what has gone silent, from the outside: the connection's
    reading half is shut, and the reader finds the end. A body longer than the limit is left unread:
    the application refuses it by its length.

    A body without a length, in chunks or over HTTP/2, is given one: WSGI knows no other. Nobody sees where such a
    body was cut off, but JSON that is cut is none any more; anything else is answered with 411.
    """
    uploads: dict[int, _Upload] = {}
    Thread(target=_watch, args=[uploads, patience_seconds], name="uploads", daemon=True).start()

    def read(environ: dict[str, Any], most_bytes: int) -> bytes:
        uploads[get_ident()] = _Upload(time.monotonic(), environ["REMOTE_ADDR"], int(environ["SERVER_PORT"]))
        try:
            body: bytes = environ["wsgi.input"].read(most_bytes)
        finally:
            del uploads[get_ident()]
        environ["wsgi.input"] = BytesIO(body)
        return body

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdecimal():
            if 0 < int(length) <= limit_bytes and len(read(environ, int(length))) < int(length):
                return _refuse(start_response, "408 Request Timeout")
        elif environ["REQUEST_METHOD"] in _WITH_BODY:
            body = read(environ, limit_bytes + 1)
            if body and environ.get("CONTENT_TYPE", "").partition(";")[0].strip() != "application/json":
                return _refuse(start_response, "411 Length Required")
            environ["CONTENT_LENGTH"] = str(len(body))
        return application(environ, start_response)

    return serve


def _refuse(start_response: Any, status: str) -> Iterable[bytes]:
    start_response(status, [("Content-Length", "0"), ("Connection", "close")])
    return []


def _watch(uploads: dict[int, _Upload], patience_seconds: float) -> None:
    while True:
        time.sleep(patience_seconds / 4)
        for thread, upload in list(uploads.items()):
            if time.monotonic() - upload.since > patience_seconds:
                _end(upload, patience_seconds, partial(_has_ended, uploads, thread, upload))


def _has_ended(uploads: dict[int, _Upload], thread: int, upload: _Upload) -> bool:
    return uploads.get(thread) is not upload


def _end(upload: _Upload, patience_seconds: float, has_ended: Callable[[], bool]) -> None:
    """Shut silent connections of the upload's client, the most silent first, until its reader has found the end.

    Requests of the same address that wait for the thread came later than the one that keeps it. An idle
    connection may have been silent for longer: a server may end those at any time (RFC 9112 section 9.5).
    """
    with ExitStack() as stack:
        silent = []
        for connection in _own_sockets():
            stack.enter_context(connection)
            with suppress(OSError):  # it has no peer, or has just ended
                seconds = _silent_seconds(connection, upload)
                if seconds is not None and seconds >= patience_seconds:
                    silent.append((seconds, connection))
        for _, connection in sorted(silent, key=itemgetter(0), reverse=True):
            if has_ended():
                return
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
            time.sleep(_READER_WAKES_SECONDS)


def _own_sockets() -> Iterator[socket.socket]:
    """Open this process's sockets once more, each under a number of its own."""
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if stat.S_ISSOCK(path.stat().st_mode):
                yield socket.socket(fileno=os.dup(int(path.name)))


def _silent_seconds(connection: socket.socket, upload: _Upload) -> float | None:
    """Say for how long nothing came on a connection, if the upload may be on it."""
    if connection.family not in _OVER_TCP or connection.getsockname()[1] != upload.port:
        return None
    if connection.getpeername()[0] != upload.address:
        return None
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    milliseconds: int = struct.unpack_from("=I", told, _LAST_DATA_RECEIVED)[0]
    return milliseconds / 1000
