"""A message as it is read: a subject, a text and the same as HTML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from slotkeeper.languages import current_language
from slotkeeper.outbox.wording import Wording, fill, fill_line, in_one_line
from slotkeeper.rules.accent import OURS_DARK, OURS_LIGHT, Accent, dark_accent, light_accent
from slotkeeper.rules.contrast import parse_color

MOST_IN_SUBJECT_LINE = 250
MOST_IN_SMS = 1_600  # more, no gateway takes
_MOST_IN_FACT = 100  # of an SMS, but for addresses
_ADDRESS = re.compile(r"https?://[^\s<>\"“”„]+", re.IGNORECASE)
_AFTER_ADDRESS = ".,;:!?'’)]}"
# What the alphabet of SMS has not: one such character, and only 70 instead of 160 fit.
_TYPESET = str.maketrans(
    {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "…": "...", "\N{NO-BREAK SPACE}": " "}
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says. An SMS is only `text`."""

    subject: str
    text: str
    html: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a mail's words: the time first, one button, and why one is written to."""

    business_name: str
    accent_color: str = ""
    headline: str = ""
    button: tuple[str, str] | None = None  # its label and address
    footer: str = ""


def write_letter(wording: Wording, values: Mapping[str, str], frame: Frame) -> Letter:
    """Write a mail, in the language that is spoken now; its text says all that its HTML says."""
    headline = in_one_line(frame.headline)
    subject = fill_line(wording.subject, values) or headline or in_one_line(frame.business_name)
    body = fill(wording.body, values)
    return Letter(_cut(subject, MOST_IN_SUBJECT_LINE), _text(headline, body, frame), _html(subject, body, frame))


def sms_text(wording: Wording, values: Mapping[str, str]) -> str:
    """Write an SMS: long facts are cut, addresses are not, and quotes and dashes are those of its alphabet."""
    short = {name: value if _ADDRESS.match(value) else _cut(value, _MOST_IN_FACT) for name, value in values.items()}
    return fill(wording.body, short).translate(_TYPESET)[:MOST_IN_SMS]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _text(headline: str, body: str, frame: Frame) -> str:
    parts = [body]
    if headline not in body:
        parts.insert(0, headline)
    if frame.button and frame.button[1] not in body:
        parts.append("{}: {}".format(*frame.button))
    parts.append(in_one_line(frame.footer))
    return "\n\n".join(part for part in parts if part)


def _html(subject: str, body: str, frame: Frame) -> str:
    color = parse_color(frame.accent_color)
    light = light_accent(color) if color else None
    context = {
        "language": current_language(),
        "subject": subject,
        "business_name": in_one_line(frame.business_name),
        "headline": in_one_line(frame.headline),
        "paragraphs": [_paragraph(part, light or OURS_LIGHT) for part in re.split(r"\n(?:[^\S\n]*\n)+", body) if part],
        "button": frame.button,
        "footer": in_one_line(frame.footer),
        "light": light or OURS_LIGHT,
        "dark": (dark_accent(color) if color else None) or OURS_DARK,
    }
    return render_to_string("outbox/mail.html", context)


def _paragraph(text: str, look: Accent) -> SafeString:
    """Write some lines as HTML: everything in them is text, but for addresses, which can be followed."""
    return format_html_join(SafeString("<br>\n"), "{}", ((_line(line, look),) for line in text.split("\n")))


def _line(text: str, look: Accent) -> SafeString:
    pieces: list[str] = []
    after = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_AFTER_ADDRESS)
        link = format_html('<a class="accent" href="{}" style="color:{}">{}</a>', address, look.accent, address)
        pieces += [text[after : found.start()], link]
        after = found.start() + len(address)
    return format_html_join("", "{}", ((piece,) for piece in [*pieces, text[after:]]))
