"""A real HTTP server in a thread for fakes of other people's APIs; it misbehaves on demand.

`fault` is what is wrong now:

- `away`: the connection is closed without an answer
- `error`, `busy`: 500; 429 with Retry-After 7
- `nonsense`, `lost_way`: a page of HTML as 200, as 404
- `deep`: JSON that is nested without end
- `cut`, `cut_text`: half an answer, and half an answer that claims to be whole
- `lost_answer`: once, what was asked is done and the answer lost
- `twice`: what is asked is done twice, as by a proxy that tries again
- `slow`: the answer takes its time

Anything else is up to the fake itself. What was asked stands in `asked`.
"""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

HTML = b"<!doctype html><title>Welcome</title><p>Please sign in to the hotel's network."
DEEP = b'{"sid": "SM1", "more": ' + b"[" * 40_000 + b"]" * 40_000 + b"}"
SLOW_SECONDS = 2


class Asked(NamedTuple):
    method: str
    path: str  # as sent, still quoted
    query: dict
    headers: object
    body: bytes

    @property
    def parts(self):
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode()))

    @property
    def json(self):
        return json.loads(self.body)


class Told(NamedTuple):
    status: int
    body: object = None
    headers: dict = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self.command, place.path, dict(parse_qsl(place.query)), self.headers, body)
        fault = self.server.fault
        self.server.asked.append(asked)
        ready = {
            "away": None,
            "error": Told(500, {"error": {"code": 500, "message": "Backend Error"}}),
            "busy": Told(429, {"error": {"code": 429, "message": "Too many requests"}}, {"Retry-After": "7"}),
            "nonsense": Told(200, HTML),
            "lost_way": Told(404, HTML),
            "deep": Told(200, DEEP),
        }
        if fault in ready:
            self.tell(ready[fault])
            return
        with self.server.lock:
            told = self.server.tell(asked)
            if fault == "twice":
                told = self.server.tell(asked)
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        if fault == "lost_answer":
            self.server.fault = ""
            told = None
        self.tell(told, fault)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 -- http.server's names

    def tell(self, told, fault=""):
        if told is None:
            self.close_connection = True
            return
        is_text = isinstance(told.body, bytes)
        body = told.body if is_text else b"" if told.body is None else json.dumps(told.body).encode()
        sent = body[: len(body) // 2] if fault in {"cut", "cut_text"} else body
        self.send_response(told.status)
        self.send_header("Content-Type", "text/html" if is_text else "application/json; charset=UTF-8")
        for name, value in told.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent if fault == "cut_text" else body)))
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = fault == "cut"

    def log_message(self, *_arguments):
        pass


class FakeServer(ThreadingHTTPServer):
    """Subclasses answer in `tell`, one request at a time."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.asked = []
        self.complaints = []
        self.fault = ""

    def tell(self, asked):
        raise NotImplementedError

    def asked_for(self, method, ending):
        """Give the requests whose path ends so."""
        return [one for one in self.asked if one.method == method and unquote(one.path).endswith(ending)]

    def handle_error(self, request, client_address):
        """A client that hangs up is nobody's fault; a fake that breaks is reported when it ends."""
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.complaints.append(repr(error))


@contextmanager
def running(server):
    """Run a fake; in the end, what it found wrong with its requests or its own answers is an error."""
    with server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
    assert server.complaints == []
