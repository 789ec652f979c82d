"""Every text of the pages stands in the German catalogue, and every text of a template can be translated."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parents[2] / "src/slotkeeper"
TEMPLATES = sorted(path for path in (PACKAGE / "templates").rglob("*") if path.suffix in {".html", ".txt"})
# Programmers read these, and every word of the API is English.
ENGLISH_ONLY = {"api_docs.html", "conventions.html", "errors.html", "fields.html", "operation.html", "start.html"}

# Where each function's texts stand: context, singular, plural.
FUNCTIONS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
Text = tuple[str | None, str]  # its context, and it in English
# What a text carries: %(name)s, %d, {name}; and the markup around it.
CARRIED = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+[^>]*>")


@cache
def german() -> Catalog:
    with (PACKAGE / "locale/de/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file, locale="de")


def texts_of_module(path: Path) -> Iterator[Text]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in FUNCTIONS and node.args:
            context, singular, _ = FUNCTIONS[name]
            constants = [getattr(one, "value", None) for one in node.args]
            if isinstance(constants[singular], str):
                yield None if context is None else constants[context], constants[singular]


def texts_of_template(path: Path) -> Iterator[Text]:
    # Django writes a template as the Python that its texts would be; its indentation means nothing.
    source = "\n".join(line.lstrip() for line in templatize(path.read_text(), str(path)).splitlines())
    keywords = list({**DEFAULT_KEYWORDS, "_": None, "gettext": None, "pgettext": None, "npgettext": None})
    for _, function, found, _ in extract_python(BytesIO(source.encode()), keywords, [], {}):
        texts = (found,) if isinstance(found, str) else found
        context, singular, _ = FUNCTIONS[function]
        if texts[singular] is not None:
            yield None if context is None else texts[context], texts[singular]


def collected() -> dict[Text, str]:
    """Every text of the sources, and where it stands."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found |= dict.fromkeys(texts_of_module(path), path.name)
    for path in TEMPLATES:
        found |= dict.fromkeys(texts_of_template(path), path.name)
    return found


def translated(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_every_text_has_its_german():
    missing = []
    for (context, text), where in collected().items():
        message = german().get(text, context)
        if message is None or message.fuzzy or not all(translated(message)):
            missing.append(f"{where}: {text}")
    assert not missing, "Run bin/collect-messages, then translate:\n" + "\n".join(missing)


def test_every_german_text_is_still_needed():
    needed = set(collected())
    ids = [(one.context, one.id if isinstance(one.id, str) else one.id[0]) for one in german() if one.id]
    assert not set(ids) - needed


def test_translations_carry_what_the_texts_carry():
    for message in (one for one in german() if one.id):
        forms = (message.id,) if isinstance(message.id, str) else message.id
        for number, text in enumerate(translated(message)):
            wanted = set(CARRIED.findall(forms[min(number, len(forms) - 1)]))
            assert set(CARRIED.findall(text)) == wanted, text


def test_the_walk_sees_texts_of_every_kind(tmp_path):
    module, template = tmp_path / "module.py", tmp_path / "page.html"
    module.write_text(
        '_("One")\npgettext("here", "Two")\nngettext("%d three", "%d threes", 3)\nf"{gettext(\'Four\')}"\n'
    )
    template.write_text(
        '{% load i18n %}\n<p title="{% translate \'One\' %}">\n  {% translate "Two" context "here" %}</p>\n'
        "{% blocktranslate count n=n %}{{ n }} three{% plural %}{{ n }} threes{% endblocktranslate %}\n"
        '{% include "x.html" with label=_("Four") %}'
    )
    assert set(texts_of_module(module)) == {(None, "One"), ("here", "Two"), (None, "%d three"), (None, "Four")}
    assert set(texts_of_template(template)) == {(None, "One"), ("here", "Two"), (None, "%(n)s three"), (None, "Four")}


class LooseWords(HTMLParser):
    """Collects the words of a page that a reader meets."""

    READ_OUT = {"alt", "title", "aria-label", "placeholder", "data-label"}
    NOT_READ = {"script", "style", "code", "pre"}

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.within: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.words += [value for name, value in attributes if name in self.READ_OUT and value]
        if tag in self.NOT_READ:
            self.within.append(tag)

    def handle_endtag(self, tag):
        if self.within and self.within[-1] == tag:
            self.within.pop()

    def handle_data(self, data):
        if not self.within:
            self.words.append(data)


def loose_words(source: str) -> list[str]:
    """What is left of a template's words without all that is translated or filled in."""
    source = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", source, flags=re.DOTALL)
    source = re.sub(r"\{% blocktranslate.*?endblocktranslate %\}", "", source, flags=re.DOTALL)
    # Blocks that hold no text: names of classes and the like.
    source = re.sub(r"\{% block (?:body_class|main_class|detect) %\}.*?\{% endblock %\}", "", source, flags=re.DOTALL)
    reader = LooseWords()
    reader.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL))
    words = " ".join(reader.words).replace("Slotkeeper", "").replace("UTC", "")
    return re.findall(r"[^\W\d_]{2,}", words)


def test_no_label_of_a_form_escapes_translation():
    loose = []
    for path in sorted((PACKAGE / "doors").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in {"label", "help_text", "empty_label"}:
                value = getattr(node.value, "value", None)
                if isinstance(value, str) and value:
                    loose.append(f"{path.name}: {value}")
    assert not loose


def test_dates_are_written_by_filters_that_know_the_language():
    """A form such as "D j M" would put English order around German names; moments.py has a filter for each."""
    for path in TEMPLATES:
        for form in re.findall(r"\|date:[\"']([^\"']+)[\"']", path.read_text()):
            is_for_machines_or_one_word = form in {"Y-m-d", "Y-m", "c", "l", "D"}
            assert is_for_machines_or_one_word or form.endswith("_FORMAT"), f"{path.name}: {form}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_of_a_template_escapes_translation(path):
    if path.name not in ENGLISH_ONLY:
        assert not loose_words(path.read_text())
