"""A request whose body never comes in full does not keep a thread of the web worker."""

import os
from pathlib import Path

from slotkeeper.doors.uploads import refusing_stalled_uploads


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def ask(pipe, length):
    statuses = []
    serve = refusing_stalled_uploads(echo, limit_bytes=10, patience_seconds=0.1)
    environ = {"CONTENT_LENGTH": length, "wsgi.input": pipe}
    return b"".join(serve(environ, lambda status, _headers: statuses.append(status))), statuses


def test_a_body_that_never_comes_in_full_is_answered_with_408():
    reading, writing = os.pipe()
    os.write(writing, b"ab")
    with os.fdopen(reading, "rb") as pipe:
        assert ask(pipe, "5") == (b"", ["408 Request Timeout"])
        os.close(writing)


def test_a_body_that_is_there_is_handed_on_whole():
    reading, writing = os.pipe()
    os.write(writing, b"abcde")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert ask(pipe, "5") == (b"abcde", ["200 OK"])


def test_a_body_above_the_limit_is_left_to_the_application():
    with Path(os.devnull).open("rb") as nothing:
        assert ask(nothing, "11") == (b"", ["200 OK"])
