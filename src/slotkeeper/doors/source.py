"""Where a request comes from, as the record of changes keeps it: the door, and the address behind it."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest

BOOKING_PAGE = "booking page"
CUSTOMER_LINK = "customer link"
PUBLIC_API = "public api"
API = "api"
DASHBOARD = "dashboard"
SIGN_UP = "sign-up"


def named_source(door: str, request: HttpRequest) -> str:
    """Say by which door somebody came, and from which address; what is no address is left out."""
    return f"{door} {_address(str(request.META.get('REMOTE_ADDR', '')))}".rstrip()


@lru_cache(maxsize=1024)  # a client asks many times
def _address(text: str) -> str:
    """Write an address as short as it can be, an IPv4 one as such; nothing for what is no address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
