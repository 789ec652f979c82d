"""The questions that a service asks whoever books it, as they are stored with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ANSWER_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `choices` are the only answers where there are any."""

    text: str
    is_required: bool = False
    choices: tuple[str, ...] = ()

    def refusal(self, answer: str) -> str:
        """Say what is wrong with an answer ("" where none was given): a code, "" where nothing is."""
        if not answer:
            return "required" if self.is_required else ""
        if self.choices and answer not in self.choices:
            return "no_choice"
        return "too_long" if len(answer) > MAX_ANSWER_CHARACTERS else ""


def questions_of(stored: Sequence[Any]) -> list[Question]:
    """Read a service's questions as they are stored with it."""
    return [_question(one) for one in stored if one]


def _question(stored: Any) -> Question:
    if not isinstance(stored, Mapping):
        return Question(str(stored))
    text = next((str(stored[name]) for name in ("question", "label", "text") if stored.get(name)), "")
    is_required = bool(stored.get("is_required") or stored.get("required"))
    return Question(text, is_required, tuple(str(choice) for choice in stored.get("choices") or ()))
