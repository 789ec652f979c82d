"""Choosing a time zone in a form."""

from functools import cache
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from slotkeeper.languages import current_language
from slotkeeper.moments import translated_places
from slotkeeper.moments import zone_in_words as zone_in_words  # noqa: PLC0414 -- doors take it from here
from slotkeeper.rules.local_time import ZONE_NAMES

CONTINENTS = {
    "Africa": gettext_lazy("Africa"),
    "America": gettext_lazy("America"),
    "Antarctica": gettext_lazy("Antarctica"),
    "Arctic": gettext_lazy("Arctic"),
    "Asia": gettext_lazy("Asia"),
    "Atlantic": gettext_lazy("Atlantic"),
    "Australia": gettext_lazy("Australia"),
    "Europe": gettext_lazy("Europe"),
    "Indian": gettext_lazy("Indian Ocean"),
    "Pacific": gettext_lazy("Pacific"),
}
OLDER_NAMES = gettext_lazy("Older names")


class TimeZoneField(forms.ChoiceField):
    """A choice of IANA zones, grouped by continent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=zone_choices, **({"initial": "UTC"} | options))


def zone_choices() -> list[Any]:
    """List UTC, then the zones under their continent, then names like US/Pacific that older systems use."""
    return _zone_choices(current_language())


@cache
def _zone_choices(language: str) -> list[Any]:
    places = translated_places(language)
    groups: dict[str, list[tuple[str, str]]] = {continent: [] for continent in (*CONTINENTS, "")}
    for name in sorted(ZONE_NAMES - {"UTC"}):
        continent, _, place = name.partition("/")
        if continent in CONTINENTS:
            groups[continent].append((name, places.get(name) or place.replace("_", " ").replace("/", ": ")))
        else:
            groups[""].append((name, name.replace("_", " ")))
    return [("UTC", "UTC"), *((str(CONTINENTS.get(name, OLDER_NAMES)), zones) for name, zones in groups.items())]
