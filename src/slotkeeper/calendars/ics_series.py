"""Work out what the entries of one UID block: the series, less what was taken out, plus what was changed."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from slotkeeper.calendars.ics_entries import Entry, Length
from slotkeeper.calendars.ics_values import (
    DAY_SECONDS,
    EARLIEST,
    LATEST,
    LONGEST_SECONDS,
    READING_ERRORS,
    CalendarEvent,
    EventRefused,
    ReadRequest,
    Refusal,
    SkippedEvent,
    SkipReason,
    refusal_of,
)
from slotkeeper.calendars.ics_zones import Moment, instant_of
from slotkeeper.calendars.recurrence import Allowance, occurrences, parse_rule
from slotkeeper.rules.intervals import Interval

Outcome = CalendarEvent | SkippedEvent
_FARTHEST_SECONDS = 700_000 * DAY_SECONDS  # so long before 1970 there still are dates


@dataclass(frozen=True, slots=True)
class _Change:
    """One changed instance: its entry, and the start it had in the series."""

    entry: Entry
    original: Moment
    instant: int


def read_series(entries: Sequence[Entry], request: ReadRequest, allowance: Allowance) -> Iterator[Outcome]:
    """Yield what all entries of one UID come to, in no order.

    Of several entries for the same instance the highest SEQUENCE counts, then the last in the file; who asks what
    is blocked gets all of the highest SEQUENCE that begin at different times. Changed instances count even where
    their series does not, or is not in the file. Source: RFC 5545 sections 3.8.4.4, 3.8.5 and 3.8.7.4.
    """
    masters, replaced = _masters(entries, request)
    changes: dict[int, _Change] = {}
    for entry in sorted((entry for entry in entries if entry.original is not None), key=_age):
        change = _change(entry, masters[-1] if masters else None)
        if change.instant in changes:
            replaced.append(changes[change.instant].entry)
        changes[change.instant] = change
    for entry in replaced:
        yield _skipped(entry, Refusal(SkipReason.DUPLICATE, "the file has it again"), entry.original)
    for change in changes.values():
        yield from _once(change.entry, change.original, request)
    for master in masters:
        if master.repeats:
            yield from _repeated(master, list(changes.values()), request, allowance)
        else:
            yield from _once(master, None, request)


def standing_time(entry: Entry) -> Interval:
    """Say when an entry stands in its calendar, whether it blocks that time or not; cut to the years we keep."""
    return _kept(_whole(entry, entry.start, entry.length))


def newest(entries: Sequence[Entry]) -> Entry:
    """Return the entry of one UID that says what it is as a whole; a changed instance where there is nothing else."""
    return max(entries, key=lambda entry: (entry.original is None, _age(entry)))


def _age(entry: Entry) -> tuple[int, int]:
    """Order the entries for one instance from the oldest to the newest."""
    return entry.sequence, entry.line


def _masters(entries: Sequence[Entry], request: ReadRequest) -> tuple[list[Entry], list[Entry]]:
    """Part what is no changed instance into what counts and what that replaces, both from the oldest to the newest."""
    masters = sorted((entry for entry in entries if entry.original is None), key=_age)
    if not request.is_for_busy:
        return masters[-1:], masters[:-1]
    by_start = {entry.start: entry for entry in masters if entry.sequence == masters[-1].sequence}
    counting = {entry.line for entry in by_start.values()}
    return [one for one in masters if one.line in counting], [one for one in masters if one.line not in counting]


def _change(entry: Entry, master: Entry | None) -> _Change:
    """Find the place in the series that a changed instance takes."""
    assert entry.original is not None
    original = _aligned(entry.original, master) if master else entry.original
    return _Change(entry, original, instant_of(original, (master or entry).zone))


def _aligned(moment: Moment, master: Entry) -> Moment:
    """Make a date or a time point at an instance of a series; many programs mix the two up."""
    if not isinstance(master.start, datetime):
        return moment.date() if isinstance(moment, datetime) else moment
    if isinstance(moment, datetime):
        return moment.astimezone(master.zone)
    return datetime.combine(moment, master.start.timetz())


def _once(entry: Entry, original: Moment | None, request: ReadRequest) -> Iterator[Outcome]:
    """Yield an entry that happens once, unless it was over when the window begins."""
    if instant_of(entry.start, entry.zone) + entry.length.nominal_seconds > request.expand_from:
        yield _outcome(entry, entry.start, entry.length, original)


def _repeated(
    master: Entry, changes: Sequence[_Change], request: ReadRequest, allowance: Allowance
) -> Iterator[Outcome]:
    """Yield the instances of a series that were not changed one by one."""
    try:
        if request.is_for_busy:
            allowance.spend_days(len(changes))  # one UID may have thousands of series
        starts = {} if master.absence else _starts(master, request, allowance, _reach(master, changes))
    except READING_ERRORS as error:
        yield _skipped(master, refusal_of(error), None)
        return
    if master.absence:
        yield _skipped(master, master.absence, None)
    for change in changes:
        starts.pop(change.instant, None)
    turns = [change for change in sorted(changes, key=_instant) if change.entry.is_for_following]
    for instant, (start, length) in starts.items():
        passed = bisect_right(turns, instant, key=_instant)
        outcome = _instance(master, start, length, turns[passed - 1] if passed else None)
        if outcome and _overlaps(outcome, request):
            yield outcome


def _instant(change: _Change) -> int:
    """Return the instant that a changed instance had in its series."""
    return change.instant


def _reach(master: Entry, changes: Sequence[_Change]) -> timedelta:
    """Say how long before the window an instance can begin and still reach into it."""
    lengths = [entry.length.nominal_seconds for entry in (master, *(change.entry for change in changes))]
    return timedelta(seconds=min(max(LONGEST_SECONDS, *lengths), _FARTHEST_SECONDS), days=2)


def _starts(
    master: Entry, request: ReadRequest, allowance: Allowance, reach: timedelta
) -> dict[int, tuple[Moment, Length]]:
    """Return the starts and lengths of a series by instant, less its EXDATEs."""
    first = datetime.fromtimestamp(request.expand_from, UTC).date() - reach
    last = datetime.fromtimestamp(request.expand_until, UTC).date() + timedelta(days=1)
    removed = {instant_of(_aligned(moment, master), master.zone) for moment in master.removed}
    starts: dict[int, tuple[Moment, Length]] = {}
    for start, length in _candidates(master, first, last, allowance):
        instant = instant_of(start, master.zone)
        if instant not in removed and instant < request.expand_until:
            starts[instant] = start, length
        if len(starts) > allowance.occurrences:
            # All or nothing: half a series in the calendar would look like all of it.
            detail = f"the repeating events of one file may have {request.max_occurrences:,} instances"
            raise EventRefused(detail, SkipReason.TOO_MANY_OCCURRENCES)
    allowance.occurrences -= len(starts)
    return starts


def _candidates(master: Entry, first: date, last: date, allowance: Allowance) -> Iterator[tuple[Moment, Length]]:
    """Yield every start that DTSTART, RRULE and RDATE name, some twice: of those the last counts.

    So an RDATE's own length does, and where a zone skipped a whole day (Samoa in 2011), the day after.
    """
    yield master.start, master.length
    is_timed = isinstance(master.start, datetime)
    clock = master.start.time() if isinstance(master.start, datetime) else time.min
    begin = datetime.combine(master.start, clock)
    for text in master.rules:
        for wall in occurrences(parse_rule(text, begin, master.zone), first, last, allowance):
            yield wall.replace(tzinfo=master.zone) if is_timed else wall.date(), master.length
    for added, length in master.added:
        yield _aligned(added, master), length or master.length


def _instance(master: Entry, start: Moment, length: Length, turn: _Change | None) -> Outcome | None:
    """Build one instance, as the last change "of this and the following" before it wants it, if any."""
    if turn is None:
        return _outcome(master, start, length, start)
    if turn.entry.absence:
        return None
    try:
        moved: Moment = _day(start) + (_day(turn.entry.start) - _day(turn.original))
    except OverflowError:  # beyond the years that have a number
        return None
    if isinstance(turn.entry.start, datetime):
        moved = datetime.combine(moved, turn.entry.start.timetz())
    return _outcome(turn.entry, moved, turn.entry.length, start)


def _day(moment: Moment) -> date:
    """Return the day on the moment's own wall clock."""
    return moment.date() if isinstance(moment, datetime) else moment


def _overlaps(outcome: Outcome, request: ReadRequest) -> bool:
    """Answer whether an instance reaches into the window."""
    if isinstance(outcome, SkippedEvent):
        return True
    return outcome.end > request.expand_from and outcome.start < request.expand_until


def _outcome(entry: Entry, start: Moment, length: Length, original: Moment | None) -> Outcome:
    """Build the event of an entry at a start, or say why it cannot be one."""
    try:
        begin, end = _span(entry, start, length)
    except READING_ERRORS as error:
        return _skipped(entry, refusal_of(error), original)
    return CalendarEvent(
        uid=entry.uid,
        recurrence_id=_recurrence_id(original),
        title=entry.title,
        description=entry.description,
        location=entry.location,
        start=begin,
        end=end,
        is_all_day=not isinstance(start, datetime),
    )


def _span(entry: Entry, start: Moment, length: Length) -> Interval:
    """Return when an entry begins and ends; raises EventRefused where that blocks nothing or cannot be booked."""
    if entry.absence:
        raise EventRefused(entry.absence.detail, entry.absence.reason)
    whole = _whole(entry, start, length)
    kept = _kept(whole)
    if entry.is_for_busy and kept.start < kept.end:
        return kept
    if kept != whole:
        raise EventRefused(f"it begins on {_day(start)}", SkipReason.OUT_OF_RANGE)
    if whole.end - whole.start > LONGEST_SECONDS:
        raise EventRefused("it is longer than 31 times 24 hours", SkipReason.TOO_LONG)
    if whole.start == whole.end:
        raise EventRefused("its zone skips that day", SkipReason.ZERO_LENGTH)
    return whole


def _whole(entry: Entry, start: Moment, length: Length) -> Interval:
    """Return when an entry with that start and length begins and ends, at the latest with the year 9999."""
    days = timedelta(days=min(length.days, (date.max - _day(start)).days))
    return Interval(instant_of(start, entry.zone), instant_of(start + days, entry.zone) + length.seconds)


def _kept(whole: Interval) -> Interval:
    """Cut a time to the years we keep."""
    start, end = (min(max(edge, EARLIEST), LATEST) for edge in whole)
    return Interval(start, end)


def _skipped(entry: Entry, refusal: Refusal, original: Moment | None) -> SkippedEvent:
    """Report an entry, or an instance of it, that is left out."""
    return SkippedEvent(
        uid=entry.uid,
        recurrence_id=_recurrence_id(original),
        title=entry.title,
        start=instant_of(entry.start, entry.zone),
        reason=refusal.reason,
        detail=f"line {entry.line}: {refusal.detail}",
        line=entry.line,
    )


def _recurrence_id(original: Moment | None) -> str:
    """Write the original start of an instance in basic form, a time in UTC; nothing for no instance."""
    if isinstance(original, datetime):
        with suppress(OverflowError):  # the first hours of the year 1 have no time in UTC
            return original.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return original.strftime("%Y%m%d") if original else ""
