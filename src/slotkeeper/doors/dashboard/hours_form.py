"""The forms of opening hours: a week of ranges, a date that differs, time off."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.offerings.hours import MAX_RANGES, WEEKDAYS, Day
from slotkeeper.offerings.models import DAY_MINUTES
from slotkeeper.offerings.time_off import MAX_SECONDS, Absence
from slotkeeper.rules.local_time import (
    DAY_SECONDS,
    InvalidTime,
    earliest_instant,
    latest_instant,
    parse_time,
)
from slotkeeper.rules.opening_hours import Range

USUAL_DAY: Day = ((9 * 60, 17 * 60),)
USUAL_WEEK: Mapping[int, Day] = dict.fromkeys(range(5), USUAL_DAY)
SHOWN_RANGES = 2
MORE_RANGES = 2
DAY_NAMES: Sequence[Promise] = (
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
)
# What the verbs say, marked for translation here: they know no language.
_REASONS = (
    gettext_noop("It reaches into the next day's hours."),
    gettext_noop("A day's times go from 00:00 to 24:00."),
    gettext_noop("A range must end at another time than it starts; 00:00 to 24:00 is the whole day."),
    gettext_noop("Two ranges overlap."),
    gettext_noop("The business is closed on that date already."),
)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?|24:00")
_CLOCK_CHARACTERS = 8


@dataclass(slots=True)
class RangeRow:
    """Two inputs as they stand: from and until."""

    start: str = ""
    end: str = ""


@dataclass(slots=True)
class DayRow:
    """A day of the week, or the one date that differs, as its inputs stand; `prefix` begins their names."""

    prefix: str
    name: str | Promise
    rows: list[RangeRow] = field(default_factory=list)
    ranges: list[Range] = field(default_factory=list)
    error: str | Promise = ""

    def read(self, data: Mapping[str, Any]) -> None:
        """Take what was typed, and read it as ranges; what cannot be read is the error."""
        for number in range(MAX_RANGES):
            names = (f"{self.prefix}-{number}-from", f"{self.prefix}-{number}-until")
            if not any(name in data for name in names):
                break
            row = RangeRow(*(str(data.get(name, "")).strip()[:_CLOCK_CHARACTERS] for name in names))
            self.rows.append(row)
            if row.start or row.end:
                self._add(row)

    def refuse(self, reason: str) -> None:
        """Say what the verb refused."""
        self.error = gettext(reason)

    def show(self, ranges: Sequence[Sequence[int]]) -> None:
        """Write ranges into the inputs."""
        self.rows = [RangeRow(_write_clock(start), _write_clock(end)) for start, end in ranges]

    def widen(self, least: int = SHOWN_RANGES, spare: int = 0) -> None:
        """Add empty inputs."""
        used = sum(1 for row in self.rows if row.start or row.end)
        wanted = min(max(least, used + spare, len(self.rows)), MAX_RANGES)
        self.rows += [RangeRow() for _number in range(wanted - len(self.rows))]

    def _add(self, row: RangeRow) -> None:
        start, end = _read_clock(row.start), _read_clock(row.end)
        if start is None or end is None:
            self.error = _("Write both times, like 09:00 and 17:00.")
        else:
            self.ranges.append((start, end or DAY_MINUTES))


def day_field(label: Any, *, required: bool = True) -> forms.DateField:
    """Ask for a date of the years in which the server keeps times."""
    return forms.DateField(
        label=label,
        required=required,
        validators=[MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2200, 12, 31))],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def _time_field(label: Any) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


class OverrideForm(forms.Form):
    """A date whose hours differ from its weekday's; its ranges stand in a DayRow."""

    date = day_field(_("Date"))
    kind = forms.ChoiceField(
        label=_("On this day"),
        choices=[("closed", _("closed")), ("open", _("open at these times:"))],
        initial="closed",
        widget=forms.RadioSelect,
    )


class TimeOffForm(forms.Form):
    """From when until when somebody is away; days without times are whole days."""

    first = day_field(_("First day"))
    first_time = _time_field(_("From"))
    last = day_field(_("Last day"), required=False)
    last_time = _time_field(_("Until"))
    reason = Text(_("Reason"), 200, empty_value="", help_text=_("Customers do not see it."))

    def __init__(self, zone: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.zone = zone

    def clean(self) -> dict[str, Any]:
        """Find the instants; a time that the clocks show twice or never is read so that all of it is off."""
        data = self.cleaned_data
        if self.errors:
            return data
        first, last = data["first"], data["last"] or data["first"]
        try:
            start = parse_time(f"{first}T{data['first_time'] or '00:00:00'}").local
            end = parse_time(f"{last}T{data['last_time'] or '00:00:00'}").local
        except InvalidTime as error:
            self.add_error("first", str(error))
            return data
        # Without a time the last day is over at its end.
        end += 0 if data["last_time"] else DAY_SECONDS
        if end <= start:
            self.add_error("last_time" if first == last else "last", _("The end must come after the start."))
        elif end - start > MAX_SECONDS - DAY_SECONDS:
            self.add_error("last", _("Time off lasts at most ten years."))
        else:
            data["absence"] = Absence(
                earliest_instant(self.zone, start), latest_instant(self.zone, end), data["reason"]
            )
        return data


def week_rows(week: Sequence[Day]) -> list[DayRow]:
    """Show a week in its inputs."""
    rows = [DayRow(name, DAY_NAMES[number]) for number, name in enumerate(WEEKDAYS)]
    for row, ranges in zip(rows, week, strict=True):
        row.show(ranges)
        row.widen()
    return rows


def read_week_rows(data: Mapping[str, Any]) -> list[DayRow]:
    """Take a week as it was typed."""
    rows = [DayRow(name, DAY_NAMES[number]) for number, name in enumerate(WEEKDAYS)]
    for row in rows:
        row.read(data)
        row.widen(spare=MORE_RANGES if "more" in data else 0)
    return rows


def different_days(stored: Sequence[Day], typed: Mapping[int, Day]) -> list[tuple[Any, str]]:
    """List the days of a stored week that were typed otherwise, with the times that are stored."""
    return [
        (DAY_NAMES[weekday], in_words(ranges) or gettext("closed"))
        for weekday, ranges in enumerate(stored)
        if sorted(typed.get(weekday, ())) != list(ranges)
    ]


def refuse_rows(rows: Sequence[DayRow], reasons: Mapping[str, str]) -> None:
    """Say at each day what the verb refused; a date's own ranges have but one row."""
    for row in rows:
        reason = reasons.get(row.prefix) or reasons.get("ranges")
        if reason:
            row.refuse(reason)


def in_words(ranges: Sequence[Sequence[int]]) -> str:
    """Write a date's ranges: `09:00–12:00, 13:00–17:00`."""
    return ", ".join(f"{_write_clock(start)}–{_write_clock(end, '24:00')}" for start, end in ranges)


def _read_clock(text: str) -> int | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    return DAY_MINUTES if match[1] is None else int(match[1]) * 60 + int(match[2])


def _write_clock(minute: int, midnight: str = "00:00") -> str:
    # A browser's field for times knows no 24:00; as an end, 00:00 means the same.
    return midnight if minute == DAY_MINUTES else f"{minute // 60:02}:{minute % 60:02}"
