"""Speaking WebDAV in somebody's account: with their password, to their server and nobody else's."""

import base64
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from slotkeeper.calendars.providers.answers import check, fetch, is_page
from slotkeeper.calendars.providers.base import Account, Refused, Unavailable
from slotkeeper.calendars.providers.dav_xml import Multistatus, Resource, propfind, read_multistatus
from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Limits, Request, origin_of

_LIMITS = Limits(seconds=30.0, bytes=20_000_000)
_XML = {"Content-Type": "application/xml; charset=utf-8"}


class LedElsewhere(Unavailable):
    """The server led to another one, which was not told the password; `url` is where."""

    def __init__(self, url: str) -> None:
        super().__init__(f"The calendar server leads to another address: {url[:200]}")
        self.url = url


class WebPage(Unavailable):
    """A web page came, such as the sign-in of a hotel's network, or of a site that has its calendars elsewhere."""


class Forbidden(Refused):
    """The server knows who asks, and does not let them read this."""


class DavSession:
    """Sends requests with the account's name and password."""

    def __init__(self, account: Account) -> None:
        self.url = account.url if "://" in account.url else f"https://{account.url.strip()}"
        self._http = account.http
        credentials = f"{account.username}:{account.secret}".encode()
        self._authorization = f"Basic {base64.b64encode(credentials).decode()}"  # RFC 7617

    def send(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask; give an answer with 2xx or 4xx. Raises LedElsewhere, besides what every provider raises."""
        try:
            if not may_know_password(url, self.url):
                raise Refused(f"The calendar server leads to {urlsplit(url).hostname}, which may not see the password.")
            origin = origin_of(url)
        except AddressRefused as error:
            raise Refused(str(error)) from None
        request = Request(method, url, headers or {}, body, self._authorization, _LIMITS)
        answer = fetch(self._http, request)
        if origin_of(answer.url) != origin:  # whoever answers was not told the password and cannot refuse it
            raise LedElsewhere(answer.url)
        check(answer)
        if answer.status < 300 and is_page(answer):
            raise WebPage("A web page came where the calendar server should answer.")
        return answer

    def find(self, url: str, *names: str) -> Resource | None:
        """Ask for properties of one resource; None where there is no such resource."""
        answer = self.send("PROPFIND", url, propfind(names), _XML | {"Depth": "0"})
        found = _multistatus(answer)
        return next(iter(found.resources), None) if found else None

    def list(self, url: str, *names: str) -> list[Resource]:
        """Ask for properties of what is in a collection, and of itself."""
        found = _multistatus(self.send("PROPFIND", url, propfind(names), _XML | {"Depth": "1"}))
        if found is None:
            raise Refused("The calendar is no longer there.")
        return found.resources

    def report(self, url: str, body: bytes, depth: str) -> Answer:
        """Ask for a report (RFC 3253 section 3.6)."""
        return self.send("REPORT", url, body, _XML | {"Depth": depth})


def may_know_password(url: str, home: str) -> bool:
    """Say whether a server may see the password that somebody gave for another one.

    That is the same origin; and after discovery an https host beside or below it, as iCloud needs: it sends
    from caldav.icloud.com to p42-caldav.icloud.com.
    """
    origin, own = origin_of(url), origin_of(home)
    if origin == own:
        return True
    if {origin[0], own[0]} != {"https"} or origin[2] not in {443, own[2]}:
        return False
    parent = _parent(own[1])
    return bool(parent) and origin[1].endswith(f".{parent}")


def _parent(host: str) -> str:
    """Give the domain that a host's siblings share; "" where that could be a registry's, such as co.uk."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        labels = host.split(".")
    else:
        return ""
    parent = labels[1:] if len(labels) > 2 else labels
    is_registry = len(parent) < 2 or (len(parent) == 2 and len(parent[1]) == 2 and len(parent[0]) <= 3)
    if is_registry:
        parent = labels
    return ".".join(parent) if len(parent) > 1 else ""


def _multistatus(answer: Answer) -> Multistatus | None:
    if answer.status == 403:
        raise Forbidden("The calendar server does not allow reading this calendar (403).")
    if answer.status in {404, 405, 410}:
        return None
    if answer.status >= 400:
        raise Refused(f"The calendar server refuses the request ({answer.status}).")
    return read_multistatus(answer.body, answer.url)
