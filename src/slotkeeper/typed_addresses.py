"""Reading the addresses that an operator writes into settings. All raise ValueError with how to write them."""

import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit


def origin(value: str) -> str:
    """Read an origin: a scheme, a host as browsers send it, and perhaps a port."""
    parts = urlsplit(value)
    is_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in {"http", "https"} or not parts.hostname or is_more:
        raise ValueError("write it like https://booking.example.com, without a path")
    port = "" if parts.port is None else f":{parts.port}"  # it is refused where it is none
    return f"{parts.scheme}://{host(parts.netloc.removesuffix(port))}{port}"


def hosts(value: str) -> tuple[str, ...]:
    """Read hosts, separated by commas or spaces."""
    return tuple(host(word) for word in value.replace(",", " ").split())


def host(value: str) -> str:
    """Write a host as it stands in a Host header: an IPv6 address in brackets, other letters as IDNA has them."""
    bare = value.removeprefix("[").removesuffix("]")
    with suppress(ValueError):
        return f"[{bare}]" if ip_address(bare).version == 6 else bare
    dot = "." if value.startswith(".") else ""  # then all names below it are meant, too
    with suppress(UnicodeError):
        name = value.removeprefix(dot).encode("idna").decode().lower()
        if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", name):
            return dot + name
    raise ValueError(f"{value!r} is no host: write its name alone, such as booking.example.com")


def base_url(value: str) -> str:
    """Read where something else is reached, under a path perhaps; or nothing."""
    parts = urlsplit(value)
    is_address = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    if value and (not is_address or parts.query or parts.fragment):
        raise ValueError(
            "write it like https://gateway.example.com/google, without a name, a password or a question mark"
        )
    return value.rstrip("/")
