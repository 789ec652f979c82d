"""Why an appointment was given to its person, in words, from what the record of changes keeps."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.templatetags.moments import length_in_words
from slotkeeper.rules.sharing_out import Because

_SENTENCES: dict[str, Promise] = {
    Because.ONLY_ONE_FREE: _("Nobody else was free."),
    Because.LEAST_THAT_DAY: _("Least booked that day."),
    Because.LEAST_THAT_WEEK: _("Equally booked that day, and least booked that week."),
    Because.FEWEST_TURNS: _("In turn: fewest turns of the last round for their share."),
    Because.LONGEST_AGO: _("Was given this service longest ago."),
    Because.HIGHEST_PRIORITY: _("First by priority."),
    Because.FIRST_IN_LIST: _("Equal in everything that counts, and first in the list."),
    "chosen_by_customer": _("Chosen by the customer."),
    "all_needed": _("The service needs everybody."),
}
_FIGURES = {
    Because.LEAST_THAT_DAY: "day_minutes",
    Because.LEAST_THAT_WEEK: "week_minutes",
    Because.HIGHEST_PRIORITY: "priority",
}


def why_given(assignment: Any, people: Mapping[int, str]) -> str:
    """Say why, with the figures that decided; "" where the record does not tell."""
    if not isinstance(assignment, dict) or assignment.get("reason") not in _SENTENCES:
        return ""
    reason = assignment["reason"]
    sentence, figure = str(_SENTENCES[reason]), _FIGURES.get(reason)
    candidates = assignment.get("candidates") or []
    if figure is None or len(candidates) < 2:
        return sentence
    texts = [f"{_name(one, people)} {_figure(one.get(figure, 0), figure)}" for one in candidates]
    return gettext("%(sentence)s (%(figures)s)") % {"sentence": sentence, "figures": ", ".join(texts)}


def _name(candidate: Mapping[str, Any], people: Mapping[int, str]) -> str:
    return people.get(candidate.get("user_id", 0), gettext("Somebody who has left"))


def _figure(value: int, name: str) -> str:
    return str(value) if name == "priority" else length_in_words(value)
