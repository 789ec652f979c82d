"""Choosing a time zone in a form."""

from typing import Any

from django import forms

from slotkeeper.rules.local_time import ZONE_NAMES


class TimeZoneField(forms.ChoiceField):
    """A choice of IANA zones, grouped by continent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=zone_choices(), initial="UTC", **options)


def zone_choices() -> list[Any]:
    """List the zones under their continent; those without one come first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(ZONE_NAMES):
        continent, _, place = name.partition("/")
        groups.setdefault(continent if place else "", []).append((name, (place or name).replace("_", " ")))
    return [*groups.pop("", []), *groups.items()]
