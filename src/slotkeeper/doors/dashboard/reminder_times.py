"""The part of a service's form that says when customers are reminded: at the usual times, at others, or never."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.offering_fields import DAY_MINUTES, HOUR_MINUTES
from slotkeeper.doors.templatetags.moments import notice
from slotkeeper.rules.reminder_plan import LEAST_MINUTES, MOST_MINUTES, MOST_REMINDERS

USUAL, OWN, NEVER = "usual", "own", "never"
_BETWEEN = re.compile(r"[,;\n]|\b(?:and|und)\b", re.IGNORECASE)
_PART = re.compile(r"([0-9]{1,6})\s*([^\W\d_]+)\.?\s*")
_PIECE = re.compile(rf"(?:{_PART.pattern})+", re.IGNORECASE)
# How people of our languages write the units.
_UNITS = {
    1: {"m", "min", "mins", "minute", "minutes", "minuten"},
    HOUR_MINUTES: {"h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"},
    DAY_MINUTES: {"d", "day", "days", "t", "tag", "tage", "tagen"},
    7 * DAY_MINUTES: {"w", "week", "weeks", "woche", "wochen"},
}
_MINUTES_OF = {word: minutes for minutes, words in _UNITS.items() for word in words}


class ReminderForm(forms.Form):
    """When a service's customers are reminded; the form of a service takes it in."""

    reminders = forms.ChoiceField(
        label=_("Reminders"),
        choices=[
            (USUAL, _("24 hours and 2 hours before")),
            (OWN, _("At these times before:")),
            (NEVER, _("None")),
        ],
        initial=USUAL,
        required=False,
        widget=forms.RadioSelect,
    )
    reminder_times = Text(_("Times before"), 200, empty_value="", help_text=_("Such as: 3 days, 24 h, 30 min."))

    def clean(self) -> dict[str, Any]:
        """Read the times where they were chosen; refuse to pass over times that somebody has just written."""
        data: dict[str, Any] = self.cleaned_data
        chosen, text = data.get("reminders"), data.get("reminder_times", "")
        try:
            data["reminder_minutes"] = _read_choice(str(chosen), text)
        except ValidationError as error:
            self.add_error("reminder_times", error)
        if chosen != OWN and text and "reminder_times" in self.changed_data:
            self.add_error("reminder_times", _("To use these times, choose them above; else empty the field."))
        return data


def read_times(text: str) -> list[int]:
    """Read times as minutes, the longest first; the same twice is once. Raises ValidationError."""
    pieces = [piece.strip() for piece in _BETWEEN.split(text)]
    minutes = {_read_piece(piece) for piece in pieces if piece}
    if len(minutes) > MOST_REMINDERS:
        sentence = ngettext_lazy("At most %(number)d reminder.", "At most %(number)d reminders.", MOST_REMINDERS)
        raise ValidationError(sentence, params={"number": MOST_REMINDERS})
    return sorted(minutes, reverse=True)


def write_times(minutes: list[int] | None) -> str:
    """Write minutes as the form takes them, in the page's language."""
    return ", ".join(notice(one) for one in minutes or ())


def initial_reminders(minutes: list[int] | None) -> dict[str, str]:
    """Say what the form shows first."""
    chosen = USUAL if minutes is None else OWN if minutes else NEVER
    return {"reminders": chosen, "reminder_times": write_times(minutes)}


def _read_choice(chosen: str, text: str) -> list[int] | None:
    if chosen != OWN:
        return [] if chosen == NEVER else None
    minutes = read_times(text)
    if not minutes:
        raise ValidationError(_("Write at least one time, or choose “None”."))
    return minutes


def _read_piece(piece: str) -> int:
    parts = _PART.findall(piece) if _PIECE.fullmatch(piece) else []
    if not parts or any(unit.lower() not in _MINUTES_OF for _, unit in parts):
        raise ValidationError(_("“%(piece)s” is no time. Write it like 24 h or 30 min."), params={"piece": piece})
    minutes = sum(int(number) * _MINUTES_OF[unit.lower()] for number, unit in parts)
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        sentence = _("“%(piece)s”: reminders leave at least 15 minutes and at most 14 days before.")
        raise ValidationError(sentence, params={"piece": piece})
    return minutes
