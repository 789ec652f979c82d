"""Retry-After: when a server wants to be asked again (RFC 9110 section 10.2.3)."""

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_LONGEST_SECONDS = 86_400.0  # whoever asks for more may be asked in a day all the same


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read the header, which holds seconds or a date; None where it is missing or makes no sense."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_SECONDS) if math.isfinite(seconds) else None
