"""Unpacking answers a piece at a time: a kilobyte may stand for gigabytes, and only who unpacks it learns that."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

ACCEPTED = "gzip"
_PIECE_BYTES = 65_536
_GZIP = 16 + zlib.MAX_WBITS
_LONGEST_NAME = 40


class Garbled(Exception):
    """The answer is packed wrongly, or in a way that was not asked for."""


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Give what a Content-Encoding stands for (RFC 9110 section 8.4), in pieces of bounded size. Raises Garbled."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return iter(pieces)
    if name in {"gzip", "x-gzip"}:
        return _gunzipped(pieces)
    return _refused(pieces, name)


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack one gzip member (RFC 1952); an empty answer, such as a 304, is none."""
    unpacker = zlib.decompressobj(_GZIP)
    has_begun = False
    for piece in chain(pieces, [b""]):  # what zlib still holds at the end comes without further input
        has_begun = has_begun or bool(piece)
        rest = piece
        while True:
            try:
                part = unpacker.decompress(rest, _PIECE_BYTES)
            except zlib.error:
                raise Garbled("The server packs its answer wrongly.") from None
            yield part
            rest = unpacker.unconsumed_tail
            if unpacker.unused_data:
                raise Garbled("The server sends something after its packed answer.")
            if not rest and len(part) < _PIECE_BYTES:
                break
    if has_begun and not unpacker.eof:
        raise Garbled("The server's packed answer is cut off.")


def _refused(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Let pass an answer without content only: then it does not matter how it would have been packed."""
    for piece in pieces:
        if piece:
            raise Garbled(f"The server packs its answer in a way that was not asked for ({name[:_LONGEST_NAME]}).")
        yield piece
