"""`slotkeeper import FILE.ics`: read the whole file, then book event by event, then report."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from slotkeeper.appointments.calendar_import import Fate, Importer, import_event
from slotkeeper.appointments.free_busy import BusyEntry
from slotkeeper.calendars.ics_file import (
    CalendarEvent,
    CalendarFile,
    ReadRequest,
    SkippedEvent,
    UnreadableCalendar,
    read_calendar_file,
)
from slotkeeper.changes.record import COMMAND
from slotkeeper.doors.cli.database import make_ready
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.people import find_membership
from slotkeeper.people.models import Membership
from slotkeeper.rules.local_time import DAY_SECONDS, InvalidTime, TimeForm, day_bounds, parse_time
from slotkeeper.settings import CONFIGURATION

_MONTHS_AHEAD_SECONDS = 365 * DAY_SECONDS
_MOST_OCCURRENCES = 100_000
_SHOWN = 50
T = TypeVar("T")


def import_file(options: argparse.Namespace) -> None:
    """Import a calendar export for one member. Running it again books nothing twice."""
    make_ready()
    membership = find_membership(options.email, options.business)
    now = int(time.time())
    content = _read_limited(Path(options.file))
    calendar = _parse(content, membership, _expand_until(options.until, membership.user.time_zone, now))
    importer = Importer(membership, COMMAND, now, options.with_past)
    fates: Counter[Fate] = Counter()
    refused: list[str] = []
    form = TimeForm.with_offset(membership.user.time_zone)
    try:
        for event in progress(calendar.events):
            fate, taken = import_event(event, importer)
            fates[fate] += 1
            if taken:
                refused.append(f"{_named(event, form)}: {_in_the_way(taken.conflicts)}")
    except KeyboardInterrupt:
        print("Stopped. What was booked stays; run the same command again to go on.", file=sys.stderr)
    _report(calendar, fates, refused, options.with_past)


def progress(items: Iterable[T]) -> Iterator[T]:
    """Pass items on and draw a bar with their number; only on a terminal."""
    known = list(items)
    is_shown = sys.stderr.isatty()
    for number, item in enumerate(known, 1):
        yield item
        if is_shown and (number % 20 == 0 or number == len(known)):
            filled = 30 * number // len(known)
            end = "\n" if number == len(known) else ""
            print(
                f"\r[{'#' * filled}{'.' * (30 - filled)}] {number}/{len(known)}",
                end=end,
                file=sys.stderr,
                flush=True,
            )


def _read_limited(path: Path) -> bytes:
    limit = CONFIGURATION.import_limit_mb
    try:
        if path.stat().st_size > limit * 1_000_000:
            raise CommandRefused(
                f"{path} is larger than {limit} MB. Raise SLOTKEEPER_IMPORT_LIMIT_MB if that is meant."
            )
        return path.read_bytes()
    except OSError as error:
        raise CommandRefused(f"{path} cannot be read: {error.strerror}.") from None


def _expand_until(until: str | None, zone: str, now: int) -> int:
    if until is None:
        return now + _MONTHS_AHEAD_SECONDS
    try:
        read = parse_time(until)
    except InvalidTime as error:
        raise CommandRefused(f"--until {until}: {error}") from None
    year, month, day = time.gmtime(read.local)[:3]
    return day_bounds(zone, year, month, day).end


def _parse(content: bytes, membership: Membership, until: int) -> CalendarFile:
    request = ReadRequest(
        zone=membership.user.time_zone,
        owner_emails=frozenset({membership.user.email}),
        expand_from=0,
        expand_until=until,
        max_bytes=CONFIGURATION.import_limit_mb * 1_000_000,
        max_occurrences=_MOST_OCCURRENCES,
    )
    try:
        return read_calendar_file(content, request)
    except UnreadableCalendar as error:
        raise CommandRefused(f"Nothing was imported: {error}") from None


def _report(calendar: CalendarFile, fates: Counter[Fate], refused: list[str], with_past: bool) -> None:
    print(f"Booked {fates[Fate.BOOKED]} of {len(calendar.events)} events.")
    if fates[Fate.STORED_AS_PAST]:
        print(f"Stored {fates[Fate.STORED_AS_PAST]} past events as completed.")
    if fates[Fate.ALREADY_IMPORTED]:
        print(f"Imported before, left alone: {fates[Fate.ALREADY_IMPORTED]}.")
    if fates[Fate.PAST] and not with_past:
        print(f"Past, skipped: {fates[Fate.PAST]} (--with-past stores them as completed).")
    _print_some(f"Refused, the time is not free: {len(refused)}.", refused)
    for reason, skipped in _by_reason(calendar.skipped).items():
        _print_some(
            f"Skipped {len(skipped)}: {reason}",
            [f"{event.title or event.uid}: {event.detail}" for event in skipped],
        )


def _by_reason(skipped: Iterable[SkippedEvent]) -> dict[str, list[SkippedEvent]]:
    groups: dict[str, list[SkippedEvent]] = {}
    for event in skipped:
        groups.setdefault(event.reason.sentence, []).append(event)
    return groups


def _print_some(heading: str, lines: list[str]) -> None:
    if lines:
        print(heading)
    for line in lines[:_SHOWN]:
        print(f"  {line}")
    if len(lines) > _SHOWN:
        print(f"  and {len(lines) - _SHOWN} more")


def _named(event: CalendarEvent, form: TimeForm) -> str:
    return f"{form.write(event.start)} {event.title or 'Untitled'}"


def _in_the_way(conflicts: list[BusyEntry]) -> str:
    names = [entry.title or entry.kind.value for entry in conflicts]
    return f"in the way: {', '.join(names[:3])}" if names else "something was in the way"
