"""What goes wrong at a provider is stored in English; the pages know every such sentence, to say it in German, too."""

import ast
from collections.abc import Iterator
from pathlib import Path

from slotkeeper.doors.dashboard.calendar_words import in_words, known_sentence

PACKAGE = Path(__file__).resolve().parents[2] / "src/slotkeeper"
SPOKEN = {
    "Refused",
    "Unavailable",
    "AccessLost",
    "CannotConnect",
    "AddressRefused",
    "Unreachable",
    "TooLarge",
    "Rejected",
    "Garbled",
}
# Whoever reads these is no calendar's owner: the button that leads there is not shown.
UNSEEN = {"This server is not registered at 7; see docs/calendars.md."}


def sentences() -> Iterator[tuple[str, str]]:
    for folder in ("calendars", "outbound"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SPOKEN:
                    yield from ((text, path.name) for text in map(text_of, node.args) if text)


def text_of(node: ast.expr) -> str:
    """Write a sentence with a 7 for all that it carries; "" for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = ("7" if isinstance(part, ast.FormattedValue) else part.value for part in node.values)
        return "".join(parts)
    return ""


def test_every_sentence_of_a_provider_can_be_translated():
    missing = [f"{where}: {text}" for text, where in sentences() if text not in UNSEEN and not known_sentence(text)]
    assert not missing, "Add to doors/dashboard/calendar_words.py:\n" + "\n".join(missing)


def test_the_walk_sees_sentences_of_every_kind():
    found = {text for text, _ in sentences()}
    assert "The calendar is no longer there." in found
    assert "The calendar server has a fault (7)." in found


def test_what_nobody_knows_stays_as_it_is():
    assert in_words("Colourless green ideas.") == "Colourless green ideas."
    assert not known_sentence("Colourless green ideas.")
