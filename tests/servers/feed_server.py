"""A web server with one calendar file, or with something that only looks like one, on a free port."""

import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        if server.is_endless:
            self._send_without_end()
        elif self.headers.get("If-None-Match") == server.etag != "":
            server.answers.append(304)
            self.send_response(304)
            self.end_headers()
        else:
            server.answers.append(200)
            self.send_response(200)
            self.send_header("Content-Type", server.kind)
            if server.etag:
                self.send_header("ETag", server.etag)
            self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            self._send_slowly() if server.pause else self.wfile.write(server.body)

    def _send_without_end(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1_000_000_000))
        self.end_headers()
        with suppress(OSError):
            for _ in range(1_000):
                self.wfile.write(b"X" * 1_000_000)
                self.server.sent += 1_000_000

    def _send_slowly(self):
        with suppress(OSError):
            for byte in self.server.body:
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.pause)

    def log_message(self, *_arguments):
        pass


class FeedServer(ThreadingHTTPServer):
    """`body` is what it gives; `answers` are the statuses it gave."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.body, self.etag, self.kind = b"", "", "text/calendar"
        self.pause, self.is_endless, self.sent = 0.0, False, 0
        self.answers = []


@contextmanager
def feed_server():
    with FeedServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()  # how soon it ends
        try:
            yield server
        finally:
            server.shutdown()
