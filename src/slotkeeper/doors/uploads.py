"""Give up on clients that never send the rest of their request.

A web worker has few threads, because they share one interpreter. A phone that lost its network
halfway through a form must not keep one of them.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Upload = tuple[Any, int, SimpleQueue[bytes]]
_READERS = 64


def refusing_stalled_uploads(application: Application, limit_bytes: int, patience_seconds: float) -> Application:
    """Wrap a WSGI application: a body that does not arrive in time is answered with 408.

    A body longer than the limit is left unread: the application refuses it by its length.
    """
    uploads: SimpleQueue[Upload] = SimpleQueue()
    for _ in range(_READERS):
        Thread(target=_read_uploads, args=[uploads], name="upload", daemon=True).start()

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and 0 < int(length) <= limit_bytes:
            arrived: SimpleQueue[bytes] = SimpleQueue()
            uploads.put((environ["wsgi.input"], int(length), arrived))
            try:
                environ["wsgi.input"] = BytesIO(arrived.get(timeout=patience_seconds))
            except Empty:
                start_response("408 Request Timeout", [("Content-Length", "0"), ("Connection", "close")])
                return []
        return application(environ, start_response)

    return serve


def _read_uploads(uploads: SimpleQueue[Upload]) -> None:
    while True:
        source, length, arrived = uploads.get()
        try:
            arrived.put(source.read(length))
        except OSError:
            continue  # the client has gone; nobody waits for the answer
