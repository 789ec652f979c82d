"""Cut the bytes of an iCalendar file into components and properties (RFC 5545 section 3).

Only the lines that decide when somebody is busy are kept, and they are parsed when their component
is: pictures in ATTACH, alarms and to-dos cost nothing, and a bad line spoils one event only.
"""

import codecs
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from slotkeeper.calendars.ics_values import ReadRequest, UnreadableCalendar

_DATE_NAMES = frozenset({"DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"})
_KEPT_LINES = _DATE_NAMES | {
    *("UID", "SUMMARY", "DESCRIPTION", "LOCATION", "DURATION", "RRULE", "EXRULE", "SEQUENCE"),
    *("STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS", "ATTENDEE"),
    *("TZID", "TZOFFSETFROM", "TZOFFSETTO", "X-WR-TIMEZONE"),
}
_KEPT_COMPONENTS = frozenset({"VCALENDAR", "VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT"})
_MAX_DEPTH = 8  # RFC 5545 needs three
_MAX_LINE_BYTES = 1_000_000
_MAX_LINES = 20_000  # of one component

_NAME = re.compile(rb"([A-Za-z0-9-]+)[;:]")
# Possessive, so that a line of a million quotes is walked once and never walked back.
_HEAD = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
_PARAMETER = re.compile(r';([^=;"]+)=("[^"]*"|[^;"]*)')
_ESCAPE = re.compile(r"\\([\\;,nN])")
_NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Property:
    """Hold one content line: its parameters by upper-case name, its value as it is written."""

    name: str
    parameters: Mapping[str, str]
    value: str

    @property
    def text(self) -> str:
        """Return the value with its escapes resolved (RFC 5545 section 3.3.11)."""
        return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value)

    def split(self) -> list["Property"]:
        """Return one property for each value of a comma-separated list."""
        texts = [text for text in self.value.split(",") if text.strip()]
        return [Property(self.name, self.parameters, text) for text in texts]


@dataclass(slots=True)
class Component:
    """Hold one BEGIN … END block; ``line`` is the number of its BEGIN, ``fault`` what spoils it."""

    name: str
    line: int
    fault: str = ""
    kept_lines: list[tuple[str, bytes]] = field(default_factory=list)
    children: list["Component"] = field(default_factory=list)

    def keep(self, name: str, line: bytes) -> None:
        """Add a line, or note that it or the whole component is absurdly long."""
        if len(line) > _MAX_LINE_BYTES:
            self.fault = f"{name} has more than {_MAX_LINE_BYTES:,} bytes"
        elif len(self.kept_lines) == _MAX_LINES:
            self.fault = f"it has more than {_MAX_LINES:,} lines"
        else:
            self.kept_lines.append((name, line))

    def properties(self) -> dict[str, list[Property]]:
        """Parse the kept lines, grouped by name."""
        grouped: dict[str, list[Property]] = {}
        for name, line in self.kept_lines:
            grouped.setdefault(name, []).append(_parse_line(name, line))
        return grouped


def read_calendars(data: bytes, request: ReadRequest) -> list[Component]:
    """Return the VCALENDAR objects of a file; raises UnreadableCalendar if it is not made of them.

    UTF-8 with and without a byte order mark and UTF-16 with one are understood; a line that is not
    UTF-8 is taken for Windows-1252. Source: RFC 5545 sections 3.1 and 3.4.
    """
    if len(data) > request.max_bytes:
        message = f"The file has {len(data):,} bytes; at most {request.max_bytes:,} are read."
        raise UnreadableCalendar(message)
    calendars: list[Component] = []
    stack: list[Component] = []
    for number, line in _logical_lines(_as_utf8(data)):
        found = _NAME.match(line)
        name = found[1].decode("ascii").upper() if found else ""
        if name == "BEGIN":
            stack.append(_opened(line, number, stack))
        elif name == "END":
            component = _closed(line, number, stack)
            if not stack:
                calendars.append(component)
            elif component.name in _KEPT_COMPONENTS:
                _adopt(stack[-1], component, request.max_events)
        elif stack and name in _KEPT_LINES and stack[-1].name in _KEPT_COMPONENTS:
            stack[-1].keep(name, line)
    if stack:
        message = f"The file ends too early: {stack[-1].name} of line {stack[-1].line} has no END."
        raise UnreadableCalendar(message)
    if not calendars:
        raise UnreadableCalendar("The file is no iCalendar file: it has no line BEGIN:VCALENDAR.")
    return calendars


def _opened(line: bytes, number: int, stack: list[Component]) -> Component:
    """Return the component that a BEGIN line opens."""
    name = _component_name(line)
    if not stack and name != "VCALENDAR":
        raise UnreadableCalendar(f"Line {number} begins {name} outside a VCALENDAR.")
    if len(stack) == _MAX_DEPTH:
        raise UnreadableCalendar(f"Line {number} nests more than {_MAX_DEPTH} components.")
    return Component(name, number)


def _closed(line: bytes, number: int, stack: list[Component]) -> Component:
    """Take the component that an END line closes from the stack."""
    name = _component_name(line)
    if not stack or stack[-1].name != name:
        opened = f"{stack[-1].name} of line {stack[-1].line} is open" if stack else "nothing is open"
        raise UnreadableCalendar(f"Line {number} ends {name}, but {opened}.")
    return stack.pop()


def _adopt(parent: Component, child: Component, limit: int) -> None:
    """Hang a component under the one around it."""
    if len(parent.children) == limit:
        raise UnreadableCalendar(f"The file has more than {limit:,} events.")
    parent.children.append(child)


def _component_name(line: bytes) -> str:
    """Return what a BEGIN or END line names, short enough to be shown."""
    return line.partition(b":")[2].strip().upper()[:40].decode("ascii", "replace")


def _as_utf8(data: bytes) -> bytes:
    """Undo UTF-16 and byte order marks, and refuse what is no text at all."""
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            data = data.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        raise UnreadableCalendar("The file claims to be UTF-16 and is not.") from error
    nul = data.find(b"\0")
    if nul >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise UnreadableCalendar(f"The file is not text: line {line} holds a NUL byte.")
    return data.removeprefix(codecs.BOM_UTF8)


def _logical_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield unfolded lines with the number each begins in.

    Bytes are unfolded before they are decoded because some programs fold inside a character, which
    RFC 5545 section 3.1 allows. Blank lines are passed over: some programs write CR CR LF.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    begun = 0
    pieces: list[bytes] = []
    for number, raw in enumerate(io.BytesIO(data), 1):
        line = raw.rstrip(b"\r\n")
        if not line:
            continue
        if pieces and line.startswith((b" ", b"\t")):
            pieces.append(line[1:])
            continue
        if pieces:
            yield begun, b"".join(pieces)
        begun, pieces = number, [line]
    if pieces:
        yield begun, b"".join(pieces)


def _parse_line(name: str, line: bytes) -> Property:
    """Split a content line into its parameters and its value."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    head, value = _split_head(name, text)
    if len(head) == len(name):
        return Property(name, _NO_PARAMETERS, value)
    found = {key.upper(): inner.strip('"') for key, inner in _PARAMETER.findall(head)}
    return Property(name, found, value)


def _split_head(name: str, text: str) -> tuple[str, str]:
    """Find the colon before the value: the first one outside quotes.

    No date holds a colon but Outlook's zone names do ("(UTC+01:00) Amsterdam"), not always quoted:
    there it is the last one.
    """
    if name in _DATE_NAMES:
        head, _, value = text.rpartition(":")
        return head, value
    found = _HEAD.match(text)
    if not found:
        head, _, value = text.partition(":")
        return head, value
    return text[: found.end() - 1], text[found.end() :]
