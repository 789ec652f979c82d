"""Choosing a time zone in a form."""

from functools import cache
from typing import Any

from django import forms
from django.utils.translation import gettext

from slotkeeper.rules.local_time import ZONE_NAMES

CONTINENTS = [
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
]
OLDER_NAMES = "Older names"


class TimeZoneField(forms.ChoiceField):
    """A choice of IANA zones, grouped by continent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=zone_choices(), **({"initial": "UTC"} | options))


@cache
def zone_choices() -> list[Any]:
    """List UTC, then the zones under their continent, then names like US/Pacific that older systems use."""
    groups: dict[str, list[tuple[str, str]]] = {continent: [] for continent in (*CONTINENTS, OLDER_NAMES)}
    for name in sorted(ZONE_NAMES - {"UTC"}):
        continent, _, place = name.partition("/")
        if continent in CONTINENTS:
            groups[continent].append((name, place.replace("_", " ").replace("/", ": ")))
        else:
            groups[OLDER_NAMES].append((name, name.replace("_", " ")))
    return [("UTC", "UTC"), *groups.items()]


def zone_in_words(zone: str) -> str:
    """Name a zone as people do: `Lisbon time`; `UTC` stays."""
    place = zone.rpartition("/")[2].replace("_", " ")
    return zone if zone == "UTC" else gettext("%(place)s time") % {"place": place}
