"""Writing iCalendar (RFC 5545): texts, times and folded lines."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_LINE_OCTETS = 75
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # RFC 5545 section 3.1 knows none of these in text
_ESCAPES = str.maketrans({"\\": r"\\", ";": r"\;", ",": r"\,", "\n": r"\n"})


def ics_time(moment: datetime | None) -> str:
    """Write a moment in UTC; "" for none."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}" if moment else ""


def ics_text(value: str | None) -> str:
    r"""Escape as RFC 5545 section 3.3.11 says; icalendar's own escaping makes two lines of `C:\New`."""
    text = (value or "").replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text).translate(_ESCAPES)


def folded(lines: Iterable[str]) -> bytes:
    """Break lines after at most 75 octets, never within a character (RFC 5545 section 3.1)."""
    written = bytearray()
    for line in lines:
        rest = line.encode()
        while len(rest) > _LINE_OCTETS:
            cut = _LINE_OCTETS
            while rest[cut] & 0xC0 == 0x80:  # a continuation byte of UTF-8
                cut -= 1
            written += rest[:cut] + b"\r\n"
            rest = b" " + rest[cut:]
        written += rest + b"\r\n"
    return bytes(written)
