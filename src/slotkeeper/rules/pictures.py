"""Tell what a picture is by its content, never by its name: its kind and its size. Nothing is decoded."""

import zlib
from typing import NamedTuple

_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
# Where a JPEG says its size: the starts of frame, without the tables that share their numbers.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA
_FOURTEEN_BITS = 0x3FFF


class Picture(NamedTuple):
    """What a picture is, and how many pixels it has."""

    media_type: str
    width: int
    height: int


def read_picture(content: bytes) -> Picture | None:
    """Read a whole PNG, JPEG or WebP; None for anything else, also for one that was cut off."""
    if content.startswith(_PNG_START):
        kind, size = "image/png", _png_size(content)
    elif content.startswith(_JPEG_START):
        kind, size = "image/jpeg", _jpeg_size(content)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        kind, size = "image/webp", _webp_size(content)
    else:
        return None
    return Picture(kind, *size) if size and all(size) else None


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Walk the chunks; each carries a checksum, and nothing may follow the last."""
    place, size, has_pixels = len(_PNG_START), None, False
    while place < len(content):
        length, name = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        body = content[place + 8 : place + 8 + length]
        place += 12 + length
        if place > len(content) or zlib.crc32(name + body) != int.from_bytes(content[place - 4 : place]):
            return None
        if (name == b"IHDR") is not (size is None):
            return None  # the header comes first, and once
        if name == b"IHDR":
            size = (int.from_bytes(body[:4]), int.from_bytes(body[4:8]))
        elif name == b"IEND":
            return size if has_pixels and place == len(content) else None
        has_pixels |= name == b"IDAT"
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the pixels, which must be followed by an end."""
    place, size = 2, None
    while content[place : place + 1] == b"\xff":
        marker = content[place + 1 : place + 2]
        length = int.from_bytes(content[place + 2 : place + 4])
        if marker == b"\xff":  # padding
            place += 1
            continue
        if length < 2 or place + 2 + length > len(content):
            return None
        if marker[0] in _JPEG_FRAMES:
            size = (int.from_bytes(content[place + 7 : place + 9]), int.from_bytes(content[place + 5 : place + 7]))
        place += 2 + length
        if marker[0] == _JPEG_SCAN:
            return size if _JPEG_END in content[place:] else None
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    if int.from_bytes(content[4:8], "little") + 8 != len(content):
        return None
    kind, body = content[12:16], content[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        sides = (int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little"))
        return (sides[0] & _FOURTEEN_BITS, sides[1] & _FOURTEEN_BITS)
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return ((bits & _FOURTEEN_BITS) + 1, (bits >> 14 & _FOURTEEN_BITS) + 1)
    if kind == b"VP8X":
        return (int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
    return None
