"""A small reverse proxy in front of a real calendar server that breaks on demand.

What was asked stands in `asked`, so that a test can count requests and see who was shown a password.
"""

import http.client
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host", "accept-encoding"}
_TOKEN = re.compile(rb"(<(?:\w+:)?sync-token>)[^<]+(</)")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        proxy = self.server
        proxy.asked.append((self.command, self.path, self.headers.get("Authorization")))
        fault = proxy.fault
        if fault == "away":
            self.close_connection = True
        elif fault:
            getattr(self, f"answer_{fault}")(body)
        else:
            if proxy.forgets_silently:
                body = _TOKEN.sub(rb"\g<1>\g<2>", body)
            if proxy.unknown_token:
                body = _TOKEN.sub(rb"\g<1>" + proxy.unknown_token.encode() + rb"\g<2>", body)
            status, headers, content = self._forward(body)
            headers, content = proxy.edit(self.command, headers, content)
            self._answer(status, content, headers)

    do_GET = do_PUT = do_DELETE = do_PROPFIND = do_REPORT = do_OPTIONS = do_MKCALENDAR = do_PROPPATCH = handle_any  # noqa: N815

    def _forward(self, body):
        there = http.client.HTTPConnection(self.server.host, self.server.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        headers["Host"] = self.headers["Host"]
        there.request(self.command, self.path, body, headers)
        answer = there.getresponse()
        content = answer.read()
        there.close()
        return answer.status, [one for one in answer.getheaders() if one[0].lower() not in _HOP], content

    def _answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_error(self, _body):
        self._answer(500, b"Traceback")

    def answer_busy(self, _body):
        self._answer(429, headers=[("Retry-After", "7")])

    def answer_nonsense(self, _body):
        self._answer(200, b"<!DOCTYPE html><p>Welcome to our hotel", [("Content-Type", "text/html")])

    def answer_locked_out(self, _body):
        self._answer(401, headers=[("WWW-Authenticate", 'Basic realm="x"')])

    def answer_forbidden(self, _body):
        self._answer(403)

    def answer_cut(self, body):
        """Do what is asked, and lose the answer on the way."""
        self._forward(body)
        self.send_response(207)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"<multi")
        self.close_connection = True

    def answer_silence(self, _body):
        time.sleep(20)
        self.close_connection = True

    def answer_missing(self, _body):
        self._answer(404)

    def answer_elsewhere(self, _body):
        self._answer(302, headers=[("Location", self.server.elsewhere)])

    def log_message(self, *_arguments):
        pass


class FaultProxy(ThreadingHTTPServer):
    """`edit` may change an answer; `unknown_token` stands in for every sync token that is sent.

    With `forgets_silently` a token means none, as DAViCal does with one that it has thrown away.
    """

    daemon_threads = True

    def __init__(self, upstream):
        super().__init__(("127.0.0.1", 0), Handler)
        parts = urlsplit(upstream)
        self.host, self.port = parts.hostname, parts.port
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked, self.fault, self.elsewhere, self.unknown_token = [], "", "", ""
        self.forgets_silently = False
        self.edit = lambda _method, headers, content: (headers, content)

    @contextmanager
    def broken(self, fault):
        self.fault = fault
        try:
            yield
        finally:
            self.fault = ""


@contextmanager
def fault_proxy(upstream):
    with FaultProxy(upstream) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()  # how soon it ends
        try:
            yield proxy
        finally:
            proxy.shutdown()
