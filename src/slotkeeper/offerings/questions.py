"""The questions that a service asks whoever books it, as they are stored with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_ANSWER_CHARACTERS = 2000
YES, NO = "yes", "no"  # the answers to a box that one may tick


@dataclass(frozen=True, slots=True)
class Question:
    """One question; its kind is `text`, `long_text`, `choice` (one of `choices`) or `checkbox` (yes or no)."""

    text: str
    kind: str = "text"
    is_required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def possible(self) -> tuple[str, ...]:
        """The only answers there are; none where one answers freely."""
        return (YES, NO) if self.kind == "checkbox" else self.choices

    def refusal(self, answer: str) -> str:
        """Say what is wrong with an answer ("" where none was given): a code, "" where nothing is."""
        # A box that must be ticked asks for consent.
        if not answer or (self.kind == "checkbox" and answer == NO):
            return "required" if self.is_required else ""
        if self.possible and answer not in self.possible:
            return "no_choice"
        return "too_long" if len(answer) > MAX_ANSWER_CHARACTERS else ""


def questions_of(stored: Sequence[Mapping[str, Any]]) -> list[Question]:
    """Read a service's questions as they are stored with it."""
    return [
        Question(
            text=str(one.get("label", "")),
            kind=str(one.get("kind", "text")),
            is_required=bool(one.get("is_required")),
            choices=tuple(str(choice) for choice in one.get("choices") or ()),
        )
        for one in stored
    ]
