"""A server that misbehaves on demand, on a free port of this machine; `asked` and `bodies` say what it was asked."""

import gzip
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        self.server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        name, _, rest = self.path.strip("/").partition("/")
        getattr(self, f"show_{name}")(rest)

    do_PROPFIND = do_REPORT = do_POST = do_PUT = do_GET  # noqa: N815 -- http.server's names

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def show_hello(self, _rest):
        self.answer(200, b"hello")

    def show_to(self, place):
        self.answer(302, Location=place)

    def show_kept(self, place):
        self.answer(307, Location=place)

    def show_umlaut(self, _rest):
        self.answer(302, Location="/hello/ö".encode().decode("latin-1"))

    def show_see(self, place):
        self.answer(303, Location=f"/{place}")

    def show_circle(self, _rest):
        self.answer(302, Location="/circle")

    def show_large(self, _rest):
        self.answer(200, b"x" * 200_000)

    def show_bomb(self, _rest):
        self.answer(200, gzip.compress(b"0" * 5_000_000), Content_Encoding="gzip")

    def show_page(self, _rest):
        self.answer(207, self.server.page)

    def show_packed(self, encoding):
        self.answer(200, self.server.packed, Content_Encoding=encoding.replace("-then-", ", "))

    def show_tagged(self, _rest):
        is_known = self.headers.get("If-None-Match") == self.server.etag
        self.answer(304 if is_known else 200, b"" if is_known else b"text", ETag=self.server.etag)

    def show_cut(self, _rest):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def show_silence(self, _rest):
        time.sleep(3)

    def show_drip(self, _rest):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        self._drip()

    def show_dripping_head(self, _rest):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drip()

    def _drip(self):
        for _ in range(30):
            try:
                self.wfile.write(b"x")
            except OSError:
                return
            time.sleep(0.1)

    def log_message(self, *_arguments):
        pass


class FarServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.bodies = [], []
        self.packed, self.page, self.etag = b"", b"", ""
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hangs up is nobody's fault."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def far_server():
    with FarServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
