"""Write small calendar files and show what was read from them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from slotkeeper.calendars.ics_file import CalendarFile, ReadRequest, read_calendar_file

BERLIN = "Europe/Berlin"
OWNER = "ada@example.org"


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


REQUEST = ReadRequest(
    zone=BERLIN, owner_emails=frozenset({OWNER}), expand_from=instant("2025-01-01"), expand_until=instant("2028-01-01")
)


def calendar(*blocks: str, head: str = "") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", head, *blocks, "END:VCALENDAR"]
    return "".join(f"{line}\r\n" for line in lines if line).encode()


def event(*lines: str, uid: str = "1") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def zone(name: str, *observances: str) -> str:
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *observances, "END:VTIMEZONE"])


def observance(kind: str, *lines: str) -> str:
    return "\r\n".join([f"BEGIN:{kind}", *lines, f"END:{kind}"])


def read(*blocks: str, head: str = "", request: ReadRequest = REQUEST) -> CalendarFile:
    return read_calendar_file(calendar(*blocks, head=head), request)


def spans(file: CalendarFile, name: str = BERLIN) -> list[str]:
    """Show events as "2026-03-10 09:30 45m", in the wall clock of a zone."""
    local = ZoneInfo(name)
    return [
        f"{datetime.fromtimestamp(one.start, local):%Y-%m-%d %H:%M} {(one.end - one.start) // 60}m"
        for one in file.events
    ]


def identities(file: CalendarFile) -> list[str]:
    return [one.recurrence_id for one in file.events]


def reasons(file: CalendarFile) -> list[str]:
    return [one.reason.value for one in file.skipped]
