"""Days, times of day and zones as people of the language that is spoken now write them."""

from datetime import date, datetime
from functools import cache

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext

from slotkeeper.languages import current_language


def clock(moment: datetime) -> str:
    """Write a time of day: `14:00`."""
    return date_format(moment, "TIME_FORMAT")


def clock_twice(moment: datetime) -> str:
    """Write a time of day that the clocks show twice on its day: `02:30 (UTC+0200)`."""
    return f"{clock(moment)} (UTC{moment:%z})"  # Django's own "O" leaves out just these offsets


def day_of_year(moment: date, this_year: int) -> str:
    """Write a day: `Thursday 3 December`, of another than this year `Friday 15 January 2027`."""
    if moment.year != this_year:
        return full_day(moment)
    return date_format(moment, pgettext("date format: weekday, day and month in full", "l j F"))


def full_day(moment: date) -> str:
    """Write a day of any year: `Thursday 3 December 2026`."""
    return date_format(moment, pgettext("date format: weekday, day, month and year in full", "l j F Y"))


def dated_day(moment: date) -> str:
    """Write a day of any year shortly, with its weekday: `Thu 3 Dec 2026`."""
    return date_format(moment, pgettext("date format: weekday, day, month and year, short", "D j M Y"))


def short_day(moment: date) -> str:
    """Write a day shortly: `Thu 3 Dec`."""
    return date_format(moment, pgettext("date format: weekday, day and month, short", "D j M"))


def zone_in_words(zone: str) -> str:
    """Name a zone as people do: `Lisbon time`; `UTC` stays."""
    if zone == "UTC":
        return zone
    place = translated_places(current_language()).get(zone) or zone.rpartition("/")[2].replace("_", " ")
    return gettext("%(place)s time") % {"place": place}


@cache
def translated_places(language: str) -> dict[str, str]:
    """Say which zones' places have a name of their own in a language: Lissabon, Rom."""
    if language == settings.LANGUAGE_CODE:
        return {}  # as the zones are called
    from babel import Locale  # noqa: PLC0415 -- 10 MB that an installation without German readers need not load

    return {zone: names["city"] for zone, names in Locale.parse(language).time_zones.items() if "city" in names}
