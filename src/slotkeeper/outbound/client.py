"""HTTP requests to addresses that people type: public only, bounded in time and size, redirects looked at.

An answer comes whole or not at all. What goes wrong is one of three things to whoever asked: the address
may not be asked (AddressRefused), nothing useful came back now (Unreachable), or too much did (TooLarge).
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import certifi
import httpcore
import httpx

from slotkeeper.outbound.addresses import AddressRefused, Deadline, GuardedBackend
from slotkeeper.outbound.unpacking import ACCEPTED, Garbled, unpacked

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_SAFE = {"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"}  # they change nothing where they are led
_NO_ADDRESS = "This is no address that begins with https:// or http://."
_LONGEST_PAUSE_SECONDS = 60.0
_PORTS = {"http": 80, "https": 443}
_HEADERS = {"User-Agent": "Slotkeeper (+https://github.com/slotkeeper)", "Accept-Encoding": ACCEPTED}


class Unreachable(Exception):
    """No useful answer came: the server is away, slow, or cut the connection."""


class TooSlow(Unreachable):
    """The answer began and did not end in the time it had."""


class TooLarge(Exception):
    """The answer is larger than it may be; `status` is what it began with."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one request may take, redirects included, and how large its answer may be."""

    seconds: float = 15.0
    bytes: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask. `authorization` and `body` go to the origin of `url` and nowhere else."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    authorization: str | None = None
    limits: Limits = Limits()
    follows_redirects: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole; `url` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]  # their names in any case, their values as latin-1 (RFC 9110 section 5.5)
    body: bytes
    url: str


@cache
def _trust() -> ssl.SSLContext:
    """Read once whom we trust: it takes longer than asking a calendar that has nothing new."""
    return ssl.create_default_context(cafile=certifi.where())


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over connections that AddressRefused guards."""

    def __init__(self, private_hosts: Iterable[str]) -> None:
        self.deadline = Deadline()
        context = _trust()
        super().__init__(verify=context, trust_env=False)
        # httpx offers no parameter for this; its version is pinned.
        backend = GuardedBackend(private_hosts, self.deadline)
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=backend)


class Client:
    """Keeps connections open between requests; not for several threads at once.

    `seconds` bounds all of its requests together, for somebody who waits for the last of them.
    """

    def __init__(self, private_hosts: Iterable[str] = (), seconds: float | None = None) -> None:
        self._until = float("inf") if seconds is None else time.monotonic() + seconds
        transport = GuardedTransport(private_hosts)
        self._deadline = transport.deadline
        self._http = httpx.Client(
            transport=transport, follow_redirects=False, timeout=_LONGEST_PAUSE_SECONDS, headers=_HEADERS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is open."""
        self._http.close()

    def send(self, request: Request) -> Answer:
        """Ask, and follow redirects; each may lead to a checked address only, and takes no password elsewhere.

        Raises AddressRefused, Unreachable (or its TooSlow) and TooLarge.
        """
        url, method, body = request.url, request.method, request.body
        self._deadline.at = min(time.monotonic() + request.limits.seconds, self._until)
        for _ in range(_MOST_REDIRECTS + 1):
            headers = dict(request.headers)
            if request.authorization and origin_of(url) == origin_of(request.url):
                headers["Authorization"] = request.authorization
            outgoing = self._http.build_request(method, _parsed(url), headers=_in_bytes(headers), content=body)
            answer = self._send_once(outgoing, request.limits)
            place = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not place or not request.follows_redirects:
                return answer
            if answer.status == 303:
                method, body = "GET", None
            url, former = _joined(url, _address_in(place)), url
            if body is not None and origin_of(url) != origin_of(former):
                if method not in _SAFE:
                    raise Unreachable("The server leads elsewhere with what was meant for it alone.")
                body = None
        raise Unreachable("The server sends from one place to the next without end.")

    def _send_once(self, outgoing: httpx.Request, limits: Limits) -> Answer:
        has_begun = False
        try:
            answer = self._http.send(outgoing, stream=True)
            has_begun = True
            answer.headers.encoding = "latin-1"
            try:
                body = self._body_of(answer, limits.bytes)
            finally:
                answer.close()
        except (httpx.TimeoutException, httpcore.TimeoutException):
            if has_begun and time.monotonic() < self._until:
                raise TooSlow(f"The answer does not end within {limits.seconds:g} seconds.") from None
            raise Unreachable("The server is too slow.") from None
        except Garbled as error:
            raise Unreachable(str(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise Unreachable(f"The server cannot be reached: {error or type(error).__name__}") from None
        return Answer(answer.status_code, answer.headers, body, str(outgoing.url))

    def _body_of(self, answer: httpx.Response, most: int) -> bytes:
        """Read and unpack a body; neither form of it may be larger than `most` bytes, nor come after the deadline."""
        body = BytesIO()
        for piece in unpacked(answer.iter_raw(), answer.headers.get("content-encoding", "")):
            self._deadline.left(None)
            body.write(piece)
            if max(body.tell(), answer.num_bytes_downloaded) > most:
                raise TooLarge(f"The answer is larger than {most:,} bytes.", answer.status_code)
        return body.getvalue()


def origin_of(url: str) -> tuple[str, str, int]:
    """Name the origin of a URL (RFC 6454): scheme, host and port. Raises AddressRefused for what has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise AddressRefused(_NO_ADDRESS) from None
    if not parts.hostname:
        raise AddressRefused("The address names no host.")
    return parts.scheme, parts.hostname.lower().rstrip("."), port


def _joined(url: str, reference: str) -> str:
    """Say where a redirect leads. Raises AddressRefused for what is no address, and for a way out of https."""
    try:
        joined = urljoin(url, reference)
    except ValueError:
        raise AddressRefused(_NO_ADDRESS) from None
    if origin_of(url)[0] == "https" and origin_of(joined)[0] == "http":
        raise AddressRefused("The server leads from https to http.")
    return joined


def _parsed(url: str) -> httpx.URL:
    """Refuse what only looks like an address. Passwords do not belong into one: they would be logged."""
    origin_of(url)
    if "@" in urlsplit(url).netloc:
        raise AddressRefused("The address may not contain a name or a password.")
    try:
        parsed = httpx.URL(url)
        parsed.host  # noqa: B018 -- raises for a host that cannot be a name (RFC 5891)
    except (httpx.InvalidURL, UnicodeError):
        raise AddressRefused(_NO_ADDRESS) from None
    return parsed


def _in_bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Write headers as they are read, so that what a server gave, such as an ETag, goes back to it unchanged."""
    return [(name.encode(), _value_in_bytes(value)) for name, value in headers.items()]


def _value_in_bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # it came from elsewhere, such as an ETag in XML
        return value.encode("utf-8", "replace")


def _address_in(location: str) -> str:
    """Read the address in a Location: where it is not ASCII, as it has to be, it is UTF-8 more often than latin-1."""
    try:
        return location.encode("latin-1").decode()
    except UnicodeDecodeError:
        return location
