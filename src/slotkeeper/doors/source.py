"""Where a request comes from, as the record of changes keeps it: the door, and the address behind it."""

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
    text = str(request.META.get("REMOTE_ADDR", ""))
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return door
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return f"{door} {mapped or address}"
