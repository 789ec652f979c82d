"""Where a request comes from, as the record of changes keeps it: the door, and the address behind it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.http import HttpRequest

BOOKING_PAGE = "booking page"
CUSTOMER_LINK = "customer link"
PUBLIC_API = "public api"
API = "api"
DASHBOARD = "dashboard"
SIGN_UP = "sign-up"


def named_source(door: str, request: HttpRequest) -> str:
    """Say by which door somebody came, and from which address; what is no address is left out."""
    address = address_of(request)
    return door if address is None else f"{door} {address}"


def address_of(request: HttpRequest) -> IPv4Address | IPv6Address | None:
    """Give the address of who is asking, an IPv4 one as such also where it came as IPv6; None for what is none."""
    return _read(str(request.META.get("REMOTE_ADDR", "")))


@lru_cache(maxsize=1024)  # a client asks many times
def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
