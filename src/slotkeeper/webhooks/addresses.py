"""Refusing, when it is entered, an address to which no webhook could go."""

from typing import NewType
from urllib.parse import urlsplit

import httpcore
import httpx
from django.conf import settings

from slotkeeper.outbound.addresses import AddressRefused, addresses_of
from slotkeeper.outbound.client import origin_of

CheckedUrl = NewType("CheckedUrl", str)
_NO_ADDRESS = "This is no address that begins with https://."


class UrlRefused(Exception):
    """No webhook may go to this address; the message says why."""


def check_url(text: str) -> CheckedUrl:
    """Resolve an address's host, and refuse one that is not public. Asks DNS: not in a transaction.

    Each sending checks it again: what a name points to may change. Raises UrlRefused.
    """
    url = text.strip()
    private_hosts = frozenset(host.lower() for host in settings.CONFIGURATION.private_hosts)
    try:
        scheme, host, port = origin_of(url)
        httpx.URL(url)
        parts = urlsplit(url)
    except AddressRefused as error:
        raise UrlRefused(str(error)) from None
    except (httpx.InvalidURL, ValueError):
        raise UrlRefused(_NO_ADDRESS) from None
    if "@" in parts.netloc:
        raise UrlRefused("The address may not contain a name or a password.")
    if parts.fragment:
        raise UrlRefused("The address may not contain a #: what follows it would never be sent.")
    if scheme != "https" and host not in private_hosts:
        raise UrlRefused("The address must begin with https://: what is sent holds customers' names.")
    try:
        addresses_of(host, port, private_hosts)
    except (AddressRefused, httpcore.ConnectError) as error:
        raise UrlRefused(str(error)) from None
    return CheckedUrl(url)
