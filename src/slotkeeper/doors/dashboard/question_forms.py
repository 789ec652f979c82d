"""The questions that a service asks, as forms: written, added to, and put in order."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.asking import refuse_control_characters
from slotkeeper.doors.ids import number_from

MOST_QUESTIONS = 20
SPARE_QUESTIONS = 3
USUAL_KIND = "text"
MOST_CHOICES = 50
CHOICE_CHARACTERS = 100
UP, DOWN = "up", "down"
_MOVE = re.compile(r"([0-9]{1,2})-(up|down)")


class QuestionForm(forms.Form):
    """One question; without its text there is none."""

    label = Text(_("Question"), 200, empty_value="")
    kind = forms.ChoiceField(
        label=_("Answered by"),
        choices=[
            ("text", _("a line of text")),
            ("long_text", _("a longer text")),
            ("choice", _("one of several choices")),
            ("checkbox", _("a box to tick")),
        ],
        initial=USUAL_KIND,
    )
    choices = forms.CharField(
        label=_("Choices"), required=False, max_length=MOST_CHOICES * (CHOICE_CHARACTERS + 2),
        validators=[refuse_control_characters], help_text=_("One a line; for “one of several choices” only."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    is_required = forms.BooleanField(label=_("It must be answered"), required=False)

    def clean_choices(self) -> list[str]:
        """Split the choices by line."""
        lines = [line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()]
        if len(lines) > MOST_CHOICES or any(len(line) > CHOICE_CHARACTERS for line in lines):
            raise ValidationError(
                _("At most %(number)d choices of %(characters)d characters each."),
                params={"number": MOST_CHOICES, "characters": CHOICE_CHARACTERS},
            )
        return list(dict.fromkeys(lines))

    def clean(self) -> dict[str, Any]:
        """Ask for choices where one must choose, and for the question where there are choices to it."""
        data = self.cleaned_data
        choices = data.get("choices")
        if data.get("label") and data.get("kind") == "choice" and choices == []:
            self.add_error("choices", _("Write at least one choice."))
        if choices and "label" in data and not data["label"] and not self.initial.get("label"):
            self.add_error("label", _("Write the question, or empty its choices."))
        return data

    def wanted(self) -> dict[str, Any]:
        """Give the question as it is stored with its service."""
        data = self.cleaned_data
        choices = data["choices"] if data["kind"] == "choice" else []
        return {
            "label": data["label"], "kind": data["kind"], "is_required": data["is_required"], "choices": choices
        }  # fmt: skip


_QUESTIONS = forms.formset_factory(
    QuestionForm, extra=SPARE_QUESTIONS, max_num=MOST_QUESTIONS, absolute_max=MOST_QUESTIONS, validate_max=True
)


def question_forms(data: Any, stored: Sequence[Mapping[str, Any]]) -> Any:
    """Give the group of questions: those stored, and empty ones."""
    initial = [dict(one) | {"choices": "\n".join(one.get("choices") or ())} for one in stored]
    return _QUESTIONS(data, prefix="questions", initial=initial)


def wanted_questions(questions: Any) -> list[dict[str, Any]]:
    """Give the questions that have a text."""
    return [form.wanted() for form in questions.forms if form.cleaned_data.get("label")]


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question on the page: where it can go, and which of its buttons the reader stands at."""

    form: QuestionForm
    may_rise: bool
    may_sink: bool
    focused: str = ""


def question_rows(questions: Any, sent: QueryDict) -> Iterator[QuestionRow]:
    """Give each question with its buttons; who has moved one can press on where it has come to."""
    moved = _moved(sent)
    is_written = [bool(form["label"].value()) for form in questions.forms]
    for place, form in enumerate(questions.forms):
        may_rise = is_written[place] and place > 0
        may_sink = is_written[place] and any(is_written[place + 1 :])
        focused = ""
        if moved and place == moved[1]:
            onward = UP if moved[1] < moved[0] else DOWN
            focused = onward if (may_rise if onward == UP else may_sink) else UP if may_rise else DOWN
        yield QuestionRow(form, may_rise, may_sink, focused)


def rearranged(data: QueryDict) -> QueryDict:
    """Add empty questions, or swap two, where a button asked for that; all that was typed stays."""
    count = number_from(data.get("questions-TOTAL_FORMS"), MOST_QUESTIONS)
    moved = _moved(data)
    if count is None or not (moved or "more" in data):
        return data
    data = data.copy()
    if moved and max(moved) < count:
        _swap(data, *moved)
    elif "more" in data:
        wanted = min(count + SPARE_QUESTIONS, MOST_QUESTIONS)
        data["questions-TOTAL_FORMS"] = str(wanted)
        for number in range(count, wanted):
            data[f"questions-{number}-kind"] = USUAL_KIND
    return data


def _moved(data: QueryDict) -> tuple[int, int] | None:
    """Say from where to where a question was moved."""
    asked = _MOVE.fullmatch(data.get("move", ""))
    if asked is None:
        return None
    place = int(asked[1])
    to = place - 1 if asked[2] == UP else place + 1
    return (place, to) if to >= 0 else None


def _swap(data: QueryDict, one: int, other: int) -> None:
    for name in QuestionForm.base_fields:
        mine, theirs = (f"questions-{place}-{name}" for place in (one, other))
        first, second = data.getlist(mine), data.getlist(theirs)
        data.setlist(mine, second)
        data.setlist(theirs, first)
