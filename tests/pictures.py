"""Pictures as tests send them: made byte by byte, so that no library decides what is one."""

import struct
import zlib


def png(width=40, height=20, *, more=b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * (width + 1) * min(height, 50))
    chunks = (_chunk(b"IHDR", header), _chunk(b"tEXt", more), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg(width=40, height=20) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    segments = (
        (0xE0, b"JFIF\x00" + b"\x00" * 9),
        (0xC4, b"\x00" * 17),
        (0xC2, frame),
        (0xDA, b"\x01\x01\x00\x00\x3f\x00"),
    )
    written = b"".join(b"\xff" + bytes([name]) + struct.pack(">H", len(body) + 2) + body for name, body in segments)
    return b"\xff\xd8" + written + b"\x12\x34\xff\xd9"


def webp(width=40, height=20, kind=b"VP8X") -> bytes:
    body = {
        b"VP8X": b"\x00" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"),
        b"VP8L": b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little") + b"\x00" * 5,
        b"VP8 ": b"\x00" * 3 + b"\x9d\x01\x2a" + struct.pack("<HH", width, height),
    }[kind]
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
