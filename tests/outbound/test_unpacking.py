"""Answers that are packed: unpacked within the limits, and never more of them than that."""

import gzip
import time
import tracemalloc
import zlib
from functools import cache

import brotli
import pytest

from slotkeeper.outbound.client import Client, Limits, Request, TooLarge, Unreachable

LIMIT, MARGIN = 1_000_000, 3_000_000
LIMITS = Limits(bytes=LIMIT)
MEGABYTE = bytes(1_000_000)


@cache
def bomb(encoding, megabytes=200):
    """Pack so many zeros."""
    if encoding == "br":
        packer = brotli.Compressor(quality=3)
        return b"".join([*(packer.process(MEGABYTE) for _ in range(megabytes)), packer.finish()])
    if encoding == "gzip-then-gzip":
        return gzip.compress(bomb("gzip"))
    packer = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    return b"".join([*(packer.compress(MEGABYTE) for _ in range(megabytes)), packer.flush()])


def ask(client, far, encoding="gzip", limits=LIMITS):
    return client.send(Request("GET", f"{far.url}/packed/{encoding}", limits=limits))


@pytest.mark.parametrize(
    ("encoding", "failure"),
    [("gzip", TooLarge), ("br", Unreachable), ("deflate", Unreachable), ("gzip-then-gzip", Unreachable)],
)
def test_a_bomb_takes_no_more_memory_than_an_answer_may(far, client, encoding, failure):
    far.packed = bomb(encoding)
    assert len(far.packed) < LIMIT
    tracemalloc.start()
    try:
        with pytest.raises(failure):
            ask(client, far, encoding)
        assert tracemalloc.get_traced_memory()[1] < LIMIT + MARGIN
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, LIMIT])
def test_a_packed_answer_is_unpacked_to_the_last_byte(far, client, encoding, size):
    content = b"x" * size
    far.packed = gzip.compress(content)
    assert ask(client, far, encoding).body == content


def test_the_limit_holds_to_the_byte(far, client):
    far.packed = gzip.compress(b"x" * (LIMIT + 1))
    with pytest.raises(TooLarge) as raised:
        ask(client, far)
    assert raised.value.status == 200


def test_only_gzip_is_asked_for_and_other_ways_are_named(far, client):
    far.packed = brotli.compress(b"hello")
    with pytest.raises(Unreachable, match=r"not asked for \(br\)"):
        ask(client, far, "br")


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip-then-gzip", "identity"])
def test_an_answer_without_content_is_not_packed_whatever_it_says(far, client, encoding):
    assert ask(client, far, encoding).body == b""


WHOLE = gzip.compress(bytes(range(256)) * 1_000)


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (WHOLE[:-1], "cut off"),
        (WHOLE[: len(WHOLE) // 2], "cut off"),
        (WHOLE[:1], "cut off"),
        (WHOLE + WHOLE, "something after"),
        (WHOLE + b"\0", "something after"),
        (WHOLE[:-8] + b"12345678", "packs its answer wrongly"),
        (b"no gzip at all", "packs its answer wrongly"),
    ],
)
def test_what_is_packed_wrongly_is_no_answer(far, client, packed, why):
    far.packed = packed
    with pytest.raises(Unreachable, match=why):
        ask(client, far)


def test_what_stands_for_nothing_is_counted_too(far, client):
    packer = zlib.compressobj(wbits=31)
    far.packed = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH) + b"\0\0\0\xff\xff" * LIMIT
    with pytest.raises(TooLarge):
        ask(client, far)


def test_unpacking_ends_at_the_deadline(far):
    far.packed = bomb("gzip", 400)
    started = time.monotonic()
    with Client(["127.0.0.1"]) as client, pytest.raises(Unreachable, match=r"too slow|does not end"):
        ask(client, far, limits=Limits(seconds=0.1, bytes=1_000_000_000))
    assert time.monotonic() - started < 1
