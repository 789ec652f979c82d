"""Countries, as people of the page's language call them."""

from collections.abc import Mapping
from functools import cache
from unicodedata import normalize

from django.conf import settings

from slotkeeper.doors.languages import current_language


def country_in_words(code: str, english: str) -> str:
    """Name a country by its ISO 3166 code; the English name stays where the page's language knows no other."""
    return _names(current_language()).get(code, english)


def in_dictionary_order(name: str) -> str:
    """Give the key that sorts `Österreich` under O."""
    return normalize("NFKD", name.casefold())


@cache
def _names(language: str) -> Mapping[str, str]:
    if language == settings.LANGUAGE_CODE:
        return {}
    from babel import Locale  # noqa: PLC0415 -- see zones.py

    return dict(Locale.parse(language).territories)
