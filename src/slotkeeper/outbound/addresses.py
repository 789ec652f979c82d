"""Which addresses the server may speak to for somebody who typed a URL.

Inside an installation's network stand things that trust whoever can reach them. So a host is resolved once, every
address it has must be public, and the connection goes to the address that was checked: a name that points elsewhere
a moment later gains nothing (DNS rebinding).
"""

import socket
import ssl
import time
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import httpcore

from slotkeeper.outbound.lookups import LookupFailed, Lookups

_LONGEST_LOOKUP_SECONDS = 10.0
_LOOKUPS = Lookups(most=32)
# All of IPv6 that is given out (https://www.iana.org/assignments/ipv6-address-space); the rest is inside, or a tunnel.
_GIVEN_OUT = ip_network("2000::/3")
# What the registries of RFC 6890 keep for themselves and not every version of Python knows.
_SPECIAL = tuple(
    ip_network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24")
)


class AddressRefused(Exception):
    """The address may not be asked: it is not a public one."""


class Deadline:
    """When the request under way must be over, on the monotonic clock."""

    def __init__(self) -> None:
        self.at = float("inf")

    def left(self, timeout: float | None) -> float:
        """Give the seconds that are left, at most `timeout`. Raises httpcore.ReadTimeout when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("The time for the request is over.")
        return left if timeout is None else min(left, timeout)


class TimedStream(httpcore.NetworkStream):
    """A connection on which a whole request, not only each read of it, must end by its deadline.

    Otherwise a server that sends a byte now and then keeps whoever asked for as long as it likes.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come, up to four times what httpcore asks for: each piece costs it more than its bytes do."""
        return self._stream.read(4 * max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Tell of the connection what httpcore wants to know."""
        return self._stream.get_extra_info(info)


class GuardedBackend(httpcore.SyncBackend):
    """Opens connections to public addresses only, and to the private hosts that the settings name."""

    def __init__(self, private_hosts: Iterable[str], deadline: Deadline) -> None:
        self.private_hosts = frozenset(host.lower() for host in private_hosts)
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers. Raises AddressRefused."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses_of(host, port, self.private_hosts, self.deadline.left(timeout)):
            left = self.deadline.left(timeout)
            try:
                stream = super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream, self.deadline)
        raise failure or httpcore.ConnectError(f"{host} has no address.")


def addresses_of(
    host: str, port: int, private_hosts: frozenset[str], seconds: float = _LONGEST_LOOKUP_SECONDS
) -> list[str]:
    """Resolve a host once, in time; give its addresses. Raises AddressRefused if one of them is not public."""
    bare = host.lower().strip("[]").rstrip(".")
    try:
        addresses = _LOOKUPS.addresses(bare, port, seconds)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore.ConnectError(f"There is no host {host}.") from error
    except (LookupFailed, OSError) as error:
        raise httpcore.ConnectError(str(error)) from error
    if bare not in private_hosts:
        for address in addresses:
            if not is_public(address):
                raise AddressRefused(f"{host} is no public address.")
    return addresses


def is_public(address: str) -> bool:
    """Say whether an address is reachable for everybody on the internet (the registries of RFC 6890)."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if inner is not None:
            return is_public(str(inner))  # the same host in other clothes
        if parsed not in _GIVEN_OUT:
            return False
    return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _SPECIAL)
