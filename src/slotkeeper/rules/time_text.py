"""Write days, times of day and offsets as RFC 3339 does: the words of which local_time makes its texts."""

from datetime import date
from functools import cache, lru_cache

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def offset_text(offset: int) -> str:
    """Write an offset in seconds as RFC 3339 does, to the nearest minute: `+05:30`."""
    hours, minutes = divmod(abs(whole_minutes(offset)) // 60, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def whole_minutes(seconds: int) -> int:
    """Round seconds to the nearest whole number of minutes, in seconds."""
    return (seconds + 60 // 2) // 60 * 60


@lru_cache(maxsize=1024)  # mostly days of the weeks around this one
def day_text(day: int) -> str:
    """Write a day, counted from 1970-01-01, up to the mark before the time: `2026-01-15T`."""
    return f"{date.fromordinal(EPOCH_ORDINAL + day).isoformat()}T"


@lru_cache(maxsize=1024)  # the slots of one day are mostly those of the next
def clock_texts(seconds: range) -> tuple[str, ...]:
    """Write seconds of the day in equal steps."""
    return tuple(map(clock_text, seconds))


@cache  # of at most 86,400 short texts, and a few dozen in practice
def clock_text(second: int) -> str:
    """Write a second of the day: `14:30:00`."""
    minutes, seconds = divmod(second, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
