"""The language in which messages are worded: words, and `{{ names }}` of facts. No code, and nothing is read twice.

A fact that happens to contain braces stays the text it is. A line whose facts are all empty is left out, so that
what an appointment may lack, such as a place, needs no conditions.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext

from slotkeeper.outbox.kinds import ChannelName, Kind
from slotkeeper.outbox.placeholders import NEVER_EMPTY, PLACEHOLDERS

MOST_IN_SUBJECT = 200
MOST_IN_BODY = {ChannelName.EMAIL: 5_000, ChannelName.SMS: 480}
_LONGEST_NAMED = 40

_PLACEHOLDER = re.compile(r"\{\{[ \t]*([a-z][a-z0-9_]*)[ \t]*\}\}")
_IN_BRACES = re.compile(r"\{\{([^\n]*?)\}\}")
_COMMAND = re.compile(r"\{[%#]|[%#]\}")
# Line and paragraph separators, and whatever ends a line for some reader.
_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# They turn the direction of whatever follows, and could make an address read backwards.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Wording:
    """How a message is worded. `version` is 0 for the built-in wording; an SMS has no subject."""

    subject: str
    body: str
    version: int = 0


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put facts in the place of their names, in one pass. Names that are unknown or have no fact are empty."""
    lines: list[str] = []
    has_left_out = False
    for line in text.split("\n"):
        facts = [values.get(name, "") for name in _PLACEHOLDER.findall(line)]
        if facts and not any(with_lines(fact).strip() for fact in facts):
            has_left_out = True
            continue
        if has_left_out and not line.strip() and not (lines and lines[-1].strip()):
            continue  # the empty line above the one that was left out is enough
        has_left_out = has_left_out and not line.strip()
        lines.append(_PLACEHOLDER.sub(lambda found: with_lines(values.get(found[1], "")), line))
    return "\n".join(lines).strip("\n")


def fill_line(text: str, values: Mapping[str, str]) -> str:
    """Fill a text that must stay one line, such as a subject; it stays whatever is empty."""
    return in_one_line(_PLACEHOLDER.sub(lambda found: in_one_line(values.get(found[1], "")), in_one_line(text)))


def with_lines(text: str) -> str:
    """Take control characters out of a text and keep its lines, ended by a line feed each."""
    return _TURNING.sub("", _CONTROL.sub(" ", _BREAKS.sub("\n", text)))


def in_one_line(text: str) -> str:
    """Take control characters out of a text, the ends of lines, too."""
    return with_lines(text).replace("\n", " ").strip()


def as_typed(text: str) -> str:
    """Give the text of a form's area with a line feed at the end of each line, and no space around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def check_wording(kind: Kind, channel: ChannelName, subject: str, body: str) -> dict[str, str]:
    """Say what is wrong with a wording, by field (`subject`, `body`), in the language that is spoken now."""
    wrong = {"body": next(_faults(kind, body, MOST_IN_BODY[channel]), None)}
    if channel is ChannelName.EMAIL:
        wrong["subject"] = next(_faults(kind, subject, MOST_IN_SUBJECT, is_one_line=True), None)
    return {field: fault for field, fault in wrong.items() if fault}


def _faults(kind: Kind, text: str, most: int, *, is_one_line: bool = False) -> Iterator[str]:
    if not text.strip():
        yield gettext("Write something here: nothing is sent without it.")
    if len(text) > most:
        sentence = gettext("At most %(most)d characters; this has %(number)d.")
        yield sentence % {"most": most, "number": len(text)}
        return  # a text of any length is not searched further
    if is_one_line and _BREAKS.search(text):
        yield gettext("A subject is one line.")
    if _CONTROL.search(text.replace("\t", " ")) or _TURNING.search(text):
        yield gettext("It contains control characters.")
    if _COMMAND.search(text):
        yield gettext("There are no commands in {% … %} or {# … #}. Use the placeholders that are listed.")
    yield from _misnamed(kind, text)
    least = dict.fromkeys(NEVER_EMPTY, "x")
    if not (fill_line(text, least) if is_one_line else fill(text, least)).strip():
        yield gettext("Where these facts are missing, nothing is left. Add a line without placeholders.")


def _misnamed(kind: Kind, text: str) -> Iterator[str]:
    for inside in _IN_BRACES.findall(text):
        name = inside.strip(" \t")
        if name not in PLACEHOLDERS[kind]:
            shown = name if len(name) <= _LONGEST_NAMED else f"{name[:_LONGEST_NAMED]}…"
            yield gettext("There is no placeholder “%(name)s” in this message.") % {"name": shown}
    rest = _IN_BRACES.sub("", text)
    if "{{" in rest:
        yield gettext("A placeholder is not closed: write }} behind its name, in the same line.")
    if "}}" in rest:
        yield gettext("A placeholder is not opened: write {{ before its name, in the same line.")
