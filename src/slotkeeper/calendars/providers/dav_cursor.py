"""How far a CalDAV calendar was read: a sync token, or where there is none, the list of what was there."""

import base64
import zlib
from collections.abc import Mapping

import msgspec

from slotkeeper.calendars.providers.base import CursorExpired

_MOST_WITNESSES = 8
_LOST = "The place up to which the calendar was read cannot be found again."


class Cursor(msgspec.Struct, omit_defaults=True):
    """A token (RFC 6578), or a listing's tag and, packed, its etags by path.

    `witnesses` are some entries and their etags. A server that has forgotten a token should say so; DAViCal tells
    of everything instead, and leaves out what was removed. Only this gives it away: that it tells of entries
    which have not changed. It tells of one such entry in good health, too: the last one that was written before.
    """

    token: str = ""
    ctag: str = ""
    packed: str = ""
    witnesses: dict[str, str] = {}

    def is_forgotten(self, told: Mapping[str, str | None]) -> bool:
        """Say whether what is told as changed looks like all there is."""
        untold = sum(path not in told for path in self.witnesses)
        unchanged = sum(told.get(path) == etag for path, etag in self.witnesses.items())
        return unchanged >= untold and unchanged + untold >= 2

    def news_in(self, told: Mapping[str, str | None]) -> dict[str, str | None]:
        """Leave out what is told as changed and is not."""
        return {path: etag for path, etag in told.items() if not etag or self.witnesses.get(path) != etag}


def witnesses_among(etags: Mapping[str, str], former: Mapping[str, str]) -> dict[str, str]:
    """Choose some entries with an etag, spread over the list; former ones only where there are too few."""
    known = sorted((path, etag) for path, etag in (dict(former) | dict(etags)).items() if etag)
    step = -(-len(known) // _MOST_WITNESSES) or 1
    return dict(known[::step])


def pack(etags: Mapping[str, str]) -> str:
    """Write etags by path in little room; a calendar without changes never needs them unpacked."""
    return base64.b85encode(zlib.compress(msgspec.json.encode(etags))).decode()


def unpack(packed: str) -> dict[str, str]:
    """Read what was packed. Raises CursorExpired for anything else."""
    try:
        return msgspec.json.decode(zlib.decompress(base64.b85decode(packed)), type=dict[str, str])
    except (ValueError, zlib.error, msgspec.DecodeError):
        raise CursorExpired(_LOST) from None


def write_cursor(cursor: Cursor) -> str:
    """Write a cursor."""
    return msgspec.json.encode(cursor).decode()


def read_cursor(text: str) -> Cursor:
    """Read a cursor. Raises CursorExpired for what is none."""
    try:
        return msgspec.json.decode(text, type=Cursor)
    except msgspec.DecodeError:
        raise CursorExpired(_LOST) from None
