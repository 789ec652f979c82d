"""What goes wrong with a message is stored in English; every such sentence can be said in German, too."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import override

from slotkeeper.outbox.channels.words import _SENTENCES, is_known, trouble_in_words

CHANNELS = Path(__file__).resolve().parents[2] / "src/slotkeeper/outbox/channels"
SPOKEN = {"ChannelAway", "TryLater", "Refused", "SenderRefused"}


def sentences() -> Iterator[tuple[str, str]]:
    """Every sentence with a 7 for all that it carries, and where it stands."""
    for path in sorted(CHANNELS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SPOKEN:
                yield text_of(node.args[0]), path.name


def text_of(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join("7" if isinstance(part, ast.FormattedValue) else part.value for part in parts)


def test_every_sentence_of_a_channel_can_be_translated():
    found = list(sentences())
    assert len(found) > 30
    missing = [f"{where}: {text}" for text, where in found if not is_known(text)]
    assert not missing, "Add to outbox/channels/words.py:\n" + "\n".join(missing)


def test_every_translation_is_still_needed():
    said = {text for text, _ in sentences()}
    assert not {one for one in _SENTENCES if not any(one.split("%(")[0] == text.split("7")[0] for text in said)}


def test_a_trouble_is_said_in_german_with_the_servers_own_words():
    with override("de"):
        said = trouble_in_words("The mail server refuses the address: 550 5.1.1 No such user")
    assert said == "Der Mailserver lehnt die Adresse ab: 550 5.1.1 No such user"


def test_what_nobody_knows_stays_as_it_is():
    assert trouble_in_words("Colourless green ideas.") == "Colourless green ideas."
