"""Cursors: opaque places in a list."""

import base64
import binascii
from typing import Annotated

import msgspec

from slotkeeper.doors.api.problems import bad_field

Limit = Annotated[int, msgspec.Meta(ge=1, le=200)]
DEFAULT_LIMIT = 50


def write_cursor(*place: int) -> str:
    """Write the place of a page's last row."""
    return base64.urlsafe_b64encode(",".join(map(str, place)).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, length: int) -> tuple[int, ...] | None:
    """Read a cursor of `length` numbers. Raises ApiProblem for one that we did not write."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        place = tuple(int(number) for number in text.split(","))
    except (binascii.Error, ValueError):
        place = ()
    if len(place) != length or not all(-(2**40) < number < 2**63 for number in place):
        raise bad_field("cursor", "INVALID_FIELD", "It is no cursor of this list.")
    return place
