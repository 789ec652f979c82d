"""Putting addresses together from what people type and servers answer, either of which may be nonsense."""

from urllib.parse import urljoin, urlsplit

from slotkeeper.calendars.providers.base import Refused

_SENSELESS = "This is no address that begins with https:// or http://."


def joined(base: str, reference: str) -> str:
    """Resolve a reference (RFC 3986 section 5). Raises Refused where either is no address."""
    try:
        return urljoin(base, reference)
    except ValueError:
        raise Refused(_SENSELESS) from None


def path_in(url: str) -> str:
    """Give the path of a URL. Raises Refused where it is none."""
    try:
        return urlsplit(url).path
    except ValueError:
        raise Refused(_SENSELESS) from None
