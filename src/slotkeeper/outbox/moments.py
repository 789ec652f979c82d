"""When an appointment is, in the reader's language and by the clocks of the reader's zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from slotkeeper.moments import clock, clock_twice, dated_day, day_of_year, short_day, zone_in_words
from slotkeeper.rules.intervals import Interval


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of time in words: `Thursday 3 December`, `14:00–14:30`, and in which zone, where that must be said."""

    day: str
    time: str
    time_zone: str = ""


def when_in_words(time: Interval, zone: str, home_zone: str, now: int) -> When:
    """Say when something is, in the language that is spoken now.

    `zone` is the reader's; it is named where it is another than the business's, `home_zone`. The day names its
    year where that is not the current one. An end on another day says which; an hour that the clocks show twice
    says which of the two it is.
    """
    start, end = (datetime.fromtimestamp(second, UTC).astimezone(ZoneInfo(zone)) for second in time)
    this_year = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)).year
    until = _clock(end)
    if end.date() != start.date():
        day = short_day(end) if end.year == start.year else dated_day(end)
        until = f" {day}, {until}"
    begins = _clock(start) + (" " if until[0] == " " else "")
    return When(day_of_year(start, this_year), f"{begins}–{until}", "" if zone == home_zone else zone_in_words(zone))


def _clock(moment: datetime) -> str:
    is_shown_twice = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return clock_twice(moment) if is_shown_twice else clock(moment)
