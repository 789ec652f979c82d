"""The XML of WebDAV and CalDAV: what is asked, and what came back (RFC 4918, 4791, 6578)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, ParseError, SubElement, TreeBuilder, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from slotkeeper.calendars.providers.addresses import joined, path_in
from slotkeeper.calendars.providers.base import Refused, Unavailable

DAV, CALDAV, SERVER = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
ETAG, RESOURCE_TYPE, DISPLAY_NAME = f"{DAV}getetag", f"{DAV}resourcetype", f"{DAV}displayname"
PRINCIPAL, HOME_SET = f"{DAV}current-user-principal", f"{CALDAV}calendar-home-set"
PRIVILEGES, COMPONENTS = f"{DAV}current-user-privilege-set", f"{CALDAV}supported-calendar-component-set"
REPORTS, CTAG, SYNC_TOKEN = f"{DAV}supported-report-set", f"{SERVER}getctag", f"{DAV}sync-token"
SYNC_COLLECTION, CALENDAR_DATA = f"{DAV}sync-collection", f"{CALDAV}calendar-data"
NO_UID_CONFLICT = f"{CALDAV}no-uid-conflict"
# Some servers pass on what was pasted into a title. XML may not hold it at all (XML 1.0 section 2.2).
_NEVER_IN_XML = bytes(code for code in range(32) if code not in b"\t\n\r")
# A listing needs about ten elements for an entry, five or six deep, and each takes some hundred bytes while it is read.
_MOST_NODES, _DEEPEST = 500_000, 50
_PIECE_BYTES, _LONGEST_TAG_BYTES = 65_536, 100_000


class _BoundedTree(TreeBuilder):
    """Builds a tree that is not too large: of so many elements, attributes and namespaces, so deep. Raises Refused."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes = self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element."""
        self._depth += 1
        self._count(1 + len(attrs))
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """Close one."""
        self._depth -= 1
        return super().end(tag)

    def start_ns(self, _prefix: str, _uri: str, /) -> None:
        """Take note of a namespace."""
        self._count(1)

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES or self._depth > _DEEPEST:
            raise _too_much()


class Resource(NamedTuple):
    """What a multistatus says of one resource: its path, its status as a whole, the properties it has."""

    path: str
    status: int
    properties: Mapping[str, Element]

    def text(self, name: str) -> str:
        """Give the text of a property; "" if it has none."""
        found = self.properties.get(name)
        return (found.text or "").strip() if found is not None else ""

    def href(self, name: str) -> str:
        """Give the address in a property; "" if there is none."""
        return next(iter(self.hrefs(name)), "")

    def hrefs(self, name: str) -> list[str]:
        """Give all addresses in a property."""
        found = self.properties.get(name)
        return [] if found is None else [(href.text or "").strip() for href in found.iter(f"{DAV}href") if href.text]

    def names(self, name: str) -> set[str]:
        """Give the names of all elements within a property."""
        found = self.properties.get(name)
        return set() if found is None else {element.tag for element in found.iter()} - {name}


class Multistatus(NamedTuple):
    """An answer about several resources (RFC 4918 section 13), and where the next synchronization starts."""

    resources: list[Resource]
    sync_token: str


def read_multistatus(body: bytes, url: str) -> Multistatus:
    """Read a multistatus that came from a URL. Raises Unavailable for anything else, Refused for too much of it."""
    root = _parsed(body)
    if root is None or root.tag != f"{DAV}multistatus":
        raise Unavailable("The calendar server answers what it should not.")
    resources = [_resource(response, url) for response in root.iter(f"{DAV}response")]
    return Multistatus(resources, (root.findtext(SYNC_TOKEN) or "").strip())


def conflicting_path(body: bytes, url: str) -> str:
    """Give the path of the resource that already holds a UID (RFC 4791 section 5.3.2.1); "" if none is said to."""
    root = _parsed(body)
    href = None if root is None else root.findtext(f".//{NO_UID_CONFLICT}/{DAV}href")
    return path_of(href.strip(), url) if href else ""


def path_of(href: str, url: str) -> str:
    """Write the path of an address in one way only: servers escape it now so and now so."""
    path = path_in(joined(url, href))
    return "/".join(quote(unquote(piece), safe="@:!$&'()*+,;=~") for piece in path.split("/"))


def absolute(path: str, url: str) -> str:
    """Give the URL of a path on the server of another URL."""
    return joined(url, path)


def propfind(names: Iterable[str]) -> bytes:
    """Ask for properties (RFC 4918 section 9.1)."""
    root = Element(f"{DAV}propfind")
    _ask_for(root, names)
    return _written(root)


def sync_report(token: str) -> bytes:
    """Ask what has changed since a token, "" for everything (RFC 6578 section 3.2)."""
    root = Element(SYNC_COLLECTION)
    SubElement(root, SYNC_TOKEN).text = token
    SubElement(root, f"{DAV}sync-level").text = "1"
    _ask_for(root, [ETAG])
    return _written(root)


def multiget_report(paths: Iterable[str]) -> bytes:
    """Ask for several entries (RFC 4791 section 7.9)."""
    root = Element(f"{CALDAV}calendar-multiget")
    _ask_for(root, [ETAG, CALENDAR_DATA])
    for path in paths:
        SubElement(root, f"{DAV}href").text = path
    return _written(root)


def _ask_for(root: Element, names: Iterable[str]) -> None:
    wanted = SubElement(root, f"{DAV}prop")
    for name in names:
        SubElement(wanted, name)


def _written(root: Element) -> bytes:
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _parsed(body: bytes) -> Element | None:
    """Read XML, a piece at a time; None for what is none. Raises Refused for what would take too much memory."""
    parser = DefusedXMLParser(target=_BoundedTree(), forbid_dtd=True)
    fed = 0
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            piece = body[start : start + _PIECE_BYTES].translate(None, _NEVER_IN_XML)
            parser.feed(piece)
            fed += len(piece)
            if fed - parser.parser.CurrentByteIndex > _LONGEST_TAG_BYTES:  # it has not come to the end of the tag
                raise _too_much()
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    return root


def _too_much() -> Refused:
    return Refused("The calendar server's answer is too large to be read.")


def _resource(response: Element, url: str) -> Resource:
    status = _status(response)
    properties: dict[str, Element] = {}
    for found in response.iterfind(f"{DAV}propstat"):
        if _status(found) == 200:
            properties |= {element.tag: element for element in found.iterfind(f"{DAV}prop/*")}
    return Resource(path_of((response.findtext(f"{DAV}href") or "").strip(), url), status or 200, properties)


def _status(element: Element) -> int:
    """Read a status line such as `HTTP/1.1 404 Not Found`; 0 if there is none."""
    words = (element.findtext(f"{DAV}status") or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() and len(words[1]) == 3 else 0
