"""A request whose body stops arriving does not keep a thread of the web worker."""

import socket
import time
from contextlib import ExitStack, suppress
from io import BytesIO

from servers.slotkeeper_server import running_slotkeeper
from slotkeeper.doors.uploads import refusing_stalled_uploads

PATIENCE_SECONDS = 0.2


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


serve = refusing_stalled_uploads(echo, limit_bytes=10, patience_seconds=PATIENCE_SECONDS)


def ask(source, length, port=0, kind="application/json"):
    statuses = []
    environ = {"wsgi.input": source, "REMOTE_ADDR": "127.0.0.1", "SERVER_PORT": str(port), "REQUEST_METHOD": "POST"}
    environ |= {"CONTENT_TYPE": kind} | ({} if length is None else {"CONTENT_LENGTH": length})
    return b"".join(serve(environ, lambda status, _headers: statuses.append(status))), statuses


def test_a_body_of_a_client_that_went_away_is_answered_with_408():
    assert ask(BytesIO(b"ab"), "5") == (b"", ["408 Request Timeout"])


def test_a_body_that_is_there_is_handed_on_whole():
    assert ask(BytesIO(b"abcde"), "5") == (b"abcde", ["200 OK"])


def test_a_body_above_the_limit_is_left_to_the_application():
    assert ask(BytesIO(b""), "11") == (b"", ["200 OK"])


def test_json_without_a_length_is_read_and_anything_else_refused():
    assert ask(BytesIO(b"{}"), None) == (b"{}", ["200 OK"])
    assert ask(BytesIO(b"{}"), None, kind="application/json; charset=utf-8") == (b"{}", ["200 OK"])
    assert ask(BytesIO(b"a=1"), None, kind="application/x-www-form-urlencoded") == (b"", ["411 Length Required"])
    assert ask(BytesIO(b""), None, kind="application/x-www-form-urlencoded") == (b"", ["200 OK"])


def test_what_is_sent_in_chunks_arrives():
    head = b"POST /api/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    with running_slotkeeper(workers=1, threads=1) as server:

        def send(path, body):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                client.sendall(head % path + b"Transfer-Encoding: chunked\r\n\r\n")
                with suppress(BrokenPipeError, ConnectionResetError):  # what is too large is answered before its end
                    for start in range(0, len(body), 50_000):
                        piece = body[start : start + 50_000]
                        client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                    client.sendall(b"0\r\n\r\n")
                return client.makefile("rb").read()

        holds = b"public/nobody/holds"
        assert b"UNKNOWN_FIELD" in send(holds, b'{"nobody_knows": 1}')
        assert b"MALFORMED_JSON" in send(holds, b'{"service_id": ')
        assert b" 413 " in send(holds, b" " * 1_000_001).splitlines()[0]


def test_a_stalled_upload_gives_the_only_thread_back_and_no_other_request_suffers():
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
    ask_health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with running_slotkeeper(workers=1, threads=1) as server, ExitStack() as stack:
        idle, stalled, *others = (
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20)) for _ in range(5)
        )
        idle.sendall(ask_health)
        assert idle.recv(999).startswith(b"HTTP/1.1 200 ")
        stalled.sendall(head + b"ab")
        time.sleep(0.3)
        for other in others:
            other.sendall(ask_health)
        assert stalled.recv(99).startswith(b"HTTP/1.1 408 ")
        for other in others:
            assert other.recv(99).startswith(b"HTTP/1.1 200 ")
