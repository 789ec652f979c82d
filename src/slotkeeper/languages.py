"""Which of our languages a locale means, and which one is spoken now."""

from django.conf import settings
from django.utils import translation


def known_language(locale: str) -> str | None:
    """Find which of our languages a locale such as `de-AT` means."""
    try:
        return translation.get_supported_language_variant(locale)
    except LookupError:
        return None


def current_language() -> str:
    """Say which language is spoken now."""
    return translation.get_language() or settings.LANGUAGE_CODE
