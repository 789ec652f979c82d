"""What goes into reading a calendar file and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum

DAY_SECONDS = 86_400
LONGEST_SECONDS = 31 * DAY_SECONDS
# Busy time is kept in pieces: readers look no further back than one for what reaches into their window.
PIECE_SECONDS = 31 * DAY_SECONDS
MOST_PIECES = 20_000  # of one calendar: 27 a day
EARLIEST = 0
LATEST = 7_289_654_400  # 2201-01-01T00:00:00Z, the end of the last year we keep


class UnreadableCalendar(ValueError):
    """The file cannot be read as a calendar; the message says why and, where it is known, in which line."""


class SkipReason(StrEnum):
    """Say why an event of a readable file is left out."""

    CANCELED = "canceled"
    DECLINED = "declined"
    TRANSPARENT = "transparent"
    DUPLICATE = "duplicate"
    ZERO_LENGTH = "zero_length"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"
    SUB_DAILY_RECURRENCE = "sub_daily_recurrence"
    TOO_MANY_OCCURRENCES = "too_many_occurrences"
    UNREADABLE = "unreadable"

    @property
    def sentence(self) -> str:
        """Explain the reason to the person whose file it is."""
        return _SENTENCES[self]


_SENTENCES = {
    SkipReason.CANCELED: "The event was canceled.",
    SkipReason.DECLINED: "You declined the invitation.",
    SkipReason.TRANSPARENT: "The event is marked as free and blocks no time.",
    SkipReason.DUPLICATE: "A newer entry in the same file replaces this one.",
    SkipReason.ZERO_LENGTH: "The event has no length, so it blocks no time.",
    SkipReason.TOO_LONG: "The event is longer than 31 days.",
    SkipReason.OUT_OF_RANGE: "The event lies outside the years 1970 to 2200.",
    SkipReason.SUB_DAILY_RECURRENCE: "The event repeats more often than once a day.",
    SkipReason.TOO_MANY_OCCURRENCES: "The event repeats too many times to be read.",
    SkipReason.UNREADABLE: "The event is damaged or uses something we cannot read.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say why an event is left out: in general, and in particular."""

    reason: SkipReason
    detail: str


class EventRefused(ValueError):
    """An event is left out of a file that is otherwise read."""

    def __init__(self, detail: str, reason: SkipReason = SkipReason.UNREADABLE) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


# What turning text into numbers and numbers into dates raises when a file holds the impossible:
# EventRefused where we look ourselves, ValueError from int() and datetime(), OverflowError from
# arithmetic that leaves the years 1 to 9999.
READING_ERRORS = (ValueError, OverflowError)


def refusal_of(error: Exception) -> Refusal:
    """Turn one of READING_ERRORS into the reason to leave an event out."""
    return error.refusal if isinstance(error, EventRefused) else Refusal(SkipReason.UNREADABLE, str(error))


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Say whose file is read, for which time, and how much of it at most.

    ``zone`` is the person's IANA zone: floating times are read in it when the file names no other,
    and all-day events block its local days. ``owner_emails`` find the invitations they declined.
    Instants are epoch seconds. What ended by ``expand_from`` is left out; what repeats is expanded
    up to ``expand_until``; an event that happens once is read however far ahead it lies. ``is_for_busy`` asks
    only what is blocked: then an event counts however long it lasts, as far as it lies in the years we keep, and
    of the entries that share a UID everyone that no other replaces.
    """

    zone: str
    owner_emails: frozenset[str]
    expand_from: int
    expand_until: int
    max_bytes: int = 50_000_000
    max_events: int = 200_000
    max_occurrences: int = 20_000  # of everything that repeats in one file
    max_days_examined: int = 500_000  # bounds the time that hostile repetition rules can take
    is_for_busy: bool = False


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """Hold one stretch of time that a foreign calendar blocks.

    ``recurrence_id`` is empty for an event that happens once, and otherwise the original start of
    this instance, moved or not: ``20260301T090000Z``, or ``20260301`` for an all-day event.
    ``start`` and ``end`` are epoch seconds, half-open. ``title`` may be empty.
    """

    uid: str
    recurrence_id: str
    title: str
    description: str | None
    location: str | None
    start: int
    end: int
    is_all_day: bool


@dataclass(frozen=True, slots=True)
class SkippedEvent:
    """Hold what is known of an event that was left out, and why.

    ``reason.sentence`` is for the person, ``detail`` adds the line and the particulars.
    """

    uid: str
    recurrence_id: str
    title: str
    start: int | None
    reason: SkipReason
    detail: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """Hold what one file says, events in the order of their start."""

    events: tuple[CalendarEvent, ...]
    skipped: tuple[SkippedEvent, ...]
